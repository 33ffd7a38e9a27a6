"""The ledger client: sends seeded traffic from outside the service, retries as an SDK does, and keeps a ledger.

    python3 -B -m tests.checker.client --url http://127.0.0.1:8080[,http://…] --ledger FILE --seed N --rate EVENTS_PER_S
                                  [--seconds S] [--events N] [--connections 4] [--tries 10] [--timeout 15]
                                  [--clock-steps]

It ends after --seconds or --events, or on SIGTERM or SIGINT: it finishes its open requests and closes the ledger. The
last line of stdout is a JSON object with counts; the exit code is 0. An answer that no honest client should get (400 for
a valid event, 200 for an invalid one, …) is reported on stderr with exit code 1. With --clock-steps the clock of the
service may be days slow. It may then refuse a valid event as too far ahead of the clock; the client sends it again.

In a test:

    sender = client.Client([url, …], path_of_ledger, seed=7, rate=500).start()
    …
    sender.stop()     # or wait(seconds), if `events` or `seconds` was given; both raise the first error

Traffic: single events and batches (arrays and NDJSON, some gzipped, some truncated) over several connections. An event that
was refused, or whose outcome is unknown, is sent again with backoff under its message_id to the next URL. An event without
message_id is not sent again if it may have been kept. Some kept ids are sent again on purpose: within the same batch, at
once, or seconds later over any connection."""
import argparse
import collections
import gzip
import heapq
import itertools
import json
import pathlib
import random
import signal
import sys
import threading
import time
import urllib.parse

from tests.checker.ledger import LedgerWriter, digest, mark
from tests.checker.traffic import Traffic
from tests.harness.http_client import KEPT, REFUSED, UNKNOWN, HttpClient

TRUNCATED = "the body is no JSON"
AHEAD = "ahead of the clock"
CONTENT_TYPES = ["application/json", "text/plain;charset=UTF-8", "application/x-ndjson"]


class UnexpectedAnswer(Exception):
    """An answer that no honest client should get."""


class Client:
    """Several connections with a thread each. The next client may append to the same ledger file."""

    def __init__(self, urls, ledger_path, seed, rate, seconds=None, events=None, connections=4, tries=10, timeout=15,
                 clock_steps=False, **traffic):
        self.urls, self.seed, self.rate, self.tries, self.timeout = list(urls), seed, rate, tries, timeout
        self._until = None if seconds is None else time.monotonic() + seconds
        self._left = float("inf") if events is None else events
        self.clock_steps = clock_steps
        self.traffic = traffic  # arguments of Traffic
        self._ledger = LedgerWriter(ledger_path, seed=seed, urls=self.urls, rate=rate)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._next_slot = time.monotonic()
        self._again, self._serial = [], itertools.count()  # heap of (time, number, event): kept events to send again
        self._counts = collections.Counter(dict.fromkeys(["tries", KEPT, REFUSED, UNKNOWN, "given_up"], 0))
        self._error = None
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True)
                         for number in range(connections)]

    def start(self):
        """Starts the threads and returns the client."""
        for thread in self._threads:
            thread.start()
        return self

    def stop(self, seconds=60):
        """Sends nothing after the open requests, closes the ledger and returns counts()."""
        self._stop.set()
        return self.wait(seconds)

    def wait(self, seconds=120):
        """Waits until everything is sent, closes the ledger and returns counts()."""
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        if self.sending:
            raise AssertionError(f"not all sent in {seconds} s: {self.counts()}")
        if self._ledger:
            self._ledger.close()
            self._ledger = None
        if self._error:
            raise self._error
        return self.counts()

    def counts(self):
        """Returns {"tries": requests; "kept", "refused", "unknown": sends; "given_up": events that were never kept}."""
        with self._lock:
            return dict(self._counts)

    @property
    def sending(self):
        """Whether any thread still runs."""
        return any(thread.is_alive() for thread in self._threads)

    def ask_to_stop(self):
        """Like stop(), without waiting. For a signal handler."""
        self._stop.set()

    # Called by the threads.

    def _run(self, number):
        connection = Connection(self, number)
        try:
            while not self._stop.is_set() and connection.send_next():
                pass
        except BaseException as error:
            self._error = self._error or error
            self._stop.set()
        finally:
            connection.http.close()

    def take_turn(self, count):
        """Waits until `count` more events may be sent at this rate. Returns False if there is nothing more to send."""
        with self._lock:
            now = time.monotonic()
            self._next_slot = max(self._next_slot, now - 1.0)  # the delay of an outage is not caught up
            mine, self._next_slot = self._next_slot, self._next_slot + count / self.rate
            self._left -= count
            if self._left < 0 and self._left + count <= 0:
                return False
        if self._until is not None and max(mine, now) >= self._until:
            return False
        return not self._stop.wait(max(0.0, mine - now))

    def schedule_repeat(self, event, after):
        with self._lock:
            heapq.heappush(self._again, (time.monotonic() + after, next(self._serial), event))

    def due_repeats(self):
        """Returns the kept events that are now due to be sent again."""
        due = []
        with self._lock:
            while self._again and self._again[0][0] <= time.monotonic() and len(due) < 20:
                due.append(heapq.heappop(self._again)[2])
        return due

    def add(self, **counts):
        with self._lock:
            self._counts.update(counts)

    def sleep(self, seconds):
        """Returns False if the client was asked to stop."""
        return not self._stop.wait(seconds)

    @property
    def ledger(self):
        return self._ledger


