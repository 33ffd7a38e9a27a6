"""Clocks step by days while Weir runs, and return. Afterwards all figures and times are right at once."""
import time
import unittest

from tests.checker.recount_log import file_records
from tests.harness import cluster, weir
from tests.harness.clocks import Clocks

DAY = 86_400
SEEN = 2.5  # seconds until a process notices that its clock was stepped
AHEAD = (10 * DAY, 1461 * DAY)


class Embedded(weir.Case):
    def setUp(self):
        super().setUp()
        self.clocks = Clocks(self.folder)
        self.clock = self.folder / "clock"

    def step(self, seconds):
        self.clocks.set(self.clock, seconds)
        time.sleep(SEEN)

    def send(self, one, user, seconds=0.0):
        """Posts one event with a distinct message_id. `seconds`: how far the clock of the client is off."""
        event = weir.activity(user, message_id=f"m-{user}", when=weir.now(seconds), metadata={"page_url": "/p"})
        self.assertEqual(one.post("/activity", event).status, 200)
        return event

    def check_right(self, one):
        """Checks what holds for a process whose clock is right again. Returns the number of events in the last minutes."""
        *_, last = file_records(one.folder / "data" / "events.db")
        self.assertLess(abs(last.time_ms / 1000 - time.time()), 30, "record time is now")
        freshness = one.get("/health/ready").json()["checks"]["freshness"]
        self.assertLess(freshness["oldest_unread_age_ms"], 30_000)
        start, end = weir.now(-600), weir.now(60)
        points = one.get(f"/api/v1/timeseries?interval=minute&from={start}&to={end}").json()
        self.assertEqual(points.get("interval"), "minute")
        self.assertNotIn("resolution", points)
        return sum(point["events"] for point in points["points"])

    def test_fault_41_a_clock_that_was_ahead_has_no_lasting_effect(self):
        for ahead in AHEAD:
            with self.subTest(ahead=ahead):
                one = self.weir(f"ahead-{ahead}", **self.clocks.settings(self.clock)).start()
                before = self.send(one, "before")
                one.wait_counted()
                self.step(ahead)
                during = self.send(one, "during")
                one.wait_counted()
                self.step(0)
                self.send(one, "after")
                for again in (before, during):
                    self.assertEqual(one.post("/activity", again).status, 200)
                sums = one.wait_counted()
                self.assertEqual((sums["tallied"], sums["duplicate"]), (3, 2), "each once")
                self.assertEqual(self.check_right(one), 3, "minutes show all events")
                self.assertIn("stepped ahead", one.log())
                one.assert_identities(self)
                one.kill()
                one.start()
                for again in (before, during):
                    self.assertEqual(one.post("/activity", again).status, 200)
                sums = one.wait_counted()
                self.assertEqual((sums["tallied"], sums["duplicate"]), (3, 4), "the rebuilt dedupe knows them, too")
                self.assertEqual(self.check_right(one), 3)
                one.stop()

    def test_fault_41_a_clock_that_was_slow_has_no_lasting_effect(self):
        one = self.weir(**self.clocks.settings(self.clock)).start()
        before = self.send(one, "before")
        one.wait_counted()
        self.step(-10 * DAY)
        self.assertEqual(one.post("/activity", weir.activity("ahead")).status, 400, "ten days ahead of the clock")
        during = self.send(one, "during", -10 * DAY)
        self.assertEqual(one.post("/activity", {**before, "timestamp": weir.now(-10 * DAY)}).status, 200)
        one.wait_counted()
        self.step(0)
        self.send(one, "after")
        sums = one.wait_counted()
        self.assertEqual((sums["tallied"], sums["duplicate"]), (3, 1))
        self.assertEqual(one.post("/activity", {**during, "message_id": "m-other"}).status, 200)
        self.assertEqual(one.wait_counted()["tallied"], 4)
        self.assertEqual(self.check_right(one), 2, "the events of today")
        self.assertIn("the clock is behind the newest record", one.log())
        one.assert_identities(self)

    def test_fault_41_a_log_that_was_written_ahead_of_time_continues_with_the_right_time(self):
        self.clocks.settings(self.clock)
        one = self.weir(**self.clocks.settings(self.clock))
        self.clocks.set(self.clock, 10 * DAY)
        one.start()
        self.send(one, "during")
        one.wait_counted()
        self.assertEqual(one.stop(), 0)
        self.clocks.set(self.clock, 0)
        one.start()
        self.send(one, "after")
        one.wait_counted()
        *_, last = file_records(one.folder / "data" / "events.db")
        self.assertLess(abs(last.time_ms / 1000 - time.time()), 30)
        self.assertIn("the clock is behind the newest record", one.log())


