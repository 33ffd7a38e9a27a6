"""Traces: from the client's traceparent to the flush, the cases of W3C Trace Context, and a receiver that fails."""
import http.client
import json
import socket
import time
import unittest

from tests.harness import cluster, otlp_receiver, weir
from tests.harness.certificates import Certificates
from tests.harness.otlp_receiver import Receiver, attributes

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "100"}
STEPS = ["accept", "publish", "consume", "flush"]


class Case(weir.Case):
    def setUp(self):
        super().setUp()
        otlp_receiver.needed()

    def receiver(self, **more):
        receiver = Receiver(**more)
        self.addCleanup(receiver.close)
        return receiver

    def assert_one_trace(self, receiver, trace=TRACE, parent=PARENT):
        """Waits for the four spans, and checks that each is the child of the one before."""
        weir.wait_until(lambda: len(receiver.names(trace)) >= len(STEPS), 30, f"the spans, not {receiver.names(trace)}")
        self.assertEqual(sorted(receiver.names(trace)), sorted(STEPS))
        for name in STEPS:
            span = receiver.find(trace, name)
            self.assertEqual(span.parent_span_id.hex(), parent, name)
            self.assertGreaterEqual(span.end_time_unix_nano, span.start_time_unix_nano, name)
            self.assertLess(abs(span.end_time_unix_nano / 1e9 - time.time()), 60, name)
            parent = span.span_id.hex()
        self.assertEqual([receiver.find(trace, name).kind for name in STEPS], [2, 4, 5, 1])


