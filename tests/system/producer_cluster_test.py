"""Weir's own producer on three brokers with replication 3 and min.insync.replicas 2. Leaders move, and brokers are killed and
started again one after another, under load. Each event is in the topic as its answer says: 200 once, 503 never, 500 at most
once."""
import collections
import json
import time

from tests.harness import kafka, weir
from tests.harness.kafka_cluster import KafkaCluster
from tests.harness.load_generator import LoadGenerator

PARTITIONS = 12


class Leaders(weir.Case):
    def setUp(self):
        super().setUp()
        kafka.needed()
        self.cluster = KafkaCluster(self.folder / "kafka", offsets_topic_replication_factor=3)
        self.addCleanup(self.cluster.kill)
        self.cluster.start()
        self.cluster.up().create_topic("activity", PARTITIONS, "--replication-factor", 3, min_insync_replicas=2,
                                       message_timestamp_type="LogAppendTime")
        self.cluster.wait_in_sync("activity")
        self.producer = self.weir("producer", command="producer", KAFKA_BROKERS=self.cluster.brokers, KAFKA_TOPIC="activity")
        self.producer.start()

    def load(self, clients=4):
        """Starts clients that send each event once. Nothing is sent again, so a record that occurs twice was written twice."""
        senders = []
        for client in range(clients):
            events = [weir.activity(user=f"user-{client}-{number % 97}", message_id=f"{client}-{number}")
                      for number in range(60_000)]
            senders.append(LoadGenerator([self.producer.port], events, at_once=10, per_second=150, again=False).start())
        return senders

    def assert_as_answered(self, senders):
        for sender in senders:
            sender.stop()
        self.cluster.wait_in_sync("activity", 90)
        written = collections.Counter(json.loads(record["payload"])["message_id"]
                                      for record in self.cluster.up().records("activity"))
        ok, unknown, refused = (set().union(*(getattr(one, name) for one in senders))
                                for name in ("ok", "unknown", "refused"))
        print(f"{len(ok)} kept, {len(unknown)} unknown, {len(refused)} refused, slowest {max(s.slowest for s in senders):.1f} s",
              flush=True)
        self.assertEqual([one for one, times in written.items() if times != 1], [], "written twice")
        self.assertFalse(ok - written.keys(), "answered with 200 but not in the topic")
        self.assertFalse(refused & written.keys(), "answered with 503 but in the topic")
        self.assertFalse(written.keys() - ok - unknown)
        # The events wait until the session of a killed broker ends (3 s here) and its partitions have other leaders.
        self.assertGreater(len(ok), 100 * (len(unknown) + len(refused)), "events did not wait for another leader")
        self.assertEqual(self.producer.stop(), 0)

    def test_leaders_move_and_brokers_are_killed_under_load(self):
        senders = self.load()
        for _ in range(weir.rounds(1, 3)):
            self.cluster.move_leaders("activity")
            for node in self.cluster.nodes:
                time.sleep(1)
                node.kill()
                time.sleep(weir.rounds(1, 4))
                node.start()
                self.cluster.wait_in_sync("activity", 90)
        self.assert_as_answered(senders)


if __name__ == "__main__":
    weir.main()
