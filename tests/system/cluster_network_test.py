"""The network between the processes and their servers drops, cuts and delays data; topics and disks refuse writes."""
import collections
import contextlib
import ctypes
import http.client
import json
import random
import re
import signal
import subprocess
import threading
import time

from tests.harness import cluster, disk, kafka, postgres, weir
from tests.harness.faulty_proxy import FaultyProxy
from tests.harness.http_client import KEPT, REFUSED, UNKNOWN
from tests.harness.load_generator import LoadGenerator, traffic

ANSWERED_WITHIN = 11  # seconds, for any fault of Kafka
CONFIGS = "kafka.admin.ConfigCommand"
CLONE_NEWNS = 0x20000  # <sched.h>


class ProxiedKafka(kafka.MultiListenerKafka):
    """A broker with one faulty proxy for the producers and one for the consumers."""

    def __init__(self, folder):
        proxies = {}

        def make_proxy(name, port):
            proxies[name] = FaultyProxy(port)
            return proxies[name].port

        super().__init__(folder, ("PRODUCERS", "CONSUMERS"), make_proxy)
        self.producers, self.consumers = proxies["PRODUCERS"], proxies["CONSUMERS"]


class SecondKafka(kafka.Kafka):
    """A second broker in the cluster of `first`, which is the controller."""

    def __init__(self, folder, first):
        super().__init__(folder)
        data = self.folder / "data"
        data.mkdir()
        known = (first.folder / "data" / "meta.properties").read_text()
        cluster = re.search(r"^cluster\.id=.*$", known, re.MULTILINE)[0]
        (data / "meta.properties").write_text(f"version=1\nnode.id=2\n{cluster}\n")
        self.settings += ["process.roles=broker", "node.id=2", f"listeners=PLAINTEXT://127.0.0.1:{self.port}",
                          f"controller.quorum.voters=1@127.0.0.1:{first.controller_port}"]


