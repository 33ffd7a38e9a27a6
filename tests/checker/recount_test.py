"""The ledgers of the clients, the log and the figures of the service agree. The checker can also fail: it finds each of a
list of planted errors by its kind."""
import dataclasses
import json
import pathlib
import shutil
import sqlite3
import time
import unittest

from tests.chaos.file_faults import LostLog
from tests.checker.client import Client
from tests.checker.ledger import KEPT, REFUSED, LedgerReader, Send
from tests.checker.recount import Recount, Rules
from tests.checker.recount_check import check
from tests.checker.recount_log import file_records, topic_records
from tests.checker.recount_refusals import check_refusals
from tests.checker.recount_store import PostgresStore, SqliteStore
from tests.harness import cluster, postgres, weir

EVENTS = 2_500
WINDOWS = {"minute", "hour", "day"}  # an error in one may show in the others

MINUTES, HOURS, DAYS = (f"activity_windows WHERE granularity = {number} AND dimension = 0" for number in range(3))
LAST_MINUTE = f"window_start = (SELECT max(window_start) FROM {MINUTES})"

# {planted error: (SQL on a copy of the store, the kinds of the findings)}
STORE_ERRORS = {
    "one event more in a minute": (
        f"UPDATE activity_windows SET events = events + 1 WHERE granularity = 0 AND dimension = 0 AND {LAST_MINUTE}",
        {"minute"}),
    "one page view less in a day": (
        "UPDATE activity_windows SET page_views = page_views - 1 WHERE granularity = 2 AND dimension = 0 AND "
        f"window_start = (SELECT min(window_start) FROM {DAYS} AND page_views > 0)", {"day"}),
    "an hour deleted": (
        "DELETE FROM activity_windows WHERE granularity = 1 AND "
        f"window_start = (SELECT min(window_start) FROM {HOURS})", {"hour"}),
    "a user forgotten": (
        "UPDATE activity_windows SET users = substr(users, 1, length(users) - 8) WHERE granularity = 0 AND "
        f"dimension = 0 AND length(users) = (SELECT max(length(users)) FROM {MINUTES})", {"minute"}),
    "a value renamed": (
        "UPDATE activity_windows SET value = value || '!' WHERE granularity = 0 AND dimension = 2 AND value = '/'",
        {"minute"}),
    "one offset further": (
        "UPDATE activity_ledger SET next_offset = next_offset + 1, skipped = skipped + 1", {"partition"}),
    "a duplicate tallied": (
        "UPDATE activity_ledger SET tallied = tallied + 1, duplicate = duplicate - 1", {"partition"}),
    "no ledger row": ("DELETE FROM activity_ledger", {"partition"}),
    "a page view more in the original table": (
        "UPDATE user_activity_metrics SET page_view_count = page_view_count + 1 WHERE id = "
        "(SELECT max(id) FROM user_activity_metrics)", {"page views"}),
    "a dead letter without a record": (
        "INSERT INTO activity_dead_letters (topic, partition, offset, reason, detail, at) "
        "SELECT topic, 0, 5, 'not_json', '', updated_at FROM activity_ledger", {"dead letter"}),
    "minutes shown that are not complete": (
        "UPDATE activity_horizon SET pruned_to = '1970-01-01T00:00:00.000Z'", {"horizon"}),
    "a horizon far in the future": (
        "UPDATE activity_horizon SET pruned_to = '2199-01-01T00:00:00.000Z' WHERE granularity = 'minute'", {"horizon"}),
}


def kinds(findings):
    return {text.partition(":")[0] for text in findings}


def a_kept(ledgers):
    return next(send for send in ledgers.sends.values() if send.outcome == KEPT)


def a_refused(ledgers):
    return next(send for send in ledgers.sends.values() if send.outcome == REFUSED and not send.bad == "no object")


def never_sent(ledgers):
    del ledgers.sends[a_kept(ledgers).mark]


def wrong_yet_kept(ledgers):
    a_kept(ledgers).bad = "no user_id"


