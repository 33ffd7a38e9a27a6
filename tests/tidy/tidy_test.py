#!/usr/bin/env python3
"""The rules of the tree that a machine can hold. A rule that no machine checks decays."""
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Rooms by height: a room includes only rooms of a lower number; rooms on one line never see each other.
HEIGHT = {
    "base": 0,
    "activity": 1, "observe": 1, "inflate": 1,
    "tally": 2, "dialects": 2, "formats": 2,
    "intake": 3, "rollup": 3, "report": 3,
    "http": 4, "kafka": 4, "postgres": 4, "sqlite": 4,
    "routes": 5, "config": 5, "feed": 5,
    "cli": 6,
    "app": 7,
}

# Vendor headers, and the rooms that may include them.
VENDORS = {
    r"simdjson": {"activity", "dialects", "formats"},
    r"boost/(asio|beast)": {"http", "app"},
    r"boost/json": {"cli"},
    r"sqlite3\.h": {"sqlite"},
    r"zlib\.h|zstd\.h": {"inflate"},
    r"spdlog/": {"observe"},
    r"CLI/|CLI11": {"app"},
    r"libpq-fe\.h": {"postgres"},
    r"librdkafka/": {"kafka"},
    r"prometheus/": {"observe"},
}

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 140
BANNED_NAMES = {"util", "utils", "common", "helper", "helpers", "manager", "misc"}
BANNED_WORDS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def tracked(*patterns):
    names = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).exists()]


def sources():
    return tracked("src/*.cpp", "src/*.hpp")


def room_of(path):
    return path.relative_to(ROOT / "src").parts[0]


def is_test(path):
    return path.name.endswith("_test.cpp")


def function_lengths(text):
    """(first line, length) of each function body: a `{` at column 0–4 behind a `)`, to the `}` at the same column."""
    lines = text.split("\n")
    start = None
    for number, line in enumerate(lines, 1):
        opens = re.match(r"^( {0,4})\S.*\)\s*(const|noexcept|override|final|mutable|->\s*[\w:<>,&* ]+|\s)*\{$", line)
        if start is None and re.match(r"^ {4}: .*\{$", line):  # a constructor's initializers on one line
            start = (number, "")
        elif opens and start is None and not re.match(r"^\s*(if|for|while|switch|else|namespace|do|constexpr [\w:]+ \w+{)", line):
            start = (number, opens.group(1))
        elif start is not None and line == start[1] + "}":
            yield start[0], number - start[0] + 1
            start = None


class Tree(unittest.TestCase):
    def assert_none(self, faults):
        self.assertFalse(faults, "\n" + "\n".join(faults))

    def test_a_room_includes_only_rooms_below_it(self):
        faults = []
        for path in sources():
            room = room_of(path)
            self.assertIn(room, HEIGHT, f"{path}: a room that the design does not know")
            for number, line in enumerate(path.read_text().split("\n"), 1):
                found = INCLUDE.match(line)
                if not found or found.group(1) == "<":
                    continue
                other = found.group(2).split("/")[0]
                where = f"{path.relative_to(ROOT)}:{number}: includes {found.group(2)}"
                if other not in HEIGHT:
                    if not (is_test(path) and found.group(2).startswith("support/")):
                        faults.append(where + ": not a room's header")
                elif other != room and HEIGHT[other] >= HEIGHT[room]:
                    faults.append(where + f": {other} does not stand below {room}")
        self.assert_none(faults)

    def test_a_vendors_headers_stay_in_their_room(self):
        faults = []
        for path in sources():
            for number, line in enumerate(path.read_text().split("\n"), 1):
                found = INCLUDE.match(line)
                if not found or found.group(1) != "<":
                    continue
                for pattern, rooms in VENDORS.items():
                    if re.match(pattern, found.group(2)) and room_of(path) not in rooms and not is_test(path):
                        faults.append(f"{path.relative_to(ROOT)}:{number}: {found.group(2)} belongs to {sorted(rooms)}")
        self.assert_none(faults)

    def test_files_functions_and_lines_are_short(self):
        faults = []
        for path in sources():
            text = path.read_text()
            where = path.relative_to(ROOT)
            if text.count("\n") > FILE_LINES_MAX and not is_test(path):
                faults.append(f"{where}: {text.count(chr(10))} lines, at most {FILE_LINES_MAX}")
            for number, line in enumerate(text.split("\n"), 1):
                if len(line) > LINE_COLUMNS_MAX:
                    faults.append(f"{where}:{number}: {len(line)} columns, at most {LINE_COLUMNS_MAX}")
            for number, length in function_lengths(text):
                if length > FUNCTION_LINES_MAX:
                    faults.append(f"{where}:{number}: a function of {length} lines, at most {FUNCTION_LINES_MAX}")
        self.assert_none(faults)

    def test_no_drawer_for_odds_and_ends_and_no_unfinished_work(self):
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

    def test_headers_guard_themselves_once_and_cpp_files_stand_beside_them(self):
        faults = []
        for path in sources():
            if path.suffix == ".hpp" and path.read_text().count("#pragma once") != 1:
                faults.append(f"{path.relative_to(ROOT)}: #pragma once")
        self.assert_none(faults)

    def test_only_shells_read_a_clock_and_no_unit_test_sleeps(self):
        clock = re.compile(r"(system_clock|steady_clock)::now|\bread_clock\(\)|\btime\(nullptr\)|gettimeofday")
        sleep = re.compile(r"sleep_for|sleep_until|\busleep\(|\bsleep\(")
        pure = {"activity", "inflate", "tally", "dialects", "formats", "report", "intake"}
        faults = []
        for path in sources():
            room = room_of(path)
            for number, line in enumerate(path.read_text().split("\n"), 1):
                if line.lstrip().startswith("//"):
                    continue
                if room in pure and not is_test(path) and clock.search(line):
                    faults.append(f"{path.relative_to(ROOT)}:{number}: time is handed in")
                if is_test(path) and sleep.search(line):
                    faults.append(f"{path.relative_to(ROOT)}:{number}: no unit test sleeps")
        self.assert_none(faults)

    def test_documents_link_only_to_what_is_there(self):
        faults = []
        for path in tracked("*.md"):
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text()):
                if re.match(r"[a-z]+:", target):
                    continue
                if not (path.parent / target).exists():
                    faults.append(f"{path.relative_to(ROOT)}: {target}")
        self.assert_none(faults)

    def test_every_failure_that_is_promised_about_has_a_test_of_its_number(self):
        page = (ROOT / "docs" / "RELIABILITY.md").read_text()
        promised = re.findall(r"^\| (\d+) \|", page, re.MULTILINE)
        self.assertTrue(promised)
        faults = [f"docs/RELIABILITY.md: {number} has no test" for number in promised
                  if subprocess.run([ROOT / "scripts" / "prove", number, "--list"], capture_output=True).returncode != 0]
        self.assert_none(faults)


if __name__ == "__main__":
    unittest.main()
