"""Processes of a benchmark: how they are started, and what they cost by /proc (all threads, and all children)."""
import http.client
import json
import os
import pathlib
import subprocess
import time

from tests.harness import weir

TICK = os.sysconf("SC_CLK_TCK")


def family(pid):
    """Returns the process and all its descendants."""
    found = [pid]
    for one in found:
        for task in pathlib.Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                pass  # the thread has ended
    return found


def cpu_seconds(pid):
    """Returns the user and system time of a process and its family, ended children that it waited for included."""
    total = 0
    for one in family(pid):
        try:
            fields = pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it has ended
        total += sum(map(int, fields[11:15 if one == pid else 13]))
    return total / TICK


def memory_mb(pid, field="VmRSS"):
    """Returns VmRSS, or VmHWM, of a process, in MB."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


class Meter:
    """Measures what processes cost between its creation and cost()."""

    def __init__(self, **pids):
        self.pids = pids
        self.before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        self.begun = time.monotonic()

    def cost(self):
        return {name: cpu_seconds(pid) - self.before[name] for name, pid in self.pids.items()}

    def seconds(self):
        return time.monotonic() - self.begun


class Program:
    """A server under test. Its settings are environment variables."""

    def __init__(self, folder, command, ready, **environment):
        self.port = weir.free_port()
        self.log_path = folder / f"log-{self.port}"
        ports = {"SERVER_PORT": str(self.port), "CONSUMER_PORT": str(self.port), "BIND_ADDRESS": "127.0.0.1", "LOG_LEVEL": "error",
                 "DATA_DIR": str(folder / f"data-{self.port}")}
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("KAFKA_", "DB_", "DATABASE_"))}
        words = [str(word).replace("PORT", str(self.port)) if word == "PORT" else str(word) for word in command]
        with open(self.log_path, "wb") as log:
            self.started = time.monotonic()
            self.process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder,
                                            env={**kept, **ports, **{key: str(value) for key, value in environment.items()}})
        self.pid = self.process.pid
        if ready:
            try:
                weir.wait_until(lambda: self.status(ready) in (200, 404), 60, f"{command[0]} to answer")
            except AssertionError:
                self.end()
                raise AssertionError(f"{command[0]} does not answer: {self.log_path.read_text(errors='replace')[-1000:]}") from None

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def status(self, path):
        if self.process.poll() is not None:
            raise AssertionError(f"it exited with {self.process.returncode}")
        return self.get(path)[0]

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def last_json(output):
    return json.loads(output.strip().splitlines()[-1])
