"""The ledger client keeps honest books: the intent is on the disk before the request leaves, an outcome says no more
than the answer did, and nothing that may have been kept is sent again without a message_id."""
import collections
import gzip
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from tests.checker.client import Client, UnexpectedAnswer
from tests.checker.ledger import KEPT, REFUSED, UNKNOWN, LedgerReader
from tests.checker.recount import Recount
from tests.checker.recount_check import check
from tests.checker.recount_store import SqliteStore
from tests.harness import weir

GOOD, AWAY = (200, b'{"message":"ok"}'), (503, b'{"error":"away"}')


class FakeServer:
    """An HTTP server that answers as `answer(path, body, number)` says: (status, body), or None to hang up."""

    def __init__(self, answer):
        self.requests = []  # (path, body)
        door = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # an answer leaves in one piece

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding"):
                    body = gzip.decompress(body)
                door.requests.append((self.path, body))
                found = answer(self.path, body, len(door.requests))
                if found is None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                self.send_response(found[0])
                self.send_header("Content-Length", str(len(found[1])))
                self.end_headers()
                self.wfile.write(found[1])

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def items(body):
    """The events of a batch's body, lines as bytes; None for an array that is cut off."""
    try:
        return json.loads(body) if body[:1] == b"[" else body.strip().split(b"\n")
    except ValueError:
        return None


def as_weir_would(path, body, _):
    """All is kept: for clients that send nothing wrong but bodies that break off."""
    if path == "/activity":
        return GOOD
    found = items(body)
    if found is None:
        return 400, b'{"error":"no JSON"}'
    return 200, json.dumps({"accepted": len(found), "rejected": []}).encode()


