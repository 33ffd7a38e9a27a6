"""One deployment of a pair for one chaos run: the Weir processes, the clients and the servers. It starts all of them,
restores them after the faults, and recounts. `supervisor.processes` holds every process that a fault may hit, by name."""
import contextlib
import subprocess
import time

from tests.chaos import client_processes
from tests.chaos.environment import PRODUCERS
from tests.chaos.supervisor import Supervisor
from tests.checker.recount import Recount, Rules
from tests.checker.traffic import DIMENSIONS
from tests.checker.recount_check import SETTLED
from tests.checker.recount_store import PostgresStore, SqliteStore
from tests.harness import postgres, weir
from tests.harness.disk import Disk

RECOVERS_WITHIN = 90  # seconds from the end of all faults until every process is ready again


class Deployment:
    """`plan`: a schedule.Plan. The clients reach the service by links named `client-1-…` and so on."""

    def __init__(self, environment, run_log, plan):
        self.environment, self.run_log, self.plan = environment, run_log, plan
        self.weirs, self.more_clients = {}, []
        self.clocks_back_at = None  # unix seconds when the last clock that was days off became right again
        self.lost_log = None  # a file_faults.LostLog if DATA_DIR lost its log while the service ran
        self.make()
        links = [self._client_links(number) for number in range(1, plan.clients + 1)]
        urls = [[f"http://127.0.0.1:{port}" for port in ports.values()] for ports in links]
        self.clients = client_processes.clients(run_log.folder, urls, plan.seed, plan.rate, plan.includes("clock-days"))
        # {name of an ingest process: the URLs by which the clients reach it}
        self.urls = {ingest: [f"http://127.0.0.1:{port}" for ports in links for name, port in ports.items()
                              if name.endswith(ingest)] for ingest in self.ingest_names()}
        self.supervisor = Supervisor(run_log, {**self.servers(), **self.weirs, **self.clients}, self._start)

    def servers(self):
        return {}

    def _client_links(self, number):
        """Returns {name of the link: port} from one client to each ingest process."""
        return {name: self.environment.proxies.add_link(name, self.weirs[one].port)
                for one in self.ingest_names() for name in [f"client-{number}-{one}"]}

    def _start(self, name):
        one = self.supervisor.processes[name]
        if name in self.servers():
            self.environment.begin(one)
        elif name in self.weirs:
            one.start(ready=False)
        else:
            one.start()

    def clock(self, name):
        """Returns the settings of a process whose clock a fault will step; none for the others."""
        return self.environment.clocks.settings(self.clock_file(name)) if name in self.plan.clocks else {}

    def clock_file(self, name):
        return self.run_log.folder / f"clock-{name}"

    def rules(self):
        """The rules of the recount. A consumer whose clock is days slow takes late events for recent ones, because it uses
        the smaller of clock and record time. It then keeps their minutes, too. Nothing outside shows which events it read
        at that time, so the recount takes the horizon of the store as it is: minute_days=0."""
        minute_days = 0 if self.plan.includes("clock-days") else 7
        return Rules(minute_days=minute_days, dimensions=DIMENSIONS)

    # The phases of a run, in order.

    def begin(self):
        for name in self.weirs:
            self.supervisor.start(name)
        for name, one in self.weirs.items():
            one.wait_ready(60)
        for name in self.clients:
            self.supervisor.start(name)
        self.supervisor.begin()

    def bring_back(self):
        """Starts every server and Weir process that does not run. Reports a finding for each that does not become ready."""
        for name, server in self.servers().items():
            self.supervisor.start(name)
        for name, server in self.servers().items():
            server.ready()
        for name in self.weirs:
            self.supervisor.start(name)
        for name, one in self.weirs.items():
            try:
                weir.wait_until(lambda: one.get("/health/ready").json()["status"] == "ready", RECOVERS_WITHIN)
            except AssertionError:
                self.run_log.find(f"(e) {name} is not ready {RECOVERS_WITHIN} s after the last fault: {health_of(one)}")

    def stop_clients(self):
        if self.clocks_back_at:  # the events sent from now on show whether record times are right again
            time.sleep(max(0.0, self.clocks_back_at + SETTLED + 3 - time.time()))
        for name, client in self.clients.items():
            self.supervisor.start(name)  # a client that was killed still has to report its exit code
        for name, client in self.clients.items():
            with self.supervisor.exclusive(name):
                self.supervisor.started_at.pop(name, None)
                if client.stop() != 0:
                    self.run_log.find(f"{name}: {client.log().strip()[-1500:]}")

    def end(self):
        self.supervisor.end()
        for one in [*self.clients.values(), *self.more_clients, *self.weirs.values()]:
            one.end()
        for name in [name for name in self.environment.proxies.ports if name.startswith("client-")]:
            self.environment.proxies.forget(name)


