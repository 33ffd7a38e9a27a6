"""From one process with embedded files to Kafka and PostgreSQL (deploy/move-to-postgres): no number is lost or doubled."""
import shutil
import subprocess
import sys

from tests.harness import cluster, postgres, weir

PROGRAM = weir.ROOT / "deploy/move-to-postgres"
PATHS = ("/api/v1/summary", "/api/v1/timeseries?interval=hour", "/api/v1/top?dimension=page",
         "/api/v1/top?dimension=referrer", "/api/v1/top?dimension=activity_type", "/api/v1/top?dimension=plan")
DIMENSIONS = "plan=metadata.plan"


def activities(count, first_user, mark):
    """Activities of the last 20 hours by 50 users. Values contain what COPY must escape."""
    for number in range(count):
        yield weir.activity(f"user-{first_user + number % 50}", "page_view" if number % 3 else "sign\tup",
                            weir.now(-3600 * (number % 20)), message_id=f"{mark}-{number}",
                            metadata={"page_url": f"https://shop.example/p{number % 7}%5C", "referrer": "https://a.example/",
                                      "plan": ("a\\b", "c\nd", "Grüße")[number % 3]})


class Move(cluster.Case):
    SETTINGS = {"DIMENSIONS": DIMENSIONS}

    def move(self, folder):
        done = subprocess.run([sys.executable, str(PROGRAM), str(folder),
                               f"host=127.0.0.1 port={self.postgres.port} user={postgres.USER} "
                               f"password={postgres.PASSWORD} dbname={self.database}"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout

    def answers(self, process, query):
        """Returns what the API answers for one fixed range."""
        found = {}
        for path in PATHS:
            reply = process.get(f"{path}{'&' if '?' in path else '?'}{query}")
            self.assertEqual(reply.status, 200, reply.body)
            found[path] = reply.json()
        return found

    def send(self, process, events):
        reply = process.post("/activities", list(events))
        self.assertEqual((reply.status, reply.json()["rejected"]), (200, []))

    def test_every_number_is_the_same_and_counting_goes_on(self):
        if not shutil.which("psql"):
            weir.missing("psql")
        query = f"from={weir.now(-86400 * 2)}&to={weir.now(3600)}"
        embedded = self.weir("embedded", KAFKA_TOPIC=self.topic, DIMENSIONS=DIMENSIONS).start()
        self.send(embedded, activities(600, 0, "old"))
        embedded.wait_counted()
        data = embedded.folder / "data"

        # The new deployment creates its topic and its tables before the move.
        self.assertEqual(self.start("consumer")[0].stop(), 0)
        code, text = self.move(data)
        self.assertEqual(code, 1, text)
        self.assertIn("stop it with SIGTERM first", text)
        before = self.answers(embedded, query)
        self.assertEqual(before["/api/v1/summary"]["unique_users"], 50)
        self.assertEqual(embedded.stop(), 0)

        code, text = self.move(data)
        self.assertEqual(code, 0, text)
        self.assertIn("copied 600 counted events", text)
        consumer, = self.start("consumer")
        self.assertEqual(self.answers(consumer, query), before)
        self.assertEqual(self.sql("SELECT tallied FROM activity_ledger WHERE topic LIKE '%~%'"), [("600",)])

        producer, = self.start("producer")
        self.send(producer, activities(300, 25, "new"))  # half of the users are known
        self.assertEqual(self.wait_counted()["tallied"], 300)
        summary = self.answers(consumer, query)["/api/v1/summary"]
        self.assertEqual((summary["events"], summary["unique_users"]), (900, 75))
        totals = self.totals()
        self.assertEqual((totals["events"], totals["page_views"]), (900, summary["page_views"]))
        self.assert_no_process_failed()

        self.assertEqual(consumer.stop(), 0)
        code, text = self.move(data)
        self.assertEqual(code, 1, text)
        self.assertIn("has numbers already", text)
        self.assertEqual(self.totals()["events"], 900)

    def test_events_that_are_not_counted_stop_the_move(self):
        embedded = self.weir("embedded", KAFKA_TOPIC=self.topic, FLUSH_INTERVAL_SEC=3600, BATCH_SIZE=100_000).start()
        self.send(embedded, activities(10, 0, "old"))
        embedded.kill()  # before the flush
        code, text = self.move(embedded.folder / "data")
        self.assertEqual(code, 1, text)
        self.assertIn("10 events", text)


if __name__ == "__main__":
    weir.main()
