"""Starts real weir processes on free loopback ports, each with its own folder, and ends exactly those. Also the base
class of the tests, and what every test needs: seeds, waiting, shares of a suite."""
import contextlib
import gzip
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("WEIR_BINARY", ROOT / "build" / "release" / "weir"))
LONG = bool(os.environ.get("WEIR_TEST_LONG"))
SEED = int(os.environ.get("WEIR_SEED", "0")) or random.randrange(1, 2**31)


def rounds(short, long):
    """Returns the number of repetitions: `short` for `make test`, `long` for `make test-all`."""
    return long if LONG else short


def missing(what):
    """Reports that this machine lacks what a test needs: the test fails in CI and is skipped elsewhere."""
    if os.environ.get("CI"):
        raise AssertionError(f"required in CI and missing: {what}")
    print(f"SKIPPED, missing: {what}", file=sys.stderr)
    raise unittest.SkipTest(f"missing: {what}")


RESERVATIONS = []  # sockets, bound until this process ends


def free_port():
    """Returns a port that no other test is given while this process runs, also while no server listens there. It is below
    the range that the kernel uses for outgoing connections: otherwise a client that retries while its server is down
    could be assigned that very port and keep it."""
    dice = random.SystemRandom()  # not seeded: tests with the same seed must not choose the same ports
    while True:
        reservation = socket.socket()
        with contextlib.suppress(OSError):
            reservation.bind(("127.0.0.1", dice.randrange(20000, 32000)))
            reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a server that sets it too may listen there
            RESERVATIONS.append(reservation)
            return reservation.getsockname()[1]
        reservation.close()


def wait_until(claim, seconds=20.0, what="it"):
    """Calls `claim()` repeatedly until its result is true, and returns the result. Network errors count as false."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            answer = claim()
            if answer:
                return answer
        if time.monotonic() > end:
            raise AssertionError(f"timeout after {seconds} s: waited for {what}")
        time.sleep(0.02)


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Weir:
    """One `weir serve`, `producer` or `consumer`. Its folder outlives the process, so it can be killed and started again."""

    def __init__(self, folder, prefix=(), command="serve", **environment):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.command = command
        self.port = free_port()
        self.prefix = list(prefix)
        self.environment = {"FLUSH_INTERVAL_SEC": "1", **{name: str(value) for name, value in environment.items()}}
        self.credentials = {}  # headers for the reading side, if it needs a password
        self.process = None
        self.log_path = self.folder / "weir.log"

    def start(self, ready=True):
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "DB_", "DATABASE_"))},
            "DATA_DIR": str(self.folder / "data"),
            "CONSUMER_PORT" if self.command == "consumer" else "SERVER_PORT": str(self.port),
            "BIND_ADDRESS": "127.0.0.1",
            **self.environment,
        }
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.prefix, str(BINARY), self.command], env=environment, stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=30):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"weir exited with {self.process.returncode}: {self.log()[-2000:]}")
            return self.get("/health/ready").status == 200
        return wait_until(ready, seconds, "weir to be ready")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=30):
        """Sends SIGTERM and returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def freeze(self):
        """Sends SIGSTOP: connections stay open and nothing answers."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def end(self):
        """Kills the process if it still runs, and the program through which it was started."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)  # start() made it the leader of its own session
            self.process.wait()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def request(self, method, path, body=None, headers=None, timeout=30):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return Response(reply.status, dict(reply.getheaders()), reply.read())
        finally:
            connection.close()

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body, headers=None, **more):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        return self.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})}, **more)

    def summary(self, start, end, **filters):
        query = "&".join(f"{name}={value}" for name, value in {"from": start, "to": end, **filters}.items())
        answer = self.get(f"/api/v1/summary?{query}")
        assert answer.status == 200, answer.body
        return answer.json()

    def metric(self, name, **labels):
        """Returns the value of one series of /metrics."""
        wanted = re.escape(name)
        if labels:
            wanted += r"\{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + r"\}"
        return float(re.search(rf"^{wanted} (\S+)$", self.get("/metrics").body.decode(), re.MULTILINE)[1])

    def ledger(self):
        return self.get("/api/v1/ledger", headers=self.credentials).json()

    def wait_counted(self, seconds=60):
        """Waits until everything in the log has been counted, and returns the sums of the ledger."""
        def counted():
            answer = self.get("/health/ready")
            end = answer.json()["checks"]["event_log"].get("end")
            rows = self.ledger()["partitions"]
            return rows and rows[0]["next_offset"] == end and self.ledger()["sums"]
        return wait_until(counted, seconds, "the log to be counted")

    def assert_identities(self, case):
        """Checks both identities of the ledger for each partition (contract, law 2)."""
        for row in self.ledger()["partitions"]:
            case.assertEqual(row["read"], row["tallied"] + row["duplicate"] + row["dead_lettered"], row)
            case.assertEqual(row["next_offset"] - row["start_offset"], row["read"] + row["skipped"], row)

    def store(self):
        """Opens the file of the store read-only, as other SQL programs do."""
        return sqlite3.connect(f"file:{self.folder / 'data' / 'metrics.db'}?mode=ro", uri=True)


