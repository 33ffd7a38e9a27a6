"""Clients that hold memory and connections of a server as long as they can, and an honest client to compare with."""
import collections
import http.client
import selectors
import socket
import subprocess
import sys
import threading
import time

from tests.harness import weir

PIPELINED = b"GET /app.js HTTP/1.1\r\nHost: x\r\n\r\n" * 500  # each reply has 11 KB, and the client reads none
BODY_BYTES, BODY_SENT = 8_000_000, 400_000


class HostileClients:
    """`count` sockets, bound to `addresses` in turn, a quarter of each kind: idle, slow headers, slow bodies, and pipelined
    requests whose replies are not read. A socket that the server closes is opened again."""

    KINDS = ("idle", "slow header", "slow body", "reads nothing")

    def __init__(self, port, addresses, count):
        self.port, self.addresses, self.count = port, addresses, count
        self._selector = selectors.DefaultSelector()
        self._rest = {}  # {socket: (kind, number, bytes still to be sent)}

    def run(self):
        """Opens the sockets, prints `open` once nine of ten are open at the same time, and keeps on until standard input ends."""
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        for number in range(self.count):
            self._open(number)
            if number % 50 == 0:
                self._step(0)
        told = False
        while self._step(0.05):
            if not told and len(self._rest) > 0.9 * self.count:
                told = True
                print("open", flush=True)

    def _open(self, number):
        kind = self.KINDS[number % len(self.KINDS)]
        one = socket.socket()
        if kind == "reads nothing":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.bind((self.addresses[number // len(self.KINDS) % len(self.addresses)], 0))
        one.setblocking(False)
        try:
            one.connect(("127.0.0.1", self.port))
        except BlockingIOError:
            pass
        head = b"POST /activities HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % BODY_BYTES
        rest = {"idle": b"", "slow header": b"GET /health HTTP/1.1\r\n" + b"X: y\r\n" * 60,
                "slow body": head + b"x" * BODY_SENT, "reads nothing": PIPELINED}[kind]
        self._rest[one] = (kind, number, rest)
        self._selector.register(one, selectors.EVENT_READ | (selectors.EVENT_WRITE if rest else 0))

    def _step(self, seconds):
        """Handles the sockets that are ready. Returns False at the end of standard input."""
        for key, events in self._selector.select(seconds):
            one = key.fileobj
            if one is sys.stdin:
                return False
            kind, number, rest = self._rest[one]
            try:
                if events & selectors.EVENT_WRITE:
                    rest = self._send(one, kind, rest)
                    self._rest[one] = (kind, number, rest)
                    self._selector.modify(one, self._wanted(kind, rest))
                if events & selectors.EVENT_READ and kind != "reads nothing" and not one.recv(65536):
                    raise ConnectionResetError
            except BlockingIOError:
                pass
            except OSError:
                self._selector.unregister(one)
                del self._rest[one]
                one.close()
                self._open(number)
        return True

    @staticmethod
    def _wanted(kind, rest):
        # A client that reads nothing notices only by a failed write that the server closed its connection.
        return (selectors.EVENT_WRITE if rest else 0) | (0 if kind == "reads nothing" and rest else selectors.EVENT_READ)

    @staticmethod
    def _send(one, kind, rest):
        if kind == "slow header":
            return rest[one.send(rest[:7]):]
        rest = rest[one.send(rest[:262144]):]
        return PIPELINED if kind == "reads nothing" and not rest else rest


class HostileProcess:
    """HostileClients in a process of its own, from the addresses 127.0.0.2 to 127.0.0.11, with the least priority: what it takes
    of a core is not missing elsewhere. `core`: it runs on this one only."""

    def __init__(self, port, count, core=None):
        command = ["nice", "-n", "19", *(["taskset", "-c", str(core)] if core is not None else []),
                   sys.executable, "-B", "-m", "tests.harness.hostile_clients", str(port), str(count)]
        self.process = subprocess.Popen(command, cwd=weir.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait_open(self):
        """Waits until nine of ten sockets are open."""
        if self.process.stdout.readline() != "open\n":
            raise AssertionError(f"the hostile clients ended with {self.process.wait()}")

    def stop(self):
        self.process.stdin.close()
        try:
            code = self.process.wait(60)
        finally:
            self.process.kill()
            self.process.stdout.close()
        if code != 0:
            raise AssertionError(f"the hostile clients ended with {code}")


class HonestClient:
    """Posts one small event after another from 127.0.0.1. It opens a new connection for every tenth event."""

    def __init__(self, weir, make_event):
        self.weir, self.make_event = weir, make_event
        self.statuses, self.seconds, self.faults = collections.Counter(), [], []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self._stop.set()
        self._thread.join(60)

    def percentile(self, share):
        return sorted(self.seconds)[int(len(self.seconds) * share)]

    def _run(self):
        connection = None
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                if connection is None or len(self.seconds) % 10 == 0:
                    if connection:
                        connection.close()
                    connection = http.client.HTTPConnection("127.0.0.1", self.weir.port, timeout=20)
                connection.request("POST", "/activity", self.make_event(len(self.seconds)))
                reply = connection.getresponse()
                reply.read()
                self.statuses[reply.status] += 1
            except (OSError, http.client.HTTPException) as fault:
                self.faults.append(repr(fault))
                connection = None
            self.seconds.append(time.monotonic() - begun)
            self._stop.wait(0.005)
        if connection:
            connection.close()


if __name__ == "__main__":
    HostileClients(int(sys.argv[1]), [f"127.0.0.{number}" for number in range(2, 12)], int(sys.argv[2])).run()
