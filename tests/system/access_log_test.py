"""Imports an access log of 10,000 real requests. The figures are exact even if processes are killed during the import."""
import collections
import contextlib
import http.server
import os
import random
import re
import shutil
import sqlite3
import subprocess
import threading
import time

from tests.checker import access_log
from tests.harness import weir

REAL = {"events": 9999, "page_views": 3617, "users": 1861, "unread": [8899],
        "top": [("/", 572), ("/blog/tags/puppet", 489), ("/projects/xdotool/", 219)],
        "busiest": ("2015-05-19T19:00:00Z", (136, 30))}


LOG = weir.access_log_or(access_log.generated_log)
IS_REAL = LOG != access_log.generated_log()
EXPECTED = access_log.Reference(LOG)


class Import:
    """One run of `weir import -`. Its input arrives in pieces, so that a test has time to kill it."""

    def __init__(self, case, one, *options, seconds=0.0, text=LOG):
        self.process = subprocess.Popen(
            [str(weir.BINARY), "import", "--url", f"http://127.0.0.1:{one.port}", "--state", str(case.folder / "state"),
             *options, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "LOG_FORMAT": "text"})
        case.addCleanup(self.end)
        self.output = b""
        self.threads = [threading.Thread(target=self.feed, args=(seconds, text)), threading.Thread(target=self.read)]
        for thread in self.threads:
            thread.start()

    def feed(self, seconds, text):
        size = len(text) // 100 + 1
        try:
            for at in range(0, len(text), size):
                self.process.stdin.write(text[at:at + size])
                self.process.stdin.flush()
                time.sleep(seconds / 100)
        except (BrokenPipeError, ValueError):
            pass
        finally:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()

    def read(self):
        for line in self.process.stdout:
            self.output += line

    def text(self):
        return self.output.decode(errors="replace")

    def wait(self, seconds=120):
        code = self.process.wait(seconds)
        for thread in self.threads:
            thread.join()
        self.process.stdout.close()
        return code

    def kill(self):
        self.process.kill()
        return self.wait()

    def end(self):
        if self.process.poll() is None:
            self.kill()


class SilentProxy(http.server.ThreadingHTTPServer):
    """A proxy that forwards `after` batches and then answers none. `forwards`: it still forwards them to Weir."""
    daemon_threads = True

    def __init__(self, one, after, forwards):
        super().__init__(("127.0.0.1", 0), SilentProxyHandler)
        self.one, self.left, self.forwards = one, after, forwards
        self.port, self.silent, self.closing = self.server_address[1], threading.Event(), threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.closing.set()
        self.shutdown()
        self.server_close()


class SilentProxyHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body=None):
        reply = self.server.one.request(self.command, self.path, body, {"Content-Type": "application/json"})
        self.send_response(reply.status)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def do_GET(self):
        self.answer()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.left -= 1
        if self.server.left >= 0:
            return self.answer(body)
        if self.server.forwards:
            self.server.one.post(self.path, body)
        self.server.silent.set()
        self.server.closing.wait()

    def log_message(self, *_):
        pass


