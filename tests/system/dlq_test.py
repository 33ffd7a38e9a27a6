"""`weir dlq list`, `show` and `replay`, and GET /api/v1/dead_letters, with both pairs of log and store."""
import csv
import io
import json
import os
import subprocess
import time

from tests.harness import cluster, weir


def dlq(*arguments, **environment):
    """Runs `weir dlq` and returns the finished process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "DB_", "DATABASE_"))}
    return subprocess.run([str(weir.BINARY), "dlq", *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          env={**kept, **{name: str(value) for name, value in environment.items()}})


class Checks:
    """For both pairs. `environment` names the store and the log."""

    def dlq(self, *arguments, code=0):
        done = dlq(*arguments, **self.environment)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def listed(self, *arguments):
        return json.loads(self.dlq("list", "--format", "json", *arguments).stdout)

    def rows(self, *arguments):
        return self.listed("--rows", *arguments)


class Embedded(weir.Case, Checks):
    LARGE = 2_000

    def setUp(self):
        super().setUp()
        self.one = self.weir(FLUSH_INTERVAL_SEC=60, BATCH_SIZE=5000)
        self.environment = {"DATA_DIR": self.one.folder / "data"}

    def with_dead_letters(self, count=3):
        """Starts a service that has dead letters: events that a restart no longer takes, because of their size."""
        self.one.start()
        events = [weir.activity(f"user-{number}", note="\x1b[31m" + "x" * self.LARGE) for number in range(count)]
        self.assertEqual(self.one.post("/activities", [*events, weir.activity("ada")]).json()["accepted"], count + 1)
        self.one.kill()  # before the flush
        self.one.environment.update(FLUSH_INTERVAL_SEC="1", MAX_EVENT_BYTES="1000")
        self.one.start()
        sums = self.one.wait_counted()
        self.assertEqual((sums["tallied"], sums["dead_lettered"]), (1, count))
        return events

    def relax(self):
        self.one.stop()
        self.one.environment["MAX_EVENT_BYTES"] = "65536"

    def assert_sums(self, tallied, duplicate, dead_lettered):
        def reached():
            sums = self.one.ledger()["sums"]
            return (sums["tallied"], sums["duplicate"], sums["dead_lettered"]) == (tallied, duplicate, dead_lettered)
        weir.wait_until(reached, 20, f"the sums, now {self.one.ledger()['sums']}")
        self.one.assert_identities(self)
        self.assertEqual(sum(row["attempts"] for row in self.rows()), dead_lettered)

    def test_a_replay_through_the_running_service_is_counted_once(self):
        self.with_dead_letters()
        self.assertEqual(self.dlq("replay").stdout.splitlines()[-1], "3 dead letters sent")
        self.assert_sums(1, 0, 6)  # still too large: one more attempt of each
        self.assertEqual([row["attempts"] for row in self.rows()], [2, 2, 2])
        self.relax()
        self.one.start()
        self.dlq("replay", "--offset", 1)
        self.assert_sums(2, 0, 6)
        self.dlq("replay")
        self.dlq("replay", "--include-replayed")
        self.assert_sums(4, 3, 6)
        self.assertTrue(all(row["replayed_at"] for row in self.rows()))
        self.assertIn("no dead letters", self.dlq("list", "--waiting").stdout)
        self.assertEqual(self.dlq("replay").stdout, "0 dead letters sent\n")
        self.assertEqual(self.one.summary(weir.now(-3600), weir.now(3600))["events"], 4)

    def test_fault_25_a_replay_that_failed_before_a_restart_with_looser_rules_does_not_make_the_next_one_a_duplicate(self):
        self.one.start()
        large = {**weir.activity("ada", note="x" * self.LARGE), "message_id": "m-1"}
        self.assertEqual(self.one.post("/activity", large).status, 200)
        self.one.kill()  # before the flush
        self.one.environment.update(FLUSH_INTERVAL_SEC="1", MAX_EVENT_BYTES="1000")
        self.one.start()
        self.assert_sums(0, 0, 1)
        self.dlq("replay")
        self.assert_sums(0, 0, 2)  # still too large
        self.relax()
        self.one.start()
        self.dlq("replay")
        self.assert_sums(1, 0, 2)
        self.one.stop()
        self.one.start()
        self.dlq("replay", "--include-replayed")
        self.assertEqual(self.one.post("/activity", large).status, 200)
        self.assert_sums(1, 2, 2)

    def test_a_replay_beside_a_stopped_service_is_counted_at_the_next_start(self):
        self.with_dead_letters()
        self.relax()
        self.dlq("replay", "--dry-run")
        self.assertEqual(self.dlq("replay").stdout.splitlines()[-1], "3 dead letters sent")
        self.one.start()
        self.assert_sums(4, 0, 3)

    def test_the_api_and_the_list_show_reasons_with_a_sample_of_text(self):
        self.with_dead_letters()
        answer = self.one.get("/api/v1/dead_letters").json()
        self.assertEqual(answer["sums"], {"count": 3, "attempts": 3, "replayed": 0})
        reason, = answer["reasons"]
        self.assertEqual((reason["count"], reason["reason"]), (3, self.rows()[0]["reason"]))
        self.assertIn("MAX_EVENT_BYTES" if "MAX_EVENT_BYTES" in reason["sample"]["detail"] else "1000",
                      reason["sample"]["detail"])
        self.assertEqual(len(reason["sample"]["value"]), 1024)
        self.assertGreater(reason["sample"]["value_bytes"], self.LARGE)
        self.assertEqual(self.listed()["sums"], answer["sums"])
        table = self.dlq("list").stdout
        self.assertIn(reason["reason"], table)
        first = self.rows()[0]
        table_row = list(csv.DictReader(io.StringIO(self.dlq("list", "--rows", "--format", "csv").stdout)))[0]
        self.assertEqual((int(table_row["offset"]), table_row["reason"]), (first["offset"], first["reason"]))
        shown = self.dlq("show", f"0/{first['offset']}").stdout
        self.assertIn("x" * self.LARGE, shown)
        self.assertIn("\\u001b[31m", shown)
        for text in (table, shown, json.dumps(answer, ensure_ascii=False)):
            self.assertNotIn("\x1b", text)
        self.assertEqual(json.loads(self.dlq("show", f"0/{first['offset']}", "--format", "json").stdout), first)

    def test_only_a_reader_of_data_dir_can_replay(self):
        self.with_dead_letters(1)
        self.assertEqual((self.one.folder / "data" / "weir.control").stat().st_mode & 0o777, 0o600)
        offset = self.rows()[0]["offset"]
        for headers in ({}, {"X-Weir-Token": ""}, {"X-Weir-Token": "0" * 32}):
            self.assertEqual(self.one.post("/control/replay", f"0/{offset}\n", headers).status, 403)
        token = (self.one.folder / "data" / "weir.control").read_text().split()[1]
        for body in ("x", "0/999999", "0/-1", "other/0/0"):
            self.assertEqual(self.one.post("/control/replay", body, {"X-Weir-Token": token}).status, 400, body)
        self.assert_sums(1, 0, 1)

    def test_wrong_usage_and_missing_files(self):
        for arguments, code, text in (
                ((), 2, "expected weir dlq list"), (("no",), 2, "expected weir dlq list"), (("show",), 2, "ID is missing"),
                (("show", "x"), 2, "expected partition/offset"), (("list", "--from", "now"), 2, "a time in RFC 3339"),
                (("list", "--partition", "-1"), 2, "the number of a partition"), (("list", "--format", "xml"), 2, "table, json"),
                (("list",), 1, "metrics.db does not exist"), (("replay",), 1, "metrics.db does not exist")):
            with self.subTest(arguments):
                self.assertIn(text, self.dlq(*arguments, code=code).stderr)
        self.assertIn("weir dlq list", self.dlq("--help").stdout)


class Cluster(cluster.Case, Checks):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}

    def setUp(self):
        super().setUp()
        self.environment = {**self.postgres.environment(self.database), "KAFKA_BROKERS": self.kafka.brokers,
                            "KAFKA_TOPIC": self.topic}

    def ahead(self, user, seconds):
        return json.dumps(weir.activity(user=user, when=weir.now(48 * 3600 + seconds)))

    def test_dead_letters_that_become_valid_are_replayed_and_counted_once(self):
        self.start("consumer")
        # Three events are some seconds too far ahead, so that they are valid soon.
        self.kafka.produce(self.topic, ["{", '{"user_id":"a"}', *(self.ahead(f"u{n}", 12) for n in range(3))], "-p", "5")
        self.kafka.produce(self.topic, [json.dumps(weir.activity(user="good"))], "-p", "3")
        sums = self.wait_counted()
        self.assertEqual((sums["tallied"], sums["dead_lettered"]), (1, 5))
        reasons = {each["reason"]: each["count"] for each in self.listed()["reasons"]}
        self.assertEqual(sorted(reasons.values()), [1, 1, 3], reasons)
        late = next(reason for reason, count in reasons.items() if count == 3)
        rows = self.rows()
        self.assertEqual([(row["partition"], row["offset"]) for row in rows], [(5, number) for number in range(5)])
        self.assertEqual(rows[0]["value"], "{")
        self.assertEqual(self.rows("--reason", late, "--partition", 5, "--from", weir.now(-600), "--to", weir.now(600)), rows[2:])
        self.assertEqual(self.rows("--to", weir.now(-600)), [])
        dry = self.dlq("replay", "--dry-run").stdout
        self.assertEqual(dry.splitlines()[-1], "5 dead letters would be sent")
        self.assertEqual(sum(self.kafka.counts(self.topic).values()), 6)
        time.sleep(13)
        for _ in range(2):  # the second time before or after the first is counted
            self.dlq("replay", "--reason", late, "--include-replayed")
        sums = self.wait_counted()
        self.assertEqual((sums["tallied"], sums["duplicate"], sums["dead_lettered"]), (4, 3, 5))
        self.dlq("replay")  # those that can never be valid
        sums = self.wait_counted()
        self.assertEqual((sums["tallied"], sums["duplicate"], sums["dead_lettered"]), (4, 3, 7))
        self.assert_identities()
        rows = self.rows()
        self.assertEqual([row["attempts"] for row in rows], [2, 2, 1, 1, 1])
        self.assertEqual(sum(row["attempts"] for row in rows), sums["dead_lettered"])
        self.assertEqual([bool(row["replayed_at"]) for row in rows], [False, False, True, True, True])
        sent = [dict(zip(each["headers"][::2], each["headers"][1::2])) for each in self.kafka.records(self.topic)
                if each.get("headers")]
        self.assertIn(f"{self.topic}/5/2", {each.get("weir.replay") for each in sent})

    def test_fault_25_a_replay_that_failed_before_a_restart_with_looser_rules_does_not_make_the_next_one_a_duplicate(self):
        one, = self.start("consumer", MAX_EVENT_BYTES=1000)
        large = json.dumps({**weir.activity("ada", note="x" * 2_000), "message_id": "m-1"})
        self.kafka.produce(self.topic, [large], "-k", "ada")
        self.wait_counted()
        self.dlq("replay")
        self.assertEqual(self.wait_counted()["dead_lettered"], 2)
        one.stop()
        self.start("consumer")
        self.dlq("replay")
        sums = self.wait_counted()
        self.assertEqual((sums["tallied"], sums["duplicate"], sums["dead_lettered"]), (1, 0, 2))
        self.assert_identities()

    def test_a_broker_that_is_away_ends_the_replay_with_1(self):
        self.start("consumer")
        self.kafka.produce(self.topic, ["{"], "-p", "0")
        self.wait_counted()
        self.environment["KAFKA_BROKERS"] = f"127.0.0.1:{weir.free_port()}"
        self.assertIn("is not reachable", self.dlq("replay", code=1).stderr)
        self.environment["DB_PORT"] = weir.free_port()
        self.environment.pop("DATABASE_URL", None)
        self.assertIn("weir dlq list: ", self.dlq("list", code=1).stderr)


if __name__ == "__main__":
    weir.main()
