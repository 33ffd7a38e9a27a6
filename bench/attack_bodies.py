"""Request bodies that are small on the wire and large when decompressed, and functions that send them."""
import collections
import datetime
import gzip
import http.client
import json
import threading
import time

BODY_BYTES = 15 * 2**20  # decompressed; MAX_BODY_BYTES is 16 MiB
MINUTE, HOUR, DAY = 60, 3600, 86400


def moment(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def event(user="u", kind="page_view", at=None, page=None, referrer=None, message_id=None):
    members = {"user_id": user, "activity_type": kind, "timestamp": moment(at or time.time())}
    metadata = {name: text for name, text in (("page_url", page), ("referrer", referrer)) if text is not None}
    if metadata:
        members["metadata"] = metadata
    if message_id is not None:
        members["message_id"] = message_id
    return json.dumps(members, separators=(",", ":")).encode()


def packed(events, body_bytes=BODY_BYTES, items=10_000):
    """Yields gzip bodies of NDJSON, as few as the limits allow."""
    lines, size = [], 0
    for one in events:
        if lines and (size + len(one) + 1 > body_bytes or len(lines) >= items):
            yield gzip.compress(b"\n".join(lines), 6)
            lines, size = [], 0
        lines.append(one)
        size += len(one) + 1
    if lines:
        yield gzip.compress(b"\n".join(lines), 6)


HEADERS = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}


def send(server, bodies, seconds=120):
    """Sends the bodies in sequence and repeats those that get 429 or 503. Returns the number of bytes on the wire."""
    sent, end = 0, time.monotonic() + seconds
    for body in bodies:
        while True:
            answer = server.request("POST", "/activities", body, HEADERS, timeout=60)
            sent += len(body)
            if answer.status == 200:
                break
            if answer.status not in (429, 503) or time.monotonic() > end:
                raise AssertionError(f"a batch was answered with {answer.status}: {answer.body[:300]}")
            time.sleep(0.2)
    return sent


def send_at_once(server, body, connections, rounds):
    """Sends the same body on many connections at the same time. Returns {status or error: count}."""
    seen, lock = collections.Counter(), threading.Lock()

    def one():
        for _ in range(rounds):
            try:
                word = server.request("POST", "/activities", body, HEADERS, timeout=60).status
            except (OSError, http.client.HTTPException) as error:
                word = type(error).__name__
            with lock:
                seen[word] += 1
    threads = [threading.Thread(target=one, daemon=True) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    return dict(seen)


class HonestClient:
    """Within its context, posts one small event every 50 ms, each on a new connection. Records statuses and the longest
    time."""

    def __init__(self, server):
        self.server, self.statuses, self.slowest = server, collections.Counter(), 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(60)

    @property
    def refused(self):
        return {status: count for status, count in self.statuses.items() if status != 200}

    def _run(self):
        while not self._over.wait(0.05):
            begun = time.monotonic()
            try:
                word = self.server.request("POST", "/activity", event("honest"), {"Content-Type": "application/json"},
                                         timeout=20).status
            except (OSError, http.client.HTTPException) as error:
                word = type(error).__name__
            self.statuses[word] += 1
            self.slowest = max(self.slowest, time.monotonic() - begun)
