"""weir export and weir stats against a running service: all rows, to the digit, in constant memory."""
import csv
import io
import json
import os
import subprocess
import urllib.parse

from tests.harness import many_values, weir

DAYS = 40
VALUES = DAYS * many_values.VALUES_A_DAY


def run(*arguments, **environment):
    return subprocess.run([str(weir.BINARY), *arguments], capture_output=True, env={**os.environ, **environment}, timeout=120)


class Export(weir.Case):
    def with_events(self):
        one = self.weir(DIMENSIONS="plan=metadata.plan").start()
        body = [weir.activity(f"user-{n % 17}", when=weir.now(-600 * n),
                              metadata={"page_url": f"/{n % 600}", "plan": f"=plan{n % 3}"}) for n in range(1300)]
        self.assertEqual(one.post("/activities", json.dumps(body)).status, 200)
        one.wait_counted()
        return one

    def export(self, one, *arguments):
        done = run("export", "--url", f"http://127.0.0.1:{one.port}", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def rows(self, one, *arguments):
        return list(csv.DictReader(io.StringIO(self.export(one, *arguments))))

    def test_the_rows_are_those_of_the_api(self):
        one = self.with_events()
        span = ["--from", weir.now(-10 * 86400), "--to", weir.now(3600)]
        query = urllib.parse.urlencode({"from": span[1], "to": span[3]})
        summary = one.get(f"/api/v1/summary?{query}").json()
        figures = ("events", "page_views", "unique_users")

        total, = self.rows(one, *span)
        self.assertEqual([int(total[name]) for name in figures], [summary[name] for name in figures])
        series = one.get(f"/api/v1/timeseries?{query}&interval=day&tz=Asia/Tokyo").json()["points"]
        days = self.rows(one, *span, "--interval", "day", "--tz", "Asia/Tokyo")
        self.assertEqual([{**day, **{name: int(day[name]) for name in figures}} for day in days], series)
        for dimension in ("page", "plan", "activity_type"):
            top = one.get(f"/api/v1/top?{query}&dimension={dimension}&limit=500").json()
            rows = [json.loads(line) for line in self.export(one, *span, "--dimension", dimension, "--format", "ndjson").splitlines()]
            values = {row["value"]: row for row in rows}
            self.assertEqual(len(values), len(rows))
            for row in top["rows"]:
                self.assertEqual({**row, "time": summary["from"]}, values[row["value"]])
            self.assertEqual(sum(row["events"] for row in rows), summary["events"])
        self.assertEqual(len(self.rows(one, *span, "--dimension", "page")), 600, "more than a top list has")
        self.assertEqual({row["plan"] for row in self.rows(one, *span, "--dimension", "plan")},
                         {"'=plan0", "'=plan1", "'=plan2"}, "spreadsheets take no formula")

    def test_many_rows_pass_in_constant_memory(self):
        one = self.weir(KAFKA_TOPIC=many_values.TOPIC, RETENTION_DAY_DAYS=0).start()
        one.stop()
        many_values.fill_sqlite(one.folder / "data" / "metrics.db", many_values.rows(VALUES))
        one.start()
        before = many_values.peak_mb(one.process)
        text = self.export(one, "--from", "2015-01-01T00:00:00Z", "--dimension", "page")
        self.assertEqual(text.count("\r\n"), VALUES + 1)
        self.assertLess(many_values.peak_mb(one.process), before + 30)

    def test_refusals_and_a_service_that_is_gone_end_with_1(self):
        one = self.weir().start()
        url = f"http://127.0.0.1:{one.port}"
        for arguments, words in ((["--tz", "Mars/Base"], "tz is 'Mars/Base'"), (["--dimension", "plan"], "dimension is 'plan'"),
                                 (["--from", "yesterday"], "from: ")):
            done = run("export", "--url", url, *arguments)
            self.assertEqual((done.returncode, done.stdout), (1, b""), arguments)
            self.assertIn(words, done.stderr.decode().splitlines()[-1])
        self.assertEqual(run("export", "--format", "xml").returncode, 2)
        one.stop()
        self.assertEqual(run("export", "--url", url).returncode, 1)
        one.start()
        with open("/dev/full", "w") as full:
            done = subprocess.run([str(weir.BINARY), "export", "--url", url], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)

    def test_stats_fit_the_width_and_show_local_times(self):
        one = self.with_events()
        url = f"http://127.0.0.1:{one.port}"
        for columns in (40, 60, 80, 132, 300):
            done = run("stats", "--url", url, "--interval", "hour", COLUMNS=str(columns))
            self.assertEqual(done.returncode, 0, done.stderr)
            lines = done.stdout.decode().splitlines()
            self.assertLessEqual(max(map(len, lines)), columns)
            self.assertTrue(any(line.startswith("plan") for line in lines), "own dimensions are shown")
            self.assertNotIn("\x1b", done.stdout.decode())
        text = run("stats", "--url", url, "--tz", "Asia/Tokyo", "--interval", "day").stdout.decode()
        self.assertIn("+09:00", text.splitlines()[0])

    def test_stats_watch_prints_again(self):
        one = self.with_events()
        with subprocess.Popen([str(weir.BINARY), "stats", "--url", f"http://127.0.0.1:{one.port}", "--watch"],
                              stdout=subprocess.PIPE) as process:
            seen = b""
            while seen.count(b"\x1b[H") < 2:
                seen += os.read(process.stdout.fileno(), 1 << 16)
            process.terminate()


if __name__ == "__main__":
    weir.main()
