"""Compares the CPU time per event of Weir on Kafka and PostgreSQL with that of other programs for the same work.

    python3 -B -m bench.peers                     only weir
    python3 -B -m bench.peers --peers DIR         also the Go programs in DIR (folders producer, consumer, strong-go)
    python3 -B -m bench.peers --only in|out       only one direction

In: `wrk` with 64 connections posts activities of 250 bytes, with acks=all. Out: a topic of --events records is counted into
PostgreSQL. The programs run in sequence on the same Kafka and PostgreSQL. A figure is the user and system time of the
process (/proc/PID/stat) divided by the events that it accepted or counted."""
import argparse
import json
import os
import pathlib
import random
import subprocess
import tempfile
import time

from tests.harness import kafka, postgres, weir

PARTITIONS = 12
TICK = os.sysconf("SC_CLK_TCK")
WRK = """
local number = 0
request = function()
  number = number + 1
  return wrk.format("POST", "/activity", {["Content-Type"] = "application/json"}, string.format(
    '{"user_id":"user-%%d","activity_type":"page_view","timestamp":"%s","metadata":{"page_url":"https://example.org/shop/item-%%d",' ..
    '"referrer":"https://search.example.com/?q=weir"},"session_id":"0123456789abcdef0123456789abcdef","locale":"en-GB"}',
    math.random(1, 50000), math.random(1, 500)))
end
done = function(summary, latency)
  io.write(string.format("RESULT %%d %%d %%d %%d\\n", summary.requests, summary.errors.status, latency:percentile(50),
    latency:percentile(99)))
end
"""


def cpu_seconds(pid):
    """Returns the user and system time of a process and its children, including children that have ended."""
    total = 0
    for one in [pid, *children(pid)]:
        fields = pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        total += sum(map(int, fields[11:15]))
    return total / TICK


def children(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


class Program:
    def __init__(self, name, command, folder, **environment):
        self.name, self.port = name, weir.free_port()
        self.log = open(folder / f"{name}.log", "wb")
        ports = {"SERVER_PORT": str(self.port), "CONSUMER_PORT": str(self.port)}
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("KAFKA_", "DB_", "DATABASE_"))}
        self.process = subprocess.Popen(list(map(str, command)), stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
                                        env={**kept, **ports, **{key: str(value) for key, value in environment.items()}})

    def wait_for(self, path):
        def answers():
            connection = weir.http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", path)
            return connection.getresponse().status in (200, 404)
        weir.wait_until(answers, 60, f"{self.name} to answer")

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def build(peers, folder):
    """Builds the Go programs and returns them by name. Without a folder there are none."""
    found = {}
    for name in ("producer", "consumer", "strong-go") if peers else ():
        found[name] = folder / f"peer-{name}"
        subprocess.run(["go", "build", "-o", found[name], "."], cwd=pathlib.Path(peers) / name, check=True)
    return found


def measure_in(folder, broker, binaries, connections, seconds):
    script = folder / "post.lua"
    script.write_text(WRK % weir.now())
    topic = f"in-{random.randrange(10**6)}"
    broker.create_topic(topic, PARTITIONS)
    settings_of_all = {"KAFKA_BROKERS": broker.brokers, "KAFKA_TOPIC": topic, "BIND_ADDRESS": "127.0.0.1", "LOG_LEVEL": "error"}
    contenders = [("weir", [weir.BINARY, "producer"], {}, "/health/ready")]
    if binaries:
        contenders += [("careful Go", [binaries["strong-go"]], {"MODE": "producer", "LINGER_MS": 0}, "/"),
                       ("the original, tuned", [binaries["producer"]], {"BATCH_TIMEOUT_MS": 10, "ACKS": "all"}, "/health")]
    for name, command, settings, path in contenders:
        program = Program(name, command, folder, **settings_of_all, **settings)
        try:
            program.wait_for(path)
            run_wrk(program, script, 64, 2)  # warm-up
            before, broker_before = program.cpu(), cpu_seconds(broker.process.pid)
            requests, errors, p50, p99 = run_wrk(program, script, connections, seconds)
            good = requests - errors
            yield {"way": "in", "program": name, "connections": connections, "events": good, "errors": errors,
                   "cpu_us": (program.cpu() - before) / good * 1e6, "rate": good / seconds,
                   "kafka_cpu_us": (cpu_seconds(broker.process.pid) - broker_before) / good * 1e6,
                   "p50_ms": p50 / 1000, "p99_ms": p99 / 1000}
        finally:
            program.end()


