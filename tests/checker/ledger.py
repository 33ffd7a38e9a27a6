"""The ledger file: what a client outside the service has sent, and what became of each event.

Append-only, one JSON object a line, and every line is on the disk (fdatasync) before its writer goes on: the intent
before the first byte of the request leaves, the outcome after the answer. So whatever is killed, the client itself
too, a request without an outcome is one of which nobody knows.

    {"client": "c7f3a1", "at": 1763851828.1, …}              a client begins; the lines behind it are its own
    {"try": 12, "at": …, "to": "http://127.0.0.1:8080", "path": "/activities", "form": "array gzip",
     "events": [["user", "message id" or null, "digest", "why it must be refused" or null], …]}
    {"try": 12, "at": …, "status": 200, "outcomes": "kkr", "why": "…"}   one letter for each of its events

Each event of each try carries a mark of its own, the member `send` = mark(client, try, index): the log keeps the bytes
as they came, so what stands there is known to be this very send and no other try of the same id."""
import dataclasses
import hashlib
import json
import os
import pathlib
import threading
import time

from tests.harness.http_client import KEPT, REFUSED, UNKNOWN

LETTERS = {"k": KEPT, "r": REFUSED, "u": UNKNOWN}


def mark(client, number, index):
    """Stands in the event as its member `send`."""
    return f"{client}.{number}.{index}"


def digest(event_bytes):
    """Of an event as it was sent, short."""
    return hashlib.blake2s(event_bytes, digest_size=8).hexdigest()


class LedgerWriter:
    """Appends to the file; any thread. `about` goes into the client's first line: its seed, for one."""

    def __init__(self, path, **about):
        self.client = f"c{os.urandom(6).hex()}"
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._drop_torn_line()
        self._lock = threading.Condition()
        self._written = self._synced = self._number = 0
        self._syncing = False
        self._append({"client": self.client, "at": time.time(), **about})

    def next_try(self):
        """The number of a request that is about to be made, for its events' marks."""
        with self._lock:
            self._number += 1
            return self._number

    def intend(self, number, to, path, form, events):
        """`events`: (user, message id or None, digest, why it must be refused or None) for each. Durable on return."""
        self._append({"try": number, "at": time.time(), "to": to, "path": path, "form": form, "events": events})

    def settle(self, number, status, outcomes, why=""):
        """`outcomes`: KEPT, REFUSED or UNKNOWN for each event; `status` 0: there was no answer. Durable on return."""
        self._append({"try": number, "at": time.time(), "status": status, "outcomes": "".join(o[0] for o in outcomes),
                      **({"why": why} if why else {})})

    def close(self):
        os.close(self._file)

    def _append(self, line):
        """Threads that come while another one waits for the disk share the next sync."""
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass") + b"\n"
        with self._lock:
            if os.write(self._file, text) != len(text):
                raise OSError("the ledger's disk is full")
            self._written += 1
            mine = self._written
            while self._synced < mine:
                if self._syncing:
                    self._lock.wait()
                else:
                    self._sync()

    def _sync(self):
        """With the lock held, which it lets go of meanwhile."""
        self._syncing, upto = True, self._written
        self._lock.release()
        try:
            os.fdatasync(self._file)
        finally:
            self._lock.acquire()
            self._syncing = False
            self._lock.notify_all()
        self._synced = max(self._synced, upto)

    def _drop_torn_line(self):
        """What a client that was killed amid a line left behind; nothing had been promised by it."""
        size = os.fstat(self._file).st_size
        if size:
            whole = pathlib.Path(f"/proc/self/fd/{self._file}").read_bytes().rfind(b"\n") + 1
            os.ftruncate(self._file, whole)


@dataclasses.dataclass(slots=True)
class Send:
    """One event in one try."""
    mark: str
    user: str
    message_id: str | None
    digest: str
    bad: str | None  # why it must be refused; None: it is good
    outcome: str     # KEPT, REFUSED or UNKNOWN
    status: int      # of the answer; 0: none
    to: str
    at: float        # unix seconds, when it was intended


class LedgerReader:
    """What ledger files say together. `sends`: {mark: Send} in the order of the files; `tries`: how many requests;
    `about`: the first lines of the clients."""

    def __init__(self, *paths):
        self.sends, self.about, self.tries = {}, [], 0
        for path in paths:
            self._read(path)

    def count(self, outcome):
        return sum(send.outcome == outcome for send in self.sends.values())

    def _read(self, path):
        client, tries = None, {}
        text = pathlib.Path(path).read_bytes()
        for number, line in enumerate(text[:text.rfind(b"\n") + 1].splitlines(), 1):  # a torn last line is none
            try:
                entry = json.loads(line)
                if "client" in entry:
                    client, tries = entry["client"], {}
                    self.about.append(entry)
                elif "events" in entry:
                    tries[entry["try"]] = self._intended(client, entry)
                else:
                    self._settled(tries.pop(entry["try"]), entry)
            except (ValueError, KeyError, TypeError) as wrong:
                raise ValueError(f"{path}, line {number}: {wrong!r}") from wrong

    def _intended(self, client, entry):
        self.tries += 1
        sends = [Send(mark(client, entry["try"], index), *event, UNKNOWN, 0, entry["to"], entry["at"])
                 for index, event in enumerate(entry["events"])]
        self.sends.update((send.mark, send) for send in sends)
        return sends

    def _settled(self, sends, entry):
        if len(sends) != len(entry["outcomes"]):
            raise ValueError(f"{len(entry['outcomes'])} outcomes of {len(sends)} events")
        for send, letter in zip(sends, entry["outcomes"]):
            send.outcome, send.status = LETTERS[letter], entry["status"]
