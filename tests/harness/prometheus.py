"""A real Prometheus server that scrapes one target each second."""
import json
import pathlib
import shutil
import urllib.parse
import urllib.request

from tests.harness import server, weir

SCRAPE = "global: {{scrape_interval: 1s}}\nscrape_configs:\n- {{job_name: weir, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n"


def needed():
    for program in ("prometheus", "promtool"):
        if shutil.which(program) is None:
            weir.missing(f"{program} (Debian's package prometheus)")


class Prometheus(server.Server):
    NAME = "Prometheus"

    def __init__(self, folder, target_port):
        super().__init__(folder)
        self.port, self.target_port = weir.free_port(), target_port

    def start(self):
        config = pathlib.Path(self.folder) / "prometheus.yml"
        config.write_text(SCRAPE.format(port=self.target_port))
        self.launch(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.folder / 'data'}",
                     f"--web.listen-address=127.0.0.1:{self.port}"])
        self.wait_until(lambda: self.query("vector(1)"), 120)
        return self

    def query(self, expression):
        """Returns the values of an instant query, as numbers."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=20) as answer:
            return [float(each["value"][1]) for each in json.load(answer)["data"]["result"]]
