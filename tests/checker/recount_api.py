"""Asks the API what the recount knows: whole days, and ranges and filters picked by a seed."""
import collections
import random
import urllib.parse

from tests.checker import recount as recounting
from tests.checker.recount import moment
from tests.checker.recount_store import LEDGER

WHAT = "events, page views, users"
EXACT_TO = 4096
ERROR = 0.027  # the largest relative standard error that an answer may name beyond


def ask_api(recount, api, complete_from, seed, findings):
    """Adds what differs to `findings`, under ledger, summary, timeseries and top."""
    Asking(recount, api, complete_from, random.Random(seed), findings).ask_all()


class Asking:
    def __init__(self, recount, api, complete_from, dice, findings):
        self.recount, self.api, self.complete_from = recount, api, complete_from
        self.dice, self.findings = dice, findings
        # {granularity: {dimension: {value: [(start, Cell), …]}}}, and the days in which not every value has a name
        self.cells = {name: {dimension: collections.defaultdict(list) for dimension in recounting.DIMENSIONS}
                      for name in recounting.GRANULARITIES}
        for granularity, cells in recount.windows.items():
            for (start, _, dimension, value), cell in cells.items():
                self.cells[granularity][dimension][value].append((start, cell))
        self.full = {(start // 86400, dimension)
                     for start, _, dimension in recounting.full_windows(recount.windows["day"])}
        self.starts = sorted({start for start, *_ in recount.windows["hour"]})

    def ask_all(self):
        self.ask_ledger()
        if not self.starts:
            return
        everything = self.starts[0] // 86400 * 86400, self.starts[-1] // 86400 * 86400 + 86400
        self.ask_summary(*everything)
        for dimension in recounting.DIMENSIONS[1:]:
            for sort in ("events", "page_views", "unique_users"):
                self.ask_top(*everything, dimension, sort, 500)
        for day in sorted({start // 86400 * 86400 for start in self.starts}):
            self.ask_summary(day, day + 86400)
            self.ask_series(day, day + 86400, "day")
        for _ in range(20):
            begin, end = self.some_range()
            self.ask_summary(begin, end)
            self.ask_summary(begin, end, *self.some_filter())
            self.ask_series(begin, end, self.dice.choice(["minute", "hour", "day"]))
            self.ask_series(begin, end, "hour", *self.some_filter())
            self.ask_top(begin, end, self.dice.choice(recounting.DIMENSIONS[1:]),
                         self.dice.choice(["events", "page_views", "unique_users"]), self.dice.randrange(1, 60))

    def some_range(self):
        """It begins in an hour in which something was, and lasts seconds to days."""
        hour = self.dice.choice(self.starts[-48:] if self.dice.random() < 0.7 else self.starts)
        begin = hour + self.dice.randrange(3600)
        return begin, begin + self.dice.choice([1, 59, 60, 600, 3600, 5000, 86400, 100_000]) + self.dice.randrange(60)

    def some_filter(self):
        dimension = self.dice.choice(recounting.DIMENSIONS[1:])
        values = sorted(value for value in self.cells["day"][dimension] if value != recounting.OTHER)
        return dimension, self.dice.choice(values)

    # What the recount says of a range.

    def used(self, begin, end):
        """The range that is answered, and its finest granularity."""
        for granularity in ("minute", "hour", "day"):
            width = recounting.GRANULARITIES[granularity]
            first = begin // width * width
            if first >= self.complete_from[granularity] or granularity == "day":
                return first, -(-end // width) * width, granularity

    def gather(self, granularity, dimension, value, begin, end):
        found = recounting.Cell()
        for start, cell in self.cells[granularity][dimension].get(value, ()):
            if begin <= start < end:
                found.add(cell)
        return found

    def is_full(self, dimension, begin, end):
        return any((day, dimension) in self.full for day in range(begin // 86400, -(-end // 86400)))

    # Questions.

    def get(self, path, begin=None, end=None, where=("total", ""), **parameters):
        """The answer, and the question; None if there was none. What differs is found under the path's name."""
        if begin is not None:
            parameters |= {"from": moment(begin), "to": moment(end)}
        if where[0] != "total":
            parameters |= [where]
        question = f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        answer = self.api.get(question)
        if answer.status != 200:
            self.findings.add(path, f"{question} is answered with {answer.status}: {answer.body[:300]!r}")
            return None, question
        return answer.json(), question

    def ask_ledger(self):
        answer, _ = self.get("ledger")
        if answer is None:
            return
        lines = {line["partition"]: line for line in answer["partitions"]}
        self.findings.differ("ledger", "the set of partitions", sorted(lines), sorted(self.recount.ledger_rows))
        for partition, line in lines.items():
            account = self.recount.ledger_rows.get(partition)
            for column in LEDGER if account else ():
                wanted = getattr(account, column)
                self.findings.differ("ledger", f"partition {partition}'s {column}", line[column], wanted)
            self.findings.differ("ledger", f"partition {partition}'s lag", line["lag"], 0)
        for column in ("read", "tallied", "duplicate", "dead_lettered", "skipped"):
            self.findings.differ("ledger", f"the sum of {column}", answer["sums"][column],
                                 sum(getattr(account, column) for account in self.recount.ledger_rows.values()))

    def ask_summary(self, begin, end, dimension="total", value=""):
        answer, question = self.get("summary", begin, end, (dimension, value))
        if answer is None:
            return
        first, last, granularity = self.used(begin, end)
        self.findings.differ("summary", f"{question}: the range", (answer["from"], answer["to"]),
                             (moment(first), moment(last)))
        self.compare("summary", question, answer, self.gather(granularity, dimension, value, first, last),
                     self.is_full(dimension, first, last))

    def ask_series(self, begin, end, interval, dimension="total", value=""):
        first, last, granularity = self.used(begin, end)
        width = max(recounting.GRANULARITIES[interval], recounting.GRANULARITIES[granularity])
        answer, question = self.get("timeseries", begin, end, (dimension, value), interval=interval)
        if answer is None:
            return
        starts = list(range(first // width * width, last, width))
        self.findings.differ("timeseries", f"{question}: the times", [point["time"] for point in answer["points"]],
                             list(map(moment, starts)))
        wanted = collections.defaultdict(recounting.Cell)
        for start, cell in self.cells[granularity][dimension].get(value, ()):
            if first <= start < last:
                wanted[start // width * width].add(cell)
        full = self.is_full(dimension, first, last)
        for start, point in zip(starts, answer["points"]):
            self.compare("timeseries", f"{question} at {moment(start)}", point, wanted[start], full)

    def ask_top(self, begin, end, dimension, sort, limit):
        answer, question = self.get("top", begin, end, dimension=dimension, sort=sort, limit=limit)
        if answer is None:
            return
        first, last, granularity = self.used(begin, end)
        total = self.gather(granularity, "total", "", first, last)
        for number in ("events", "page_views"):
            rows_and_other = sum(row[number] for row in answer["rows"]) + answer["other"][number]
            self.findings.differ("top", f"{question}: {number} of rows and other", rows_and_other,
                                 getattr(total, number))
        found = {value: self.gather(granularity, dimension, value, first, last)
                 for value in self.cells[granularity][dimension]}
        full = self.is_full(dimension, first, last)
        for row in answer["rows"]:
            self.compare("top", f"{question}: {row['value']!r}", row, found.get(row["value"], recounting.Cell()), full)
        if not full and len(total.users) <= EXACT_TO:
            ranked = sorted((-rank(cell, sort), value) for value, cell in found.items()
                            if cell.events and value != recounting.OTHER)
            self.findings.differ("top", f"{question}: the order", [row["value"] for row in answer["rows"]],
                                 [value for _, value in ranked[:limit]])

    def compare(self, kind, question, answer, cell, full):
        """`full`: some windows of this range had no place for every value, so that a value may have less."""
        found = answer["events"], answer["page_views"], answer["unique_users"]
        wanted = cell.events, cell.page_views, len(cell.users)
        if full:
            if any(one > most for one, most in zip(found, wanted)):
                self.findings.add(kind, f"{question}: {WHAT} is {found}, by the recount at most {wanted}")
        elif wanted[2] > EXACT_TO:
            if found[:2] != wanted[:2] or abs(found[2] - wanted[2]) > 3 * ERROR * wanted[2]:
                self.findings.add(kind, f"{question}: {WHAT} is {found}, by the recount about {wanted}")
        else:
            self.findings.differ(kind, f"{question}: {WHAT}", found, wanted)
            if "unique_users_error" in answer:
                self.findings.differ(kind, f"{question}: unique_users_error", answer["unique_users_error"], 0)


def rank(cell, sort):
    return len(cell.users) if sort == "unique_users" else getattr(cell, sort)