class Connection:
    """The connection of one thread, with its own random choices."""

    def __init__(self, client, number):
        self.client, self.ledger = client, client.ledger
        self.dice = random.Random(f"{client.seed}/{number}")
        self.traffic = Traffic(self.dice, f"{client.ledger.client}-{number}", **client.traffic)
        addresses = [(parsed.hostname, parsed.port) for parsed in map(urllib.parse.urlsplit, client.urls)]
        turn = number % len(addresses)
        self.http = HttpClient(addresses[turn:] + addresses[:turn], client.timeout)

    def send_next(self):
        """Sends the events of one request until they are kept or given up. Returns False if there is nothing more to send."""
        dice = self.dice
        events = self.client.due_repeats()
        if not events:
            single = dice.random() < 0.6
            size = 1 if single else dice.randrange(2, 60) if dice.random() < 0.15 else dice.randrange(2, 8)
            events = [self.traffic.next() for _ in range(size)]
            if not self.client.take_turn(len(events)):
                return False
            known = [event for event in events if event.message_id is not None and not event.bad]
            if not single and known and dice.random() < 0.2:  # the same id twice in one batch
                events.insert(dice.randrange(len(events) + 1), dice.choice(known))
        if dice.random() < 0.02:
            self.http.close()  # a new connection, as by a new visitor
        if len(events) > 1 and dice.random() < 0.02:
            self._send_truncated(events)
        self._send_until_kept(events)
        return True

    def _send_until_kept(self, events):
        for attempt in range(self.client.tries):
            if attempt and not self.client.sleep(min(5.0, 0.1 * 2**attempt) * self.dice.uniform(0.5, 1.0)):
                return
            reply = self._try(events)
            self._schedule_some_repeats([e for e, outcome in zip(events, reply.outcomes) if outcome == KEPT])
            events = [event for event, outcome in zip(events, reply.outcomes)
                      if not event.bad and outcome != KEPT and (event.message_id is not None or outcome == REFUSED)]
            if not events:
                return
        self.client.add(given_up=len(events))

    def _schedule_some_repeats(self, kept):
        for event in kept:
            if event.message_id is not None and self.dice.random() < 0.04:
                self.client.schedule_repeat(event, self.dice.choice([0.0, self.dice.uniform(0.0, 20.0)]))

    # One request.

    def _try(self, events):
        """Writes the intent, sends the request, writes the outcome and returns the Reply."""
        single = len(events) == 1 and self.dice.random() < 0.9
        array = not any(event.alone for event in events) and self.dice.random() < 0.5
        number, texts = self._marked(events)
        if single:
            return self._post(number, events, texts, "/activity", "one", texts[0])
        body = b"[" + b" , ".join(texts) + b"]" if array else b"\n".join(texts) + self.dice.choice([b"", b"\n"])
        return self._post(number, events, texts, "/activities", "array" if array else "lines", body)

    def _send_truncated(self, events):
        """Sends a truncated body. The service must keep none of its events, though they are valid."""
        number, texts = self._marked(events)
        self._post(number, events, texts, "/activities", "truncated", b"[" + b",".join(texts), TRUNCATED)

    def _marked(self, events):
        number = self.ledger.next_try()
        return number, [event.bytes(mark(self.ledger.client, number, index)) for index, event in enumerate(events)]

    def _post(self, number, events, texts, path, form, body, bad=None):
        headers = {"Content-Type": self.dice.choice(CONTENT_TYPES)}
        if self.dice.random() < 0.2:
            body, headers["Content-Encoding"], form = gzip.compress(body, 1), "gzip", form + " gzip"
        to = "http://{}:{}".format(*self.http.addresses[0])
        self.ledger.intend(number, to, path, form, [[event.user, event.message_id, digest(text), bad or event.bad]
                                                    for event, text in zip(events, texts)])
        reply = self.http.post(path, body, headers, len(events))
        self.ledger.record_outcome(number, reply.status, reply.outcomes, reply.why[:200])
        self.client.add(tries=1, **collections.Counter(reply.outcomes))
        for index, event in enumerate(events):
            wrong = bad or event.bad
            if not wrong and index in reply.rejected and not self._is_ahead_of_a_slow_clock(reply.rejected[index]):
                raise UnexpectedAnswer(f"a valid event was refused: {reply.rejected[index]} (try {number}, "
                                  f"{texts[index][:500]!r})")
            if wrong and reply.outcomes[index] == KEPT:
                raise UnexpectedAnswer(f"an invalid event ({wrong}) was kept (try {number}, {texts[index][:500]!r})")
        return reply

    def _is_ahead_of_a_slow_clock(self, why):
        return self.client.clock_steps and AHEAD in why


def main():
    parser = argparse.ArgumentParser(description="Sends seeded traffic to Weir and keeps a ledger of it.")
    parser.add_argument("--url", required=True, help="http://HOST:PORT, comma-separated")
    parser.add_argument("--ledger", required=True, type=pathlib.Path)
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--rate", required=True, type=float, help="events a second")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--events", type=int)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--tries", type=int, default=10)
    parser.add_argument("--timeout", type=float, default=15)
    parser.add_argument("--clock-steps", action="store_true")
    words = vars(parser.parse_args())
    client = Client(words.pop("url").split(","), words.pop("ledger"), **words)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: client.ask_to_stop())
    client.start()
    while client.sending:
        time.sleep(0.05)
    try:
        print(json.dumps(client.wait()))
    except Exception as error:
        print(f"error: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
