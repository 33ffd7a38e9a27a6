"""Expensive queries: bounded in time and memory, cancelled when their client disconnects, dropped at shutdown."""
import socket
import threading
import time

from tests.harness import many_values, postgres, weir

DAYS = 60  # of 1,000 values each
SPAN = f"from=2015-01-01T00:00:00Z&to={time.strftime('%Y-%m-%dT00:00:00Z', time.gmtime(many_values.FIRST_DAY + DAYS * 86400))}"
BY_USERS = f"/api/v1/top?dimension=page&sort=unique_users&limit=500&{SPAN}"


def query_and_disconnect(one, path):
    with socket.create_connection(("127.0.0.1", one.port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        time.sleep(0.3)


class Queries(weir.Case):
    def many(self, values=DAYS * many_values.VALUES_A_DAY, **more):
        one = self.weir(KAFKA_TOPIC=many_values.TOPIC, RETENTION_DAY_DAYS=0).start()
        one.stop()
        many_values.fill_sqlite(one.folder / "data" / "metrics.db", many_values.rows(values, **more))
        return one.start()

    def test_fault_43_ranks_many_equal_values_by_users_in_little_time(self):
        one = self.many()
        began = time.monotonic()
        by_users = one.get(BY_USERS).json()
        took = time.monotonic() - began
        one.get(BY_USERS.replace("unique_users", "events"))  # warm
        began = time.monotonic()
        by_events = one.get(BY_USERS.replace("unique_users", "events")).json()
        by_events_took = time.monotonic() - began
        values = sorted(f"/{number:x}" for number in range(DAYS * many_values.VALUES_A_DAY))[:500]
        self.assertEqual([row["value"] for row in by_users["rows"]], values)
        self.assertEqual(by_users["rows"], by_events["rows"])
        self.assertEqual(by_users["other"], by_events["other"])
        self.assertLess(took, 20 * by_events_took + 0.5, "a quadratic ranking took 100 times as long")

    def test_fault_40_a_query_over_long_values_uses_little_memory(self):
        one = self.many(value_bytes=2000)
        before = many_values.peak_mb(one.process)
        for _ in range(3):
            self.assertIn(one.get(BY_USERS).status, (200, 503), "503: the machine is slow")
        self.assertLess(many_values.peak_mb(one.process), before + 40, f"all values together are {DAYS * 2} MB")

    def test_fault_43_sigterm_drops_waiting_queries(self):
        one = self.many()
        statuses = []

        def ask():
            statuses.append(one.get(BY_USERS).status)
        threads = [threading.Thread(target=ask) for _ in range(100)]
        for thread in threads:
            thread.start()
        weir.wait_until(lambda: statuses and len(statuses) + one.metric("weir_http_requests_in_flight") >= 100, 20,
                        "a first answer, after the server has read all requests")
        began = time.monotonic()
        self.assertEqual(one.stop(), 0)
        took = time.monotonic() - began
        for thread in threads:
            thread.join()
        self.assertEqual(len(statuses), 100, "each query must be answered")
        self.assertEqual(set(statuses), {200, 503})
        self.assertGreater(statuses.count(503), 20)
        self.assertLess(took, 12)
        self.assertNotIn("a part did not end in time", one.log())

    def test_csv_is_negotiated_by_accept(self):
        one = self.weir().start()
        for accept, content_type in (("text/csv", "text/csv; charset=utf-8"), ("TEXT/*;q=0.5", "text/csv; charset=utf-8"),
                                     ("text/csv;q=0, */*", "application/json"), ("text/csvx", "application/json")):
            reply = one.get("/api/v1/top?dimension=page", headers={"Accept": accept})
            self.assertEqual((reply.status, reply.headers["Content-Type"], reply.headers["Vary"]),
                             (200, content_type, "Accept"), accept)

    def test_unknown_and_repeated_parameters_are_refused(self):
        one = self.weir().start()
        for query, words in (("summary?page=/a&page=/b", "page is given more than once"),
                             ("summary?page=/a&referrer=b", "page and referrer"), ("top?dimension=page&page=/a", "page filters"),
                             ("timeseries?utm_source=x", "'utm_source' is not a parameter"), ("ledger?x=1", "'x' is not"),
                             ("summary?from=2026-01-01T00:00:00%20x", "00:00:00 x")):
            reply = one.get(f"/api/v1/{query}")
            self.assertEqual(reply.status, 400, query)
            self.assertIn(words, reply.json()["error"])

    def test_compare_previous_never_overflows(self):
        one = self.weir().start()
        for start, end in (("1700", "2200"), ("0001", "9999"), ("0000", "2015")):
            summary = one.get(f"/api/v1/summary?compare=previous&from={start}-01-01T00:00:00Z&to={end}-01-01T00:00:00Z").json()
            self.assertEqual(summary["from"], f"{start}-01-01T00:00:00Z")
            self.assertEqual(summary["previous"]["to"], summary["from"])
            self.assertLessEqual(summary["previous"]["from"], summary["previous"]["to"])

    def test_the_hash_of_the_last_record_is_a_string(self):
        one = self.weir().start()
        one.post("/activity", weir.activity())
        one.wait_counted()
        with one.store() as store:
            stored = store.execute("select last_record_hash from activity_ledger").fetchone()[0]
        self.assertEqual(one.ledger()["partitions"][0]["last_record_hash"], str(stored))


class QueriesOnPostgres(weir.Case):
    def setUp(self):
        super().setUp()
        postgres.needed()
        self.server = postgres.Postgres(self.folder / "server").start()
        self.addCleanup(self.server.kill)
        self.one = self.weir(METRICS_STORE="postgres", KAFKA_TOPIC=many_values.TOPIC, RETENTION_DAY_DAYS=0,
                             **self.server.environment()).start()

    def lock_rows(self, seconds):
        """Locks the table, so that no query about windows is answered for `seconds`."""
        self.addCleanup(self.server.hold_lock("activity_windows", seconds, self.server.database).join)

    def waiting(self):
        """Returns how many queries wait for the table in PostgreSQL, without the writer."""
        return self.server.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                                  "query LIKE 'DECLARE weir_scan%'")

    def test_fault_43_a_query_ends_at_its_deadline_and_the_next_is_answered(self):
        self.lock_rows(14)
        began = time.monotonic()
        late = self.one.get(BY_USERS)
        self.assertEqual(late.status, 503, late.body)
        self.assertIn("took longer than the limit of 7 s", late.json()["error"])
        self.assertEqual(late.headers["Retry-After"], "1")
        self.assertLess(time.monotonic() - began, 10)
        weir.wait_until(lambda: self.waiting() == 0, 5, "the server to cancel the statement")
        weir.wait_until(lambda: self.one.get(BY_USERS).status == 200, 30, "the table to be free")

    def test_fault_43_a_query_ends_when_its_client_disconnects(self):
        self.lock_rows(12)
        for _ in range(2):
            query_and_disconnect(self.one, BY_USERS)
        weir.wait_until(lambda: self.waiting() == 0, 6, "the queries to end before their deadline")
        began = time.monotonic()
        self.assertEqual(self.one.get("/api/v1/ledger").status, 200)
        self.assertLess(time.monotonic() - began, 3, "both threads must be free")

    def test_fault_43_sigterm_answers_the_running_query(self):
        self.lock_rows(14)
        replies = []
        thread = threading.Thread(target=lambda: replies.append(self.one.get(BY_USERS)))
        thread.start()
        weir.wait_until(lambda: self.waiting() == 1, 5, "the query to start")
        self.assertEqual(self.one.stop(), 0)
        thread.join()
        self.assertEqual(replies[0].status, 503)

    def test_fault_43_ranks_many_equal_values_by_users_in_little_time(self):
        many_values.fill_postgres(self.server, many_values.rows(DAYS * many_values.VALUES_A_DAY))
        began = time.monotonic()
        top = self.one.get(BY_USERS).json()
        took = time.monotonic() - began
        values = sorted(f"/{number:x}" for number in range(DAYS * many_values.VALUES_A_DAY))[:500]
        self.assertEqual([row["value"] for row in top["rows"]], values)
        self.assertLess(took, 5)


if __name__ == "__main__":
    weir.main()
