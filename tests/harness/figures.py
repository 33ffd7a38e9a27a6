"""The figures of a running Weir as each way of reading shows them: the API, `weir stats`, `weir export`, SQL. All return the
form of tests/checker/facts.py, so that they can be compared with it and with each other."""
import contextlib
import csv
import io
import json
import os
import subprocess
import urllib.parse

from tests.checker.facts import COUNTS, rfc3339
from tests.checker.recount_store import Row
from tests.harness import weir

ALL = 500  # the most rows of a top list
COLUMNS = 300  # of the terminal
VALUE_COLUMNS = COLUMNS - 3 * 12  # of a list of `weir stats`: the rest of its line are three numbers


def counts(row):
    return {name: int(row[name]) for name in COUNTS}


def fitted(value):
    """The value as a table of `weir stats` has it."""
    return value if len(value) <= VALUE_COLUMNS else value[:VALUE_COLUMNS - 1] + "\u2026"


def csv_text(cell):
    """The value of a cell: Weir puts ' before what a spreadsheet would take for a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in tuple("=+-@\t\r") else cell


def csv_rows(text):
    """Rows of one CSV document as dicts. `value` is the column of the dimension."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    return [dict(zip(rows[0], row)) for row in rows[1:]]


class Api:
    def __init__(self, one):
        self.one = one

    def get(self, name, **parameters):
        answer = self.one.get(f"/api/v1/{name}?{urllib.parse.urlencode(parameters)}")
        assert answer.status == 200, answer.body
        return answer

    def span(self, start, end):
        return {"from": rfc3339(start), "to": rfc3339(end)}

    def summary(self, start, end, dimension=None, value=None):
        filters = {dimension: value} if dimension else {}
        answer = self.get("summary", **self.span(start, end), **filters).json()
        assert (answer["from"], answer["to"]) == (rfc3339(start), rfc3339(end)), answer
        assert answer["unique_users_error"] == 0, answer
        return counts(answer)

    def previous(self, start, end):
        return counts(self.get("summary", **self.span(start, end), compare="previous").json()["previous"])

    def series(self, start, end, interval):
        return self.get("timeseries", **self.span(start, end), interval=interval).json()["points"]

    def top(self, dimension, start, end, sort=None):
        sort = {"sort": sort} if sort else {}
        return self.get("top", **self.span(start, end), dimension=dimension, limit=ALL, **sort).json()["rows"]

    def top_csv(self, dimension, start, end):
        text = self.get("top", **self.span(start, end), dimension=dimension, limit=ALL, format="csv").body.decode()
        return [{"value": csv_text(row[dimension]), **counts(row)} for row in csv_rows(text)]


