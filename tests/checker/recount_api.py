"""Compares the answers of the API with the recount: for all days, and for seeded ranges and filters."""
import collections
import random
import urllib.parse

from tests.checker import recount as recounting
from tests.checker.recount import moment
from tests.checker.recount_store import LEDGER

FIGURES = "events, page views, users"
EXACT_TO = 4096
ERROR = 0.027  # the largest relative standard error of an estimate beyond that


def check_api(recount, api, complete_from, seed, findings):
    """Adds a finding for each difference, of the kinds ledger, summary, timeseries and top."""
    ApiCheck(recount, api, complete_from, random.Random(seed), findings).check_all()


class ApiCheck:
    def __init__(self, recount, api, complete_from, dice, findings):
        self.recount, self.api, self.complete_from = recount, api, complete_from
        self.dice, self.findings = dice, findings
        # {granularity: {dimension: {value: [(start, Cell), …]}}}
        self.cells = {name: {dimension: collections.defaultdict(list) for dimension in recounting.DIMENSIONS}
                      for name in recounting.GRANULARITIES}
        for granularity, cells in recount.windows.items():
            for (start, _, dimension, value), cell in cells.items():
                self.cells[granularity][dimension][value].append((start, cell))
        # the (day, dimension) in which some values are stored as (other)
        self.full = {(start // 86400, dimension)
                     for start, _, dimension in recounting.full_windows(recount.windows["day"])}
        self.starts = sorted({start for start, *_ in recount.windows["hour"]})

    def check_all(self):
        self.check_ledger()
        if not self.starts:
            return
        everything = self.starts[0] // 86400 * 86400, self.starts[-1] // 86400 * 86400 + 86400
        self.check_summary(*everything)
        for dimension in recounting.DIMENSIONS[1:]:
            for sort in ("events", "page_views", "unique_users"):
                self.check_top(*everything, dimension, sort, 500)
        for day in sorted({start // 86400 * 86400 for start in self.starts}):
            self.check_summary(day, day + 86400)
            self.check_series(day, day + 86400, "day")
        for _ in range(20):
            begin, end = self.some_range()
            self.check_summary(begin, end)
            self.check_summary(begin, end, *self.some_filter())
            self.check_series(begin, end, self.dice.choice(["minute", "hour", "day"]))
            self.check_series(begin, end, "hour", *self.some_filter())
            self.check_top(begin, end, self.dice.choice(recounting.DIMENSIONS[1:]),
                         self.dice.choice(["events", "page_views", "unique_users"]), self.dice.randrange(1, 60))

    def some_range(self):
        """Returns a range that begins in an hour with events and lasts seconds to days."""
        hour = self.dice.choice(self.starts[-48:] if self.dice.random() < 0.7 else self.starts)
        begin = hour + self.dice.randrange(3600)
        return begin, begin + self.dice.choice([1, 59, 60, 600, 3600, 5000, 86400, 100_000]) + self.dice.randrange(60)

    def some_filter(self):
        dimension = self.dice.choice(recounting.DIMENSIONS[1:])
        values = sorted(value for value in self.cells["day"][dimension] if value != recounting.OTHER)
        return dimension, self.dice.choice(values)

    # Expected figures of a range.

    def used(self, begin, end):
        """Returns the rounded range that the answer must have, and its finest granularity."""
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

    # Requests.

    def get(self, path, begin=None, end=None, where=("total", ""), **parameters):
        """Returns the answer and the path of the request. The answer is None, with a finding, if the status is not 200."""
        if begin is not None:
            parameters |= {"from": moment(begin), "to": moment(end)}
        if where[0] != "total":
            parameters |= [where]
        request = f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        answer = self.api.get(request)
        if answer.status != 200:
            self.findings.add(path, f"{request} answers {answer.status}: {answer.body[:300]!r}")
            return None, request
        return answer.json(), request

    def check_ledger(self):
        answer, _ = self.get("ledger")
        if answer is None:
            return
        lines = {line["partition"]: line for line in answer["partitions"]}
        self.findings.differ("ledger", "the set of partitions", sorted(lines), sorted(self.recount.ledger_rows))
        for partition, line in lines.items():
            row = self.recount.ledger_rows.get(partition)
            for column in LEDGER if row else ():
                wanted = getattr(row, column)
                self.findings.differ("ledger", f"partition {partition}'s {column}", line[column], wanted)
            self.findings.differ("ledger", f"partition {partition}'s lag", line["lag"], 0)
        for column in ("read", "tallied", "duplicate", "dead_lettered", "skipped"):
            self.findings.differ("ledger", f"the sum of {column}", answer["sums"][column],
                                 sum(getattr(row, column) for row in self.recount.ledger_rows.values()))

    def check_summary(self, begin, end, dimension="total", value=""):
        answer, request = self.get("summary", begin, end, (dimension, value))
        if answer is None:
            return
        first, last, granularity = self.used(begin, end)
        self.findings.differ("summary", f"{request}: the range", (answer["from"], answer["to"]),
                             (moment(first), moment(last)))
        self.compare("summary", request, answer, self.gather(granularity, dimension, value, first, last),
                     self.is_full(dimension, first, last))

    def check_series(self, begin, end, interval, dimension="total", value=""):
        first, last, granularity = self.used(begin, end)
        width = max(recounting.GRANULARITIES[interval], recounting.GRANULARITIES[granularity])
        answer, request = self.get("timeseries", begin, end, (dimension, value), interval=interval)
        if answer is None:
            return
        starts = list(range(first // width * width, last, width))
        self.findings.differ("timeseries", f"{request}: the times", [point["time"] for point in answer["points"]],
                             list(map(moment, starts)))
        wanted = collections.defaultdict(recounting.Cell)
        for start, cell in self.cells[granularity][dimension].get(value, ()):
            if first <= start < last:
                wanted[start // width * width].add(cell)
        full = self.is_full(dimension, first, last)
        for start, point in zip(starts, answer["points"]):
            self.compare("timeseries", f"{request} at {moment(start)}", point, wanted[start], full)

    def check_top(self, begin, end, dimension, sort, limit):
        answer, request = self.get("top", begin, end, dimension=dimension, sort=sort, limit=limit)
        if answer is None:
            return
        first, last, granularity = self.used(begin, end)
        total = self.gather(granularity, "total", "", first, last)
        for number in ("events", "page_views"):
            rows_and_other = sum(row[number] for row in answer["rows"]) + answer["other"][number]
            self.findings.differ("top", f"{request}: {number} of rows and other", rows_and_other,
                                 getattr(total, number))
        found = {value: self.gather(granularity, dimension, value, first, last)
                 for value in self.cells[granularity][dimension]}
        full = self.is_full(dimension, first, last)
        for row in answer["rows"]:
            self.compare("top", f"{request}: {row['value']!r}", row, found.get(row["value"], recounting.Cell()), full)
        if not full and len(total.users) <= EXACT_TO:
            ranked = sorted((-rank(cell, sort), value) for value, cell in found.items()
                            if cell.events and value != recounting.OTHER)
            self.findings.differ("top", f"{request}: the order", [row["value"] for row in answer["rows"]],
                                 [value for _, value in ranked[:limit]])

    def compare(self, kind, request, answer, cell, full):
        """`full`: some windows of this range store only a part of their values by name, so a value may have less."""
        found = answer["events"], answer["page_views"], answer["unique_users"]
        wanted = cell.events, cell.page_views, len(cell.users)
        if full:
            if any(one > most for one, most in zip(found, wanted)):
                self.findings.add(kind, f"{request}: {FIGURES} is {found}, by the recount at most {wanted}")
        elif wanted[2] > EXACT_TO:
            if found[:2] != wanted[:2] or abs(found[2] - wanted[2]) > 3 * ERROR * wanted[2]:
                self.findings.add(kind, f"{request}: {FIGURES} is {found}, by the recount about {wanted}")
        else:
            self.findings.differ(kind, f"{request}: {FIGURES}", found, wanted)
            if "unique_users_error" in answer:
                self.findings.differ(kind, f"{request}: unique_users_error", answer["unique_users_error"], 0)


def rank(cell, sort):
    return len(cell.users) if sort == "unique_users" else getattr(cell, sort)

