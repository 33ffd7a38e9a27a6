"""Supervises the processes of a deployment: restarts each process that exits and records why it exited.

A fault that ends a process on purpose first takes exclusive control of it:

    with supervisor.exclusive(name):    # waits until no other fault controls the process
        supervisor.kill(name)
        time.sleep(pause)
        supervisor.start(name)"""
import contextlib
import signal
import threading
import time

from tests.harness import server

EXITS_WITHIN = 30  # seconds after SIGTERM: the contract promises 25; the machine may be busy

SERVERS = ("kafka", "postgres")  # other programs: their exit codes are not checked

# The reasons for which a Weir process may exit by itself (contract), as its last log line states them.
ALLOWED = ("cannot go on",  # a failed fsync
           "exiting at once reason=",  # a failed fsync during shutdown
           "cannot start",  # its disk fails
           "10 tries")      # no database at start


class Supervisor:
    """`processes`: {name: weir.Weir, server.Server or a client process}. Each has kill(), stop(), freeze(), thaw(), running,
    process and log(). `start(name)` starts one without waiting until it is ready. Any thread."""

    def __init__(self, run_log, processes, start):
        self.run_log, self.processes, self._start = run_log, processes, start
        self.stop_seconds = {}  # {name: the longest time from SIGTERM to the exit}
        self.started_at = {}    # {name: monotonic time of its last start}
        self._locks = {name: threading.RLock() for name in processes}
        self._stopping = threading.Event()
        self._may_exit = set()  # names of servers whose disk is full
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def begin(self):
        self._thread.start()

    def end(self):
        self._stopping.set()
        self._thread.join()

    @contextlib.contextmanager
    def exclusive(self, name):
        with self._locks[name]:
            yield self.processes[name]

    def excuse(self, name):
        """From now on an exit of this process is no finding. It is still restarted."""
        self._may_exit.add(name)

    def start(self, name):
        with self._locks[name]:
            if not self.processes[name].running:
                self._start(name)
                self.started_at[name] = time.monotonic()

    def kill(self, name):
        with self._locks[name]:
            self._record_exit(name)  # it may have exited before
            self.started_at.pop(name, None)
            self.processes[name].kill()

    def stop(self, name, may_fail=False):
        """Sends SIGTERM and checks the exit. `may_fail`: exit code 1 is allowed, because its files are gone."""
        with self._locks[name]:
            one = self.processes[name]
            if not one.running:
                return self._record_exit(name)
            begun = time.monotonic()
            starting = begun - self.started_at.pop(name, begun) < 2  # it may not handle signals yet
            try:
                code = one.stop(EXITS_WITHIN)
            except Exception:  # subprocess.TimeoutExpired: it did not exit
                if name not in SERVERS:
                    self.run_log.find(f"(d) {name} did not exit within {EXITS_WITHIN} s after SIGTERM")
                return one.kill()
            self.stop_seconds[name] = max(self.stop_seconds.get(name, 0), time.monotonic() - begun)
            excused = name in SERVERS or self._excused(one) or (starting and code == -signal.SIGTERM)
            excused = excused or (may_fail and code == 1)
            if code != 0 and not excused:
                self.run_log.find(f"(d) {name} exited with {code} after SIGTERM: {last_line(one)}")

    def freeze(self, name):
        one = self.processes[name]
        if one.running:
            one.freeze()
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline and not server.is_stopped(one.process.pid):
                time.sleep(0.01)

    def _watch(self):
        while not self._stopping.wait(0.2):
            for name in self.processes:
                if self._locks[name].acquire(blocking=False):
                    try:
                        if self._record_exit(name):
                            self.start(name)
                    finally:
                        self._locks[name].release()

    def _record_exit(self, name):
        """Returns True if the process exited by itself, and records the exit."""
        one = self.processes[name]
        if one.running or one.process is None or name not in self.started_at:
            return False
        text = f"{name} exited by itself with {one.process.returncode}: {last_line(one)}"
        if name in self._may_exit or self._excused(one):
            self.run_log.injected["allowed exits"] += 1
            self.run_log.note(text)
        else:
            self.run_log.find(f"(d) {text}")
        del self.started_at[name]
        return True

    def _excused(self, one):
        return one.process.returncode == 1 and any(reason in last_line(one) for reason in ALLOWED)


def last_line(one):
    return (one.log().strip().splitlines() or ["(no output)"])[-1][:500]