# {planted error: (change of the ledger, the kinds of the findings)}
LEDGER_ERRORS = {
    "a refused event called kept": (lambda ledgers: setattr(a_refused(ledgers), "outcome", KEPT), {"lost", "wrong yet kept"}),
    "an event that was never sent, called kept": (lambda ledgers: ledgers.sends.update(
        {"c1.1.0": Send("c1.1.0", "ada", "m", "d", None, KEPT, 200, "http://x", 0.0)}), {"lost"}),
    "a kept event called refused": (lambda ledgers: setattr(a_kept(ledgers), "outcome", REFUSED), {"refused yet there"}),
    "other bytes": (lambda ledgers: setattr(a_kept(ledgers), "digest", "0"), {"changed"}),
    "a line of the ledger lost": (never_sent, {"never sent"}),
    "a wrong event kept": (wrong_yet_kept, {"wrong yet kept"}),
}


def shifted(records, by):
    return [dataclasses.replace(record, offset=record.offset + by) for record in records]


def without_id(records):
    return next(at for at, record in enumerate(records) if b'"message_id"' not in record.value)


def with_one_repeated(records):
    at = without_id(records)
    return records[:at + 1] + shifted(records[at:], 1)


def with_one_truncated(records):
    at = without_id(records)
    return [*records[:at], dataclasses.replace(records[at], value=records[at].value[:-1]), *records[at + 1:]]


# {planted error: (change of the records, kinds that the findings must include)}
LOG_ERRORS = {
    "a repeated record": (with_one_repeated, {"sent once and there twice", "partition", "hour", "summary"}),
    "a record that is gone": (lambda records: records[:100] + shifted(records[101:], -1), {"lost", "partition"}),
    "the last record gone": (lambda records: records[:-1], {"lost", "partition"}),
    "a truncated record": (with_one_truncated, {"changed", "good yet a dead letter", "dead letter", "partition"}),
}


def send_all(one, folder, **settings):
    Client([f"http://127.0.0.1:{one.port}"], folder / "ledger", weir.SEED, **settings).start().wait()


