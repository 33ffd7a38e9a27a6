"""Faults of the links between the processes: dropped packets, delays, resets, cut connections."""

from tests.chaos.faults import Fault


class LinkFault(Fault):
    """`victim`: the name of a link, the name of a client for all its links, or all-kafka, all-postgres."""

    def links(self):
        if self.victim.startswith("all-"):
            return [name for name in self.environment.proxies.ports if self._goes_to(name, self.victim.removeprefix("all-"))]
        return [name for name in self.environment.proxies.ports if name == self.victim or name.startswith(self.victim + "-")]

    def _goes_to(self, link, server):
        return link.startswith(server + "-") and link.removeprefix(server + "-") in self.deployment.weirs

    def add_toxics(self, kind, **attributes):
        """Adds the toxic to each of the links until remove_toxics()."""
        self.toxics += [(name, self.environment.proxies.add_toxic(name, kind, **attributes)) for name in self.links()]

    def remove_toxics(self):
        for name, toxic in self.toxics:
            self.environment.proxies.remove_toxic(name, toxic)
        self.toxics = []

    def start(self):
        self.toxics = []

    def undo(self):
        self.remove_toxics()


class BlackHole(LinkFault):
    """Drops packets in both directions: neither end receives a reset."""

    def hold(self, wait):
        ports = [self.environment.proxies.ports[name] for name in self.links()]
        server = self.victim.removeprefix("all-").split("-")[0]
        cut_off = [name.removeprefix(server + "-") for name in self.links()] if server != "client" else []
        self.environment.filter.drop(ports)
        try:
            with self.monitor.outage("log" if server == "kafka" else "store", cut_off, "silent"):
                wait(self.planned.seconds)
        finally:
            self.environment.filter.accept(ports)


class Latency(LinkFault):
    """Delays every packet by a varying time."""

    def start(self):
        super().start()
        slow = self.dice.choice([20, 100, 400, 1500])
        self.details = f"{slow} ms"
        for stream in ("upstream", "downstream"):
            self.add_toxics("latency", stream=stream, latency=slow, jitter=slow // 2)


class Cuts(LinkFault):
    """A fault that cuts connections. It also slows the link to PostgreSQL, so that a COMMIT is often under way."""

    def start(self):
        super().start()
        self.slow = [(name, self.environment.proxies.add_toxic(name, "latency", stream=stream, latency=60, jitter=10))
                     for name in self.links() if name.startswith("postgres-") for stream in ("upstream", "downstream")]

    def undo(self):
        self.remove_toxics()
        for name, toxic in self.slow:
            self.environment.proxies.remove_toxic(name, toxic)


class Reset(Cuts):
    """Resets the open connections again and again. New connections work."""

    def hold(self, wait):
        over = False
        spent = 0.0
        while not over and spent < self.planned.seconds:
            self.add_toxics("reset_peer", timeout=self.dice.choice([0, 0, 5, 100]))
            over = wait(0.3)
            self.remove_toxics()
            pause = self.dice.uniform(0.2, 1.5)
            over = over or wait(pause)
            spent += 0.3 + pause


class CutBytes(Cuts):
    """Ends connections after a number of bytes in one direction, or splits the data into small pieces."""

    def hold(self, wait):
        over, spent = False, 0.0
        while not over and spent < self.planned.seconds:
            stream = self.dice.choice(["upstream", "downstream"])
            if self.dice.random() < 0.2:
                size = self.dice.choice([1, 7, 100])
                self.add_toxics("slicer", stream=stream, average_size=size, size_variation=0, delay=50)
            else:
                self.add_toxics("limit_data", stream=stream, bytes=self.dice.choice([0, 1, 5, 50, 500, 5_000, 50_000]))
            over = wait(0.7)
            self.remove_toxics()
            over = over or wait(0.2)
            spent += 0.9
