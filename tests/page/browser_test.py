"""Opens the page in Chromium (Debian's package, driven by playwright-core). Each test starts its own Weir, fills it, and runs
one file of tests/page/browser by `node --test`. The screenshots stay in build/screenshots."""
import http.server
import json
import re
import subprocess
import sys
import threading

from tests.checker import access_log, facts
from tests.harness import postgres, weir, week
from tests.page import traffic
from tests.page.chromium import ChromiumCase

HERE = weir.ROOT / "tests/page/browser"


class Browser(ChromiumCase):
    def browse(self, name, service, **more):
        """Runs a file of tests/page/browser on a service, and prints what it measured."""
        output = self.run_node(HERE / f"{name}_test.mjs", service, 900,
                               WEIR_SCREENSHOTS=str(weir.ROOT / "build/screenshots"), **more)
        for line in re.findall(r"^# measured: .*$", output, re.MULTILINE):
            print(line, file=sys.stderr)

    def with_access_log(self, **environment):
        """Returns a service that has counted an access log: the real one, or a generated one."""
        service = self.weir(**environment).start()
        log = self.folder / "access.log"
        log.write_bytes(weir.access_log_or(access_log.generated_log))
        done = subprocess.run([weir.BINARY, "import", "--url", f"http://127.0.0.1:{service.port}", "--state",
                               self.folder / "state", log], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        service.wait_counted()
        return service

    def with_traffic(self):
        """Returns a service with two weeks of generated traffic and three own dimensions."""
        service = self.weir(DIMENSIONS=traffic.DIMENSIONS, RETENTION_MINUTE_DAYS="30").start()
        traffic.send(service)
        service.wait_counted()
        return service

    def test_the_page_shows_an_access_log(self):
        self.browse("reading", self.with_access_log())

    def assert_exact(self, service, exact, ranges):
        """Compares the page with the exact figures of some ranges: [(fragment of the address, start, end)]."""
        lists = [name for name in ("page", "referrer", "activity_type", *exact.dimensions) if name in exact.dimensions]
        cases = [{"hash": hash, "figures": exact.summary(start, end), "previous": exact.summary(2 * start - end, start),
                  "lists": {dimension: exact.top(dimension, start, end)[:500] for dimension in lists}}
                 for hash, start, end in ranges]
        expected = self.folder / "expected.json"
        expected.write_text(json.dumps(cases))
        self.browse("agreement", service, WEIR_EXPECTED=str(expected))

    def test_the_page_agrees_with_the_exact_figures_of_an_access_log(self):
        exact = facts.Facts(facts.facts_of_log(weir.access_log_or(access_log.generated_log)))
        first, last = (int(exact.facts[at].at) // week.DAY * week.DAY for at in (0, -1))
        service = self.with_access_log(DIMENSIONS="status=metadata.status,method=metadata.method")
        second = facts.rfc3339(first + week.DAY)[:10]
        self.assert_exact(service, exact, [
            (f"#from={facts.rfc3339(first)}&to={facts.rfc3339(last + week.DAY)}", first, last + week.DAY),
            (f"#period=day&date={second}", first + week.DAY, first + 2 * week.DAY)])

    def test_the_page_agrees_with_the_exact_figures_of_a_week_on_postgres(self):
        postgres.needed()
        server = postgres.Postgres(self.folder / "postgres")
        self.addCleanup(server.kill)
        server.start()
        service = self.weir(METRICS_STORE="postgres", DIMENSIONS=week.DIMENSIONS, **server.environment()).start()
        traffic = week.make(weir.SEED)
        exact = facts.Facts(traffic.facts)
        week.send(service, traffic.main + traffic.late)
        service.wait_counted()
        self.assert_exact(service, exact, [
            (f"#from={facts.rfc3339(traffic.start)}&to={facts.rfc3339(traffic.end)}", traffic.start, traffic.end),
            (f"#period=day&date={facts.rfc3339(traffic.end - week.DAY)[:10]}", traffic.end - week.DAY, traffic.end)])

    def test_the_page_has_no_fault_of_layout_and_can_be_used_without_seeing_it(self):
        empty = self.weir("empty").start()
        self.browse("layout", self.with_traffic(), WEIR_EMPTY_URL=f"http://127.0.0.1:{empty.port}/")

    def test_the_page_offers_what_this_weir_can_do(self):
        self.browse("features", self.with_traffic())

    def test_the_page_follows_what_is_counted(self):
        self.browse("live", self.weir().start())

    def test_an_event_source_reconnects_by_itself_after_a_restart(self):
        service = self.weir().start()

        class Restarts(http.server.BaseHTTPRequestHandler):
            """Restarts Weir at each POST, and replies when it is ready again."""

            def do_POST(self):
                status = 200 if service.stop() == 0 and service.start() else 500
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass
        control = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Restarts)
        self.addCleanup(control.server_close)
        self.addCleanup(control.shutdown)
        threading.Thread(target=control.serve_forever, daemon=True).start()
        self.browse("reconnect", service, WEIR_RESTART_URL=f"http://127.0.0.1:{control.server_address[1]}/")

    def test_fault_36_text_of_clients_stays_text(self):
        self.browse("hostile", self.weir(DIMENSIONS="plan=metadata.plan").start())


if __name__ == "__main__":
    weir.main()
