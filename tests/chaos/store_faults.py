"""What other sessions and an administrator do to PostgreSQL. They come straight to it, not by the ways that go wrong;
if it does not answer them they have come in vain."""
import contextlib
import subprocess
import threading

from tests.chaos.faults import Fault


class Sessions(Fault):
    def each_time(self, postgres, database):
        """Again and again while the fault lasts."""
        raise NotImplementedError

    def go_on(self, wait):
        over = threading.Event()
        thread = threading.Thread(target=self._repeat, args=(over,), daemon=True)
        thread.start()
        wait(self.strike.seconds)
        over.set()
        thread.join(150)  # longer than psql waits for an answer

    def _repeat(self, over):
        while not over.wait(self.dice.uniform(0.1, 1.0)):
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                self.each_time(self.stand.postgres, self.stand.database)


class EndSessions(Sessions):
    """pg_terminate_backend, as an administrator would."""

    def each_time(self, postgres, database):
        postgres.terminate_backends(database)


class Lock(Fault):
    """Somebody locks a table of ours against everyone."""

    def go_on(self, wait):
        table = self.dice.choice(["activity_windows", "activity_ledger", "user_activity_metrics", "activity_unrolled"])
        self.details = table
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.stand.postgres.lock_table(table, self.strike.seconds, self.stand.database)


class Deadlocks(Sessions):
    """Somebody takes accounts against our order, and cancels whatever statement runs."""

    def each_time(self, postgres, database):
        last = self.stand.plan.partitions - 1
        postgres.cross_locks(last, self.dice.randrange(last), database)
        postgres.cancel_statements(0.5, database)
