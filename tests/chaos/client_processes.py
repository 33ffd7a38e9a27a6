"""The client processes of a chaos run. Each has its own ledger and its own link to the service, and may be killed."""
import os
import pathlib
import signal
import subprocess
import sys

from tests.harness import weir

# Modules; `python3 -m` runs them from the root of the tree.
HONEST = "tests.checker.client"
HOSTILE = "tests.chaos.hostile_client"


class Client:
    """One process of tests.checker.client, which sends only to `urls`. After kill() and start() it continues the same
    ledger with other events."""

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
        """Sends SIGTERM; the client finishes its open requests. Returns the exit code: 1 means that the service gave an
        answer that no honest client should get."""
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
    """One process of tests.chaos.hostile_client. It writes a ledger like an honest client. `texts`: the folder of the
    generator of colliding keys."""

    def __init__(self, folder, urls, seed, texts):
        super().__init__(folder, urls, seed, rate=0)
        self.texts = texts

    def command(self):
        return [HOSTILE, "--texts", self.texts]


def clients(folder, links, seed, rate, clock_steps=False):
    """Makes a client for each list of URLs in `links`. `rate` is the sum over all clients. `clock_steps`: see
    tests.checker.client."""
    return {f"client-{number}": Client(folder / f"client-{number}", urls, seed * 100 + number, rate / len(links),
                                       clock_steps)
            for number, urls in enumerate(links, 1)}
