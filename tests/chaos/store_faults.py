"""Faults that other sessions and an administrator cause in PostgreSQL. These sessions connect directly, not by the faulty
links. A session that gets no answer has no effect."""
import contextlib
import subprocess
import threading

from tests.chaos.faults import Fault


class Sessions(Fault):
    def each_time(self, postgres, database):
        """Is called repeatedly while the fault lasts."""
        raise NotImplementedError

    def hold(self, wait):
        over = threading.Event()
        thread = threading.Thread(target=self._repeat, args=(over,), daemon=True)
        thread.start()
        wait(self.planned.seconds)
        over.set()
        thread.join(150)  # longer than psql waits for a reply

    def _repeat(self, over):
        while not over.wait(self.dice.uniform(0.1, 1.0)):
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                self.each_time(self.deployment.postgres, self.deployment.database)


class EndSessions(Sessions):
    """Calls pg_terminate_backend for all sessions, as an administrator would."""

    def each_time(self, postgres, database):
        postgres.terminate_backends(database)


class Lock(Fault):
    """Another session locks one of Weir's tables exclusively."""

    def hold(self, wait):
        table = self.dice.choice(["activity_windows", "activity_ledger", "user_activity_metrics", "activity_unrolled"])
        self.details = table
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.deployment.postgres.lock_table(table, self.planned.seconds, self.deployment.database)


class Deadlocks(Sessions):
    """Another session locks ledger rows in the opposite order and cancels running statements."""

    def each_time(self, postgres, database):
        last = self.deployment.plan.partitions - 1
        postgres.cross_locks(last, self.dice.randrange(last), database)
        postgres.cancel_statements(0.5, database)
