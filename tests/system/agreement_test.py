"""The API, `weir stats`, `weir export` and SQL agree to the digit with an exact count, on both stores. Chromium reads the
page's figures in tests/page/browser_test.py."""
import subprocess

from tests.checker import access_log, facts
from tests.harness import figures, postgres, weir, week

DAY, HOUR, MINUTE = 86400, 3600, 60
SECONDS = {"minute": MINUTE, "hour": HOUR, "day": DAY}
FILTERED = 12  # values of a dimension that are also asked for as a filter
BY_VALUE_MAX = 100  # intervals of an export by value


class Agreement(weir.Case):
    @classmethod
    def setUpClass(cls):
        postgres.needed()
        cls.server = postgres.Postgres(weir.temporary_folder(cls.addClassCleanup) / "postgres")
        cls.addClassCleanup(cls.server.kill)
        cls.server.start()

    def start(self, **environment):
        """Starts a service on each store. Returns [(service, figures.Sql)]."""
        database = f"db{weir.free_port()}"
        self.server.create_database(database, hll=postgres.has_hll())
        on_files = self.weir("sqlite", **environment).start()
        on_server = self.weir("postgres", METRICS_STORE="postgres", **self.server.environment(database), **environment).start()
        return [(on_files, figures.sql_of_files(on_files)),
                (on_server, figures.sql_of_server(self.server, database, postgres.has_hll()))]

    def check_api(self, one, exact, start, end, intervals):
        api = figures.Api(one)
        self.assertEqual(api.summary(start, end), exact.summary(start, end))
        self.assertEqual(api.previous(start, end), exact.summary(2 * start - end, start))
        for interval in intervals:
            self.assertEqual(api.series(start, end, interval), exact.series(start, end, SECONDS[interval]))
        for dimension in exact.dimensions:
            for sort in (None, *facts.COUNTS):
                self.assertEqual(api.top(dimension, start, end, sort), exact.top(dimension, start, end, sort)[:figures.ALL])
            rows = exact.top(dimension, start, end)
            self.assertEqual(api.top_csv(dimension, start, end), rows[:figures.ALL])
            for row in rows[:FILTERED]:
                self.assertEqual({"value": row["value"], **api.summary(start, end, dimension, row["value"])}, row)

    def check_commands(self, one, exact, start, end, interval):
        command = figures.Command(one)
        tops = {dimension: exact.top(dimension, start, end) for dimension in exact.dimensions}
        lists = {dimension: rows[:figures.ALL] for dimension, rows in tops.items()}
        wanted = [exact.summary(start, end), exact.summary(2 * start - end, start),
                  exact.series(start, end, SECONDS[interval]), lists]
        self.assertEqual([*command.stats_json(start, end, interval)], wanted)
        self.assertEqual([*command.stats_csv(start, end, interval)], wanted)
        shown, previous, _, shown_lists = command.stats_table(start, end, interval)
        fitting = {dimension: [{**row, "value": figures.fitted(row["value"])} for row in rows] for dimension, rows in lists.items()}
        self.assertEqual([shown, previous, shown_lists], [*wanted[:2], fitting])

        self.assertEqual(command.export(start, end), {(facts.rfc3339(start), ""): wanted[0]})
        by_time = {(point["time"], ""): figures.counts(point) for point in wanted[2]}
        self.assertEqual(command.export(start, end, interval=interval), by_time)
        for dimension, rows in tops.items():
            by_value = {(facts.rfc3339(start), row["value"]): figures.counts(row) for row in rows}
            for form in ("csv", "ndjson"):
                self.assertEqual(command.export(start, end, dimension, form=form), by_value)
            if (end - start) // SECONDS[interval] > BY_VALUE_MAX:
                continue
            both = {(facts.rfc3339(at), value): numbers for at in range(start, end, SECONDS[interval])
                    for value, numbers in exact.values(dimension, at, at + SECONDS[interval]).items()}
            self.assertEqual(command.export(start, end, dimension, interval, "ndjson"), both)

    def check_sql(self, sql, exact, start, end):
        for view, seconds in sql.VIEWS:
            if start % seconds == end % seconds == 0 and (view != "activity_minutes" or end - start <= 3 * DAY):
                self.assertEqual(sql.figures(view, "total", start, end), {"": exact.summary(start, end)}, view)
                for dimension in exact.dimensions:
                    self.assertEqual(sql.figures(view, dimension, start, end), exact.values(dimension, start, end), view)
        self.assertEqual(sql.number("SELECT sum(page_view_count) FROM user_activity_metrics"),
                         sum(fact.is_page_view for fact in exact.facts))

    def test_all_ways_of_reading_agree_on_an_access_log(self):
        log = weir.access_log_or(access_log.generated_log)
        exact = facts.Facts(facts.facts_of_log(log))
        first = int(exact.facts[0].at) // DAY * DAY
        last = int(exact.facts[-1].at) // DAY * DAY + DAY
        for one, sql in self.start(DIMENSIONS="status=metadata.status,method=metadata.method"):
            done = subprocess.run([weir.BINARY, "import", "--url", f"http://127.0.0.1:{one.port}", "--state",
                                   one.folder / "state", "-"], input=log, capture_output=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(one.wait_counted()["tallied"], len(exact.facts))
            for start, end in ((first, last), (first + DAY + 7 * HOUR, first + 2 * DAY + 2 * HOUR)):
                self.check_api(one, exact, start, end, ("hour", "day") if start % DAY == 0 else ("hour",))
                self.check_commands(one, exact, start, end, "hour")
                if start % DAY == 0:
                    self.check_sql(sql, exact, start, end)
            self.assertEqual(one.stop(), 0)

    def test_all_ways_of_reading_agree_on_a_week_with_late_events(self):
        traffic = week.make(weir.SEED)
        exact = facts.Facts(traffic.facts)
        services = self.start(DIMENSIONS=week.DIMENSIONS)
        for one, _ in services:
            week.send(one, traffic.main)
        for one, sql in services:
            one.wait_counted()
            weir.wait_until(lambda: sql.number("SELECT count(*) FROM activity_unrolled") == 0, 240, "the roll-up")
            week.send(one, traffic.late)  # into minutes that are in their hours and days already
            sums = one.wait_counted()
            self.assertEqual((sums["tallied"], sums["duplicate"]), (len(traffic.facts), len(traffic.main) + len(traffic.late) -
                                                                    len(traffic.facts)))
            ragged = traffic.end - 3 * DAY + 10 * HOUR + 17 * MINUTE, traffic.end - DAY + 13 * HOUR + 41 * MINUTE
            self.check_api(one, exact, traffic.start, traffic.end, ("hour", "day"))
            self.check_api(one, exact, traffic.end - DAY, traffic.end, ("minute", "hour", "day"))
            self.check_api(one, exact, *ragged, ("minute",))
            self.check_commands(one, exact, traffic.start, traffic.end, "day")
            self.check_commands(one, exact, traffic.end - DAY, traffic.end, "hour")
            self.check_commands(one, exact, *ragged, "minute")
            for start, end in ((traffic.start, traffic.end), (traffic.end - DAY, traffic.end), ragged):
                self.check_sql(sql, exact, start, end)
            one.assert_identities(self)


if __name__ == "__main__":
    weir.main()
