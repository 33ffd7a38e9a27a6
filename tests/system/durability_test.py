"""A 2xx is a promise: it is sent after the fsync, and the event survives kill -9."""
import collections
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import threading
import time

from tests.harness import strace, weir
from tests.harness.http_client import KEPT, REFUSED, UNKNOWN, HttpClient


class Promise(weir.Case):
    def test_the_fsync_comes_before_the_200(self):
        if not shutil.which("strace"):
            weir.missing("strace")
        trace = self.folder / "trace"
        one = self.weir(prefix=("strace", "-f", "-tt", "-s", "256", "-o", str(trace), "-e",
                                "trace=fsync,fdatasync,sendto,sendmsg,write,writev")).start()
        for number in range(20):
            self.assertEqual(one.post("/activity", weir.activity(f"fsync-{number}")).status, 200)
        strace = one.process.pid
        with open(f"/proc/{strace}/task/{strace}/children", encoding="ascii") as children:
            os.kill(int(children.read().split()[0]), signal.SIGTERM)
        self.assertEqual(one.process.wait(30), 0)
        synced, replies = False, 0
        for line in trace.read_text(errors="replace").split("\n"):
            if re.search(r"\bf(data)?sync\(.*= 0|<\.\.\. f(data)?sync resumed>.*= 0", line):
                synced = True
            elif "Activity published successfully" in line:
                self.assertTrue(synced, line)
                synced, replies = False, replies + 1
        self.assertEqual(replies, 20)

    def test_a_failed_fsync_is_answered_500_and_ends_the_process(self):
        for nth in (20, 27, 34):
            failing = strace.prefix(os.devnull, f"fdatasync:error=EIO:when={nth}+")
            one = self.weir(f"fsync-{nth}", prefix=failing).start()
            answers = collections.Counter()

            def send(sender):
                for number in range(200):
                    try:
                        answers[one.post("/activity", weir.activity(f"{sender}-{number}")).status] += 1
                    except OSError:  # it has exited
                        return

            senders = [threading.Thread(target=send, args=(sender,)) for sender in range(8)]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
            self.assertEqual(one.process.wait(20), 1)
            self.assertIn("cannot go on", one.log().strip().split("\n")[-1])
            self.assertGreater(answers[500], 0, answers)
            self.assertLessEqual(set(answers), {200, 500, 503}, answers)
            again = self.weir(f"fsync-{nth}").start()
            self.assertGreaterEqual(again.wait_counted()["tallied"], answers[200])
            again.assert_identities(self)
            again.stop()

    def test_a_message_id_is_still_known_after_kill_9(self):
        one = self.weir().start()
        event = weir.activity("ada", message_id="m-1")
        self.assertEqual(one.post("/activity", event).status, 200)
        self.assertEqual(one.wait_counted()["tallied"], 1)
        one.kill()
        one.start()
        self.assertEqual(one.post("/activity", event).status, 200)
        sums = one.wait_counted()
        self.assertEqual((sums["tallied"], sums["duplicate"]), (1, 1))
        one.assert_identities(self)

    def test_a_message_id_sent_over_two_connections_is_counted_once(self):
        one = self.weir().start()
        event = weir.activity("ada", message_id="m-2")
        threads = [threading.Thread(target=one.post, args=("/activity", event)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sums = one.wait_counted()
        self.assertEqual((sums["tallied"], sums["duplicate"]), (1, 7))


class Sender(threading.Thread):
    """Posts events in sequence until `stopping` is set, and records the outcome of each."""

    def __init__(self, one, name):
        super().__init__()
        self.one, self.tag = one, name
        self.names = {KEPT: [], REFUSED: [], UNKNOWN: []}
        self.stopping = threading.Event()

    def run(self):
        http, number = HttpClient([("127.0.0.1", self.one.port)], timeout=5), 0
        while not self.stopping.is_set():
            number += 1
            name = f"{self.tag}-{number}"
            batch = random.random() < 0.2
            names = [f"{name}-{item}" for item in range(random.randrange(1, 20))] if batch else [name]
            events = [weir.activity(each, message_id=each) for each in names]
            body = json.dumps(events if batch else events[0]).encode()
            reply = http.post("/activities" if batch else "/activity", body, {}, len(events))
            for each, outcome in zip(names, reply.outcomes):
                self.names[outcome].append(each)
            if reply.status == 0:
                time.sleep(0.01)
        http.close()


class KillLoop(weir.Case):
    def test_no_promise_is_broken_by_kill_9_under_writes(self):
        one = self.weir(BATCH_SIZE=20, FLUSH_MIN_INTERVAL_MS=20, LOG_LEVEL="warn").start()
        kept, unknown = set(), set()
        for turn in range(weir.rounds(50, 500)):
            senders = [Sender(one, f"{turn}-{index}") for index in range(4)]
            for sender in senders:
                sender.start()
            time.sleep(random.uniform(0.02, 0.25))
            one.kill()
            for sender in senders:
                sender.stopping.set()
            for sender in senders:
                sender.join()
                kept.update(sender.names[KEPT])
                unknown.update(sender.names[UNKNOWN])
            for name in ("events.db", "metrics.db"):
                copy = self.folder / name
                for suffix in ("", "-wal"):
                    source = one.folder / "data" / (name + suffix)
                    if source.exists():
                        shutil.copy(source, str(copy) + suffix)
                with sqlite3.connect(copy) as found:
                    self.assertEqual(found.execute("pragma integrity_check").fetchone(), ("ok",), (turn, name))
                found.close()
                for leftover in self.folder.glob(name + "*"):
                    leftover.unlink()
            one.start()
        sums = one.wait_counted()
        one.assert_identities(self)
        self.assertGreaterEqual(sums["tallied"], len(kept))
        self.assertLessEqual(sums["tallied"], len(kept | unknown))
        self.assertEqual(sums["dead_lettered"], 0)
        # Every event had a distinct message_id: there is no duplicate, and each kept event is recognised when it is sent again.
        self.assertEqual(sums["duplicate"], 0)
        for name in random.sample(sorted(kept), min(200, len(kept))):
            one.post("/activity", weir.activity(name, message_id=name))
        after = one.wait_counted()
        self.assertEqual(after["tallied"], sums["tallied"])
        self.assertEqual(after["duplicate"], min(200, len(kept)))
        self.assertEqual(one.stop(), 0)
        print(f"{len(kept)} kept, {len(unknown)} unknown, {sums['tallied']} counted")


if __name__ == "__main__":
    weir.main()
