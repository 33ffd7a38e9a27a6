"""A receiver of spans by OTLP/HTTP, which decodes them with the package opentelemetry-proto (scripts/fetch-python otlp)."""
import json
import sys
import threading
import time

from tests.harness import weir
from tests.harness.loopback_http import LoopbackHttp

PACKAGE = weir.ROOT / "build/vendor/otlp"


def needed():
    if not (PACKAGE / "installed").exists():
        weir.missing("opentelemetry-proto (scripts/fetch-python otlp)")
    if str(PACKAGE / "python") not in sys.path:
        sys.path.insert(0, str(PACKAGE / "python"))


class Receiver:
    """Answers POST requests on a free port of 127.0.0.1. Any thread.

    status       the status of every answer; None: it never answers
    retry_after  the header Retry-After of every answer, if set
    identity     (certificate, key): the receiver speaks https
    requests     (time, path, headers, number of spans) of each request
    spans        all spans of requests that were answered 200
    resources    the attributes of their resources, a set of (name, value)
    """

    def __init__(self, status=200, retry_after=None, identity=None):
        self.status, self.retry_after = status, retry_after
        self.requests, self.spans, self.resources = [], [], set()
        self._released = threading.Event()
        self._server = LoopbackHttp(identity=identity, POST=self._handle)
        self.url = self._server.url

    def close(self):
        self._released.set()
        self._server.close()

    def names(self, trace):
        """Returns the names of the spans of a trace (hexadecimal), in the order of their start."""
        of_trace = [span for span in self.spans if span.trace_id.hex() == trace]
        return [span.name for span in sorted(of_trace, key=lambda span: span.start_time_unix_nano)]

    def find(self, trace, name):
        return next(span for span in self.spans if span.trace_id.hex() == trace and span.name == name)

    def _handle(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        if self.status is None:
            self.requests.append((time.monotonic(), request.path, dict(request.headers), 0))
            self._released.wait()
            return
        spans, resources = decode(request.headers["Content-Type"], body)
        self.requests.append((time.monotonic(), request.path, dict(request.headers), len(spans)))
        if self.status == 200:
            self.resources |= resources
            self.spans += spans
        request.send_response(self.status)
        if self.retry_after is not None:
            request.send_header("Retry-After", self.retry_after)
        request.send_header("Content-Length", "0")
        request.end_headers()


def decode(content_type, body):
    """Returns the spans of a request and the attributes of its resources. Fails if it is not a valid ExportTraceServiceRequest."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    message = ExportTraceServiceRequest()
    if content_type == "application/x-protobuf":
        message.ParseFromString(body)
    else:
        from google.protobuf import json_format
        json_format.Parse(json.dumps(with_base64_ids(json.loads(body))), message)
    spans, resources = [], set()
    for part in message.resource_spans:
        resources |= {(pair.key, pair.value.string_value) for pair in part.resource.attributes}
        for scope in part.scope_spans:
            spans += scope.spans
    return spans, resources


def with_base64_ids(value):
    """OTLP's JSON has ids in hexadecimal; protobuf's JSON has bytes in base64."""
    import base64
    if isinstance(value, list):
        return [with_base64_ids(each) for each in value]
    if not isinstance(value, dict):
        return value
    ids = ("traceId", "spanId", "parentSpanId")
    return {name: base64.b64encode(bytes.fromhex(each)).decode() if name in ids else with_base64_ids(each)
            for name, each in value.items()}


def attributes(span):
    """Returns the attributes of a span as a dict."""
    return {pair.key: pair.value.int_value if pair.value.HasField("int_value") else pair.value.string_value
            for pair in span.attributes}
