"""Faults of the files in DATA_DIR: they are removed or replaced while the service runs.

An event that was answered 200 and is only in a lost log cannot be counted again by the service. The bench therefore keeps
the files open and recounts them, too. Each event that was answered 200 must be in the log that survived or in the lost
log. Figures that came from the lost log remain, up to the offset that its ledger had reached."""
import contextlib
import dataclasses
import http.client
import pathlib
import shutil
import sqlite3
import time

from tests.chaos.faults import Fault
from tests.harness import weir

NOTICED_WITHIN = 10  # seconds from the loss until the service must be not ready
POSSIBLE = {"log": ("events.db",), "store": ("metrics.db",), "all files": ("events.db", "metrics.db", "weir.lock"),
            "folder": ("events.db", "metrics.db", "weir.lock"), "log replaced": ("events.db",)}
SUFFIXES = ("", "-wal", "-shm")
COUNTED = "SELECT next_offset FROM activity_ledger WHERE topic = 'incoming.user_activity'"


@dataclasses.dataclass
class LostLog:
    """A log that is gone from DATA_DIR. No event sent after `noticed_at` (unix seconds) may have been answered 200 on its
    behalf. `counted`: the offset that the ledger of the surviving store had reached in it."""
    path: pathlib.Path
    noticed_at: float
    counted: int
    sends: dict = dataclasses.field(default_factory=dict)  # as Recount.sends; set by the recount


class LostFiles(Fault):
    """The service must be not ready and answer 503 after NOTICED_WITHIN. It is then stopped and started on the files that
    are left."""

    def hold(self, wait):
        with self.supervisor.exclusive(self.victim) as one:
            self.data = one.folder / "data"
            self.details = self.dice.choice(list(POSSIBLE))
            if not self._is_ready_soon(one):
                self.details += ", skipped because the service was not ready"
                return
            self.run_log.note(f"lost-files: {self.details}")
            kept = self._open("events.db") if "events.db" in POSSIBLE[self.details] else {}
            try:
                self._lose()
                lost_at = time.time()
                wait(NOTICED_WITHIN)
                self._check(one, wait, max(1.0, self.planned.seconds - NOTICED_WITHIN))
                self.supervisor.stop(self.victim, may_fail=True)
                if kept:
                    self._save(kept, lost_at)
            finally:
                for file in kept.values():
                    file.close()
            self.supervisor.start(self.victim)

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
        """Checks for `seconds` that the service is not ready and accepts nothing that a restart would lose."""
        end, reported = time.monotonic() + seconds, set()
        while time.monotonic() < end and not wait(0.3):
            for what in (self._wrong_readiness(one), self._wrong_answer(one)):
                if what and what not in reported:
                    reported.add(what)
                    self.run_log.find(f"(e) {self.victim}, {NOTICED_WITHIN} s after the loss of {self.details}: {what}")

    def _wrong_readiness(self, one):
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            answer = one.get("/health/ready", timeout=5)
            word = answer.json()["status"]
            if answer.status != 503 and (self.details != "store" or word == "ready"):
                return f"/health/ready answers {answer.status} with status {word}"
        return None

    def _wrong_answer(self, one):
        if self.details == "store":  # the log keeps what the service accepts; it is counted after the restart
            return None
        with contextlib.suppress(OSError, http.client.HTTPException):
            status = one.post("/activity", weir.activity("lost-files"), timeout=10).status
            # With a slow clock, an event of now is refused as too far ahead before it reaches the log.
            refusals = (400, 503) if self.victim in self.deployment.plan.clocks else (503,)
            if status not in refusals:
                return f"POST /activity answers {status}"
        return None

    def _save(self, kept, lost_at):
        """Copies the lost log, as its process left it, to a folder where it can be recounted."""
        folder = self.run_log.folder / "lost-log"
        folder.mkdir()
        for suffix, file in kept.items():
            file.seek(0)
            with open(folder / ("events.db" + suffix), "wb") as out:
                shutil.copyfileobj(file, out)
        with contextlib.closing(sqlite3.connect(folder / "events.db")) as log:
            log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.deployment.lost_log = LostLog(folder / "events.db", lost_at + NOTICED_WITHIN, self._counted())

    def _counted(self):
        """Returns the offset that the ledger had reached in the lost log; 0 if the store is gone, too."""
        if not (self.data / "metrics.db").exists():
            return 0
        with contextlib.closing(sqlite3.connect(self.data / "metrics.db")) as store:
            row = store.execute(COUNTED).fetchone()
        return row[0] if row else 0
