"""What a user sees who starts Weir for the first time, stops it, and starts it again."""
import json
import signal
import socket
import subprocess
import time

from tests.harness import weir


class FirstMinute(weir.Case):
    def test_an_event_is_in_the_summary_within_two_seconds(self):
        one = self.weir().start()
        reply = one.post("/activity", weir.activity(metadata={"page_url": "https://example.com/pricing?x=1"}))
        self.assertEqual((reply.status, reply.json()), (200, {"message": "Activity published successfully"}))
        began = time.monotonic()
        summary = weir.wait_until(lambda: (found := one.get("/api/v1/summary").json())["events"] and found, 5)
        self.assertLess(time.monotonic() - began, 2.0)
        self.assertEqual((summary["events"], summary["page_views"], summary["unique_users"]), (1, 1, 1))
        self.assertEqual(summary["unique_users_error"], 0)
        top = one.get("/api/v1/top?dimension=page").json()
        self.assertEqual([row["value"] for row in top["rows"]], ["/pricing"])
        self.assertTrue(reply.headers["X-Request-Id"])
        ever = one.summary("1970-01-01T00:00:00Z", "2200-01-01T00:00:00Z")
        self.assertEqual((ever["events"], ever["unique_users"]), (1, 1))

    def test_health_reports_each_check(self):
        one = self.weir().start()
        self.assertEqual(one.get("/health").json(), {"status": "healthy"})
        self.assertEqual(one.get("/health/live").status, 200)
        ready = one.get("/health/ready").json()
        self.assertEqual(ready["status"], "ready")
        self.assertEqual(set(ready["checks"]), {"event_log", "metrics_store", "freshness"})
        for check in ready["checks"].values():
            self.assertIn("latency_ms", check)
            self.assertIn("reason", check)
        log = ready["checks"]["event_log"]
        self.assertTrue(log["log_id"])
        self.assertEqual((log["end"], log["dedup_window_sec"], log["dedup_window_events"]), (0, 600, 1_000_000))

    def test_the_figures_survive_a_stop_and_a_start(self):
        one = self.weir().start()
        for user in range(50):
            self.assertEqual(one.post("/activity", weir.activity(f"user-{user}")).status, 200)
        self.assertEqual(one.stop(), 0)
        one.start()
        sums = one.wait_counted()
        self.assertEqual((sums["tallied"], sums["duplicate"]), (50, 0))
        self.assertEqual(one.get("/api/v1/summary").json()["unique_users"], 50)
        one.assert_identities(self)

    def test_sigterm_flushes_waiting_events(self):
        one = self.weir(FLUSH_INTERVAL_SEC=3600, BATCH_SIZE=100_000).start()
        for user in range(10):
            self.assertEqual(one.post("/activity", weir.activity(f"user-{user}")).status, 200)
        self.assertEqual(one.stop(), 0)
        with one.store() as store:
            self.assertEqual(store.execute("select sum(tallied) from activity_ledger").fetchone(), (10,))
            self.assertEqual(store.execute("select unique_users, page_view_count from user_activity_metrics"
                                           ).fetchall(), [(10, 10)])

    def test_a_second_weir_on_the_same_folder_is_refused(self):
        one = self.weir().start()
        two = self.weir()
        two.start(ready=False)
        self.assertEqual(two.process.wait(20), 1)
        self.assertIn(str(one.folder / "data"), two.log())
        self.assertEqual(one.get("/health").status, 200)

    def test_a_busy_port_is_named(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            one = self.weir()
            one.port = taken.getsockname()[1]
            one.start(ready=False)
            self.assertEqual(one.process.wait(20), 1)
            self.assertIn(str(one.port), one.log())

    def test_all_wrong_settings_are_named_together(self):
        one = self.weir(BATCH_SIZE="many", MAX_EVENT_BYTES="-3", LOG_LEVEL="loud")
        one.start(ready=False)
        self.assertEqual(one.process.wait(20), 2)
        for text in ("BATCH_SIZE", "many", "MAX_EVENT_BYTES", "-3", "LOG_LEVEL", "loud"):
            self.assertIn(text, one.log())

    def test_sigint_stops_the_process_like_sigterm(self):
        one = self.weir().start()
        one.process.send_signal(signal.SIGINT)
        self.assertEqual(one.process.wait(30), 0)


class CommandLine(weir.Case):
    def run_weir(self, *arguments):
        return subprocess.run([str(weir.BINARY), *arguments], capture_output=True, text=True, timeout=30, check=False)

    def test_help_and_version(self):
        self.assertEqual(self.run_weir("--help").returncode, 0)
        version = self.run_weir("--version")
        self.assertEqual(version.returncode, 0)
        self.assertRegex(version.stdout, r"\d+\.\d+\.\d+")
        for command in ("serve", "import", "stats", "config"):
            shown = self.run_weir(command, "--help")
            self.assertEqual(shown.returncode, 0, command)
            self.assertIn(command, self.run_weir("--help").stdout)

    def test_wrong_usage_exits_with_2(self):
        self.assertEqual(self.run_weir("dance").returncode, 2)
        self.assertEqual(self.run_weir().returncode, 2)
        self.assertEqual(self.run_weir("serve", "--no-such-option").returncode, 2)

    def test_config_shows_where_each_setting_came_from(self):
        shown = self.run_weir("config")
        self.assertEqual(shown.returncode, 0)
        self.assertIn("BATCH_SIZE", shown.stdout)

    def test_stats_shows_the_figures_of_the_api(self):
        one = self.weir().start()
        one.post("/activity", weir.activity("ada", metadata={"page_url": "/a"}))
        one.wait_counted()
        url = f"http://127.0.0.1:{one.port}"
        table = self.run_weir("stats", "--url", url)
        self.assertEqual(table.returncode, 0, table.stderr)
        self.assertIn("/a", table.stdout)
        answer = json.loads(self.run_weir("stats", "--url", url, "--format", "json").stdout)
        self.assertEqual(answer["summary"]["events"], 1)
        self.assertEqual(self.run_weir("stats", "--url", f"http://127.0.0.1:{weir.free_port()}").returncode, 1)


if __name__ == "__main__":
    weir.main()