class Network(cluster.Case):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}

    @classmethod
    def servers(cls, folder):
        broker = ProxiedKafka(folder / "kafka")
        for proxy in (broker.producers, broker.consumers):
            cls.addClassCleanup(proxy.close)
        return broker, postgres.Postgres(folder / "postgres")

    def setUp(self):
        super().setUp()
        self.to_database = FaultyProxy(self.postgres.port)
        self.addCleanup(self.to_database.close)
        self.to_producers, self.to_consumers = self.kafka.producers, self.kafka.consumers
        for proxy in (self.to_producers, self.to_consumers):
            proxy.delay, proxy.cut_after = 0.0, None
            proxy.forward()

    def producer(self):
        return self.start("producer", KAFKA_BROKERS=f"127.0.0.1:{self.to_producers.port}")[0]

    def consumer(self, **environment):
        return self.start("consumer", **environment)[0]

    def proxied_consumer(self):
        return self.consumer(KAFKA_BROKERS=f"127.0.0.1:{self.to_consumers.port}")

    def until_posted(self, producer, seconds=40):
        weir.wait_until(lambda: producer.post("/activity", weir.activity(message_id="after")).status == 200, seconds,
                        "the producer to recover")

    # To Kafka and PostgreSQL.

    def test_fault_19_each_process_exits_within_25_seconds_of_sigterm_while_the_network_is_silent(self):
        producer = self.producer()
        cut_off = {**self.through(), "KAFKA_BROKERS": f"127.0.0.1:{self.to_consumers.port}"}
        from_database = self.consumer(**self.through())
        from_kafka = self.proxied_consumer()
        from_both = self.consumer(**cut_off)
        serve, = self.start("serve", EVENT_LOG="kafka", METRICS_STORE="postgres", **cut_off)
        sender = LoadGenerator([producer.port, serve.port], traffic(100_000), per_second=500).start()
        weir.wait_until(lambda: self.sums()["tallied"] > 500, 30, "the first events to be counted")
        for proxy in (self.to_producers, self.to_consumers, self.to_database):
            proxy.hold()
        starting, = self.start("consumer", ready=False, **cut_off)
        queries = [threading.Thread(target=query, args=(one,), daemon=True) for one in (from_database, serve)]
        for waiting in queries:
            waiting.start()
        time.sleep(2)
        leaving = {"producer": producer, "serve": serve, "starting": starting, "from database": from_database,
                   "from kafka": from_kafka, "from both": from_both}
        begun = time.monotonic()
        for process in leaving.values():
            process.process.send_signal(signal.SIGTERM)
        took = {}
        while len(took) < len(leaving) and time.monotonic() < begun + 60:
            took.update({name: round(time.monotonic() - begun, 1) for name, process in leaving.items()
                         if not process.running and name not in took})
            time.sleep(0.05)
        print(took, flush=True)
        sender.stop()
        for name, process in leaving.items():
            with self.subTest(name):
                self.assertEqual(process.process.poll(), 0, process.log()[-2000:])
                self.assertLess(took[name], 25)
        for proxy in (self.to_producers, self.to_consumers, self.to_database):
            proxy.forward()
        self.consumer()
        self.assert_exact([sender], seconds=90)

    # Between a producer and Kafka.

    def test_fault_16_requests_to_a_silent_kafka_are_answered_in_time_and_never_counted_twice(self):
        producer = self.producer()
        self.consumer()
        senders = self.start_senders_without_retries(producer)
        for silence in weir.rounds([14], [1, 4, 8, 14, 30]):
            time.sleep(1.5)
            self.to_producers.hold()
            until = time.monotonic() + silence
            while time.monotonic() < until:
                time.sleep(0.5)
                self.assertLess(resident_mb(producer), 300)
            if silence > 10:
                self.assertEqual(producer.get("/health/ready").status, 503)
            self.to_producers.forward()
            self.until_posted(producer)
        self.assert_written_as_answered(senders)

    def test_fault_16_records_that_were_written_without_an_answer_are_not_written_again_after_older_ones_expired(self):
        """Records of many ages are sent to Kafka together and get no answer. When Kafka answers again, the oldest have
        expired. librdkafka then no longer knows the sequence numbers under which it had sent the others."""
        producer = self.producer()
        self.consumer()
        senders = self.start_senders_without_retries(producer, count=60, at_once=5, per_second=2)  # ages up to 2.5 s
        for _ in range(weir.rounds(1, 5)):
            time.sleep(1.5)
            self.to_producers.hold()
            time.sleep(4.2)  # the connection times out after 3.5 s; the next one sends all waiting records together
            self.to_producers.delay = 0.5
            self.to_producers.forward()
            time.sleep(1.75)  # the handshake takes 1 s; after 0.5 s more Kafka has the records
            self.to_producers.mute()
            self.to_producers.delay = 0.0
            time.sleep(4.65)
            self.to_producers.forward()
            self.until_posted(producer)
        self.assert_written_as_answered(senders)

    def start_senders_without_retries(self, producer, count=4, at_once=20, per_second=200):
        """Starts clients that send nothing again, each at another moment."""
        senders = []
        for s in range(count):
            events = [weir.activity(user=f"user-{n % 50}", message_id=f"s{s}-{n}") for n in range(500 * per_second)]
            senders.append(LoadGenerator([producer.port], events, at_once=at_once, per_second=per_second, again=False).start())
            time.sleep(at_once / per_second / count)
        return senders

    def assert_written_as_answered(self, senders):
        """Checks the topic: each event is there at most once, and not at all if its answer was: not kept."""
        for sender in senders:
            sender.stop()
        tries = sum((sender.tries for sender in senders), collections.Counter())
        print(f"{dict(tries)}, slowest {max(sender.slowest for sender in senders):.1f} s", flush=True)
        self.assertGreater(tries[KEPT], 0)
        self.assertGreater(tries[REFUSED] + tries[UNKNOWN], 0)
        self.assertLess(max(sender.slowest for sender in senders), ANSWERED_WITHIN)
        self.assert_exact(senders)
        found = collections.Counter(json.loads(record["payload"])["message_id"] for record in self.kafka.records(self.topic))
        for sender in senders:
            self.assertFalse([each for each in sender.ok | sender.unknown if found[each] > 1], "the producer wrote it twice")
            self.assertFalse([each for each in sender.refused if found[each]], "answered as not kept but in the topic")

    def test_fault_16_the_memory_of_requests_that_wait_for_kafka_is_bounded(self):
        producer = self.producer()
        self.until_posted(producer)
        start = resident_mb(producer)
        self.to_producers.hold()
        body = "\n".join(json.dumps(weir.activity(user=f"u{n}", note="x" * 4000)) for n in range(1800)).encode()  # 7 MB
        outcomes, slowest, until = collections.Counter(), [0.0], time.monotonic() + 12

        def push():
            while time.monotonic() < until:
                begun = time.monotonic()
                outcomes[producer.post("/activities", body, timeout=30).status] += 1
                slowest.append(time.monotonic() - begun)
        threads = [threading.Thread(target=push, daemon=True) for _ in range(16)]
        for thread in threads:
            thread.start()
        highest = 0
        while any(thread.is_alive() for thread in threads):
            highest = max(highest, resident_mb(producer))
            time.sleep(0.05)
        print(f"{dict(outcomes)}, {start:.0f} MB, at most {highest:.0f} MB, slowest {max(slowest):.1f} s", flush=True)
        self.assertLessEqual(set(outcomes), {500, 503})
        self.assertLess(max(slowest), ANSWERED_WITHIN)
        self.assertLess(highest, 600)
        self.to_producers.forward()
        self.until_posted(producer)

    def test_connections_to_kafka_that_are_cut_within_a_message_break_no_promise(self):
        producer = self.producer()
        self.proxied_consumer()
        self.consumer()
        sender = LoadGenerator([producer.port], traffic(weir.rounds(4_000, 20_000)), at_once=20, per_second=400).start()
        for proxy in (self.to_producers, self.to_consumers):
            proxy.cut_after = lambda: random.randrange(1, 100_000)
            proxy.cut()
        while sender.sending:
            time.sleep(0.5)
            random.choice((self.to_producers, self.to_consumers)).cut()
        for proxy in (self.to_producers, self.to_consumers):
            proxy.cut_after = None
        sender.wait()
        self.assert_exact([sender], events=weir.rounds(4_000, 20_000), seconds=90)

    # Between a consumer and Kafka.

    def test_fault_16_a_consumer_without_answers_from_kafka_continues_afterwards_alone_or_beside_others(self):
        producer = self.producer()
        proxied = self.proxied_consumer()
        sender = LoadGenerator([producer.port], traffic(100_000), per_second=200).start()
        time.sleep(1)
        for silence in (4, weir.rounds(14, 40)):  # shorter and longer than the session timeout of the group
            self.to_consumers.hold()
            time.sleep(silence)
            self.to_consumers.forward()
            weir.wait_until(lambda: proxied.get("/health/ready").json()["status"] == "ready", 40, "the consumer to be ready again")
        self.consumer()
        self.to_consumers.hold()
        time.sleep(weir.rounds(14, 40))
        self.assertTrue(self.postgres.number("SELECT count(*) FROM activity_ledger WHERE updated_at > now() - "
                                             "interval '3 s' AND tallied > 0", self.database), "the other consumer must continue")
        self.to_consumers.forward()
        sender.stop()
        self.assert_exact([sender])
        weir.wait_until(lambda: proxied.get("/health/ready").status == 200, 40, "the consumer to be in the group again")

    # Between a consumer and PostgreSQL.

    def through(self):
        return {"DB_PORT": self.to_database.port}

    def test_a_silent_database_is_reported_as_away_and_recovers(self):
        producer = self.producer()
        consumer, other = self.consumer(**self.through()), self.consumer()
        sender = LoadGenerator([producer.port], traffic(100_000), per_second=400).start()
        for one in (consumer, other):
            weir.wait_until(lambda: one.metric("weir_consumer_partitions", state="live") == cluster.PARTITIONS // 2, 20,
                            "half of the partitions")
        self.to_database.hold()
        weir.wait_until(lambda: "away" in check(consumer)["reason"], 60, "the outage in health")
        time.sleep(weir.rounds(5, 60))
        begun = time.monotonic()
        ready = consumer.get("/health/ready")
        self.assertEqual((ready.status, ready.json()["status"]), (200, "degraded"), ready.body)
        answer = consumer.get("/api/v1/summary", timeout=60)
        self.assertIn(answer.status, (500, 503, 504))
        print(f"a query was answered with {answer.status} after {time.monotonic() - begun:.1f} s", flush=True)
        self.to_database.forward()
        sender.stop()
        self.assert_exact([sender], seconds=90)
        weir.wait_until(lambda: check(consumer)["status"] == "ready", 60, "the store to be ready")

    def test_fault_23_sessions_that_are_cut_within_a_message_leave_the_sums_exact(self):
        producer = self.producer()
        consumers = [self.consumer(**self.through(), BATCH_SIZE=1, FLUSH_MIN_INTERVAL_MS=0) for _ in range(2)]
        sender = LoadGenerator([producer.port], traffic(weir.rounds(6_000, 30_000)), per_second=400).start()
        self.to_database.cut_after = lambda: random.randrange(1, 300_000)
        self.to_database.delay = 0.02  # otherwise a COMMIT is rarely under way
        while sender.sending:
            self.to_database.cut()
            time.sleep(random.uniform(0.2, 1))
        self.to_database.cut_after = None
        sender.wait()
        self.assert_exact([sender], seconds=90)
        unanswered = sum(one.metric("weir_consumer_commits_in_doubt_total") for one in consumers)
        print(f"{unanswered:.0f} commits without an answer", flush=True)

    def test_a_slow_network_only_takes_longer(self):
        for proxy in (self.to_producers, self.to_consumers, self.to_database):
            proxy.delay = 0.05
        producer = self.producer()
        consumer = self.consumer(**self.through(), KAFKA_BROKERS=f"127.0.0.1:{self.to_consumers.port}")
        sender = LoadGenerator([producer.port], traffic(2_000)).start()
        sender.wait()
        self.assert_exact([sender])
        self.assertEqual(consumer.stop(), 0)
        self.assertEqual(producer.stop(), 0)


