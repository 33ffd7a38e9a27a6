"""What the attacks of attacks.py strike: real processes on loopback, each attack on new ones, and what they take.

    with stand_of("serve+postgres", servers, folder) as stand:
        stand.door.post(…)          # where events are sent
        stand.wait_counted(60)
        stand.restart()
        stand.peaks()               # {name of the process: MB}, over all its lives"""
import os
import pathlib
import re
import time

from tests.harness import kafka, postgres, weir

TICK = os.sysconf("SC_CLK_TCK")
LEDGER = "SELECT sum(next_offset - start_offset), count(*) FROM activity_ledger"


def memory_mb(pid, name):
    """VmHWM or VmRSS of /proc/PID/status."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1024


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) / TICK


class Servers:
    """Kafka and PostgreSQL, started when an attack first needs them; a database and a topic for each stand."""

    def __init__(self, folder):
        self.folder, self.number = folder, 0
        self._kafka = self._postgres = None

    @property
    def kafka(self):
        if self._kafka is None:
            kafka.needed()
            self._kafka = kafka.Kafka(self.folder / "kafka").start()
        return self._kafka

    @property
    def postgres(self):
        if self._postgres is None:
            postgres.needed()
            self._postgres = postgres.Postgres(self.folder / "postgres").start()
        return self._postgres

    def new_database(self):
        self.number += 1
        self.postgres.create_database(f"attack{self.number}")
        return f"attack{self.number}"

    def end(self):
        for one in (self._kafka, self._postgres):
            if one is not None:
                one.kill()


class Stand:
    """`serve` on its embedded log, and on a SQLite file or a PostgreSQL database."""

    def __init__(self, servers, folder, **settings):
        self.servers, self.folder, self.settings = servers, folder, {"LOG_LEVEL": "warn", **settings}
        self.weirs, self._peaks, self._cpu, self.database = {}, {}, {}, None

    def __enter__(self):
        self.make()
        for one in self.weirs.values():
            one.start()
        return self

    def __exit__(self, *_):
        for one in self.weirs.values():
            one.end()

    def make(self):
        self.door = self.reader = self.weirs["serve"] = weir.Weir(self.folder, **self.settings)

    def note(self):
        """Remembers what the processes have taken so far; call it before one ends."""
        for name, one in self.weirs.items():
            if one.running:
                pid = one.process.pid
                self._peaks[name] = max(self._peaks.get(name, 0), memory_mb(pid, "VmHWM"))
                self._cpu[name, pid] = cpu_seconds(pid)

    def peaks(self):
        self.note()
        return dict(self._peaks)

    def resident(self):
        return {name: memory_mb(one.process.pid, "VmRSS") for name, one in self.weirs.items() if one.running}

    def cpu(self):
        """Of all processes and lives."""
        self.note()
        return sum(self._cpu.values())

    def restart(self):
        self.note()
        for one in self.weirs.values():
            one.stop(60)
        for one in self.weirs.values():
            one.start(ready=False)
        for one in self.weirs.values():
            one.wait_ready(120)

    def wait_counted(self, seconds):
        """Until everything that the log holds is in the store; gives how many seconds that took."""
        begun = time.monotonic()

        def counted():
            self.check_alive()
            return self.counted()
        weir.wait_until(counted, seconds, "all events to be counted")
        return time.monotonic() - begun

    def check_alive(self):
        for name, one in self.weirs.items():
            if not one.running:
                raise AssertionError(f"{name} left with {one.process.returncode}: {one.log()[-500:]}")

    def counted(self):
        end = self.door.get("/health/ready").json()["checks"]["event_log"].get("end")
        return end == self.ask(LEDGER)[0][0]

    def wait_rolled_up(self, seconds):
        """Until no minute waits to be added to its hour and day."""
        begun = time.monotonic()

        def rolled_up():
            self.check_alive()
            return self.ask("SELECT count(*) FROM activity_unrolled")[0][0] == 0
        weir.wait_until(rolled_up, seconds, "the minutes to be rolled up")
        return time.monotonic() - begun

    def ask(self, question):
        store = self.weirs["serve"].store()
        try:
            return [tuple(int(cell or 0) for cell in row) for row in store.execute(question).fetchall()]
        finally:
            store.close()


class PostgresStand(Stand):
    """`serve` on its embedded log and PostgreSQL."""

    def make(self):
        self.database = self.servers.new_database()
        self.settings |= {"METRICS_STORE": "postgres", **self.servers.postgres.environment(self.database)}
        super().make()

    def ask(self, question):
        return [tuple(int(cell or 0) for cell in row) for row in self.servers.postgres.rows(question, self.database)]


class PairStand(PostgresStand):
    """`producer` and `consumer` on Kafka and PostgreSQL."""

    def make(self):
        self.database = self.servers.new_database()
        common = {"KAFKA_BROKERS": self.servers.kafka.brokers, "KAFKA_TOPIC": f"topic.{self.database}",
                  "KAFKA_GROUP_ID": f"group.{self.database}", **self.settings}
        self.topic = common["KAFKA_TOPIC"]
        self.door = weir.Weir(self.folder / "producer", command="producer", **common)
        self.reader = weir.Weir(self.folder / "consumer", command="consumer",
                                **common, **self.servers.postgres.environment(self.database))
        self.weirs = {"producer": self.door, "consumer": self.reader}

    def counted(self):
        ends = self.servers.kafka.end_offsets(self.topic)
        offsets, partitions = self.ask(LEDGER)[0]
        return partitions == len(ends) and offsets == sum(ends.values())


STANDS = {"serve": Stand, "serve+postgres": PostgresStand, "pair": PairStand}
