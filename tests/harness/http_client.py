"""Posts events to one of several Weir processes over a keep-alive connection and reports the outcome of each event."""
import dataclasses
import http.client
import json
import socket

KEPT, REFUSED, UNKNOWN = "kept", "refused", "unknown"
NOT_KEPT = (408, 429, 503)  # statuses that mean: not kept, send again


@dataclasses.dataclass
class Reply:
    status: int        # 0: no answer
    outcomes: list     # for each event: KEPT, REFUSED (certainly not kept) or UNKNOWN
    rejected: dict = dataclasses.field(default_factory=dict)  # {index: reason} of the invalid events; they are REFUSED too
    why: str = ""


class HttpClient:
    """Not thread-safe. `addresses`: a list of (host, port). The client stays with one address and moves to the next after a
    connection failure or a 5xx."""

    def __init__(self, addresses, timeout=15.0):
        self.addresses = list(addresses)
        self.timeout = timeout
        self._connection = None

    def post(self, path, body, headers, count):
        """Sends one request with `count` events (one for /activity) and returns its Reply."""
        try:
            self._connect()
        except OSError as error:
            self._next()
            return Reply(0, [REFUSED] * count, why=f"no connection: {error}")  # nothing was sent
        status = 0
        try:
            self._connection.request("POST", path, body, headers)
            answer = self._connection.getresponse()
            status = answer.status
            reply = read_reply(status, answer.read(), path, count)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._next()
            promised = status == 200 and path == "/activity"  # the status line alone is the promise
            return Reply(status, [KEPT if promised else UNKNOWN] * count, why=f"incomplete reply: {error!r}")
        if status >= 500:
            self._next()
        return reply

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self):
        if self._connection is None:
            connection = http.client.HTTPConnection(*self.addresses[0], timeout=self.timeout)
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connection = connection

    def _next(self):
        self.close()
        self.addresses.append(self.addresses.pop(0))


def read_reply(status, text, path, count):
    """Derives the outcome of each event from an answer (contract §3). ValueError: the answer is incomplete, or not from
    Weir. AssertionError: an answer that no honest client should get."""
    if status in NOT_KEPT:
        return Reply(status, [REFUSED] * count, why=text.decode(errors="replace"))
    if status not in (200, 400, 413, 500):
        raise AssertionError(f"{path} was answered with {status}: {text!r}")
    answer = json.loads(text)
    if status in (400, 413) and "rejected" not in answer:
        return Reply(status, [REFUSED] * count, dict.fromkeys(range(count), answer["error"]), answer["error"])
    if path == "/activity" or "accepted" not in answer:
        return Reply(status, [KEPT if status == 200 else UNKNOWN] * count, why=answer.get("error", ""))
    failed = set(answer.get("failed", []))
    rejected = {item["index"]: item["error"] for item in answer["rejected"]}
    outcomes = [UNKNOWN if index in failed else REFUSED if index in rejected else KEPT for index in range(count)]
    if outcomes.count(KEPT) != answer["accepted"]:
        raise AssertionError(f"a batch of {count} was answered with {status}: {answer}")
    return Reply(status, outcomes, rejected)