class Command:
    """Runs `weir stats` and `weir export` on a service."""

    def __init__(self, one):
        self.one = one

    def run(self, *arguments):
        done = subprocess.run([str(weir.BINARY), arguments[0], "--url", f"http://127.0.0.1:{self.one.port}", *arguments[1:]],
                              capture_output=True, env={**os.environ, "COLUMNS": str(COLUMNS)}, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    def stats(self, start, end, interval, form):
        return self.run("stats", "--from", rfc3339(start), "--to", rfc3339(end), "--interval", interval, "--limit", str(ALL),
                        "--format", form)

    def stats_json(self, start, end, interval):
        """Returns (summary, previous, points, {dimension: rows})."""
        answer = json.loads(self.stats(start, end, interval, "json"))
        return (counts(answer["summary"]), counts(answer["summary"]["previous"]), answer["timeseries"]["points"],
                {each["dimension"]: each["rows"] for each in answer["top"]})

    def stats_csv(self, start, end, interval):
        summary, series, *lists = self.stats(start, end, interval, "csv").split("\r\n\r\n")
        this, previous = csv_rows(summary)
        assert (this["from"], this["to"]) == (rfc3339(start), rfc3339(end)), this
        points = [{"time": row["time"], **counts(row)} for row in csv_rows(series)]
        tops = {text.partition(",")[0]: csv_rows(text) for text in lists}
        return counts(this), counts(previous), points, {
            dimension: [{"value": csv_text(row[dimension]), **counts(row)} for row in rows] for dimension, rows in tops.items()}

    def stats_table(self, start, end, interval):
        """As the others, but a table has no points."""
        summary, _, *lists = self.stats(start, end, interval, "table").removesuffix("\n").split("\n\n")[1:]
        figures = [[int(word.replace(",", "")) for word in line.split() if word.replace(",", "").isdigit()]
                   for line in summary.splitlines()]
        tops = {}
        for text in lists:
            head, *lines = text.splitlines()
            name = {"activity": "activity_type"}.get(head[:VALUE_COLUMNS].strip(), head[:VALUE_COLUMNS].strip())
            assert head[VALUE_COLUMNS:].split() == ["page", "views", "events", "users"], head
            tops[name] = []
            for line in lines:
                if line.startswith("all others ") and len(line[VALUE_COLUMNS:].split()) == 2:
                    continue  # beyond the rows of the list; its users are not known
                page_views, events, users = (int(word.replace(",", "")) for word in line[VALUE_COLUMNS:].split())
                tops[name].append({"value": line[:VALUE_COLUMNS].rstrip(), "events": events, "page_views": page_views,
                                   "unique_users": users})
        return dict(zip(COUNTS, (line[0] for line in figures))), dict(zip(COUNTS, (line[1] for line in figures))), None, tops

    def export(self, start, end, dimension=None, interval=None, form="csv"):
        """Returns {(time, value): figures}."""
        more = [*(["--dimension", dimension] if dimension else []), *(["--interval", interval] if interval else [])]
        text = self.run("export", "--from", rfc3339(start), "--to", rfc3339(end), "--format", form, *more)
        if form == "csv":
            rows = [{**row, "value": csv_text(row[dimension]) if dimension else ""} for row in csv_rows(text)]
        else:
            rows = [json.loads(line) for line in text.splitlines()]
        found = {(row["time"], row.get("value", "")): counts(row) for row in rows}
        assert len(found) == len(rows), "a row occurs twice"
        return found


class Sql:
    """The views, read as a user reads them. `query` runs SQL and returns rows."""
    VIEWS = (("activity_days", 86400), ("activity_hours", 3600), ("activity_minutes", 60))

    def __init__(self, query, hex_users, has_hll):
        self.query, self.hex_users, self.has_hll = query, hex_users, has_hll

    def number(self, sql):
        return int(self.query(sql)[0][0])

    def figures(self, view, dimension, start, end):
        """Returns {value: figures} of a range. Without hll, the users are united here: an exact sketch lists their hashes."""
        condition = (f"FROM {view} WHERE dimension = '{dimension}' AND window_start >= '{rfc3339(start)}' "
                     f"AND window_start < '{rfc3339(end)}'")
        if self.has_hll:
            rows = self.query("SELECT value, sum(events), sum(page_views), round(#hll_union_agg(users::hll)) "
                              f"{condition} GROUP BY value")
            return {value: dict(zip(COUNTS, map(int, numbers))) for value, *numbers in rows}
        groups = {}
        for value, events, page_views, users in self.query(f"SELECT value, events, page_views, {self.hex_users} {condition}"):
            groups.setdefault(value, Row()).add(int(events), int(page_views), bytes.fromhex(users))
        return {value: dict(zip(COUNTS, (row.events, row.page_views, len(row.users)))) for value, row in groups.items()}


def sql_of_files(one):
    """Reads the store of a Weir on SQLite."""
    def query(sql):
        with contextlib.closing(one.store()) as store:
            return store.execute(sql).fetchall()
    return Sql(query, "hex(users)", False)


def sql_of_server(server, database, has_hll):
    """Reads the store of a Weir on PostgreSQL by psql."""
    return Sql(lambda sql: server.rows(sql, database), "encode(users, 'hex')", has_hll)
