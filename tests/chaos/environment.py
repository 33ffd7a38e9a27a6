"""What outlives a single story: the packet filter, the proxy, and for one pair Kafka and PostgreSQL, each reached by a
way of its own for each Weir process."""
import concurrent.futures

from tests.chaos import proxies
from tests.chaos.namespaces import Filter
from tests.harness import kafka, postgres, weir
from tests.harness.clocks import Clocks
from tests.harness.colliding_texts import Colliding
from tests.harness.disk import Disk

PRODUCERS = ("producer-1", "producer-2")
CONSUMERS = ("consumer-1", "consumer-2", "consumer-3")


class Ground:
    """Of the embedded pair: nothing but the network and the clocks."""

    def __init__(self, folder):
        proxies.needed()
        folder.mkdir()
        folder.chmod(0o711)
        self.folder = folder
        self.filter = Filter()
        self.clocks = Clocks(folder)
        Colliding(folder)  # so that no hostile client has to wait for the compiler
        self.proxies = proxies.Proxies(folder / "toxiproxy")
        self._starter = concurrent.futures.ThreadPoolExecutor(1)

    def calm(self):
        """Whatever a story did to the network is undone."""
        self.filter.pass_all()

    def begin(self, server):
        """Starts it, from a thread that lives as long as we: a server dies with the thread that started it."""
        self._starter.submit(server.begin).result()

    def end(self):
        self.proxies.kill()
        self._starter.shutdown()


class KafkaGround(Ground):
    """The ways are named after what they lead to and who goes there: `kafka-producer-1`, `postgres-consumer-2`."""

    DISK_MB = 512

    def __init__(self, folder):
        kafka.needed()
        postgres.needed()
        super().__init__(folder)
        self.disk = Disk(folder / "disk", self.DISK_MB)
        self.postgres = postgres.Postgres(folder / "disk" / "postgres", max_wal_size="64MB", min_wal_size="32MB",
                                          max_connections=60)
        self.kafka = kafka.DooredKafka(folder / "kafka", [door(name) for name in PRODUCERS + CONSUMERS], self._way)
        for name in CONSUMERS:
            self.proxies.way(f"postgres-{name}", self.postgres.port)
        for one in (self.kafka, self.postgres):
            one.begin()
        for one in (self.kafka, self.postgres):
            one.ready()

    def _way(self, name, port):
        return self.proxies.way("kafka-" + name.lower().replace("_", "-"), port)

    def brokers(self, name):
        return self.kafka.brokers_by(door(name))

    def calm(self):
        super().calm()
        self.disk.clear()

    def end(self):
        for one in (self.kafka, self.postgres):
            one.kill()
        super().end()
        self.disk.unmount()


def door(name):
    """A listener's name has no hyphen."""
    return name.upper().replace("-", "_")


def ground_of(pair, folder):
    if not weir.BINARY.exists():
        weir.missing(f"{weir.BINARY} (make build)")
    return {"kafka": KafkaGround, "embedded": Ground}[pair](folder)
