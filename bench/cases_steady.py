"""Cases with a steady rate, and of a process that does nothing. Each returns {figure: number}."""
import http.client
import json
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time

from bench.cases_in import WARM_SECONDS
from bench.processes import Meter, Program, memory_mb
from tests.harness import weir
from tests.harness.hostile_clients import HostileProcess

CORE_HOURS = 1e9 / 1e6 / 3600  # of a billion events, from microseconds an event


def all_in(rate, connections, *options):
    """Producer, broker, consumer and PostgreSQL together."""
    def run(stage, _contender):
        settings = {"KAFKA_BROKERS": stage.broker.brokers, "KAFKA_TOPIC": stage.new_topic(), "KAFKA_GROUP_ID": f"group-{stage.number()}",
                    **stage.new_database()}
        with Program(stage.folder, [weir.BINARY, "producer"], "/health/ready", **settings) as producer, \
                Program(stage.folder, [weir.BINARY, "consumer"], "/health/ready", **settings) as consumer:
            stage.load(producer.port, connections, WARM_SECONDS, "--rate", rate, *options)
            meter = Meter(producer=producer.pid, consumer=consumer.pid, kafka=stage.broker.process.pid, postgres=stage.database.process.pid)
            got = stage.load(producer.port, connections, 3 * stage.seconds, "--rate", rate, *options)
            cost, seconds = meter.cost(), meter.seconds()
            found = {f"{name}_cpu_us": one / got["events"] * 1e6 for name, one in cost.items()}
            return found | {"rate": got["events"] / got["seconds"], "errors": got["errors"],
                            "core_hours": sum(cost.values()) / got["events"] * 1e6 * CORE_HOURS,
                            "consumer_core_percent": cost["consumer"] / seconds * 100,
                            "postgres_core_percent": cost["postgres"] / seconds * 100,
                            "producer_mb": memory_mb(producer.pid), "consumer_mb": memory_mb(consumer.pid)}
    return run


def rank(values, share):
    return sorted(values)[round(share * (len(values) - 1))]


def to_committed(stage, _contender):
    """From the request of one event until the store has it, and until /api/v1/live reports it, among 1,000 events a second. The
    moment of the commit is known to 5 ms."""
    committed, shown = [], []
    with Program(stage.folder, [weir.BINARY, "serve"], "/health/ready") as program:
        updates, seconds = [], 5 * stage.seconds
        threading.Thread(target=follow, args=(program.port, updates), daemon=True).start()
        background = stage.load_in_background(program.port, 8, seconds, "--rate", 1000)
        weir.wait_until(lambda: updates, 20, "the first update")
        pace, end = weir.random.Random(1), time.monotonic() + seconds - 4
        while time.monotonic() < end:
            time.sleep(0.2 + pace.random() / 2)
            begun = time.monotonic()
            one = http.client.HTTPConnection("127.0.0.1", program.port)
            one.request("POST", "/activity", json.dumps(weir.activity()), {"Content-Type": "application/json"})
            one.getresponse().read()
            passed = json.loads(program.get("/health/ready")[1])["checks"]["event_log"]["end"]  # the event is before it
            while next_offset(program) < passed:
                time.sleep(0.004)
            now = time.monotonic()
            committed.append((now - begun) * 1000)
            update = weir.wait_until(lambda: next((at for at in updates if at > now - 0.01), None), 10, "an update of the live view")
            shown.append((update - begun) * 1000)
        background.communicate()
    return {"p50_ms": statistics.median(committed), "p99_ms": rank(committed, 0.99), "page_p50_ms": statistics.median(shown),
            "page_p99_ms": rank(shown, 0.99)}


def next_offset(program):
    rows = json.loads(program.get("/api/v1/ledger")[1])["partitions"]
    return rows[0]["next_offset"] if rows else 0


def follow(port, updates):
    """Appends the time of each update of the live view."""
    one = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    one.request("GET", "/api/v1/live")
    reply = one.getresponse()
    while line := reply.readline():
        if line.startswith(b"data:"):
            updates.append(time.monotonic())


def idle(stage, _contender):
    """`weir serve` without events: until the first 200 after exec, then memory and CPU; then memory at 10,000 events a second."""
    program = Program(stage.folder, [weir.BINARY, "serve"], None)
    with program:
        while True:
            try:
                if program.get("/health/live")[0] == 200:
                    break
            except OSError:
                time.sleep(0.0005)
        first = (time.monotonic() - program.started) * 1000
        weir.wait_until(lambda: program.get("/health/ready")[0] == 200)
        time.sleep(5)
        meter = Meter(program=program.pid)
        time.sleep(2 * stage.seconds)
        found = {"first_200_ms": first, "rss_mb": memory_mb(program.pid), "core_percent": meter.cost()["program"] / meter.seconds() * 100}
        stage.load(program.port, 64, 2 * stage.seconds, "--rate", 10_000)
        return found | {"busy_rss_mb": memory_mb(program.pid)}


def sockets(stage, _contender):
    """Memory of the process for each of 2,000 connections that have sent one request and are idle."""
    count = 2000
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with Program(stage.folder, [weir.BINARY, "serve"], "/health/ready") as program:
        time.sleep(2)
        before, clients = memory_mb(program.pid), []
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", program.port))
            client.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            clients.append(client)
        for client in clients:
            client.recv(4096)
        time.sleep(3)
        found = {"kb_per_socket": (memory_mb(program.pid) - before) * 1024 / count}
        for client in clients:
            client.close()
        return found


def hostile(stage, _contender):
    """The latency of a client at 200 events a second, alone and then beside 2,000 hostile sockets from ten addresses. The hostile
    clients have a core of their own, so what differs is what they cost Weir and the kernel. Measured from 3 s after they have
    connected."""
    count, ours, theirs = 2000, 0, 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with Program(stage.folder, ["taskset", "-c", ours, weir.BINARY, "serve"], "/health/ready") as program:
        def p99():
            got = stage.load(program.port, 8, 3 * stage.seconds, "--rate", 200, core=ours)
            if got["errors"]:
                raise AssertionError(f"{got['errors']} requests of the honest client were refused")
            return got["p99_ms"]
        p99()  # a warm start
        alone = p99()
        attack = HostileProcess(program.port, count, core=theirs)
        try:
            attack.wait_open()
            time.sleep(3)
            beside = p99()
        finally:
            attack.stop()
        return {"alone_p99_ms": alone, "beside_p99_ms": beside, "p99_ratio": beside / alone}


def questions(_stage, _contender):
    """Runs bench/question_times.py and keeps what it prints."""
    done = subprocess.run([sys.executable, "-B", "-m", "bench.question_times"], cwd=weir.ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(done.stderr[-1000:])
    return {"text": done.stdout}
