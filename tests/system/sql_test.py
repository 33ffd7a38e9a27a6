"""SQL for people: each example of docs/SQL.md is run on a week of traffic and compared with an exact count, and each query of the
Grafana dashboard is run on a real PostgreSQL and a real Prometheus."""
import collections
import contextlib
import csv
import datetime
import decimal
import io
import json
import math
import os
import random
import re
import shutil
import subprocess
import time
import zoneinfo

from tests.checker.facts import COUNTS, Facts
from tests.harness import postgres, prometheus, weir, week
from tests.harness.week import DAY

DEPLOY = weir.ROOT / "deploy" / "grafana"
TOPIC = "incoming.user_activity"
PASSWORD = "it's secret"  # of the role grafana
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


def examples(section):
    """Returns {question: SQL} of a section of docs/SQL.md."""
    text = (weir.ROOT / "docs" / "SQL.md").read_text()
    body = next(part for part in text.split("\n## ")[1:] if part.partition("\n")[0] == section)
    found = re.findall(r"^### ([^\n]+)\n(?:(?!^###).)*?^```sql\n(.*?)^```", body, re.MULTILINE | re.DOTALL)
    assert len(found) == body.count("\n### "), f"a question of {section} has no SQL"
    return dict(found)


def moment(at, form="%Y-%m-%d %H:%M:%S+00"):
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime(form)


class World:
    """The traffic of a week and some events of this minute, and the answers to the questions of docs/SQL.md."""

    def __init__(self):
        self.traffic = week.make(weir.SEED)
        dice = random.Random(weir.SEED + 1)
        fresh = [week.event(dice, int(time.time()) - dice.randrange(60), 10**6 + number) for number in range(20)]
        self.activities = self.traffic.main + self.traffic.late + [activity for activity, _ in fresh]
        self.exact = Facts(self.traffic.facts + [fact for _, fact in fresh])
        self.start, self.end, self.until = self.traffic.start, self.traffic.end, self.traffic.end + 2 * DAY
        self.read, self.tallied = len(self.activities), len(self.exact.facts)

    def users(self, start, end):
        return {fact.user for fact in self.exact.within(start, end)}

    def days(self):
        """(start of the day, its figures) from the beginning of the week to today."""
        found = ((at, self.exact.summary(at, at + DAY)) for at in range(self.start, self.until, DAY))
        return [(at, figures) for at, figures in found if figures["events"]]

    def top(self, dimension, metric):
        return self.exact.top(dimension, self.start, self.until, metric)

    def shares(self):
        rows = self.top("country", "events")
        total = decimal.Decimal(sum(row["events"] for row in rows))
        percent = [(100 * row["events"] / total).quantize(decimal.Decimal("0.1"), decimal.ROUND_HALF_UP) for row in rows]
        return [(row["value"], row["events"], share) for row, share in zip(rows, percent)]

    def hours_in_berlin(self):
        groups = collections.defaultdict(list)
        for fact in self.exact.within(self.start, self.until):
            if fact.values["plan"] == "free":
                groups[datetime.datetime.fromtimestamp(fact.at, BERLIN).hour].append(fact.user)
        return [(hour, len(users), len(set(users))) for hour, users in sorted(groups.items())]

    def rolling(self):
        first = self.end - 9 * DAY
        return [(moment(at), len(self.users(max(first, at - 6 * DAY), at + DAY))) for at in range(first, self.until, DAY)
                if self.users(at, at + DAY)]

    def answers(self):
        """{question: rows}, for all sections."""
        day_rows = [(moment(at), *(figures[name] for name in COUNTS)) for at, figures in self.days()]
        pages = self.top("page", "page_views")[:10]
        campaigns = self.top("campaign", "unique_users")
        countries = [(moment(at, "%Y-%m-%d"), value, figures["events"]) for at, _ in self.days()
                     for value, figures in sorted(self.exact.values("country", at, at + DAY).items(),
                                                  key=lambda pair: pair[0].encode())]
        page_views = sum(fact.is_page_view for fact in self.exact.facts)
        customers = {f"user-{number}" for number in range(0, 4000, 7)}
        return {
            "How many events, page views and users did each of the last seven days have?": day_rows,
            "How many users did the seven days have together?": [(len(self.users(self.start, self.until)),)],
            "Which pages had the most page views?": [(row["value"], row["page_views"], row["unique_users"]) for row in pages],
            "Which share of the events came from each country?": self.shares(),
            "At which hours of the day, in Berlin, do the users of one plan come?": self.hours_in_berlin(),
            "How many users were active in the seven days up to each day?": self.rolling(),
            "How many users of yesterday were also active on the day before?": [
                (len(self.users(self.end - DAY, self.end) & self.users(self.end - 2 * DAY, self.end - DAY)),)],
            "How many of my own customers were active?": [(len(self.users(self.start, self.until) & customers),)],
            "Is every event accounted for, and is everything counted?": [
                (TOPIC, self.read, self.tallied, self.read - self.tallied, 0, 0, 0)],
            "How many events, page views and users did each day have, without hll?": day_rows,
            "Which campaigns brought the most users, without hll?": [
                (row["value"], row["events"], row["unique_users"]) for row in campaigns],
            "What did each flush count?": [(page_views,)],
            "How many events and page views did each of the last seven days have, on SQLite?": [
                (moment(at, "%Y-%m-%dT00:00:00Z"), figures["events"], figures["page_views"]) for at, figures in self.days()],
            "Which pages had the most page views, on SQLite?": [(row["value"], row["page_views"]) for row in pages],
            "How many events did each country have by day, on SQLite?": countries,
            "How many users did the seven days have together, on SQLite?": [(len(self.users(self.start, self.until)), 1)],
            "Is every event accounted for, on SQLite?": [(self.read, self.read)],
        }


