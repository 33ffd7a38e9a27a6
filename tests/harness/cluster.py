"""The service as it is deployed: Kafka, PostgreSQL, producers and consumers as real processes. A test can kill each alone.

    class Kills(cluster.Case):
        def test_something(self):
            producer, = self.start("producer")
            consumers = self.start("consumer", 3)
            sender = LoadGenerator([producer.port], reference.activities(LOG)).start()
            consumers[0].kill()
            sender.wait()
            self.assert_exact([sender], events=9999, users=1861)

The tests of a class share one Kafka and one PostgreSQL. Each test has its own topic, group and database. A test may also
kill or freeze the servers (self.kafka, self.postgres); setUp restores them before the next test."""
import json

from tests.harness import kafka, postgres, weir

PARTITIONS = 12


class Case(weir.Case):
    """A test with a running Kafka and PostgreSQL."""

    SETTINGS = {}  # for every producer and consumer of this class

    @classmethod
    def setUpClass(cls):
        kafka.needed()
        postgres.needed()
        folder = weir.temporary_folder(cls.addClassCleanup)
        cls.kafka, cls.postgres = cls.servers(folder)
        for one in (cls.kafka, cls.postgres):
            cls.addClassCleanup(one.kill)
            one.begin()  # both start at the same time
        cls.kafka.ready()
        cls.postgres.ready()

    @classmethod
    def servers(cls, folder):
        """Makes Kafka and PostgreSQL without starting them. A class overrides it to use other servers."""
        return kafka.Kafka(folder / "kafka"), postgres.Postgres(folder / "postgres")

    def setUp(self):
        super().setUp()
        self.bring_back()
        self.name = self.id().rsplit(".", 1)[-1].removeprefix("test_")[:40] + f".{weir.free_port()}"
        self.topic, self.group, self.database = f"activity.{self.name}", f"group.{self.name}", f"db.{self.name}"
        self.postgres.create_database(self.database, hll=postgres.has_hll())
        self.processes = {}

    def bring_back(self):
        for one in (self.kafka, self.postgres):
            if one.running:
                one.thaw()
                one.ready()
            else:
                one.start()

    # The processes.

    def make(self, command, name, **environment):
        """Makes a producer or consumer of this cluster without starting it."""
        database = self.postgres.environment(self.database) if command != "producer" else {}
        settings = {"KAFKA_BROKERS": self.kafka.brokers, "KAFKA_TOPIC": self.topic, "KAFKA_GROUP_ID": self.group,
                    "KAFKA_PARTITIONS": PARTITIONS, **database, **self.SETTINGS, **environment}
        process = self.processes[name] = self.weir(name, command=command, **settings)
        return process

    def start(self, command, count=1, ready=True, **environment):
        """Starts `count` more of them at the same time, named `consumer-1` and so on. Returns them as a list."""
        have = sum(name.startswith(command) for name in self.processes)
        made = [self.make(command, f"{command}-{have + number + 1}", **environment) for number in range(count)]
        for process in made:
            process.start(ready=False)
        for process in made:
            if ready:
                process.wait_ready(60)
        return made

    def assert_no_process_failed(self):
        """Checks that each process runs, or was killed or stopped by the test."""
        for name, process in self.processes.items():
            self.assertIn(process.process.poll(), (None, 0, -9), f"{name}: {process.log()[-3000:]}")

    # Figures from PostgreSQL.

    def sql(self, query):
        return self.postgres.rows(query, self.database)

    def ledger(self):
        """Returns the ledger rows of this topic as dicts, ordered by partition."""
        if not self.sql("SELECT to_regclass('activity_ledger')")[0][0]:
            return []
        rows = self.sql(f"SELECT row_to_json(l) FROM activity_ledger AS l WHERE topic = '{self.topic}' ORDER BY partition")
        return [json.loads(row[0]) for row in rows]

    def sums(self):
        rows = self.ledger()
        return {name: sum(row[name] for row in rows)
                for name in ("read", "tallied", "duplicate", "dead_lettered", "skipped")}

    def totals(self):
        """Returns events, page_views and users over all days. The `hll` extension unites the users; None without it."""
        users = "round(#hll_union_agg(users::hll))" if postgres.has_hll() else "NULL"
        row = self.sql(f"SELECT sum(events), sum(page_views), {users} FROM activity_days "
                       f"WHERE dimension = 'total' AND topic = '{self.topic}'")[0]
        events, page_views, united = (int(cell) if cell else 0 for cell in row)
        return {"events": events, "page_views": page_views, "users": united if postgres.has_hll() else None}

    def wait_counted(self, seconds=60):
        """Waits until the ledger is at the end offset of every partition, and returns its sums."""
        def counted():
            ends = self.kafka.end_offsets(self.topic)
            return ends and {row["partition"]: row["next_offset"] for row in self.ledger()} == ends and self.sums()
        try:
            return weir.wait_until(counted, seconds, "all partitions to be counted")
        except AssertionError as late:
            raise AssertionError(f"{late}: ends {self.kafka.end_offsets(self.topic)}, {self.ledger()}") from None

    # Checks.

    def assert_identities(self):
        """Checks both identities (contract, law 2), and that `read` is the number of records that kcat finds."""
        found = self.kafka.counts(self.topic)
        for row in self.ledger():
            self.assertEqual(row["read"], row["tallied"] + row["duplicate"] + row["dead_lettered"], row)
            self.assertEqual(row["next_offset"] - row["start_offset"], row["read"] + row["skipped"], row)
            self.assertEqual(row["read"], found.get(row["partition"], 0), row)

    def assert_exact(self, senders=(), events=None, page_views=None, users=None, seconds=60):
        """Waits until everything is counted. Compares it with the topic, with the outcomes that `senders` recorded and with
        the given figures."""
        sums = self.wait_counted(seconds)
        self.assert_identities()
        seen = TopicTotals(self.kafka.records(self.topic))
        totals = self.totals()
        self.assertEqual((sums["tallied"], sums["duplicate"]), (seen.events, seen.repeated), sums)
        self.assertEqual((totals["events"], totals["page_views"]), (seen.events, seen.page_views))
        self.assertEqual(int(self.sql("SELECT sum(page_view_count) FROM user_activity_metrics")[0][0]), seen.page_views)
        if totals["users"] is not None:
            self.assertEqual(totals["users"], len(seen.users))  # exact up to 4,096
        for sender in senders:
            self.assertFalse(sender.ok - seen.ids, "answered with 200 but not in the topic")
        for wanted, found in ((events, seen.events), (page_views, seen.page_views), (users, len(seen.users))):
            if wanted is not None:
                self.assertEqual(found, wanted)
        self.assert_no_process_failed()


class TopicTotals:
    """The figures that follow from the records of a topic by the contract: each (user_id, message_id) counts once. For
    topics whose records are all valid and within one dedupe window."""

    def __init__(self, records):
        self.ids, self.users = set(), set()
        self.events = self.page_views = self.repeated = 0
        known = set()
        for record in records:
            activity = json.loads(record["payload"])
            identity = activity.get("message_id")
            if identity is not None and (activity["user_id"], identity) in known:
                self.repeated += 1
                continue
            known.add((activity["user_id"], identity))
            self.ids.add(identity)
            self.users.add(activity["user_id"])
            self.events += 1
            self.page_views += activity["activity_type"] == "page_view"