class Refusals(cluster.Case):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}

    def alter(self, topic, setting):
        self.kafka.tool(CONFIGS, "--alter", "--entity-type", "topics", "--entity-name", topic, "--add-config", setting)

    def test_fault_17_a_missing_topic_is_created_as_configured(self):
        producer, = self.start("producer", KAFKA_PARTITIONS=5)
        self.assertEqual(producer.post("/activity", weir.activity()).status, 200)
        self.assertEqual(self.kafka.partitions(self.topic), 5)
        described = self.kafka.tool(CONFIGS, "--describe", "--entity-type", "topics", "--entity-name", self.topic)
        self.assertIn("message.timestamp.type=LogAppendTime", described)
        self.start("consumer", KAFKA_PARTITIONS=5)
        self.assert_exact(events=1)
        self.assertEqual(self.kafka.partitions(self.topic + ".dlq"), 5)

    def test_fault_17_a_record_too_large_for_the_topic_is_answered_413_and_not_retried(self):
        self.kafka.create_topic(self.topic, 2, max_message_bytes=1000)
        producer, = self.start("producer", KAFKA_COMPRESSION="none")
        self.start("consumer")
        large = weir.activity(note="x" * 2000, message_id="large")
        for _ in range(8):  # more failures than open the breaker
            begun = time.monotonic()
            answer = producer.post("/activity", large)
            self.assertEqual(answer.status, 413, answer.body)
            self.assertLess(time.monotonic() - begun, 1)
        self.assertEqual(producer.metric("weir_kafka_failed_total", code="record_too_large"), 8)
        self.assertEqual(producer.get("/health/ready").status, 200)
        small = weir.activity(message_id="small")
        answer = producer.post("/activities", [large])
        self.assertEqual((answer.status, answer.json()["accepted"]), (400, 0), answer.body)
        self.assertIn("large", answer.json()["rejected"][0]["error"])
        self.assertEqual(producer.post("/activity", small).status, 200)
        self.assert_exact(events=1)

    def test_fault_17_too_few_replicas_are_answered_503_and_reported_by_error_class(self):
        second = SecondKafka(self.folder / "second", self.kafka)
        self.addCleanup(second.kill)
        second.start()
        self.kafka.create_topic(self.topic, 2, "--replication-factor=2", min_insync_replicas=2)
        second.kill()
        weir.wait_until(lambda: len(json.loads(self.kafka.kcat("-L", "-J").stdout)["brokers"]) == 1, 30, "the second broker to be gone")
        producer, = self.start("producer", ready=False)
        self.start("consumer", ready=False)
        weir.wait_until(lambda: producer.get("/health/live").status == 200, 10, "the producer to start")
        statuses, until = [], time.monotonic() + 60
        while producer.metric("weir_kafka_failed_total", code="not_enough_replicas") < 3 and time.monotonic() < until:
            begun = time.monotonic()
            statuses.append(producer.post("/activity", weir.activity(message_id=f"refused-{len(statuses)}")).status)
            self.assertLess(time.monotonic() - begun, ANSWERED_WITHIN)
        print(statuses, flush=True)
        self.assertGreaterEqual(producer.metric("weir_kafka_failed_total", code="not_enough_replicas"), 3)
        self.assertEqual(statuses[-1], 503)
        ready = producer.get("/health/ready")
        self.assertEqual(ready.status, 503)
        self.assertRegex(ready.json()["checks"]["event_log"]["reason"], "(?i)replicas")
        self.alter(self.topic, "min.insync.replicas=1")
        weir.wait_until(lambda: producer.post("/activity", weir.activity(message_id="kept")).status == 200, 40,
                        "the producer to recover")
        self.assert_exact()

    def foreign_session(self, sql):
        """Runs psql in another thread; its result is ignored."""
        thread = threading.Thread(target=self.postgres.psql, args=(sql, self.database, False), daemon=True)
        thread.start()
        return thread

    def test_fault_29_deadlocks_and_statements_that_are_cancelled_leave_the_sums_exact(self):
        producer, = self.start("producer")
        consumers = self.start("consumer", 2, BATCH_SIZE=1)
        sender = LoadGenerator([producer.port], traffic(weir.rounds(5_000, 30_000)), per_second=400).start()
        weir.wait_until(lambda: len(self.ledger()) == cluster.PARTITIONS, 20, "a ledger row for each partition")
        last = cluster.PARTITIONS - 1
        while sender.sending:
            self.postgres.cross_locks(last, random.randrange(last), self.database)  # opposite to the order of a flush
            self.postgres.cancel_statements(1, self.database)
        sender.wait()
        self.assert_exact([sender])
        deadlocks = self.postgres.number(f"SELECT deadlocks FROM pg_stat_database WHERE datname = '{self.database}'")
        retries = sum(one.metric("weir_consumer_store_retries_total") for one in consumers)
        print(f"{deadlocks} deadlocks, {retries:.0f} transactions retried", flush=True)
        self.assertGreater(deadlocks, 0)
        self.assertGreater(retries, deadlocks)

    def test_fault_29_ledger_rows_that_are_locked_longer_than_lock_timeout_are_written_afterwards(self):
        producer, = self.start("producer")
        consumer, = self.start("consumer")
        sender = LoadGenerator([producer.port], traffic(100_000), per_second=300).start()
        weir.wait_until(lambda: len(self.ledger()) == cluster.PARTITIONS, 20, "a ledger row for each partition")
        self.foreign_session(f"BEGIN; SELECT 1 FROM activity_ledger FOR UPDATE; SELECT pg_sleep({weir.rounds(17, 70)})").join()
        self.assertGreater(consumer.metric("weir_consumer_store_retries_total"), 0, "lock_timeout")
        sender.stop()
        self.assert_exact([sender])


