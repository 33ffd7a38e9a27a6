"""Sends the access log through producer, Kafka, consumer and PostgreSQL. The figures are those of the embedded log."""
import json

from tests.checker import access_log
from tests.harness import cluster, weir
from tests.harness.load_generator import LoadGenerator

LOG = weir.access_log_or(access_log.generated_log)
EXPECTED = access_log.Reference(LOG)
FIGURES = {"events": EXPECTED.events, "page_views": EXPECTED.page_views, "users": len(EXPECTED.users)}


class Figures(cluster.Case):
    def test_one_consumer_has_the_figures_of_the_embedded_log(self):
        producer, = self.start("producer")
        consumer, = self.start("consumer")
        sender = LoadGenerator([producer.port], access_log.activities(LOG)).start()
        self.assertEqual(sender.wait(), EXPECTED.events)
        self.assert_exact([sender], **FIGURES)
        summary = consumer.summary(EXPECTED.first, EXPECTED.last)
        self.assertEqual((summary["events"], summary["page_views"], summary["unique_users"]), tuple(FIGURES.values()))
        self.assertEqual(producer.stop(), 0)
        self.assertEqual(consumer.stop(), 0)

    def test_three_consumers_share_the_partitions_and_each_answers_for_all(self):
        producer, = self.start("producer")
        consumers = self.start("consumer", 3)
        sender = LoadGenerator([producer.port], access_log.activities(LOG), per_second=4000).start()
        sender.wait()
        self.assert_exact([sender], **FIGURES)
        for consumer in consumers:
            summary = consumer.summary(EXPECTED.first, EXPECTED.last)
            self.assertEqual((summary["events"], summary["unique_users"]), (FIGURES["events"], FIGURES["users"]))

        rows = weir.wait_until(lambda: self.kafka.lag(self.group) == 0 and self.kafka.group(self.group), 30,
                               "kafka-consumer-groups to show no lag")
        self.assertEqual(sum(int(row["CURRENT-OFFSET"]) for row in rows if row["CURRENT-OFFSET"] != "-"), EXPECTED.events)
        self.assertEqual(len({row["CONSUMER-ID"] for row in rows}), 3, "one membership for each consumer")

    def test_a_record_has_the_user_as_key_and_the_unchanged_bytes_as_value(self):
        producer, = self.start("producer")
        body = '{ "user_id":"ada",  "activity_type":"signup","timestamp":"' + weir.now() + '","extra":[1, 2] }'
        self.assertEqual(producer.post("/activity", body).status, 200)
        record, = self.kafka.records(self.topic)
        self.assertEqual((record["key"], record["payload"]), ("ada", body))
        self.assertEqual(self.kafka.partitions(self.topic), cluster.PARTITIONS)
        self.assertEqual(record["tstype"], "logappend")

    def test_records_of_another_producer_are_counted(self):
        consumer, = self.start("consumer")
        texts = [json.dumps(weir.activity(user=f"user-{number % 7}", message_id=f"m{number}")) for number in range(100)]
        self.kafka.produce(self.topic, texts + texts[:10], "-p", "3")
        self.assert_exact(events=100, users=7)
        self.assertEqual(self.sums()["duplicate"], 10)
        self.assertTrue(consumer.running)


if __name__ == "__main__":
    weir.main()
