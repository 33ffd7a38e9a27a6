"""What happens, told as it happens: to stdout and to a file, each line with the seconds since the story began."""
import collections
import pathlib
import threading
import time

SHOWN = 10  # findings


class Story:
    """Any thread. `struck` counts faults by name; `findings` are the texts of what must not be."""

    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o711)  # a server that must not run as root passes through it
        self.name = name
        self.struck = collections.Counter()
        self.sent = {}  # outcome: how many
        self.findings = []
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._file = open(self.folder / "story.log", "w", encoding="utf-8")

    def seconds(self):
        return time.monotonic() - self._begun

    def say(self, text, shown=True):
        with self._lock:
            print(f"[{self.seconds():6.1f}] {text}", file=self._file, flush=True)
            if shown:
                print(f"[{self.seconds():6.1f}] {text[:300]}", flush=True)

    def find(self, text):
        """Something that must not be: the story is red. All of them stand in the file, the first ones are shown."""
        with self._lock:
            self.findings.append(text)
            count = len(self.findings)
        self.say(f"WRONG: {text}", shown=count <= SHOWN)

    def close(self):
        self._file.close()
