"""The servers that other tests start: they keep their data over a kill and answer after a freeze."""
import subprocess

from tests.harness import kafka, postgres, weir


class Servers(weir.Case):
    def test_kafka_keeps_its_records_over_kill_and_answers_after_a_freeze(self):
        kafka.needed()
        broker = kafka.Kafka(self.folder / "kafka")
        self.addCleanup(broker.kill)
        broker.start()
        broker.create_topic("numbers", 3)
        broker.produce("numbers", [str(number) for number in range(1000)], "-k", "seven", "-H", "from=here")
        broker.kill()
        broker.start()
        self.assertEqual(sum(broker.end_offsets("numbers").values()), 1000)
        self.assertEqual(sum(broker.counts("numbers").values()), 1000)
        first = broker.records("numbers")[0]
        self.assertEqual((first["key"], first["headers"]), ("seven", ["from", "here"]))

        broker.freeze()
        self.assertNotEqual(broker.kcat("-L", "-m", "1", check=False).returncode, 0)
        broker.thaw()
        broker.ready()

        member = broker.foreign_member("numbers", "other-group")
        self.addCleanup(member.kill)
        weir.wait_until(lambda: member.assigned() == 3, 30, "the foreign member to have all partitions")
        weir.wait_until(lambda: broker.lag("other-group") == 0, 30, "the foreign member to have read all")

    def test_postgres_keeps_its_rows_over_kill_and_answers_after_a_freeze(self):
        postgres.needed()
        server = postgres.Postgres(self.folder / "postgres")
        self.addCleanup(server.kill)
        server.start()
        server.psql("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
        for _ in range(3):
            server.kill()
            server.start()
            self.assertEqual(server.number("SELECT count(*) FROM kept"), 1000)

        server.freeze()
        with self.assertRaises((subprocess.TimeoutExpired, AssertionError)):
            server.psql("SELECT 1")
        server.thaw()
        server.ready()
        self.assertEqual(server.rows("SELECT 'a,b', NULL, 3"), [("a,b", "", "3")])


if __name__ == "__main__":
    weir.main()
