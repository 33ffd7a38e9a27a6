"""Segment's tracking API. Segment's own client libraries, unchanged, send through their batching and their retries while
requests are refused, answers are lost and servers restart: each event is counted exactly once."""
import base64
import gzip
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from tests.harness import cluster, weir
from tests.harness.refusing_proxy import FAULTS, RefusingProxy

HERE = pathlib.Path(__file__).parent / "segment"
LIBRARIES = weir.ROOT / "build/vendor/segment"
USERS = 97
SUCCESS = b'{"success":true}'


class Library:
    """A process that sends `count` events through one of Segment's libraries."""

    def __init__(self, command, host, count):
        environment = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        environment.update(HOST=host, COUNT=str(count), WRITE_KEY="key-of-shop", SEGMENT_HOME=str(LIBRARIES),
                           PYTHONPATH=str(LIBRARIES / "python"))
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)

    def wait(self, seconds=280):
        """Waits for its end and returns (the number of events that it gave up, what it wrote)."""
        try:
            out, errors = self.process.communicate(timeout=seconds)
        finally:
            self.process.kill()
        if self.process.returncode != 0:
            raise AssertionError(f"exited with {self.process.returncode}: {errors[-3000:]}")
        return int(out.split()[0]), out + errors[-2000:]


class Clients:
    """The tests with one library. A subclass names its command, and how its host is written."""

    COMMAND = HOST = None

    def setUp(self):
        super().setUp()
        if shutil.which("node") is None:
            weir.missing("node (nodejs)")
        if not (LIBRARIES / "installed").exists():
            weir.missing("Segment's client libraries (scripts/fetch-segment)")

    def proxy_to(self, port, **more):
        proxy = RefusingProxy(port, **more)
        self.addCleanup(proxy.close)
        return proxy

    def start_library(self, proxy, count):
        library = Library(self.COMMAND, self.HOST.format(proxy.port), count)
        self.addCleanup(library.process.kill)
        return library

    def assert_delivered(self, library, proxy, count):
        self.assertEqual(library.wait()[0], 0, "events that the library gave up")
        self.assertEqual(len(proxy.sent), count, "messageIds that Weir has seen")
        self.assertEqual(set(proxy.faults), set(FAULTS), "each fault happened")
        repeated = sum(times - 1 for times in proxy.sent.values())
        self.assertGreater(repeated, 0, "Weir saw no messageId twice")
        return repeated


