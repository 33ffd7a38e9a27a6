"""Days, weeks and months of time zones, compared with Python's zoneinfo."""
import datetime
import json
import random
import urllib.parse
import zoneinfo

from tests.harness import weir

UTC = datetime.UTC
HOUR = datetime.timedelta(hours=1)
# The zone, and a month that has what is special about it.
CASES = (("Europe/Berlin", 2026, 3), ("Europe/Berlin", 2025, 10), ("America/New_York", 2025, 11), ("Asia/Kolkata", 2026, 1),
         ("Australia/Lord_Howe", 2026, 4), ("Asia/Kathmandu", 2026, 2), ("Pacific/Apia", 2011, 12), ("UTC", 2026, 2),
         ("America/Sao_Paulo", 2018, 11), ("America/Havana", 2025, 11))


def midnight(zone, date):
    """The first moment of a date in UTC. zoneinfo gives a midnight in a gap the offset before it, which is the moment at
    which the gap begins."""
    return datetime.datetime.combine(date, datetime.time(), zone).astimezone(UTC)


def rounded(moment):
    """To the nearest hour, a half up."""
    moment += HOUR / 2
    return moment.replace(minute=0, second=0, microsecond=0)


def first_of_period(interval, date):
    if interval == "week":
        return date - datetime.timedelta(days=date.isoweekday() - 1)
    return date.replace(day=1) if interval == "month" else date


def boundaries(zone, interval, begin, end):
    """The starts of the intervals that touch [begin, end), and the end of the last one."""
    days = ((begin - 70 * 24 * HOUR).date() + datetime.timedelta(days=n) for n in range((end - begin).days + 160))
    firsts = sorted({first_of_period(interval, day) for day in days})[1:-1]
    moments = sorted({rounded(midnight(zone, date)) for date in firsts})
    first = max(moment for moment in moments if moment <= begin)
    last = min(moment for moment in moments if moment >= end)
    return [moment for moment in moments if first <= moment <= last]


def rfc3339(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class TimeZones(weir.Case):
    @classmethod
    def setUpClass(cls):
        cls.random = random.Random(weir.SEED)

    def events_of(self, year, month, count):
        begin = datetime.datetime(year, month, 1, tzinfo=UTC) - 3 * 24 * HOUR
        return [(begin + self.random.random() * 37 * 24 * HOUR, f"user-{self.random.randrange(60)}") for _ in range(count)]

    def test_points_are_those_of_zoneinfo(self):
        one = self.weir(RETENTION_HOUR_DAYS=0).start()
        events = {}
        for zone, year, month in CASES:
            if (year, month) not in events:
                events[year, month] = self.events_of(year, month, 400)
                body = [weir.activity(user, when=at.isoformat()) for at, user in events[year, month]]
                self.assertEqual(one.post("/activities", json.dumps(body)).status, 200)
        one.wait_counted()
        everything = [event for some in events.values() for event in some]
        for name, year, month in CASES:
            zone = zoneinfo.ZoneInfo(name)
            whole = (datetime.datetime(year, month, 1, tzinfo=UTC), datetime.datetime(year, month, 1, tzinfo=UTC) + 33 * 24 * HOUR)
            odd = (whole[0] + self.random.randrange(200) * HOUR, whole[1] - self.random.randrange(200) * HOUR)
            for (begin, end), interval in ((span, each) for span in (whole, odd) for each in ("day", "week", "month")):
                with self.subTest(name, interval=interval, begin=begin, end=end):
                    query = urllib.parse.urlencode({"from": rfc3339(begin), "to": rfc3339(end), "interval": interval, "tz": name})
                    answer = one.get(f"/api/v1/timeseries?{query}").json()
                    self.assertNotEqual(answer.get("resolution"), "day")
                    starts = boundaries(zone, interval, begin, end)
                    self.assertEqual([point["time"] for point in answer["points"]], [rfc3339(start) for start in starts[:-1]])
                    for point, start, stop in zip(answer["points"], starts, starts[1:]):
                        inside = [user for at, user in everything if max(start, begin) <= at < min(stop, end)]
                        self.assertEqual((point["events"], point["unique_users"]), (len(inside), len(set(inside))), start)
                    is_off = any(midnight(zone, begin.date() + n * 24 * HOUR).minute for n in range((end - begin).days))
                    if interval == "day":
                        self.assertEqual(answer.get("rounded", False), is_off)
                    self.assertEqual(answer.get("tz", "UTC"), name)

    def test_bad_zones_and_too_many_points_are_refused(self):
        one = self.weir().start()
        for query, words in (("tz=Mars/Base", "tz is 'Mars/Base'"), ("tz=../../etc/passwd", "tz is '../../etc/passwd'"),
                             ("tz=", "tz is ''"), ("interval=year", "minute, hour, day, week or month"),
                             ("interval=day&from=1990-01-01T00:00:00Z&tz=Europe/Berlin", "ask for interval=week")):
            answer = one.get(f"/api/v1/timeseries?{query}")
            self.assertEqual(answer.status, 400, answer.body)
            self.assertIn(words, answer.json()["error"])
        self.assertEqual(one.get("/api/v1/timeseries?interval=week&from=1990-01-01T00:00:00Z&tz=Europe/Berlin").status, 200)

    def test_missing_data_are_named(self):
        one = self.weir(TZDIR="/nonexistent").start()
        answer = one.get("/api/v1/timeseries?tz=Europe/Berlin")
        self.assertEqual(answer.status, 500)
        self.assertIn("install the package tzdata", answer.json()["error"])
        self.assertEqual(one.get("/api/v1/timeseries?tz=UTC").status, 200)


if __name__ == "__main__":
    weir.main()