class AccessLog(weir.Case):
    """Checks the figures by the API and by SQL."""

    def check(self, one):
        summary = one.summary(EXPECTED.first, EXPECTED.last)
        self.assertEqual((summary["events"], summary["page_views"], summary["unique_users"]),
                         (EXPECTED.events, EXPECTED.page_views, len(EXPECTED.users)))
        self.assertEqual(summary["unique_users_error"], 0)
        span = f"from={EXPECTED.first}&to={EXPECTED.last}"
        top = one.get(f"/api/v1/top?dimension=page&limit=3&{span}").json()
        self.assertEqual([(row["value"], row["page_views"]) for row in top["rows"]],
                         sorted(EXPECTED.pages.items(), key=lambda pair: (-pair[1], pair[0]))[:3])
        self.assertEqual(sum(row["page_views"] for row in top["rows"]) + top["other"]["page_views"], EXPECTED.page_views)
        points = one.get(f"/api/v1/timeseries?interval=hour&{span}").json()["points"]
        self.assertEqual({point["time"]: (point["events"], point["unique_users"]) for point in points if point["events"]},
                         EXPECTED.hours)
        one.assert_identities(self)
        with one.store() as store:
            days = store.execute("select sum(events), sum(page_views) from activity_days where dimension = 'total'")
            self.assertEqual(days.fetchone(), (EXPECTED.events, EXPECTED.page_views))
            rows = store.execute("select sum(page_view_count) from user_activity_metrics").fetchone()
            self.assertEqual(rows, (EXPECTED.page_views,))

    def unread_at_kill(self, one):
        """Returns (counted events, events that are only in the log) of a killed Weir."""
        folder = one.folder / "data"
        with sqlite3.connect(folder / "metrics.db") as store:
            counted = store.execute("select coalesce(sum(next_offset - start_offset), 0) from activity_ledger").fetchone()[0]
        with sqlite3.connect(folder / "events.db") as log:
            end = log.execute("select coalesce(max(first_offset + records), 0) from segments").fetchone()[0]
        return counted, end - counted


class Figures(AccessLog):
    def test_the_figures_are_exact_and_a_second_import_adds_nothing(self):
        if IS_REAL:
            self.assertEqual((EXPECTED.events, EXPECTED.page_views, len(EXPECTED.users), EXPECTED.unread),
                             (REAL["events"], REAL["page_views"], REAL["users"], REAL["unread"]))
            self.assertEqual(EXPECTED.pages.most_common(3), REAL["top"])
            self.assertEqual(EXPECTED.hours[REAL["busiest"][0]], max(EXPECTED.hours.values()))
            self.assertEqual(EXPECTED.hours[REAL["busiest"][0]], REAL["busiest"][1])
        one = self.weir().start()
        for turn in range(2):
            run = Import(self, one)
            self.assertEqual(run.wait(), 0, run.text())
            for line in EXPECTED.unread if turn == 0 else []:
                self.assertIn(str(line), run.text())
            self.assertEqual(one.wait_counted()["tallied"], EXPECTED.events)
            self.check(one)

    def test_a_file_that_has_grown_continues_after_its_last_imported_line(self):
        one = self.weir().start()
        path = self.folder / "access.log"
        lines = LOG.splitlines(keepends=True)
        for share in (0.3, 0.7, 1.0):
            path.write_bytes(b"".join(lines[:int(len(lines) * share)]))
            done = subprocess.run([str(weir.BINARY), "import", "--url", f"http://127.0.0.1:{one.port}", "--state",
                                   str(self.folder / "state"), str(path)], capture_output=True, text=True, timeout=120,
                                  check=False)
            self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        self.assertEqual(one.wait_counted()["tallied"], EXPECTED.events)
        self.check(one)


class Killed(AccessLog):
    def kill_round(self, one, seconds=1.5):
        """Kills serve, import or both during the import. Returns whether at that moment some events were counted and some
        were only in the log."""
        one.start()
        run = Import(self, one, seconds=seconds)
        weir.wait_until(lambda: one.ledger()["sums"]["tallied"] > 0, 30, "the first flush")
        time.sleep(random.uniform(0, seconds * 0.5))
        victim = random.choice(["serve", "import", "both"])
        one.kill()
        if victim != "serve":
            run.kill()
        counted, unread = self.unread_at_kill(one)
        time.sleep(random.uniform(0, 0.3))
        one.start()
        if victim == "serve":
            self.assertEqual(run.wait(), 0, run.text())
        again = Import(self, one)
        self.assertEqual(again.wait(), 0, again.text())
        self.assertEqual(one.wait_counted()["tallied"], EXPECTED.events, (victim, run.text(), again.text()))
        return counted > 0 and unread > 0

    def rounds(self, count, **environment):
        good = tried = 0
        while good < count:
            tried += 1
            self.assertLess(tried, count * 5, "too few kills came after a flush and before the last record was read")
            one = self.weir(f"round-{tried}", **environment)
            hit = self.kill_round(one)
            self.check(one)
            self.assertEqual(one.stop(), 0)
            shutil.rmtree(self.folder / "state")
            shutil.rmtree(one.folder / "data")
            good += hit
        print(f"{good} effective kills of {tried}")

    def test_kill_9_of_serve_and_of_import_at_random_moments(self):
        self.rounds(weir.rounds(20, 60), FLUSH_MIN_INTERVAL_MS=300)

    def test_kill_9_with_minute_rows_and_roll_up(self):
        self.rounds(weir.rounds(5, 20), FLUSH_MIN_INTERVAL_MS=300, RETENTION_MINUTE_DAYS=36500)


