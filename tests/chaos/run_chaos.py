"""The fault bench: real processes under load are struck by a seeded schedule of faults, and whatever they promised is
counted again from outside.

    make chaos SECONDS=600 [PAIR=kafka|embedded|both] [SEED=7] [FAULTS=kill,freeze] [ROUNDS=100]

It tells each strike as it happens. A story (some rounds, then a recount) is played from one seed; the next story has
the next one. At the first story in which something is wrong it ends with 1, names the folder that it left, and the
command that plays the same schedule again. 0: all was exact."""
import argparse
import collections
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time
import unittest

from tests.chaos import namespaces, schedule
from tests.chaos.all_faults import ALL
from tests.chaos.deployment import stand_of
from tests.chaos.environment import ground_of
from tests.chaos.health_monitor import Watch
from tests.chaos.run_log import Story
from tests.checker.ledger import Book
from tests.checker.recount_check import check
from tests.checker.recount_refusals import check_refusals
from tests.harness import weir

PAIRS = ("kafka", "embedded")


def play(ground, plan, folder):
    """One story; gives it, closed. Its folder is kept if it has findings."""
    story = Story(folder, f"{plan.pair}-{plan.seed}")
    stand = stand_of(plan.pair)(ground, story, plan)
    watch = Watch(story, stand.weirs, stand.keeper.started_at)
    story.say(f"seed {plan.seed}, {plan.pair}: {len(plan.consumers) or 'no'} consumers, {plan.partitions} partitions, "
              f"{plan.rate} events/s, {plan.settings}")
    try:
        stand.begin()
        watch.begin()
        strike_all(stand, watch, plan)
        settle(stand)
    except Exception as broken:  # the story ends here, whatever it is; what was found stands in its folder
        story.find(f"{type(broken).__name__}: {broken}")
    finally:
        watch.end()
        if story.findings:
            stand.keep()
        else:
            stand.forget()
        stand.end()
        ground.calm()
    summary(stand, watch)
    story.close()
    return story


def strike_all(stand, watch, plan):
    """Plays the schedule; comes back when every fault is undone."""
    begun, over = time.monotonic(), threading.Event()
    threads = [threading.Thread(target=strike, args=(stand, watch, one, begun, over), daemon=True)
               for one in plan.strikes]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    time.sleep(1)


def strike(stand, watch, one, begun, over):
    if over.wait(max(0.0, begun + one.at - time.monotonic())):
        return
    fault = ALL[one.kind](stand, watch, one)
    story = stand.story
    try:
        fault.start()
        story.struck[one.kind] += 1
        story.say(f"{one.kind} {one.victim} {fault.details} ({one.seconds} s)")
        fault.go_on(over.wait)
    except Exception as broken:
        story.find(f"the bench itself: {one.kind} {one.victim}: {type(broken).__name__}: {broken}")
    finally:
        fault.undo()
    story.say(f"over: {one.kind} {one.victim}")


def settle(stand):
    """All is brought back and counted, and then counted again from outside."""
    story = stand.story
    stand.ground.calm()
    stand.bring_back()
    stand.stop_clients()
    stand.wait_counted()
    story.say("counted; the recount begins")
    book = Book(*[client.ledger_path for client in [*stand.clients.values(), *stand.more_clients]
                  if client.ledger_path.exists()])
    found, store, api = stand.recount()
    for finding in check(found, book, store, api, stand.plan.seed, stand.lost_log, stand.clocks_back_at):
        story.find(finding)
    for door, urls in stand.urls.items():
        if door not in stand.plan.clocks:
            for finding in check_refusals(book, urls, stand.weirs[door]):
                story.find(f"(f) {door}: {finding}")
    story.sent = {outcome: book.count(outcome) for outcome in ("kept", "refused", "unknown")}
    story.say("recounted")


def summary(stand, watch):
    story = stand.story
    longest = {name: round(seconds, 1) for name, seconds in stand.keeper.left.items() if name in stand.weirs}
    for title, what in (("struck", story.struck), ("sent", story.sent), ("counters", watch.totals()),
                        ("health", watch.answers), ("peak memory, MB", watch.peaks), ("said so after, seconds", watch.slowest_to_tell()),
                        ("left after SIGTERM, seconds", longest)):
        story.say(f"{title}: " + ", ".join(f"{name} {number}" for name, number in sorted(what.items())))


