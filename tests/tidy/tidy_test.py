"""Checks the rules of the tree that a program can check: include direction, sizes, names, words, links."""
import pathlib
import re
import subprocess
import unittest

import language  # beside this file

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Modules by height: a module includes only modules of a lower number, so modules on one line do not include each other.
HEIGHT = {
    "base": 0,
    "activity": 1, "telemetry": 1, "decompress": 1, "tls": 1, "formats": 1, "schema": 1, "kafka_protocol": 1,
    "base64": 1,
    "tally": 2, "access": 2, "tracing": 2, "sasl": 2,
    "intake": 3, "commit": 3, "report": 3,
    "consumer": 4, "http": 4, "segment": 4,
    "kafka": 5, "postgres": 5, "sqlite": 5, "simulation": 5,
    "kafka_producer": 6, "routes": 6, "config": 6, "importer": 6, "consul": 6,
    "cli": 7,
    "app": 8,
}
# Test support: these modules, and the folder testing/ of each module. Tests include it at any height.
TEST_MODULES = {"simulation"}

# Vendor headers, and the modules that may include them.
VENDORS = {
    r"simdjson": {"activity", "formats", "consul"},
    r"boost/(asio|beast)": {"http", "kafka_producer", "app"},
    r"boost/json": {"cli", "importer", "schema"},
    r"absl/": {"report"},
    r"valijson/": {"schema"},
    r"sqlite3\.h": {"sqlite"},
    r"zlib\.h|zstd\.h|lz4frame\.h": {"decompress", "kafka_protocol"},
    r"spdlog/": {"telemetry"},
    r"CLI/|CLI11": {"app"},
    r"libpq-fe\.h": {"postgres"},
    r"librdkafka/": {"kafka"},
    r"prometheus/": {"telemetry"},
    r"openssl/": {"access", "base64", "tls", "sasl", "http"},
}

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 110
LISTED_WORDS_MAX = 1  # in 1,000 words of comments, and of documents
BANNED_NAMES = {"util", "utils", "common", "helper", "helpers", "manager", "misc"}
BANNED_WORDS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def tracked(*patterns):
    names = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).exists()]


def sources():
    return tracked("src/*.cpp", "src/*.hpp")


def module_of(path):
    return path.relative_to(ROOT / "src").parts[0]


def is_test(path):
    return path.name.endswith("_test.cpp")


def is_test_support(path):
    return "testing" in path.parts or module_of(path) in TEST_MODULES


def is_production(path):
    return not is_test(path) and not is_test_support(path)


RAW_STRING = re.compile(r'R"(\w*)\(.*?\)\1"', re.DOTALL)


def without_raw_strings(text):
    """Returns the text with each raw string (SQL, expected JSON) reduced to its line ends."""
    return RAW_STRING.sub(lambda found: "\n" * found.group().count("\n"), text)


NO_FUNCTION = re.compile(r"\s*(if|for|while|switch|else|do|case|return|namespace|class|struct|enum|union)\b|\s*[#}/]")
FUNCTION_HEAD = re.compile(r"\)\s*(const|noexcept|override|final|mutable|->\s*[\w:<>,&* ]+|:\s.*|\s)*\{$")


def function_lengths(text):
    """(first line, length) of each function body that begins at column 0 to 4 and ends with a `}` at that column.

    The head of a function may span several lines: parameters, the initializers of a constructor. So lines are joined up
    to the one that ends with `{`, `;` or `}`. A `{` within open parentheses or braces is that of a lambda.
    """
    head, first, close = "", 0, None
    for number, line in enumerate(text.split("\n"), 1):
        if close is not None:
            if line == close:
                yield first, number - first + 1
                close = None
            continue
        if not head:
            if re.match(r" {5}|\s*$", line) or NO_FUNCTION.match(line):
                continue
            first = number
        head += line.split("//")[0].rstrip() + " "
        end = head.rstrip()[-1:]
        opens_one = head.count("{") - head.count("}") == 1 and head.count("(") == head.count(")")
        if end == "{" and opens_one and FUNCTION_HEAD.search(head.rstrip()):
            close = re.match(" *", head).group() + "}"
        if end in "{;}:":
            head = ""


def includes(path):
    """Yields (where, header) of each header of the project that the file includes."""
    for number, line in enumerate(path.read_text().split("\n"), 1):
        found = INCLUDE.match(line)
        if found and found.group(1) == '"':
            yield f"{path.relative_to(ROOT)}:{number}: includes {found.group(2)}", found.group(2)