class EmbeddedDeployment(Deployment):
    """One `weir serve` with its data on its own small disk."""

    # The hostile client wrote 145 MB. /health/ready is degraded while less than 128 MiB are free.
    DISK_MB = 384

    def make(self):
        self.disk = Disk(self.run_log.folder / "serve", self.DISK_MB)
        self.weirs["serve"] = weir.Weir(self.disk.path, **{**self.plan.settings, **self.clock("serve")})
        self.weirs["serve"].log_path = self.run_log.folder / "serve.log"

    def ingest_names(self):
        return ["serve"]

    def wait_counted(self):
        return self.weirs["serve"].wait_counted(RECOVERS_WITHIN)

    def recount(self):
        """Returns what recount_check.check() takes: the recount, the store and the process that serves the API."""
        data = self.disk.path / "data"
        rules = self.rules()
        found, store = Recount.of_file(data / "events.db", rules=rules), SqliteStore(data / "metrics.db")
        if self.lost_log:
            self.lost_log.sends = Recount.of_file(self.lost_log.path).sends
            if store.retired():
                found.add_lost_log(Recount.of_file(self.lost_log.path, rules=rules, until=self.lost_log.counted))
        return found, store, self.weirs["serve"]

    def keep(self):
        """Keeps the data files of a failed run. The small disk goes away with this process."""
        subprocess.run(["cp", "-r", self.disk.path / "data", self.run_log.folder / "data"], check=False)

    def end(self):
        super().end()
        self.disk.unmount()

    def forget(self):
        pass


class KafkaDeployment(Deployment):
    """Two producers and the planned number of consumers, with their own topic, group and database."""

    def make(self):
        self.name = self.run_log.name
        self.topic, self.database = f"activity.{self.name}", f"db.{self.name}"
        self.kafka, self.postgres = self.environment.kafka, self.environment.postgres
        self.disk = self.environment.disk
        self.postgres.create_database(self.database, hll=postgres.has_hll())
        for name in (*PRODUCERS, *self.plan.consumers):
            self.weirs[name] = weir.Weir(self.run_log.folder / name, command=name.split("-")[0], **self._settings(name))

    def _settings(self, name):
        settings = {"KAFKA_BROKERS": self.environment.brokers(name), "KAFKA_TOPIC": self.topic,
                    "KAFKA_GROUP_ID": f"group.{self.name}", "KAFKA_PARTITIONS": self.plan.partitions}
        if name in self.plan.consumers:
            settings.update(self.postgres.environment(self.database))
            settings["DB_PORT"] = self.environment.proxies.ports[f"postgres-{name}"]
        return {**settings, **self.plan.settings, **self.clock(name)}

    def servers(self):
        return {"kafka": self.kafka, "postgres": self.postgres}

    def ingest_names(self):
        return PRODUCERS

    def begin(self):
        super().begin()
        for name in self.servers():
            self.supervisor.started_at[name] = 0.0

    def wait_counted(self):
        """Waits until the ledger is at the end offset of every partition."""
        query = f"SELECT partition, next_offset FROM activity_ledger WHERE topic = '{self.topic}'"

        def counted():
            rows = self.postgres.rows(query, self.database)
            return {int(partition): int(offset) for partition, offset in rows} == self.kafka.end_offsets(self.topic)
        weir.wait_until(counted, RECOVERS_WITHIN, "all partitions to be counted")

    def recount(self):
        store = PostgresStore(self.postgres, self.database, self.topic)
        return Recount.of_topic(self.kafka, self.topic, self.rules()), store, self.weirs[self.plan.consumers[0]]

    def keep(self):
        with open(self.run_log.folder / "topic.ndjson", "w", encoding="utf-8") as out:
            out.write(self.kafka.kcat("-C", "-e", "-q", "-J", "-t", self.topic, check=False).stdout)
        dump = [postgres.programs() / "pg_dump", "-h", "127.0.0.1", "-p", str(self.postgres.port), "-U", postgres.USER]
        subprocess.run([*dump, "-f", self.run_log.folder / "database.sql", self.database], check=False,
                       env={"PGPASSWORD": postgres.PASSWORD})
        for server in (self.kafka, self.postgres):
            with contextlib.suppress(OSError):
                (self.run_log.folder / f"{server.NAME}.log").write_text(server.log())

    def forget(self):
        """Deletes the topic and the database of a run that passed."""
        for topic in (self.topic, self.topic + ".dlq"):
            with contextlib.suppress(AssertionError, subprocess.SubprocessError):
                self.kafka.delete_topic(topic)
        self.postgres.psql(f'DROP DATABASE "{self.database}" WITH (FORCE)', "postgres", check=False)


def health_of(one):
    try:
        return one.get("/health/ready", timeout=5).body.decode()[:600]
    except OSError as error:
        return f"{error!r}; its last line: {(one.log().strip().splitlines() or [''])[-1][:300]}"


def make_deployment(pair):
    return {"kafka": KafkaDeployment, "embedded": EmbeddedDeployment}[pair]
