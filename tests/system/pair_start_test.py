#!/usr/bin/env python3
"""Starting and leaving: what is wrong around a process is said by name and waited for, and who is told to leave takes
nothing along that it promised."""
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time

import pair
import weir
from gate import Gate
from sender import Sender, traffic

SECRETS = PASSWORD, IN_URL = "zebra-4711-secret", "okapi-0815-secret"

# As the service that was here before made it.
ORIGINAL_TABLE = """CREATE TABLE user_activity_metrics (id SERIAL PRIMARY KEY, timestamp TIMESTAMP NOT NULL,
    unique_users INTEGER NOT NULL, page_view_count INTEGER NOT NULL, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)"""


def warnings(process):
    """What its log complains of, as dicts."""
    lines = [json.loads(line) for line in process.log().splitlines() if line.startswith("{")]
    return [line for line in lines if line["level"] != "info"]


def last_line(process):
    return process.log().strip().splitlines()[-1]


def store_check(process):
    return process.get("/health/ready").json()["checks"]["metrics_store"]


class Database(pair.Case):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}

    def assert_no_secret(self, process):
        said = [process.log()]
        if process.running:
            paths = ("/health", "/health/ready", "/metrics", "/api/v1/summary", "/api/v1/ledger", "/")
            said += [process.get(path).body.decode() for path in paths]
        for text in said:
            for secret in SECRETS:
                self.assertNotIn(secret, text)

    def test_without_the_database_a_consumer_leaves_after_10_tries(self):
        port = weir.free_port()
        consumer = self.make("consumer", "away", DB_PORT=port, DB_PASSWORD=PASSWORD).start(ready=False)
        begun = time.monotonic()
        weir.wait_until(lambda: consumer.get("/health/live").status == 200, 10, "the service to start")
        weir.wait_until(lambda: "away" in store_check(consumer).get("reason", ""), 10, "the reason in health")
        self.assertEqual(consumer.get("/health/ready").status, 503)
        self.assertIn(str(port), store_check(consumer)["reason"])
        for path in ("/api/v1/summary", "/api/v1/ledger", "/api/v1/top?dimension=page"):
            answer = consumer.get(path)
            self.assertEqual((answer.status, b"starting" in answer.body), (503, True), answer.body)
        self.assert_no_secret(consumer)
        self.assertEqual(consumer.process.wait(90), 1)
        self.assertAlmostEqual(time.monotonic() - begun, 55.5, delta=8)
        self.assertIn("10 tries", last_line(consumer))
        self.assertIn(str(port), last_line(consumer))
        self.assertEqual(len([line for line in warnings(consumer) if "tried again" in line["message"]]), 10)
        self.assert_no_secret(consumer)

    def test_a_database_that_appears_within_the_tries_is_taken(self):
        gate = Gate(self.postgres.port)
        self.addCleanup(gate.close)
        gate.refuse()
        producer, = self.start("producer")
        consumer, = self.start("consumer", ready=False, DB_PORT=gate.port)
        sender = Sender([producer.port], traffic(200)).start()
        sender.wait()  # events are taken meanwhile
        weir.wait_until(lambda: "away" in store_check(consumer).get("reason", ""), 10, "the reason in health")
        gate.pass_on()
        consumer.wait_ready(20)
        self.assert_exact([sender])

    def refusals(self):
        """name: (settings, what is wrong with the database, what health must say, what mends it)."""
        of_role = {name: f'ALTER ROLE "{self.role(name)}" PASSWORD \'{secret}\''
                   for name, secret in (("password", PASSWORD), ("url", IN_URL))}
        url = f"postgresql://{self.role('url')}:{IN_URL}@127.0.0.1:{self.postgres.port}/{self.name_of('url')}"
        columns = "id SERIAL, timestamp TIMESTAMP, page_view_count INTEGER, created_at TIMESTAMP DEFAULT now()"
        read_only = f'ALTER DATABASE "{self.name_of("standby")}" {{}} default_transaction_read_only {{}}'
        return {
            "password": ({}, "SELECT 1", "password authentication failed", of_role["password"]),
            "url": ({"DATABASE_URL": url}, "SELECT 1", "password authentication failed", of_role["url"]),
            "nowhere": ({"DB_NAME": "not-yet-" + self.name}, "SELECT 1", "not-yet-" + self.name,
                        f'CREATE DATABASE "not-yet-{self.name}"'),
            "column": ({}, f"CREATE TABLE user_activity_metrics ({columns})",
                       "user_activity_metrics has no column unique_users",
                       "ALTER TABLE user_activity_metrics ADD COLUMN unique_users BIGINT"),
            "standby": ({}, read_only.format("SET", "= on"), "read only", read_only.format("RESET", "")),
            "newer": ({}, "CREATE TABLE activity_schema (version INTEGER, applied_at TIMESTAMPTZ DEFAULT now()); "
                      "INSERT INTO activity_schema VALUES (99)", "version 99", "DROP TABLE activity_schema"),
            "rights": ({}, "REVOKE CREATE ON SCHEMA public FROM PUBLIC", "permission denied",
                       f'GRANT CREATE ON SCHEMA public TO "{self.role("rights")}"'),
        }

    def role(self, name):
        return f"role-{name}-{self.name}"

    def name_of(self, name):
        return f"{name}-{self.name}"

    def test_fault_30_what_is_wrong_with_the_database_is_said_by_name_and_may_be_mended_meanwhile(self):
        consumers = {}
        for name, (settings, spoil, _, _) in self.refusals().items():
            wrong = "another" if name in ("password", "url") else PASSWORD
            rights = "LOGIN" if name == "rights" else "SUPERUSER LOGIN"
            self.postgres.create_database(self.name_of(name))
            self.postgres.psql(f'CREATE ROLE "{self.role(name)}" {rights} PASSWORD \'{wrong}\'', self.name_of(name))
            self.postgres.psql(spoil, self.name_of(name))
            consumers[name] = self.make("consumer", name, **{
                "KAFKA_GROUP_ID": name, "DB_USER": self.role(name), "DB_PASSWORD": PASSWORD,
                "DB_NAME": self.name_of(name), **settings}).start(ready=False)
        begun = time.monotonic()
        for name, (_, _, reason, _) in self.refusals().items():
            with self.subTest(name):
                weir.wait_until(lambda: reason in store_check(consumers[name]).get("reason", ""), 10, reason)
                self.assertEqual(consumers[name].get("/health/ready").status, 503)
                self.assertTrue(any(reason in line.get("reason", "") for line in warnings(consumers[name])))
        time.sleep(max(0.0, begun + 4 - time.monotonic()))
        for name, (_, _, _, mend) in self.refusals().items():
            with self.subTest(name):
                self.assertLess(len(warnings(consumers[name])), 8, "no hot loop")
                self.assertLess(cpu_seconds(consumers[name]), 2)
                self.assert_no_secret(consumers[name])
                self.postgres.psql("SET default_transaction_read_only = off; " * (name == "standby") + mend,
                                   self.database if name == "nowhere" else self.name_of(name))
        for name, consumer in consumers.items():
            with self.subTest(name + ", mended"):
                consumer.wait_ready(30)
                self.assert_no_secret(consumer)

    def test_fault_30_a_database_that_refuses_later_is_waited_for_without_end(self):
        producer, = self.start("producer")
        consumer, = self.start("consumer")
        rename = "ALTER TABLE user_activity_metrics RENAME COLUMN {} TO {}"
        read_only = f'ALTER DATABASE "{self.database}" {{}} default_transaction_read_only {{}}'
        sender = Sender([producer.port], traffic(20_000), per_second=300).start()
        windows = "ALTER TABLE activity_windows {}"
        for spoil, mend, reason, ready in (
                (read_only.format("SET", "= on"), read_only.format("RESET", ""), "read-only", 503),
                (rename.format("unique_users", "users"), rename.format("users", "unique_users"), "unique_users", 503),
                (windows.format("ALTER COLUMN place TYPE text"), windows.format("ALTER COLUMN place TYPE int USING place::int"),
                 "column activity_windows.place is text; expected int4", 503),
                (windows.format("ADD CONSTRAINT no_robots CHECK (events < 0) NOT VALID"),
                 windows.format("DROP CONSTRAINT no_robots"), "no_robots", 503),
                (f'ALTER DATABASE "{self.database}" ALLOW_CONNECTIONS off',
                 f'ALTER DATABASE "{self.database}" ALLOW_CONNECTIONS on', "not currently accepting connections", 200)):
            with self.subTest(reason):
                before = len(warnings(consumer))
                self.change(spoil)
                weir.wait_until(lambda: reason in store_check(consumer).get("reason", ""), 20, reason)
                self.assertEqual(consumer.get("/health/ready").status, ready, "what a person must correct is not ready")
                time.sleep(weir.rounds(2, 60))
                self.assertTrue(consumer.running)
                self.assertLess(len(warnings(consumer)) - before, 10, "no hot loop")
                self.change(mend)
                weir.wait_until(lambda: store_check(consumer)["status"] == "ready", 20, "the store to be well")
        sender.stop()
        self.assert_exact()

    def change(self, sql):
        """As an administrator, from another database where it is about this one; then everybody must come anew."""
        database = self.database if "TABLE" in sql else "postgres"
        self.postgres.psql("SET default_transaction_read_only = off; " + sql, database)
        self.postgres.terminate_backends(self.database)

    def test_the_table_of_the_service_before_is_adopted_with_its_rows(self):
        self.postgres.psql(ORIGINAL_TABLE + "; INSERT INTO user_activity_metrics (timestamp, unique_users, page_view_count) "
                           "SELECT now()::timestamp - n * interval '1 day', n, 2 * n FROM generate_series(1, 50) AS n",
                           self.database)
        old = self.sql("SELECT * FROM user_activity_metrics ORDER BY id")
        producer, = self.start("producer")
        self.start("consumer")
        sender = Sender([producer.port], traffic(500)).start()
        sender.wait()
        self.assertEqual(self.wait_counted()["tallied"], 500)
        self.assert_identities()
        self.assertEqual(self.sql("SELECT * FROM user_activity_metrics WHERE id <= 50 ORDER BY id"), old)
        views, latest, unset = self.sql("SELECT sum(page_view_count), max(extract(epoch FROM timestamp)), "
                                        "sum((created_at IS NULL)::int) FROM user_activity_metrics WHERE id > 50")[0]
        self.assertEqual((int(views), int(unset)), (500, 0))
        self.assertAlmostEqual(float(latest), time.time(), delta=120)  # UTC


