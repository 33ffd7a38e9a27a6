"""Records and offsets that need special treatment: poison records, dead letters and replays, missing offsets."""
import json
import re
import time

from tests.harness import cluster, weir
from tests.harness.faulty_proxy import FaultyProxy
from tests.harness.load_generator import LoadGenerator, traffic

DELETE = "org.apache.kafka.tools.DeleteRecordsCommand"


def good(number, user=None, **more):
    return json.dumps(weir.activity(user=user or f"user-{number}", message_id=f"id-{number}", **more))


class DeadLetters(cluster.Case):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}

    def dead_letters(self):
        rows = self.sql("SELECT row_to_json(l) FROM (SELECT topic, partition, \"offset\", reason, detail, attempts, replayed_at, "
                        f"encode(value, 'hex') AS value FROM activity_dead_letters WHERE topic = '{self.topic}' "
                        "ORDER BY partition, \"offset\") AS l")
        return [json.loads(row[0]) for row in rows]

    def copies(self):
        return self.kafka.records(self.topic + ".dlq")

    def test_fault_24_poison_records_become_dead_letters_and_the_partition_moves_on(self):
        consumer, = self.start("consumer")
        poison = [b"\x00\xff\xfe garbage", b"{", b'{"user_id":"a"}', b'{"user_id":"\xc3\x28","activity_type":"x",'
                  b'"timestamp":"2026-01-01T00:00:00Z"}', b"[" * 5000, b"x" * 1_000_000,
                  good(0, when="2999-01-01T00:00:00Z").encode()]
        for value in poison:
            path = self.folder / "value"
            path.write_bytes(value)
            self.kafka.kcat("-P", "-t", self.topic, "-p", "5", "-k", "key", "-X", "message.max.bytes=2000000", path)
        self.kafka.produce(self.topic, ["user:"], "-p", "5", "-Z", "-K", ":")  # a record without a value
        self.kafka.produce(self.topic, [good(1), good(2)], "-p", "5")
        sums = self.wait_counted()
        self.assertEqual((sums["tallied"], sums["dead_lettered"]), (2, len(poison) + 1))
        self.assert_identities()
        dead_letters = self.dead_letters()
        self.assertEqual([row["offset"] for row in dead_letters], list(range(len(poison) + 1)))
        self.assertEqual({row["partition"] for row in dead_letters}, {5})
        for row, value in zip(dead_letters, poison):
            self.assertEqual(bytes.fromhex(row["value"]), value)
            self.assertTrue(row["reason"] and row["detail"], row)
        self.assertIsNone(dead_letters[-1]["value"])
        copies = self.copies()
        self.assertEqual(len(copies), len(dead_letters))
        headers = [dict(zip(copy["headers"][::2], copy["headers"][1::2])) for copy in copies]
        self.assertEqual({each["weir.source"] for each in headers}, {f"{self.topic}/5/{row['offset']}" for row in dead_letters})
        self.assertEqual(sorted(each["weir.reason"] for each in headers), sorted(row["reason"] for row in dead_letters))
        consumer.kill()  # its successor must not write them again
        consumer.start()
        self.kafka.produce(self.topic, [good(3)], "-p", "5")
        self.assertEqual(self.wait_counted()["dead_lettered"], len(poison) + 1)
        self.assertEqual(len(self.dead_letters()), len(poison) + 1)

    def test_fault_25_without_the_dlq_topic_the_partition_waits_and_the_others_continue(self):
        self.kafka.create_topic(self.topic, 2)
        self.kafka.create_topic(self.topic + ".dlq", 1, max_message_bytes=10)  # it accepts no record
        consumer, = self.start("consumer")
        self.kafka.produce(self.topic, ["poison", good(1)], "-p", "0")
        self.kafka.produce(self.topic, [good(2), good(3)], "-p", "1")
        weir.wait_until(lambda: self.sums()["tallied"] == 2, 30, "the other partition to be counted")
        time.sleep(5)
        by_partition = {row["partition"]: row["next_offset"] for row in self.ledger()}
        self.assertEqual(by_partition, {0: 0, 1: 2}, "the offset of the dead letter must not move")
        self.assertEqual(self.dead_letters(), [])
        self.kafka.tool("kafka.admin.ConfigCommand", "--alter", "--entity-type", "topics", "--entity-name",
                        self.topic + ".dlq", "--add-config", "max.message.bytes=1000000")
        sums = self.wait_counted(60)
        self.assertEqual((sums["tallied"], sums["dead_lettered"]), (3, 1))
        self.assertGreaterEqual(len(self.copies()), 1)
        self.assertTrue(consumer.running)

    def replay(self, dead_letter, value, partition=5):
        source = f"{self.topic}/{dead_letter['partition']}/{dead_letter['offset']}"
        self.kafka.produce(self.topic, [value], "-p", partition, "-H", f"weir.replay={source}")

    def test_a_dead_letter_that_is_replayed_twice_is_counted_once(self):
        self.start("consumer")
        self.kafka.produce(self.topic, ['{"user_id":"ada"}'], "-p", "5")
        self.wait_counted()
        dead_letter, = self.dead_letters()
        self.assertEqual((dead_letter["attempts"], dead_letter["replayed_at"]), (1, None))
        corrected = json.dumps(weir.activity(user="ada"))  # without a message_id
        self.replay(dead_letter, corrected)
        self.wait_counted()
        self.replay(dead_letter, corrected, partition=7)
        sums = self.wait_counted()
        self.assertEqual((sums["tallied"], sums["duplicate"], sums["dead_lettered"]), (1, 1, 1))
        self.assert_identities()
        dead_letter, = self.dead_letters()
        self.assertIsNotNone(dead_letter["replayed_at"])
        self.assertEqual(self.totals()["events"], 1)

    def test_fault_25_a_replay_that_is_still_invalid_counts_an_attempt_and_does_not_loop(self):
        self.start("consumer")
        self.kafka.produce(self.topic, ['{"user_id":"ada"}', "{"], "-p", "5")
        self.wait_counted()
        first, second = self.dead_letters()
        for _ in range(3):
            self.replay(first, '{"user_id":"ada"}', partition=2)
        sums = self.wait_counted()
        self.assertEqual(sums["dead_lettered"], 5)
        dead_letters = self.dead_letters()
        self.assertEqual([(row["offset"], row["attempts"]) for row in dead_letters], [(first["offset"], 4), (second["offset"], 1)])
        self.assertEqual(sum(row["attempts"] for row in dead_letters), sums["dead_lettered"])
        ends = self.kafka.end_offsets(self.topic)
        time.sleep(3)
        self.assertEqual(self.kafka.end_offsets(self.topic), ends, "no record may be replayed automatically")