def temporary_folder(clean_up):
    """Makes a folder and registers its removal with `clean_up` (addCleanup of a test)."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-test-"))
    folder.chmod(0o711)  # a server that does not run as root needs to traverse it
    clean_up(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Case(unittest.TestCase):
    """A test with its own folder. It ends every Weir that it made."""

    def setUp(self):
        if not BINARY.exists():
            missing(f"{BINARY} (make build)")
        self.folder = temporary_folder(self.addCleanup)

    def weir(self, name="one", prefix=(), **environment):
        process = Weir(self.folder / name, prefix, **environment)
        self.addCleanup(process.end)
        return process

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result else 0
        begun = time.monotonic()
        outcome = super().run(result)
        print(f"    {time.monotonic() - begun:.1f} s", file=sys.stderr)
        if result and len(result.failures) + len(result.errors) > before:
            print(f"seed of this run: WEIR_SEED={SEED}", file=sys.stderr)
        return outcome


def now(offset=0.0):
    """Returns the time `offset` seconds from now as RFC 3339 in UTC."""
    moment = time.time() + offset
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1000):03d}Z"


def activity(user="ada", kind="page_view", when=None, **more):
    return {"user_id": user, "activity_type": kind, "timestamp": when or now(), **more}


def access_log():
    """Returns the bytes of the real access log: from WEIR_ACCESS_LOG, or from its place beside the project."""
    path = pathlib.Path(os.environ.get("WEIR_ACCESS_LOG", ROOT.parent / "shared/data/apache_access.log.gz"))
    if not path.exists():
        missing(f"an access log of 10,000 requests (WEIR_ACCESS_LOG, or {path.name} beside the project)")
    return gzip.decompress(path.read_bytes())


def access_log_or(make):
    """Returns the real access log, or the result of `make` if there is none."""
    try:
        return access_log()
    except (AssertionError, unittest.SkipTest):
        return make()


class Share(unittest.TestLoader):
    """Loads one share of the tests of a module: WEIR_SHARE=2/3 is the second third. The order of the tests is kept, so the
    tests of a class, and thereby its servers, spread over as few shares as possible."""

    def loadTestsFromModule(self, module, **more):
        part, parts = map(int, os.environ.get("WEIR_SHARE", "1/1").split("/"))
        tests = list(each_test(super().loadTestsFromModule(module, **more)))
        return self.suiteClass(tests[len(tests) * (part - 1) // parts:len(tests) * part // parts])


def each_test(suite):
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from each_test(one)
        else:
            yield one


def main():
    print(f"WEIR_SEED={SEED}", file=sys.stderr)
    random.seed(SEED)
    unittest.main(verbosity=2, testLoader=Share())