class Disk(cluster.Case):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}
    SIZE_MB = 256

    @classmethod
    def servers(cls, folder):
        # Mounted in a mount namespace: the disk goes away with this process.
        if ctypes.CDLL(None).unshare(CLONE_NEWNS) != 0:
            weir.missing("the privilege to create a mount namespace")
        try:
            subprocess.run(["mount", "--make-rprivate", "/"], check=True, capture_output=True)
            cls.disk = disk.Disk(folder / "disk", cls.SIZE_MB)
        except subprocess.CalledProcessError:
            weir.missing("the privilege to mount a small file system")
        cls.addClassCleanup(cls.disk.unmount)
        return kafka.Kafka(folder / "kafka"), postgres.Postgres(cls.disk.path / "postgres", max_wal_size="64MB",
                                                                min_wal_size="32MB")

    def test_fault_29_with_a_full_disk_the_consumer_waits_and_nothing_is_lost(self):
        producer, = self.start("producer")
        consumer, = self.start("consumer")
        sender = LoadGenerator([producer.port], traffic(200_000, users=4_000), per_second=1_500).start()
        time.sleep(3)
        for leaving_kb in weir.rounds([200], [200, 0]):
            self.disk.fill(leaving_kb)
            weir.wait_until(lambda: check(consumer)["status"] != "ready", 60, "the store to fail")
            time.sleep(weir.rounds(6, 30))
            print(f"{check(consumer)['reason']}; PostgreSQL runs: {self.postgres.running}", flush=True)
            self.assertTrue(consumer.running)
            self.assertEqual(producer.get("/health/ready").status, 200)
            self.disk.clear()
            if not self.postgres.running:  # PostgreSQL may exit on a full disk; its supervisor would restart it
                self.postgres.start()
            weir.wait_until(lambda: check(consumer)["status"] == "ready", 60, "the store to be ready")
        sender.stop()
        self.assert_exact([sender], seconds=90)
        self.assertEqual(self.sums()["dead_lettered"], 0)


def query(process):
    """Sends a query that may get no answer."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        process.get("/api/v1/summary")


def check(consumer):
    return consumer.get("/health/ready").json()["checks"]["metrics_store"]


def resident_mb(process):
    with open(f"/proc/{process.process.pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096 / 2**20


if __name__ == "__main__":
    weir.main()
