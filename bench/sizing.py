"""Measures the figures of docs/SIZING.md: what an event costs each process, the broker, PostgreSQL and the disks.

    python3 -B -m bench.sizing                       all of it, about five minutes
    python3 -B -m bench.sizing --only producer       one of: producer, consumer, steady, partitions, serve

Events are page views of 310 bytes from 50,000 users on 500 pages, with message_id. A line of JSON for each measurement:
`cpu_us_…` is the user and system time of a process for each event (/proc/PID/stat), so one core handles 1,000,000 / cpu_us
events a second; `…_mb` is megabytes (10^6 bytes) for a million events."""
import argparse
import json
import pathlib
import random
import re
import tempfile
import time

from bench.peers import WRK, Program, cpu_seconds, run_wrk
from tests.harness import kafka, postgres, weir

STEADY_RATE = 2_000  # events a second


def event(number, when):
    return weir.activity(user=f"user-{random.randrange(50_000)}", when=when, message_id=f"message-{number}", metadata={
        "page_url": f"https://example.org/shop/item-{random.randrange(500)}",
        "referrer": "https://search.example.com/?q=weir"}, session_id="0123456789abcdef" * 2, locale="en-GB")


def batches(events, size=1000):
    """Yields request bodies. Made beforehand, so that making them does not compete with what is measured."""
    when = weir.now()
    return [json.dumps([event(number, when) for number in range(start, min(start + size, events))]).encode()
            for start in range(0, events, size)]


def post_all(process, bodies, seconds=None):
    """Posts the bodies, spread over `seconds` if given."""
    begun = time.monotonic()
    for number, body in enumerate(bodies):
        answer = process.post("/activities", body)
        assert answer.status == 200, answer.body
        if seconds:
            time.sleep(max(0.0, begun + (number + 1) * seconds / len(bodies) - time.monotonic()))


