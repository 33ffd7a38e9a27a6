"""Backups that are taken while Weir runs, and what a restore from them does: nothing that is in the log is lost or doubled."""
import contextlib
import shutil
import sqlite3
import subprocess
import threading

from tests.harness import cluster, postgres, weir


def copy_database(source, target):
    """Does what `sqlite3 SOURCE ".backup TARGET"` does."""
    with contextlib.closing(sqlite3.connect(source)) as one, contextlib.closing(sqlite3.connect(target)) as other:
        one.backup(other)


class Embedded(weir.Case):
    def send_until(self, one, done, sent):
        while not done.is_set():
            name = f"user-{len(sent)}"
            if one.post("/activity", weir.activity(name, message_id=name)).status == 200:
                sent.append(name)

    def test_a_backup_of_a_running_weir_is_exact(self):
        one = self.weir().start()
        sent, done = [], threading.Event()
        sender = threading.Thread(target=self.send_until, args=(one, done, sent))
        sender.start()
        weir.wait_until(lambda: len(sent) > 50, 60, "some events")
        restored = self.weir("restored")
        target = restored.folder / "data"
        target.mkdir(mode=0o700)
        copy_database(one.folder / "data/metrics.db", target / "metrics.db")  # first: the log may be ahead of the numbers
        at_least = len(sent)
        weir.wait_until(lambda: len(sent) > at_least + 20, 60, "more events")
        copy_database(one.folder / "data/events.db", target / "events.db")
        at_most = len(sent) + 1  # one may be on its way
        done.set()
        sender.join()
        one.kill()

        restored.start()
        sums = restored.wait_counted()
        self.assertEqual((sums["tallied"], sums["duplicate"], sums["skipped"]), (sums["read"], 0, 0))
        self.assertTrue(at_least <= sums["read"] <= at_most, (at_least, sums, at_most))
        self.assertEqual(restored.get("/api/v1/summary").json()["unique_users"], sums["read"])
        restored.assert_identities(self)
        # Clients that send everything again repair what came after the backup, and double nothing.
        for name in sent:
            self.assertEqual(restored.post("/activity", weir.activity(name, message_id=name)).status, 200)
        again = restored.wait_counted()
        self.assertEqual((again["tallied"], again["duplicate"]), (max(len(sent), sums["read"]), sums["read"]))
        self.assertEqual(restored.stop(), 0)

    def test_a_copy_of_the_stopped_files_goes_on_where_they_were(self):
        one = self.weir().start()
        for number in range(20):
            self.assertEqual(one.post("/activity", weir.activity(f"user-{number}")).status, 200)
        self.assertEqual(one.stop(), 0)
        restored = self.weir("restored")
        shutil.copytree(one.folder / "data", restored.folder / "data")
        restored.start()
        self.assertEqual(restored.wait_counted()["tallied"], 20)
        self.assertEqual(restored.post("/activity", weir.activity("user-0")).status, 200)
        weir.wait_until(lambda: restored.get("/api/v1/summary").json()["events"] == 21, 20, "the event")
        self.assertEqual(restored.get("/api/v1/summary").json()["unique_users"], 20)


class Database(cluster.Case):
    def dump(self, name, database, *options):
        environment = self.postgres.environment(database)
        words = [str(postgres.programs() / name), "-h", environment["DB_HOST"], "-p", environment["DB_PORT"], "-U",
                 environment["DB_USER"], "-d", database, *map(str, options)]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              env={"PGPASSWORD": postgres.PASSWORD})
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_a_dump_of_a_running_deployment_is_restored_and_caught_up(self):
        producer, = self.start("producer")
        consumer, = self.start("consumer")

        def send(first, count):
            for number in range(first, first + count):
                activity = weir.activity(f"user-{number}", message_id=f"m{number}")
                self.assertEqual(producer.post("/activity", activity).status, 200)

        send(0, 60)
        sender = threading.Thread(target=send, args=(60, 200))
        sender.start()
        file = self.folder / "analytics.dump"
        self.dump("pg_dump", self.database, "--format=custom", f"--file={file}")
        sender.join()
        self.wait_counted()
        self.assertEqual(self.totals()["events"], 260)
        self.assertEqual(consumer.stop(), 0)

        self.database = f"{self.database}.restored"
        self.postgres.create_database(self.database)
        self.dump("pg_restore", self.database, "--exit-on-error", file)
        in_dump = self.totals()["events"]
        send(260, 10)
        self.start("consumer")
        self.assertEqual(self.wait_counted()["tallied"], 270)
        self.assert_exact(events=270, users=270)
        self.assertLessEqual(in_dump, 260)


if __name__ == "__main__":
    weir.main()
