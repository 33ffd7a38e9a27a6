"""The servers and files that the cases share: one Kafka, one PostgreSQL, the events, and topics that are filled once."""
import os
import pathlib
import subprocess
import tempfile
import time

from bench.activities import Activities
from bench.processes import Program, last_json
from tests.harness import kafka, postgres, weir

PARTITIONS = 12
TOOLS = weir.ROOT / "build" / "release" / "bench-tools"


class Stage:
    def __init__(self, folder, built, seconds, events):
        self.folder, self.built, self.seconds, self.events = folder, built, seconds, events
        self.tools = TOOLS
        self.broker, self.database = kafka.Kafka(folder / "kafka"), postgres.Postgres(folder / "postgres")
        self.topics, self.numbers = {}, 0
        self.file = folder / "events.ndjson"
        self.file.write_text("\n".join(Activities().texts(100_000)) + "\n")

    def start(self):
        self.broker.begin()
        self.database.begin()
        self.broker.ready()
        self.database.ready()
        # The JIT compiler of a new JVM would distort the first figures.
        topic = self.new_topic()
        subprocess.run([self.tools / "weir_bare_producer", self.broker.brokers, topic, "5", self.file], check=True, capture_output=True)
        return self

    def stop(self):
        self.broker.kill()
        self.database.kill()

    def number(self):
        self.numbers += 1
        return self.numbers

    def new_topic(self, partitions=PARTITIONS):
        topic = f"topic-{self.number()}"
        self.broker.create_topic(topic, partitions)
        return topic

    def new_database(self):
        name = f"bench{self.number()}"
        self.database.create_database(name)
        return self.database.environment(name)

    def wal_bytes(self):
        return int(self.database.rows("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")[0][0])

    def backlog(self, events, message_ids=False, **set_of):
        """Returns a topic with that many events, which it fills once. Their timestamps have the distance of 10,000 a second."""
        key = (events, message_ids, *set_of.items())
        if key in self.topics:
            return self.topics[key]
        topic = self.new_topic()
        made, step, begun = Activities(message_ids=message_ids, **set_of), 5000, time.time() - events / 10_000
        settings = {"KAFKA_BROKERS": self.broker.brokers, "KAFKA_TOPIC": topic}
        with Program(self.folder, [weir.BINARY, "producer"], "/health/ready", **settings) as producer:
            one = weir.http.client.HTTPConnection("127.0.0.1", producer.port, timeout=60)
            for first in range(0, events, step):
                body = made.ndjson(step, begun + first / 10_000, step / 10_000)
                one.request("POST", "/activities", body, {"Content-Type": "application/x-ndjson"})
                answer = one.getresponse()
                if answer.status != 200:
                    raise AssertionError(f"the backlog was not accepted: {answer.read()[:500]}")
                answer.read()
        self.topics[key] = topic
        return topic

    def load(self, port, connections, seconds, *options, core=None):
        """Runs the load generator, on one core if `core` is its number, and returns its figures."""
        command = [*(["taskset", "-c", core] if core is not None else []), self.tools / "weir_load", "--port", port, "--connections",
                   connections, "--seconds", seconds, "--events", self.file, *options]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"the load generator failed: {done.stderr}")
        return last_json(done.stdout)

    def load_in_background(self, port, connections, seconds, *options):
        command = [self.tools / "weir_load", "--port", port, "--connections", connections, "--seconds", seconds, "--events",
                   self.file, *options]
        return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)


def open_stage(built, seconds, events):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-bench-", dir=os.environ.get("WEIR_BENCH_DIR")))
    folder.chmod(0o711)
    return Stage(folder, built, seconds, events).start()
