"""Opens the page in Chromium (Debian's package, driven by playwright-core). Each test starts its own Weir, fills it, and runs
one file of tests/page/browser by `node --test`. The screenshots stay in build/screenshots."""
import re
import subprocess
import sys

from tests.checker import access_log
from tests.harness import weir
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

    def with_access_log(self):
        """Returns a service that has counted an access log: the real one, or a generated one."""
        service = self.weir().start()
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

    def test_the_page_has_no_fault_of_layout_and_can_be_used_without_seeing_it(self):
        empty = self.weir("empty").start()
        self.browse("layout", self.with_traffic(), WEIR_EMPTY_URL=f"http://127.0.0.1:{empty.port}/")

    def test_the_page_offers_what_this_weir_can_do(self):
        self.browse("features", self.with_traffic())

    def test_the_page_follows_what_is_counted(self):
        self.browse("live", self.weir().start())

    def test_fault_36_text_of_clients_stays_text(self):
        self.browse("hostile", self.weir(DIMENSIONS="plan=metadata.plan").start())


if __name__ == "__main__":
    weir.main()
