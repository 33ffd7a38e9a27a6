"""A client that sends harmful traffic within the limits of the contract, and keeps a ledger like an honest client:

    python3 -B -m tests.chaos.hostile_client --url http://127.0.0.1:8080[,http://…] --ledger FILE --seed N --texts DIR

Until SIGTERM it repeats, in random order: batches of keys that collide in hash tables of known seed (colliding_texts.py);
gzip bodies of long values over 120 minutes; connections that send requests and never read a reply. Some of these requests
carry good events, whose outcome is then unknown. The ledger has each event before it is sent, so the recount knows it."""
import argparse
import collections
import gzip
import http.client
import json
import pathlib
import random
import signal
import socket
import sys
import threading
import time
import urllib.parse

from tests.checker.ledger import LedgerWriter, digest, mark
from tests.harness import weir
from tests.harness.colliding_texts import CollidingTexts
from tests.harness.http_client import UNKNOWN, HttpClient

USERS = 150           # of each kind: all users of a run together must be few enough to be counted exactly
COLLIDING = 500       # events in one batch
MANY = 5_000          # colliding keys; if all are used, windows have more values than they store
LONG_MINUTES = 120
LONG_VALUES = 6       # values in each of these minutes
UNREAD_CONNECTIONS = 40
UNREAD_SECONDS = 3.0
EVENTS_MAX = 12_000   # in total: bounds the time of the recount


class Hostile:
    """Not thread-safe. `texts`: a CollidingTexts. `over`: a threading.Event that ends run()."""

    def __init__(self, urls, ledger_path, seed, texts, over):
        self.addresses = [(parsed.hostname, parsed.port) for parsed in map(urllib.parse.urlsplit, urls)]
        self.dice, self.over = random.Random(seed), over
        self.ledger = LedgerWriter(ledger_path, seed=seed, urls=list(urls), rate=0)
        self.http = HttpClient(self.addresses)
        self.events, self.counts = 0, collections.Counter()
        self.pages, self.hosts = texts.pages(MANY), texts.hosts(MANY)
        self.users, self.pairs = texts.users(USERS), texts.pairs(MANY)
        self.pool = self.dice.choice([COLLIDING, MANY])

    def run(self):
        turns = [self.colliding_keys, self.long_values, self.unread_replies, self.unread_promises]
        while not self.over.is_set():
            self.dice.shuffle(turns)
            for turn in turns:
                if not self.over.wait(self.dice.uniform(0.1, 0.6)):
                    turn()
        self.http.close()
        self.ledger.close()
        return dict(self.counts)

    # The attacks.

    def colliding_keys(self):
        kind, at = self.dice.choice(["page", "referrer", "type", "user", "pair"]), weir.now()
        first = self.dice.randrange(self.pool - COLLIDING + 1)
        events = []
        for number in range(first, first + COLLIDING):
            event = {"user_id": "hostile", "activity_type": "page_view", "timestamp": at}
            if kind == "page":
                event["metadata"] = {"page_url": self.pages[number]}
            elif kind == "referrer":
                event["metadata"] = {"referrer": f"https://{self.hosts[number]}/"}
            elif kind == "type":
                event["activity_type"] = self.pages[number]
            elif kind == "user":
                event["user_id"] = self.users[number % USERS]
            else:
                event["user_id"], event["message_id"] = self.pairs[number]
            events.append(event)
        self.post(events)

    def long_values(self):
        now = time.time() // 60 * 60
        self.post([{"user_id": f"hostile-{number}", "activity_type": f"{number}".ljust(128, "t"),
                    "timestamp": weir.now(now - 60 * minute - time.time()),
                    "metadata": {"page_url": f"/{number}/".ljust(2048, "p"),
                                 "referrer": f"https://{number}.".ljust(2048, "r")}}
                   for minute in range(LONG_MINUTES) for number in range(LONG_VALUES)])

    def unread_replies(self):
        self._pipeline([b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 200] * UNREAD_CONNECTIONS)

    def unread_promises(self):
        """Sends good events and reads no reply, so that their outcome is unknown."""
        requests = []
        for _ in range(min(UNREAD_CONNECTIONS, max(0, EVENTS_MAX - self.events) // 20)):
            wire = b""
            for _ in range(20):
                event = {"user_id": "hostile", "activity_type": "click", "timestamp": weir.now()}
                number, (text,) = self._intend([event], "/activity", "pipelined")
                wire += b"POST /activity HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)
                self.ledger.record_outcome(number, 0, [UNKNOWN], "the client does not read the reply")
            requests.append(wire)
        self._pipeline(requests)

    def _pipeline(self, requests):
        """Sends each item on its own connection, all at once, and reads nothing."""
        sockets = []
        for wire in requests:
            one = socket.socket()
            sockets.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.settimeout(0.5)
            try:
                one.connect(self.dice.choice(self.addresses))
                one.sendall(wire)
                self.counts["connections without a reader"] += 1
            except OSError:
                self.counts["connections closed by the server"] += 1
        self.over.wait(UNREAD_SECONDS)
        for one in sockets:
            one.close()

    # Sending a batch.

    def post(self, events):
        if self.events + len(events) > EVENTS_MAX:
            return
        number, texts = self._intend(events, "/activities", "lines gzip")
        try:
            reply = self.http.post("/activities", gzip.compress(b"\n".join(texts), 6),
                                     {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}, len(events))
        except http.client.HTTPException as error:
            return self.ledger.record_outcome(number, 0, [UNKNOWN] * len(events), repr(error)[:200])
        self.ledger.record_outcome(number, reply.status, reply.outcomes, reply.why[:200])
        self.counts.update(reply.outcomes)

    def _intend(self, events, path, form):
        """Writes the intent to the ledger. Returns the number of the try and the bytes of each event with its mark."""
        number = self.ledger.next_try()
        texts = [json.dumps({**event, "send": mark(self.ledger.client, number, index)}, separators=(",", ":")).encode()
                 for index, event in enumerate(events)]
        self.ledger.intend(number, "http://{}:{}".format(*self.http.addresses[0]), path, form,
                           [[event["user_id"], event.get("message_id"), digest(text), None]
                            for event, text in zip(events, texts)])
        self.events += len(events)
        return number, texts


def main():
    parser = argparse.ArgumentParser(description="Sends harmful traffic within the limits and keeps a ledger of it.")
    parser.add_argument("--url", required=True, help="http://HOST:PORT, comma-separated")
    parser.add_argument("--ledger", required=True, type=pathlib.Path)
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--texts", required=True, type=pathlib.Path, help="folder where the generator of keys is compiled")
    words = parser.parse_args()
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    client = Hostile(words.url.split(","), words.ledger, words.seed, CollidingTexts(words.texts), over)
    print(json.dumps(client.run()))


if __name__ == "__main__":
    sys.exit(main())