class Tree(unittest.TestCase):
    def assert_none(self, faults):
        self.assertFalse(faults, "\n" + "\n".join(faults))

    def test_a_module_includes_only_modules_below_it(self):
        faults = []
        for path in sources():
            module = module_of(path)
            self.assertIn(module, HEIGHT, f"{path}: ARCHITECTURE.md has no such module")
            for where, included in includes(path):
                other = included.split("/")[0]
                if other not in HEIGHT:
                    if not (is_test(path) and included.startswith("support/")):
                        faults.append(where + ": no module has this header")
                elif is_test(path) and other in TEST_MODULES:
                    continue
                elif other != module and HEIGHT[other] >= HEIGHT[module]:
                    faults.append(where + f": {other} is not below {module}")
        self.assert_none(faults)

    def test_production_code_includes_no_test_support(self):
        faults = [where for path in sources() if is_production(path) for where, included in includes(path)
                  if "/testing/" in included or included.split("/")[0] in TEST_MODULES]
        self.assert_none(faults)

    def test_a_vendors_headers_stay_in_their_module(self):
        faults = []
        for path in sources():
            for number, line in enumerate(path.read_text().split("\n"), 1):
                found = INCLUDE.match(line)
                if not found or found.group(1) != "<":
                    continue
                for pattern, modules in VENDORS.items():
                    if re.match(pattern, found.group(2)) and module_of(path) not in modules and not is_test(path):
                        faults.append(f"{path.relative_to(ROOT)}:{number}: {found.group(2)} belongs to {sorted(modules)}")
        self.assert_none(faults)

    def test_files_functions_and_lines_are_short(self):
        faults = []
        for path in sources():
            text = path.read_text()
            where = path.relative_to(ROOT)
            if text.count("\n") > FILE_LINES_MAX and not is_test(path):
                faults.append(f"{where}: {text.count(chr(10))} lines, at most {FILE_LINES_MAX}")
            for number, line in enumerate(without_raw_strings(text).split("\n"), 1):
                if len(line) > LINE_COLUMNS_MAX:
                    faults.append(f"{where}:{number}: {len(line)} columns, at most {LINE_COLUMNS_MAX}")
            for number, length in function_lengths(text):
                if length > FUNCTION_LINES_MAX:
                    faults.append(f"{where}:{number}: a function of {length} lines, at most {FUNCTION_LINES_MAX}")
        self.assert_none(faults)

    def test_no_file_name_without_meaning_and_no_unfinished_work(self):
        faults = []
        for path in tracked("src", "tests", "bench", "web", "scripts"):
            if path.name == "tidy_test.py":
                continue
            if set(re.split(r"[_.\-]", path.name.lower())) & BANNED_NAMES:
                faults.append(f"{path.relative_to(ROOT)}: name it after what it is")
            try:
                text = path.read_text()
            except UnicodeDecodeError:
                continue
            for number, line in enumerate(text.split("\n"), 1):
                if BANNED_WORDS.search(line):
                    faults.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
        self.assert_none(faults)

    def test_no_python_suite_has_the_name_of_a_modules_unit_tests(self):
        """ctest tells tests apart by their names: of two alike, `make test` would not build one."""
        self.assert_none([str(path) for path in (ROOT / "tests").rglob("*_test.py")
                          if path.stem.removesuffix("_test") in HEIGHT])

    def test_each_header_has_one_include_guard(self):
        faults = []
        for path in sources():
            if path.suffix == ".hpp" and path.read_text().count("#pragma once") != 1:
                faults.append(f"{path.relative_to(ROOT)}: #pragma once")
        self.assert_none(faults)

    def test_pure_modules_read_no_clock_and_no_unit_test_sleeps(self):
        clock = re.compile(r"(system_clock|steady_clock)::now|\bread_clock\(\)|\btime\(nullptr\)|gettimeofday")
        sleep = re.compile(r"sleep_for|sleep_until|\busleep\(|\bsleep\(")
        pure = {"access", "activity", "decompress", "tally", "formats", "report", "intake", "commit"}
        faults = []
        for path in sources():
            module = module_of(path)
            for number, line in enumerate(path.read_text().split("\n"), 1):
                if line.lstrip().startswith("//"):
                    continue
                if module in pure and not is_test(path) and clock.search(line):
                    faults.append(f"{path.relative_to(ROOT)}:{number}: a pure module gets the time as a parameter")
                if is_test(path) and sleep.search(line):
                    faults.append(f"{path.relative_to(ROOT)}:{number}: no unit test sleeps")
        self.assert_none(faults)

    def test_comments_and_documents_use_the_words_of_the_field(self):
        for kind, (listed, words) in language.figures().items():
            places = [f"{path.relative_to(ROOT)}:{line}: {word}" for path, line, word in language.places()
                      if language.kind_of(path) == kind]
            with self.subTest(kind):
                self.assertLessEqual(1000 * listed, LISTED_WORDS_MAX * words, "\n" + "\n".join(places))

    def test_documents_link_only_to_existing_files(self):
        faults = []
        for path in tracked("*.md"):
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text()):
                if re.match(r"[a-z]+:", target):
                    continue
                if not (path.parent / target).exists():
                    faults.append(f"{path.relative_to(ROOT)}: {target}")
        self.assert_none(faults)

    def test_every_fault_of_the_reliability_page_has_a_test_with_its_number(self):
        page = (ROOT / "docs" / "RELIABILITY.md").read_text()
        promised = re.findall(r"^\| (\d+) \|", page, re.MULTILINE)
        self.assertTrue(promised)
        faults = [f"docs/RELIABILITY.md: {number} has no test" for number in promised
                  if subprocess.run([ROOT / "scripts" / "prove", number, "--list"], capture_output=True).returncode != 0]
        self.assert_none(faults)


class FunctionLengths(unittest.TestCase):
    def test_a_head_of_several_lines_and_a_lambda_are_told_apart(self):
        text = """
Result<int> Thing::next(const Some& some,
                        bool at_once) {
  const bool any = any_of(some, [](int one) {
    return one > 0;
  });
  return any;
}

Thing::Thing(int first)
    : first_(first),
      second_{first} {
  first_ += 1;
}

constexpr Spec spec{[](int value) {
                      return value;
                    },
                    1};
"""
        self.assertEqual(list(function_lengths(text)), [(2, 7), (10, 5)])


if __name__ == "__main__":
    unittest.main()
