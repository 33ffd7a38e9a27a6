"""GET /api/v1/live: updates, resumption, bounds, and what many readers cost."""
import datetime
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

from tests.harness import cluster, live, weir

READERS_MAX = 1000  # live_readers_max


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Live(weir.Case):
    def start(self, **environment):
        return self.weir(**environment).start()

    def view(self, one, page="/a", user="ada"):
        answer = one.post("/activity", weir.activity(user, metadata={"page_url": page}))
        self.assertEqual(answer.status, 200)

    def reader(self, one, *more, **headers):
        reader = live.Reader(one, *more, headers={name.replace("_", "-"): value for name, value in headers.items()})
        self.addCleanup(reader.close)
        return reader

    def test_an_update_comes_at_once_and_after_each_flush(self):
        one = self.start()
        self.view(one)
        one.wait_counted()
        began = time.monotonic()
        reader = self.reader(one)
        self.assertEqual((reader.status, reader.headers["Content-Type"]), (200, "text/event-stream"))
        self.assertEqual(reader.headers["Cache-Control"], "no-store")
        self.assertEqual(reader.headers["X-Accel-Buffering"], "no")
        first = reader.next_update()
        self.assertLess(first.at - began, 1)
        self.assertEqual(first.name, "update")
        data = first.json()
        self.assertEqual(data["visitors"], 1)
        self.assertEqual(len(data["points"]), 30)
        self.assertEqual(sum(point["events"] for point in data["points"]), 1)
        self.assertEqual(data["rows"], [{"value": "/a", "events": 1, "page_views": 1, "unique_users": 1}])
        today = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT00:00:00Z")
        summary = one.get(f"/api/v1/summary?from={today}").json()
        self.assertEqual({**data["summary"], "to": summary["to"]}, summary)
        self.assertEqual(data["sums"], one.get("/api/v1/ledger").json()["sums"])

        posted = time.monotonic()
        self.view(one, "/b", "ben")
        second = reader.next_update()
        self.assertLess(second.at - posted, 3, "2 s and time for a busy machine")
        self.assertNotEqual(second.id, first.id)
        self.assertEqual(second.json()["visitors"], 2)
        self.assertTrue(reader.is_silent(3), "nothing has changed")

    def test_updates_are_at_least_a_second_apart(self):
        one = self.start(FLUSH_MIN_INTERVAL_MS=50, BATCH_SIZE=1)
        reader = self.reader(one)
        reader.next_update()
        times = []
        for number in range(40):
            self.view(one, user=f"user-{number}")
            time.sleep(0.05)
        while len(times) < 2:
            times.append(datetime.datetime.fromisoformat(reader.next_update().json()["time"]))
        self.assertGreaterEqual(times[1] - times[0], datetime.timedelta(seconds=0.99))

    def test_a_reader_resumes_after_the_update_that_it_has(self):
        one = self.start()
        self.view(one)
        one.wait_counted()
        newest = self.reader(one).next_update().id
        resumed = self.reader(one, Last_Event_ID=newest)
        self.assertTrue(resumed.is_silent(2.5))
        self.view(one, user="ben")
        self.assertEqual(resumed.next_update().json()["visitors"], 2)
        self.assertEqual(self.reader(one, Last_Event_ID="17-0").next_update().json()["visitors"], 2)
        newest = self.reader(one).next_update().id
        one.stop()
        one.start()
        self.assertTrue(self.reader(one, Last_Event_ID=newest).is_silent(2.5), "the id is that of the store")

    def test_the_streams_end_at_sigterm(self):
        one = self.start()
        readers = [self.reader(one) for _ in range(20)]
        for reader in readers:
            reader.next_update()
        began = time.monotonic()
        self.assertEqual(one.stop(), 0)
        self.assertLess(time.monotonic() - began, 10)
        for reader in readers:
            reader.rest()

    def test_heads_methods_and_parameters(self):
        one = self.start()
        head = one.request("HEAD", live.PATH)
        self.assertEqual((head.status, head.headers["Content-Type"], head.body), (200, "text/event-stream", b""))
        post = one.post(live.PATH, "{}")
        self.assertEqual((post.status, post.headers["Allow"]), (405, "GET, HEAD, OPTIONS"))
        for query, words in (("x=1", "x"), ("tz=Nowhere", "tz is 'Nowhere'")):
            answer = one.get(f"{live.PATH}?{query}")
            self.assertEqual(answer.status, 400)
            self.assertIn(words, answer.json()["error"])

    def test_readers_are_bounded_and_one_that_leaves_makes_room(self):
        one = self.start()
        crowd = live.Crowd(one, READERS_MAX)
        self.addCleanup(crowd.close)
        weir.wait_until(lambda: one.request("HEAD", live.PATH).status == 503, 10, "all readers to be admitted")
        refused = one.get(live.PATH)
        self.assertEqual((refused.status, refused.headers["Retry-After"]), (503, "1"))
        self.assertIn("1000", refused.json()["error"])
        crowd.sockets.pop().close()
        weir.wait_until(lambda: one.request("HEAD", live.PATH).status == 200, 10, "room for a reader")

    def test_a_slow_reader_is_dropped_and_others_are_served(self):
        one = self.start(FLUSH_MIN_INTERVAL_MS=50, BATCH_SIZE=1)
        slow = socket.socket()
        self.addCleanup(slow.close)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        slow.connect(("127.0.0.1", one.port))
        slow.sendall(f"GET {live.PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        reader = self.reader(one)
        reader.next_update()
        for number in range(10):  # pages whose text is long: each update has ten
            self.view(one, f"/{number}" + "\x01" * 2000, user=f"user-{number}")

        def streams():
            return [line for line in one.get("/metrics").body.decode().splitlines() if line.startswith("weir_http_streams ")]
        self.assertEqual(streams(), ["weir_http_streams 2"])
        for number in range(60):
            if streams() == ["weir_http_streams 1"]:
                break
            self.view(one, user=f"more-{number}")
            self.assertLess(len(reader.next_update(10).data), 256 * 1024)
        self.assertEqual(streams(), ["weir_http_streams 1"])

    def test_500_readers_cost_little(self):
        one = self.start()
        crowd = live.Crowd(one, 500)
        self.addCleanup(crowd.close)
        crowd.read_for(3)
        crowd.updates = 0

        def cost(seconds):
            before = cpu_seconds(one.process)
            for second in range(seconds):
                self.view(one, user=f"user-{second}")
                crowd.read_for(1.2)  # a flush comes 1 s after its first event, so each event has its own
            return (cpu_seconds(one.process) - before) / (1.2 * seconds)
        busy = cost(10)
        print(f"500 readers, {crowd.updates / 500:.1f} updates each in 12 s: {busy:.2%} of a core")
        self.assertGreater(crowd.updates, 500 * 7)
        self.assertLess(busy, 0.10, "measured: below 3 %; the rest is for a busy machine")
        before = cpu_seconds(one.process)
        crowd.read_for(5)
        print(f"500 readers without events: {(cpu_seconds(one.process) - before) / 5:.2%} of a core")


class Curl(weir.Case):
    """The feed as `curl -N` prints it."""

    def setUp(self):
        super().setUp()
        if shutil.which("curl") is None:
            weir.missing("curl")

    def curl(self, one, *options):
        """Starts curl. Its output is in the file that is returned with the process."""
        path = self.folder / f"curl-{weir.free_port()}"
        with open(path, "wb") as out:
            process = subprocess.Popen(["curl", "-N", "-sS", *options, f"http://127.0.0.1:{one.port}{live.PATH}"], stdout=out,
                                       stderr=subprocess.STDOUT)
        self.addCleanup(process.kill)
        return process, path

    def events(self, path):
        """Returns (updates, comments) that curl has printed so far."""
        blocks = [live.Event(block) for block in path.read_bytes().split(b"\n\n")[:-1]]
        return [block for block in blocks if block.comment is None], [block for block in blocks if block.comment is not None]

    def test_curl_prints_updates_and_heartbeats_until_sigterm(self):
        one = self.weir().start()
        process, path = self.curl(one)
        weir.wait_until(lambda: len(self.events(path)[0]) == 1, 20, "the first update")
        self.assertEqual(one.post("/activity", weir.activity()).status, 200)
        weir.wait_until(lambda: len(self.events(path)[0]) == 2, 20, "the update after a flush")
        began = time.monotonic()
        weir.wait_until(lambda: self.events(path)[1], 40, "a heartbeat")
        self.assertGreater(time.monotonic() - began, 10, "a heartbeat comes 15 s after the last event")
        first, second = self.events(path)[0]
        self.assertEqual((first.name, second.name), ("update", "update"))
        self.assertTrue(first.id and second.id and first.id != second.id)
        self.assertEqual([each.json()["summary"]["events"] for each in (first, second)], [0, 1])
        self.assertEqual(one.stop(), 0)
        self.assertEqual(process.wait(20), 0, "the stream ends as a complete reply")

    def test_curl_resumes_by_last_event_id(self):
        one = self.weir().start()
        one.post("/activity", weir.activity())
        one.wait_counted()
        process, path = self.curl(one)
        weir.wait_until(lambda: self.events(path)[0], 20, "the first update")
        process.kill()
        resumed, rest = self.curl(one, "-H", f"Last-Event-ID: {self.events(path)[0][-1].id}", "--max-time", "5")
        time.sleep(3)
        self.assertEqual(self.events(rest)[0], [], "nothing has changed")
        one.post("/activity", weir.activity("ben"))
        self.assertEqual(resumed.wait(20), 28, "--max-time")
        update, = self.events(rest)[0]
        self.assertEqual(update.json()["summary"]["events"], 2)


class LiveOfAllConsumers(cluster.Case):
    def test_each_consumer_shows_the_flushes_of_all(self):
        producer, = self.start("producer")
        consumers = self.start("consumer", 2, FLUSH_INTERVAL_SEC=1)
        readers = [live.Reader(one) for one in consumers]
        for reader in readers:
            self.addCleanup(reader.close)
            reader.next_update()
        body = "\n".join(json.dumps(weir.activity(f"user-{number}")) for number in range(200))  # on all partitions
        self.assertEqual(producer.post("/activities", body).status, 200)
        updates = []
        for reader in readers:
            update = reader.next_update()
            while update.json()["summary"]["events"] < 200:
                update = reader.next_update()
            updates.append(update)
        self.assertEqual(updates[0].id, updates[1].id)
        self.assertEqual([update.json()["visitors"] for update in updates], [200, 200])
        other = live.Reader(consumers[1], headers={"Last-Event-ID": updates[0].id})
        self.addCleanup(other.close)
        self.assertTrue(other.is_silent(3), "the id of one consumer is known to the other")


if __name__ == "__main__":
    weir.main()