def resident_mb(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024 / 1e6


class Bench:
    def __init__(self, folder, events):
        self.folder, self.events, self.made = folder, events, []
        self.broker, self.database = kafka.Kafka(folder / "kafka"), postgres.Postgres(folder / "postgres", fsync=True)

    def __enter__(self):
        self.broker.begin()
        self.database.begin()
        self.broker.ready()
        self.database.ready()
        return self

    def __exit__(self, *_):
        for process in self.made:
            process.end()
        self.broker.kill()
        self.database.kill()

    def start(self, command, name, topic=None, ready=True, **settings):
        clusters = {"KAFKA_BROKERS": self.broker.brokers, "KAFKA_TOPIC": topic, "KAFKA_GROUP_ID": f"group-{topic}"} if topic else {}
        stored = self.database.environment(topic) if command == "consumer" else {}
        process = weir.Weir(self.folder / name, command=command, LOG_LEVEL="warn", **clusters, **stored, **settings)
        self.made.append(process)
        return process.start(ready)

    def topic(self, partitions=12):
        name = f"size{random.randrange(10**9)}"
        self.broker.create_topic(name, partitions)
        self.database.create_database(name)
        return name

    def filled(self, partitions=12, events=None):
        """Returns a topic with events."""
        topic = self.topic(partitions)
        producer = self.start("producer", f"fill-{topic}", topic)
        post_all(producer, batches(events or self.events))
        producer.stop()
        return topic

    def wal(self):
        return int(float(self.database.rows("SELECT pg_current_wal_lsn() - '0/0'")[0][0]))

    def log_bytes(self, topic):
        return sum(file.stat().st_size for file in (self.broker.folder / "data").glob(f"{topic}-*/*.log"))

    def wait_read(self, topic, events, seconds=300):
        def read():
            rows = self.database.rows("SELECT coalesce(sum(read), 0) FROM activity_ledger", topic)
            return int(rows[0][0]) >= events
        weir.wait_until(lambda: self.database.psql("SELECT 1 FROM activity_ledger", topic, check=False) is not None, seconds)
        weir.wait_until(read, seconds, "all events to be counted")

    # The measurements.

    def producer(self):
        topic = self.topic()
        script = self.folder / "post.lua"
        script.write_text(WRK % weir.now())
        program = Program("producer", [weir.BINARY, "producer"], self.folder, KAFKA_BROKERS=self.broker.brokers, KAFKA_TOPIC=topic,
                          BIND_ADDRESS="127.0.0.1", LOG_LEVEL="error")
        try:
            program.wait_for("/health/ready")
            run_wrk(program, script, 64, 5)  # warm-up, also of the broker's JVM
            before, broker = program.cpu(), cpu_seconds(self.broker.process.pid)
            requests, errors, p50, p99 = run_wrk(program, script, 64, 15)
            good = requests - errors
            yield {"what": "producer, one event a request, 64 connections", "events": good, "errors": errors,
                   "cpu_us_producer": (program.cpu() - before) / good * 1e6,
                   "cpu_us_kafka": (cpu_seconds(self.broker.process.pid) - broker) / good * 1e6,
                   "p50_ms": p50 / 1000, "p99_ms": p99 / 1000}
        finally:
            program.end()
        topic = self.topic()
        producer = self.start("producer", "batches", topic)
        bodies = batches(self.events)
        post_all(producer, bodies[:20])
        before, broker, disk = cpu_seconds(producer.process.pid), cpu_seconds(self.broker.process.pid), self.log_bytes(topic)
        post_all(producer, bodies)
        yield {"what": "producer, 1,000 events a request", "events": self.events,
               "cpu_us_producer": (cpu_seconds(producer.process.pid) - before) / self.events * 1e6,
               "cpu_us_kafka": (cpu_seconds(self.broker.process.pid) - broker) / self.events * 1e6,
               "kafka_disk_mb": (self.log_bytes(topic) - disk) / self.events, "rss_mb": resident_mb(producer.process.pid)}
        producer.stop()

    def drain(self, what, topic, events):
        before, broker, wal = cpu_seconds(self.database.process.pid), cpu_seconds(self.broker.process.pid), self.wal()
        begun = time.monotonic()
        consumer = self.start("consumer", f"drain-{topic}", topic, ready=False)
        self.wait_read(topic, events)
        took = time.monotonic() - begun
        pid = consumer.process.pid
        yield {"what": what, "events": events, "seconds": took, "cpu_us_consumer": cpu_seconds(pid) / events * 1e6,
               "cpu_us_postgres": (cpu_seconds(self.database.process.pid) - before) / events * 1e6,
               "cpu_us_kafka": (cpu_seconds(self.broker.process.pid) - broker) / events * 1e6,
               "wal_mb": (self.wal() - wal) / events, "rss_mb": resident_mb(pid),
               "database_mb": self.database.number(f"SELECT pg_database_size('{topic}')") / events}
        consumer.stop()

    def consumer(self):
        for partitions in (12, 1):
            yield from self.drain(f"consumer reads a backlog, {partitions} partitions", self.filled(partitions), self.events)

    def steady(self):
        """What a constant rate costs PostgreSQL, by the time between two flushes."""
        for flush in (1, 30):
            topic, seconds = self.topic(), 65
            events = STEADY_RATE * seconds
            producer = self.start("producer", f"steady-{flush}", topic)
            consumer = self.start("consumer", f"steady-{flush}-consumer", topic, FLUSH_INTERVAL_SEC=flush,
                                  BATCH_SIZE=100 if flush == 1 else 200_000)
            bodies = batches(events, size=100)
            pid, before, wal = consumer.process.pid, cpu_seconds(self.database.process.pid), self.wal()
            own, broker = cpu_seconds(pid), cpu_seconds(self.broker.process.pid)
            post_all(producer, bodies, seconds)
            self.wait_read(topic, events)
            yield {"what": f"{STEADY_RATE} events/s, FLUSH_INTERVAL_SEC={flush}, BATCH_SIZE={consumer.environment['BATCH_SIZE']}",
                   "events": events, "cpu_us_consumer": (cpu_seconds(pid) - own) / events * 1e6,
                   "cpu_us_postgres": (cpu_seconds(self.database.process.pid) - before) / events * 1e6,
                   "cpu_us_kafka": (cpu_seconds(self.broker.process.pid) - broker) / events * 1e6,
                   "wal_mb": (self.wal() - wal) / events, "flushes": consumer.metric("weir_consumer_flushes_total"),
                   "rows_written": consumer.metric("weir_consumer_rows_written_total"),
                   "database_mb": self.database.number(f"SELECT pg_database_size('{topic}')") / events}
            producer.stop()
            consumer.stop()

    def partitions(self):
        """The memory of a consumer that holds many partitions, each with some events."""
        for partitions in (12, 1_000):
            events = 20 * partitions
            topic = self.filled(partitions, max(events, 1_000))
            consumer = self.start("consumer", f"many-{partitions}", topic, ready=False)
            self.wait_read(topic, max(events, 1_000))
            time.sleep(5)
            begun, pid = cpu_seconds(consumer.process.pid), consumer.process.pid
            time.sleep(10)
            yield {"what": f"consumer, {partitions} partitions, idle after {max(events, 1_000)} events",
                   "rss_mb": resident_mb(pid), "idle_cpu_percent": (cpu_seconds(pid) - begun) * 10,
                   "broker_rss_mb": resident_mb(self.broker.process.pid)}
            consumer.stop()

    def serve(self):
        one = self.start("serve", "serve-batches")
        bodies = batches(self.events)
        pid = one.process.pid
        before = cpu_seconds(pid)
        begun = time.monotonic()
        post_all(one, bodies)
        one.wait_counted(120)
        took = time.monotonic() - begun
        files = {path.name: path.stat().st_size for path in (one.folder / "data").iterdir()}
        yield {"what": "serve, embedded, 1,000 events a request", "events": self.events, "seconds": took,
               "cpu_us_serve": (cpu_seconds(pid) - before) / self.events * 1e6, "rss_mb": resident_mb(pid),
               "log_disk_mb": sum(size for name, size in files.items() if name.startswith("events.db")) / self.events,
               "store_disk_mb": sum(size for name, size in files.items() if name.startswith("metrics.db")) / self.events}
        one.stop()


def show(one):
    print(json.dumps({key: round(value, 2) if isinstance(value, float) else value for key, value in one.items()}), flush=True)


def main():
    names = ("producer", "consumer", "steady", "partitions", "serve")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=names)
    parser.add_argument("--events", type=int, default=400_000)
    wanted = parser.parse_args()
    random.seed(1)
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o711)
        with Bench(folder, wanted.events) as bench:
            for measurement in names:
                if wanted.only in (None, measurement):
                    for one in getattr(bench, measurement)():
                        show(one)


if __name__ == "__main__":
    main()
