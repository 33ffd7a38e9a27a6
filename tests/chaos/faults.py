"""Faults of single processes. Each fault has three steps, and each step is bounded in time:

    start()          begins the fault
    hold(wait)       keeps it up; wait(seconds) returns True when the run ends
    undo()           is always called, also after start() failed half-way

schedule.py plans the kinds. ALL in all_faults.py maps a kind to its class."""
import random
import time

from tests.chaos import client_processes
from tests.harness import strace


class Fault:
    def __init__(self, deployment, monitor, planned):
        self.deployment, self.monitor, self.planned = deployment, monitor, planned
        self.environment, self.supervisor, self.run_log = deployment.environment, deployment.supervisor, deployment.run_log
        self.victim = planned.victim
        self.dice = random.Random(planned.seed)
        self.details = ""  # what the dice chose, for the run log

    def start(self):
        pass

    def hold(self, wait):
        wait(self.planned.seconds)

    def undo(self):
        pass

    def dependents(self, server):
        """Returns the names of the Weir processes that need this server."""
        return self.deployment.weirs if server == "kafka" else self.deployment.plan.consumers


class Kill(Fault):
    """kill -9, then a start after the planned seconds. An outage of a server is long enough that the processes that need
    it must report it."""

    def hold(self, wait):
        with self.supervisor.exclusive(self.victim):
            self.supervisor.kill(self.victim)
            if self.victim in self.deployment.servers():
                what = "log" if self.victim == "kafka" else "store"
                with self.monitor.outage(what, self.dependents(self.victim), "gone"):
                    wait(self.planned.seconds)
            else:
                wait(self.planned.seconds)
            self.supervisor.start(self.victim)


class Restart(Fault):
    """SIGTERM, a clean exit, then a start."""

    def hold(self, wait):
        with self.supervisor.exclusive(self.victim):
            self.supervisor.stop(self.victim)
            wait(self.planned.seconds)
            self.supervisor.start(self.victim)


class Freeze(Fault):
    """SIGSTOP, then SIGCONT: connections stay open and nothing answers."""

    def hold(self, wait):
        with self.supervisor.exclusive(self.victim) as one:
            if not one.running:
                return
            self.supervisor.freeze(self.victim)
            try:
                if self.victim in self.deployment.servers():
                    what = "log" if self.victim == "kafka" else "store"
                    with self.monitor.outage(what, self.dependents(self.victim), "silent"):
                        wait(self.planned.seconds)
                else:
                    wait(self.planned.seconds)
            finally:
                one.thaw()


class Clock(Fault):
    """The wall clock steps by an hour, forward or back, and returns. The monotonic clock is unchanged."""

    STEP = 3600

    def start(self):
        seconds = self.dice.choice([self.STEP, -self.STEP])
        self.details = f"{seconds:+d} s"
        self.environment.clocks.set(self.deployment.clock_file(self.victim), seconds)

    def undo(self):
        self.environment.clocks.set(self.deployment.clock_file(self.victim), 0)


class ClockByDays(Clock):
    """The same by ten days: longer than minutes are kept, and further than an event may be ahead of the clock."""

    STEP = 10 * 86400

    def undo(self):
        super().undo()
        self.deployment.clocks_back_at = time.time()


class Hostile(Fault):
    """Adds a hostile client to the honest ones. The recount includes what it sent."""

    def start(self):
        urls = [f"http://127.0.0.1:{self.deployment.weirs[name].port}" for name in self.deployment.ingest_names()]
        self.client = client_processes.HostileClient(self.run_log.folder / f"hostile-{self.planned.at}", urls,
                                                     self.planned.seed, self.environment.folder)
        self.client.start()
        self.deployment.more_clients.append(self.client)

    def undo(self):
        if self.client.running and self.client.stop() != 0:
            self.run_log.find(f"the hostile client: {self.client.log().strip()[-1500:]}")
        self.run_log.note(f"the hostile client: {self.client.log().strip()[-200:]}")


class FullDisk(Fault):
    """Fills the disk and leaves only some KB free."""

    def start(self):
        leaving = self.dice.choice([0, 100, 400])
        self.details = f"{leaving} KB left"
        if self.victim == "postgres":
            self.supervisor.excuse(self.victim)  # PostgreSQL may exit on a full disk; the supervisor starts it again
        self.deployment.disk.fill(leaving)

    def undo(self):
        self.deployment.disk.clear()


class FailingCalls(Fault):
    """Restarts the process under strace, which makes the n-th write or sync of each thread fail. After a failed sync the
    process must exit. The supervisor then starts it again under the same rule until the fault is undone."""

    def start(self):
        self.details = self._rule()
        self.trace = self.run_log.folder / f"strace-{self.planned.at}"
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
            self.run_log.injected["calls failed"] += self.trace.read_text(errors="replace").count("(INJECTED)")

    def _restart(self, prefix):
        with self.supervisor.exclusive(self.victim) as one:
            self.supervisor.stop(self.victim)
            one.prefix = prefix
            self.supervisor.start(self.victim)