class TheCheckerCanFail(unittest.TestCase):
    """Plants errors in the results of one `weir serve` with some thousand events."""

    @classmethod
    def setUpClass(cls):
        if not weir.BINARY.exists():
            weir.missing(f"{weir.BINARY} (make build)")
        cls.folder = weir.temporary_folder(cls.addClassCleanup)
        cls.one = weir.Weir(cls.folder / "one", FLUSH_INTERVAL_SEC=1).start()
        cls.addClassCleanup(cls.one.end)
        send_all(cls.one, cls.folder, rate=1500, events=EVENTS)
        cls.one.wait_counted()
        cls.recount = Recount.of_file(cls.folder / "one/data/events.db")
        cls.truth = cls.findings(cls.one)
        cls.refusals = cls.check_refusals_twice(cls.one)
        assert cls.one.stop() == 0

    @classmethod
    def findings(cls, api=None, data="one/data", recount=None, ledgers=None, **more):
        store = SqliteStore(cls.folder / data / "metrics.db")
        return check(recount or cls.recount, ledgers or LedgerReader(cls.folder / "ledger"), store, api, weir.SEED, **more)

    def test_without_a_planted_error_there_is_no_finding(self):
        self.assertEqual(self.truth, [])
        self.assertGreaterEqual(self.recount.tallied, EVENTS * 0.9)
        self.assertGreater(sum(row.duplicate for row in self.recount.ledger_rows.values()), 0)

    @classmethod
    def check_refusals_twice(cls, one):
        """Returns the findings for the true ledger, and for a ledger with 99 more answers of 503."""
        url, ledgers = f"http://127.0.0.1:{one.port}", LedgerReader(cls.folder / "ledger")
        truth = check_refusals(ledgers, {url}, one)
        ledgers.sends |= {f"c1.{number}.0": Send(f"c1.{number}.0", "ada", "m", "d", None, REFUSED, 503, url, time.time())
                          for number in range(99)}
        return truth, check_refusals(ledgers, {url}, one)

    def test_each_refusal_was_counted_with_its_reason(self):
        truth, planted = self.refusals
        self.assertEqual(truth, [])
        self.assertEqual(kinds(planted), {"answers", "reasons"})

    def changed_copy(self, sql):
        """Copies the folder, applies `sql` to the store of the copy and returns the copy."""
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.folder / "one", copy)
        with sqlite3.connect(copy / "data/metrics.db") as store:
            self.assertGreater(store.execute(sql).rowcount, 0, sql)
        store.close()
        return copy

    def test_each_error_in_the_store_is_found_by_its_kind(self):
        for error, (sql, wanted) in STORE_ERRORS.items():
            with self.subTest(error):
                self.changed_copy(sql)
                found = kinds(self.findings(data="copy/data"))
                self.assertLessEqual(wanted, found)
                self.assertLessEqual(found, WINDOWS if wanted <= WINDOWS else wanted)

    def test_each_error_in_a_ledger_is_found_by_its_kind(self):
        for error, (change, wanted) in LEDGER_ERRORS.items():
            with self.subTest(error):
                ledgers = LedgerReader(self.folder / "ledger")
                change(ledgers)
                found = kinds(self.findings(ledgers=ledgers))
                self.assertTrue(found and found <= wanted, found)

    def test_each_error_in_the_log_is_found_by_its_kind(self):
        again = weir.Weir(self.folder / "one", FLUSH_INTERVAL_SEC=1).start()
        self.addCleanup(again.end)
        records = list(file_records(self.folder / "one/data/events.db"))
        for error, (change, wanted) in LOG_ERRORS.items():
            with self.subTest(error):
                recount = Recount(self.recount.topic, None, change(records), Rules(), {})
                self.assertLessEqual(wanted, kinds(self.findings(again, recount=recount)))

    def test_a_promise_of_a_lost_log_is_excused_until_the_service_must_notice_the_loss(self):
        """The surviving log begins where the lost log ended: no record is in both."""
        records = list(file_records(self.folder / "one/data/events.db"))
        half = len(records) // 2
        survivor = Recount(self.recount.topic, None, shifted(records[half:], -half), Rules(), {})
        lost = Recount(self.recount.topic, None, records[:half], Rules(), {})
        sent_at = [self.send_with(mark).at for mark in lost.sends]
        for noticed_at, wanted in ((max(sent_at), set()), (min(sent_at), {"promised by a lost log"})):
            log = LostLog(pathlib.Path("gone"), noticed_at, half, lost.sends)
            found = kinds(self.findings(recount=survivor, lost=log))
            self.assertEqual(found & {"lost", "promised by a lost log"}, wanted)
        self.assertIn("lost", kinds(self.findings(recount=survivor)))

    def send_with(self, mark):
        return LedgerReader(self.folder / "ledger").sends[mark]

    def test_the_counted_figures_of_a_lost_log_remain(self):
        records = list(file_records(self.folder / "one/data/events.db"))
        half = len(records) // 2
        both = Recount(self.recount.topic, None, shifted(records[half:], -half), Rules(), {})
        both.add_lost_log(Recount(self.recount.topic, None, records[:half], Rules(), {}))
        events = {name: sum(cell.events for (_, _, dimension, _), cell in cells.items() if dimension == "total")
                  for name, cells in both.windows.items()}
        # A pair that is in both logs counts twice: dedupe starts empty with a new log.
        self.assertGreaterEqual(events["day"], self.recount.tallied)
        self.assertEqual(events["day"], events["hour"])
        self.assertGreaterEqual(both.page_views, self.recount.page_views)

    def test_record_times_that_stay_days_ahead_are_found(self):
        records = [dataclasses.replace(record, time_ms=record.time_ms + 864_000_000)
                   for record in file_records(self.folder / "one/data/events.db")]
        ahead = Recount(self.recount.topic, None, records, Rules(), {})
        self.assertIn("record time", kinds(self.findings(recount=ahead, clocks_back_at=0.0)))
        self.assertEqual(self.findings(clocks_back_at=0.0), [])

    def test_an_error_of_the_api_is_found_by_its_kind(self):
        """The API reports what is in the store, so an error in the store is an error of the API."""
        copy = self.changed_copy("UPDATE activity_windows SET events = events + 1 WHERE granularity = 2 AND dimension < 2")
        wrong = weir.Weir(copy).start()
        self.addCleanup(wrong.end)
        self.assertLessEqual({"summary", "timeseries", "top", "day"}, kinds(self.findings(wrong, data="copy/data")))


