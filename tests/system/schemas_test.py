"""SCHEMA_DIR: the same schemas at the door and in the consumer, reload by SIGHUP, and faults at start."""
import json
import signal
import time

from tests.harness import cluster, weir
from tests.system.dlq_test import dlq

PLAN = {"$schema": "http://json-schema.org/draft-07/schema#", "required": ["metadata"],
        "properties": {"metadata": {"type": "object", "required": ["plan"], "properties": {"plan": {"enum": ["free", "paid"]}}}}}


def write(folder, name, schema):
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json.new"
    path.write_text(schema if isinstance(schema, str) else json.dumps(schema))
    path.rename(folder / f"{name}.json")


class Door(weir.Case):
    def setUp(self):
        super().setUp()
        self.schemas = self.folder / "schemas"
        write(self.schemas, "signup", PLAN)

    def reload(self, one, text):
        before = one.log().count(text)
        one.process.send_signal(signal.SIGHUP)
        weir.wait_until(lambda: one.log().count(text) > before, 10, f"the log to say: {text}")

    def test_a_violation_is_400_with_the_pointer_of_the_member(self):
        one = self.weir(SCHEMA_DIR=self.schemas).start()
        for metadata, pointer in (({"plan": "gold"}, "/metadata/plan: "), ({}, "/metadata/plan: is missing"),
                                  (None, "/metadata")):
            answer = one.post("/activity", weir.activity(kind="signup", metadata=metadata))
            self.assertEqual(answer.status, 400, answer.body)
            self.assertTrue(answer.json()["error"].startswith(pointer), answer.body)
        self.assertEqual(one.post("/activity", weir.activity(kind="signup", metadata={"plan": "free"})).status, 200)
        self.assertEqual(one.post("/activity", weir.activity(kind="other")).status, 200)
        batch = [weir.activity(kind="signup", metadata={"plan": plan}) for plan in ("free", "gold", "paid")]
        answer = one.post("/activities", batch).json()
        self.assertEqual((answer["accepted"], [each["index"] for each in answer["rejected"]]), (2, [1]))
        self.assertEqual(one.wait_counted()["tallied"], 4)
        self.assertEqual(one.metric("weir_intake_rejected_total", code="schema_violation"), 4)

    def test_sighup_reloads_and_a_broken_schema_keeps_the_old_one(self):
        one = self.weir(SCHEMA_DIR=self.schemas).start()
        gold = weir.activity(kind="signup", metadata={"plan": "gold"})
        self.assertEqual(one.post("/activity", gold).status, 400)
        write(self.schemas, "signup", "{")
        self.reload(one, "the schemas could not be loaded again")
        self.assertIn("signup.json", one.log())
        self.assertEqual(one.post("/activity", gold).status, 400)
        write(self.schemas, "signup", {})
        self.reload(one, "the schemas are loaded again")
        self.assertEqual(one.post("/activity", gold).status, 200)
        write(self.schemas, "default", "false")
        self.reload(one, "the schemas are loaded again")
        self.assertEqual(one.post("/activity", weir.activity(kind="other")).status, 400)
        self.assertEqual(one.post("/activity", gold).status, 200)

    def test_a_schema_that_cannot_be_checked_ends_the_start_with_2(self):
        for schema, text in (("{", "is no JSON"), ({"$ref": "http://127.0.0.1/x.json"}, "/$ref"), ({"minimun": 1}, "/minimun"),
                             ({"format": "email"}, "/format")):
            with self.subTest(schema):
                write(self.schemas, "signup", schema)
                one = self.weir(f"broken-{len(text)}", SCHEMA_DIR=self.schemas).start(ready=False)
                self.assertEqual(one.process.wait(20), 2)
                self.assertIn("signup.json", one.log())
                self.assertIn(text, one.log())
        one = self.weir("missing", SCHEMA_DIR=self.folder / "none").start(ready=False)
        self.assertEqual(one.process.wait(20), 2)

    def test_a_dead_letter_of_a_stricter_schema_is_replayed_after_it_is_relaxed(self):
        one = self.weir(SCHEMA_DIR=self.schemas, FLUSH_INTERVAL_SEC=60, BATCH_SIZE=5000).start()
        write(self.schemas, "signup", {})
        self.reload(one, "the schemas are loaded again")
        for number in range(3):
            event = weir.activity(f"u{number}", kind="signup", message_id=f"m{number}", metadata={"plan": "gold"})
            self.assertEqual(one.post("/activity", event).status, 200)
        one.kill()  # before the flush
        write(self.schemas, "signup", PLAN)
        one.environment["FLUSH_INTERVAL_SEC"] = "1"
        one.start()
        self.assertEqual(one.wait_counted()["dead_lettered"], 3)
        reason, = one.get("/api/v1/dead_letters").json()["reasons"]
        self.assertEqual((reason["reason"], reason["count"]), ("schema_violation", 3))
        self.assertTrue(reason["sample"]["detail"].startswith("/metadata/plan: "), reason)
        write(self.schemas, "signup", {})
        self.reload(one, "the schemas are loaded again")
        for _ in range(2):
            self.assertEqual(dlq("replay", "--include-replayed", DATA_DIR=one.folder / "data").returncode, 0)
        weir.wait_until(lambda: one.ledger()["sums"]["duplicate"] == 3, 20, "both replays to be read")
        sums = one.ledger()["sums"]
        self.assertEqual((sums["tallied"], sums["duplicate"], sums["dead_lettered"]), (3, 3, 3))
        one.assert_identities(self)


class Cluster(cluster.Case):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}

    def test_fault_24_a_foreign_record_that_breaks_its_schema_is_a_dead_letter_until_it_is_relaxed(self):
        schemas = self.folder / "schemas"
        write(schemas, "signup", PLAN)
        consumer, = self.start("consumer", SCHEMA_DIR=schemas)
        producer, = self.start("producer", SCHEMA_DIR=schemas)
        texts = [json.dumps(weir.activity(f"u{number}", kind="signup", message_id=f"m{number}", metadata={"plan": plan}))
                 for number, plan in enumerate(("gold", "free", "gold"))]
        self.assertEqual([producer.post("/activity", text).status for text in texts], [400, 200, 400])
        self.kafka.produce(self.topic, texts[::2], "-p", "4")
        sums = self.wait_counted()
        self.assertEqual((sums["tallied"], sums["dead_lettered"]), (1, 2))
        write(schemas, "signup", {})
        consumer.process.send_signal(signal.SIGHUP)
        weir.wait_until(lambda: "the schemas are loaded again" in consumer.log(), 10, "the reload")
        settings = {**self.postgres.environment(self.database), "KAFKA_BROKERS": self.kafka.brokers, "KAFKA_TOPIC": self.topic}
        for _ in range(2):
            done = dlq("replay", "--reason", "schema_violation", "--include-replayed", **settings)
            self.assertEqual(done.returncode, 0, done.stderr)
            time.sleep(1)
        sums = self.wait_counted()
        self.assertEqual((sums["tallied"], sums["duplicate"], sums["dead_lettered"]), (3, 2, 2))
        self.assert_identities()


if __name__ == "__main__":
    weir.main()
