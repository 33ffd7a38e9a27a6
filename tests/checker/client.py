"""A client outside the service that keeps a ledger: seeded traffic, sent and tried again as users' SDKs do it.

    python3 -B -m tests.checker.client --url http://127.0.0.1:8080[,http://…] --ledger FILE --seed N --rate EVENTS_PER_S
                                  [--seconds S] [--events N] [--connections 4] [--tries 10] [--timeout 15]
                                  [--clock-steps]

It ends by itself after --seconds or --events, or on SIGTERM or SIGINT: the requests under way are finished, the ledger
is closed, the last line of stdout is a JSON object with counts, exit code 0. An answer that no honest client should get
(400 for a good event, 200 for a bad one, …) is a line on stderr and exit code 1. With --clock-steps the service's clock
may be days slow: then it may refuse a good event as too far ahead of the clock, and the event is sent again.

In a test:

    sender = client.Client([url, …], path_of_ledger, seed=7, rate=500).start()
    …
    sender.stop()     # or wait(seconds), where `events` or `seconds` was given; both raise what went wrong

What it does: single events and batches (arrays, NDJSON; some gzipped; some bodies cut off) over several connections;
an event that was refused or of which nothing is known is sent again with backoff, under its message_id, to the next
URL; one without message_id is not sent again where it could be there already. Some ids are sent again though they were
kept: within the same batch, at once, or seconds later over whichever connection comes first."""
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

CUT_BODY = "the body is no JSON"
AHEAD = "ahead of the clock"
CONTENT_TYPES = ["application/json", "text/plain;charset=UTF-8", "application/x-ndjson"]


class UnexpectedAnswer(Exception):
    """An answer that no honest client should get."""


class Client:
    """Several connections, a thread each. A ledger file may be gone on with by the next client."""

    def __init__(self, urls, ledger_path, seed, rate, seconds=None, events=None, connections=4, tries=10, timeout=15,
                 clock_steps=False, **traffic):
        self.urls, self.seed, self.rate, self.tries, self.timeout = list(urls), seed, rate, tries, timeout
        self._until = None if seconds is None else time.monotonic() + seconds
        self._left = float("inf") if events is None else events
        self.clock_steps = clock_steps
        self.traffic = traffic  # what is to be otherwise than usual, see Traffic
        self._ledger = LedgerWriter(ledger_path, seed=seed, urls=self.urls, rate=rate)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._next_slot = time.monotonic()
        self._again, self._serial = [], itertools.count()  # heap of (when, number, event): kept, and sent once more
        self._counts = collections.Counter(dict.fromkeys(["tries", KEPT, REFUSED, UNKNOWN, "given_up"], 0))
        self._fault = None
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True)
                         for number in range(connections)]

    def start(self):
        """Returns at once; gives itself."""
        for thread in self._threads:
            thread.start()
        return self

    def stop(self, seconds=60):
        """No request after those under way; closes the ledger. Gives counts()."""
        self._stop.set()
        return self.wait(seconds)

    def wait(self, seconds=120):
        """Until all is sent; closes the ledger. Gives counts()."""
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        if self.sending:
            raise AssertionError(f"not all sent in {seconds} s: {self.counts()}")
        if self._ledger:
            self._ledger.close()
            self._ledger = None
        if self._fault:
            raise self._fault
        return self.counts()

    def counts(self):
        """{"tries": requests, "kept", "refused", "unknown": sends, "given_up": events that no try got in}"""
        with self._lock:
            return dict(self._counts)

    @property
    def sending(self):
        """Whether any of its threads still runs."""
        return any(thread.is_alive() for thread in self._threads)

    def ask_to_stop(self):
        """For a signal handler: stop() without waiting."""
        self._stop.set()

    # What each thread does.

    def _run(self, number):
        connection = Connection(self, number)
        try:
            while not self._stop.is_set() and connection.send_next():
                pass
        except BaseException as fault:
            self._fault = self._fault or fault
            self._stop.set()
        finally:
            connection.poster.close()

    def take_turn(self, count):
        """Waits until `count` more events may be sent at this rate. False: there is nothing more to send."""
        with self._lock:
            now = time.monotonic()
            self._next_slot = max(self._next_slot, now - 1.0)  # what a server's absence held up is not made up for
            mine, self._next_slot = self._next_slot, self._next_slot + count / self.rate
            self._left -= count
            if self._left < 0 and self._left + count <= 0:
                return False
        if self._until is not None and max(mine, now) >= self._until:
            return False
        return not self._stop.wait(max(0.0, mine - now))

    def send_once_more(self, event, after):
        with self._lock:
            heapq.heappush(self._again, (time.monotonic() + after, next(self._serial), event))

    def due_again(self):
        """Events that were kept and are to be sent once more now."""
        due = []
        with self._lock:
            while self._again and self._again[0][0] <= time.monotonic() and len(due) < 20:
                due.append(heapq.heappop(self._again)[2])
        return due

    def add(self, **counts):
        with self._lock:
            self._counts.update(counts)

    def sleep(self, seconds):
        """False: it is over."""
        return not self._stop.wait(seconds)

    @property
    def ledger(self):
        return self._ledger


