"""Weir's own producer and one real broker: a quota, and what other clients read."""
import collections
import json
import statistics
import subprocess
import time

from tests.harness import kafka, weir
from tests.harness.load_generator import LoadGenerator

CONFIGS = "kafka.admin.ConfigCommand"
READER = "org.apache.kafka.tools.consumer.ConsoleConsumer"
DUMP = "org.apache.kafka.tools.DumpLogSegments"


class Broker(weir.Case):
    @classmethod
    def setUpClass(cls):
        kafka.needed()
        cls.kafka = kafka.Kafka(weir.temporary_folder(cls.addClassCleanup) / "kafka")
        cls.addClassCleanup(cls.kafka.kill)
        cls.kafka.start()

    def producer(self, topic, **settings):
        return self.weir(topic, command="producer", KAFKA_BROKERS=self.kafka.brokers, KAFKA_TOPIC=topic, KAFKA_PARTITIONS=3,
                         **settings).start()

    def test_it_waits_while_the_broker_throttles_it_and_loses_nothing(self):
        limit = 15_000  # bytes a second, so the broker reads nothing for up to ten seconds
        client = ("--entity-type", "clients", "--entity-name", "weir")
        self.kafka.tool(CONFIGS, "--alter", "--add-config", f"producer_byte_rate={limit}", *client)
        self.addCleanup(self.kafka.tool, CONFIGS, "--alter", "--delete-config", "producer_byte_rate", *client)
        one = self.producer("throttled", KAFKA_COMPRESSION="none")
        events = [weir.activity(user=f"user-{number}", message_id=str(number), metadata={"filler": "x" * 200})
                  for number in range(40_000)]
        # Four clients keep more events open than the quota allows.
        senders = [LoadGenerator([one.port], events[at::4], at_once=100, again=False, per_second=0).start()
                   for at in range(4)]
        begun = time.monotonic()
        time.sleep(weir.rounds(15, 60))
        for sender in senders:
            sender.stop()
        took = time.monotonic() - begun
        records = self.kafka.records("throttled")
        written = collections.Counter(json.loads(record["payload"])["message_id"] for record in records)
        ok, unknown, refused = (set().union(*(getattr(sender, name) for sender in senders))
                                for name in ("ok", "unknown", "refused"))
        sent = sum(len(record["payload"]) for record in records)
        print(f"{len(ok)} kept, {len(unknown)} unknown, {len(refused)} refused; {sent / took:.0f} B/s", flush=True)
        self.assertGreater(len(ok), 200)
        self.assertFalse(ok - written.keys(), "answered with 200 but not in the topic")
        self.assertFalse(refused & written.keys(), "answered with 503 but in the topic")
        self.assertEqual([identity for identity, times in written.items() if times != 1], [])
        self.assertLess(sent / took, 4 * limit)  # the quota covers the last ten seconds, so the begin is faster
        for code in ("broker_unavailable", "tls_failed", "not_authenticated"):
            self.assertEqual(one.metric("weir_kafka_connections_failed_total", code=code), 0)
        self.assertEqual(one.stop(), 0)

    def test_a_linger_time_delays_an_event_of_an_idle_producer_by_that_time_only(self):
        one = self.producer("linger", KAFKA_LINGER_MS="50")
        times = []
        for number in range(15):
            time.sleep(0.1)  # the producer has nothing to do meanwhile
            begun = time.monotonic()
            self.assertEqual(one.post("/activity", weir.activity(message_id=str(number))).status, 200)
            times.append(time.monotonic() - begun)
        self.assertGreaterEqual(min(times), 0.05)
        self.assertLess(statistics.median(times), 0.3, times)
        self.assertEqual(one.stop(), 0)

    def read_by_java(self, topic, count):
        """Returns {(partition, offset): (timestamp type and time, headers, key, value)} as Kafka's console consumer reads it."""
        options = ["print.partition", "print.offset", "print.timestamp", "print.headers", "print.key"]
        text = self.kafka.tool(READER, "--topic", topic, "--from-beginning", "--max-messages", count,
                               *(part for name in options for part in ("--property", f"{name}=true")))
        read = {}
        for line in text.split("\n"):
            if line.count("\t") < 5:
                continue  # a remark of the tool
            when, partition, offset, headers, key, value = line.split("\t", 5)
            read[int(partition.partition(":")[2]), int(offset.partition(":")[2])] = (when, headers, key, value)
        return read

    def codecs(self, topic, partitions):
        """Returns the codecs of the batches on disk, by Kafka's dump tool, which also checks their CRCs."""
        found = set()
        for partition in range(partitions):
            segment = self.kafka.folder / "data" / f"{topic}-{partition}" / f"{0:020}.log"
            done = subprocess.run([kafka.SCRIPT, "tool", DUMP, "--files", str(segment)], capture_output=True, text=True,
                                  timeout=60, check=True)
            for line in done.stdout.splitlines():
                if "compresscodec:" in line:
                    self.assertIn("isvalid: true", line)
                    found.add(line.partition("compresscodec: ")[2].split()[0])
        return found

    def test_kcat_and_the_java_consumer_read_what_it_writes(self):
        for codec in ("none", "lz4", "zstd"):
            topic = f"read-{codec}"
            # Tracing adds the header traceparent to records. Nothing receives the spans.
            one = self.producer(topic, KAFKA_COMPRESSION=codec, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
            events = [weir.activity(user=f"user-{number % 7} é", message_id=f"{number}") for number in range(300)]
            parent = f"00-{'ab' * 16}-{'cd' * 8}-01"
            for at in range(0, 300, 50):
                reply = one.post("/activities", events[at:at + 50], {"traceparent": parent})
                self.assertEqual(reply.status, 200)
            self.assertEqual(one.post("/activity", weir.activity(user="alone", message_id="alone")).status, 200)
            self.assertEqual(one.stop(), 0)
            by_kcat = {(record["partition"], record["offset"]): record for record in self.kafka.records(topic)}
            by_java = self.read_by_java(topic, 301)
            self.assertEqual(len(by_kcat), 301)
            self.assertEqual(by_kcat.keys(), by_java.keys())
            payloads = {json.loads(record["payload"])["message_id"]: record for record in by_kcat.values()}
            self.assertEqual(payloads.keys(), {event["message_id"] for event in events} | {"alone"})
            for event in events:
                record = payloads[event["message_id"]]
                self.assertEqual(json.loads(record["payload"]), event)
                self.assertEqual(record["key"], event["user_id"])
            for place, record in by_kcat.items():
                when, headers, key, value = by_java[place]
                self.assertEqual((key, value), (record["key"], record["payload"]))
                self.assertEqual(when, f"LogAppendTime:{record['ts']}")
                names = record.get("headers", [])
                pairs = [f"{name}:{text}" for name, text in zip(names[::2], names[1::2])]
                self.assertEqual(headers, ",".join(pairs) or "NO_HEADERS")
            codecs = self.codecs(topic, 3)
            self.assertIn(codec, codecs)
            self.assertLessEqual(codecs, {codec, "none"})  # a batch that would grow stays as it is


if __name__ == "__main__":
    weir.main()