class ForPeople(weir.Case):
    @classmethod
    def setUpClass(cls):
        if not weir.BINARY.exists():
            weir.missing(f"{weir.BINARY} (make build)")
        postgres.needed()
        folder = weir.temporary_folder(cls.addClassCleanup)
        cls.server = postgres.Postgres(folder / "postgres")
        cls.addClassCleanup(cls.server.kill)
        cls.server.start()
        cls.one = weir.Weir(folder / "weir", METRICS_STORE="postgres", DIMENSIONS=week.DIMENSIONS, **cls.server.environment())
        cls.addClassCleanup(cls.one.end)
        cls.one.start()
        cls.world = World()
        week.send(cls.one, cls.world.activities)
        cls.one.wait_counted(300)
        customers = ", ".join(f"('user-{number}')" for number in range(0, 4000, 7))
        cls.server.psql(f"CREATE TABLE customers AS SELECT * FROM (VALUES {customers}) AS t(user_id)")

    def check_examples(self, section, run):
        answers = self.world.answers()
        for question, sql in examples(section).items():
            with self.subTest(question):
                wanted = [tuple(map(str, row)) for row in answers[question]]
                self.assertTrue(wanted)
                rows = run(sql)
                if rows != wanted and "lag" in sql:  # the ledger's observation of the log may be 5 s old
                    rows = weir.wait_until(lambda: found if (found := run(sql))[0][-1] == "0" else None)
                self.assertEqual(rows, wanted)

    def with_hll(self, wanted):
        if wanted and not postgres.has_hll():
            weir.missing("postgresql-15-hll")
        self.server.psql("CREATE EXTENSION IF NOT EXISTS hll" if wanted else "DROP EXTENSION IF EXISTS hll")

    def run_psql(self, sql):
        return self.server.rows(f"SET TIME ZONE 'UTC'; {sql}")

    def test_the_examples_with_hll_give_the_exact_figures(self):
        self.with_hll(True)
        self.check_examples("PostgreSQL with hll", self.run_psql)

    def test_the_examples_without_hll_give_the_exact_figures(self):
        self.with_hll(False)
        self.check_examples("PostgreSQL without hll", self.run_psql)

    def test_the_examples_for_sqlite_give_the_exact_figures(self):
        one = self.weir(DIMENSIONS=week.DIMENSIONS).start()
        week.send(one, self.world.activities)
        one.wait_counted(300)

        def run(sql):
            with contextlib.closing(one.store()) as store:
                return [tuple(map(str, row)) for row in store.execute(sql)]
        self.check_examples("SQLite", run)

    def test_each_question_is_asked_once(self):
        asked = [question for section in ("PostgreSQL with hll", "PostgreSQL without hll", "SQLite")
                 for question in examples(section)]
        self.assertEqual(sorted(asked), sorted(self.world.answers()))

    # Grafana.

    def as_grafana(self, sql):
        """Runs SQL as the role of the dashboard. Returns rows as dicts."""
        done = subprocess.run(["psql", "-X", "-q", "--csv", "-v", "ON_ERROR_STOP=1", "-f", "-"], input=sql, capture_output=True,
                              text=True, timeout=120, env={**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(self.server.port),
                                                           "PGUSER": "grafana", "PGPASSWORD": PASSWORD, "PGDATABASE": "analytics"})
        self.assertEqual(done.returncode, 0, f"{done.stderr}\n{sql}")
        return list(csv.DictReader(io.StringIO(done.stdout)))

    def make_role(self):
        for password in ("old", PASSWORD):  # it can run again
            done = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", f"password={password}", "-f",
                                   DEPLOY / "role.sql"], capture_output=True, text=True, timeout=120,
                                  env={**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(self.server.port), "PGUSER":
                                       postgres.USER, "PGPASSWORD": postgres.PASSWORD, "PGDATABASE": "analytics"})
            self.assertEqual(done.returncode, 0, done.stderr)

    def expand(self, sql, variables):
        """Replaces the macros of Grafana's PostgreSQL data source, and the variables of the dashboard."""
        first, last = f"'{moment(self.world.start)}'", f"'{moment(time.time() + 60)}'"
        sql = re.sub(r"\$__timeFilter\((.*?)\)", rf"\1 BETWEEN {first} AND {last}", sql)
        sql = sql.replace("$__timeFrom()", first).replace("$__timeTo()", last)
        for name, value in variables.items():
            sql = sql.replace(f"${{{name}:raw}}", value).replace(f"${name}", value.replace("'", "''"))
        self.assertNotIn("$__", sql)
        return sql

    def test_the_queries_of_the_dashboard_return_the_exact_figures(self):
        self.make_role()
        variables, panels, _ = dashboard()
        exact = self.world.exact.summary(self.world.start, self.world.until)
        ran = set()
        for hll in (False, True):
            self.with_hll(hll)
            values = {name: [list(row.values())[0] for row in self.as_grafana(sql)] for name, sql in variables.items()}
            self.assertEqual(values["topic"], [TOPIC])
            self.assertEqual(values["dimension"], ["activity_type", "page", "referrer", *week.SOURCES])
            self.assertEqual("hll" in values["users"][0], hll)
            for dimension in ("page", "campaign"):
                chosen = {"topic": TOPIC, "dimension": dimension, "users": values["users"][0]}
                for title, sql in panels:
                    with self.subTest(title, hll=hll, dimension=dimension):
                        rows = self.as_grafana(self.expand(sql, chosen))
                        self.assertTrue(rows)
                        self.assertNotIn("", rows[0].values(), "a figure is missing")
                        ran.add(title)
                        if title in ("Events", "Page views", "Unique users"):
                            (name, figure), = rows[0].items()
                            self.assertEqual(int(figure), exact[name])
                        if title == "Top values of $dimension":
                            self.assertEqual([{"value": row["value"], **{name: int(row[name]) for name in COUNTS}} for row in rows],
                                             self.world.top(dimension, "events")[:25])
        self.assertEqual(ran, {title for title, _ in panels})
        with self.assertRaisesRegex(AssertionError, "read-only"):
            self.as_grafana("DELETE FROM activity_ledger")

    def test_the_expressions_of_the_dashboard_return_series(self):
        prometheus.needed()
        _, _, expressions = dashboard()
        self.assertGreater(len(expressions), 8)
        one = self.weir().start()
        scraper = prometheus.Prometheus(self.folder / "prometheus", {"serve": one.port})
        self.addCleanup(scraper.kill)
        scraper.start()

        def has_values(expression):
            one.post("/activity", weir.activity())  # rates need requests between two scrapes
            values = scraper.query(expression.replace("$__rate_interval", "5m")).values()
            return values and not any(map(math.isnan, values))
        for title, expression in expressions:
            with self.subTest(title):
                weir.wait_until(lambda: has_values(expression), 60, expression)

    def test_the_files_of_the_deployment_fit_together(self):
        text = (DEPLOY / "dashboards" / "weir.json").read_text()
        sources = set(re.findall(r"uid: (\S+)", (DEPLOY / "provisioning/datasources/weir.yml").read_text()))
        self.assertEqual(set(re.findall(r'"uid": "(weir-[a-z]+)"', text)), sources)
        panels = json.loads(text)["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        compose = (weir.ROOT / "docker-compose.yml").read_text()
        for path in re.findall(r"- \./(deploy/\S+?):", compose):
            self.assertTrue((weir.ROOT / path).exists(), path)
        for name in re.findall(r"\$(GRAFANA_\w+)", (DEPLOY / "provisioning/datasources/weir.yml").read_text()):
            self.assertIn(f"{name}:", compose)
        prometheus.needed()
        config = self.folder / "prometheus.yml"
        config.write_text((DEPLOY / "prometheus.yml").read_text().replace("/etc/prometheus/alerts.yml",
                                                                          str(weir.ROOT / "deploy/alerts.yml")))
        done = subprocess.run([shutil.which("promtool"), "check", "config", config], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


def dashboard():
    """Returns the SQL of the variables {name: sql}, and of the panels [(title, SQL)] and [(title, PromQL)]."""
    found = json.loads((DEPLOY / "dashboards" / "weir.json").read_text())
    targets = [(panel["title"], target) for panel in found["panels"] for target in panel.get("targets", [])]
    return ({variable["name"]: variable["query"] for variable in found["templating"]["list"]},
            [(title, target["rawSql"]) for title, target in targets if "rawSql" in target],
            [(title, target["expr"]) for title, target in targets if "expr" in target])


if __name__ == "__main__":
    weir.main()
