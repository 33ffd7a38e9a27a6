"""Start and shutdown. A process names each fault of its servers and settings, and waits where waiting helps. A shutdown
keeps every promise."""
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time

from tests.harness import cluster, weir
from tests.harness.faulty_proxy import FaultyProxy
from tests.harness.load_generator import LoadGenerator, traffic

SECRETS = PASSWORD, IN_URL = "zebra-4711-secret", "okapi-0815-secret"

# The table as the original service created it.
ORIGINAL_TABLE = """CREATE TABLE user_activity_metrics (id SERIAL PRIMARY KEY, timestamp TIMESTAMP NOT NULL,
    unique_users INTEGER NOT NULL, page_view_count INTEGER NOT NULL, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)"""


def warnings(process):
    """Returns the warnings and errors in the log of the process, as dicts."""
    lines = [json.loads(line) for line in process.log().splitlines() if line.startswith("{")]
    return [line for line in lines if line["level"] != "info"]


def last_line(process):
    return process.log().strip().splitlines()[-1]


def store_check(process):
    return process.get("/health/ready").json()["checks"]["metrics_store"]


class Database(cluster.Case):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}

    def assert_no_secret(self, process):
        texts = [process.log()]
        if process.running:
            paths = ("/health", "/health/ready", "/metrics", "/api/v1/summary", "/api/v1/ledger", "/")
            texts += [process.get(path).body.decode() for path in paths]
        for text in texts:
            for secret in SECRETS:
                self.assertNotIn(secret, text)

    def test_without_the_database_a_consumer_exits_after_10_tries(self):
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
        self.assertEqual(len([line for line in warnings(consumer) if "retrying" in line["message"]]), 10)
        self.assert_no_secret(consumer)

    def test_a_consumer_starts_when_the_database_appears_within_the_tries(self):
        proxy = FaultyProxy(self.postgres.port)
        self.addCleanup(proxy.close)
        proxy.refuse()
        producer, = self.start("producer")
        consumer, = self.start("consumer", ready=False, DB_PORT=proxy.port)
        sender = LoadGenerator([producer.port], traffic(200)).start()
        sender.wait()  # the producer accepts events meanwhile
        weir.wait_until(lambda: "away" in store_check(consumer).get("reason", ""), 10, "the reason in health")
        proxy.forward()
        consumer.wait_ready(20)
        self.assert_exact([sender])

    def refusals(self):
        """Returns {name: (settings, SQL that causes the fault, the reason that health must report, SQL that corrects it)}."""
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

    def test_fault_30_each_fault_of_the_database_is_named_and_can_be_corrected_while_the_consumer_waits(self):
        consumers = {}
        for name, (settings, break_it, _, _) in self.refusals().items():
            wrong = "another" if name in ("password", "url") else PASSWORD
            rights = "LOGIN" if name == "rights" else "SUPERUSER LOGIN"
            self.postgres.create_database(self.name_of(name))
            self.postgres.psql(f'CREATE ROLE "{self.role(name)}" {rights} PASSWORD \'{wrong}\'', self.name_of(name))
            self.postgres.psql(break_it, self.name_of(name))
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
        for name, (_, _, _, correct) in self.refusals().items():
            with self.subTest(name):
                self.assertLess(len(warnings(consumers[name])), 8, "it must not retry in a tight loop")
                self.assertLess(cpu_seconds(consumers[name]), 2)
                self.assert_no_secret(consumers[name])
                self.postgres.psql("SET default_transaction_read_only = off; " * (name == "standby") + correct,
                                   self.database if name == "nowhere" else self.name_of(name))
        for name, consumer in consumers.items():
            with self.subTest(name + ", corrected"):
                consumer.wait_ready(30)
                self.assert_no_secret(consumer)

    def test_fault_30_a_running_consumer_waits_without_limit_for_a_database_that_refuses(self):
        producer, = self.start("producer")
        consumer, = self.start("consumer")
        rename = "ALTER TABLE user_activity_metrics RENAME COLUMN {} TO {}"
        read_only = f'ALTER DATABASE "{self.database}" {{}} default_transaction_read_only {{}}'
        sender = LoadGenerator([producer.port], traffic(weir.rounds(20_000, 120_000)), per_second=300).start()
        windows = "ALTER TABLE activity_windows {}"
        for break_it, correct, reason, ready in (
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
                self.change(break_it)
                weir.wait_until(lambda: reason in store_check(consumer).get("reason", ""), 20, reason)
                self.assertEqual(consumer.get("/health/ready").status, ready, "ready is false while a person must act")
                time.sleep(weir.rounds(2, 60))
                self.assertTrue(consumer.running)
                self.assertLess(len(warnings(consumer)) - before, 10, "it must not retry in a tight loop")
                self.change(correct)
                weir.wait_until(lambda: store_check(consumer)["status"] == "ready", 20, "the store to be ready")
        sender.stop()
        self.assert_exact()

    def change(self, sql):
        """Executes `sql` as an administrator and terminates all sessions. A change of the database itself is made from another
        database."""
        database = self.database if "TABLE" in sql else "postgres"
        self.postgres.psql("SET default_transaction_read_only = off; " + sql, database)
        self.postgres.terminate_backends(self.database)

    def test_the_table_of_the_original_service_is_adopted_with_its_rows(self):
        self.postgres.psql(ORIGINAL_TABLE + "; INSERT INTO user_activity_metrics (timestamp, unique_users, page_view_count) "
                           "SELECT now()::timestamp - n * interval '1 day', n, 2 * n FROM generate_series(1, 50) AS n",
                           self.database)
        old = self.sql("SELECT * FROM user_activity_metrics ORDER BY id")
        producer, = self.start("producer")
        self.start("consumer")
        sender = LoadGenerator([producer.port], traffic(500)).start()
        sender.wait()
        self.assertEqual(self.wait_counted()["tallied"], 500)
        self.assert_identities()
        self.assertEqual(self.sql("SELECT * FROM user_activity_metrics WHERE id <= 50 ORDER BY id"), old)
        views, latest, unset = self.sql("SELECT sum(page_view_count), max(extract(epoch FROM timestamp)), "
                                        "sum((created_at IS NULL)::int) FROM user_activity_metrics WHERE id > 50")[0]
        self.assertEqual((int(views), int(unset)), (500, 0))
        self.assertAlmostEqual(float(latest), time.time(), delta=120)  # UTC


class WrongSettings(weir.Case):
    """Settings that are refused before any server is contacted."""

    def run_once(self, command, **environment):
        known = {name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "DB_", "DATABASE_"))}
        done = subprocess.run([weir.BINARY, command], env={**known, "DATA_DIR": str(self.folder), **environment},
                              capture_output=True, text=True, timeout=20)
        return done.returncode, done.stdout + done.stderr

    def test_wrong_settings_exit_with_2_and_list_all_faults(self):
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
            # Only libpq and librdkafka recognise these faults.
            ("consumer", {"DATABASE_URL": f"postgresql://me:{IN_URL}@127.0.0.1/numbers?nonsense=1"}, ["DATABASE_URL"]),
            ("serve", {"METRICS_STORE": "postgres", "DATABASE_URL": f"password={IN_URL} host"}, ["DATABASE_URL"]),
            ("producer", {"KAFKA_PROPERTY_NO_SUCH": "1", "KAFKA_PROPERTY_SOCKET_TIMEOUT_MS": "soon", "SERVER_PORT": "http",
                          "KAFKA_PROPERTY_SSL_KEY_PEM": PASSWORD, "DATABASE_URL": f"password={IN_URL} host"},
             ["KAFKA_PROPERTY_NO_SUCH", "no.such", "KAFKA_PROPERTY_SOCKET_TIMEOUT_MS", "soon", "SERVER_PORT",
              "DATABASE_URL"]),
        )
        for command, environment, expected in cases:
            with self.subTest(command, **environment):
                code, output = self.run_once(command, **environment)
                self.assertEqual(code, 2, output)
                for word in expected:
                    self.assertIn(word, output)
                for secret in SECRETS:
                    self.assertNotIn(secret, output)


