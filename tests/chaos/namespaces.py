"""Network, mount and process namespaces of the fault bench. Its packet filter and its small disks are visible only inside,
and every process that it starts ends with it.

    namespaces.enter()   # first statement of the program: runs the same command again inside, from its first line"""
import collections
import os
import shutil
import signal
import subprocess
import sys
import threading

from tests.harness import weir

INSIDE = "WEIR_CHAOS_INSIDE"
UNSHARE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


def enter():
    """Replaces this process by the same command inside new namespaces. Inside, brings the loopback up and returns. If a
    program or the privilege is missing, the test fails in CI and is skipped elsewhere."""
    if os.environ.get(INSIDE):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # process 1 of a namespace has no default action
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    for program, package in (("unshare", "util-linux"), ("ip", "iproute2"), ("nft", "nftables")):
        if not shutil.which(program):
            weir.missing(f"{program} ({package})")
    if subprocess.run([*UNSHARE, "true"], capture_output=True).returncode != 0:
        weir.missing("the privilege to create namespaces (root)")
    sys.stdout.flush()
    os.execvpe("unshare", [*UNSHARE, sys.executable, *sys.orig_argv[1:]], {**os.environ, INSIDE: "1"})


class Filter:
    """Drops packets to and from some ports, by nft. Open connections stay open and receive nothing; new ones get no
    answer."""

    RULES = """
        add table inet weir
        add set inet weir dropped { type inet_service; }
        add chain inet weir arriving { type filter hook input priority 0; }
        add rule inet weir arriving tcp dport @dropped drop
        add rule inet weir arriving tcp sport @dropped drop
        """

    def __init__(self):
        self._nft(self.RULES)
        self._lock, self._held = threading.Lock(), collections.Counter()

    def drop(self, ports):
        """Drops the packets of each port until accept() was called for it as often as drop()."""
        with self._lock:
            self._held.update(ports)
            self._write()

    def accept(self, ports):
        with self._lock:
            self._held.subtract(ports)
            self._write()

    def accept_all(self):
        with self._lock:
            self._held.clear()
            self._write()

    def _write(self):
        ports = sorted(port for port, times in self._held.items() if times > 0)
        self._nft("flush set inet weir dropped\n" +
                  (f"add element inet weir dropped {{ {', '.join(map(str, ports))} }}\n" if ports else ""))

    def _nft(self, commands):
        subprocess.run(["nft", "-f", "-"], input=commands, text=True, check=True)
