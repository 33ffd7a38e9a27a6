"""The targets of the attacks: real processes on loopback, new ones for each attack, with their memory and CPU time.

    with TARGETS["serve+postgres"](servers, folder) as target:
        target.server.post(…)       # the process that accepts events
        target.wait_counted(60)
        target.restart()
        target.peaks()              # {name of the process: MB}, over all its restarts"""
import os
import pathlib
import re
import time

from tests.harness import kafka, postgres, weir

TICK = os.sysconf("SC_CLK_TCK")
LEDGER = "SELECT sum(next_offset - start_offset), count(*) FROM activity_ledger"


def memory_mb(pid, name):
    """Returns VmHWM or VmRSS of /proc/PID/status in MB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1024


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) / TICK


class Servers:
    """Kafka and PostgreSQL, started when an attack first needs them. Each target has its own database and topic."""

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


class Target:
    """`serve` on its embedded log and a SQLite file."""

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
        self.server = self.reader = self.weirs["serve"] = weir.Weir(self.folder, **self.settings)

    def record(self):
        """Records the memory and CPU time of the processes so far. Must be called before one ends."""
        for name, one in self.weirs.items():
            if one.running:
                pid = one.process.pid
                self._peaks[name] = max(self._peaks.get(name, 0), memory_mb(pid, "VmHWM"))
                self._cpu[name, pid] = cpu_seconds(pid)

    def peaks(self):
        self.record()
        return dict(self._peaks)

    def resident(self):
        return {name: memory_mb(one.process.pid, "VmRSS") for name, one in self.weirs.items() if one.running}

    def cpu(self):
        """Returns the CPU seconds of all processes over all restarts."""
        self.record()
        return sum(self._cpu.values())

    def restart(self):
        self.record()
        for one in self.weirs.values():
            one.stop(60)
        for one in self.weirs.values():
            one.start(ready=False)
        for one in self.weirs.values():
            one.wait_ready(120)

    def wait_counted(self, seconds):
        """Waits until everything in the log is counted, and returns the seconds."""
        begun = time.monotonic()

        def counted():
            self.check_alive()
            return self.counted()
        weir.wait_until(counted, seconds, "all events to be counted")
        return time.monotonic() - begun

    def check_alive(self):
        for name, one in self.weirs.items():
            if not one.running:
                raise AssertionError(f"{name} exited with {one.process.returncode}: {one.log()[-500:]}")

    def counted(self):
        end = self.server.get("/health/ready").json()["checks"]["event_log"].get("end")
        return end == self.query(LEDGER)[0][0]

    def wait_rolled_up(self, seconds):
        """Waits until all minutes are added to their hours and days, and returns the seconds."""
        begun = time.monotonic()

        def rolled_up():
            self.check_alive()
            return self.query("SELECT count(*) FROM activity_unrolled")[0][0] == 0
        weir.wait_until(rolled_up, seconds, "the minutes to be rolled up")
        return time.monotonic() - begun

    def query(self, sql):
        store = self.weirs["serve"].store()
        try:
            return [tuple(int(cell or 0) for cell in row) for row in store.execute(sql).fetchall()]
        finally:
            store.close()


class PostgresTarget(Target):
    """`serve` on its embedded log and PostgreSQL."""

    def make(self):
        self.database = self.servers.new_database()
        self.settings |= {"METRICS_STORE": "postgres", **self.servers.postgres.environment(self.database)}
        super().make()

    def query(self, sql):
        return [tuple(int(cell or 0) for cell in row) for row in self.servers.postgres.rows(sql, self.database)]


class PairTarget(PostgresTarget):
    """`producer` and `consumer` on Kafka and PostgreSQL."""

    def make(self):
        self.database = self.servers.new_database()
        settings = {"KAFKA_BROKERS": self.servers.kafka.brokers, "KAFKA_TOPIC": f"topic.{self.database}",
                  "KAFKA_GROUP_ID": f"group.{self.database}", **self.settings}
        self.topic = settings["KAFKA_TOPIC"]
        self.server = weir.Weir(self.folder / "producer", command="producer", **settings)
        self.reader = weir.Weir(self.folder / "consumer", command="consumer",
                                **settings, **self.servers.postgres.environment(self.database))
        self.weirs = {"producer": self.server, "consumer": self.reader}

    def counted(self):
        ends = self.servers.kafka.end_offsets(self.topic)
        offsets, partitions = self.query(LEDGER)[0]
        return partitions == len(ends) and offsets == sum(ends.values())


TARGETS = {"serve": Target, "serve+postgres": PostgresTarget, "pair": PairTarget}
