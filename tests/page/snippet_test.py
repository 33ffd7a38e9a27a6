"""Opens pages of another origin that include /weir.js, in Chromium (Debian's package, driven by playwright-core), and reads what
Weir has counted."""
import os
import shutil
import subprocess

from tests.harness import weir

HERE = weir.ROOT / "tests/page/snippet"
NODE_MODULES = weir.ROOT / "build/vendor/node_modules"
CHROMIUM = os.environ.get("WEIR_CHROMIUM") or shutil.which("chromium")


class Snippet(weir.Case):
    @classmethod
    def setUpClass(cls):
        if shutil.which("node") is None:
            weir.missing("node (nodejs)")
        if CHROMIUM is None:
            weir.missing("chromium")
        if not (NODE_MODULES / "playwright-core").exists():
            weir.missing("npm playwright-core (scripts/setup test)")

    def browse(self, service, **more):
        """Runs the tests of the snippet on a service. Chromium must not use a proxy of this machine."""
        environment = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        environment.update(WEIR_URL=f"http://127.0.0.1:{service.port}/", WEIR_CHROMIUM=CHROMIUM,
                           WEIR_NODE_MODULES=str(NODE_MODULES), **more)
        done = subprocess.run(["node", "--test", str(HERE / "snippet_test.mjs")], cwd=weir.ROOT, env=environment,
                              capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_each_view_of_a_page_is_counted_once(self):
        self.browse(self.weir(DIMENSIONS="plan=metadata.plan").start())

    def test_each_view_of_a_page_with_a_key_is_counted_once(self):
        self.browse(self.weir(DIMENSIONS="plan=metadata.plan", API_KEYS="page:key-of-page").start(), WEIR_KEY="key-of-page")


if __name__ == "__main__":
    weir.main()
