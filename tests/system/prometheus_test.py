"""A real Prometheus scrapes all three commands and evaluates the rules of deploy/alerts.yml."""
import json
import re
import subprocess
import time

from tests.harness import cluster, prometheus, weir

ALERTS = (weir.ROOT / "deploy/alerts.yml").read_text()
# What serve or a consumer has, and a producer has not, and the other way round.
COMMANDS = {"producer": {"weir_intake_accepted_total", "weir_kafka_published_total", "weir_log_up"},
            "consumer": {"weir_consumer_tallied_total", "weir_consumer_lag_records", "weir_consumer_flush_events",
                         "weir_consumer_dedupe_entries", "weir_consumer_capped_values_total", "weir_live_readers"},
            "serve": {"weir_intake_accepted_total", "weir_consumer_tallied_total", "weir_log_disk_free_bytes"}}


class Scraped(cluster.Case):
    def start_all(self):
        producer, = self.start("producer", RATE_LIMIT_RPS=100_000)
        consumer, = self.start("consumer")
        serve = self.processes["serve"] = self.weir("serve", DIMENSIONS="plan=metadata.plan").start()
        return {"producer": producer, "consumer": consumer, "serve": serve}

    def send(self, *processes):
        for process in processes:
            batch = [weir.activity(f"user-{number}", message_id=f"m{number}", metadata={"page_url": f"/{number}"})
                     for number in range(500)]
            self.assertEqual(process.post("/activities", json.dumps(batch)).status, 200)
            self.assertEqual(process.post("/activity", "{").status, 400)

    def test_promtool_is_silent_for_all_three_commands_and_each_metric_is_documented(self):
        prometheus.needed()
        commands = self.start_all()
        self.send(commands["producer"], commands["serve"])
        self.wait_counted()
        documented = (weir.ROOT / "docs/metrics.md").read_text()
        for name, process in commands.items():
            with self.subTest(name):
                text = process.get("/metrics").body.decode()
                done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
                self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
                found = dict(re.findall(r"^# TYPE (\S+) (\S+)", text, re.MULTILINE))
                self.assertEqual(COMMANDS[name] - set(found), set())
                for metric, kind in found.items():
                    self.assertIn(f"`{metric}`", documented)
                    self.assertEqual(metric.endswith("_total"), kind == "counter", f"{metric} is a {kind}")
                    self.assertNotRegex(metric, "_(ms|milliseconds|minutes|kb|mb)(_|$)", "base units")

    def test_prometheus_scrapes_all_commands_evaluates_each_rule_and_an_alert_fires_and_resolves(self):
        prometheus.needed()
        commands = self.start_all()
        # The expressions are those that are deployed; only the waiting times are shorter.
        rules = re.sub(r"for: \d+m", "for: 2s", ALERTS)
        watcher = prometheus.Prometheus(self.folder / "prometheus", {name: one.port for name, one in commands.items()}, rules)
        self.addCleanup(watcher.kill)
        watcher.start()
        weir.wait_until(lambda: watcher.query("up") == dict.fromkeys(commands, 1.0), 30, "all three to be up")
        self.send(commands["producer"], commands["serve"])
        self.wait_counted()

        names = set(re.findall(r"- alert: (\w+)", ALERTS))
        # At least one evaluation after the first scrapes.
        weir.wait_until(lambda: all(rule["health"] == "ok" for rule in watcher.rules()), 30, "all rules to be evaluated")
        time.sleep(3)
        for rule in watcher.rules():
            self.assertEqual((rule["health"], rule.get("lastError", "")), ("ok", ""), rule["name"])
        self.assertEqual({rule["name"] for rule in watcher.rules()}, names)
        self.assertEqual(watcher.alerts("WeirLogDown"), {})
        self.assertEqual(watcher.query("weir_log_up"), dict.fromkeys(commands, 1.0))
        # Each expression has data: a rule on a metric that does not exist would be "ok", too, and never fire.
        for metric in set(re.findall(r"\b(?:weir|process)_\w+", " ".join(rule["query"] for rule in watcher.rules()))):
            if metric != "weir_trace_dropped_spans_total":  # only with a receiver of spans
                self.assertNotEqual(watcher.query(f"count({metric})"), {}, metric)

        self.kafka.kill()
        weir.wait_until(lambda: watcher.alerts("WeirLogDown").get("producer") == "firing", 60, "WeirLogDown to fire")
        self.assertNotIn("serve", watcher.alerts("WeirLogDown"), "its log is its own")
        self.kafka.start()
        weir.wait_until(lambda: watcher.alerts("WeirLogDown") == {}, 60, "WeirLogDown to resolve")

        self.send(commands["producer"])
        self.wait_counted()
        # resets() leaves out the name, so the name is kept in another label.
        counters = 'label_replace({__name__=~"(weir|process)_.*_(total|count|sum|bucket)"}, "counter", "$1", "__name__", "(.+)")'
        resets = watcher.query(f"sum by (instance) (resets({counters}[10m:1s]))")
        self.assertEqual(resets, dict.fromkeys(commands, 0.0), "counters never go down")


if __name__ == "__main__":
    weir.main()
