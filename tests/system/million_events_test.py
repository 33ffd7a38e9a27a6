"""A million events in NDJSON pieces, on both pairs: each is accounted for, and no Weir process needs 200 MB.

`make test` sends 100,000; WEIR_TEST_LONG=1 sends the million. The figures are printed."""
import http.client
import json
import re
import sys
import threading
import time

from tests.checker.counters import check_counters
from tests.checker.recount_refusals import samples_of
from tests.harness import cluster, weir

EVENTS = weir.rounds(100_000, 1_000_000)
PIECE = 5_000       # events of a request, about 1 MB
SENDERS = 4
USERS = 3_000       # unique users are exact up to 4,096
REPEATED = 50       # one of so many items is a copy of the item before it
WRONG = 1_000       # every so many-th item is wrong
BYTES_MAX = 200 * 2**20


def item(number):
    number -= number % REPEATED == 1
    if number % WRONG == 7:
        return '{"user_id":"wrong"}'
    return json.dumps({"user_id": f"user-{number % USERS}", "activity_type": "page_view", "timestamp": weir.now(-(number % 3600)),
                       "message_id": f"m-{number}",
                       "metadata": {"page_url": f"https://shop.example/products/{number % 500}", "referrer": "https://a.example/",
                                    "note": "x" * 40}}, separators=(",", ":"))


def wrong_until(end):
    return len(range(7, end, WRONG))


def peak(process):
    with open(f"/proc/{process.process.pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024


class Checks:
    def send_all(self, port):
        """Sends the pieces over some connections. Returns the client's own book: accepted and rejected items."""
        book, lock, pieces = {"accepted": 0, "rejected": 0, "other": []}, threading.Lock(), iter(range(0, EVENTS, PIECE))

        def send():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            while True:
                with lock:
                    first = next(pieces, None)
                if first is None:
                    return connection.close()
                body = "\n".join(map(item, range(first, min(first + PIECE, EVENTS)))).encode()
                while True:
                    connection.request("POST", "/activities", body)
                    reply = connection.getresponse()
                    answer = json.loads(reply.read())
                    if reply.status != 503:  # surely not kept: send it again
                        break
                    time.sleep(0.2)
                with lock:
                    if reply.status == 200:
                        book["accepted"] += answer["accepted"]
                        book["rejected"] += len(answer["rejected"])
                    else:
                        book["other"].append((reply.status, answer))

        threads = [threading.Thread(target=send) for _ in range(SENDERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return book

    def check(self, book, sums, processes, began):
        self.assertEqual(book, {"accepted": EVENTS - wrong_until(EVENTS), "rejected": wrong_until(EVENTS), "other": []})
        self.assertEqual(sums["read"], book["accepted"])
        self.assertEqual((sums["dead_lettered"], sums["skipped"]), (0, 0))
        copies = len(range(1, EVENTS, REPEATED))
        self.assertEqual((sums["tallied"], sums["duplicate"]), (book["accepted"] - copies, copies))
        seconds = time.monotonic() - began
        peaks = {name: peak(process) for name, process in processes.items()}
        print(f"{EVENTS} items in {seconds:.0f} s, {book}, {sums}; VmHWM "
              + ", ".join(f"{name} {size / 2**20:.0f} MB" for name, size in peaks.items()), file=sys.stderr)
        for name, process in processes.items():
            self.assertEqual(check_counters(process), [], name)
            self.assertLess(peaks[name], BYTES_MAX, name)


class Embedded(weir.Case, Checks):
    def test_a_million_events_in_pieces_are_accounted_for_in_under_200_mb(self):
        one = self.weir(RETENTION_LOG_HOURS=0).start()
        began = time.monotonic()
        book = self.send_all(one.port)
        sums = one.wait_counted(300)
        self.check(book, sums, {"serve": one}, began)
        one.assert_identities(self)
        samples = samples_of(one.get("/metrics").body.decode())
        self.assertEqual(samples["weir_intake_accepted_total"][""], book["accepted"])
        answer = one.summary(weir.now(-86_400), weir.now(86_400))
        self.assertEqual(answer["events"], sums["tallied"])


class Kafka(cluster.Case, Checks):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}

    def test_a_million_events_in_pieces_are_accounted_for_in_under_200_mb(self):
        producer, = self.start("producer")
        consumers = self.start("consumer", 2)
        began = time.monotonic()
        book = self.send_all(producer.port)
        sums = self.wait_counted(300)
        self.check(book, sums, dict(self.processes), began)
        self.assert_identities()
        self.assertEqual(self.totals()["events"], sums["tallied"])
        self.assertEqual(len(consumers), 2)


if __name__ == "__main__":
    weir.main()
