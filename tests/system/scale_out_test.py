"""Consumers are added, killed, paused and removed under load, on a topic with 12 partitions. The figures stay exact, and no
partition waits longer than 15 s for its next flush. Static members restart without a rebalance."""
import re
import threading
import time

from tests.harness import cluster, weir
from tests.harness.load_generator import LoadGenerator

IDLE_SECONDS_MAX = 15
EVENTS_A_SECOND = 1_000
USERS = 2_000


def events(count):
    """Returns activities of many users, so that each of the 12 partitions gets some in every second."""
    when = weir.now()
    return [weir.activity(f"user-{number * 7919 % USERS}", "page_view" if number % 3 else "click", when, message_id=f"m{number}",
                          metadata={"page_url": f"https://example.org/p{number % 50}"}) for number in range(count)]


class Progress:
    """Samples the next_offset of each partition in the ledger, and keeps the longest time that each one stood still."""

    def __init__(self, ledger):
        self._ledger = ledger
        self._stop = threading.Event()
        self._moved = {}  # partition: (next_offset, when it was first seen)
        self.longest = {}  # partition: (seconds, the second of the run at which it began)
        self._begun = time.monotonic()
        self._error = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join(30)
        if self._error:
            raise self._error
        return self.longest

    def _run(self):
        try:
            while not self._stop.wait(0.25):
                self._sample(self._ledger(), time.monotonic())
        except Exception as error:
            self._error = error

    def _sample(self, rows, now):
        for row in rows:
            partition, offset = row["partition"], row["next_offset"]
            known, since = self._moved.setdefault(partition, (offset, now))
            # A partition that still stands counts with the time up to now.
            if now - since > self.longest.get(partition, (0, 0))[0]:
                self.longest[partition] = (round(now - since, 1), round(since - self._begun, 1))
            if offset != known:
                self._moved[partition] = (offset, now)


class ScaleOut(cluster.Case):
    SETTINGS = {"FLUSH_INTERVAL_SEC": 1, "LOG_LEVEL": "info"}

    def running(self):
        return [one for name, one in self.processes.items() if name.startswith("consumer") and one.running]

    def wait_shared(self, members, seconds=30):
        """Waits until `members` consumers hold all partitions, live, and as evenly as possible."""
        most, least = -(-cluster.PARTITIONS // members), cluster.PARTITIONS // members

        def shared():
            held = [one.metric("weir_consumer_partitions", state="live") for one in self.running()]
            return len(held) == members and sum(held) == cluster.PARTITIONS and least <= min(held) and max(held) <= most
        weir.wait_until(shared, seconds, f"{members} consumers to share the partitions")

    def cycle(self):
        """1 → 3 → 6 → 1 consumers, with a paused member and killed ones between."""
        dwell = weir.rounds(4, 15)
        self.wait_shared(1)
        time.sleep(dwell)
        self.start("consumer", 2)
        self.wait_shared(3)
        time.sleep(dwell)

        # Paused for longer than the session of the group: its partitions move, and return after it continues.
        paused = self.running()[-1]
        paused.freeze()
        time.sleep(11)
        paused.thaw()
        self.wait_shared(3)
        # Paused for a shorter time: it keeps its partitions.
        lost = self.running()[0].metric("weir_consumer_partition_events_total", event="lost")
        self.running()[0].freeze()
        time.sleep(4)
        self.running()[0].thaw()
        time.sleep(1)
        self.assertEqual(self.running()[0].metric("weir_consumer_partition_events_total", event="lost"), lost)

        self.start("consumer", 3)
        self.wait_shared(6)
        time.sleep(dwell)
        for killed in self.running()[-2:]:
            killed.kill()
        self.wait_shared(4)
        for stopped in self.running()[1:]:
            self.assertEqual(stopped.stop(), 0)
        self.wait_shared(1)
        time.sleep(dwell)

    def test_1_to_3_to_6_to_1_consumers_under_load_are_exact_and_no_partition_idles(self):
        cycles = weir.rounds(1, 5)
        producer, = self.start("producer")
        self.start("consumer")
        sender = LoadGenerator([producer.port], events(EVENTS_A_SECOND * 400 * cycles), per_second=EVENTS_A_SECOND).start()
        weir.wait_until(lambda: len(self.ledger()) == cluster.PARTITIONS, 30, "all partitions to be counted")
        progress = Progress(self.ledger)
        for _ in range(cycles):
            self.cycle()
        self.assertTrue(sender.sending, "the load lasted to the end")
        longest = progress.stop()
        sender.stop()
        print(f"{len(sender.ok)} events; longest time without progress of each partition (seconds, begun at): {longest}", flush=True)
        self.assertEqual(set(longest), set(range(cluster.PARTITIONS)))
        for partition, (seconds, at) in longest.items():
            self.assertLessEqual(seconds, IDLE_SECONDS_MAX, f"partition {partition} stood still from second {at} of the run on")
        self.assert_exact([sender], seconds=90)

    def generation(self):
        """Returns the generation of the group, from the broker's log; None before its first rebalance."""
        found = re.findall(rf"[Gg]roup {re.escape(self.group)}.*?generation (\d+)", self.kafka.log())
        return max(map(int, found), default=None)

    def test_a_rolling_restart_of_static_members_causes_no_rebalance(self):
        producer, = self.start("producer")
        members = [self.make("consumer", f"consumer-{number}", **{"KAFKA_PROPERTY_group_instance_id": f"weir-{number}",
                                                                  "KAFKA_PROPERTY_session_timeout_ms": 20_000})
                   for number in range(3)]
        for member in members:
            member.start(ready=False)
        for member in members:
            member.wait_ready(60)
        self.wait_shared(3, 60)
        sender = LoadGenerator([producer.port], events(100_000), per_second=EVENTS_A_SECOND).start()
        weir.wait_until(lambda: len(self.ledger()) == cluster.PARTITIONS, 30, "all partitions to be counted")
        generation = self.generation()
        self.assertIsNotNone(generation, self.kafka.log()[-3000:])
        held = {member.port: self.partitions_of(member) for member in members}
        events_before = {member.port: self.rebalances_of(member) for member in members}
        progress = Progress(self.ledger)
        for member in members:
            self.assertEqual(member.stop(), 0)
            member.start()
            weir.wait_until(lambda: self.partitions_of(member) == held[member.port], 30, "it to have its partitions again")
            events_before[member.port] = self.rebalances_of(member)  # the new process counts from 0
            for other in members:
                self.assertEqual(self.partitions_of(other), held[other.port])
                self.assertEqual(self.rebalances_of(other), events_before[other.port], "a restart moves no partition of others")
        self.assertEqual(self.generation(), generation, "the group has the generation of before the restarts")
        longest = progress.stop()
        sender.stop()
        self.assertLessEqual(max(seconds for seconds, _ in longest.values()), IDLE_SECONDS_MAX, longest)
        self.assert_exact([sender], seconds=60)

    @staticmethod
    def partitions_of(process):
        return set(re.findall(r'^weir_consumer_next_offset\{partition="(\d+)"\}', process.get("/metrics").body.decode(), re.M))

    @staticmethod
    def rebalances_of(process):
        return tuple(process.metric("weir_consumer_partition_events_total", event=event) for event in ("assigned", "revoked", "lost"))


if __name__ == "__main__":
    weir.main()
