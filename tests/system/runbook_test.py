"""The run book names what operators meet: each alert has a recipe, each error code a hint, and each test it names exists."""
import re
import unittest

from tests.harness import weir

OPERATING = (weir.ROOT / "docs/OPERATING.md").read_text()
# How the source states the code of an error.
CODES = (r'ErrorKind::\w+,\s*"([a-z0-9_]+)"', r'string_view code_\w+ = "([a-z0-9_]+)"', r'fail_with\(\s*"([a-z0-9]+_[a-z0-9_]+)"',
         r'TextRule \w+\{"[^"]+",\s*"([a-z0-9_]+)"')


def sources():
    """Yields (path, text without comments, which may have examples) of each file of the program."""
    for path in (weir.ROOT / "src").rglob("*.[ch]pp"):
        if not path.stem.endswith("_test") and not {"testing", "simulation"} & set(path.parts):
            yield path, re.sub(r"//.*", "", path.read_text())


class RunBook(unittest.TestCase):
    def test_each_alert_has_a_recipe(self):
        alerts = re.findall(r"- alert: (\w+)", (weir.ROOT / "deploy/alerts.yml").read_text())
        self.assertGreater(len(alerts), 5)
        headings = re.findall(r"(?m)^### (\w+)$", OPERATING)
        self.assertEqual([alert for alert in alerts if alert not in headings], [])

    def test_each_error_code_has_a_hint(self):
        page = (weir.ROOT / "docs/errors.md").read_text()
        found, literals = {}, set()
        for path, text in sources():
            literals |= set(re.findall(r'"([a-z0-9_]+)"', text))
            found |= {code: path.name for pattern in CODES for code in re.findall(pattern, text)}
        self.assertGreater(len(found), 100)
        self.assertEqual({code: name for code, name in found.items() if f"`{code}`" not in page}, {})
        documented = set(re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+)+)`", page))
        self.assertEqual(documented - literals, set(), "on the page and not in the source")

    def test_the_files_that_the_run_book_names_exist(self):
        for path in set(re.findall(r"`((?:tests|deploy|src|scripts)/[\w./-]+)`", OPERATING)):
            self.assertTrue((weir.ROOT / path).exists(), path)


if __name__ == "__main__":
    weir.main()
