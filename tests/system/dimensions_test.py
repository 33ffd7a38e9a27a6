"""Runs a service with dimensions of its own (DIMENSIONS): their figures, their life over restarts, and what is refused."""
import collections
import csv
import io
import re
import subprocess

from tests.checker import access_log
from tests.harness import cluster, weir

SINCE = "2014-01-01T00:00:00Z"
STATUS = re.compile(r'" (\d{3}) (?:\d+|-)(?: |$)')


def top(one, dimension, **parameters):
    parameters = {"dimension": dimension, "from": SINCE, "to": weir.now(3600), "limit": 500, **parameters}
    answer = one.get("/api/v1/top?" + "&".join(f"{name}={value}" for name, value in parameters.items()))
    assert answer.status == 200, answer.body
    return answer


def rows_of(one, dimension):
    return {row["value"]: row["events"] for row in top(one, dimension).json()["rows"]}


def names_of(one):
    return [each["name"] for each in one.get("/api/v1/dimensions").json()["dimensions"]]


def events(prefix, countries):
    return [weir.activity(f"{prefix}-{number}", message_id=f"{prefix}-{number}", metadata={"country": country})
            for number, country in enumerate(countries)]


class Dimensions(weir.Case):
    def send(self, one, activities):
        answer = one.post("/activities", activities)
        self.assertEqual(answer.status, 200, answer.body)
        one.wait_counted()

    def assert_adds_up(self, one, dimension):
        answer, summary = top(one, dimension, limit=1).json(), one.summary(SINCE, weir.now(3600))
        for number in ("events", "page_views"):
            self.assertEqual(sum(row[number] for row in answer["rows"]) + answer["other"][number], summary[number])

    def test_the_status_codes_of_an_access_log_are_counted(self):
        log = weir.access_log_or(access_log.generated_log)
        one = self.weir(DIMENSIONS="status=metadata.status,method=metadata.method,host=metadata.host").start()
        done = subprocess.run([weir.BINARY, "import", "--url", f"http://127.0.0.1:{one.port}", "--state",
                               self.folder / "state", "-"], input=log, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        one.wait_counted()
        unread = set(access_log.Reference(log).unread)
        lines = [line for number, line in enumerate(log.decode(errors="replace").splitlines(), 1) if number not in unread]
        wanted = collections.Counter(STATUS.search(line)[1] for line in lines)
        self.assertEqual(rows_of(one, "status"), dict(wanted))
        self.assertEqual(list(rows_of(one, "host")), ["(none)"])
        self.assertEqual(sum(rows_of(one, "method").values()), len(lines))
        for status, count in wanted.items():
            self.assertEqual(one.summary(SINCE, weir.now(), status=status)["events"], count)
        table = list(csv.reader(io.StringIO(top(one, "status", format="csv").body.decode())))
        self.assertEqual(table[0], ["status", "events", "page_views", "unique_users"])
        self.assertEqual({row[0]: int(row[1]) for row in table[1:]}, dict(wanted))
        with one.store() as store:
            for view in ("activity_hours", "activity_days"):
                sums = store.execute(f"SELECT value, sum(events) FROM {view} WHERE dimension = 'status' GROUP BY value")
                self.assertEqual(dict(sums), dict(wanted), view)
        shown = subprocess.run([weir.BINARY, "stats", "--url", f"http://127.0.0.1:{one.port}", "--from", SINCE],
                               capture_output=True, text=True, check=True).stdout
        for title in ("page", "referrer", "activity", "status", "method", "host"):
            self.assertRegex(shown, rf"(?m)^{title} +page views")

    def test_a_dimension_is_counted_from_when_it_is_named_to_when_it_is_left_out(self):
        one = self.weir().start()
        self.send(one, events("before", ["DE"] * 3))
        self.assertEqual(names_of(one), ["page", "referrer", "activity_type"])
        self.assertEqual(one.get("/api/v1/top?dimension=country").status, 400)
        self.assertEqual(one.stop(), 0)

        one.environment["DIMENSIONS"] = "country=metadata.country,plan=metadata.plan"
        one.start()
        self.send(one, events("named", ["DE", "DE", "FR", None]))
        self.assertEqual(names_of(one), ["page", "referrer", "activity_type", "country", "plan"])
        self.assertEqual(rows_of(one, "country"), {"DE": 2, "FR": 1, "(none)": 1})
        self.assertEqual(rows_of(one, "plan"), {"(none)": 4})
        self.assertEqual(top(one, "country").json()["other"], {"events": 3, "page_views": 3}, "what was before")
        self.assert_adds_up(one, "country")
        self.assertEqual(one.stop(), 0)

        one.environment["DIMENSIONS"] = "plan=metadata.plan"
        one.start()
        self.send(one, events("left-out", ["DE"] * 5))
        self.assertEqual(rows_of(one, "country"), {"DE": 2, "FR": 1, "(none)": 1}, "its rows stay")
        self.assertEqual(rows_of(one, "plan"), {"(none)": 9})
        self.assert_adds_up(one, "country")
        self.assertEqual(one.stop(), 0)

        one.environment["DIMENSIONS"] = "shop=query.shop,country=metadata.country"
        one.start()
        self.send(one, events("again", ["DE"]))
        self.assertEqual(rows_of(one, "country")["DE"], 3)
        with one.store() as store:
            self.assertEqual(store.execute("SELECT id, name, source FROM activity_dimensions WHERE id >= 16 ORDER BY id")
                             .fetchall(), [(16, "country", "metadata.country"), (17, "plan", "metadata.plan"),
                                           (18, "shop", "query.shop")])

    def test_another_source_under_a_known_name_ends_the_start_and_names_both(self):
        one = self.weir(DIMENSIONS="country=metadata.country").start()
        self.assertEqual(one.stop(), 0)
        one.environment["DIMENSIONS"] = "country=metadata.geo"
        one.start(ready=False)
        self.assertEqual(one.process.wait(30), 2)
        last = one.log().strip().splitlines()[-1]
        for part in ("country", "metadata.country", "metadata.geo", "DIMENSIONS"):
            self.assertIn(part, last)

    def test_a_malformed_list_is_refused_with_the_reason(self):
        for text, reason in (("country", "no '='"), ("page=metadata.x", "built-in"), ("limit=metadata.x", "parameter of the API"),
                             ("a=header.x", "metadata.<member> or query.<parameter>"), ("a=metadata.x,a=metadata.y", "twice"),
                             (",".join(f"d{number}=metadata.x" for number in range(9)), "more than 8")):
            one = self.weir(DIMENSIONS=text).start(ready=False)
            self.assertEqual(one.process.wait(30), 2)
            self.assertIn("DIMENSIONS", one.log())
            self.assertIn(reason, one.log())
            one.log_path.unlink()

    def test_the_description_of_the_api_names_them(self):
        one = self.weir(DIMENSIONS="country=metadata.country").start()
        document = one.get("/api/v1/openapi.json").json()
        self.assertIn("country", document["components"]["parameters"])
        self.assertIn({"$ref": "#/components/parameters/country"}, document["paths"]["/api/v1/summary"]["get"]["parameters"])
        dimension = next(each for each in document["paths"]["/api/v1/top"]["get"]["parameters"]
                         if each.get("name") == "dimension")
        self.assertEqual(dimension["schema"]["enum"], ["page", "referrer", "activity_type", "country"])


class DimensionsOnKafkaAndPostgres(cluster.Case):
    def test_consumers_share_the_numbers_and_another_source_is_refused(self):
        producer, = self.start("producer")
        first, second = self.start("consumer", 2, DIMENSIONS="country=metadata.country,campaign=query.utm_campaign")
        activities = events("one", ["DE", "FR"] * 50)
        for activity in activities[:30]:
            activity["metadata"]["page_url"] = "/?utm_campaign=spring+sale%21"
        self.assertEqual(producer.post("/activities", activities).status, 200)
        self.wait_counted()
        for consumer in (first, second):
            self.assertEqual(rows_of(consumer, "country"), {"DE": 50, "FR": 50})
            self.assertEqual(rows_of(consumer, "campaign"), {"spring sale!": 30, "(none)": 70})
        self.assertEqual(self.sql("SELECT id, name, source FROM activity_dimensions WHERE id >= 16 ORDER BY id"),
                         [("16", "country", "metadata.country"), ("17", "campaign", "query.utm_campaign")])
        self.assertEqual(self.sql("SELECT value, sum(events) FROM activity_days WHERE dimension = 'country' GROUP BY 1 ORDER BY 1"),
                         [("DE", "50"), ("FR", "50")])
        refused = self.make("consumer", "consumer-3", DIMENSIONS="country=metadata.geo")
        refused.start(ready=False)
        self.assertEqual(refused.process.wait(60), 2)
        self.assertIn("metadata.country", refused.log().strip().splitlines()[-1])
        del self.processes["consumer-3"]


if __name__ == "__main__":
    weir.main()
