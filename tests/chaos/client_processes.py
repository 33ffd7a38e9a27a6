"""The client processes of a story: each with a ledger, a way of its own to the service, and the right to be killed."""
import os
import pathlib
import signal
import subprocess
import sys

from tests.harness import weir

HONEST = "tests.checker.client"  # modules, run with `python3 -m` from the root of the tree
HOSTILE = "tests.chaos.hostile_client"


class Client:
    """One client.py. It keeps to `urls`; killed and started again it goes on in the same ledger with other events."""

    def __init__(self, folder, urls, seed, rate, clock_steps=False):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.urls, self.seed, self.rate = list(urls), seed, rate
        self.ledger_path, self.log_path = self.folder / "ledger.ndjson", self.folder / "client.log"
        self.clock_steps = clock_steps
        self.process, self.starts = None, 0

    def command(self):
        return [HONEST, "--rate", str(self.rate), *(["--clock-steps"] if self.clock_steps else [])]

    def start(self):
        self.starts += 1
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-B", "-m", *self.command(), "--url", ",".join(self.urls), "--ledger", self.ledger_path,
                 "--seed", str(self.seed + 1000 * (self.starts - 1))], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=weir.ROOT)

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=60):
        """SIGTERM: what is under way is finished. Gives the exit code; 1: an answer that nobody should get."""
        self.process.terminate()
        return self.process.wait(seconds)

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def end(self):
        if self.running:
            self.kill()

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""


class HostileClient(Client):
    """One hostile.py. What it sends is in its ledger like an honest client's. `texts`: the folder of its generator."""

    def __init__(self, folder, urls, seed, texts):
        super().__init__(folder, urls, seed, rate=0)
        self.texts = texts

    def command(self):
        return [HOSTILE, "--texts", self.texts]


def clients(folder, ways, seed, rate, clock_steps=False):
    """A client for each list of URLs; `rate` is of all together. `clock_steps`: see client.py."""
    return {f"client-{number}": Client(folder / f"client-{number}", urls, seed * 100 + number, rate / len(ways),
                                       clock_steps)
            for number, urls in enumerate(ways, 1)}