class Offsets(cluster.Case):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}

    def delete_before(self, partition, offset):
        """Deletes the records before `offset`, as retention does."""
        path = self.folder / "cut.json"
        path.write_text(json.dumps({"version": 1, "partitions": [
            {"topic": self.topic, "partition": partition, "offset": offset}]}))
        self.kafka.tool(DELETE, "--offset-json-file", path)

    def test_fault_27_missing_offsets_stop_their_partition_until_on_offset_gone_is_earliest(self):
        self.kafka.create_topic(self.topic, 2)
        consumer, = self.start("consumer")
        self.kafka.produce(self.topic, [good(n) for n in range(5)], "-p", "0")
        self.wait_counted()
        consumer.stop()
        self.kafka.produce(self.topic, [good(n) for n in range(5, 20)], "-p", "0")
        self.delete_before(0, 12)
        consumer.start(ready=False)
        self.kafka.produce(self.topic, [good(100)], "-p", "1")
        weir.wait_until(lambda: self.sums()["tallied"] == 6, 30, "the other partition to be counted")
        answer = consumer.get("/health/ready")
        self.assertEqual(answer.status, 503)
        self.assertIn("offsets 5 to 11 are gone", answer.json()["checks"]["freshness"]["reason"])
        self.assertEqual(consumer.log().count("a partition is not read"), 1)
        consumer.stop()

        relaxed, = self.start("consumer", ON_OFFSET_GONE="earliest")
        sums = self.wait_counted()
        self.assertEqual((sums["tallied"], sums["skipped"]), (6 + 8, 7))
        self.assertTrue(relaxed.running)
        for row in self.ledger():
            self.assertEqual(row["next_offset"] - row["start_offset"], row["read"] + row["skipped"])

    def test_fault_27_a_topic_that_was_created_again_is_recognised_by_its_records(self):
        self.kafka.create_topic(self.topic, 1)
        consumer, = self.start("consumer")
        self.kafka.produce(self.topic, [good(n) for n in range(10)])
        self.wait_counted()
        consumer.stop()
        self.kafka.delete_topic(self.topic)
        weir.wait_until(lambda: not self.kafka.partitions(self.topic), 30, "the topic to be gone")
        self.kafka.create_topic(self.topic, 1)
        self.kafka.produce(self.topic, [good(n) for n in range(100, 130)])
        consumer.start(ready=False)
        weir.wait_until(lambda: "not the one that was counted" in consumer.get("/health/ready").body.decode(), 30,
                        "the consumer to notice the other log")
        self.assertEqual(self.sums()["tallied"], 10)
        consumer.stop()

        self.start("consumer", ON_OFFSET_GONE="earliest")
        self.assertEqual(self.wait_counted()["tallied"], 30)
        rows = self.sql("SELECT topic, tallied FROM activity_ledger ORDER BY tallied")
        self.assertEqual([int(row[1]) for row in rows], [10, 30])
        self.assertRegex(rows[0][0], "^" + re.escape(self.topic) + r"~\d{8}T\d{6}Z$")
        self.assertEqual(self.totals()["events"], 40, "the windows must remain")

    def test_fault_27_partitions_added_at_run_time_are_counted_from_their_start(self):
        self.kafka.create_topic(self.topic, 2)
        producer, = self.start("producer")
        self.start("consumer", 2)
        first = LoadGenerator([producer.port], traffic(500, "before")).start()
        first.wait()
        self.assert_exact([first])
        self.kafka.add_partitions(self.topic, 5)
        self.kafka.produce(self.topic, [good(n) for n in range(20)], "-p", "4")  # before any consumer knows the partition
        second = LoadGenerator([producer.port], traffic(500, "after")).start()
        second.wait()
        self.assert_exact([first, second], seconds=90)
        self.assertEqual([row["start_offset"] for row in self.ledger()], [0] * 5)

    def test_kafka_start_latest_begins_all_partitions_at_their_ends_at_once(self):
        self.kafka.create_topic(self.topic, 3)
        self.kafka.produce(self.topic, [good(n) for n in range(30)], "-p", "1")
        consumer, = self.start("consumer", KAFKA_START="latest")
        self.assertEqual({row["partition"]: (row["start_offset"], row["next_offset"], row["skipped"]) for row in self.ledger()},
                         {0: (0, 0, 0), 1: (0, 30, 30), 2: (0, 0, 0)}, "the omitted records must count as skipped")
        self.kafka.produce(self.topic, [good(n) for n in range(100, 105)], "-p", "1")
        self.assertEqual(self.wait_counted()["tallied"], 5)
        consumer.kill()
        self.kafka.produce(self.topic, [good(n) for n in range(200, 205)], "-p", "2")
        consumer.start()
        self.assertEqual(self.wait_counted()["tallied"], 10, "an existing ledger decides")

    def test_kafka_start_latest_leaves_out_no_event_that_the_same_process_accepted(self):
        self.kafka.create_topic(self.topic, 3)
        self.kafka.produce(self.topic, [good(n) for n in range(30)], "-p", "1")
        proxy = FaultyProxy(self.postgres.port)
        self.addCleanup(proxy.close)
        proxy.refuse()
        serve = self.make("serve", "serve", EVENT_LOG="kafka", METRICS_STORE="postgres", KAFKA_START="latest",
                          DB_PORT=proxy.port)
        serve.start(ready=False)

        def post(number):
            return serve.post("/activity", weir.activity(f"new-{number}")).status

        weir.wait_until(lambda: serve.get("/health/live").status == 200, 20, "the service to start")
        refusals = {post(number) for number in range(20)}
        time.sleep(2)
        refusals |= {post(number) for number in range(20)}
        self.assertEqual(refusals, {503}, "the start of the ledger is not stored yet")
        proxy.forward()
        weir.wait_until(lambda: post(100) == 200, 30, "events to be accepted")
        for number in range(101, 140):
            self.assertEqual(post(number), 200)
        serve.kill()
        serve.start()
        sums = self.wait_counted()
        self.assertEqual((sums["tallied"], sums["skipped"]), (40, 30))
        for row in self.ledger():
            self.assertEqual(row["next_offset"] - row["start_offset"], row["read"] + row["skipped"], row)

    def test_fault_42_every_choice_of_on_offset_gone_and_kafka_start_with_events_that_are_not_counted(self):
        cases = [(gone, start) for gone in ("stop", "earliest") for start in ("earliest", "latest")]
        consumers, topics = {}, {}
        for gone, start in cases:
            name = f"{gone}-{start}"
            topics[name] = {what: f"{self.topic}.{name}.{what}" for what in ("fresh", "again")}
            for topic in topics[name].values():
                self.kafka.create_topic(topic, 1)
            self.kafka.produce(topics[name]["fresh"], [good(n) for n in range(30)])
            counted = self.make("consumer", f"{name}-before", KAFKA_TOPIC=topics[name]["again"], KAFKA_GROUP_ID=name).start()
            self.kafka.produce(topics[name]["again"], [good(n) for n in range(10)])
            weir.wait_until(lambda: counted.ledger()["sums"]["tallied"] == 10, 30, "the first log to be counted")
            counted.stop()
            self.kafka.delete_topic(topics[name]["again"])
        for name in topics:
            weir.wait_until(lambda: not self.kafka.partitions(topics[name]["again"]), 30, "the topic to be gone")
            self.kafka.create_topic(topics[name]["again"], 1)
            self.kafka.produce(topics[name]["again"], [good(n) for n in range(100, 125)])
        for gone, start in cases:
            name = f"{gone}-{start}"
            for what, topic in topics[name].items():
                consumers[name, what] = self.make("consumer", f"{name}-{what}", KAFKA_TOPIC=topic, KAFKA_GROUP_ID=name + what * (
                    what == "fresh"), ON_OFFSET_GONE=gone, KAFKA_START=start).start(ready=False)
        for gone, start in cases:
            name = f"{gone}-{start}"
            with self.subTest("no ledger yet", ON_OFFSET_GONE=gone, KAFKA_START=start):
                consumer = consumers[name, "fresh"]
                consumer.wait_ready(60)
                expected = (30, 0) if start == "earliest" else (0, 30)
                weir.wait_until(lambda: self.first(consumer) == (*expected, 0), 30, f"tallied, skipped, lag {expected}")
            with self.subTest("a topic created again", ON_OFFSET_GONE=gone, KAFKA_START=start):
                consumer = consumers[name, "again"]
                if gone == "earliest":
                    weir.wait_until(lambda: self.first(consumer) == (25, 0, 0), 60, "all of it to be counted")
                    continue
                weir.wait_until(lambda: "not read" in consumer.get("/health/ready").body.decode(), 60, "the refusal")
                self.assertEqual(self.first(consumer), (10, 0, None), "it must not skip them, and not report that it has caught up")
                self.assertNotIn("\nweir_consumer_lag_", consumer.get("/metrics").body.decode())

    def first(self, consumer):
        row, = consumer.ledger()["partitions"]
        return row["tallied"], row["skipped"], row["lag"]

    def test_of_two_groups_that_start_at_once_on_an_empty_ledger_one_exits_and_names_both(self):
        self.kafka.create_topic(self.topic, 12)
        self.kafka.produce(self.topic, [good(1)])
        both = [self.make("consumer", f"group-{n}", KAFKA_GROUP_ID=f"group-{n}-{self.name}") for n in (1, 2)]
        for consumer in both:
            consumer.start(ready=False)
        weir.wait_until(lambda: any(not consumer.running for consumer in both), 60, "one of them to exit")
        exited, remains = sorted(both, key=lambda consumer: consumer.running)
        self.assertEqual(exited.process.wait(30), 2)
        last = exited.log().strip().splitlines()[-1]
        for n in (1, 2):
            self.assertIn(f"group-{n}-{self.name}", last)
        remains.wait_ready(60)
        self.assertEqual({row["group_id"] for row in self.ledger()}, {remains.environment["KAFKA_GROUP_ID"]})
        for consumer in both:
            del self.processes[consumer.folder.name]

    def test_another_consumer_group_on_the_same_database_is_refused_by_name(self):
        consumer, = self.start("consumer")
        self.kafka.produce(self.topic, [good(1)])
        self.wait_counted()
        other = self.make("consumer", "other", KAFKA_GROUP_ID="another-group")
        other.start(ready=False)
        self.assertEqual(other.process.wait(60), 2)
        last = other.log().strip().splitlines()[-1]
        self.assertIn("another-group", last)
        self.assertIn(self.group, last)
        self.assertTrue(consumer.running)
        del self.processes["other"]


class Duplicates(cluster.Case):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}

    def test_fault_45_a_repeated_event_reaches_the_partition_of_the_first_for_every_partition_key(self):
        self.start("consumer")
        for number, key in enumerate(("none", "metadata.session", "activity_type", "user_id")):
            producer, = self.start("producer", KAFKA_PARTITION_KEY=key)
            event = weir.activity("ada", message_id=f"id-{number}")
            for _ in range(2 * cluster.PARTITIONS):
                self.assertEqual(producer.post("/activity", event).status, 200)
            with self.subTest(key):
                sums = self.wait_counted()
                self.assertEqual((sums["tallied"], sums["duplicate"]),
                                 (number + 1, (number + 1) * (2 * cluster.PARTITIONS - 1)))
            producer.kill()
        self.assert_exact(events=4, users=1)


if __name__ == "__main__":
    weir.main()
