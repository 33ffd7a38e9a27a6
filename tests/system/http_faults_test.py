"""Malformed HTTP: the server refuses it, closes the connection and reads nothing after it as a request."""
import gzip
import json
import os
import pathlib
import random
import resource
import socket
import struct
import sys
import time

from tests.harness import weir
from tests.harness.hostile_clients import HonestClient, HostileProcess

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


def event_bytes(**more):
    return json.dumps(weir.activity(**more)).encode()


class Http(weir.Case):
    def setUp(self):
        super().setUp()
        self.one = self.weir(MAX_BODY_BYTES=1_000_000).start()

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.one.port), timeout=20)
        self.addCleanup(connection.close)
        return connection

    def read_all(self, connection):
        """Reads until the server closes the connection."""
        out = b""
        while True:
            try:
                part = connection.recv(65536)
            except ConnectionResetError:
                return out
            if not part:
                return out
            out += part

    def raw(self, data):
        with self.connect() as connection:
            try:
                connection.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass
            return self.read_all(connection)

    def refused(self, data, status=400):
        out = self.raw(data)
        self.assertTrue(out.startswith(b"HTTP/1.1 %d " % status), (data[:120], out[:200]))
        self.assertEqual(out.count(b"HTTP/1.1 "), 1, (data[:120], out))

    def test_fault_8_lengths_that_disagree(self):
        body = event_bytes()
        length = b"Content-Length: %d\r\n" % len(body)
        chunked = b"Transfer-Encoding: chunked\r\n"
        for headers in (length + chunked, length + b"Content-Length: 5\r\n", b"Content-Length: +5\r\n",
                        b"Content-Length: 0x5\r\n", b"Content-Length: -5\r\n", b"Transfer-Encoding: xchunked\r\n",
                        b"Content-Length: 5, 6\r\n", b"Content-Length: \r\n", b"Content-Length: 5 5\r\n",
                        b"Transfer-Encoding: chunked, identity\r\n"):
            self.refused(b"POST /activity HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n" + body + SMUGGLED)
        out = self.raw(b"POST /activity HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n" + SMUGGLED)
        self.assertRegex(out[:13], rb"HTTP/1.1 4(00|13)")
        self.assertEqual(out.count(b"HTTP/1.1 "), 1)

    def test_fault_9_malformed_headers(self):
        for head in (b"GET /health HTTP/1.1\nHost: x\n\n", b"GET /health HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
                     b"GET /health HTTP/1.1\r\nHost : x\r\n\r\n", b"GET /health HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n",
                     b"GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", b"GET /health HTTP/1.1\r\n\r\n",
                     b"GET  /health HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /health HTTP/2.0\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\r\n\r\n"):
            out = self.raw(head + SMUGGLED)
            self.assertRegex(out[:12], rb"HTTP/1.1 (400|505)", (head, out[:100]))
            self.assertEqual(out.count(b"HTTP/1.1 "), 1, head)
        many = b"".join(b"X-%d: y\r\n" % number for number in range(10_000))
        self.refused(b"GET /health HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n", 431)
        self.refused(b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n", 431)
        self.refused(b"GET /" + b"y" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414)

    def test_fault_9_a_body_too_large_is_refused_before_it_is_read(self):
        head = b"POST /activities HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n"
        self.refused(head + b"\r\n", 413)
        self.refused(head + b"Expect: 100-continue\r\n\r\n", 413)
        connection = self.connect()
        body = event_bytes()
        connection.sendall(b"POST /activity HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue\r\n"
                           b"Connection: close\r\n\r\n" % len(body))
        self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 100 "))
        connection.sendall(body)
        self.assertTrue(self.read_all(connection).startswith(b"HTTP/1.1 200 "))

    def series(self):
        """Returns /metrics as {series: value}."""
        out = self.raw(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").decode()
        head, body = out.split("\r\n\r\n", 1)
        self.assertIn("text/plain; version=0.0.4", head)
        return dict(line.rsplit(" ", 1) for line in body.splitlines() if not line.startswith("#"))

    def rss_mb(self, what="VmRSS"):
        status = pathlib.Path(f"/proc/{self.one.process.pid}/status").read_text()
        return int(status.split(what + ":")[1].split()[0]) / 1024

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.one.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def evicted(self):
        return sum(float(value) for name, value in self.series().items()
                   if name.startswith("weir_http_connections_evicted_total"))

    def test_fault_11_compressed_bodies(self):
        lines = ("\n".join(json.dumps(weir.activity(f"u{number}")) for number in range(4)) + "\n").encode()
        whole = gzip.compress(lines)
        bomb = gzip.compress(b" " * 50_000_000)
        self.assertGreater(50_000_000 / len(bomb), 900)
        before = self.rss_mb("VmHWM")
        for body, encoding, status in (
                (whole, "gzip", 200), (gzip.compress(lines[:200]) + gzip.compress(lines[200:]), "gzip", 200), (bomb, "gzip", 413),
                (gzip.compress(whole), "gzip", 400), (whole[:-20], "gzip", 400), (whole[:5], "gzip", 400), (lines, "gzip", 400),
                (whole, "br", 415), (whole, "gzip, gzip", 415), (lines, "", 200)):
            answer = self.one.post("/activities", body, {"Content-Encoding": encoding} if encoding else {})
            self.assertEqual(answer.status, status, (encoding, body[:20], answer.body[:200]))
        self.assertEqual(self.one.wait_counted()["tallied"], 12)
        self.assertLess(self.rss_mb("VmHWM"), before + 32)

    def test_fault_38_an_honest_client_is_served_beside_greedy_ones_and_memory_is_released(self):
        sockets = weir.rounds(2000, 4000)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < sockets + 500:
            weir.missing(f"{sockets + 500} file descriptors (ulimit -Hn)")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, sockets + 500), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        one = self.one = self.weir("greedy", MAX_BODY_BYTES=16_000_000).start()
        honest = HonestClient(one, lambda number: event_bytes(user=f"honest-{number}")).start()
        time.sleep(2)
        quiet_p99, quiet_rss = honest.percentile(0.99), self.rss_mb()
        hostile = HostileProcess(one.port, sockets)
        self.addCleanup(hostile.process.kill)
        hostile.wait_open()
        before = len(honest.seconds)
        held, seconds = 0.0, weir.rounds(10, 50)
        for half in range(2 * seconds):
            if half == seconds:
                evicted, since = self.evicted(), time.monotonic()
            time.sleep(0.5)
            held = max(held, float(self.series()["weir_http_held_bytes"]))
        evicted_a_second = (self.evicted() - evicted) / (time.monotonic() - since)
        honest.stop()
        series = self.series()
        hostile.stop()
        # The latency is printed; `make bench CASES=hostile` measures it with cores of its own.
        beside = sorted(honest.seconds[before:])
        beside_p99 = beside[int(len(beside) * 0.99)]
        print(f"{sockets} hostile sockets: honest p99 {beside_p99 * 1000:.1f} ms (alone {quiet_p99 * 1000:.1f} ms) "
              f"of {len(honest.seconds)} requests, held {held / 2**20:.0f} MiB, evicted {self.evicted():.0f}, "
              f"{evicted_a_second:.0f} a second at last, "
              f"RSS before {quiet_rss:.0f}, peak {self.rss_mb('VmHWM'):.0f} MB", file=sys.stderr)
        self.assertEqual((dict(honest.statuses), honest.faults), ({200: len(honest.seconds)}, []))
        self.assertGreater(len(honest.seconds) - before, 100)
        self.assertLessEqual(held, 128 * 2**20 + 2 * 16_000_000)  # each thread may read one request beyond the bound
        self.assertGreater(float(series["weir_http_reads_paused_total"]), 0)
        # Ten addresses with ten closings a second each, or, if half of the sockets are closed again and again, as many as follow
        # from the longest wait of 8 s. Without the wait it is thousands.
        self.assertLess(evicted_a_second, 1.5 * max(100, sockets / 2 / 8))
        self.assertLess(self.rss_mb("VmHWM"), 512)
        weir.wait_until(lambda: float(self.series()["weir_http_connections"]) < 10, 30, "the sockets to be closed")
        weir.wait_until(lambda: self.rss_mb() < quiet_rss + 64, 30, "the memory to be released")
        print(f"RSS afterwards {self.rss_mb():.0f} MB", file=sys.stderr)
        self.assertEqual(one.wait_counted()["tallied"], len(honest.seconds))

    def test_fault_38_a_client_that_reads_nothing_holds_little_memory(self):
        connection = self.connect()
        connection.settimeout(2)
        sent = 0
        with self.assertRaises(TimeoutError):
            while sent < 50_000_000:
                sent += connection.send(b"GET /app.js HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        series = self.series()
        self.assertGreaterEqual(float(series["weir_http_reads_paused_total"]), 1)
        self.assertLess(float(series["weir_http_held_bytes"]), 256 * 1024)
        self.assertEqual(self.one.post("/activity", weir.activity()).status, 200)

    def test_fault_13_a_new_client_is_served_when_descriptors_run_out(self):
        pid = self.one.process.pid
        in_use = len(os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (in_use + 30, resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]))
        idle = [self.connect() for _ in range(30)]
        begun = time.monotonic()
        for _ in range(20):
            self.assertEqual(self.one.post("/activity", weir.activity()).status, 200)
        self.assertLess(time.monotonic() - begun, 15)
        # All from one address. The more connections an address has, the lower its priority: none is closed for one more of them.
        for connection in idle:
            connection.close()
        slow = []
        for _ in range(40):
            connection = socket.socket()
            self.addCleanup(connection.close)
            connection.bind(("127.0.0.2", 0))
            connection.connect(("127.0.0.1", self.one.port))
            connection.sendall(b"GET /hea")
            slow.append(connection)
        self.assertEqual(self.one.post("/activity", weir.activity()).status, 200)
        before = self.cpu_seconds()
        time.sleep(2)
        self.assertLess(self.cpu_seconds() - before, 0.5, "it must not loop while descriptors are missing")
        for connection in slow:
            connection.close()
        begun = time.monotonic()
        self.assertEqual(self.one.post("/activity", weir.activity()).status, 200)
        print(f"answered {time.monotonic() - begun:.2f} s after descriptors became free", file=sys.stderr)
        self.assertEqual(self.one.wait_counted()["tallied"], 22)

    def test_a_script_in_a_browser_may_send_events_with_credentials(self):
        reply = self.one.request("OPTIONS", "/activities", headers={"Origin": "https://shop.example",
                                                                    "Access-Control-Request-Method": "POST",
                                                                    "Access-Control-Request-Headers": "content-type"})
        self.assertEqual(reply.status, 204)
        self.assertEqual(reply.headers["Access-Control-Allow-Origin"], "https://shop.example")
        self.assertIn("content-type", reply.headers["Access-Control-Allow-Headers"])
        reply = self.one.post("/activity", weir.activity(), headers={"Origin": "https://shop.example"})
        self.assertEqual(reply.headers["Access-Control-Allow-Credentials"], "true")
        self.assertEqual(reply.headers["Vary"], "Origin")
        two = self.weir("two", CORS_ORIGINS="https://a.example").start()
        reply = two.post("/activity", weir.activity(), headers={"Origin": "https://shop.example"})
        self.assertEqual((reply.status, reply.headers.get("Access-Control-Allow-Origin")), (200, None))

    def test_every_metric_is_documented(self):
        page = (weir.ROOT / "docs" / "metrics.md").read_text()
        out = self.raw(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").decode()
        names = [line.split()[2] for line in out.splitlines() if line.startswith("# TYPE ")]
        self.assertGreater(len(names), 40)
        self.assertEqual([name for name in names if f"`{name}`" not in page], [])

    def test_fault_33_random_paths_and_methods_create_no_series(self):
        self.raw(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        before = self.series()
        dice = random.Random(weir.SEED)
        connection = self.connect()
        count, together = 100_000, 100
        for _ in range(count // together):
            probes = [(b"GET", b"POST", b"M%x" % dice.getrandbits(40))[dice.randrange(3)] +
                      b" /%x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" % dice.getrandbits(64)
                      for _ in range(together)]
            connection.sendall(b"".join(probes))
            out = b""
            while out.count(b"there is nothing at this path") < together:
                part = connection.recv(1 << 20)
                self.assertTrue(part, out[-200:])
                out += part
        after = self.series()
        self.assertEqual(before.keys(), after.keys())
        other = 'weir_http_requests_total{route="other",method="other",code="404"}'
        self.assertEqual(float(after[other]) - float(before[other]), count)

    def test_several_leading_slashes_are_one(self):
        self.assertEqual(self.one.post("//activity", weir.activity()).status, 200)
        self.assertEqual(self.one.get("///health/").status, 200)

    def test_null_in_an_optional_member_means_absent(self):
        for metadata in (None, {"page_url": None, "referrer": None}):
            self.assertEqual(self.one.post("/activity", {**weir.activity(), "metadata": metadata, "message_id": None}).status, 200)
        self.assertEqual(self.one.post("/activities", [{**weir.activity(), "metadata": None}]).json()["accepted"], 1)
        self.assertEqual(self.one.wait_counted()["tallied"], 3)

    def test_fault_12_methods(self):
        self.assertEqual(self.one.get("/nothing").status, 404)
        self.assertIn("error", self.one.get("/nothing").json())
        for method, path, allowed in (("GET", "/activity", "POST"), ("DELETE", "/activities", "POST"),
                                      ("POST", "/health", "GET"), ("PUT", "/api/v1/summary", "GET")):
            reply = self.one.request(method, path)
            self.assertEqual(reply.status, 405, (method, path))
            self.assertIn(allowed, reply.headers["Allow"])
        head = self.one.request("HEAD", "/health")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers["Content-Length"], str(len(self.one.get("/health").body)))
        options = self.one.request("OPTIONS", "/activity")
        self.assertEqual(options.status, 204)
        self.assertIn("POST", options.headers["Allow"])

    def test_fault_12_a_hundred_pipelined_requests_keep_their_order(self):
        bodies = [event_bytes(user=f"user-{number}") for number in range(100)]
        bodies[30] = b"{}"
        connection = self.connect()
        connection.sendall(b"".join(b"POST /activity HTTP/1.1\r\nHost: x\r\nX-Request-Id: r%d\r\nContent-Length: %d\r\n\r\n"
                                    % (number, len(body)) + body for number, body in enumerate(bodies)))
        connection.shutdown(socket.SHUT_WR)  # a half-close: the answers still arrive
        out = self.read_all(connection)
        replies = out.split(b"HTTP/1.1 ")[1:]
        self.assertEqual([reply[:3] for reply in replies], [b"400" if number == 30 else b"200" for number in range(100)])
        self.assertEqual([int(part.split(b"\r\n")[0][1:]) for part in
                          (reply.lower().split(b"x-request-id: ")[1] for reply in replies)], list(range(100)))
        self.assertEqual(self.one.wait_counted()["tallied"], 99)

    def test_fault_12_a_reset_during_the_answer_affects_no_other_client(self):
        for _ in range(50):
            connection = socket.create_connection(("127.0.0.1", self.one.port))
            body = event_bytes()
            connection.sendall(b"POST /activity HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        self.assertEqual(self.one.post("/activity", weir.activity()).status, 200)
        self.assertIsNone(self.one.process.poll())

    def test_http_1_0_closes_or_keeps_the_connection_as_requested(self):
        self.assertTrue(self.raw(b"GET /health HTTP/1.0\r\n\r\n").startswith(b"HTTP/1."))
        out = self.raw(b"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /health HTTP/1.0\r\n\r\n")
        self.assertEqual(out.count(b'{"status":"healthy"}'), 2)

    def test_a_body_may_arrive_in_pieces_of_any_size(self):
        body = event_bytes()
        data = (b"POST /activity HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                + b"".join(b"%x\r\n%s\r\n" % (len(body[at:at + 7]), body[at:at + 7]) for at in range(0, len(body), 7))
                + b"0\r\n\r\n")
        connection = self.connect()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in data:
            connection.send(bytes([byte]))
        self.assertTrue(self.read_all(connection).startswith(b"HTTP/1.1 200 "))


if __name__ == "__main__":
    weir.main()
