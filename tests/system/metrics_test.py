"""GET /metrics as Prometheus reads it: promtool (Debian package prometheus) finds nothing to complain about, the alert rules
name only metrics that exist, and clients cannot create series."""
import http.client
import re
import shutil
import subprocess
import unittest

from tests.harness import weir

ALERTS = weir.ROOT / "deploy/alerts.yml"
# Only processes that export spans have these.
OPTIONAL = {"weir_trace_dropped_spans_total"}


def promtool(*arguments, text=None):
    """Runs promtool in deploy/ and returns (exit code, output)."""
    if shutil.which("promtool") is None:
        weir.missing("promtool (the package prometheus)")
    done = subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True, cwd=ALERTS.parent,
                          timeout=60)
    return done.returncode, done.stdout + done.stderr


class Alerts(unittest.TestCase):
    def test_each_alert_fires_when_it_must_and_is_silent_when_all_is_well(self):
        self.assertEqual(promtool("check", "rules", ALERTS.name)[0], 0)
        code, output = promtool("test", "rules", "alerts_test.yml")
        self.assertEqual(code, 0, output)
        tests = (ALERTS.parent / "alerts_test.yml").read_text()
        for alert in re.findall(r"- alert: (\w+)", ALERTS.read_text()):
            self.assertEqual(len(re.findall(rf"alertname: {alert}\b", tests)), 2, f"{alert}: one silent, one firing")


class Metrics(weir.Case):
    def setUp(self):
        super().setUp()
        self.one = self.weir().start()
        self.assertEqual(self.one.post("/activity", weir.activity()).status, 200)
        self.assertEqual(self.one.post("/activity", "{").status, 400)
        self.one.wait_counted()
        self.one.get("/api/v1/summary")

    def text(self):
        return self.one.get("/metrics").body.decode()

    def series(self):
        return {line.rsplit(" ", 1)[0] for line in self.text().splitlines() if not line.startswith("#")}

    def test_promtool_finds_nothing_and_each_metric_is_documented(self):
        code, output = promtool("check", "metrics", text=self.text())
        self.assertEqual((code, output), (0, ""))
        documented = (weir.ROOT / "docs/metrics.md").read_text()
        for name in re.findall(r"^# TYPE (\S+)", self.text(), re.MULTILINE):
            self.assertIn(f"`{name}`", documented)

    def test_the_alert_rules_name_only_metrics_that_exist(self):
        names = set(re.findall(r"^# TYPE (\S+)", self.text(), re.MULTILINE)) | OPTIONAL
        expressions = re.findall(r"expr:(.*?)(?=\n        (?:for|labels))", ALERTS.read_text(), re.DOTALL)
        used = set(re.findall(r"\b(?:weir|process)_\w+", " ".join(expressions)))
        self.assertGreater(len(used), 8)
        self.assertEqual(used - names, set())

    def test_fault_33_the_number_of_series_is_constant_under_random_paths_and_methods(self):
        def probe(count):
            connection = http.client.HTTPConnection("127.0.0.1", self.one.port, timeout=30)
            for number in range(count):
                method = ("GET", "POST", "PUT", "BREW", "HEAD", "DELETE")[number % 6]
                connection.request(method, f"/{number:x}/api?x={number}", headers={"User-Agent": f"probe{number}"})
                reply = connection.getresponse()
                reply.read()
                if reply.will_close:
                    connection.close()
            connection.close()
        probe(60)
        self.series()
        before = self.series()
        probe(weir.rounds(3_000, 100_000))
        self.assertEqual(self.series(), before)


if __name__ == "__main__":
    weir.main()