class Deployed(cluster.Case):
    """Producers write the record times of this topic (CreateTime); the consumer's clock is right."""

    def setUp(self):
        super().setUp()
        self.clocks = Clocks(self.folder)
        self.clock = self.folder / "clock"

    def send(self, producer, user):
        event = weir.activity(user, message_id=f"m-{user}", metadata={"page_url": "/p"})
        self.assertEqual(producer.post("/activity", event).status, 200, producer.log()[-3000:])
        return event

    def test_fault_41_a_record_that_the_broker_refuses_for_its_timestamp_is_not_promised(self):
        self.kafka.create_topic(self.topic, 1, **{"message.timestamp.type": "CreateTime"})
        producer, = self.start("producer", **self.clocks.settings(self.clock))
        self.start("consumer")
        self.clocks.set(self.clock, 10 * DAY)
        time.sleep(SEEN)
        self.assertEqual(producer.post("/activity", weir.activity("ahead")).status, 503)
        self.clocks.set(self.clock, 0)
        time.sleep(SEEN)
        weir.wait_until(lambda: producer.post("/activity", weir.activity("right")).status == 200, 30, "an answer")
        self.assertEqual(self.wait_counted()["tallied"], 1)
        self.assert_no_process_failed()

    def test_fault_41_records_from_the_future_do_not_raise_the_horizon_or_expire_windows(self):
        # By default, current brokers refuse records more than an hour ahead; older ones accepted them.
        self.kafka.create_topic(self.topic, 1, **{"message.timestamp.type": "CreateTime",
                                                  "message.timestamp.after.max.ms": 2**63 - 1})
        producer, = self.start("producer", **self.clocks.settings(self.clock))
        consumer, = self.start("consumer")
        events = [self.send(producer, "before")]
        for ahead in AHEAD:
            self.clocks.set(self.clock, ahead)
            time.sleep(SEEN)
            events.append(self.send(producer, f"ahead-{ahead}"))
            self.clocks.set(self.clock, 0)
            time.sleep(SEEN)
        events.append(self.send(producer, "after"))
        for event in events:
            self.assertEqual(producer.post("/activity", event).status, 200)
        sums = self.wait_counted()
        self.assertEqual((sums["tallied"], sums["duplicate"]), (4, 4))
        horizon = self.sql("SELECT pruned_to FROM activity_horizon WHERE granularity = 'minute'")[0][0]
        self.assertTrue(horizon.startswith("1970-01-01"), horizon)
        self.assertEqual(int(self.sql("SELECT sum(events) FROM activity_minutes WHERE dimension = 'total'")[0][0]), 4)
        freshness = consumer.get("/health/ready").json()["checks"]["freshness"]
        self.assertLess(freshness["oldest_unread_age_ms"], 30_000)
        consumer.kill()
        consumer.start()
        for event in events:
            self.assertEqual(producer.post("/activity", event).status, 200)
        sums = self.wait_counted()
        self.assertEqual((sums["tallied"], sums["duplicate"]), (4, 8), "the rebuilt dedupe knows them, too")
        self.assert_no_process_failed()


if __name__ == "__main__":
    unittest.main()
