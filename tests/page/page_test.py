"""Runs node on the page (web/): tsc checks the types that the comments of the modules declare, and `node --test` runs the
*_test.mjs files of this folder."""
import gzip
import pathlib
import shutil
import subprocess
import unittest

from tests.harness import weir

HERE = pathlib.Path(__file__).parent
TSC = weir.ROOT / "build/vendor/node_modules/typescript/bin/tsc"


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if shutil.which("node") is None:
            weir.missing("node (nodejs)")

    def run_node(self, *words):
        done = subprocess.run(["node", *map(str, words)], cwd=weir.ROOT, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_types_of_the_modules_are_right(self):
        if not TSC.exists():
            weir.missing("npm typescript (scripts/setup test)")
        self.run_node(TSC, "--project", "web")

    def test_every_module_is_type_checked(self):
        modules = sorted((weir.ROOT / "web").glob("*.js"))
        self.assertGreaterEqual(len(modules), 4)
        self.assertEqual([path.name for path in modules if path.read_text().split("\n")[0] != "// @ts-check"], [])

    def test_the_page_is_small(self):
        names = [path for path in (weir.ROOT / "web").iterdir() if path.suffix in (".js", ".html", ".css", ".svg")]
        size = sum(len(gzip.compress(path.read_bytes())) for path in names)
        self.assertLess(size, 100_000, "bytes as gzip")

    def test_the_pure_functions_are_right(self):
        files = sorted(HERE.glob("*_test.mjs"))
        self.assertGreaterEqual(len(files), 3)
        self.run_node("--test", *files)


if __name__ == "__main__":
    weir.main()
