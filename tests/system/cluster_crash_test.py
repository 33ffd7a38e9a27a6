"""Kills or freezes each process of the deployed service under load. The figures stay exact."""
import random
import time

from tests.checker import access_log
from tests.harness import cluster, weir
from tests.harness.load_generator import LoadGenerator, traffic

LOG = weir.access_log_or(access_log.generated_log)
EXPECTED = access_log.Reference(LOG)
FIGURES = {"events": EXPECTED.events, "page_views": EXPECTED.page_views, "users": len(EXPECTED.users)}

SESSION = 8  # seconds until the group reassigns the partitions of a silent member


class Kills(cluster.Case):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}

    def test_the_access_log_is_exact_with_one_consumer_if_every_process_is_killed_once(self):
        self.kill_everything_once(consumers=1)

    def test_the_access_log_is_exact_with_three_consumers_if_every_process_is_killed_once(self):
        self.kill_everything_once(consumers=3)

    def kill_everything_once(self, consumers):
        producers = self.start("producer", 2)
        counting = self.start("consumer", consumers)
        sender = LoadGenerator([one.port for one in producers], access_log.activities(LOG), per_second=800).start()
        for victim in [producers[0], *counting, self.kafka, self.postgres, producers[1], counting[0]]:
            time.sleep(random.uniform(0.3, 1.2))
            victim.kill()
            time.sleep(random.uniform(0.0, 0.5))
            if victim in (self.kafka, self.postgres):
                victim.start()
            else:
                victim.start(ready=False)
        sender.wait()
        self.assert_exact([sender], seconds=90, **FIGURES)

    def test_fault_20_kill_9_at_random_moments_leaves_the_sums_exact(self):
        producers = self.start("producer", 2)
        consumers = self.start("consumer", 3)
        sender = LoadGenerator([one.port for one in producers], traffic(weir.rounds(12_000, 60_000)), per_second=500).start()
        kills = 0
        while sender.sending and kills < weir.rounds(30, 100):
            time.sleep(random.uniform(0.1, weir.rounds(0.8, 1.2)))
            victim = random.choice([*producers, *consumers, *consumers])
            victim.kill()
            victim.start(ready=False)
            kills += 1
        sender.wait()
        print(f"{kills} kills", flush=True)
        self.assertGreaterEqual(kills, 10)
        self.assert_exact([sender], seconds=90)
        self.assertGreater(self.sums()["duplicate"], 0)

    def test_fault_20_a_consumer_killed_between_its_two_commits_counts_nothing_twice(self):
        """Kills the consumer right after each flush: PostgreSQL has committed, and Kafka does not have the offset yet."""
        producer, = self.start("producer")
        consumer, = self.start("consumer", FLUSH_MIN_INTERVAL_MS=0, BATCH_SIZE=1)
        sender = LoadGenerator([producer.port], traffic(weir.rounds(2_000, 6_000)), per_second=300).start()
        flushes = "SELECT count(*) FROM user_activity_metrics"
        while sender.sending:
            before = self.postgres.number(flushes, self.database)
            weir.wait_until(lambda: self.postgres.number(flushes, self.database) > before or not sender.sending, 60)
            consumer.kill()
            consumer.start(ready=False)
        sender.wait()
        self.assert_exact([sender])

    def test_fault_21_a_frozen_consumer_is_fenced_when_it_wakes(self):
        producer, = self.start("producer")
        consumers = self.start("consumer", 2)
        sender = LoadGenerator([producer.port], traffic(weir.rounds(5_000, 9_000)), per_second=300).start()
        time.sleep(2)
        for _ in range(weir.rounds(1, 4)):
            zombie = random.choice(consumers)
            zombie.freeze()
            time.sleep(SESSION + 4)
            zombie.thaw()
            time.sleep(2)
        sender.wait()
        self.assert_exact([sender])
        weir.wait_until(lambda: zombie.get("/health/ready").status == 200, 30, "the zombie to be in the group again")

    def test_fault_21_a_writer_frozen_in_a_transaction_delays_its_successor_by_15_seconds_at_most(self):
        """PostgreSQL terminates the idle transaction; then the fence of the successor proceeds."""
        producer, = self.start("producer")
        consumers = self.start("consumer", 2, FLUSH_MIN_INTERVAL_MS=0, BATCH_SIZE=1)
        # One event a request: a transaction is then open nearly all the time.
        sender = LoadGenerator([producer.port], traffic(60_000), at_once=1, per_second=300).start()
        open_transactions = ("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' "
                     f"AND datname = '{self.database}'")
        caught = False
        for tries in range(1, 201):
            zombie = random.choice(consumers)
            zombie.freeze()
            caught = self.postgres.number(open_transactions, self.database) > 0
            if caught:
                break
            zombie.thaw()
            time.sleep(0.02)
        self.assertTrue(caught, "no consumer could be frozen inside a transaction")
        print(f"try {tries} froze a consumer inside a transaction", flush=True)
        weir.wait_until(lambda: self.postgres.number(open_transactions, self.database) == 0, 15, "the server to terminate it")
        time.sleep(SESSION)
        zombie.thaw()
        time.sleep(2)
        sender.stop()
        self.assert_exact([sender])

    def test_fault_22_a_foreign_member_comes_and_goes_every_5_seconds(self):
        """Each member stays for 5 s, and on a busy machine until it was assigned partitions."""
        producer, = self.start("producer")
        self.start("consumer", 2)
        sender = LoadGenerator([producer.port], traffic(weir.rounds(6_000, 24_000)), per_second=300).start()
        counted = 0
        while sender.sending:
            member = self.kafka.foreign_member(self.topic, self.group)
            time.sleep(5)
            weir.wait_until(member.assigned, 25, "partitions of the foreign member")
            member.stop()
            now = self.sums()["read"]
            if sender.sending:
                self.assertGreater(now, counted, "the consumers must make progress all the time")
            counted = now
            time.sleep(3)
        sender.wait()
        self.assert_exact([sender])


if __name__ == "__main__":
    weir.main()
