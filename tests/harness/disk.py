"""A small file system that fills up."""
import os
import pathlib
import subprocess


class Disk:
    """`megabytes` of memory, mounted at `path` (CalledProcessError where that is forbidden). Mount it in a mount namespace
    of your own, or it outlives a killed test."""

    def __init__(self, path, megabytes):
        self.path = pathlib.Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0711", "weir-test", self.path], check=True,
                       capture_output=True)

    def free_kb(self):
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize // 1024

    def fill(self, leaving_kb):
        """Takes all room but that."""
        with open(self.path / "ballast", "ab", buffering=0) as out:
            while (room := self.free_kb() - leaving_kb) > 0:
                try:
                    out.write(bytes(min(2**20, room * 1024)))
                except OSError:  # somebody else was faster
                    return

    def clear(self):
        (self.path / "ballast").unlink(missing_ok=True)

    def unmount(self):
        subprocess.run(["umount", "-l", self.path], check=True)
