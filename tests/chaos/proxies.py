"""TCP ways that can go wrong, by toxiproxy (scripts/fetch-toxiproxy): each from a loopback port to another one.

    proxies = Proxies(folder)
    port = proxies.way("database-consumer-1", postgres.port)   # connect there
    slow = proxies.poison("database-consumer-1", "latency", latency=200, jitter=100)
    proxies.cure("database-consumer-1", slow)"""
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
    """One toxiproxy, running when this returns. Any thread."""

    NAME = "toxiproxy"

    def __init__(self, folder):
        super().__init__(folder)
        self.api_port = weir.free_port()
        self.ports, self._names, self._serial = {}, {}, itertools.count()
        self.launch([PROGRAM, "-host", "127.0.0.1", "-port", self.api_port])
        self.wait_until(lambda: self._ask("GET", "/version"))

    def way(self, name, target):
        """A new way to 127.0.0.1:`target`; gives the port where it begins."""
        port = weir.free_port()
        self._names[name] = f"{name}.{next(self._serial)}"
        self._ask("POST", "/proxies",
                  {"name": self._names[name], "listen": f"127.0.0.1:{port}", "upstream": f"127.0.0.1:{target}"})
        self.ports[name] = port
        return port

    def forget(self, name):
        """Another way may have its name from now on. It is not removed: toxiproxy would first wait for the connection
        that it is about to make, which may be in a black hole."""
        del self.ports[name], self._names[name]

    def poison(self, name, kind, stream="downstream", **attributes):
        """`kind` of toxic and its attributes as toxiproxy documents them; what is open is struck too. Gives the toxic's
        name."""
        toxic = f"{kind}-{next(self._serial)}"
        self._ask("POST", f"/proxies/{self._names[name]}/toxics",
                  {"name": toxic, "type": kind, "stream": stream, "attributes": attributes})
        return toxic

    def cure(self, name, toxic):
        self._ask("DELETE", f"/proxies/{self._names[name]}/toxics/{toxic}")

    def _ask(self, method, path, body=None):
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
