"""Kafka and PostgreSQL stop, freeze, lock and recover under load. Every promise holds, and no Weir process exits."""
import random
import time

from tests.harness import cluster, weir
from tests.harness.load_generator import LoadGenerator, traffic


class Broker(cluster.Case):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}

    def test_fault_15_producer_and_consumer_wait_for_a_broker_that_is_down_at_start(self):
        self.kafka.kill()
        producer, = self.start("producer", ready=False)
        consumer, = self.start("consumer", ready=False)
        for one in (producer, consumer):
            weir.wait_until(lambda: one.get("/health/live").status == 200, 10, "the service to start")
            self.assertEqual(one.get("/health/ready").status, 503)
        begun = time.monotonic()
        answer = producer.post("/activity", weir.activity())
        self.assertIn(answer.status, (500, 503))
        self.assertLess(time.monotonic() - begun, 1.0, "the answer must come at once")
        self.kafka.start()
        producer.wait_ready(30)
        consumer.wait_ready(30)
        sender = LoadGenerator([producer.port], traffic(200)).start()
        sender.wait()
        self.assert_exact([sender])

    def test_fault_15_a_broker_killed_under_load_breaks_no_promise(self):
        producer, = self.start("producer")
        self.start("consumer", 2)
        sender = LoadGenerator([producer.port], traffic(weir.rounds(4_000, 12_000)), at_once=10, per_second=400).start()
        for _ in range(weir.rounds(2, 6)):
            time.sleep(random.uniform(1, 3))
            self.kafka.kill()
            time.sleep(random.uniform(0, 3))
            self.kafka.start()
        sender.wait()
        self.assert_exact([sender], seconds=90)

    def test_a_frozen_broker_yields_no_200(self):
        producer, = self.start("producer")
        consumer, = self.start("consumer")
        self.assertEqual(producer.post("/activity", weir.activity(message_id="before")).status, 200)
        self.kafka.freeze()
        statuses, slowest = [], 0.0
        until = time.monotonic() + weir.rounds(15, 60)
        while time.monotonic() < until:
            begun = time.monotonic()
            statuses.append(producer.post("/activity", weir.activity(message_id=f"frozen-{len(statuses)}")).status)
            slowest = max(slowest, time.monotonic() - begun)
            time.sleep(0.2)
        self.assertNotIn(200, statuses)
        self.assertLess(set(statuses), {500, 503, 504})
        self.assertLess(slowest, 11, "answered within its deadline")
        self.kafka.thaw()
        weir.wait_until(lambda: producer.post("/activity", weir.activity(message_id="after")).status == 200, 40,
                        "the producer to recover")
        consumer.wait_ready(40)
        self.assert_exact()


class Database(cluster.Case):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}

    def test_fault_26_without_the_database_consumers_stay_in_the_group_and_nothing_is_lost(self):
        producer, = self.start("producer")
        consumers = self.start("consumer", 2)
        sender = LoadGenerator([producer.port], traffic(weir.rounds(14_000, 400_000)), at_once=500, per_second=700).start()
        time.sleep(2)
        self.postgres.kill()
        until = time.monotonic() + weir.rounds(15, 600)
        while time.monotonic() < until:
            time.sleep(1)
            for one in consumers:
                self.assertTrue(one.running)
                self.assertLess(resident_mb(one), 400)
        answer = consumers[0].get("/health/ready")
        self.assertEqual((answer.status, answer.json()["status"]), (200, "degraded"), answer.body)
        self.assertIn("away", answer.json()["checks"]["metrics_store"]["reason"])
        self.assertEqual(len({row["CONSUMER-ID"] for row in self.kafka.group(self.group)}), 2, "still in the group")
        self.postgres.start()
        sender.wait(600)
        self.assert_exact([sender], seconds=120)
        self.assertEqual(self.sums()["dead_lettered"], 0)

    def test_fault_29_sessions_ended_every_second_leave_the_sums_exact(self):
        producer, = self.start("producer")
        self.start("consumer", 2)
        sender = LoadGenerator([producer.port], traffic(weir.rounds(4_000, 20_000)), per_second=300).start()
        while sender.sending:
            self.postgres.terminate_backends(self.database)
            time.sleep(1)
        sender.wait()
        self.assert_exact([sender])

    def test_fault_29_the_consumer_waits_for_a_locked_table(self):
        producer, = self.start("producer")
        self.start("consumer", 2)
        sender = LoadGenerator([producer.port], traffic(weir.rounds(4_500, 24_000)), per_second=300).start()
        time.sleep(2)
        hold = weir.rounds(12, 60)
        self.postgres.lock_table("activity_windows", hold, self.database)
        sender.wait()
        self.assert_exact([sender])

    def test_fault_29_the_consumers_recover_from_kill_9_of_the_database_under_load(self):
        producer, = self.start("producer")
        self.start("consumer", 2)
        sender = LoadGenerator([producer.port], traffic(weir.rounds(4_000, 12_000)), per_second=400).start()
        for _ in range(weir.rounds(2, 10)):
            time.sleep(random.uniform(0.5, 3))
            self.postgres.kill()
            self.postgres.start()
        sender.wait()
        self.assert_exact([sender])


def resident_mb(process):
    with open(f"/proc/{process.process.pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096 / 2**20


if __name__ == "__main__":
    weir.main()