class OneProcess(Clients):
    def test_fault_14_each_event_is_counted_once_though_requests_fail(self):
        count = weir.rounds(3_000, 10_000)
        one = self.weir().start()
        proxy = self.proxy_to(one.port)
        library = self.start_library(proxy, count)
        repeated = self.assert_delivered(library, proxy, count)
        sums = one.wait_counted()
        self.assertEqual((sums["tallied"], sums["duplicate"], sums["dead_lettered"]), (count, repeated, 0))
        one.assert_identities(self)
        found = one.summary(weir.now(-3600), weir.now(3600))
        self.assertEqual((found["events"], found["page_views"], found["unique_users"]), (count, count // 5, USERS))
        pages = one.get("/api/v1/top?dimension=page").json()["rows"]
        self.assertEqual({row["value"] for row in pages if row["page_views"]}, {f"/docs/{page}" for page in range(7)})

    def test_fault_7_each_event_is_counted_once_though_weir_is_killed(self):
        count = weir.rounds(2_000, 10_000)
        one = self.weir().start()
        proxy = self.proxy_to(one.port)
        library = self.start_library(proxy, count)
        for part in range(1, 3):
            weir.wait_until(lambda: len(proxy.sent) > part * count // 4, 60, "the library to send")
            one.kill()
            time.sleep(0.5)
            one.start()
        self.assert_delivered(library, proxy, count)
        sums = one.wait_counted()
        self.assertEqual((sums["tallied"], sums["dead_lettered"]), (count, 0))
        one.assert_identities(self)


class Cluster(Clients):
    def test_fault_15_each_event_is_counted_once_though_the_broker_restarts(self):
        count = weir.rounds(2_000, 10_000)
        producer, = self.start("producer")
        self.start("consumer", 2)
        proxy = self.proxy_to(producer.port)
        library = self.start_library(proxy, count)
        weir.wait_until(lambda: len(proxy.sent) > count // 4, 60, "the library to send")
        self.kafka.kill()
        time.sleep(1)
        self.kafka.start()
        self.assert_delivered(library, proxy, count)
        self.assert_exact(events=count, page_views=count // 5, users=USERS, seconds=90)


class Node:
    COMMAND = ["node", str(HERE / "node_client.mjs")]
    HOST = "http://127.0.0.1:{}"


class Python:
    COMMAND = [sys.executable, "-B", str(HERE / "python_client.py")]
    HOST = "http://127.0.0.1:{}/"  # with a slash at the end


class NodeOneProcess(Node, OneProcess, weir.Case):
    pass


class PythonOneProcess(Python, OneProcess, weir.Case):
    pass


class NodeCluster(Node, Cluster, cluster.Case):
    pass


class PythonCluster(Python, Cluster, cluster.Case):
    pass


class Requests(weir.Case):
    """Requests as other libraries and people with curl send them."""

    def setUp(self):
        super().setUp()
        self.one = self.weir().start()

    def send(self, path, body, **headers):
        return self.one.request("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode(),
                                {name.replace("_", "-"): value for name, value in headers.items()})


    def test_every_path_of_the_api_is_known_also_with_a_slash_at_its_end(self):
        event = {"userId": 17, "event": "Signed Up", "messageId": "m"}
        paths = [name for long in ("track", "page", "screen", "identify", "group", "alias") for name in (long, long[0])]
        for number, name in enumerate(paths):
            for slash in ("", "/"):
                answer = self.send(f"/v1/{name}{slash}", {**event, "messageId": f"m-{number}"}, Content_Type="text/plain")
                self.assertEqual((answer.status, answer.body), (200, SUCCESS), name)
        for name in ("batch", "import", "b"):
            answer = self.send(f"/v1/{name}/", {"batch": [{**event, "type": "track", "messageId": name}]})
            self.assertEqual((answer.status, answer.body), (200, SUCCESS), name)
        sums = self.one.wait_counted()
        self.assertEqual((sums["tallied"], sums["duplicate"]), (len(paths) + 3, len(paths)))
        top = self.one.get("/api/v1/top?dimension=activity_type").json()["rows"]
        self.assertEqual({row["value"]: row["events"] for row in top},
                         {"Signed Up": 5, "page_view": 2, "screen_view": 2, "identify": 2, "group": 2, "alias": 2})
        self.assertEqual(self.one.get("/v1/track").status, 405)
        self.assertEqual(self.send("/v1/unknown", event).status, 404)

    def test_fault_14_gzip_without_a_header_and_a_form_as_content_type_are_accepted(self):
        body = gzip.compress(json.dumps({"batch": [{"type": "page", "anonymousId": "a"}]}).encode())
        for headers in ({"Content_Type": "application/x-www-form-urlencoded"}, {"Content_Encoding": "gzip"}):
            answer = self.send("/v1/batch", body, **headers)
            self.assertEqual((answer.status, answer.body), (200, SUCCESS))
        self.assertEqual(self.one.wait_counted()["tallied"], 2)

    def test_fault_6_wrong_events_do_not_fail_their_batch(self):
        batch = [{"type": "track", "userId": "u", "event": f"e{number}"} for number in range(98)]
        batch += [{"type": "track", "userId": "u"}, {"type": "page", "userId": "u", "x": "x" * 33_000}]
        answer = self.send("/v1/batch", {"batch": batch}, Origin="https://shop.example")
        self.assertEqual((answer.status, answer.body), (200, SUCCESS))
        self.assertEqual(answer.headers["X-Weir-Rejected"], "2")
        self.assertIn("X-Weir-Rejected", answer.headers["Access-Control-Expose-Headers"])
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "https://shop.example")
        self.assertEqual(self.one.wait_counted()["tallied"], 98)
        self.assertEqual(self.one.metric("weir_intake_rejected_total", code="event_too_large"), 1)
        self.assertEqual(self.one.metric("weir_intake_rejected_total", code="activity_type_missing"), 1)

    def test_what_exceeds_the_limits_of_segment_is_answered_400(self):
        event = {"type": "track", "userId": "u", "event": "e"}
        large = {"batch": [{**event, "x": "x" * 30_000}] * 18}
        for path, body in (("track", {**event, "x": "x" * 33_000}), ("batch", large), ("batch", {"batch": [event] * 2501}),
                           ("batch", {}), ("batch", b"{"), ("track", {"event": "e"})):
            answer = self.send(f"/v1/{path}", body)
            self.assertEqual(answer.status, 400, answer.body)
            self.assertTrue(answer.json()["error"])
        answer = self.send("/v1/batch", gzip.compress(json.dumps(large).encode()))
        self.assertEqual(answer.status, 400)
        self.assertEqual(self.send("/v1/batch", {"batch": [event] * 2500}).status, 200)
        self.assertEqual(self.one.wait_counted()["tallied"], 2500)

    def test_the_clock_of_the_client_does_not_matter(self):
        event = {"type": "page", "userId": "u", "timestamp": "2001-01-01T00:00:00Z"}
        self.send("/v1/batch", {"batch": [event], "sentAt": "2001-01-01T00:00:05Z"})
        self.one.wait_counted()
        self.assertEqual(self.one.summary(weir.now(-120), weir.now(120))["events"], 1)
        self.send("/v1/import", {"batch": [event]})
        self.one.wait_counted()
        self.assertEqual(self.one.summary("2001-01-01T00:00:00Z", "2001-01-02T00:00:00Z")["events"], 1)

    def test_fault_14_the_write_key_may_stand_wherever_segments_libraries_write_it(self):
        self.one = self.weir("keyed", API_KEYS="shop:right").start()
        event = {"type": "page", "userId": "u"}
        basic = {name: "Basic " + base64.b64encode(f"{name}:".encode()).decode() for name in ("right", "wrong")}
        for query, body_key, headers, status in (
                ("", None, {}, 401), ("", "right", {}, 200), ("", "wrong", {}, 403), ("?writeKey=right", None, {}, 200),
                ("?writeKey=wrong", None, {}, 403), ("?key=right", None, {}, 200), ("", None, {"Authorization": basic["right"]}, 200),
                ("", "right", {"Authorization": basic["wrong"]}, 403), ("", None, {"Authorization": "Bearer right"}, 200),
                ("", "wrong", {"Authorization": basic["right"]}, 200), ("", None, {"X_Api_Key": "right"}, 200)):
            key = {"writeKey": body_key} if body_key else {}
            for path, body in (("batch", {"batch": [event], **key}), ("page", {**event, **key})):
                with self.subTest(path, query=query, body_key=body_key, headers=headers):
                    self.assertEqual(self.send(f"/v1/{path}{query}", body, **headers).status, status)
        compressed = gzip.compress(json.dumps({"batch": [event], "writeKey": "right"}).encode())
        self.assertEqual(self.send("/v1/batch", compressed).status, 200)
        self.assertEqual(self.one.wait_counted()["tallied"], 15)

    def test_a_write_key_is_accepted_and_kept_nowhere(self):
        key = base64.b64encode(b"secret-of-shop:").decode()
        event = {"type": "page", "userId": "u", "writeKey": "secret-of-shop"}
        answer = self.send("/v1/batch?writeKey=secret-of-shop", {"batch": [event], "writeKey": "secret-of-shop"},
                           Authorization=f"Basic {key}")
        self.assertEqual(answer.status, 200)
        self.one.wait_counted()
        self.assertNotIn("secret-of-shop", self.one.log())
        for path in (self.one.folder / "data").iterdir():
            self.assertNotIn(b"secret-of-shop", path.read_bytes(), path.name)


if __name__ == "__main__":
    weir.main()
