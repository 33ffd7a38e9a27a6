"""A pair as it stands for one story: its Weir processes, its clients, and how all of it is started, brought back and
counted. Whoever looks for the servers that a story may strike finds them in `processes` by name."""
import contextlib
import subprocess
import time

from tests.chaos import client_processes
from tests.chaos.environment import PRODUCERS
from tests.chaos.supervisor import Keeper
from tests.checker.recount import Recount
from tests.checker.recount_check import SETTLED
from tests.checker.recount_store import PostgresStore, SqliteStore
from tests.harness import postgres, weir
from tests.harness.disk import Disk

WELL_WITHIN = 90  # seconds, until all is well again after everything was undone


class Stand:
    """`plan`: a schedule.Plan. The clients reach the service by ways named `client-1` and so on."""

    def __init__(self, ground, story, plan):
        self.ground, self.story, self.plan = ground, story, plan
        self.weirs, self.more_clients = {}, []
        self.clocks_back_at = None  # unix seconds, when a clock was last put right that had been days off
        self.lost_log = None  # a file_faults.LostLog, where DATA_DIR lost its log under the running service
        self.make()
        ways = [self._client_ways(number) for number in range(1, plan.clients + 1)]
        urls = [[f"http://127.0.0.1:{port}" for port in ports.values()] for ports in ways]
        self.clients = client_processes.clients(story.folder, urls, plan.seed, plan.rate, plan.strikes_with("clock-days"))
        self.urls = {door: [f"http://127.0.0.1:{port}" for ports in ways for name, port in ports.items()
                            if name.endswith(door)] for door in self.doors()}  # by which clients reach it
        self.keeper = Keeper(story, {**self.servers(), **self.weirs, **self.clients}, self._start)

    def servers(self):
        return {}

    def _client_ways(self, number):
        """{name of the way: port} of one client, to each door."""
        return {name: self.ground.proxies.way(name, self.weirs[one].port)
                for one in self.doors() for name in [f"client-{number}-{one}"]}

    def _start(self, name):
        one = self.keeper.processes[name]
        if name in self.servers():
            self.ground.begin(one)
        elif name in self.weirs:
            one.start(ready=False)
        else:
            one.start()

    def clock(self, name):
        """Settings of a process whose clock a fault will move."""
        return self.ground.clocks.settings(self.clock_file(name)) if name in self.plan.clocks else {}

    def clock_file(self, name):
        return self.story.folder / f"clock-{name}"

    # From beginning to end.

    def begin(self):
        for name in self.weirs:
            self.keeper.start(name)
        for name, one in self.weirs.items():
            one.wait_ready(60)
        for name in self.clients:
            self.keeper.start(name)
        self.keeper.begin()

    def bring_back(self):
        """Every server and Weir process runs and says that it is well; a finding for each that does not."""
        for name, server in self.servers().items():
            self.keeper.start(name)
        for name, server in self.servers().items():
            server.ready()
        for name in self.weirs:
            self.keeper.start(name)
        for name, one in self.weirs.items():
            try:
                weir.wait_until(lambda: one.get("/health/ready").json()["status"] == "ready", WELL_WITHIN)
            except AssertionError:
                self.story.find(f"(e) {name} is not ready {WELL_WITHIN} s after all is well: {said_by(one)}")

    def stop_clients(self):
        if self.clocks_back_at:  # events that are sent from now on show whether the time of records is now again
            time.sleep(max(0.0, self.clocks_back_at + SETTLED + 3 - time.time()))
        for name, client in self.clients.items():
            self.keeper.start(name)  # so that each has its last word
        for name, client in self.clients.items():
            with self.keeper.in_hand(name):
                self.keeper.started_at.pop(name, None)
                if client.stop() != 0:
                    self.story.find(f"{name}: {client.log().strip()[-1500:]}")

    def end(self):
        self.keeper.end()
        for one in [*self.clients.values(), *self.more_clients, *self.weirs.values()]:
            one.end()
        for name in [name for name in self.ground.proxies.ports if name.startswith("client-")]:
            self.ground.proxies.forget(name)


