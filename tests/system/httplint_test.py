"""httplint (PyPI, the linter of REDbot) finds nothing wrong with the reply of any route: as sent on the connection, of each
method, with and without conditions, of web pages and of wrong requests."""
import gzip
import json
import re
import socket
import sys

from tests.harness import weir

PACKAGE = weir.ROOT / "build/vendor/httplint"
# Notes that state what the client did wrong, which is what the status says.
OF_THE_REQUEST = re.compile("STATUS_(BAD_REQUEST|URI_TOO_LONG)")
ORIGIN = {"Origin": "https://shop.example"}


def dechunked(body):
    whole = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        if not int(size, 16):
            return whole
        whole, body = whole + body[:int(size, 16)], body[int(size, 16) + 2:]


class Httplint(weir.Case):
    @classmethod
    def setUpClass(cls):
        if not (PACKAGE / "installed").exists():
            weir.missing("httplint (scripts/fetch-python httplint)")
        if str(PACKAGE / "python") not in sys.path:
            sys.path.append(str(PACKAGE / "python"))  # at the end: it has a folder `tests`, too
        cls.paths = json.loads((weir.ROOT / "web/openapi.json").read_text())["paths"]

    def setUp(self):
        super().setUp()
        self.one = self.weir().start()
        for number in range(20):
            self.one.post("/activity", weir.activity(f"user-{number}", metadata={"page_url": f"/{number}"}))
        self.one.wait_counted()
        self.statuses = set()

    def raw(self, one, request, ends=True):
        """Returns the bytes of the reply. `ends`: up to the end of the connection; otherwise the first ones."""
        with socket.create_connection(("127.0.0.1", one.port), timeout=20) as connection:
            connection.sendall(request)
            if not ends:
                return connection.recv(65536)
            return connection.makefile("rb").read()

    def lint(self, method, target, headers=None, body=b"", one=None):
        """Sends a request and checks the reply. Returns its headers, with names in lower case."""
        import httplint
        one = one or self.one
        fields = {"Host": f"localhost:{one.port}", "Connection": "close", **({"Content-Length": len(body)} if body else {}),
                  **(headers or {})}
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
        live = target.startswith("/api/v1/live") and method == "GET"
        reply = self.raw(one, head.encode() + body, ends=not live)

        asked = httplint.HttpRequestLinter()
        asked.process_request_topline(method.encode(), f"http://localhost:{one.port}{target}".encode(), b"HTTP/1.1")
        asked.process_headers([(name.encode(), str(value).encode()) for name, value in fields.items()])
        asked.feed_content(body)
        asked.finish_content(True)
        top, _, content = reply.partition(b"\r\n\r\n")
        first, *lines = top.split(b"\r\n")
        version, status, phrase = first.split(b" ", 2)
        received = [tuple(part.strip() for part in line.split(b":", 1)) for line in lines]
        found = httplint.HttpResponseLinter(_related=asked, no_content=method == "HEAD" or live)
        found.process_response_topline(version, status, phrase)
        found.process_headers(received)
        names = {name.decode().lower(): value.decode() for name, value in received}
        if not found.no_content:
            found.feed_content(dechunked(content) if names.get("transfer-encoding") == "chunked" else content)
        found.finish_content(not live)
        self.statuses.add(int(status))
        notes = [f"{note.level.value}: {type(note).__name__}: {note.summary}" for note in found.notes
                 if note.level.value in ("bad", "warning") and not OF_THE_REQUEST.match(type(note).__name__)]
        with self.subTest(f"{method} {target[:60]} {headers or ''}: {status.decode()}"):
            self.assertEqual(notes, [])
        return names

    def test_each_read(self):
        for path, operations in self.paths.items():
            if "get" not in operations:
                continue
            target = path + ("?dimension=page" if path.endswith("/top") else "")
            for method in ("GET", "HEAD"):
                for headers in ({}, {"Accept": "text/csv"}, {"Accept-Encoding": "gzip, zstd"}, ORIGIN):
                    self.lint(method, target, headers)
                self.lint(method, path + "?no_such=1")
            for method in ("DELETE", "POST", "OPTIONS"):
                self.lint(method, target)
            tag = self.lint("GET", target).get("etag")
            if tag:
                self.lint("GET", target, {"If-None-Match": tag})
        self.assertLessEqual({200, 204, 304, 400, 405}, self.statuses)

    def test_each_write(self):
        event = json.dumps(weir.activity()).encode()
        for path, operations in self.paths.items():
            if "post" not in operations:
                continue
            for headers in ({}, ORIGIN, {"Content-Type": "text/plain"}):
                self.lint("POST", path, headers, event)
            self.lint("POST", path, {"Content-Encoding": "gzip"}, gzip.compress(event))
            self.lint("POST", path, {"Content-Encoding": "br"}, event)
            self.lint("POST", path, {}, b"{")
            self.lint("POST", path)
            self.lint("GET", path)
            self.lint("OPTIONS", path)
            self.lint("OPTIONS", path, {**ORIGIN, "Access-Control-Request-Method": "POST",
                                        "Access-Control-Request-Headers": "content-type"})
        self.assertLessEqual({200, 204, 400, 405, 415}, self.statuses)

    def test_the_page_its_files_and_what_does_not_exist(self):
        files = re.findall(r'(?:src|href)="([^"#:]+)"', self.one.get("/").body.decode())
        self.assertGreater(len(files), 1)
        for path in ("/", "/weir.js", *("/" + file.lstrip("./") for file in files)):
            for method in ("GET", "HEAD", "OPTIONS"):
                self.lint(method, path)
            self.lint("GET", path, {"If-None-Match": self.lint("GET", path)["etag"]})
        for path in ("/nothing", "/favicon.ico", "/api/v1/nothing", "/" + "x" * 9000):
            self.lint("GET", path)
        self.assertLessEqual({200, 304, 404, 414}, self.statuses)

    def test_each_refusal(self):
        one = self.weir("guarded", API_KEYS="web:s3cret", DASHBOARD_PASSWORD="pass", RATE_LIMIT_RPS=1, RATE_LIMIT_BURST=1,
                        MAX_BODY_BYTES=100_000, MAX_EVENT_BYTES=1_000).start()
        event = json.dumps(weir.activity()).encode()
        for path in ("/activity", "/activities", "/v1/track"):
            for headers in ({}, ORIGIN, {"X-Api-Key": "wrong"}, {"X-Api-Key": "s3cret"}, {"X-Api-Key": "s3cret"}):
                self.lint("POST", path, headers, event, one)
        for path in ("/", "/api/v1/summary"):
            self.lint("GET", path, one=one)
        keyed = self.weir("keyed", API_KEYS="web:s3cret").start()
        for path in ("/activity", "/activities", "/v1/track"):
            for headers in ({}, {**ORIGIN, "X-Api-Key": "wrong"}):
                self.lint("POST", path, headers, event, keyed)
        large = self.weir("small", MAX_EVENT_BYTES=1_000, MAX_BODY_BYTES=2_000).start()
        self.lint("POST", "/activity", {}, b"x" * 2_500, large)
        self.lint("GET", "/health", {"X": "x" * 40_000}, one=large)
        waiting = self.weir("waiting", METRICS_STORE="postgres", DB_PORT=weir.free_port()).start(ready=False)
        weir.wait_until(lambda: waiting.get("/health").status == 200, 20, "the process to serve")
        for path in ("/health/ready", "/api/v1/summary", "/api/v1/ledger"):
            self.lint("GET", path, one=waiting)
        self.assertLessEqual({401, 403, 413, 429, 431, 503}, self.statuses)


if __name__ == "__main__":
    weir.main()