class Processes(cluster.Case):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}

    # Starting.

    def test_a_busy_default_port_is_replaced_and_a_busy_configured_port_exits_with_1(self):
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                taken.bind(("127.0.0.1", 8081))
                taken.listen()
            except OSError:
                pass  # another program uses it already
            moved = self.make("consumer", "moved", CONSUMER_PORT="").start(ready=False)
            lines = weir.wait_until(lambda: [line for line in warnings(moved) if "CONSUMER_PORT" in line["message"]], 10,
                                   "the other port in the log")
            moved.port = int(lines[0]["port"])
            moved.wait_ready()
            second = self.make("consumer", "second", CONSUMER_PORT="").start(ready=False)
            weir.wait_until(lambda: "CONSUMER_PORT" in second.log(), 10, "the second consumer to choose another port")

            asked = self.make("consumer", "asked", CONSUMER_PORT=moved.port).start(ready=False)
            self.assertEqual(asked.process.wait(10), 1)
            self.assertIn(str(moved.port), last_line(asked))
            self.assertTrue(moved.running and second.running)

    def test_contradictory_properties_exit_with_2(self):
        """Each property alone is valid. librdkafka finds the contradiction with max.poll.interval.ms when it joins the group."""
        consumer = self.make("consumer", "contradictory", KAFKA_PROPERTY_SESSION_TIMEOUT_MS=120_000).start(ready=False)
        self.assertEqual(consumer.process.wait(30), 2)
        self.assertIn("session.timeout.ms", last_line(consumer))

    # weir serve.

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

    def test_serve_on_kafka_and_postgresql_shows_events_within_2_s_and_is_exact_after_kills(self):
        serve, = self.start("serve", EVENT_LOG="kafka", METRICS_STORE="postgres")
        self.assertLess(min(self.seconds_until_seen(serve, number) for number in (1, 2, 3)), 2)
        sender = LoadGenerator([serve.port], traffic(weir.rounds(3_000, 20_000)), per_second=500).start()
        self.kill_at_random(serve, sender, weir.rounds(3, 20))
        self.assert_exact([sender], events=weir.rounds(3_000, 20_000) + 3)
        serve.wait_ready()
        self.assertEqual(serve.summary(weir.now(-7200), weir.now(60))["events"], weir.rounds(3_000, 20_000) + 3)
        self.assertEqual(serve.stop(), 0)

    def test_serve_on_the_embedded_log_and_postgresql_is_exact_after_kills(self):
        serve, = self.start("serve", EVENT_LOG="embedded", METRICS_STORE="postgres")
        self.assertLess(min(self.seconds_until_seen(serve, number) for number in (1, 2, 3)), 2)
        count = weir.rounds(3_000, 20_000)
        sender = LoadGenerator([serve.port], traffic(count), per_second=500).start()
        self.kill_at_random(serve, sender, weir.rounds(5, 30))
        serve.wait_ready()
        serve.wait_counted()
        serve.assert_identities(self)
        row, = self.ledger()
        self.assertEqual((row["partition"], row["tallied"]), (0, count + 3))
        totals = self.totals()
        self.assertEqual((totals["events"], totals["page_views"]), (count + 3, count + 3))
        if totals["users"] is not None:
            self.assertEqual(totals["users"], 301)
        self.assertEqual(int(self.sql("SELECT sum(page_view_count) FROM user_activity_metrics")[0][0]), count + 3)
        self.assertEqual(serve.stop(), 0)

    # Shutdown.

    def post_in_background(self, process, count, name):
        """Posts `count` activities to a producer whose log does not answer, each on its own connection, and waits until all
        are in flight. Returns the threads and the list that will hold the statuses (0: the connection broke)."""
        statuses = []
        bodies = [json.dumps(weir.activity(message_id=f"{name}-{number}")) for number in range(count)]
        others = self.settled_in_flight_bytes(process)

        def post(body):
            try:
                statuses.append(process.post("/activity", body).status)
            except OSError:
                statuses.append(0)
        threads = []
        in_flight = others
        for body in bodies:  # one at a time, so that requests of other senders are not counted as these
            threads.append(threading.Thread(target=post, args=(body,), daemon=True))
            threads[-1].start()
            wanted = in_flight + len(body)
            weir.wait_until(lambda: process.metric("weir_intake_in_flight_bytes") >= wanted, 5, "the request to be in flight")
            in_flight = self.settled_in_flight_bytes(process) if len(threads) == 1 else process.metric("weir_intake_in_flight_bytes")
        return threads, statuses

    def settled_in_flight_bytes(self, process):
        """Waits until the other senders are blocked, and returns the bytes in flight."""
        seen = []

        def settled():
            seen.append(process.metric("weir_intake_in_flight_bytes"))
            time.sleep(0.1)
            return len(seen) > 3 and len(set(seen[-4:])) == 1
        weir.wait_until(settled, 5, "the other senders to wait")
        return seen[-1]

    def assert_no_longer_ready(self, process):
        """Checks that the process reports not ready or accepts no connection, and that this does not change."""
        def ready():
            try:
                return process.get("/health/ready").status == 200
            except OSError:
                return False
        weir.wait_until(lambda: not ready(), 2, "the process to be not ready")
        for _ in range(20):
            self.assertFalse(ready())
            time.sleep(0.01)

    def test_fault_19_a_producer_answers_the_requests_in_flight_after_sigterm_under_load(self):
        stopping, staying = self.start("producer", 2)
        self.start("consumer")
        senders = [LoadGenerator([stopping.port, staying.port], traffic(1_000, f"s{number}"), at_once=10, per_second=250).start()
                   for number in range(3)]
        time.sleep(1)
        self.kafka.freeze()  # keeps requests in flight
        threads, statuses = self.post_in_background(stopping, 30, "in-flight")
        begun = time.monotonic()
        stopping.process.send_signal(signal.SIGTERM)
        self.assert_no_longer_ready(stopping)
        self.assertEqual(statuses, [])
        self.kafka.thaw()
        self.assertEqual(stopping.process.wait(25), 0)
        print(f"exited after {time.monotonic() - begun:.1f} s", flush=True)
        for thread in threads:
            thread.join(1)
        self.assertEqual(statuses, [200] * 30)
        for sender in senders:
            sender.wait()
        self.assert_exact(senders, events=3_030)

    def test_fault_19_with_kafka_frozen_a_producer_exits_within_25_seconds_and_at_once_on_a_second_signal(self):
        first, second = self.start("producer", 2)
        self.kafka.freeze()
        threads, statuses = self.post_in_background(first, 20, "first")
        self.post_in_background(second, 20, "second")
        begun = time.monotonic()
        for one in (first, second):
            one.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        self.assertTrue(first.running and second.running, "both must wait for their answers")
        second.process.send_signal(signal.SIGTERM)
        self.assertEqual(second.process.wait(1), 1)
        last = json.loads(last_line(second))
        self.assertEqual(last["message"], "exiting at once")
        self.assertGreater(int(last["unanswered_bytes"]), 20 * 50)
        self.assertEqual(first.process.wait(25), 0)
        self.assertLess(time.monotonic() - begun, 25)
        for thread in threads:
            thread.join(1)
        self.assertEqual(len(statuses), 20)
        self.assertNotIn(200, statuses)
        del self.processes[next(name for name, one in self.processes.items() if one is second)]

    def test_fault_19_a_consumer_exits_at_once_on_a_second_signal_during_shutdown(self):
        producer, = self.start("producer")
        proxy = FaultyProxy(self.postgres.port)
        self.addCleanup(proxy.close)
        consumer, = self.start("consumer", DB_PORT=proxy.port)
        first = LoadGenerator([producer.port], traffic(200)).start()
        first.wait()
        self.wait_counted()
        proxy.hold()  # the flush gets no answer, so the shutdown takes a while
        second = LoadGenerator([producer.port], traffic(400, "held")).start()
        second.wait()
        weir.wait_until(lambda: consumer.metric("weir_consumer_backlog_events") >= 400, 30, "all events to wait for the database")
        consumer.process.send_signal(signal.SIGTERM)
        time.sleep(10)  # the drain ends after 7 s
        self.assertTrue(consumer.running, "it must wait for the database")
        consumer.process.send_signal(signal.SIGTERM)
        self.assertEqual(consumer.process.wait(1), 1)
        last = json.loads(last_line(consumer))
        self.assertEqual(last["message"], "exiting at once")
        self.assertGreaterEqual(int(last["unflushed_events"]), 400)
        proxy.forward()
        consumer.start(ready=False)
        self.assert_exact([first, second])

    def test_fault_19_after_sigterm_under_load_the_ledger_and_kafka_have_the_same_offsets(self):
        producer, = self.start("producer")
        consumer, = self.start("consumer")
        sender = LoadGenerator([producer.port], traffic(weir.rounds(4_000, 30_000)), per_second=500).start()
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
