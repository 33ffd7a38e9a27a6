"""Tests the ledger client: the intent is on the disk before the request is sent, an outcome states no more than the answer,
and an event that may have been kept is not sent again without a message_id."""
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
    """An HTTP server. `answer(path, body, number)` returns (status, body), or None to close the connection."""

    def __init__(self, answer):
        self.requests = []  # (path, body)
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # sends an answer in one segment

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding"):
                    body = gzip.decompress(body)
                server.requests.append((self.path, body))
                found = answer(self.path, body, len(server.requests))
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
    """Returns the events of a batch, lines as bytes; None for a truncated array."""
    try:
        return json.loads(body) if body[:1] == b"[" else body.strip().split(b"\n")
    except ValueError:
        return None


def accept_all(path, body, _):
    """Accepts everything except truncated bodies: for clients that send no other invalid events."""
    if path == "/activity":
        return GOOD
    found = items(body)
    if found is None:
        return 400, b'{"error":"not JSON"}'
    return 200, json.dumps({"accepted": len(found), "rejected": []}).encode()


class LedgerClient(weir.Case):
    def setUp(self):
        super().setUp()
        self.ledger = self.folder / "ledger"

    def server(self, answer):
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

    # The ledger.

    def test_the_ledger_has_the_intent_when_the_request_arrives(self):
        missing = []

        def answer(path, body, number):
            marks = set(re.findall(rb'"send":\s?"([^"]+)"', body))
            known = {mark.encode() for mark, send in LedgerReader(self.ledger).sends.items() if send.outcome == UNKNOWN}
            missing.extend(marks - known)
            return accept_all(path, body, number)

        self.client(self.server(answer).url, events=100).start().wait()
        self.assertEqual(missing, [])

    def test_the_intent_is_on_the_disk_before_the_request_is_sent(self):
        if not shutil.which("strace"):
            weir.missing("strace")
        trace = self.folder / "trace"
        process = self.program("--url", self.server(accept_all).url, "--seed", 1, "--rate", 500, "--events", 60,
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

    def test_an_outcome_states_no_more_than_the_answer(self):
        for status, text, path, wanted in (
                (503, b"{}", None, REFUSED), (429, b"{}", None, REFUSED), (500, b'{"error":"x"}', None, UNKNOWN),
                (None, None, None, UNKNOWN), (200, b"", "/activity", KEPT), (200, b"{", "/activities", UNKNOWN)):
            with self.subTest(status=status, path=path):
                self.ledger.unlink(missing_ok=True)
                server = self.server(lambda *_, found=status and (status, text): found)
                self.client(server.url, events=80, tries=1).start().wait()
                outcomes = collections.Counter()
                for (asked, _), tried in zip(server.requests, tries_of(LedgerReader(self.ledger))):
                    if path in (None, asked):
                        outcomes.update(send.outcome for send in tried)
                self.assertEqual(set(outcomes), {wanted})

    def test_no_connection_is_a_refusal(self):
        self.client(f"http://127.0.0.1:{weir.free_port()}", events=3, tries=1).start().wait()
        self.assertEqual({(send.outcome, send.status) for send in LedgerReader(self.ledger).sends.values()}, {(REFUSED, 0)})

    def test_each_event_of_a_batch_has_its_own_outcome(self):
        def answer(path, body, _):
            found = items(body)
            if path == "/activity" or found is None or len(found) < 3:
                return AWAY
            return 500, json.dumps({"accepted": len(found) - 1, "rejected": [], "failed": [1]}).encode()

        self.client(self.server(answer).url, events=100, tries=1).start().wait()
        batches = [tried for tried in tries_of(LedgerReader(self.ledger)) if tried[0].status == 500]
        self.assertTrue(batches)
        for tried in batches:
            self.assertEqual([send.outcome for send in tried], [KEPT, UNKNOWN] + [KEPT] * (len(tried) - 2))

    # Retries.

    def test_an_event_that_was_not_kept_is_sent_again_to_the_next_url_under_its_id(self):
        away = [self.server(lambda *_: AWAY).url for _ in range(2)]  # two: the first may receive only a truncated body
        good = self.server(accept_all)
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

    def test_an_event_that_may_have_been_kept_is_not_sent_again_without_an_id(self):
        server = self.server(lambda *_: None)
        self.client(server.url, events=16, tries=3, without_id=0.5).start().wait()
        sent = collections.Counter()
        for path, body in server.requests:
            for event in [body] if path == "/activity" else items(body) or []:
                event = json.loads(event) if isinstance(event, bytes) else event
                del event["send"]
                sent[json.dumps(event)] += 1
        with_id = [count for event, count in sent.items() if '"message_id"' in event]
        without = [count for event, count in sent.items() if '"message_id"' not in event]
        self.assertGreaterEqual(max(with_id), 3)
        self.assertEqual(max(without), 1)

    def test_some_kept_ids_are_sent_again_on_purpose(self):
        self.client(self.server(accept_all).url, events=600).start().wait()
        ids = collections.Counter((send.user, send.message_id) for send in LedgerReader(self.ledger).sends.values()
                                  if send.message_id and send.outcome == KEPT)
        self.assertGreater(sum(count > 1 for count in ids.values()), 10)

    # The end of the client.

    def test_an_answer_that_no_honest_client_should_get_ends_it_with_1(self):
        for answer, wanted in ((lambda *_: (400, b'{"error":"not you"}'), "a valid event was refused: not you"),
                               (lambda *_: (418, b"{}"), "was answered with 418")):
            process = self.program("--url", self.server(answer).url, "--seed", weir.SEED, "--rate", 1000, "--events", 50)
            _, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 1, errors)
            self.assertIn(wanted, errors)

    def test_a_valid_event_ahead_of_a_slow_clock_is_sent_again_with_clock_steps(self):
        slow = json.dumps({"error": "timestamp 2026-11-30T00:00:00Z is more than 24 h ahead of the clock"}).encode()

        def answer(path, body, number):
            return accept_all(path, body, number) if number > 4 else (400, slow)

        counts = self.client(self.server(answer).url, events=20, clock_steps=True).start().wait()
        self.assertEqual(counts["given_up"], 0)
        self.assertGreater(counts[KEPT], 0)
        with self.assertRaisesRegex(UnexpectedAnswer, "a valid event was refused"):
            self.client(self.server(lambda *_: (400, slow)).url, events=20).start().wait()

    def test_an_invalid_event_that_is_kept_ends_it_with_1(self):
        server = self.server(accept_all)
        process = self.program("--url", server.url, "--seed", weir.SEED, "--rate", 2000, "--seconds", 30)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, errors)
        self.assertRegex(errors, r"an invalid event \(.+\) was kept")

    def test_sigterm_finishes_the_open_request(self):
        def slow(*asked):
            time.sleep(0.5)
            return accept_all(*asked)

        server = self.server(slow)
        process = self.program("--url", server.url, "--seed", 3, "--rate", 1000, "--connections", 2)
        weir.wait_until(lambda: len(server.requests) >= 2)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=20)
        ledgers = LedgerReader(self.ledger)
        if process.returncode == 0:  # unlike Weir, this server also accepts invalid events
            self.assertEqual(json.loads(output.strip().split("\n")[-1])["tries"], ledgers.tries)
        else:
            self.assertIn("was kept", errors)
        self.assertEqual(ledgers.count(UNKNOWN), 0)

    def test_a_ledger_outlives_the_client_that_writes_it(self):
        """Kills the client under load three times; each next client appends to the same file."""
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
    """Returns the sends of each request, in order."""
    tries = collections.defaultdict(list)
    for mark, send in ledgers.sends.items():
        tries[mark.rpartition(".")[0]].append(send)
    return list(tries.values())


if __name__ == "__main__":
    weir.main()
