"""Steps the wall clock of single processes while they run, by libfaketime. The monotonic clock is unchanged."""
import pathlib
import shutil
import subprocess

from tests.harness import weir

SOURCE = pathlib.Path(__file__).with_name("c11_waits.c")


class Clocks:
    """Compiles the preloaded library into `folder`."""

    def __init__(self, folder):
        found = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        compiler = shutil.which("gcc") or shutil.which("cc")
        if not found or not compiler:
            weir.missing("libfaketime, or a C compiler")
        waits = folder / "c11_waits.so"
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", waits, SOURCE], check=True)
        self._preload = f"{waits}:{found[0]}"

    def settings(self, file):
        """Returns the environment of a process whose clock follows `file`; set() writes it."""
        self.set(file, 0)
        return {"LD_PRELOAD": self._preload, "FAKETIME_TIMESTAMP_FILE": file, "FAKETIME_DONT_FAKE_MONOTONIC": 1,
                "FAKETIME_CACHE_DURATION": 1}

    @staticmethod
    def set(file, seconds):
        """Sets the offset of the clock from the true time. The process sees it within a second."""
        file.write_text(f"{seconds:+d}\n")
