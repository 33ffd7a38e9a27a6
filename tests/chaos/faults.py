"""What strikes single processes: each fault is born with the stand and its strike, and does three things, each bounded:

    start()          strikes
    go_on(wait)      what it does meanwhile; wait(seconds) is True when the story is over
    undo()           always called, also when start() failed half-way

The kinds are planned in schedule.py; ALL in all_faults.py says which class plays which kind."""
import random
import time

from tests.chaos import client_processes
from tests.harness import strace


class Fault:
    def __init__(self, stand, watch, strike):
        self.stand, self.watch, self.strike = stand, watch, strike
        self.ground, self.keeper, self.story = stand.ground, stand.keeper, stand.story
        self.victim = strike.victim
        self.dice = random.Random(strike.seed)
        self.details = ""  # what the dice said, for the story

    def start(self):
        pass

    def go_on(self, wait):
        wait(self.strike.seconds)

    def undo(self):
        pass

    def depend_on(self, server):
        """Whoever stands on Kafka or PostgreSQL."""
        return self.stand.weirs if server == "kafka" else self.stand.plan.consumers


class Kill(Fault):
    """kill -9, and started again after a while; of a server, long enough that those who need it must say so."""

    def go_on(self, wait):
        with self.keeper.in_hand(self.victim):
            self.keeper.kill(self.victim)
            if self.victim in self.stand.servers():
                what = "log" if self.victim == "kafka" else "store"
                with self.watch.away(what, self.depend_on(self.victim), "gone"):
                    wait(self.strike.seconds)
            else:
                wait(self.strike.seconds)
            self.keeper.start(self.victim)


class Restart(Fault):
    """SIGTERM, and what must follow; then started again."""

    def go_on(self, wait):
        with self.keeper.in_hand(self.victim):
            self.keeper.stop(self.victim)
            wait(self.strike.seconds)
            self.keeper.start(self.victim)


class Freeze(Fault):
    """SIGSTOP, then SIGCONT: to others it looks as if it were thinking."""

    def go_on(self, wait):
        with self.keeper.in_hand(self.victim) as one:
            if not one.running:
                return
            self.keeper.freeze(self.victim)
            try:
                if self.victim in self.stand.servers():
                    what = "log" if self.victim == "kafka" else "store"
                    with self.watch.away(what, self.depend_on(self.victim), "silent"):
                        wait(self.strike.seconds)
                else:
                    wait(self.strike.seconds)
            finally:
                one.thaw()


class Clock(Fault):
    """The wall clock jumps by an hour, either way, and back; the monotonic one goes on."""

    STEP = 3600

    def start(self):
        seconds = self.dice.choice([self.STEP, -self.STEP])
        self.details = f"{seconds:+d} s"
        self.ground.clocks.set(self.stand.clock_file(self.victim), seconds)

    def undo(self):
        self.ground.clocks.set(self.stand.clock_file(self.victim), 0)


class ClockByDays(Clock):
    """The same by ten days: longer than minutes are kept, and than an event may be ahead."""

    STEP = 10 * 86400

    def undo(self):
        super().undo()
        self.stand.clocks_back_at = time.time()


class Hostile(Fault):
    """Beside the honest clients a hostile one; what it sent is recounted with theirs."""

    def start(self):
        urls = [f"http://127.0.0.1:{self.stand.weirs[door].port}" for door in self.stand.doors()]
        self.client = client_processes.HostileClient(self.story.folder / f"hostile-{self.strike.at}", urls,
                                                     self.strike.seed, self.ground.folder)
        self.client.start()
        self.stand.more_clients.append(self.client)

    def undo(self):
        if self.client.running and self.client.stop() != 0:
            self.story.find(f"the hostile client: {self.client.log().strip()[-1500:]}")
        self.story.say(f"the hostile client: {self.client.log().strip()[-200:]}")


class FullDisk(Fault):
    """All room is taken but some KB."""

    def start(self):
        leaving = self.dice.choice([0, 100, 400])
        self.details = f"{leaving} KB left"
        if self.victim == "postgres":
            self.keeper.excuse(self.victim)  # it may end itself; whoever looks after it starts it again
        self.stand.disk.fill(leaving)

    def undo(self):
        self.stand.disk.clear()


class FailingCalls(Fault):
    """Started again under strace, the n-th write or sync of each of its threads fails. After a failed sync it leaves by
    itself, as it should, and is started again the same way until this is over."""

    def start(self):
        self.details = self._rule()
        self.trace = self.story.folder / f"strace-{self.strike.at}"
        self._restart(strace.prefix(self.trace, self.details))

    def _rule(self):
        call = self.dice.choice(["fdatasync", "fdatasync", "pwrite64", "pwrite64", "pwrite64", "ftruncate"])
        few = self.dice.randrange(4, 20)
        nth = self.dice.choice([1, 3, few, few, self.dice.randrange(20, 100)])
        every = self.dice.choice(["", f"+{self.dice.randrange(1, 60)}"])
        return f"{call}:error={self.dice.choice(['EIO', 'ENOSPC'])}:when={nth}{every}"

    def undo(self):
        self._restart([])
        if self.trace.exists():
            self.story.struck["calls failed"] += self.trace.read_text(errors="replace").count("(INJECTED)")

    def _restart(self, prefix):
        with self.keeper.in_hand(self.victim) as one:
            self.keeper.stop(self.victim)
            one.prefix = prefix
            self.keeper.start(self.victim)
