"""A small file system that a test can fill."""
import os
import pathlib
import subprocess


class Disk:
    """A tmpfs of `megabytes`, mounted at `path`. CalledProcessError: mounting is not permitted. Mount it inside a mount
    namespace; otherwise it outlives a test that is killed."""

    def __init__(self, path, megabytes):
        self.path = pathlib.Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0711", "weir-test", self.path], check=True,
                       capture_output=True)

    def free_kb(self):
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize // 1024

    def fill(self, leaving_kb):
        """Fills the file system except for `leaving_kb`."""
        with open(self.path / "ballast", "ab", buffering=0) as out:
            while (excess_kb := self.free_kb() - leaving_kb) > 0:
                try:
                    out.write(bytes(min(2**20, excess_kb * 1024)))
                except OSError:  # another process took the space first
                    return

    def clear(self):
        (self.path / "ballast").unlink(missing_ok=True)

    def unmount(self):
        subprocess.run(["umount", "-l", self.path], check=True)
