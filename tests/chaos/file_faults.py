"""What happens to the files of DATA_DIR under a running service: somebody removes them, or puts others in their place.

What was answered 200 and stands only in a log that is gone cannot be counted again. So the files are kept open here,
and what stood in them is recounted, too: an event that was answered 200 must stand in the log that survived or in the
lost one, and numbers that came from the lost log stay as far as its ledger had come."""
import contextlib
import dataclasses
import http.client
import pathlib
import shutil
import sqlite3
import time

from tests.chaos.faults import Fault
from tests.harness import weir

NOTICED_WITHIN = 10  # seconds
POSSIBLE = {"log": ("events.db",), "store": ("metrics.db",), "all files": ("events.db", "metrics.db", "weir.lock"),
            "folder": ("events.db", "metrics.db", "weir.lock"), "log replaced": ("events.db",)}
SUFFIXES = ("", "-wal", "-shm")
COUNTED = "SELECT next_offset FROM activity_ledger WHERE topic = 'incoming.user_activity'"


@dataclasses.dataclass
class LostLog:
    """A log that is gone from DATA_DIR. Nothing that was sent after `noticed_at` (unix seconds) may have been answered
    200 by it. `counted`: how far the ledger of the store that survived had come in it."""
    path: pathlib.Path
    noticed_at: float
    counted: int
    sends: dict = dataclasses.field(default_factory=dict)  # as Recount.sends; filled in by the recount


class LostFiles(Fault):
    """Not ready and 503 within NOTICED_WITHIN; then SIGTERM, and started again on what is left."""

    def go_on(self, wait):
        with self.keeper.in_hand(self.victim) as one:
            self.data = one.folder / "data"
            self.details = self.dice.choice(list(POSSIBLE))
            if not self._is_ready_soon(one):
                self.details += ", but it was not ready and they stayed"
                return
            self.story.say(f"lost-files: {self.details}")
            kept = self._open("events.db") if "events.db" in POSSIBLE[self.details] else {}
            try:
                self._lose()
                lost_at = time.time()
                wait(NOTICED_WITHIN)
                self._check(one, wait, max(1.0, self.strike.seconds - NOTICED_WITHIN))
                self.keeper.stop(self.victim, may_fail=True)
                if kept:
                    self._save(kept, lost_at)
            finally:
                for file in kept.values():
                    file.close()
            self.keeper.start(self.victim)

    def _is_ready_soon(self, one):
        try:
            weir.wait_until(lambda: one.running and one.get("/health/ready", timeout=5).json()["status"] == "ready", 15)
        except AssertionError:
            return False
        return True

    def _open(self, name):
        return {suffix: open(self.data / (name + suffix), "rb") for suffix in SUFFIXES[:2]
                if (self.data / (name + suffix)).exists()}

    def _lose(self):
        if self.details == "log replaced":
            copy = self.data / "events.db.restored"
            with contextlib.closing(sqlite3.connect(f"file:{self.data / 'events.db'}?mode=ro", uri=True)) as log, \
                    contextlib.closing(sqlite3.connect(copy)) as out:
                log.backup(out)
        if self.details == "folder":
            self.data.rename(self.data.with_name("data.gone"))
            return shutil.rmtree(self.data.with_name("data.gone"))
        for name in POSSIBLE[self.details]:
            for suffix in SUFFIXES:
                (self.data / (name + suffix)).unlink(missing_ok=True)
        if self.details == "log replaced":
            copy.rename(self.data / "events.db")

    def _check(self, one, wait, seconds):
        """From now on it must be not ready, and take nothing that a restart would lose."""
        end, told = time.monotonic() + seconds, set()
        while time.monotonic() < end and not wait(0.3):
            for what in (self._wrong_readiness(one), self._wrong_answer(one)):
                if what and what not in told:
                    told.add(what)
                    self.story.find(f"(e) {self.victim}, {self.details} gone since {NOTICED_WITHIN} s: {what}")

    def _wrong_readiness(self, one):
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            answer = one.get("/health/ready", timeout=5)
            word = answer.json()["status"]
            if answer.status != 503 and (self.details != "store" or word == "ready"):
                return f"/health/ready answers {answer.status} and says {word}"
        return None

    def _wrong_answer(self, one):
        if self.details == "store":  # what it takes stands in the log, and is counted after the restart
            return None
        with contextlib.suppress(OSError, http.client.HTTPException):
            status = one.post("/activity", weir.activity("lost-files"), timeout=10).status
            if status != 503:
                return f"POST /activity answers {status}"
        return None

    def _save(self, kept, lost_at):
        """The lost log, as its process left it, to where it can be recounted."""
        folder = self.story.folder / "lost-log"
        folder.mkdir()
        for suffix, file in kept.items():
            file.seek(0)
            with open(folder / ("events.db" + suffix), "wb") as out:
                shutil.copyfileobj(file, out)
        with contextlib.closing(sqlite3.connect(folder / "events.db")) as log:
            log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.stand.lost_log = LostLog(folder / "events.db", lost_at + NOTICED_WITHIN, self._counted())

    def _counted(self):
        """How far the ledger had come in the lost log; 0 where the store is gone, too."""
        if not (self.data / "metrics.db").exists():
            return 0
        with contextlib.closing(sqlite3.connect(self.data / "metrics.db")) as store:
            row = store.execute(COUNTED).fetchone()
        return row[0] if row else 0
