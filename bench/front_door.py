"""What an API key with a rate limit, and TLS, cost `weir producer` for a request of one event on a real Kafka.

    python3 -B -m bench.front_door                     5 rounds, in turn: plain, key and limit; plain, TLS
    python3 -B -m bench.front_door --rounds 3 --seconds 4

The first two are loaded by bench/tools/load.cpp on 64 connections. That program speaks no TLS, so the next two are loaded by a
client in Python: requests on 8 connections that stay open, and connections of one request each. CPU by /proc/PID/stat."""
import argparse
import http.client
import ssl
import statistics
import threading
import time

from bench.processes import Meter, Program
from bench.stage import open_stage
from tests.harness import weir
from tests.harness.certificates import Certificates

KEY = "9f2c41d07be84c5aa1"
GUARDED = {"API_KEYS": f"web:{KEY}", "RATE_LIMIT_RPS": 1_000_000}


def producer(stage, **settings):
    return Program(stage.folder, [weir.BINARY, "producer"], None, KAFKA_BROKERS=stage.broker.brokers, KAFKA_TOPIC=stage.new_topic(),
                   **settings)


def wait_ready(program, context=None):
    def is_ready():
        one = connect(program, context)
        one.request("GET", "/health/ready")
        return one.getresponse().status == 200
    weir.wait_until(is_ready, 60, "the producer to be ready")


def connect(program, context):
    if context is None:
        return http.client.HTTPConnection("127.0.0.1", program.port, timeout=20)
    return http.client.HTTPSConnection("127.0.0.1", program.port, timeout=20, context=context)


def loaded(stage, settings, *options):
    """Returns the microseconds of CPU for an event, and the events a second."""
    with producer(stage, **settings) as program:
        wait_ready(program)
        stage.load(program.port, 64, 2, *options)
        meter = Meter(program=program.pid)
        got = stage.load(program.port, 64, stage.seconds, *options)
        if got["errors"]:
            raise AssertionError(f"{got['errors']} requests failed")
        return meter.cost()["program"] / got["events"] * 1e6, got["events"] / got["seconds"]


def by_python(stage, settings, context):
    """Returns the microseconds of CPU for a request on an open connection, and for a connection with one request."""
    with producer(stage, **settings) as program:
        wait_ready(program, context)
        return tuple(of_clients(program, context, stage.seconds / 2, stays_open) for stays_open in (True, False))


def of_clients(program, context, seconds, stays_open):
    counts, end = [0] * 8, time.monotonic() + seconds
    body = weir.json.dumps(weir.activity())

    def client(number):
        one = connect(program, context)
        while time.monotonic() < end:
            one.request("POST", "/activity", body, {"Content-Type": "application/json"})
            if one.getresponse().read() and stays_open is False:
                one.close()  # the next request connects again
            counts[number] += 1
    meter = Meter(program=program.pid)
    threads = [threading.Thread(target=client, args=(number,)) for number in range(len(counts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return meter.cost()["program"] / sum(counts) * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8)
    options = parser.parse_args()
    stage = open_stage({}, options.seconds, 0)
    try:
        certificates = Certificates(stage.folder / "certificates")
        certificate, key = certificates.issue("server")
        context = ssl.create_default_context(cafile=certificates.authority)
        found = {}
        for number in range(options.rounds):
            one = {"plain": loaded(stage, {})[0], "key and limit": loaded(stage, GUARDED, "--key", KEY)[0]}
            one["open connection"], one["new connection"] = by_python(stage, {}, None)
            secure = {"TLS_CERT": certificate, "TLS_KEY": key}
            one["open connection, TLS"], one["new connection, TLS"] = by_python(stage, secure, context)
            print(f"round {number + 1}: " + ", ".join(f"{name} {value:.2f} µs" for name, value in one.items()), flush=True)
            for name, value in one.items():
                found.setdefault(name, []).append(value)
        for name, values in found.items():
            print(f"{name:22} {statistics.median(values):7.2f} µs  ({min(values):.2f} to {max(values):.2f})")
        ratios = [guarded / plain for guarded, plain in zip(found["key and limit"], found["plain"])]
        print(f"key and limit: {statistics.median(ratios):.3f} × plain, round by round")
    finally:
        stage.stop()


if __name__ == "__main__":
    main()
