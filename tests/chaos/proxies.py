"""TCP links with faults, by toxiproxy (scripts/fetch-toxiproxy). Each link leads from a loopback port to another one.

    proxies = Proxies(folder)
    port = proxies.add_link("database-consumer-1", postgres.port)   # connect to this port
    slow = proxies.add_toxic("database-consumer-1", "latency", latency=200, jitter=100)
    proxies.remove_toxic("database-consumer-1", slow)"""
import http.client
import itertools
import json
import os
import pathlib

from tests.harness import server, weir

PROGRAM = pathlib.Path(os.environ.get("TOXIPROXY", weir.ROOT / "build/vendor/toxiproxy/toxiproxy-server"))


def needed():
    if not PROGRAM.exists():
        weir.missing(f"{PROGRAM} (scripts/fetch-toxiproxy, or TOXIPROXY)")


class Proxies(server.Server):
    """One toxiproxy process; the constructor waits until it answers. Any thread."""

    NAME = "toxiproxy"

    def __init__(self, folder):
        super().__init__(folder)
        self.api_port = weir.free_port()
        self.ports, self._names, self._serial = {}, {}, itertools.count()
        self.launch([PROGRAM, "-host", "127.0.0.1", "-port", self.api_port])
        self.wait_until(lambda: self._ask("GET", "/version"))

    def add_link(self, name, target):
        """Adds a link to 127.0.0.1:`target` and returns the port where it begins."""
        port = weir.free_port()
        self._names[name] = f"{name}.{next(self._serial)}"
        self._ask("POST", "/proxies",
                  {"name": self._names[name], "listen": f"127.0.0.1:{port}", "upstream": f"127.0.0.1:{target}"})
        self.ports[name] = port
        return port

    def forget(self, name):
        """Frees the name for another link. The link itself remains: to remove it, toxiproxy would first wait for its
        pending connection, which may be in a black hole."""
        del self.ports[name], self._names[name]

    def add_toxic(self, name, kind, stream="downstream", **attributes):
        """Adds a toxic, which also affects open connections. toxiproxy documents `kind` and the attributes. Returns the
        name of the toxic."""
        toxic = f"{kind}-{next(self._serial)}"
        self._ask("POST", f"/proxies/{self._names[name]}/toxics",
                  {"name": toxic, "type": kind, "stream": stream, "attributes": attributes})
        return toxic

    def remove_toxic(self, name, toxic):
        self._ask("DELETE", f"/proxies/{self._names[name]}/toxics/{toxic}")

    def _ask(self, method, path, body=None):
        if not self.running:
            raise AssertionError(f"toxiproxy exited with {self.process.returncode}: {self.log()[-3000:]}")
        connection = http.client.HTTPConnection("127.0.0.1", self.api_port, timeout=20)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None)
            reply = connection.getresponse()
            text = reply.read()
            if reply.status >= 300:
                raise AssertionError(f"toxiproxy: {method} {path} {body}: {reply.status} {text!r}")
            return json.loads(text) if text.startswith((b"{", b"[")) else text or True
        finally:
            connection.close()
