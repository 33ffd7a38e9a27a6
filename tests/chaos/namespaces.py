"""A network, mounts and processes that only the bench sees: its packet filter and its small disks touch nobody, and
whatever it started ends with it, however it ends.

    enclosure.enter()   # first thing: from here on the program runs inside, from its first line, as the same command"""
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
    """Starts this very program again inside and does not come back; inside it makes the network and returns. Fails in
    CI and skips elsewhere where the right to do so, or a program, is missing."""
    if os.environ.get(INSIDE):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the first process of a namespace gets no default
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    for program, package in (("unshare", "util-linux"), ("ip", "iproute2"), ("nft", "nftables")):
        if not shutil.which(program):
            weir.missing(f"{program} ({package})")
    if subprocess.run([*UNSHARE, "true"], capture_output=True).returncode != 0:
        weir.missing("the right to make namespaces of its own (root)")
    sys.stdout.flush()
    os.execvpe("unshare", [*UNSHARE, sys.executable, *sys.orig_argv[1:]], {**os.environ, INSIDE: "1"})


class Filter:
    """Packets to and from some ports are dropped without a word: connections stay open and hear nothing, new ones are
    not answered."""

    RULES = """
        add table inet weir
        add set inet weir swallowed { type inet_service; }
        add chain inet weir arriving { type filter hook input priority 0; }
        add rule inet weir arriving tcp dport @swallowed drop
        add rule inet weir arriving tcp sport @swallowed drop
        """

    def __init__(self):
        self._nft(self.RULES)
        self._lock, self._held = threading.Lock(), collections.Counter()

    def swallow(self, ports):
        """Until as many pass_on() for each port as it was swallowed for."""
        with self._lock:
            self._held.update(ports)
            self._write()

    def pass_on(self, ports):
        with self._lock:
            self._held.subtract(ports)
            self._write()

    def pass_all(self):
        with self._lock:
            self._held.clear()
            self._write()

    def _write(self):
        ports = sorted(port for port, times in self._held.items() if times > 0)
        self._nft("flush set inet weir swallowed\n" +
                  (f"add element inet weir swallowed {{ {', '.join(map(str, ports))} }}\n" if ports else ""))

    def _nft(self, commands):
        subprocess.run(["nft", "-f", "-"], input=commands, text=True, check=True)
