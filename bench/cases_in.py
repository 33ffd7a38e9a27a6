"""Cases of the way in: what a request costs until it is answered. Each returns {figure: number}."""
import sqlite3
import subprocess

from bench import contenders
from bench.processes import Meter, Program, last_json
from tests.harness import weir

WARM_SECONDS = 2


def of_producer(stage, contender, connections, *options, environment=None):
    """One program between the load generator and Kafka."""
    topic = stage.new_topic()
    command, settings, ready = contenders.producer(contender, stage.built, stage.tools)
    settings = {"KAFKA_BROKERS": stage.broker.brokers, "KAFKA_TOPIC": topic, **settings, **(environment or {})}
    with Program(stage.folder, command, ready, **settings) as program:
        weir.wait_until(lambda: weir.socket.create_connection(("127.0.0.1", program.port)).close() or True)
        stage.load(program.port, connections, WARM_SECONDS, *options)
        meter = Meter(program=program.pid, kafka=stage.broker.process.pid)
        got = stage.load(program.port, connections, stage.seconds, *options)
        cost = meter.cost()
    return figures(got, cost["program"]) | {"kafka_cpu_us": cost["kafka"] / got["events"] * 1e6}


def figures(got, cpu):
    return {"cpu_us": cpu / got["events"] * 1e6, "rate": got["events"] / got["seconds"], "p50_ms": got["p50_ms"],
            "p99_ms": got["p99_ms"], "errors": got["errors"]}


def singles(connections):
    return lambda stage, contender: of_producer(stage, contender, connections)


def paced(rate):
    return lambda stage, contender: of_producer(stage, contender, 64, "--rate", rate)


def batches(*options):
    def run(stage, contender):
        if contender != contenders.BARE:
            return of_producer(stage, contender, 4, "--batch", 1000, *options)
        topic = stage.new_topic()
        meter = Meter(kafka=stage.broker.process.pid)
        done = subprocess.run([stage.tools / "weir_bare_producer", stage.broker.brokers, topic, str(stage.seconds), stage.file],
                              check=True, capture_output=True, text=True)
        got = last_json(done.stdout)
        return {"cpu_us": got["own_cpu"] / got["events"] * 1e6, "rate": got["events"] / got["seconds"], "errors": got["errors"],
                "kafka_cpu_us": meter.cost()["kafka"] / got["events"] * 1e6}
    return run


def embedded(connections, *options):
    """`weir serve` as it is, so its CPU includes counting the events into SQLite."""
    def run(stage, _contender):
        with Program(stage.folder, [weir.BINARY, "serve"], "/health/ready") as program:
            stage.load(program.port, connections, WARM_SECONDS, *options)
            before = segments(stage, program)
            meter = Meter(program=program.pid)
            got = stage.load(program.port, connections, stage.seconds, *options)
            found = figures(got, meter.cost()["program"])
            return found | {"events_per_fsync": got["events"] / max(1, segments(stage, program) - before)}
    return run


def segments(stage, program):
    """Returns how many commits the embedded log has made: each single event or batch here is one row of `segments`."""
    with sqlite3.connect(f"file:{stage.folder}/data-{program.port}/events.db?mode=ro", uri=True) as log:
        return log.execute("SELECT count(*) FROM segments").fetchone()[0]