class Wrong(weir.Case):
    """What is refused before any server is asked."""

    def run_once(self, command, **environment):
        known = {name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "DB_", "DATABASE_"))}
        done = subprocess.run([weir.BINARY, command], env={**known, "DATA_DIR": str(self.folder), **environment},
                              capture_output=True, text=True, timeout=20)
        return done.returncode, done.stdout + done.stderr

    def test_wrong_settings_end_with_2_and_all_faults_at_once(self):
        cases = (
            ("serve", {"EVENT_LOG": "kafka", "METRICS_STORE": "sqlite"}, ["METRICS_STORE"]),
            ("serve", {"EVENT_LOG": "kafka"}, ["METRICS_STORE", "default of weir serve"]),
            ("producer", {"EVENT_LOG": "embedded"}, ["EVENT_LOG", "kafka"]),
            ("consumer", {"METRICS_STORE": "sqlite"}, ["METRICS_STORE", "postgres"]),
            ("consumer", {"METRICS_STORE": "sqlite", "EVENT_LOG": "embedded", "BATCH_SIZE": "0", "NUM_WORKERS": "many",
                          "CONSUMER_PORT": "70000", "DATABASE_URL": IN_URL, "KAFKA_START": "sometimes",
                          "KAFKA_PROPERTY_ENABLE_AUTO_COMMIT": "true", "KAFKA_PROPERTY_SASL_PASSWORD": PASSWORD,
                          "KAFKA_TOPIC": "a b"},
             ["METRICS_STORE", "EVENT_LOG", "BATCH_SIZE", "NUM_WORKERS", "many", "CONSUMER_PORT", "70000", "DATABASE_URL",
              "KAFKA_START", "sometimes", "KAFKA_PROPERTY_ENABLE_AUTO_COMMIT", "KAFKA_TOPIC"]),
            # Only libpq and librdkafka know these to be wrong.
            ("consumer", {"DATABASE_URL": f"postgresql://me:{IN_URL}@127.0.0.1/numbers?nonsense=1"}, ["DATABASE_URL"]),
            ("serve", {"METRICS_STORE": "postgres", "DATABASE_URL": f"password={IN_URL} host"}, ["DATABASE_URL"]),
            ("producer", {"KAFKA_PROPERTY_NO_SUCH": "1", "KAFKA_PROPERTY_SOCKET_TIMEOUT_MS": "soon", "SERVER_PORT": "http",
                          "KAFKA_PROPERTY_SSL_KEY_PEM": PASSWORD, "DATABASE_URL": f"password={IN_URL} host"},
             ["KAFKA_PROPERTY_NO_SUCH", "no.such", "KAFKA_PROPERTY_SOCKET_TIMEOUT_MS", "soon", "SERVER_PORT",
              "DATABASE_URL"]),
        )
        for command, environment, expected in cases:
            with self.subTest(command, **environment):
                code, said = self.run_once(command, **environment)
                self.assertEqual(code, 2, said)
                for word in expected:
                    self.assertIn(word, said)
                for secret in SECRETS:
                    self.assertNotIn(secret, said)