class Books(weir.Case):
    def setUp(self):
        super().setUp()
        self.ledger = self.folder / "ledger"

    def door(self, answer):
        made = FakeServer(answer)
        self.addCleanup(made.close)
        return made

    def program(self, *words, prefix=()):
        command = [*prefix, sys.executable, "-B", "-m", "tests.checker.client", "--ledger", str(self.ledger),
                   *map(str, words)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=weir.ROOT)
        self.addCleanup(process.kill)
        return process

    def client(self, *urls, **settings):
        return Client(urls, self.ledger, weir.SEED, **{"rate": 2000, "connections": 1, "bad": 0, **settings})

    # What is written.

    def test_the_intent_of_a_request_stands_in_the_ledger_when_it_arrives(self):
        missing = []

        def answer(path, body, number):
            marks = set(re.findall(rb'"send":\s?"([^"]+)"', body))
            known = {mark.encode() for mark, send in LedgerReader(self.ledger).sends.items() if send.outcome == UNKNOWN}
            missing.extend(marks - known)
            return as_weir_would(path, body, number)

        self.client(self.door(answer).url, events=100).start().wait()
        self.assertEqual(missing, [])

    def test_it_is_on_the_disk_before_the_request_leaves(self):
        if not shutil.which("strace"):
            weir.missing("strace")
        trace = self.folder / "trace"
        process = self.program("--url", self.door(as_weir_would).url, "--seed", 1, "--rate", 500, "--events", 60,
                               "--connections", 1, prefix=("strace", "-f", "-s", "40", "-o", str(trace), "-e",
                                                           "trace=fdatasync,sendto"))
        process.communicate(timeout=60)
        synced, sent = False, 0
        for line in trace.read_text(errors="replace").split("\n"):
            if re.search(r"\bfdatasync\(.*= 0|<\.\.\. fdatasync resumed>.*= 0", line):
                synced = True
            elif "POST /activit" in line:
                self.assertTrue(synced, line)
                synced, sent = False, sent + 1
        self.assertGreater(sent, 5)

    def test_an_outcome_says_no_more_than_the_answer_did(self):
        for status, text, path, wanted in (
                (503, b"{}", None, REFUSED), (429, b"{}", None, REFUSED), (500, b'{"error":"x"}', None, UNKNOWN),
                (None, None, None, UNKNOWN), (200, b"", "/activity", KEPT), (200, b"{", "/activities", UNKNOWN)):
            with self.subTest(status=status, path=path):
                self.ledger.unlink(missing_ok=True)
                door = self.door(lambda *_, found=status and (status, text): found)
                self.client(door.url, events=80, tries=1).start().wait()
                outcomes = collections.Counter()
                for (asked, _), tried in zip(door.requests, tries_of(LedgerReader(self.ledger))):
                    if path in (None, asked):
                        outcomes.update(send.outcome for send in tried)
                self.assertEqual(set(outcomes), {wanted})

    def test_no_connection_is_a_refusal(self):
        self.client(f"http://127.0.0.1:{weir.free_port()}", events=3, tries=1).start().wait()
        self.assertEqual({(send.outcome, send.status) for send in LedgerReader(self.ledger).sends.values()}, {(REFUSED, 0)})

    def test_a_batch_is_settled_item_by_item(self):
        def answer(path, body, _):
            found = items(body)
            if path == "/activity" or found is None or len(found) < 3:
                return AWAY
            return 500, json.dumps({"accepted": len(found) - 1, "rejected": [], "failed": [1]}).encode()

        self.client(self.door(answer).url, events=100, tries=1).start().wait()
        batches = [tried for tried in tries_of(LedgerReader(self.ledger)) if tried[0].status == 500]
        self.assertTrue(batches)
        for tried in batches:
            self.assertEqual([send.outcome for send in tried], [KEPT, UNKNOWN] + [KEPT] * (len(tried) - 2))

    # What is sent again.

    def test_what_was_not_kept_is_sent_again_to_the_next_url_under_its_id(self):
        away = [self.door(lambda *_: AWAY).url for _ in range(2)]  # two: the first may be asked to take a cut body only
        good = self.door(as_weir_would)
        counts = self.client(*away, good.url, events=5, without_id=0).start().wait()
        self.assertEqual(counts["given_up"], 0)
        by_event = collections.defaultdict(list)
        for send in LedgerReader(self.ledger).sends.values():
            if send.message_id and not send.bad:
                by_event[send.message_id].append(send)
        self.assertTrue(by_event)
        for sends in by_event.values():
            self.assertEqual(sends[-1].outcome, KEPT)
            self.assertEqual({send.to for send in sends if send.outcome == KEPT}, {good.url})
        self.assertTrue(any(sends[0].to in away for sends in by_event.values()))

    def test_what_may_have_been_kept_is_not_sent_again_without_an_id(self):
        door = self.door(lambda *_: None)
        self.client(door.url, events=16, tries=3, without_id=0.5).start().wait()
        sent = collections.Counter()
        for path, body in door.requests:
            for event in [body] if path == "/activity" else items(body) or []:
                event = json.loads(event) if isinstance(event, bytes) else event
                del event["send"]
                sent[json.dumps(event)] += 1
        with_id = [count for event, count in sent.items() if '"message_id"' in event]
        without = [count for event, count in sent.items() if '"message_id"' not in event]
        self.assertGreaterEqual(max(with_id), 3)
        self.assertEqual(max(without), 1)

    def test_some_kept_ids_are_sent_again_on_purpose(self):
        self.client(self.door(as_weir_would).url, events=600).start().wait()
        ids = collections.Counter((send.user, send.message_id) for send in LedgerReader(self.ledger).sends.values()
                                  if send.message_id and send.outcome == KEPT)
        self.assertGreater(sum(count > 1 for count in ids.values()), 10)

    # How it ends.

    def test_an_answer_that_no_honest_client_should_get_ends_it_with_1(self):
        for answer, wanted in ((lambda *_: (400, b'{"error":"not you"}'), "a good event was refused: not you"),
                               (lambda *_: (418, b"{}"), "was answered with 418")):
            process = self.program("--url", self.door(answer).url, "--seed", weir.SEED, "--rate", 1000, "--events", 50)
            _, said = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 1, said)
            self.assertIn(wanted, said)

    def test_a_good_event_ahead_of_a_slow_clock_is_sent_again_where_clocks_step(self):
        slow = json.dumps({"error": "timestamp 2026-11-30T00:00:00Z is more than 24 h ahead of the clock"}).encode()

        def answer(path, body, number):
            return as_weir_would(path, body, number) if number > 4 else (400, slow)

        counts = self.client(self.door(answer).url, events=20, clock_steps=True).start().wait()
        self.assertEqual(counts["given_up"], 0)
        self.assertGreater(counts[KEPT], 0)
        with self.assertRaisesRegex(UnexpectedAnswer, "a good event was refused"):
            self.client(self.door(lambda *_: (400, slow)).url, events=20).start().wait()

    def test_a_wrong_event_that_is_taken_ends_it_with_1(self):
        door = self.door(as_weir_would)
        process = self.program("--url", door.url, "--seed", weir.SEED, "--rate", 2000, "--seconds", 30)
        _, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, said)
        self.assertRegex(said, r"an event that is wrong \(.+\) was kept")

    def test_sigterm_finishes_the_request_under_way(self):
        def slow(*asked):
            time.sleep(0.5)
            return as_weir_would(*asked)

        door = self.door(slow)
        process = self.program("--url", door.url, "--seed", 3, "--rate", 1000, "--connections", 2)
        weir.wait_until(lambda: len(door.requests) >= 2)
        process.send_signal(signal.SIGTERM)
        said, fault = process.communicate(timeout=20)
        ledgers = LedgerReader(self.ledger)
        if process.returncode == 0:  # this door takes wrong events too, as no Weir would
            self.assertEqual(json.loads(said.strip().split("\n")[-1])["tries"], ledgers.tries)
        else:
            self.assertIn("was kept", fault)
        self.assertEqual(ledgers.count(UNKNOWN), 0)

    def test_a_ledger_outlives_the_client_that_writes_it(self):
        """kill -9 of the client amid its traffic, three times, and another one goes on in the same file."""
        one = self.weir().start()
        url = f"http://127.0.0.1:{one.port}"
        for turn in range(3):
            process = self.program("--url", url, "--seed", weir.SEED + turn, "--rate", 800)
            seen = os.path.getsize(self.ledger) if self.ledger.exists() else 0
            weir.wait_until(lambda: self.ledger.exists() and os.path.getsize(self.ledger) > seen + 30_000)
            process.kill()
            process.communicate()
            with open(self.ledger, "ab") as torn:
                torn.write(b'{"try": 99999, "eve')
        last = self.program("--url", url, "--seed", weir.SEED, "--rate", 800, "--events", 300)
        self.assertEqual((last.communicate(timeout=60)[1], last.returncode), ("", 0))
        one.wait_counted()
        ledgers = LedgerReader(self.ledger)
        self.assertEqual(len(ledgers.about), 4)
        found = Recount.of_file(one.folder / "data/events.db")
        self.assertEqual(check(found, ledgers, SqliteStore(one.folder / "data/metrics.db"), one, weir.SEED), [])


def tries_of(ledgers):
    """The sends of each request, in order."""
    tries = collections.defaultdict(list)
    for mark, send in ledgers.sends.items():
        tries[mark.rpartition(".")[0]].append(send)
    return list(tries.values())


if __name__ == "__main__":
    weir.main()