class WholeWindows(weir.Case):
    def test_a_window_with_more_values_than_it_stores_adds_up(self):
        one = self.weir().start()
        send_all(one, self.folder, rate=2500, events=5_000, own_pages=0.5)
        one.wait_counted()
        found = Recount.of_file(one.folder / "data/events.db")
        values = {value for _, _, dimension, value in found.windows["day"] if dimension == "page"}
        self.assertGreater(len(values), 1500)
        store = SqliteStore(one.folder / "data/metrics.db")
        self.assertEqual(check(found, LedgerReader(self.folder / "ledger"), store, one, weir.SEED), [])


class OnKafkaAndPostgres(cluster.Case):
    def test_the_ledgers_the_topic_and_the_figures_agree(self):
        """Kills a producer and a consumer under load, and adds records of other programs."""
        producers, consumers = self.start("producer", 2), self.start("consumer", 2)
        urls = [f"http://127.0.0.1:{one.port}" for one in producers]
        sender = Client(urls, self.folder / "ledger", weir.SEED, rate=600, events=4_000).start()
        weir.wait_until(lambda: sender.counts()["kept"] > 1_000)
        producers[0].kill()
        consumers[0].kill()
        self.write_foreign_records()
        producers[0].start()
        consumers[0].start()
        counts = sender.wait()
        self.assertEqual(counts["given_up"], 0)
        self.wait_counted()
        found = Recount.of_topic(self.kafka, self.topic)
        store = PostgresStore(self.postgres, self.database, self.topic)
        self.assertEqual(check(found, LedgerReader(self.folder / "ledger"), store, consumers[1], weir.SEED), [])
        self.assertEqual(len(found.dead_letters), 4)
        self.assertEqual({one.replayed for one in found.dead_letters.values()}, {True, False})
        self.assertEqual(bool(store.users_by_day()), postgres.has_hll())

    def write_foreign_records(self):
        """Writes valid events, repeats, invalid records, an event ahead of its record time, and a record without a value.
        Then replays two dead letters, one of which is still invalid."""
        good = [json.dumps(weir.activity(user=f"other-{number}", message_id=f"o-{number}")) for number in range(50)]
        early = json.dumps(weir.activity(user="early", when=weir.now(49 * 3600)))
        at = self.kafka.end_offsets(self.topic).get(7, 0)
        self.kafka.produce(self.topic, [*good, *good[:20]], "-p", "3")
        for text in ("{", '{"user_id":7}', early):
            self.kafka.produce(self.topic, [text], "-p", "7")
        self.kafka.produce(self.topic, ["key:"], "-p", "7", "-Z", "-K", ":")
        dead_letters = [record.offset for record in topic_records(self.kafka, self.topic)
                        if record.partition == 7 and record.offset >= at and record.value in (b"{", early.encode())]
        weir.wait_until(lambda: len(self.sql("SELECT 1 FROM activity_dead_letters")) == 4, 30, "the dead letters")
        for offset, text in zip(dead_letters, ("{", json.dumps(weir.activity(user="corrected")))):
            source = f"weir.replay={self.topic}/7/{offset}"
            for _ in range(2):
                self.kafka.produce(self.topic, [text], "-p", "7", "-H", source)


if __name__ == "__main__":
    weir.main()
