"""An HTTP proxy that makes clients send requests again: it refuses some, and loses the answers of others."""
import collections
import gzip
import http.client
import json
import socket
import struct
import threading

from tests.harness.loopback_http import LoopbackHttp

# What happens to a request. The last two happen after the target has answered: the client sends again what was kept.
FAULTS = ("429", "503", "reset", "lost answer", "503 after")


class RefusingProxy:
    """Forwards POST requests to 127.0.0.1:`target`. Every third request meets the next one of FAULTS, but no event meets more
    than `faults_max`, so that a client with a bound of retries delivers each of them. Any thread.

    sent       how often the target has seen each messageId
    faults     how often each fault happened
    """

    def __init__(self, target, faults_max=2):
        self.target = target
        self.sent, self.faults = collections.Counter(), collections.Counter()
        self._faults_max, self._met, self._requests = faults_max, collections.Counter(), 0
        self._lock = threading.Lock()
        self._server = LoopbackHttp(POST=self._handle)
        self.port = self._server.port

    def close(self):
        self._server.close()

    def _handle(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        text = gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body
        ids = [event["messageId"] for event in json.loads(text)["batch"]]
        fault = self._next_fault(ids)
        if fault == "429":
            return self._answer(request, 429, {"Retry-After": "1"})
        if fault == "503":
            return self._answer(request, 503)
        if fault == "reset":
            return self._reset(request)
        with self._lock:
            self.sent.update(ids)
        try:
            status, headers, answer = self._forward(request, body)
        except OSError:  # the target is down
            return self._reset(request)
        if fault == "lost answer":
            return self._reset(request)
        if fault == "503 after":
            return self._answer(request, 503)
        return self._answer(request, status, headers, answer)

    def _next_fault(self, ids):
        with self._lock:
            self._requests += 1
            if self._requests % 3 or any(self._met[one] >= self._faults_max for one in ids):
                return None
            fault = FAULTS[self._requests // 3 % len(FAULTS)]
            self._met.update(ids)
            self.faults[fault] += 1
            return fault

    def _forward(self, request, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.target, timeout=30)
        try:
            connection.request("POST", request.path, body, dict(request.headers))
            reply = connection.getresponse()
            headers = {name: value for name, value in reply.getheaders() if name in ("Retry-After", "X-Weir-Rejected")}
            return reply.status, headers, reply.read()
        except http.client.HTTPException as lost:
            raise OSError(str(lost)) from lost
        finally:
            connection.close()

    @staticmethod
    def _answer(request, status, headers=None, body=b'{"error":"injected"}'):
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    @staticmethod
    def _reset(request):
        request.close_connection = True
        request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.connection.shutdown(socket.SHUT_RDWR)
