"""The ledger file of a client: every event that it sent, with its outcome.

The file is append-only, one JSON object a line. The writer waits until each line is on the disk (fdatasync): it writes
the intent before it sends the request, and the outcome after the answer. If the client is killed, a request without an
outcome is one whose outcome is unknown.

    {"client": "c7f3a1", "at": 1763851828.1, …}              a client begins; the lines that follow are its own
    {"try": 12, "at": …, "to": "http://127.0.0.1:8080", "path": "/activities", "form": "array gzip",
     "events": [["user", "message id" or null, "digest", "why it must be refused" or null], …]}
    {"try": 12, "at": …, "status": 200, "outcomes": "kkr", "why": "…"}   one character for each event

Each event of each try has a distinct mark, its member `send` = mark(client, try, index). The event log keeps the bytes
unchanged, so a record there identifies this send, even among several tries of the same message_id."""
import dataclasses
import hashlib
import json
import os
import pathlib
import threading
import time

from tests.harness.http_client import KEPT, REFUSED, UNKNOWN

OUTCOMES = {"k": KEPT, "r": REFUSED, "u": UNKNOWN}


def mark(client, number, index):
    """Returns the value of the member `send` of an event."""
    return f"{client}.{number}.{index}"


def digest(event_bytes):
    """Returns a short digest of the bytes of an event as they were sent."""
    return hashlib.blake2s(event_bytes, digest_size=8).hexdigest()


class LedgerWriter:
    """Appends to the file. `about` is added to the first line of the client, for example its seed. Any thread."""

    def __init__(self, path, **about):
        self.client = f"c{os.urandom(6).hex()}"
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._drop_torn_line()
        self._lock = threading.Condition()
        self._written = self._synced = self._number = 0
        self._syncing = False
        self._append({"client": self.client, "at": time.time(), **about})

    def next_try(self):
        """Returns the number of the next request. The marks of its events contain it."""
        with self._lock:
            self._number += 1
            return self._number

    def intend(self, number, to, path, form, events):
        """Writes the intent. `events`: (user, message id or None, digest, why it must be refused or None) for each event.
        Durable on return."""
        self._append({"try": number, "at": time.time(), "to": to, "path": path, "form": form, "events": events})

    def record_outcome(self, number, status, outcomes, why=""):
        """Writes the outcome. `outcomes`: KEPT, REFUSED or UNKNOWN for each event. `status` 0: no answer. Durable on return."""
        self._append({"try": number, "at": time.time(), "status": status, "outcomes": "".join(o[0] for o in outcomes),
                      **({"why": why} if why else {})})

    def close(self):
        os.close(self._file)

    def _append(self, line):
        """Threads that append while another thread syncs share the next sync."""
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
        """Called with the lock held; releases it during the sync."""
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
        """Removes the incomplete last line of a client that was killed. Nothing was sent by it."""
        size = os.fstat(self._file).st_size
        if size:
            whole = pathlib.Path(f"/proc/self/fd/{self._file}").read_bytes().rfind(b"\n") + 1
            os.ftruncate(self._file, whole)


@dataclasses.dataclass(slots=True)
class Send:
    """One event in one try (request)."""
    mark: str
    user: str
    message_id: str | None
    digest: str
    bad: str | None  # why it must be refused; None: the event is valid
    outcome: str     # KEPT, REFUSED or UNKNOWN
    status: int      # of the answer; 0: no answer
    to: str
    at: float        # unix seconds when the intent was written


class LedgerReader:
    """The contents of one or several ledger files. `sends`: {mark: Send} in the order of the files. `tries`: number of
    requests. `about`: the first lines of the clients."""

    def __init__(self, *paths):
        self.sends, self.about, self.tries = {}, [], 0
        for path in paths:
            self._read(path)

    def count(self, outcome):
        return sum(send.outcome == outcome for send in self.sends.values())

    def _read(self, path):
        client, tries = None, {}
        text = pathlib.Path(path).read_bytes()
        for number, line in enumerate(text[:text.rfind(b"\n") + 1].splitlines(), 1):  # an incomplete last line is ignored
            try:
                entry = json.loads(line)
                if "client" in entry:
                    client, tries = entry["client"], {}
                    self.about.append(entry)
                elif "events" in entry:
                    tries[entry["try"]] = self._add_intent(client, entry)
                else:
                    self._add_outcomes(tries.pop(entry["try"]), entry)
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path}, line {number}: {error!r}") from error

    def _add_intent(self, client, entry):
        self.tries += 1
        sends = [Send(mark(client, entry["try"], index), *event, UNKNOWN, 0, entry["to"], entry["at"])
                 for index, event in enumerate(entry["events"])]
        self.sends.update((send.mark, send) for send in sends)
        return sends

    def _add_outcomes(self, sends, entry):
        if len(sends) != len(entry["outcomes"]):
            raise ValueError(f"{len(entry['outcomes'])} outcomes of {len(sends)} events")
        for send, character in zip(sends, entry["outcomes"]):
            send.outcome, send.status = OUTCOMES[character], entry["status"]
