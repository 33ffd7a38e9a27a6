"""The files in DATA_DIR: their permissions and what happens when they disappear. Also limits and inherited descriptors."""
import os
import resource
import secrets
import signal
import socket
import stat
import time

from tests.harness import weir

NAMES = ("events.db", "events.db-wal", "metrics.db", "metrics.db-wal")


class Files(weir.Case):
    def test_fault_42_a_file_that_is_deleted_under_a_running_service_is_noticed_within_10_s(self):
        for name in NAMES:
            for replaced in (False, True):
                with self.subTest(name=name, replaced=replaced):
                    one = self.weir(f"{name}-{replaced}").start()
                    self.assertEqual(one.post("/activity", weir.activity()).status, 200)
                    one.wait_counted()
                    file, aside = one.folder / "data" / name, one.folder / "aside"
                    file.rename(aside)
                    if replaced:
                        file.write_bytes(aside.read_bytes())
                    weir.wait_until(lambda: one.get("/health/ready").status == 503, 10, "not ready")
                    check = one.get("/health/ready").json()["checks"]["event_log"]
                    self.assertEqual(check["status"], "unready")
                    self.assertIn(name, check["reason"])
                    self.assertEqual(one.post("/activity", weir.activity()).status, 503)
                    self.assertIn("a file in DATA_DIR is missing", one.log())
                    aside.rename(file)
                    weir.wait_until(lambda: one.get("/health/ready").status == 200, 10, "ready")
                    weir.wait_until(lambda: one.post("/activity", weir.activity()).status == 200, 15, "events to be accepted again")
                    self.assertEqual(one.stop(), 0)

    def test_only_the_owner_can_read_files_with_user_ids(self):
        one = self.weir().start()
        one.post("/activity", weir.activity())
        one.wait_counted()
        data = one.folder / "data"

        def modes():
            return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (data, *data.iterdir())}
        self.assertEqual(modes(), {"data": 0o700, **dict.fromkeys((path.name for path in data.iterdir()), 0o600)})
        one.stop()
        data.chmod(0o755)
        for path in data.iterdir():
            path.chmod(0o644)
        one.start()
        self.assertEqual(modes(), {"data": 0o700, **dict.fromkeys((path.name for path in data.iterdir()), 0o600)},
                         "the files of an older version, too")

    def test_an_impossible_data_dir_is_named(self):
        link = self.folder / "link"
        link.symlink_to(self.folder / "nowhere")
        for path, reason in ((link, "is a symbolic link to"), (self.folder / ("x" * 300), "is too long"),
                            (self.folder / "/".join(["x" * 200] * 3), "is too long for SQLite")):
            one = self.weir(f"bad-{len(reason)}")
            one.environment["DATA_DIR"] = str(path)
            one.start(ready=False)
            self.assertEqual(one.process.wait(20), 1)
            self.assertIn(reason, one.log())


class Limits(weir.Case):
    def start_under(self, prepare, name="one", **environment):
        """Makes a weir that a shell starts after it executed `prepare`."""
        return self.weir(name, prefix=("bash", "-c", f'{prepare}; exec "$0" "$@"'), **environment)

    def test_fault_44_sighup_ends_no_process(self):
        one = self.weir().start()
        for _ in range(3):
            one.process.send_signal(signal.SIGHUP)
            time.sleep(0.05)
        self.assertEqual(one.post("/activity", weir.activity()).status, 200)
        self.assertIn("SIGHUP received", one.log())
        self.assertEqual(one.stop(), 0)

    def test_fault_44_a_file_size_limit_is_treated_as_a_full_disk(self):
        one = self.start_under("ulimit -f 2048").start()  # 2 MiB
        padding = secrets.token_hex(10_000)  # the log compresses what can be compressed
        event = {**weir.activity(), "padding": padding}
        statuses = [one.post("/activity", event).status for _ in range(300)]
        self.assertIn(200, statuses)
        self.assertIn(503, statuses)
        self.assertLessEqual(set(statuses), {200, 503}, one.log()[-3000:])
        self.assertIsNone(one.process.poll(), one.log()[-2000:])
        self.assertIn("may not grow any further", one.log())
        self.assertGreaterEqual(one.get("/api/v1/ledger").status, 200)
        kept = statuses.count(200)
        one.kill()
        again = self.weir().start()
        self.assertGreaterEqual(again.wait_counted()["tallied"], kept)

    def test_fault_44_closed_standard_streams_are_replaced_by_dev_null(self):
        one = self.start_under("exec 0<&- 1>&- 2>&-").start()
        fds = {number: os.readlink(f"/proc/{one.process.pid}/fd/{number}") for number in range(3)}
        self.assertEqual(set(fds.values()), {"/dev/null"})
        lock = (one.folder / "data" / "weir.lock").read_text()
        self.assertEqual(lock, str(one.process.pid))
        self.assertEqual(one.post("/activity", weir.activity()).status, 200)
        self.assertEqual(one.stop(), 0)

    def test_fault_44_the_descriptor_limit_is_raised_and_connections_stay_below_it(self):
        one = self.start_under("ulimit -Sn 64; ulimit -Hn 256").start()
        self.assertEqual(resource.prlimit(one.process.pid, resource.RLIMIT_NOFILE), (256, 256))
        idle = []
        self.addCleanup(lambda: [each.close() for each in idle])
        for _ in range(400):
            idle.append(socket.create_connection(("127.0.0.1", one.port), timeout=5))
        time.sleep(0.5)
        open_files = len(os.listdir(f"/proc/{one.process.pid}/fd"))
        self.assertLess(open_files, 220, "some descriptors are reserved for stores and log")
        for each in idle:
            each.close()
        weir.wait_until(lambda: one.post("/activity", weir.activity()).status == 200, 5, "an answer")
        one.wait_counted()


if __name__ == "__main__":
    weir.main()
