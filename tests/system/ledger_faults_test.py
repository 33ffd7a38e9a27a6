"""The log and the ledger disagree while some events that were answered 2xx are not counted yet. For every choice of
ON_OFFSET_GONE and KAFKA_START, none of these events is deleted, skipped or shown as counted."""
import concurrent.futures
import itertools
import shutil
import sqlite3
import time

from tests.harness import weir

DAYS = 4  # older than RETENTION_LOG_HOURS
TOPIC = "incoming.user_activity"
CHOICES = list(itertools.product(("stop", "earliest"), ("earliest", "latest")))


class Embedded(weir.Case):
    def post(self, one, name, events):
        """Sends each event in its own request, so that retention could delete some of them."""
        for number in range(events):
            event = weir.activity(f"{name}-{number}", when=weir.now(-DAYS * 86400))
            self.assertEqual(one.post("/activity", event).status, 200)

    def file(self, one, name):
        return one.folder / "data" / name

    def on(self, one, name, *statements):
        with sqlite3.connect(self.file(one, name)) as database:
            for statement in statements:
                database.execute(statement)
        database.close()

    def records(self, one):
        with sqlite3.connect(f"file:{self.file(one, 'events.db')}?mode=ro", uri=True) as database:
            found = database.execute("SELECT min(first_offset), sum(records) FROM segments").fetchone()
        database.close()
        return found

    def remove(self, one, name):
        for file in self.file(one, name).parent.glob(name + "*"):
            file.unlink()

    # Each situation: the ledger belongs to another log, and the log holds events that are not counted. Returns their number.

    def log_lost(self, one):
        one.start()
        self.post(one, "old", 40)
        one.wait_counted()
        one.stop()
        self.on(one, "metrics.db", f"INSERT INTO activity_dead_letters VALUES ('{TOPIC}', 0, 5, 'not_json', '', NULL, NULL, "
                "'2026-01-01T00:00:00.000Z', 1, NULL)")
        self.remove(one, "events.db")
        return self.unread(one, 70)

    def older_log(self, one):
        one.start()
        self.post(one, "first", 20)
        one.wait_counted()
        one.stop()
        shutil.copy(self.file(one, "events.db"), one.folder / "copy")
        one.start()
        self.post(one, "second", 20)
        one.wait_counted()
        one.stop()
        self.remove(one, "events.db")
        shutil.copy(one.folder / "copy", self.file(one, "events.db"))
        return 20 + self.unread(one, 70)

    def rows_of_kafka(self, one):
        one.start()
        one.stop()
        row = (f"INSERT OR REPLACE INTO activity_ledger (topic, partition, group_id, start_offset, next_offset, version, read, "
               f"tallied, log_end_offset, observed_at, updated_at) VALUES ('{TOPIC}', {{0}}, 'user-activity-consumer-group', 0, "
               "{1}, 7, {1}, {1}, {1}, '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')")
        self.on(one, "metrics.db", row.format(0, 40), row.format(1, 1000))
        return self.unread(one, 70)

    def store_lost(self, one):
        one.start()
        self.post(one, "old", 40)
        one.wait_counted()
        one.stop()
        self.remove(one, "metrics.db")
        return 40

    def unread(self, one, events):
        one.start(ready=False)
        weir.wait_until(lambda: "not read" in one.get("/health/ready").body.decode(), 30, "the partition to be refused")
        self.post(one, "new", events)
        one.kill()
        return events

    def test_fault_42_no_event_that_is_not_counted_is_deleted_or_skipped_under_any_setting(self):
        situations = (self.log_lost, self.older_log, self.rows_of_kafka, self.store_lost)
        cases = list(itertools.product(situations, CHOICES))

        def prepare(case):
            situation, (gone, start) = case
            one = self.weir(f"{situation.__name__}-{gone}-{start}", KAFKA_START=start)
            events = situation(one)
            age = DAYS * 86_400_000
            self.on(one, "events.db", f"UPDATE segments SET time_ms = time_ms - {age}")
            one.environment["ON_OFFSET_GONE"] = gone
            return one, events

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            prepared = list(pool.map(prepare, cases))
        for one, _ in prepared:
            one.start(ready=False)
        refused = []
        for (situation, (gone, start)), (one, events) in zip(cases, prepared):
            with self.subTest(situation.__name__, ON_OFFSET_GONE=gone, KAFKA_START=start):
                if gone == "stop" and situation != self.store_lost:
                    self.assert_not_counted_and_not_shown_as_counted(one)
                    refused.append((one, events))
                    continue
                self.assert_all_counted(one, events)
                if situation == self.log_lost:
                    self.assert_archived(one)
        time.sleep(7)  # retention runs every 5 s
        for one, events in refused:
            with self.subTest(one.folder.name + ", then ON_OFFSET_GONE=earliest"):
                self.assertEqual(self.records(one), (0, events), "the first offset and the number of records in the log")
                one.kill()
                one.environment["ON_OFFSET_GONE"] = "earliest"
                one.start(ready=False)
                self.assert_all_counted(one, events)

    def assert_not_counted_and_not_shown_as_counted(self, one):
        weir.wait_until(lambda: "not read" in one.get("/health/ready").body.decode(), 30, "the partition to be refused")
        ready = one.get("/health/ready")
        self.assertEqual(ready.status, 503)
        freshness = ready.json()["checks"]["freshness"]
        self.assertIn("ON_OFFSET_GONE=earliest", freshness["reason"])
        self.assertIsNone(freshness["oldest_unread_age_ms"])
        ledger = one.ledger()
        self.assertEqual((ledger["partitions"][0]["lag"], ledger["partitions"][0]["oldest_unread_age_ms"]), (None, None))
        self.assertIsNone(ledger["sums"]["lag"])
        metrics = one.get("/metrics").body.decode()
        self.assertNotIn("\nweir_consumer_oldest_unread_age_seconds", metrics)
        self.assertNotIn("\nweir_consumer_lag_", metrics)
        self.assertEqual(one.metric("weir_consumer_partitions", state="refused"), 1)

    def assert_all_counted(self, one, events):
        one.wait_ready(30)
        one.wait_counted()
        row = one.ledger()["partitions"][0]
        self.assertEqual((row["tallied"], row["skipped"], row["start_offset"], row["lag"]), (events, 0, 0, 0), row)
        one.assert_identities(self)

    def assert_archived(self, one):
        store = one.store()
        self.addCleanup(store.close)
        (old, tallied), (new, _) = store.execute("SELECT topic, tallied FROM activity_ledger ORDER BY topic DESC").fetchall()
        self.assertRegex(old, "^" + TOPIC.replace(".", r"\.") + r"~\d{8}T\d{6}Z$")
        self.assertEqual((new, tallied), (TOPIC, 40))
        self.assertEqual(store.execute("SELECT topic FROM activity_dead_letters").fetchall(), [(old,)])


if __name__ == "__main__":
    weir.main()
