"""A client in the test process that records the outcome of every event that it sends."""
import collections
import json
import threading
import time

from tests.harness import weir
from tests.harness.http_client import KEPT, UNKNOWN, HttpClient


class LoadGenerator:
    """Sends activities in order, `at_once` in a request, to one producer at a time. Each has a message_id.

    With `again`, an event that was not accepted is sent again under the same id until it is accepted or stop() is called.
    Results: `ok`, `unknown` and `refused` are sets of message ids by their best outcome. `tries` counts events by outcome.
    `late` has the seconds of each successful request that took longer than one second. `slowest` is the longest time of
    any request."""

    def __init__(self, ports, activities, at_once=50, per_second=0, again=True, timeout=15):
        self.activities = list(activities)
        self.at_once, self.per_second, self.again, self.timeout = at_once, per_second, again, timeout
        self._http = HttpClient([("127.0.0.1", port) for port in ports], timeout)
        self.ok, self.unknown, self.refused = set(), set(), set()
        self.tries = collections.Counter()
        self.late = []
        self.slowest = 0.0
        self._error = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def wait(self, seconds=240):
        """Waits until everything is sent. Returns the number of accepted events."""
        self._thread.join(seconds)
        if self._error:
            raise self._error
        if self._thread.is_alive():
            raise AssertionError(f"not all sent in {seconds} s: {len(self.ok)} of {len(self.activities)}, {self.tries}")
        return len(self.ok)

    def stop(self):
        """Sends nothing after the current request."""
        self._stop.set()
        self._thread.join(self.timeout + 5)
        if self._error:
            raise self._error

    @property
    def sending(self):
        return self._thread.is_alive()

    def _run(self):
        try:
            self._send_all()
        except Exception as error:  # an answer that no honest client should get
            self._error = error
        finally:
            self._http.close()

    def _send_all(self):
        begun = time.monotonic()
        for at in range(0, len(self.activities), self.at_once):
            batch = self.activities[at:at + self.at_once]
            while batch and not self._stop.is_set():
                batch = self._send(batch)
                if batch and not self.again:
                    break
                if batch:
                    self._stop.wait(0.1)
            if self.per_second:
                self._stop.wait(max(0.0, begun + (at + self.at_once) / self.per_second - time.monotonic()))

    def _send(self, batch):
        """Sends one request and returns the events that were not accepted."""
        begun = time.monotonic()
        outcomes = self._post(batch)
        took = time.monotonic() - begun
        self.slowest = max(self.slowest, took)
        if took > 1 and KEPT in outcomes:
            self.late.append(took)
        self.tries.update(outcomes)
        left = []
        for activity, outcome in zip(batch, outcomes):
            identity = activity["message_id"]
            if outcome == KEPT:
                self.ok.add(identity)
                self.unknown.discard(identity)
                self.refused.discard(identity)
                continue
            left.append(activity)
            if outcome == UNKNOWN:
                self.unknown.add(identity)
                self.refused.discard(identity)
            elif identity not in self.unknown:
                self.refused.add(identity)
        return left

    def _post(self, batch):
        body = "\n".join(map(json.dumps, batch)).encode()
        reply = self._http.post("/activities", body, {"Content-Type": "application/x-ndjson"}, len(batch))
        if reply.rejected:
            raise AssertionError(f"valid activities were rejected: {reply.rejected}")
        return reply.outcomes


def traffic(count, name="m", users=300):
    """Returns activities with distinct ids, spread over `users`. Every twentieth occurs twice."""
    made = []
    for number in range(count):
        made.append(weir.activity(user=f"user-{number % users}", message_id=f"{name}-{number}"))
        if number % 20 == 0 and number:
            made.append(made[-1])
    return made