class Processes(pair.Case):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}

    # Starting.

    def test_a_taken_port_that_nobody_asked_for_is_exchanged_and_one_that_was_asked_for_ends_with_1(self):
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                taken.bind(("127.0.0.1", 8081))
                taken.listen()
            except OSError:
                pass  # somebody has it already
            moved = self.make("consumer", "moved", CONSUMER_PORT="").start(ready=False)
            said = weir.wait_until(lambda: [line for line in warnings(moved) if "CONSUMER_PORT" in line["message"]], 10,
                                   "the other port in the log")
            moved.port = int(said[0]["port"])
            moved.wait_ready()
            second = self.make("consumer", "second", CONSUMER_PORT="").start(ready=False)
            weir.wait_until(lambda: "CONSUMER_PORT" in second.log(), 10, "a second one beside it")

            asked = self.make("consumer", "asked", CONSUMER_PORT=moved.port).start(ready=False)
            self.assertEqual(asked.process.wait(10), 1)
            self.assertIn(str(moved.port), last_line(asked))
            self.assertTrue(moved.running and second.running)

    def test_properties_that_contradict_each_other_end_with_2(self):
        """Each is allowed: that the session would outlast max.poll.interval.ms is found when the group is to be joined."""
        consumer = self.make("consumer", "contradictory", KAFKA_PROPERTY_SESSION_TIMEOUT_MS=120_000).start(ready=False)
        self.assertEqual(consumer.process.wait(30), 2)
        self.assertIn("session.timeout.ms", last_line(consumer))

    # Everything in one.

    def kill_at_random(self, process, sender, times):
        for _ in range(times):
            time.sleep(random.uniform(0.2, 1.5))
            process.kill()
            process.start(ready=False)
        sender.wait()

    def seconds_until_seen(self, process, number):
        begun = time.monotonic()
        self.assertEqual(process.post("/activity", weir.activity(message_id=f"seen-{number}")).status, 200)
        weir.wait_until(lambda: process.summary(weir.now(-3600), weir.now(60))["events"] == number, 20, "the summary")
        return time.monotonic() - begun

    def test_serve_on_kafka_and_postgresql_shows_what_it_takes_and_is_exact_though_it_is_killed(self):
        serve, = self.start("serve", EVENT_LOG="kafka", METRICS_STORE="postgres")
        self.assertLess(min(self.seconds_until_seen(serve, number) for number in (1, 2, 3)), 2)
        sender = Sender([serve.port], traffic(weir.rounds(3_000, 20_000)), per_second=500).start()
        self.kill_at_random(serve, sender, weir.rounds(3, 20))
        self.assert_exact([sender], events=weir.rounds(3_000, 20_000) + 3)
        serve.wait_ready()
        self.assertEqual(serve.summary(weir.now(-7200), weir.now(60))["events"], weir.rounds(3_000, 20_000) + 3)
        self.assertEqual(serve.stop(), 0)

    def test_serve_on_the_embedded_log_and_postgresql_is_exact_though_it_is_killed(self):
        serve, = self.start("serve", EVENT_LOG="embedded", METRICS_STORE="postgres")
        self.assertLess(min(self.seconds_until_seen(serve, number) for number in (1, 2, 3)), 2)
        count = weir.rounds(3_000, 20_000)
        sender = Sender([serve.port], traffic(count), per_second=500).start()
        self.kill_at_random(serve, sender, weir.rounds(5, 30))
        serve.wait_ready()
        serve.wait_counted()
        serve.identities(self)
        row, = self.ledger()
        self.assertEqual((row["partition"], row["tallied"]), (0, count + 3))
        totals = self.totals()
        self.assertEqual((totals["events"], totals["page_views"]), (count + 3, count + 3))
        if totals["users"] is not None:
            self.assertEqual(totals["users"], 301)
        self.assertEqual(int(self.sql("SELECT sum(page_view_count) FROM user_activity_metrics")[0][0]), count + 3)
        self.assertEqual(serve.stop(), 0)

    # Leaving.

    def post_aside(self, process, count, name):
        """So many single activities, each on a connection of its own, all of which have come to a producer whose log does
        not answer; gives threads and the statuses to come (0: the connection broke)."""
        statuses = []
        bodies = [json.dumps(weir.activity(message_id=f"{name}-{number}")) for number in range(count)]
        others = self.in_flight_at_rest(process)

        def post(body):
            try:
                statuses.append(process.post("/activity", body).status)
            except OSError:
                statuses.append(0)
        threads = []
        in_flight = others
        for body in bodies:  # one after the other: what others send meanwhile is not taken for one of these
            threads.append(threading.Thread(target=post, args=(body,), daemon=True))
            threads[-1].start()
            wanted = in_flight + len(body)
            weir.wait_until(lambda: process.metric("weir_intake_in_flight_bytes") >= wanted, 5, "it to be in flight")
            in_flight = self.in_flight_at_rest(process) if len(threads) == 1 else process.metric("weir_intake_in_flight_bytes")
        return threads, statuses

    def in_flight_at_rest(self, process):
        """The bytes in flight once other senders have sent what they send without an answer."""
        seen = []

        def at_rest():
            seen.append(process.metric("weir_intake_in_flight_bytes"))
            time.sleep(0.1)
            return len(seen) > 3 and len(set(seen[-4:])) == 1
        weir.wait_until(at_rest, 5, "the other senders to wait")
        return seen[-1]

    def assert_no_longer_ready(self, process):
        """Says so or takes no connection, and does not change its mind."""
        def ready():
            try:
                return process.get("/health/ready").status == 200
            except OSError:
                return False
        weir.wait_until(lambda: not ready(), 2, "it to be no longer ready")
        for _ in range(20):
            self.assertFalse(ready())
            time.sleep(0.01)

    def test_fault_19_a_producer_that_is_told_to_leave_under_load_answers_what_is_in_flight(self):
        leaving, staying = self.start("producer", 2)
        self.start("consumer")
        senders = [Sender([leaving.port, staying.port], traffic(1_000, f"s{number}"), at_once=10, per_second=250).start()
                   for number in range(3)]
        time.sleep(1)
        self.kafka.freeze()  # so that something is in flight
        threads, statuses = self.post_aside(leaving, 30, "in-flight")
        begun = time.monotonic()
        leaving.process.send_signal(signal.SIGTERM)
        self.assert_no_longer_ready(leaving)
        self.assertEqual(statuses, [])
        self.kafka.thaw()
        self.assertEqual(leaving.process.wait(25), 0)
        print(f"left after {time.monotonic() - begun:.1f} s", flush=True)
        for thread in threads:
            thread.join(1)
        self.assertEqual(statuses, [200] * 30)
        for sender in senders:
            sender.wait()
        self.assert_exact(senders, events=3_030)

    def test_fault_19_with_kafka_frozen_a_producer_leaves_within_25_seconds_and_at_once_if_told_twice(self):
        patient, hasty = self.start("producer", 2)
        self.kafka.freeze()
        to_patient, told_patient = self.post_aside(patient, 20, "patient")
        self.post_aside(hasty, 20, "hasty")
        begun = time.monotonic()
        for one in (patient, hasty):
            one.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        self.assertTrue(patient.running and hasty.running, "they wait for their answers")
        hasty.process.send_signal(signal.SIGTERM)
        self.assertEqual(hasty.process.wait(1), 1)
        last = json.loads(last_line(hasty))
        self.assertEqual(last["message"], "exiting at once")
        self.assertGreater(int(last["unanswered_bytes"]), 20 * 50)
        self.assertEqual(patient.process.wait(25), 0)
        self.assertLess(time.monotonic() - begun, 25)
        for thread in to_patient:
            thread.join(1)
        self.assertEqual(len(told_patient), 20)
        self.assertNotIn(200, told_patient)
        del self.processes[next(name for name, one in self.processes.items() if one is hasty)]

    def test_fault_19_a_consumer_that_closes_and_is_told_twice_leaves_at_once(self):
        producer, = self.start("producer")
        gate = Gate(self.postgres.port)
        self.addCleanup(gate.close)
        consumer, = self.start("consumer", DB_PORT=gate.port)
        first = Sender([producer.port], traffic(200)).start()
        first.wait()
        self.wait_counted()
        gate.hold()  # what is being written gets no answer: nothing ends by itself for a while
        second = Sender([producer.port], traffic(400, "held")).start()
        second.wait()
        weir.wait_until(lambda: consumer.metric("weir_consumer_waiting_events") >= 400, 30, "all to wait for the database")
        consumer.process.send_signal(signal.SIGTERM)
        time.sleep(10)  # the drain has given up after 7 s
        self.assertTrue(consumer.running, "it waits for the database to close")
        consumer.process.send_signal(signal.SIGTERM)
        self.assertEqual(consumer.process.wait(1), 1)
        last = json.loads(last_line(consumer))
        self.assertEqual(last["message"], "exiting at once")
        self.assertGreaterEqual(int(last["unflushed_events"]), 400)
        gate.pass_on()
        consumer.start(ready=False)
        self.assert_exact([first, second])

    def test_fault_19_a_consumer_that_is_told_to_leave_under_load_agrees_with_kafka_about_the_offsets(self):
        producer, = self.start("producer")
        consumer, = self.start("consumer")
        sender = Sender([producer.port], traffic(weir.rounds(4_000, 30_000)), per_second=500).start()
        for _ in range(weir.rounds(2, 8)):
            time.sleep(random.uniform(1, 3))
            self.assertEqual(consumer.stop(25), 0)
            committed = {int(row["PARTITION"]): row["CURRENT-OFFSET"] for row in self.kafka.group(self.group)}
            for row in self.ledger():
                if row["read"]:
                    self.assertEqual(committed[row["partition"]], str(row["next_offset"]), row)
            consumer.start(ready=False)
        sender.wait()
        self.assert_exact([sender])
        weir.wait_until(lambda: self.kafka.lag(self.group) == 0, 30, "kafka-consumer-groups to show no lag")


def cpu_seconds(process):
    with open(f"/proc/{process.process.pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    weir.main()
