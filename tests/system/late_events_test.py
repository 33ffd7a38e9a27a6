"""Late events are in the next answer, although past days are united once and kept in memory (src/report/gather.hpp)."""
import time

from tests.harness import cluster, weir

DAY = 86_400
DAYS = 40


def noon(days_ago):
    return time.strftime("%Y-%m-%dT12:00:00Z", time.gmtime(time.time() - days_ago * DAY))


def event(user, days_ago, page):
    return weir.activity(user, when=noon(days_ago), metadata={"page_url": f"https://weir.example{page}"})


def history():
    """Two events a day: one of a new user, one of a user who is there each day."""
    return [event(user, ago, page) for ago in range(1, DAYS) for user, page in ((f"user-{ago}", "/a"), ("each-day", "/b"))]


class Answers:
    """The expected numbers of all events so far, and the answers of a process."""

    def __init__(self, case):
        self.case, self.events = case, []

    def check(self, process, what):
        span = f"from={noon(DAYS)}&to={noon(-1)}"
        summary = process.get(f"/api/v1/summary?{span}").json()
        self.case.assertEqual((summary["events"], summary["unique_users"]),
                              (len(self.events), len({one["user_id"] for one in self.events})), what)
        rows = process.get(f"/api/v1/top?dimension=page&sort=unique_users&{span}").json()["rows"]
        pages = {}
        for one in self.events:
            pages.setdefault(one["metadata"]["page_url"].removeprefix("https://weir.example"), []).append(one["user_id"])
        self.case.assertEqual({row["value"]: (row["events"], row["unique_users"]) for row in rows},
                              {page: (len(users), len(set(users))) for page, users in pages.items()}, what)


class OneProcess(weir.Case):
    def test_a_late_event_is_in_the_next_answer(self):
        one = self.weir().start()
        answers = Answers(self)
        for number, batch in enumerate([history(), [event("late", 30, "/a")], [event("later", 3, "/new")],
                                        [event("each-day", 20, "/b")]]):
            self.assertEqual(one.post("/activities", batch).json()["accepted"], len(batch))
            answers.events += batch
            one.wait_counted()
            for again in range(2):
                answers.check(one, f"batch {number}, asked {again + 1} times")


class TwoConsumers(cluster.Case):
    """Each partition is counted by one of two processes, and both of them answer."""

    SETTINGS = {"FLUSH_INTERVAL_SEC": 1, "KAFKA_PARTITIONS": 4}

    def test_an_answer_has_the_late_events_that_the_other_process_counted(self):
        producer, = self.start("producer")
        consumers = self.start("consumer", 2)
        weir.wait_until(lambda: all(one.metric("weir_consumer_partitions", state="live") > 0 for one in consumers), 60,
                        "each consumer to count partitions")
        answers = Answers(self)
        late = [[event(f"late-{batch}-{number}", 10 + batch, "/a") for number in range(8)] for batch in range(3)]
        for number, batch in enumerate([history(), *late]):
            self.assertEqual(producer.post("/activities", batch).json()["accepted"], len(batch))
            answers.events += batch
            self.wait_counted()
            for consumer in consumers:
                for again in range(2):
                    answers.check(consumer, f"batch {number}, asked {again + 1} times")


if __name__ == "__main__":
    weir.main()
