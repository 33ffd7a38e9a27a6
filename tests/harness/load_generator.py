"""An honest client that keeps the books outside the service: every send with its id and its outcome."""
import collections
import json
import threading
import time

from tests.harness import weir
from tests.harness.http_client import KEPT, UNKNOWN, HttpClient


class LoadGenerator:
    """Sends activities, each with a message_id, in order, `at_once` in a request, to one producer after another.

    What was not answered with ok is sent again under the same ids (`again`), as a client should, until it is or until
    stop(). Afterwards: ok, unknown and refused are sets of message ids by their best outcome; `tries` counts requests
    by outcome, late names each ok that took longer than a second, with its seconds, and slowest is the longest that
    any answer took."""

    def __init__(self, ports, activities, at_once=50, per_second=0, again=True, timeout=15):
        self.activities = list(activities)
        self.at_once, self.per_second, self.again, self.timeout = at_once, per_second, again, timeout
        self._poster = HttpClient([("127.0.0.1", port) for port in ports], timeout)
        self.ok, self.unknown, self.refused = set(), set(), set()
        self.tries = collections.Counter()
        self.late = []
        self.slowest = 0.0
        self._fault = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def wait(self, seconds=120):
        """Until all is sent; the number of events answered with ok."""
        self._thread.join(seconds)
        if self._fault:
            raise self._fault
        if self._thread.is_alive():
            raise AssertionError(f"not all sent in {seconds} s: {len(self.ok)} of {len(self.activities)}, {self.tries}")
        return len(self.ok)

    def stop(self):
        """No request after the one under way."""
        self._stop.set()
        self._thread.join(self.timeout + 5)
        if self._fault:
            raise self._fault

    @property
    def sending(self):
        return self._thread.is_alive()

    def _run(self):
        try:
            self._send_all()
        except Exception as fault:  # an answer that no honest client should get
            self._fault = fault
        finally:
            self._poster.close()

    def _send_all(self):
        begun = time.monotonic()
        for at in range(0, len(self.activities), self.at_once):
            piece = self.activities[at:at + self.at_once]
            while piece and not self._stop.is_set():
                piece = self._send(piece)
                if piece and not self.again:
                    break
                if piece:
                    self._stop.wait(0.1)
            if self.per_second:
                self._stop.wait(max(0.0, begun + (at + self.at_once) / self.per_second - time.monotonic()))

    def _send(self, piece):
        """One request; gives what is not yet ok."""
        begun = time.monotonic()
        outcomes = self._post(piece)
        took = time.monotonic() - begun
        self.slowest = max(self.slowest, took)
        if took > 1 and KEPT in outcomes:
            self.late.append(took)
        self.tries.update(outcomes)
        left = []
        for activity, outcome in zip(piece, outcomes):
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

    def _post(self, piece):
        body = "\n".join(map(json.dumps, piece)).encode()
        reply = self._poster.post("/activities", body, {"Content-Type": "application/x-ndjson"}, len(piece))
        if reply.rejected:
            raise AssertionError(f"honest activities were rejected: {reply.rejected}")
        return reply.outcomes


def traffic(count, name="m", users=300):
    """Activities with ids of their own, spread over `users`, of which every twentieth comes twice."""
    made = []
    for number in range(count):
        made.append(weir.activity(user=f"user-{number % users}", message_id=f"{name}-{number}"))
        if number % 20 == 0 and number:
            made.append(made[-1])
    return made