class OneProcess(Case):
    def test_a_receiver_with_https_is_verified(self):
        certificates = Certificates(self.folder / "certificates")
        receiver = self.receiver(identity=certificates.issue("receiver"))
        trusting = self.weir("trusting", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
                             SSL_CERT_FILE=certificates.authority, **SOON).start()
        self.assertEqual(trusting.post("/activity", weir.activity(), headers={"traceparent": TRACEPARENT}).status, 200)
        self.assert_one_trace(receiver)
        received = len(receiver.requests)
        wary = self.weir("wary", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **SOON).start()
        self.assertEqual(wary.post("/activity", weir.activity(), headers={"traceparent": TRACEPARENT}).status, 200)
        weir.wait_until(lambda: "certificate is not trusted" in wary.log(), 30, "the log line about the certificate")
        trusting.stop()
        self.assertEqual(len(receiver.requests), received)

    def test_one_trace_shows_accept_publish_consume_flush_in_both_encodings(self):
        for protocol in ("http/protobuf", "http/json"):
            with self.subTest(protocol):
                receiver = self.receiver()
                one = self.weir(protocol[5:], OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
                                OTEL_EXPORTER_OTLP_PROTOCOL=protocol, OTEL_EXPORTER_OTLP_HEADERS="x-key=a%20b",
                                OTEL_SERVICE_NAME="shop", OTEL_RESOURCE_ATTRIBUTES="site=berlin", **SOON).start()
                state = {"traceparent": TRACEPARENT, "tracestate": "vendor=1"}
                self.assertEqual(one.post("/activity", weir.activity(), headers=state).status, 200)
                self.assert_one_trace(receiver)
                for name in STEPS:
                    self.assertEqual(receiver.find(TRACE, name).trace_state, "vendor=1", name)
                accept = attributes(receiver.find(TRACE, "accept"))
                self.assertEqual((accept["http.route"], accept["http.response.status_code"]), ("/activity", 200))
                self.assertLessEqual({("service.name", "shop"), ("site", "berlin")}, receiver.resources)
                at, path, headers, _ = receiver.requests[0]
                self.assertEqual((path, headers["x-key"]), ("/v1/traces", "a b"))

                one.get("/api/v1/ledger", headers={"traceparent": f"00-{'7' * 32}-{PARENT}-01"})
                weir.wait_until(lambda: receiver.names("7" * 32), 10, "the span of the query")
                query = receiver.find("7" * 32, "query")
                self.assertEqual((query.parent_span_id.hex(), attributes(query)["http.route"]), (PARENT, "/api/v1/ledger"))
                self.assertEqual(one.stop(), 0)

    def test_a_flush_of_several_requests_links_them(self):
        receiver = self.receiver()
        one = self.weir(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, FLUSH_INTERVAL_SEC="3", **SOON).start()
        traces = [f"{number + 1:032x}" for number in range(3)]
        batches = [[weir.activity(user=f"u{n}") for n in range(20)] for _ in traces]
        one.wait_counted()
        for trace, batch in zip(traces, batches):
            reply = one.post("/activities", batch, headers={"traceparent": f"00-{trace}-{PARENT}-01"})
            self.assertEqual(reply.json()["accepted"], 20)
        weir.wait_until(lambda: all("flush" in receiver.names(trace) for trace in traces), 30, "a flush in each trace")
        counts = [attributes(receiver.find(trace, "consume"))["messaging.batch.message_count"] for trace in traces]
        self.assertEqual(counts, [20, 20, 20])
        flushes = [span for span in receiver.spans if span.name == "flush"]
        linked = {link.trace_id.hex() for span in flushes for link in span.links}
        if len({span.start_time_unix_nano for span in flushes}) == 1:  # one flush wrote them all
            self.assertEqual(linked, set(traces))

    def test_fault_34_a_broken_trace_context_starts_a_new_trace_and_is_never_a_4xx(self):
        receiver = self.receiver()
        one = self.weir(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **SOON).start()
        members = ",".join(f"k{number}=v" for number in range(33))
        broken = [{"traceparent": value} for value in (
            "", "x", TRACEPARENT[:-1], TRACEPARENT + "-", "ff" + TRACEPARENT[2:], TRACEPARENT.upper(),
            f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE}x-{PARENT}-01", "\xff\x01" * 20)]
        broken.append({"traceparent": TRACEPARENT, "tracestate": members})
        for path, body in (("/activity", weir.activity()), ("/activities", [weir.activity()])):
            for headers in broken:
                if "\x01" in headers["traceparent"]:
                    headers = {"traceparent": "\xff" * 55}
                self.assertEqual(one.post(path, body, headers=headers).status, 200, headers)
        for malformed in ("=", "a=1,a=1", "A=1"):  # the trace goes on without it
            one.post("/activity", weir.activity(), headers={"traceparent": f"00-{'5' * 32}-{PARENT}-01",
                                                            "tracestate": malformed})
        weir.wait_until(lambda: sum(span.name == "flush" for span in receiver.spans) >= 1 and
                        sum(span.name == "accept" for span in receiver.spans) == 2 * len(broken) + 3, 30, "all spans")
        accepts = [span for span in receiver.spans if span.name == "accept"]
        traces = [span.trace_id.hex() for span in accepts]
        self.assertNotIn(TRACE, traces)
        self.assertEqual(len(set(traces)), 2 * len(broken) + 1)
        self.assertEqual([span.trace_state for span in accepts if span.trace_id.hex() == "5" * 32], [""] * 3)


class Receivers(Case):
    """Fault 32: whatever the receiver does, requests are answered as before, and what is lost is counted."""

    SETTINGS = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1000", "OTEL_BSP_MAX_QUEUE_SIZE": "100",
                "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "50", **SOON}

    def send(self, one, count):
        """Sends one event after the other on one connection, and returns the median of the latencies in seconds."""
        connection = http.client.HTTPConnection("127.0.0.1", one.port)
        latencies = []
        for _ in range(count):
            begun = time.monotonic()
            connection.request("POST", "/activity", json.dumps(weir.activity()), {"Content-Type": "application/json"})
            self.assertEqual(connection.getresponse().read()[:2], b'{"')
            latencies.append(time.monotonic() - begun)
        connection.close()
        return sorted(latencies)[count // 2]

    def dropped(self, one, reason):
        return one.metric("weir_trace_dropped_spans_total", reason=reason)

    def run_against(self, url, reason):
        plain = self.weir("plain").start()
        one = self.weir("traced", OTEL_EXPORTER_OTLP_ENDPOINT=url, **self.SETTINGS).start()
        self.send(plain, 100)
        self.send(one, 100)
        usual, traced = self.send(plain, 300), self.send(one, 300)
        # The embedded log syncs for each request, so the latency is that of the disk. 5 ms: the machine's noise.
        self.assertLess(traced, 2 * usual + 0.005)
        weir.wait_until(lambda: self.dropped(one, reason) > 0, 30, f"drops: {reason}")
        self.assertLessEqual(one.metric("weir_trace_queue_spans"), 100)
        one.wait_counted()
        begun = time.monotonic()
        self.assertEqual(one.stop(), 0)
        self.assertLess(time.monotonic() - begun, 15)
        self.assertIn("the trace receiver did not accept spans", one.log())
        return one

    def test_fault_32_a_receiver_that_is_down(self):
        self.run_against(f"http://127.0.0.1:{weir.free_port()}", "queue_full")

    def test_fault_32_a_receiver_that_hangs(self):
        self.run_against(self.receiver(status=None).url, "queue_full")

    def test_fault_32_a_receiver_that_never_accepts_a_connection(self):
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            held = [socket.socket() for _ in range(4)]
            for one in held:
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            self.run_against(f"http://127.0.0.1:{full.getsockname()[1]}", "queue_full")
            for one in held:
                one.close()

    def test_fault_32_a_receiver_that_answers_400(self):
        receiver = self.receiver(status=400)
        self.run_against(receiver.url, "refused")
        bodies = sum(count for *_, count in receiver.requests)
        self.assertGreaterEqual(bodies, 800 - 100, "each span was sent at most once, and hardly any was dropped before")
        self.assertLessEqual(bodies, 2000)

    def test_fault_32_a_receiver_that_answers_429_is_asked_again_after_the_time_it_names(self):
        receiver = self.receiver(status=429, retry_after="2")
        one = self.weir(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **self.SETTINGS).start()
        one.post("/activity", weir.activity(), headers={"traceparent": TRACEPARENT})
        weir.wait_until(lambda: len(receiver.requests) >= 2, 30, "a second request")
        self.assertGreaterEqual(receiver.requests[1][0] - receiver.requests[0][0], 1.9)
        receiver.status = 200
        self.assert_one_trace(receiver)
        self.assertEqual(sum(one.metric("weir_trace_dropped_spans_total", reason=reason)
                             for reason in ("refused", "queue_full", "retries_exhausted")), 0)
        self.assertIn("spans are exported again", one.log())


class WithoutReceiver(Case):
    def test_the_context_of_the_client_is_passed_on_though_nothing_is_recorded(self):
        one = self.weir().start()
        for headers in ({"traceparent": TRACEPARENT}, {"traceparent": "nonsense"}):
            self.assertEqual(one.post("/activity", weir.activity(), headers=headers).status, 200)
        one.wait_counted()
        self.assertNotIn("weir_trace_", one.get("/metrics").body.decode())
        one.kill()
        self.assertIn(TRACEPARENT.encode(), b"".join(
            path.read_bytes() for path in (one.folder / "data").glob("events.db*")))


class Cluster(cluster.Case):
    def setUp(self):
        super().setUp()
        otlp_receiver.needed()

    def test_one_trace_goes_through_kafka_to_the_flush_with_both_producers(self):
        receiver = Receiver()
        self.addCleanup(receiver.close)
        tracing = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **SOON}
        own, = self.start("producer", **tracing)
        rdkafka, = self.start("producer", KAFKA_COMPRESSION="gzip", **tracing)  # which only librdkafka writes
        self.assertIn("librdkafka writes the events", rdkafka.log())
        self.start("consumer", 2, **tracing)
        for number, producer in enumerate((own, rdkafka)):
            trace = f"{number + 1:x}" * 32
            headers = {"traceparent": f"00-{trace}-{PARENT}-01", "tracestate": "vendor=1"}
            self.assertEqual(producer.post("/activity", weir.activity(), headers=headers).status, 200)
            Case.assert_one_trace(self, receiver, trace)
            consume = attributes(receiver.find(trace, "consume"))
            self.assertEqual((consume["messaging.system"], consume["messaging.destination.name"]), ("kafka", self.topic))
            record = next(one for one in self.kafka.records(self.topic) if trace in str(one["headers"]))
            publish = receiver.find(trace, "publish").span_id.hex()
            self.assertEqual(record["headers"], ["traceparent", f"00-{trace}-{publish}-01", "tracestate", "vendor=1"])

    def test_the_context_travels_in_kafka_though_nothing_is_recorded(self):
        producer, = self.start("producer")
        self.assertEqual(producer.post("/activity", weir.activity(), headers={"traceparent": TRACEPARENT}).status, 200)
        self.assertEqual(producer.post("/activity", weir.activity()).status, 200)
        found = sorted(str(record.get("headers")) for record in self.kafka.records(self.topic))
        self.assertEqual(len(found), 2)
        self.assertIn(str(["traceparent", TRACEPARENT]), found)


if __name__ == "__main__":
    weir.main()
