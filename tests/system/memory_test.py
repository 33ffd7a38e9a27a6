"""Small requests that expand to many rows or long values: memory stays below 512 MB, and all events are counted."""
import calendar
import gzip
import json
import re
import time

from tests.harness import postgres, weir

BOUND = 512 * 2**20


def peak(process):
    """Returns the peak memory of the process in bytes."""
    with open(f"/proc/{process.process.pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024


def batches(events, size=15 * 2**20):
    """Yields NDJSON bodies of whole lines, each smaller than MAX_BODY_BYTES."""
    lines, held = [], 0
    for event in events:
        line = json.dumps(event, separators=(",", ":")) + "\n"
        if held + len(line) > size:
            yield "".join(lines).encode()
            lines, held = [], 0
        lines.append(line)
        held += len(line)
    yield "".join(lines).encode()


def moment(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Memory(weir.Case):
    def send(self, one, events):
        """Sends the events and returns the number of bytes on the wire."""
        on_the_wire = 0
        for body in batches(events):
            packed = gzip.compress(body, 9)
            on_the_wire += len(packed)

            def posted():
                answer = one.post("/activities", packed, {"Content-Encoding": "gzip"}, timeout=120)
                self.assertIn(answer.status, (200, 503), answer.body[:500])
                return answer if answer.status == 200 else None
            self.assertEqual(weir.wait_until(posted, 120, "a batch to be accepted").json()["rejected"], [])
        return on_the_wire

    def assert_bounded(self, one, when):
        used = peak(one)
        print(f"{self._testMethodName}: {when}: peak {used / 2**20:.0f} MiB")
        self.assertLess(used, BOUND, when)

    def long_values(self, one, minutes=120, values=3000):
        """Sends pages of 2 KB in many minutes. They are a hundred times as large in the store as on the wire."""
        now = int(time.time()) // 60 * 60
        total = minutes * values
        events = ({"user_id": f"u{number % 7}", "activity_type": "page_view",
                   "timestamp": moment(now - 60 * (number // values) - 600),
                   "metadata": {"page_url": f"/{number % values:04d}" + "x" * 2000}} for number in range(total))
        sent = self.send(one, events)
        self.assertLess(sent, 8 * 2**20)
        one.wait_counted(600)
        answer = one.summary(moment(now - 3 * 86400), moment(now + 86400))
        self.assertEqual(answer["events"], total)
        self.assert_bounded(one, "during the flushes")
        one.kill()
        one.start()  # the roll-up follows; it once exhausted the memory after every start
        weir.wait_until(lambda: one.metric("weir_consumer_roll_ups_total") > 0, 180, "a roll-up")
        weir.wait_until(lambda: self.unrolled(one) == 0, 300, "all minutes to be rolled up")
        self.assert_bounded(one, "during the roll-ups after a restart")
        answer = one.summary(moment(now - 3 * 86400), moment(now + 86400))
        self.assertEqual((answer["events"], answer["page_views"], answer["unique_users"]), (total, total, 7))
        one.assert_identities(self)

    def unrolled(self, one):
        if self.database:
            return self.database.number("SELECT count(*) FROM activity_unrolled")
        with one.store() as store:
            return store.execute("SELECT count(*) FROM activity_unrolled").fetchone()[0]

    def on_postgres(self):
        postgres.needed()
        self.database = postgres.Postgres(self.folder / "postgres")
        self.addCleanup(self.database.kill)
        self.database.start()
        return self.weir(METRICS_STORE="postgres", **self.database.environment()).start()

    database = None

    def test_fault_40_long_values_of_many_minutes(self):
        self.long_values(self.weir().start())

    def test_fault_40_long_values_of_many_minutes_on_postgres(self):
        self.long_values(self.on_postgres())

    def test_fault_40_as_many_hours_as_events_on_postgres(self):
        one = self.on_postgres()
        first = calendar.timegm((1990, 1, 2, 0, 0, 0))
        total = 220_000
        events = ({"user_id": "u", "activity_type": "page_view", "timestamp": moment(first + 3600 * number),
                   "metadata": {"page_url": "/"}} for number in range(total))
        self.assertLess(self.send(one, events), 4 * 2**20)
        sums = one.wait_counted(900)
        self.assertEqual((sums["read"], sums["tallied"]), (total, total))
        self.assertEqual(one.summary("1990-01-01T00:00:00Z", "2016-01-01T00:00:00Z")["events"], total)
        hours = self.database.number("SELECT count(DISTINCT window_start) FROM activity_windows "
                                     "WHERE granularity = 1 AND dimension = 0")
        self.assertEqual(hours, total)
        self.assert_bounded(one, "during the flushes")
        self.assertNotIn("terminating connection", one.log())
        one.assert_identities(self)


if __name__ == "__main__":
    weir.main()
