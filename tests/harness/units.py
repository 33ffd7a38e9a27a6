"""Reads the systemd units of the project, for machines on which systemd does not run as the first process."""
import pathlib
import shutil
import socket
import subprocess

from tests.harness import weir

NAMES = ("weir.service", "weir-producer.service", "weir-consumer@.service")


def install(destination, prefix="/usr"):
    """Installs the build of the program under test as `make install` does, below `destination`."""
    if not shutil.which("cmake"):
        weir.missing("cmake")
    done = subprocess.run(["cmake", "--install", str(weir.BINARY.parent), "--prefix", prefix], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False,
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DESTDIR": str(destination)})
    if done.returncode != 0:
        raise AssertionError(f"cmake --install exited with {done.returncode}:\n{done.stdout[-3000:]}")


class Unit:
    """A unit file. Assignments of a name that is repeated are kept in their order; an empty one resets the list."""

    def __init__(self, path, instance=""):
        self.path = pathlib.Path(path)
        self.values = {}
        self.specifiers = {"%S": "/var/lib", "%i": instance, "%H": socket.gethostname()}
        section = ""
        for line in self.path.read_text().splitlines():
            line = line.strip()
            if line.startswith("["):
                section = line
            elif line and not line.startswith(("#", ";")):
                name, _, value = line.partition("=")
                values = self.values.setdefault((section, name), [])
                values.append(value) if value else values.clear()

    def all(self, name, section="[Service]"):
        """Returns the values of a name, with the specifiers replaced."""
        return [self.expand(value) for value in self.values.get((section, name), [])]

    def one(self, name, section="[Service]"):
        values = self.all(name, section)
        assert len(values) == 1, f"{self.path.name}: {name} has the values {values}"
        return values[0]

    def expand(self, text):
        for specifier, value in self.specifiers.items():
            text = text.replace(specifier, value)
        return text

    def command(self):
        return self.one("ExecStart").split()

    def environment(self):
        return dict(assignment.split("=", 1) for assignment in self.all("Environment"))


class ServiceManager:
    """Receives what sd_notify(3) sends, on an abstract socket: it is reachable from a chroot, too."""

    def __init__(self):
        self.address = f"weir-test-{weir.free_port()}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"\0{self.address}")
        self.socket.settimeout(60)

    @property
    def environment(self):
        return {"NOTIFY_SOCKET": f"@{self.address}"}

    def next(self):
        return self.socket.recv(4096).decode()

    def end(self):
        self.socket.close()
