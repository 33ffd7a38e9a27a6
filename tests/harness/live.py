"""Readers of /api/v1/live: server-sent events over a plain socket, as a browser's EventSource reads them."""
import contextlib
import json
import selectors
import socket
import time

from tests.harness import weir

PATH = "/api/v1/live"


def open_socket(one, target=PATH, headers=None, method="GET"):
    connection = socket.create_connection(("127.0.0.1", one.port), timeout=20)
    lines = [f"{method} {target} HTTP/1.0", "Host: x", "Accept: text/event-stream",
             *(f"{name}: {value}" for name, value in (headers or {}).items())]
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())  # HTTP/1.0: the body comes without chunks
    return connection


class Event:
    def __init__(self, block):
        fields = {}
        for line in block.decode().splitlines():
            name, _, value = line.partition(":")
            fields.setdefault(name, value.removeprefix(" "))
        self.comment = fields.get("") if set(fields) == {""} else None
        self.name, self.id, self.data = fields.get("event"), fields.get("id"), fields.get("data")

    def json(self):
        return json.loads(self.data)


class Reader:
    """One reader. next() returns the next event or comment, with the time at which it was complete."""

    def __init__(self, one, target=PATH, headers=None):
        self.socket = open_socket(one, target, headers)
        self.bytes = b""
        head = self._until(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = dict(line.split(": ", 1) for line in rest if line)

    def _until(self, end):
        while end not in self.bytes:
            more = self.socket.recv(1 << 16)
            if not more:
                raise EOFError("the stream has ended")
            self.bytes += more
        part, _, self.bytes = self.bytes.partition(end)
        return part

    def next(self, seconds=20.0):
        self.socket.settimeout(seconds)
        event = Event(self._until(b"\n\n"))
        event.at = time.monotonic()
        return event

    def next_update(self, seconds=20.0):
        end = time.monotonic() + seconds
        while True:
            event = self.next(max(0.01, end - time.monotonic()))
            if event.comment is None:
                return event

    def is_silent(self, seconds):
        """Whether no update comes within that time."""
        try:
            self.next_update(seconds)
        except TimeoutError:
            return True
        return False

    def rest(self):
        """Returns what comes until the stream ends."""
        self.socket.settimeout(20)
        with contextlib.suppress(ConnectionResetError):
            while more := self.socket.recv(1 << 16):
                self.bytes += more
        return self.bytes

    def close(self):
        self.socket.close()


def first_answer(one, target):
    """The response to a request, whose body ends after the first event if it is a stream."""
    with contextlib.closing(Reader(one, target)) as reader:
        if reader.headers.get("Content-Type") == "text/event-stream":
            return weir.Response(reader.status, reader.headers, reader._until(b"\n\n"))
        return weir.Response(reader.status, reader.headers, reader.rest())


class Crowd:
    """Many readers on one thread. Counts the bytes and the updates that arrive."""

    def __init__(self, one, count):
        self.selector = selectors.DefaultSelector()
        self.sockets = []
        for _ in range(count):
            connection = open_socket(one)
            connection.setblocking(False)
            self.selector.register(connection, selectors.EVENT_READ)
            self.sockets.append(connection)
        self.updates = self.bytes = 0

    def read_for(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            for key, _ in self.selector.select(left):
                data = key.fileobj.recv(1 << 16)
                if not data:
                    raise EOFError("a stream has ended")
                self.bytes += len(data)
                self.updates += data.count(b"event: update\n")

    def close(self):
        for connection in self.sockets:
            connection.close()
