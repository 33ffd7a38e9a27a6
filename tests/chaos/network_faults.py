"""What strikes the ways between the processes: drops, delays, resets, cuts."""

from tests.chaos.faults import Fault


class Ways(Fault):
    """`victim`: a way's name, a client's name for all its ways, or all-kafka, all-postgres."""

    def ways(self):
        if self.victim.startswith("all-"):
            return [name for name in self.ground.proxies.ports if self._goes_to(name, self.victim.removeprefix("all-"))]
        return [name for name in self.ground.proxies.ports if name == self.victim or name.startswith(self.victim + "-")]

    def _goes_to(self, way, server):
        return way.startswith(server + "-") and way.removeprefix(server + "-") in self.stand.weirs

    def poison(self, kind, **attributes):
        """On each of the ways, until cure()."""
        self.toxics += [(name, self.ground.proxies.poison(name, kind, **attributes)) for name in self.ways()]

    def cure(self):
        for name, toxic in self.toxics:
            self.ground.proxies.cure(name, toxic)
        self.toxics = []

    def start(self):
        self.toxics = []

    def undo(self):
        self.cure()


class BlackHole(Ways):
    """Packets are dropped, both directions: nobody hears a reset."""

    def go_on(self, wait):
        ports = [self.ground.proxies.ports[name] for name in self.ways()]
        server = self.victim.removeprefix("all-").split("-")[0]
        cut_off = [name.removeprefix(server + "-") for name in self.ways()] if server != "client" else []
        self.ground.filter.swallow(ports)
        try:
            with self.watch.away("log" if server == "kafka" else "store", cut_off, "silent"):
                wait(self.strike.seconds)
        finally:
            self.ground.filter.pass_on(ports)


class Latency(Ways):
    """Everything takes longer, by a different time each."""

    def start(self):
        super().start()
        slow = self.dice.choice([20, 100, 400, 1500])
        self.details = f"{slow} ms"
        for stream in ("upstream", "downstream"):
            self.poison("latency", stream=stream, latency=slow, jitter=slow // 2)


class Cuts(Ways):
    """Meanwhile the way to PostgreSQL is slow, or hardly ever would a COMMIT be under way."""

    def start(self):
        super().start()
        self.slow = [(name, self.ground.proxies.poison(name, "latency", stream=stream, latency=60, jitter=10))
                     for name in self.ways() if name.startswith("postgres-") for stream in ("upstream", "downstream")]

    def undo(self):
        self.cure()
        for name, toxic in self.slow:
            self.ground.proxies.cure(name, toxic)


class Reset(Cuts):
    """What is open is reset, again and again; who comes anew is served."""

    def go_on(self, wait):
        over = False
        spent = 0.0
        while not over and spent < self.strike.seconds:
            self.poison("reset_peer", timeout=self.dice.choice([0, 0, 5, 100]))
            over = wait(0.3)
            self.cure()
            pause = self.dice.uniform(0.2, 1.5)
            over = over or wait(pause)
            spent += 0.3 + pause


class CutBytes(Cuts):
    """Connections end amid a word: after so many bytes, one way; or every piece comes cut small."""

    def go_on(self, wait):
        over, spent = False, 0.0
        while not over and spent < self.strike.seconds:
            stream = self.dice.choice(["upstream", "downstream"])
            if self.dice.random() < 0.2:
                size = self.dice.choice([1, 7, 100])
                self.poison("slicer", stream=stream, average_size=size, size_variation=0, delay=50)
            else:
                self.poison("limit_data", stream=stream, bytes=self.dice.choice([0, 1, 5, 50, 500, 5_000, 50_000]))
            over = wait(0.7)
            self.cure()
            over = over or wait(0.2)
            spent += 0.9