class Bench:
    """All stories of one call. `seconds`: no story begins after it; `rounds`: of each pair, None: no limit."""

    def __init__(self, pairs, seed, seconds, rounds, faults, keep):
        self.pairs, self.seed, self.rounds, self.faults = pairs, seed, rounds, faults
        self.until = None if seconds is None else time.monotonic() + seconds
        self.keep = pathlib.Path(keep)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-chaos-"))
        self.folder.chmod(0o711)
        self.played = {pair: 0 for pair in pairs}
        self.struck = {pair: {} for pair in pairs}

    def run(self):
        """The exit code."""
        try:
            for pair in self.pairs:
                red = self._pair(pair, self._share(pair))
                if red:
                    return self._red(red, pair)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        for pair in self.pairs:
            print(f"{pair}: {self.played[pair]} rounds, all exact; struck: {self.struck[pair]}", flush=True)
        return 0

    def _share(self, pair):
        """Until when this pair may play: those that come after it have as long."""
        if self.until is None:
            return None
        now = time.monotonic()
        return now + (self.until - now) / (len(self.pairs) - self.pairs.index(pair))

    def _pair(self, pair, until):
        """Its stories, one after the other; the first red one, or None."""
        ground, seed = ground_of(pair, self.folder / pair), self.seed
        try:
            while self._goes_on(pair, until):
                plan = schedule.plan(seed, pair, self.faults)
                story = play(ground, plan, ground.folder / f"story-{seed}")
                self._add(pair, plan, story)
                if story.findings:
                    return story
                shutil.rmtree(story.folder, ignore_errors=True)
                seed += 1
        finally:
            ground.end()
        return None

    def _goes_on(self, pair, until):
        if self.rounds is not None:
            return self.played[pair] < self.rounds
        return self.played[pair] == 0 or time.monotonic() < until

    def _add(self, pair, plan, story):
        self.played[pair] += plan.rounds
        for name, number in story.struck.items():
            self.struck[pair][name] = self.struck[pair].get(name, 0) + number

    def _red(self, story, pair):
        kept = self.keep / f"weir-chaos-{story.name}-{int(time.time())}"
        shutil.copytree(story.folder, kept, ignore_dangling_symlinks=True, dirs_exist_ok=True)
        seed, faults = story.name.rpartition("-")[2], f" FAULTS={','.join(self.faults)}" if self.faults else ""
        kinds = dict(collections.Counter(map(kind_of, story.findings)))
        print(f"\nRED, {len(story.findings)} findings, all of them in story.log; by kind: {kinds}")
        print(f"left in {kept}\nagain: make chaos PAIR={pair} SEED={seed} ROUNDS=1{faults}", flush=True)
        return 1


def kind_of(finding):
    """The word that it begins with."""
    return finding.split(":")[0] if ":" in finding[:40] else finding.split(" ")[0]


def main():
    parser = argparse.ArgumentParser(description="Strikes real processes under load and counts again from outside.")
    parser.add_argument("--pair", choices=[*PAIRS, "both"], default="both")
    parser.add_argument("--seconds", type=float, help="no story begins after so many")
    parser.add_argument("--rounds", type=int, help="of each pair")
    parser.add_argument("--seed", type=int, help="of the first story (a random one)")
    parser.add_argument("--faults", default="", help=f"of {', '.join(schedule.KINDS)}; with commas")
    parser.add_argument("--keep", default=tempfile.gettempdir(), help="where a red story's folder is left")
    words = parser.parse_args()
    faults = tuple(word for word in words.faults.split(",") if word)
    try:
        pairs = [pair for pair in (PAIRS if words.pair == "both" else [words.pair]) if schedule.kinds_of(pair, faults)]
    except ValueError as wrong:
        parser.error(str(wrong))
    if not pairs:
        parser.error(f"no such fault strikes the {words.pair} pair")
    try:
        namespaces.enter()
        seed = words.seed if words.seed is not None else random.SystemRandom().randrange(1, 10**6)
        seconds = words.seconds if words.seconds or words.rounds else 60
        print(f"fault bench: SEED={seed}, {weir.BINARY}", flush=True)
        return Bench(pairs, seed, seconds, words.rounds, faults, words.keep).run()
    except unittest.SkipTest:
        return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    raise SystemExit(main())
