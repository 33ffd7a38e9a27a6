"""Looks after the processes of a stand as an operator's supervisor does: who died is started again, and noted.

A fault that means to end a process takes it in hand first, so that its end is no surprise:

    with keeper.in_hand(name):          # waits until no other fault has it
        keeper.kill(name)
        time.sleep(pause)
        keeper.start(name)"""
import contextlib
import signal
import threading
import time

import server

LEAVES_WITHIN = 30  # seconds after SIGTERM: 25 are promised; the machine may be busy

SERVERS = ("kafka", "postgres")  # not ours: how they leave is not judged

# Why a process may leave by itself (contract): what its last line says.
ALLOWED = ("cannot go on",  # a failed fsync
           "exiting at once reason=",  # a failed fsync while it was leaving
           "cannot start",  # its disk refuses
           "10 tries")      # no database at start


class Keeper:
    """`processes`: {name: weir.Weir, server.Server or a client's process}: each with kill(), stop(), freeze(), thaw(),
    running, process and log(). `start(name)` brings one back without waiting for it."""

    def __init__(self, story, processes, start):
        self.story, self.processes, self._start = story, processes, start
        self.left = {}        # {name: seconds of the longest SIGTERM}
        self.started_at = {}  # {name: monotonic, when it was last started}
        self._hands = {name: threading.RLock() for name in processes}
        self._stopping = threading.Event()
        self._may_end = set()  # names of servers whose disk is full
        self._thread = threading.Thread(target=self._look, daemon=True)

    def begin(self):
        self._thread.start()

    def end(self):
        self._stopping.set()
        self._thread.join()

    @contextlib.contextmanager
    def in_hand(self, name):
        with self._hands[name]:
            yield self.processes[name]

    def excuse(self, name):
        """From now on it is no fault if that one gives up; it is started again all the same."""
        self._may_end.add(name)

    def start(self, name):
        with self._hands[name]:
            if not self.processes[name].running:
                self._start(name)
                self.started_at[name] = time.monotonic()

    def kill(self, name):
        with self._hands[name]:
            self._note_end(name)  # it may have been gone already
            self.started_at.pop(name, None)
            self.processes[name].kill()

    def stop(self, name, may_fail=False):
        """SIGTERM, and what must follow. `may_fail`: it may say 1, for what it stood on is gone."""
        with self._hands[name]:
            one = self.processes[name]
            if not one.running:
                return self._note_end(name)
            begun = time.monotonic()
            newborn = begun - self.started_at.pop(name, begun) < 2  # it may not yet listen to signals
            try:
                code = one.stop(LEAVES_WITHIN)
            except Exception:  # subprocess.TimeoutExpired: it did not leave
                if name not in SERVERS:
                    self.story.find(f"(d) {name} was told to leave and had not {LEAVES_WITHIN} s later")
                return one.kill()
            self.left[name] = max(self.left.get(name, 0), time.monotonic() - begun)
            excused = name in SERVERS or self._excused(one) or (newborn and code == -signal.SIGTERM)
            excused = excused or (may_fail and code == 1)
            if code != 0 and not excused:
                self.story.find(f"(d) {name} was told to leave and left with {code}: {last_line(one)}")

    def freeze(self, name):
        one = self.processes[name]
        if one.running:
            one.freeze()
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline and not server.stands_still(one.process.pid):
                time.sleep(0.01)

    def _look(self):
        while not self._stopping.wait(0.2):
            for name in self.processes:
                if self._hands[name].acquire(blocking=False):
                    try:
                        if self._note_end(name):
                            self.start(name)
                    finally:
                        self._hands[name].release()

    def _note_end(self, name):
        """True if it is gone though nobody ended it."""
        one = self.processes[name]
        if one.running or one.process is None or name not in self.started_at:
            return False
        said = f"{name} left by itself with {one.process.returncode}: {last_line(one)}"
        if name in self._may_end or self._excused(one):
            self.story.struck["left by itself, saying why"] += 1
            self.story.say(said)
        else:
            self.story.find(f"(d) {said}")
        del self.started_at[name]
        return True

    def _excused(self, one):
        return one.process.returncode == 1 and any(reason in last_line(one) for reason in ALLOWED)


def last_line(one):
    return (one.log().strip().splitlines() or ["(it said nothing)"])[-1][:500]
