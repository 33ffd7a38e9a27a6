"""The log of one chaos run, on stdout and in a file. Each line begins with the seconds since the run began."""
import collections
import pathlib
import threading
import time

SHOWN = 10  # findings printed on stdout; the file has all


class RunLog:
    """`injected` counts the faults by name. `findings` holds a text for each violated promise. Any thread."""

    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o711)  # a server that must not run as root needs to traverse it
        self.name = name
        self.injected = collections.Counter()
        self.sent = {}  # {outcome: number of events}
        self.findings = []
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._file = open(self.folder / "run.log", "w", encoding="utf-8")

    def seconds(self):
        return time.monotonic() - self._begun

    def note(self, text, shown=True):
        with self._lock:
            print(f"[{self.seconds():6.1f}] {text}", file=self._file, flush=True)
            if shown:
                print(f"[{self.seconds():6.1f}] {text[:300]}", flush=True)

    def find(self, text):
        """Records a violated promise: the run has failed. The file holds all findings; stdout shows the first ones."""
        with self._lock:
            self.findings.append(text)
            count = len(self.findings)
        self.note(f"WRONG: {text}", shown=count <= SHOWN)

    def close(self):
        self._file.close()
