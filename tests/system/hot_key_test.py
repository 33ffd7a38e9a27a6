"""A hot key: half of all events have the same partition key. The other partitions do not wait for it, and each event is counted
once, with every KAFKA_PARTITION_KEY."""
import http.client
import json
import os
import re
import sys
import time

from tests.harness import cluster, weir

EVENTS = weir.rounds(24_000, 240_000)
PIECE = 1_000
COPIES = 20  # one of so many events is sent twice, in the same request
AGE_MAX = 10.0  # seconds
LAG = "weir_consumer_lag_records"
AGE = "weir_consumer_partition_oldest_unread_age_seconds"


def activity(number):
    number -= number % COPIES == 1
    hot = number % 4 < 2  # neighbours, so that a copy has the user of its original
    return {"user_id": "hot" if hot else f"user-{number % 1_000}", "activity_type": "page_view" if hot else f"type-{number % 37}",
            "timestamp": weir.now(), "message_id": f"m-{number}",
            "metadata": {"page_url": "https://shop.example/", "tenant": "hot" if hot else f"tenant-{number % 50}"}}


def cpu_seconds(process):
    with open(f"/proc/{process.process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def partitions_of(consumer):
    """Returns (metric, partition, value) of the partitions that the consumer holds."""
    found = re.findall(rf'(?m)^({LAG}|{AGE})\{{partition="(\d+)"\}} (\S+)$', consumer.get("/metrics").body.decode())
    return [(name, int(partition), float(value)) for name, partition, value in found]


class HotKey(cluster.Case):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1}

    def play(self, key):
        producer, = self.start("producer", KAFKA_PARTITION_KEY=key)
        consumers = self.start("consumer", 3, KAFKA_PARTITION_KEY=key)
        connection = http.client.HTTPConnection("127.0.0.1", producer.port, timeout=60)
        samples, began = [], time.monotonic()
        for first in range(0, EVENTS, PIECE):
            connection.request("POST", "/activities", "\n".join(json.dumps(activity(n)) for n in range(first, first + PIECE)))
            reply = connection.getresponse()
            self.assertEqual((reply.status, json.loads(reply.read())["accepted"]), (200, PIECE))
            if first // PIECE % 8 == 7:
                samples += [sample for one in consumers for sample in partitions_of(one)]
        connection.close()
        sums = self.wait_counted()
        seconds = time.monotonic() - began
        self.assert_exact(events=EVENTS - len(range(1, EVENTS, COPIES)))
        found = self.kafka.counts(self.topic)
        hot = max(found, key=found.get)

        def worst(of_hot, member):
            return max((value for name, partition, value in samples if name == member and (partition == hot) == of_hot), default=0)
        print(f"{key}: {EVENTS} events in {seconds:.1f} s, {found[hot] / EVENTS:.0%} in partition {hot}; lag at most "
              f"{worst(True, LAG):.0f} there, {worst(False, LAG):.0f} elsewhere; oldest unread {worst(True, AGE):.2f} s "
              f"there, {worst(False, AGE):.2f} s elsewhere; CPU of the consumers "
              + ", ".join(f"{cpu_seconds(one):.2f} s" for one in consumers) + f"; {sums}", file=sys.stderr)
        if weir.LONG:  # make test shares the machine with other suites
            self.assertGreater(worst(True, LAG), 0, "no sample shows a partition at work")
            self.assertLess(worst(False, AGE), AGE_MAX)
        return found, hot, sums

    def test_a_user_with_half_of_all_events_does_not_starve_the_others_and_is_counted_exactly(self):
        found, hot, sums = self.play("user_id")
        self.assertGreater(found[hot], 0.5 * EVENTS)
        self.assertEqual(sums["duplicate"], len(range(1, EVENTS, COPIES)))
        self.assertEqual(self.totals()["users"], 1 + len({n % 1_000 for n in range(EVENTS) if n % 4 >= 2}))

    def test_a_hot_member_of_metadata_as_partition_key_is_counted_exactly(self):
        found, hot, _ = self.play("metadata.tenant")
        self.assertGreater(found[hot], 0.5 * EVENTS)

    def test_without_a_partition_key_a_hot_user_is_spread_over_all_partitions(self):
        found, hot, _ = self.play("none")
        self.assertEqual(len(found), cluster.PARTITIONS)
        self.assertLess(found[hot], 0.2 * EVENTS)


if __name__ == "__main__":
    weir.main()