class Connection:
    """One thread's connection, its dice, and what it sends."""

    def __init__(self, client, number):
        self.client, self.ledger = client, client.ledger
        self.dice = random.Random(f"{client.seed}/{number}")
        self.traffic = Traffic(self.dice, f"{client.ledger.client}-{number}", **client.traffic)
        addresses = [(parsed.hostname, parsed.port) for parsed in map(urllib.parse.urlsplit, client.urls)]
        turn = number % len(addresses)
        self.poster = HttpClient(addresses[turn:] + addresses[:turn], client.timeout)

    def send_next(self):
        """One request's worth, until it is kept or given up. False: there is nothing more to send."""
        dice = self.dice
        events = self.client.due_again()
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
            self.poster.close()  # a visitor comes anew
        if len(events) > 1 and dice.random() < 0.02:
            self._send_cut_off(events)
        self._send_until_kept(events)
        return True

    def _send_until_kept(self, events):
        for attempt in range(self.client.tries):
            if attempt and not self.client.sleep(min(5.0, 0.1 * 2**attempt) * self.dice.uniform(0.5, 1.0)):
                return
            reply = self._try(events)
            self._maybe_once_more([e for e, outcome in zip(events, reply.outcomes) if outcome == KEPT])
            events = [event for event, outcome in zip(events, reply.outcomes)
                      if not event.bad and outcome != KEPT and (event.message_id is not None or outcome == REFUSED)]
            if not events:
                return
        self.client.add(given_up=len(events))

    def _maybe_once_more(self, kept):
        for event in kept:
            if event.message_id is not None and self.dice.random() < 0.04:
                self.client.send_once_more(event, self.dice.choice([0.0, self.dice.uniform(0.0, 20.0)]))

    # One request.

    def _try(self, events):
        """Writes the intent, sends, writes the outcome; the Reply."""
        single = len(events) == 1 and self.dice.random() < 0.9
        array = not any(event.alone for event in events) and self.dice.random() < 0.5
        number, texts = self._marked(events)
        if single:
            return self._post(number, events, texts, "/activity", "one", texts[0])
        body = b"[" + b" , ".join(texts) + b"]" if array else b"\n".join(texts) + self.dice.choice([b"", b"\n"])
        return self._post(number, events, texts, "/activities", "array" if array else "lines", body)

    def _send_cut_off(self, events):
        """A body that breaks off: nothing of it may be kept, though its events are good."""
        number, texts = self._marked(events)
        self._post(number, events, texts, "/activities", "cut off", b"[" + b",".join(texts), CUT_BODY)

    def _marked(self, events):
        number = self.ledger.next_try()
        return number, [event.bytes(mark(self.ledger.client, number, index)) for index, event in enumerate(events)]

    def _post(self, number, events, texts, path, form, body, bad=None):
        headers = {"Content-Type": self.dice.choice(CONTENT_TYPES)}
        if self.dice.random() < 0.2:
            body, headers["Content-Encoding"], form = gzip.compress(body, 1), "gzip", form + " gzip"
        to = "http://{}:{}".format(*self.poster.addresses[0])
        self.ledger.intend(number, to, path, form, [[event.user, event.message_id, digest(text), bad or event.bad]
                                                    for event, text in zip(events, texts)])
        reply = self.poster.post(path, body, headers, len(events))
        self.ledger.settle(number, reply.status, reply.outcomes, reply.why[:200])
        self.client.add(tries=1, **collections.Counter(reply.outcomes))
        for index, event in enumerate(events):
            wrong = bad or event.bad
            if not wrong and index in reply.rejected and not self._is_ahead_of_a_slow_clock(reply.rejected[index]):
                raise UnexpectedAnswer(f"a good event was refused: {reply.rejected[index]} (try {number}, "
                                  f"{texts[index][:500]!r})")
            if wrong and reply.outcomes[index] == KEPT:
                raise UnexpectedAnswer(f"an event that is wrong ({wrong}) was kept (try {number}, {texts[index][:500]!r})")
        return reply

    def _is_ahead_of_a_slow_clock(self, why):
        return self.client.clock_steps and AHEAD in why


def main():
    parser = argparse.ArgumentParser(description="Sends seeded traffic to a Weir and keeps a ledger of it.")
    parser.add_argument("--url", required=True, help="http://HOST:PORT, several with commas")
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
    except Exception as fault:
        print(f"error: {type(fault).__name__}: {fault}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
