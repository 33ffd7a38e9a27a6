"""A server that a test starts, kills, freezes and restarts on the same folder and port."""
import os
import pathlib
import signal
import subprocess

from tests.harness import weir


class Server:
    """A process of another program with its children. It dies with the thread that started it."""

    NAME = "a server"

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log_path = self.folder / "log"
        self.process = None

    def launch(self, command, user=None):
        """Starts the process and returns at once. `user`: the user that it runs as; None: the current user."""
        who = ["--reuid", user, "--regid", user, "--init-groups"] if user else []
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(["setpriv", *who, "--pdeathsig", "KILL", *map(str, command)], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)

    def wait_until(self, answers, seconds=60):
        def up():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.NAME} exited with {self.process.returncode}: {self.log()[-3000:]}")
            return answers()
        weir.wait_until(up, seconds, f"{self.NAME} to answer")

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def family(self):
        """Returns the ids of the process and its descendants, parents first."""
        found = [self.process.pid]
        for pid in found:
            try:
                found += [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
            except OSError:
                pass  # the process has ended
        return found

    def signal_all(self, number):
        for pid in self.family():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def freeze(self):
        """Sends SIGSTOP to all its processes: connections stay open and nothing answers. On a busy machine threads run on
        for a while after the signal, so this waits until all are stopped."""
        os.kill(self.process.pid, signal.SIGSTOP)  # first, so that it starts no more processes
        self.signal_all(signal.SIGSTOP)
        weir.wait_until(lambda: all(map(is_stopped, self.family())), 20, f"{self.NAME} to stop")

    def thaw(self):
        self.signal_all(signal.SIGCONT)

    def kill(self):
        """Sends SIGKILL to all its processes, so that none outlives the others."""
        if self.running:
            self.freeze()
            self.signal_all(signal.SIGKILL)
            self.process.wait()

    def stop(self, seconds=60):
        """Sends SIGTERM and returns the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""


def is_stopped(pid):
    """Returns whether every thread of the process is stopped or has ended."""
    for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            if stat.read_text().rpartition(") ")[2][0] not in "TtZX":
                return False
        except OSError:
            pass
    return True
