"""GET /health/ready of all three commands: one shape, and the reason in words for each state that an operator meets."""
import ctypes
import json
import signal
import socket
import subprocess
import time

from tests.harness import clocks, cluster, disk, weir

CLONE_NEWNS = 0x20000
CHECKS = {"event_log", "metrics_store", "freshness"}


def ready(process):
    answer = process.get("/health/ready")
    return answer.status, answer.json()


def check(process, name):
    return ready(process)[1]["checks"][name]


def wait_for(process, name, status, words, seconds=30):
    """Waits until a check has the status, and returns it. Its reason must contain `words`."""
    def found():
        at = check(process, name)
        return at["status"] == status and words in at["reason"] and at
    return weir.wait_until(found, seconds, f"{name} to be {status}: {words}")


class Embedded(weir.Case):
    def small_disk(self, megabytes):
        # Mounted in a mount namespace: the disk goes away with this process.
        if ctypes.CDLL(None).unshare(CLONE_NEWNS) != 0:
            weir.missing("the privilege to create a mount namespace")
        try:
            subprocess.run(["mount", "--make-rprivate", "/"], check=True, capture_output=True)
            made = disk.Disk(self.folder / "disk", megabytes)
        except subprocess.CalledProcessError:
            weir.missing("the privilege to mount a small file system")
        self.addCleanup(made.unmount)
        return made

    def test_a_disk_that_fills_is_degraded_then_unready_and_ready_again(self):
        small = self.small_disk(192)
        one = self.weir(DATA_DIR=small.path / "data").start()
        self.assertEqual(check(one, "event_log")["status"], "ready")
        self.assertGreater(check(one, "event_log")["disk_free_bytes"], 128 * 2**20)
        small.fill(leaving_kb=20 * 1024)
        low = wait_for(one, "event_log", "degraded", "disk space is low")
        self.assertIn("MiB are free for DATA_DIR", low["reason"])
        self.assertLess(low["disk_free_bytes"], 21 * 2**20)
        self.assertEqual(one.get("/health/ready").status, 200, "events are still accepted")
        self.assertEqual(one.post("/activity", weir.activity()).status, 200)
        self.assertAlmostEqual(one.metric("weir_log_disk_free_bytes"), low["disk_free_bytes"], delta=2 * 2**20)
        small.fill(leaving_kb=0)

        def refused():
            return one.post("/activity", weir.activity(metadata={"x": "x" * 60_000})).status == 503
        weir.wait_until(refused, 30, "a full disk to refuse events")
        full = wait_for(one, "event_log", "unready", "away: ")
        self.assertIn("full", full["reason"])
        self.assertIn("disk space is low", full["reason"])
        self.assertEqual(one.get("/health/ready").status, 503)
        self.assertEqual(one.get("/health").status, 200, "a restart would not help")
        small.clear()
        wait_for(one, "event_log", "ready", "")
        weir.wait_until(lambda: one.post("/activity", weir.activity()).status == 200, 15, "events to be accepted again")
        one.wait_counted()
        one.assert_identities(self)

    def test_a_file_that_is_unlinked_under_the_service_makes_it_unready(self):
        for name in ("events.db", "metrics.db"):
            with self.subTest(name=name):
                one = self.weir(name).start()
                (one.folder / "data" / name).unlink()
                gone = wait_for(one, "event_log", "unready", "was deleted", 10)
                self.assertIn(name, gone["reason"])
                self.assertEqual(ready(one)[0], 503)
                self.assertEqual(one.post("/activity", weir.activity()).status, 503)

    def test_a_process_that_drains_says_so_on_a_connection_that_is_open(self):
        one = self.weir().start()
        with socket.create_connection(("127.0.0.1", one.port), timeout=20) as connection:
            connection.sendall(b"GET /health/ready HTTP/1.1\r\nHost: weir\r\n")
            weir.wait_until(lambda: one.metric("weir_http_connections") >= 2, 10, "the connection to be read")
            one.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            connection.sendall(b"\r\n")
            reply = connection.makefile("rb").read()
        head, body = reply.split(b"\r\n\r\n", 1)
        self.assertIn(b" 503 ", head.split(b"\r\n")[0])
        answer = json.loads(body)
        self.assertEqual((answer["status"], answer["checks"]["event_log"]["reason"]), ("unready", "draining"))
        self.assertEqual(one.process.wait(30), 0)


