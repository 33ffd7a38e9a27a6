"""Checks web/openapi.json against the answers of a running service: statuses, headers and bodies. Every described answer
must occur, and each parameter must be refused exactly if its schema refuses it."""
import itertools
import json
import secrets
import sqlite3
import threading
import time
import unittest
import urllib.parse

from tests.harness import live, strace, weir

try:
    from tests.checker import openapi
except ImportError:
    openapi = None

# Candidates for the value of a parameter. Its schema says which of them are valid.
CANDIDATES = ("", "x", "0", "1", "10", "500", "501", "-1", "1.5", "json", "csv", "minute", "hour", "day", "week", "UTC",
              "Europe/Berlin", "previous", "page", "referrer", "activity_type", "total", "events", "page_views", "unique_users",
              "users", "2026-01-01T00:00:00Z", "2026-01-01T02:00:00.5+02:00", "2026-01-01", "2026-02-30T00:00:00Z", "now")
# A valid value can still be refused: `from` must be before `to`, a series is bounded, and the zone must exist.
TIMES = {"from", "to", "tz"}


class OpenApi(weir.Case):
    @classmethod
    def setUpClass(cls):
        if openapi is None:
            weir.missing("jsonschema (python3-jsonschema)")
        cls.description = openapi.Description(json.loads((weir.ROOT / "web" / "openapi.json").read_text()))
        cls.executed = set()
        cls.addClassCleanup(cls.assert_all_answers_occurred)

    def setUp(self):
        super().setUp()
        self.executed.add(self._testMethodName)

    @classmethod
    def assert_all_answers_occurred(cls):
        if cls.executed == set(unittest.defaultTestLoader.getTestCaseNames(cls)):  # not if some were deselected
            missing = cls.description.answers() - cls.description.seen
            assert not missing, f"described answers that did not occur: {sorted(missing)}"

    def check(self, answer, method, path):
        self.assertEqual(self.description.check_answer(method, path, answer.status, answer.headers, answer.body), [])
        return answer

    def ask(self, one, path, parameters=(), headers=None):
        query = urllib.parse.urlencode(list(parameters))
        target = path + (f"?{query}" if query else "")
        # A stream does not end, so the beginning of it is checked.
        answer = live.first_answer(one, target) if path == live.PATH else one.get(target, headers=headers)
        return self.check(answer, "GET", path)

    def post(self, one, path, body, headers=None):
        return self.check(one.post(path, body, headers), "POST", path)

    def reads(self):
        """Yields (path, operation, the parameters that are required) of each GET."""
        for method, path, operation in self.description.operations():
            if method == "GET":
                required = [(name, "page") for name, one in self.description.parameters(operation).items()
                            if one.get("required")]
                yield path, operation, required

    def with_events(self):
        one = self.weir(MAX_BODY_BYTES=100_000, MAX_EVENT_BYTES=5_000).start()
        for number in range(30):
            event = weir.activity(f"user-{number % 7}", message_id=f"m-{number % 25}", when=weir.now(-3600 * number),
                                  metadata={"page_url": f"/{number % 5}", "referrer": "https://example.org/"})
            self.post(one, "/activity", event)
        one.wait_counted()
        return one

    def test_the_document_is_served_and_its_schemas_are_valid(self):
        one = self.weir().start()
        served = self.ask(one, "/api/v1/openapi.json")
        self.assertEqual(served.json(), self.description.document)
        for name, schema in self.description.schemas():
            with self.subTest(name):
                openapi.VALIDATOR.check_schema(schema)
        for method, path, operation in self.description.operations():
            self.description.resolved(operation)  # KeyError: a reference without a target

    def test_each_parameter_is_refused_exactly_if_its_schema_refuses_it(self):
        one = self.with_events()
        for path, operation, required in self.reads():
            for (name, parameter), value in itertools.product(self.description.parameters(operation).items(), CANDIDATES):
                with self.subTest(path, **{name: value}):
                    others = [pair for pair in required if pair[0] != name]
                    answer = self.ask(one, path, [*others, (name, value)])
                    if not openapi.is_valid_text(value, parameter["schema"]):
                        self.assertEqual(answer.status, 400, answer.body)
                    elif name not in TIMES:
                        self.assertEqual(answer.status, 200, answer.body)

    def test_each_read_without_parameters_with_unknown_ones_and_with_repeated_ones(self):
        one = self.with_events()
        for path, operation, required in self.reads():
            with self.subTest(path):
                self.assertEqual(self.ask(one, path).status, 400 if required else 200)
                self.assertEqual(self.ask(one, path, required).status, 200)
                if path.startswith("/api/v1/") and "400" in operation["responses"]:
                    self.assertEqual(self.ask(one, path, [*required, ("no_such", "1")]).status, 400)
                    for name in self.description.parameters(operation):
                        twice = [*(pair for pair in required if pair[0] != name), (name, "page"), (name, "page")]
                        self.assertEqual(self.ask(one, path, twice).status, 400)

    def test_ranges_filters_and_formats(self):
        one = self.with_events()
        span = [("from", weir.now(-86400)), ("to", weir.now(60))]
        for interval, accept in itertools.product(("minute", "hour", "day", "week", "month"), ("text/csv", "application/json", "*/*")):
            self.ask(one, "/api/v1/timeseries", [*span, ("interval", interval)], {"Accept": accept})
        for dimension, sort, form in itertools.product(("page", "referrer", "activity_type"),
                                                       ("events", "page_views", "unique_users"), ("json", "csv")):
            answer = self.ask(one, "/api/v1/top", [*span, ("dimension", dimension), ("sort", sort), ("format", form)])
            self.assertEqual(answer.status, 200)
        for name, value in (("page", "/1"), ("referrer", "example.org"), ("activity_type", "page_view")):
            self.assertGreater(self.ask(one, "/api/v1/summary", [*span, (name, value)]).json()["events"], 0)
        self.assertIn("previous", self.ask(one, "/api/v1/summary", [*span, ("compare", "previous")]).json())
        self.assertEqual(self.ask(one, "/api/v1/summary", [("page", "/1"), ("referrer", "x")]).status, 400)
        self.assertEqual(self.ask(one, "/api/v1/timeseries", [("from", "1990-01-01T00:00:00Z"), ("interval", "day")]).status,
                         400, "too many points")
        for zone in ("Europe/Berlin", "Asia/Kolkata"):
            answer = self.ask(one, "/api/v1/timeseries", [*span, ("interval", "day"), ("tz", zone)]).json()
            self.assertEqual((answer["tz"], answer.get("rounded", False)), (zone, zone == "Asia/Kolkata"))
        old = self.ask(one, "/api/v1/summary", [("from", "2001-01-01T00:30:00Z"), ("to", "2001-01-02T00:00:00Z")]).json()
        self.assertEqual(old["events"], 0)

    def test_ingest_accepts_refuses_and_bounds(self):
        one = self.with_events()
        good, bad = weir.activity("ada"), {"user_id": 7}
        for path, body, status in (
                ("/activity", good, 200), ("/activity", {**good, "metadata": None, "message_id": None}, 200),
                ("/activity", bad, 400), ("/activity", "{", 400), ("/activity", {**good, "note": "x" * 6_000}, 413),
                ("/activity", "x" * 200_000, 413), ("/activities", [good, bad], 200), ("/activities", [], 200),
                ("/activities", [good] * 3, 200), ("/activities", [bad, bad], 400), ("/activities", "[", 400),
                ("/activities", "\n".join(map(json.dumps, (good, good))), 200), ("/activities", "x" * 200_000, 413)):
            with self.subTest(path, body=str(body)[:60]):
                self.assertEqual(self.post(one, path, body).status, status)
        track = {"userId": "ada", "type": "track", "event": "Signed Up"}
        for path, body, status in (
                ("/v1/track", track, 200), ("/v1/track", {"event": "e"}, 400), ("/v1/track", "x" * 200_000, 413),
                ("/v1/batch", {"batch": [track]}, 200), ("/v1/batch", {"batch": [track, {}]}, 200),
                ("/v1/batch", {"batch": 7}, 400), ("/v1/batch", "x" * 200_000, 413)):
            with self.subTest(path, body=str(body)[:60]):
                self.assertEqual(self.post(one, path, body).status, status)
        for path in ("/activity", "/activities", "/v1/track", "/v1/batch"):
            self.assertEqual(self.post(one, path, good, {"Content-Encoding": "br"}).status, 415)

    def test_keys_a_password_and_a_rate_limit_are_required_as_described(self):
        one = self.weir(API_KEYS="web:s3cret", DASHBOARD_PASSWORD="s3cret", RATE_LIMIT_RPS=1, RATE_LIMIT_BURST=1).start()
        track = {"userId": "ada", "type": "track", "event": "e"}
        for path, body in (("/activity", weir.activity()), ("/activities", [weir.activity()]), ("/v1/track", track),
                           ("/v1/batch", {"batch": [track]})):
            time.sleep(1.1)  # until one request is allowed again
            self.assertEqual(self.post(one, path, body, {"X-Api-Key": "s3cret"}).status, 200)
            self.assertEqual(self.post(one, path, body, {"X-Api-Key": "s3cret"}).status, 429)
            self.assertEqual(self.post(one, path, body).status, 401)
            time.sleep(1.1)
            self.assertEqual(self.post(one, path, body, {"X-Api-Key": "wrong"}).status, 403)
        for path, operation, required in self.reads():
            if "401" in operation["responses"]:
                self.assertEqual(self.ask(one, path, required).status, 401)
                self.assertEqual(self.ask(one, path, required, {"X-Api-Key": "s3cret"}).status, 200)

    def test_the_request_body_has_the_described_schema(self):
        one = self.weir().start()
        schema = self.description.resolved(self.description.document["components"]["schemas"]["Activity"])
        validator = openapi.VALIDATOR(schema, format_checker=openapi.FORMATS)
        good = weir.activity("ada", metadata={"page_url": "/", "referrer": "https://example.org/", "plan": [1]}, note=None)
        bodies = [good, [], "text", 7, None]
        for name, value in itertools.product(("user_id", "activity_type", "timestamp", "message_id", "metadata"),
                                             (None, "", 7, True, [], {}, "text")):
            bodies.append({**good, name: value})
        for name, value in itertools.product(("page_url", "referrer"), (None, "", 7, [])):
            bodies.append({**good, "metadata": {name: value}})
        bodies += [{key: value for key, value in good.items() if key != name} for name in good]
        for body in bodies:
            with self.subTest(body=str(body)[:200]):
                answer = self.post(one, "/activity", json.dumps(body))
                self.assertEqual(answer.status, 200 if validator.is_valid(body) else 400, answer.body)

    def test_health_and_metrics_in_every_state(self):
        one = self.with_events()
        for path in ("/health", "/health/live", "/health/ready", "/metrics"):
            self.assertEqual(self.ask(one, path).status, 200)
        waiting = self.weir("waiting", METRICS_STORE="postgres", DB_PORT=weir.free_port()).start(ready=False)
        weir.wait_until(lambda: waiting.get("/health").status == 200, 20, "the process to serve")
        self.assertEqual(self.ask(waiting, "/health/ready").status, 503)
        for path, operation, required in self.reads():
            if "503" in operation["responses"] and path != live.PATH:
                self.assertEqual(self.ask(waiting, path, required).status, 503)
        # The live view waits for the store, and tells its readers so. It refuses only what is too many.
        self.assertIn(b"cannot answer now (starting)", self.ask(waiting, live.PATH).body)
        crowd = live.Crowd(waiting, 1000)
        self.addCleanup(crowd.close)
        weir.wait_until(lambda: waiting.request("HEAD", live.PATH).status == 503, 10, "all readers to be admitted")
        self.assertEqual(self.ask(waiting, live.PATH).status, 503)

    def test_a_store_that_fails_is_500(self):
        one = self.with_events()
        with sqlite3.connect(one.folder / "data" / "metrics.db", timeout=10) as store:
            for table in ("activity_windows", "activity_ledger", "activity_dimensions", "activity_dead_letters"):
                store.execute(f"ALTER TABLE {table} RENAME TO {table}_away")
        store.close()
        for path, operation, required in self.reads():
            if "500" in operation["responses"]:
                with self.subTest(path):
                    self.assertEqual(self.ask(one, path, required).status, 500)

    def test_a_log_that_refuses_is_503(self):
        one = self.weir(prefix=("bash", "-c", 'ulimit -f 2048; exec "$0" "$@"')).start()
        note = secrets.token_hex(10_000)  # the log compresses what can be compressed
        event = weir.activity(note=note)
        track = {"userId": "ada", "type": "track", "event": "e", "note": note}
        for path, body in (("/activity", event), ("/activities", [event]), ("/v1/track", track),
                           ("/v1/batch", {"batch": [track]})):
            statuses = {self.post(one, path, body).status for _ in range(200)}
            self.assertIn(503, statuses)

    def test_a_log_that_fails_is_500(self):
        track = {"userId": "ada", "type": "track", "event": "e"}
        for path, body in (("/activity", weir.activity()), ("/activities", [weir.activity(), {}]), ("/v1/track", track),
                           ("/v1/batch", {"batch": [track, {}]})):
            with self.subTest(path):
                failing = strace.prefix(self.folder / "trace", "fdatasync:error=EIO:when=25+")
                one = self.weir(path.strip("/").replace("/", "-"), prefix=failing).start()
                answers = []

                def send():
                    try:
                        while True:
                            answers.append(one.post(path, body))
                    except OSError:  # the process has exited
                        pass

                threads = [threading.Thread(target=send) for _ in range(8)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                for answer in answers:
                    self.check(answer, "POST", path)
                self.assertIn(500, {answer.status for answer in answers})

    def test_the_check_finds_each_kind_of_difference(self):
        description = openapi.Description(self.description.document)
        headers = {"X-Request-Id": "1", "Cache-Control": "no-store", "Content-Type": "application/json"}
        numbers = {"events": 1, "page_views": 1, "unique_users": 1, "unique_users_error": 0, "from": "2026-01-01T00:00:00Z",
                   "to": "2026-01-02T00:00:00Z"}

        def differences(status=200, body=numbers, **other_headers):
            sent = {name: value for name, value in {**headers, **other_headers}.items() if value is not None}
            return description.check_answer("GET", "/api/v1/summary", status, sent, json.dumps(body).encode())
        self.assertEqual(differences(), [])
        self.assertEqual(differences(body={**numbers, "previous": numbers}), [])
        for answer in ({"status": 204}, {"Cache-Control": None}, {"Cache-Control": "public"}, {"Content-Type": "text/plain"},
                       {"body": {**numbers, "events": "1"}}, {"body": {**numbers, "events": -1}},
                       {"body": {**numbers, "from": "today"}}, {"body": {**numbers, "no_such": 1}},
                       {"body": {**numbers, "previous": {}}}, {"body": {**numbers, "previous": {**numbers, "x": 1}}},
                       {"body": {"events": 1}}, {"body": []}, {"status": 400, "body": {"message": "wrong"}}):
            with self.subTest(**answer):
                self.assertNotEqual(differences(**answer), [])

    def test_unknown_paths_and_methods_have_the_error_body(self):
        one = self.weir().start()
        schema = openapi.strict(self.description.resolved(self.description.document["components"]["schemas"]["Error"]))
        for method, path, status in (("GET", "/no-such-path", 404), ("POST", "/health", 405), ("GET", "/activity", 405)):
            answer = one.request(method, path)
            self.assertEqual(answer.status, status)
            self.assertTrue(openapi.VALIDATOR(schema).is_valid(answer.json()), answer.body)


if __name__ == "__main__":
    weir.main()