def run_wrk(program, script, connections, seconds):
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script,
                          f"http://127.0.0.1:{program.port}"], capture_output=True, text=True, check=True).stdout
    return [int(word) for line in out.splitlines() if line.startswith("RESULT") for word in line.split()[1:]]


def fill(broker, topic, events):
    """Fills a topic with events, in batches through a weir producer."""
    broker.create_topic(topic, PARTITIONS)
    with tempfile.TemporaryDirectory() as folder:
        producer = weir.Weir(folder, command="producer", KAFKA_BROKERS=broker.brokers, KAFKA_TOPIC=topic).start()
        for start in range(0, events, 1000):
            batch = [weir.activity(user=f"user-{random.randrange(50_000)}", metadata={
                "page_url": f"https://example.org/shop/item-{random.randrange(500)}",
                "referrer": "https://search.example.com/?q=weir"}, session_id="0123456789abcdef" * 2)
                for _ in range(min(1000, events - start))]
            answer = producer.post("/activities", batch)
            assert answer.status == 200, answer.body
        producer.stop()


def measure_out(folder, broker, database, binaries, events):
    contenders = [("weir", [weir.BINARY, "consumer"], {"FLUSH_INTERVAL_SEC": 1, "LOG_LEVEL": "error"}, events)]
    if binaries:
        contenders += [
            ("the original, tuned", [binaries["consumer"]], {"BATCH_SIZE": 10000, "COMMIT_INTERVAL_MS": 1000, "MESSAGE_LOG": 0,
                                                             "READER_PER_WORKER": 1, "FLUSH_INTERVAL_SEC": 2}, events),
            ("the original", [binaries["consumer"]], {}, events // 20)]
    for number, (name, command, settings, count) in enumerate(contenders):
        topic, group, base = f"out-{number}-{random.randrange(10**6)}", f"group-{number}", f"bench{number}"
        fill(broker, topic, count)
        database.create_database(base)
        environment = database.environment(base)
        before_db = cpu_seconds(database.process.pid)
        begun = time.monotonic()
        program = Program(name, command, folder, KAFKA_BROKERS=broker.brokers, KAFKA_TOPIC=topic, KAFKA_GROUP_ID=group,
                          **environment, **settings)
        try:
            weir.wait_until(lambda: broker.lag(group) == 0, 600, f"{name} to read all")
            took = time.monotonic() - begun
            yield {"way": "out", "program": name, "events": count, "cpu_us": program.cpu() / count * 1e6,
                   "seconds": took, "postgres_cpu_us": (cpu_seconds(database.process.pid) - before_db) / count * 1e6}
        finally:
            program.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers")
    parser.add_argument("--only", choices=("in", "out"))
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=2)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o711)
        binaries = build(wanted.peers, folder)
        broker, database = kafka.Kafka(folder / "kafka"), postgres.Postgres(folder / "postgres")
        try:
            broker.begin()
            database.begin()
            broker.ready()
            database.ready()
            fill(broker, "warm", 100_000)  # warm-up: the JIT compiler of a new JVM would distort the first figure
            for _ in measure_in(folder, broker, {}, 64, 5):
                pass
            for _ in range(wanted.rounds):
                if wanted.only != "out":
                    for connections in (64, 512):
                        show(measure_in(folder, broker, binaries, connections, wanted.seconds))
                if wanted.only != "in":
                    show(measure_out(folder, broker, database, binaries, wanted.events))
        finally:
            broker.kill()
            database.kill()


def show(figures):
    """Prints a line for each figure, with its CPU time relative to the first."""
    first = None
    for one in figures:
        first = first or one["cpu_us"]
        one["times_weir"] = one["cpu_us"] / first
        print(json.dumps({key: round(value, 2) if isinstance(value, float) else value for key, value in one.items()}),
              flush=True)


if __name__ == "__main__":
    main()