class EmbeddedStand(Stand):
    """One `weir serve`, its data on a small disk of its own."""

    DISK_MB = 96

    def make(self):
        self.disk = Disk(self.story.folder / "serve", self.DISK_MB)
        self.weirs["serve"] = weir.Weir(self.disk.path, **{**self.plan.settings, **self.clock("serve")})
        self.weirs["serve"].log_path = self.story.folder / "serve.log"

    def doors(self):
        return ["serve"]

    def wait_counted(self):
        return self.weirs["serve"].wait_counted(WELL_WITHIN)

    def recount(self):
        """What check() of recount_check takes: the recount, the store, who serves the API."""
        data = self.disk.path / "data"
        found, store = Recount.of_file(data / "events.db"), SqliteStore(data / "metrics.db")
        if self.lost_log:
            self.lost_log.sends = Recount.of_file(self.lost_log.path).sends
            if store.retired():
                found.go_on_from(Recount.of_file(self.lost_log.path, until=self.lost_log.counted))
        return found, store, self.weirs["serve"]

    def keep(self):
        """What a red story leaves beside its logs: the files, from the disk that ends with us."""
        subprocess.run(["cp", "-r", self.disk.path / "data", self.story.folder / "data"], check=False)

    def end(self):
        super().end()
        self.disk.unmount()

    def forget(self):
        pass


class KafkaStand(Stand):
    """Two producers and as many consumers as planned, on a topic, a group and a database of their own."""

    def make(self):
        self.name = self.story.name
        self.topic, self.database = f"activity.{self.name}", f"db.{self.name}"
        self.kafka, self.postgres = self.ground.kafka, self.ground.postgres
        self.disk = self.ground.disk
        self.postgres.create_database(self.database, hll=postgres.has_hll())
        for name in (*PRODUCERS, *self.plan.consumers):
            self.weirs[name] = weir.Weir(self.story.folder / name, command=name.split("-")[0], **self._settings(name))

    def _settings(self, name):
        settings = {"KAFKA_BROKERS": self.ground.brokers(name), "KAFKA_TOPIC": self.topic,
                    "KAFKA_GROUP_ID": f"group.{self.name}", "KAFKA_PARTITIONS": self.plan.partitions}
        if name in self.plan.consumers:
            settings.update(self.postgres.environment(self.database))
            settings["DB_PORT"] = self.ground.proxies.ports[f"postgres-{name}"]
        return {**settings, **self.plan.settings, **self.clock(name)}

    def servers(self):
        return {"kafka": self.kafka, "postgres": self.postgres}

    def doors(self):
        return PRODUCERS

    def begin(self):
        super().begin()
        for name in self.servers():
            self.keeper.started_at[name] = 0.0

    def wait_counted(self):
        """Until the ledger has come to the end of every partition."""
        question = f"SELECT partition, next_offset FROM activity_ledger WHERE topic = '{self.topic}'"

        def counted():
            rows = self.postgres.rows(question, self.database)
            return {int(partition): int(offset) for partition, offset in rows} == self.kafka.end_offsets(self.topic)
        weir.wait_until(counted, WELL_WITHIN, "all partitions to be counted")

    def recount(self):
        store = PostgresStore(self.postgres, self.database, self.topic)
        return Recount.of_topic(self.kafka, self.topic), store, self.weirs[self.plan.consumers[0]]

    def keep(self):
        with open(self.story.folder / "topic.ndjson", "w", encoding="utf-8") as out:
            out.write(self.kafka.kcat("-C", "-e", "-q", "-J", "-t", self.topic, check=False).stdout)
        dump = [postgres.programs() / "pg_dump", "-h", "127.0.0.1", "-p", str(self.postgres.port), "-U", postgres.USER]
        subprocess.run([*dump, "-f", self.story.folder / "database.sql", self.database], check=False,
                       env={"PGPASSWORD": postgres.PASSWORD})
        for server in (self.kafka, self.postgres):
            with contextlib.suppress(OSError):
                (self.story.folder / f"{server.NAME}.log").write_text(server.log())

    def forget(self):
        """A green story's topic and database are of no more use."""
        for topic in (self.topic, self.topic + ".dlq"):
            with contextlib.suppress(AssertionError, subprocess.SubprocessError):
                self.kafka.delete_topic(topic)
        self.postgres.psql(f'DROP DATABASE "{self.database}" WITH (FORCE)', "postgres", check=False)


def said_by(one):
    try:
        return one.get("/health/ready", timeout=5).body.decode()[:600]
    except OSError as silence:
        return f"{silence!r}; its last line: {(one.log().strip().splitlines() or [''])[-1][:300]}"


def stand_of(pair):
    return {"kafka": KafkaStand, "embedded": EmbeddedStand}[pair]
