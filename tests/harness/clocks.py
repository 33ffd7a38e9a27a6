"""Wall clocks that jump at run time, of single processes, by libfaketime. The monotonic clock is left alone."""
import pathlib
import shutil
import subprocess

from tests.harness import weir

SOURCE = pathlib.Path(__file__).with_name("c11_waits.c")


class Clocks:
    """Makes in `folder` what processes are started with."""

    def __init__(self, folder):
        found = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        compiler = shutil.which("gcc") or shutil.which("cc")
        if not found or not compiler:
            weir.missing("libfaketime, or a C compiler")
        waits = folder / "c11_waits.so"
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", waits, SOURCE], check=True)
        self._preload = f"{waits}:{found[0]}"

    def settings(self, file):
        """Settings of a process whose clock shows what stands in `file`: see set()."""
        self.set(file, 0)
        return {"LD_PRELOAD": self._preload, "FAKETIME_TIMESTAMP_FILE": file, "FAKETIME_DONT_FAKE_MONOTONIC": 1,
                "FAKETIME_CACHE_DURATION": 1}

    @staticmethod
    def set(file, seconds):
        """So far off from the true time, within a second."""
        file.write_text(f"{seconds:+d}\n")
