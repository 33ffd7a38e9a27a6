"""Accounting: each request, item and record ends in exactly one counter, and the counters agree with what the clients saw."""
import collections
import gzip
import json
import re
import socket

from tests.checker.counters import check_counters, identities
from tests.checker.recount_refusals import samples_of
from tests.harness import weir

KEY = {"X-Api-Key": "s-1"}
SCHEMA = {"type": "object", "properties": {"metadata": {"type": "object", "required": ["plan"]}}}


class Accounting(weir.Case):
    def setUp(self):
        super().setUp()
        self.answers = collections.Counter()  # what this client saw, by status

    def open(self, **environment):
        self.one = self.weir(**environment).start()
        self.at_start = self.answers_by_status()

    def answers_by_status(self):
        by_status = collections.Counter()
        for labels, value in self.samples()["weir_http_requests_total"].items():
            by_status[re.search(r'code="(\w+)"', labels)[1]] += int(value)
        return by_status

    def samples(self):
        return samples_of(self.one.get("/metrics").body.decode())

    def send(self, expected, path, body, headers=KEY, method="POST"):
        body = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        answer = self.one.request(method, path, body, headers)
        self.answers[str(answer.status)] += 1
        self.assertEqual(answer.status, expected, (path, answer.body[:200]))
        return answer

    def raw(self, expected, data, close=False):
        """Sends bytes. Without `close` one answer with this status is expected."""
        with socket.create_connection(("127.0.0.1", self.one.port), timeout=30) as connection:
            connection.sendall(data)
            if close:
                return
            answer = connection.recv(65536)
        self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % expected), (data[:80], answer[:80]))
        self.answers[str(expected)] += 1

    def check(self, items):
        """`items`: what became of the items that were sent, by counter."""
        self.assertEqual(check_counters(self.one), [])
        answered = self.answers_by_status() - self.at_start
        for status, count in self.answers.items():
            if status != "200":
                self.assertEqual(answered[status], count, f"answers with {status}: {answered}, seen {self.answers}")
        self.assertGreaterEqual(answered["200"], self.answers["200"])  # scrapes are answered 200, too
        self.assertEqual({status for status in answered if answered[status]} - {"200"},
                         {status for status in self.answers} - {"200"})
        samples = self.samples()
        for name, count in items.items():
            self.assertEqual(sum(samples[f"weir_intake_{name}_total"].values()), count, f"{name}: {samples[f'weir_intake_{name}_total']}")
        return samples

    def test_each_kind_of_refusal_ends_in_one_counter_and_the_ledger_has_the_accepted_events(self):
        schemas = self.weir("schemas").folder
        (schemas / "purchase.json").write_text(json.dumps(SCHEMA))
        self.open(API_KEYS="shop:s-1", SCHEMA_DIR=schemas, MAX_EVENT_BYTES=2000, MAX_BODY_BYTES=100_000)
        good = weir.activity("ada")
        # Head alone: no item is read.
        self.send(401, "/activity", good, {})
        self.send(403, "/activity", good, {"X-Api-Key": "no"})
        self.send(404, "/nothing", good)
        self.send(405, "/activity", None, method="PUT")
        self.send(204, "/activities", None, {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}, "OPTIONS")
        self.send(413, "/activities", b"x" * 100_001)
        self.send(415, "/activity", good, {**KEY, "Content-Encoding": "br"})
        self.send(400, "/activity", b"no gzip", {**KEY, "Content-Encoding": "gzip"})
        self.raw(414, b"POST /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        self.raw(431, b"POST /activity HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000)
        self.raw(400, b"POST /activity HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
        # Dropped half way: in the head, which is no request yet, and in the body.
        self.raw(0, b"POST /activity HTTP/1.1\r\nHo", close=True)
        for _ in range(3):
            self.raw(0, b"POST /activity HTTP/1.1\r\nHost: x\r\nX-Api-Key: s-1\r\nContent-Length: 500\r\n\r\n{", close=True)
        self.check({"received": 0, "accepted": 0, "rejected": 0})
        weir.wait_until(lambda: sum(self.samples()["weir_http_requests_abandoned_total"].values()) == 3, 10,
                        "the dropped requests to be counted")
        # Items.
        accepted = rejected = 0
        for event, status in ((good, 200), ({**good, "user_id": ""}, 400), ({**good, "x": "y" * 2000}, 413),
                              ({**good, "activity_type": "purchase", "metadata": {}}, 400)):
            self.send(status, "/activity", event)
            accepted += status == 200
            rejected += status != 200
        batch = [good, {}, {**good, "message_id": "m"}, {**good, "message_id": "m"}]
        self.send(200, "/activities", "\n".join(map(json.dumps, batch)).encode())
        self.send(200, "/activities", gzip.compress(json.dumps(batch).encode()), {**KEY, "Content-Encoding": "gzip"})
        accepted, rejected = accepted + 6, rejected + 2
        self.send(400, "/activities", json.dumps(batch).encode()[:-10] + b"@@")  # its rest is an item
        self.send(400, "/activities", b"nothing")
        track = {"userId": "ada", "event": "Signed up", "messageId": "s"}
        self.send(200, "/v1/track", track)
        self.send(200, "/v1/batch", {"batch": [{**track, "type": "track", "messageId": f"s{n}"} for n in range(5)] + [{}, 7]})
        self.send(200, "/v1/batch", {"batch": [{**track, "type": "track"}], "writeKey": "s-1"}, {})
        self.send(403, "/v1/batch", {"batch": [{**track, "type": "track"}], "writeKey": "no"}, {})
        accepted, rejected = accepted + 7, rejected + 2
        samples = self.check({"accepted": accepted, "refused_events": 0, "not_kept": 0, "unknown": 0})
        received, _ = identities(samples)["items"]
        self.assertGreaterEqual(received, accepted + rejected + 2)
        sums = self.one.wait_counted()
        self.assertEqual((sums["read"], sums["dead_lettered"]), (accepted, 0))
        self.assertEqual(sums["duplicate"], 3 + 1)  # m three times again, s once
        self.one.assert_identities(self)
        self.assertEqual(self.check({})["weir_consumer_read_total"][""], accepted)
        self.one.kill()  # the ledger outlives the counters
        self.one.start()
        self.assertEqual(self.one.wait_counted(), sums)
        self.assertEqual(check_counters(self.one), [])

    def test_requests_over_the_rate_limit_and_dashboard_passwords_end_in_one_counter(self):
        self.one = self.weir(RATE_LIMIT_RPS=1, RATE_LIMIT_BURST=5, DASHBOARD_PASSWORD="p")
        self.one.credentials = {"Authorization": "Basic d2Vpcjpw"}
        self.one.start()
        self.at_start = self.answers_by_status()
        for number in range(20):
            answer = self.one.post("/activity", weir.activity(f"u{number}"))
            self.answers[str(answer.status)] += 1
        self.assertGreater(self.answers["429"], 5)
        self.send(401, "/api/v1/summary", None, {}, "GET")
        self.check({"accepted": self.answers["200"], "received": self.answers["200"]})

    def test_a_request_without_a_reply_is_in_flight(self):
        self.open()
        pending = []
        for _ in range(3):  # their bodies are not complete
            connection = socket.create_connection(("127.0.0.1", self.one.port), timeout=30)
            self.addCleanup(connection.close)
            body = json.dumps([weir.activity("ada")] * 3).encode()
            connection.sendall(b"POST /activities HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:50])
            pending.append((connection, body[50:]))
        self.assertEqual(self.one.post("/activities", [weir.activity("bob")] * 4).status, 200)
        def in_flight():
            received, ended = identities(self.samples())["requests"]
            return received - ended
        weir.wait_until(lambda: in_flight() == 3, 10, "three requests to be in flight")
        for connection, rest in pending:
            connection.sendall(rest)
            self.assertTrue(connection.recv(65536).startswith(b"HTTP/1.1 200 "))
        self.answers["200"] += 4
        self.check({"received": 13, "accepted": 13})
        self.assertEqual(self.one.wait_counted()["read"], 13)


if __name__ == "__main__":
    weir.main()
