"""Runs docker-compose.yml with three consumers. Sends 10,000 activities through the published port and kills one consumer.

Uses `docker compose` if a Docker engine answers. Otherwise uses WEIR_COMPOSE (a program with the same arguments) and
WEIR_CONTAINERS (a program with `kill`, `inspect` and `ps` of docker), or tools beside the project. Without any of them the
exit code is 77: skipped, also in CI."""
import json
import os
import subprocess
import sys
import urllib.request

from tests.checker import access_log
from tests.harness import weir
from tests.harness.load_generator import LoadGenerator

BESIDE = weir.ROOT.parent / "shared" / "containers"
SKIPPED = 77


def tools():
    """Returns (the command prefix for compose, the command prefix for the engine), or None."""
    if subprocess.run(["sh", "-c", "docker compose version && docker info"], capture_output=True).returncode == 0:
        return ["docker", "compose"], ["docker"]
    if os.environ.get("WEIR_COMPOSE"):
        return os.environ["WEIR_COMPOSE"].split(), os.environ["WEIR_CONTAINERS"].split()
    if (BESIDE / "compose.sh").exists() and subprocess.run([BESIDE / "setup.sh"], stdout=sys.stderr).returncode == 0:
        return [str(BESIDE / "compose.sh")], ["bash", "-c", f'. "{BESIDE}/env.sh"; podman "$@"', "podman"]
    return None


class Deployment(weir.unittest.TestCase):
    def setUp(self):
        self.port = weir.free_port()
        self.project = "weirtest"  # distinct from other projects, so only its own containers and volumes are touched
        self.environment = {**{name: value for name, value in os.environ.items()
                               if not name.startswith(("KAFKA_", "DB_"))},
                            "SERVER_PORT": str(self.port), "FLUSH_INTERVAL_SEC": "1"}
        self.compose("down", "-v", check=False)  # remove leftovers of a run that was killed
        self.addCleanup(self.compose, "down", "-v", check=False)

    def compose(self, *words, check=True):
        done = subprocess.run([*TOOLS[0], "-f", "docker-compose.yml", "-p", self.project, *words], cwd=weir.ROOT,
                              env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if check and done.returncode != 0:
            raise AssertionError(f"compose {words} exited with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout

    def engine(self, *words):
        return subprocess.run([*TOOLS[1], *words], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    def containers(self, service):
        """Returns the names of the running containers, in order."""
        names = self.engine("ps", "--format", "{{.Names}}").split()
        return sorted(name for name in names if name.startswith(f"{self.project}-{service}-"))

    def rows(self, sql):
        # `postgres` and `analytics` are the defaults of DB_USER and DB_NAME.
        out = self.compose("exec", "-T", "postgres", "psql", "-X", "-q", "-At", "-U", "postgres", "-d", "analytics", "-c", sql)
        return [tuple(line.strip().split("|")) for line in out.splitlines() if line.strip()]

    def port_of(self, container):
        """Returns the host port that is published for port 8081 of the container."""
        return self.engine("port", container, "8081").splitlines()[0].rsplit(":", 1)[1]

    def get(self, port, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as reply:
            return json.loads(reply.read())

    def wait_counted(self, records):
        def counted():
            sums = self.rows("SELECT sum(read), sum(tallied), sum(duplicate), sum(dead_lettered) FROM activity_ledger")[0]
            return sums[0] and int(sums[0]) >= records and tuple(map(int, sums))
        return weir.wait_until(counted, 90, "all records to be read")

    def test_three_consumers_count_exactly_while_one_is_killed(self):
        log = weir.access_log_or(access_log.generated_log)
        expected = access_log.Reference(log)
        activities = access_log.activities(log)
        extra = {**activities[0], "message_id": "the ten thousandth"}
        activities.append(extra)

        for service in ("producer", "consumer"):  # in sequence: the second reuses the build stage
            self.compose("build", service)
        self.compose("up", "-d", "--build", "--scale", "consumer=3")
        weir.wait_until(lambda: self.get(self.port, "/health/ready")["status"] == "ready", 60, "the producer to be ready")
        consumers = self.containers("consumer")
        self.assertEqual(len(consumers), 3)
        for container in [*consumers, *self.containers("producer")]:
            self.assertEqual(self.engine("exec", container, "id", "-u"), "10001", "not root")
            self.engine("exec", container, "weir-healthy")

        sender = LoadGenerator([self.port], activities, per_second=500).start()
        weir.wait_until(lambda: len(sender.ok) > len(activities) // 3, 60, "a third to be sent")
        self.engine("kill", "--signal", "KILL", consumers[1])
        self.assertEqual(sender.wait(180), len(activities))

        read, tallied, duplicate, dead_lettered = self.wait_counted(len(activities))
        self.assertEqual((read, tallied, dead_lettered), (tallied + duplicate, len(activities), 0))
        found = self.rows("SELECT sum(events), sum(page_views) FROM activity_days WHERE dimension = 'total'")[0]
        page_views = expected.page_views + (extra["activity_type"] == "page_view")
        self.assertEqual(tuple(map(int, found)), (len(activities), page_views))
        broken = self.rows("SELECT count(*) FROM activity_ledger WHERE read <> tallied + duplicate + dead_lettered "
                           "OR next_offset - start_offset <> read + skipped")
        self.assertEqual(broken, [("0",)])
        for container in (consumers[0], consumers[2]):
            summary = self.get(self.port_of(container), f"/api/v1/summary?from={expected.first}&to={expected.last}")
            self.assertEqual((summary["events"], summary["unique_users"]), (len(activities), len(expected.users)))

        self.compose("stop", "producer", "consumer")
        for container in (consumers[0], consumers[2], f"{self.project}-producer-1"):
            self.assertEqual(self.engine("inspect", "--format", "{{.State.ExitCode}}", container), "0", container)


if __name__ == "__main__":
    TOOLS = tools()
    if TOOLS is None:
        print("SKIPPED, missing: a Docker engine with compose (or WEIR_COMPOSE)", file=sys.stderr)
        sys.exit(SKIPPED)
    weir.main()
