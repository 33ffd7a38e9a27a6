"""A real Prometheus (Debian package prometheus) that scrapes given ports every second."""
import json
import shutil
import urllib.parse
import urllib.request

from tests.harness import server, weir


def needed():
    for program in ("prometheus", "promtool"):
        if shutil.which(program) is None:
            weir.missing(f"{program} (Debian's package prometheus)")


class Prometheus(server.Server):
    """`targets`: {instance: port}, the label `instance` of each process. `rules`: the text of a file with rules."""

    NAME = "Prometheus"

    def __init__(self, folder, targets, rules="groups: []\n"):
        super().__init__(folder)
        self.port = weir.free_port()
        (self.folder / "rules.yml").write_text(rules)
        scraped = "".join(f'      - {{targets: ["127.0.0.1:{port}"], labels: {{instance: "{name}"}}}}\n'
                          for name, port in targets.items())
        (self.folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
            f"rule_files: [{self.folder / 'rules.yml'}]\n"
            f"scrape_configs:\n  - job_name: weir\n    static_configs:\n{scraped}")

    def start(self):
        self.launch(["prometheus", f"--config.file={self.folder / 'prometheus.yml'}",
                     f"--storage.tsdb.path={self.folder / 'data'}", f"--web.listen-address=127.0.0.1:{self.port}",
                     "--log.level=warn"])
        self.wait_until(lambda: self._get("/-/ready", text=True))
        return self

    def query(self, expression):
        """Returns {instance: value} of an instant query. A result without the label has the key ''."""
        found = self._get("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))["data"]["result"]
        return {one["metric"].get("instance", ""): float(one["value"][1]) for one in found}

    def rules(self):
        """Returns the alert rules: dicts with name, health, lastError, state, evaluationTime."""
        return [rule for group in self._get("/api/v1/rules")["data"]["groups"] for rule in group["rules"]]

    def alerts(self, name):
        """Returns {instance: "pending" or "firing"} of an alert."""
        return {one["labels"].get("instance", ""): one["state"] for one in self._get("/api/v1/alerts")["data"]["alerts"]
                if one["labels"]["alertname"] == name}

    def _get(self, path, text=False):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=20) as reply:
            body = reply.read()
        return body.decode() if text else json.loads(body)