class Cluster(cluster.Case):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}

    def test_all_three_commands_answer_in_one_shape(self):
        self.kafka.create_topic(self.topic, cluster.PARTITIONS)
        made = [self.make(command, command, **({} if command != "serve" else
                                               {"EVENT_LOG": "kafka", "METRICS_STORE": "postgres"}))
                for command in ("producer", "consumer", "serve")]
        for process in made:
            process.start(ready=False)
        for process in made:
            process.wait_ready(60)
            weir.wait_until(lambda: ready(process)[1]["status"] == "ready", 60, f"{process.command} to be ready")
            status, answer = ready(process)
            self.assertEqual((status, set(answer), set(answer["checks"])), (200, {"status", "checks"}, CHECKS))
            for name, at in answer["checks"].items():
                self.assertEqual(at["status"], "ready", (process.command, name, at))
                self.assertGreaterEqual(at["latency_ms"], 0)
                self.assertIsInstance(at["reason"], str)
            for member in ("log_id", "end", "dedup_window_sec", "dedup_window_events"):
                self.assertIn(member, answer["checks"]["event_log"], process.command)
            self.assertEqual({"oldest_unread_age_ms", "last_flush_age_ms"},
                             set(answer["checks"]["freshness"]) - {"status", "latency_ms", "reason"})
        self.assertIn("not part of this process", check(made[0], "metrics_store")["reason"])
        identities = {check(process, "event_log")["log_id"] for process in made}
        self.assertEqual(len(identities), 1, "all three name the same log")

        self.postgres.kill()
        producer, consumer, serve = made
        for name in ("consumer", "serve"):
            process = self.processes[name]
            weir.wait_until(lambda: producer.post("/activities", json.dumps([weir.activity(f"u{i}") for i in range(200)])).status
                            == 200 and check(process, "metrics_store")["status"] != "ready", 60, "the store to fail")
            away = check(process, "metrics_store")
            self.assertEqual(away["status"], "degraded")
            self.assertTrue(away["reason"].startswith("away: "), away)
            self.assertEqual(ready(process)[0], 200, "events are still accepted")
        self.assertEqual(ready(producer)[1]["status"], "ready", "a producer needs no store")
        self.postgres.start()
        for process in (consumer, serve):
            wait_for(process, "metrics_store", "ready", "", 60)

        self.kafka.kill()
        for process in made:
            away = wait_for(process, "event_log", "unready", "away: ", 60)
            self.assertEqual(ready(process)[0], 503, away)
        self.kafka.start()
        for process in made:
            wait_for(process, "event_log", "ready", "", 60)
        self.assert_exact()

    def test_a_consumer_far_behind_is_catching_up_and_says_by_how_much(self):
        # The producer's clock is an hour slow, and the topic keeps the producer's time: its records are an hour old.
        self.kafka.create_topic(self.topic, cluster.PARTITIONS, message_timestamp_type="CreateTime")
        producer, = self.start("producer", **self.slow_clock(3600))
        consumer, = self.start("consumer")
        wait_for(consumer, "freshness", "ready", "", 60)
        for _ in range(5):
            batch = [weir.activity(f"user{i}", when=weir.now(-3700)) for i in range(500)]
            self.assertEqual(producer.post("/activities", json.dumps(batch)).status, 200)
        self.wait_counted()
        locker = self.postgres.hold_lock("activity_ledger", 6, self.database)
        self.assertEqual(producer.post("/activities", json.dumps(batch)).status, 200)
        late = wait_for(consumer, "freshness", "degraded", "catching up: the oldest event that is not counted is", 20)
        self.assertGreater(late["oldest_unread_age_ms"], 3_500_000)
        self.assertLess(late["oldest_unread_age_ms"], 3_800_000)
        self.assertEqual(ready(consumer)[0], 200)
        locker.join()
        fresh = wait_for(consumer, "freshness", "ready", "", 60)
        self.assertEqual(fresh["oldest_unread_age_ms"], 0)
        self.assert_exact()

    def slow_clock(self, seconds):
        faked = clocks.Clocks(self.folder)
        file = self.folder / "clock"
        settings = faked.settings(file)
        faked.set(file, -seconds)
        return settings


if __name__ == "__main__":
    weir.main()