class RollUp(AccessLog):
    def test_the_figures_are_the_same_before_during_and_after_the_roll_up(self):
        one = self.weir(RETENTION_MINUTE_DAYS=36500).start()
        run = Import(self, one)
        self.assertEqual(run.wait(), 0, run.text())
        one.wait_counted()
        self.check(one)

        def unrolled():
            with one.store() as store:
                return store.execute("select count(*) from activity_unrolled").fetchone()[0]
        before = unrolled()
        self.assertGreater(before, 0)
        kills = 0
        end = time.monotonic() + 240
        while (left := unrolled()) > 0:
            self.assertLess(time.monotonic(), end, f"{left} minutes are still not rolled up")
            self.check(one)
            if left < before and kills < 2:
                kills += 1
                one.kill()
                one.start()
                one.wait_counted()
                before = left
            time.sleep(0.5 if left == before else 0.02)
        self.check(one)
        with one.store() as store:
            rolled = store.execute("select sum(events), sum(rolled_events) from activity_windows "
                                   "where rolled_events is not null and value = ''").fetchone()
        print("rolled up:", rolled, "kills:", kills)


class UnknownOutcome(AccessLog):
    """A batch of unknown outcome that is older than the dedupe window: import asks the user and does not guess."""

    def round(self, name, forwards):
        """Returns the option that import asked for: --skip, --resend or None."""
        one = self.weir(name, DEDUP_WINDOW_SEC=1, FLUSH_MIN_INTERVAL_MS=20).start()
        proxy = SilentProxy(one, after=random.randrange(5), forwards=forwards)
        self.addCleanup(proxy.close)
        run = Import(self, proxy)
        self.assertTrue(proxy.silent.wait(30))
        run.kill()
        one.kill()
        time.sleep(1.2)
        one.start()
        again, choice = Import(self, one), None
        if again.wait() == 1:
            found = re.search(r"lines? (\d+)\D+(\d+)", again.text())
            self.assertTrue(found, again.text())
            first, last = int(found.group(1)), int(found.group(2))
            one.wait_counted()
            kept = one.ledger()["partitions"][0]["next_offset"]
            before, after = EXPECTED.readable_before[first - 1], EXPECTED.readable_before[last]
            self.assertIn(kept, (before, after), again.text())
            choice = "--skip" if kept == after else "--resend"
            self.assertIn(choice, again.text())
            last_run = Import(self, one, choice)
            self.assertEqual(last_run.wait(), 0, last_run.text())
        self.assertEqual(one.wait_counted()["tallied"], EXPECTED.events, again.text())
        self.check(one)
        self.assertEqual(one.stop(), 0)
        shutil.rmtree(self.folder / "state")
        return choice

    def test_a_batch_of_unknown_outcome_is_named_and_resolved_by_the_user(self):
        asked = collections.Counter()
        turns = weir.rounds(3, 15)
        for turn in range(turns):
            asked[self.round(f"lost-{turn}", forwards=False)] += 1
            asked[self.round(f"kept-{turn}", forwards=True)] += 1
        self.assertEqual(asked, {"--resend": turns, "--skip": turns})


if __name__ == "__main__":
    weir.main()
