"""What several chaos runs share: the packet filter, the proxies and, for the kafka pair, Kafka and PostgreSQL. Each Weir
process reaches each server by its own link."""
import concurrent.futures

from tests.chaos import proxies
from tests.chaos.namespaces import Filter
from tests.harness import kafka, postgres, weir
from tests.harness.clocks import Clocks
from tests.harness.colliding_texts import CollidingTexts
from tests.harness.disk import Disk

PRODUCERS = ("producer-1", "producer-2")
CONSUMERS = ("consumer-1", "consumer-2", "consumer-3")


class Environment:
    """The environment of the embedded pair: only the network and the clocks."""

    def __init__(self, folder):
        proxies.needed()
        folder.mkdir()
        folder.chmod(0o711)
        self.folder = folder
        self.filter = Filter()
        self.clocks = Clocks(folder)
        CollidingTexts(folder)  # compiled now, so that no hostile client waits for it
        self.proxies = proxies.Proxies(folder / "toxiproxy")
        self._starter = concurrent.futures.ThreadPoolExecutor(1)

    def restore(self):
        """Undoes everything that a run did to the network and the disk."""
        self.filter.accept_all()

    def begin(self, server):
        """Starts `server` from a thread that lives as long as this object: a server dies with the thread that started it."""
        self._starter.submit(server.begin).result()

    def end(self):
        self.proxies.kill()
        self._starter.shutdown()


class KafkaEnvironment(Environment):
    """A link is named after its server and its client: `kafka-producer-1`, `postgres-consumer-2`."""

    DISK_MB = 512

    def __init__(self, folder):
        kafka.needed()
        postgres.needed()
        super().__init__(folder)
        self.disk = Disk(folder / "disk", self.DISK_MB)
        self.postgres = postgres.Postgres(folder / "disk" / "postgres", max_wal_size="64MB", min_wal_size="32MB",
                                          max_connections=60)
        self.kafka = kafka.MultiListenerKafka(folder / "kafka", [listener(name) for name in PRODUCERS + CONSUMERS],
                                              self._add_link)
        for name in CONSUMERS:
            self.proxies.add_link(f"postgres-{name}", self.postgres.port)
        for one in (self.kafka, self.postgres):
            one.begin()
        for one in (self.kafka, self.postgres):
            one.ready()

    def _add_link(self, name, port):
        return self.proxies.add_link("kafka-" + name.lower().replace("_", "-"), port)

    def brokers(self, name):
        return self.kafka.brokers_by(listener(name))

    def restore(self):
        super().restore()
        self.disk.clear()

    def end(self):
        for one in (self.kafka, self.postgres):
            one.kill()
        super().end()
        self.disk.unmount()


def listener(name):
    """Returns the name of the Kafka listener of a process. Kafka allows no hyphen in it."""
    return name.upper().replace("-", "_")


def make_environment(pair, folder):
    if not weir.BINARY.exists():
        weir.missing(f"{weir.BINARY} (make build)")
    return {"kafka": KafkaEnvironment, "embedded": Environment}[pair](folder)
