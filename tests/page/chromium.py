"""Runs tests in node that drive Chromium (Debian's package) by playwright-core, on a running Weir."""
import os
import shutil
import subprocess

from tests.harness import weir

NODE_MODULES = weir.ROOT / "build/vendor/node_modules"
CHROMIUM = os.environ.get("WEIR_CHROMIUM") or shutil.which("chromium")


class ChromiumCase(weir.Case):
    @classmethod
    def setUpClass(cls):
        if shutil.which("node") is None:
            weir.missing("node (nodejs)")
        if CHROMIUM is None:
            weir.missing("chromium")
        if not (NODE_MODULES / "playwright-core").exists():
            weir.missing("npm playwright-core (scripts/setup test)")

    def run_node(self, path, service, seconds, **more):
        """Runs a file by `node --test` and returns its output. Chromium must not use a proxy of this machine."""
        environment = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        environment.update(WEIR_URL=f"http://127.0.0.1:{service.port}/", WEIR_CHROMIUM=CHROMIUM,
                           WEIR_NODE_MODULES=str(NODE_MODULES), **more)
        done = subprocess.run(["node", "--test", str(path)], cwd=weir.ROOT, env=environment,
                              capture_output=True, text=True, timeout=seconds)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout
