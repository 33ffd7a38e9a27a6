"""What stands in the store, read by SQL from outside, in the same form for both stores:

    ledger()              {partition: {column: number}}
    windows(granularity)  {(start in unix seconds, partition, dimension, value): Row}, the rows of a view, added up
    letters()             {(partition, offset): (reason, key, value, attempts, replayed)}
    page_view_sum()       of user_activity_metrics, all topics
    complete_from()       {granularity: unix seconds}, of activity_horizon
    users_by_day()        {start of a day: users}, as PostgreSQL's hll extension unites them; {} where there is none"""
import csv
import dataclasses
import datetime
import io
import sqlite3

LEDGER = ("start_offset", "next_offset", "read", "tallied", "duplicate", "dead_lettered", "skipped")
VIEWS = {"minute": "activity_minutes", "hour": "activity_hours", "day": "activity_days"}
EXACT, NOBODY = b"\x12\x8e\x4d", 1  # the header of an explicit hll, and the kind of an empty one


@dataclasses.dataclass
class Row:
    """`users`: the hashes in it, 8 bytes each; None if it does not name them (beyond 4,096)."""
    events: int = 0
    page_views: int = 0
    users: set | None = dataclasses.field(default_factory=set)

    def add(self, events, page_views, sketch):
        self.events += events
        self.page_views += page_views
        if sketch[:3] == EXACT and self.users is not None:
            self.users.update(sketch[at:at + 8] for at in range(3, len(sketch), 8))
        elif sketch[0] & 0xf != NOBODY:
            self.users = None


class Store:
    """The questions; how they are asked is for the fillers."""

    def __init__(self, topic):
        self.topic = topic

    def ledger(self):
        rows = self.ask(f"SELECT partition, {', '.join(LEDGER)} FROM activity_ledger WHERE topic = {self.quoted_topic}")
        return {int(row[0]): dict(zip(LEDGER, map(int, row[1:]))) for row in rows}

    def windows(self, granularity):
        found = {}
        question = (f"SELECT {self.unix('window_start')}, partition, dimension, value, events, page_views, "
                    f"{self.bytes('users')} FROM {VIEWS[granularity]} WHERE topic = {self.quoted_topic}")
        for start, partition, dimension, value, events, page_views, users in self.ask(question):
            row = found.setdefault((int(start), int(partition), dimension, value), Row())
            row.add(int(events), int(page_views), bytes.fromhex(users))
        return found

    def letters(self):
        rows = self.ask(f"SELECT partition, \"offset\", reason, {self.nullable('key')}, {self.nullable('value')}, "
                        "attempts, CASE WHEN replayed_at IS NULL THEN '' ELSE 'replayed' END "
                        f"FROM activity_dead_letters WHERE topic = {self.quoted_topic}")
        return {(int(partition), int(offset)): (reason, bytes_of(key), bytes_of(value), int(attempts), replayed != "")
                for partition, offset, reason, key, value, attempts, replayed in rows}

    def page_view_sum(self):
        return int(self.ask("SELECT coalesce(sum(page_view_count), 0) FROM user_activity_metrics")[0][0])

    def retired(self):
        """How many ledgers of this topic belong to a log that is gone (ON_OFFSET_GONE=earliest)."""
        name = self.topic.replace("'", "''")
        return int(self.ask(f"SELECT count(*) FROM activity_ledger WHERE topic LIKE '{name}~%'")[0][0])

    def complete_from(self):
        rows = self.ask(f"SELECT granularity, {self.unix('pruned_to')} FROM activity_horizon")
        return {granularity: int(moment) for granularity, moment in rows}

    def users_by_day(self):
        return {}

    def nullable(self, column):
        """Bytes as x and hex digits; '' for NULL."""
        return f"CASE WHEN {column} IS NULL THEN '' ELSE 'x' || {self.bytes(column)} END"

    @property
    def quoted_topic(self):
        return "'" + self.topic.replace("'", "''") + "'"


def bytes_of(text):
    return bytes.fromhex(text[1:]) if text else None


class SqliteStore(Store):
    """metrics.db, opened read-only for each question; the service may live."""

    def __init__(self, path, topic="incoming.user_activity"):
        super().__init__(topic)
        self.path = path

    def ask(self, question):
        store = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)
        try:
            return store.execute(question).fetchall()
        finally:
            store.close()

    def unix(self, column):
        return f"unixepoch({column})"

    def bytes(self, column):
        return f"hex({column})"


class PostgresStore(Store):
    """By psql; `postgres` is a postgres.Postgres of tests.harness."""

    def __init__(self, postgres, database, topic):
        super().__init__(topic)
        self.postgres, self.database = postgres, database

    def ask(self, question):
        return list(csv.reader(io.StringIO(self.postgres.psql(question, self.database), newline="")))

    def unix(self, column):
        return f"ceil(extract(epoch FROM {column}))::bigint"

    def bytes(self, column):
        return f"encode({column}, 'hex')"

    def users_by_day(self):
        if not self.ask("SELECT 1 FROM pg_extension WHERE extname = 'hll'"):
            return {}
        rows = self.ask("SELECT window_start AT TIME ZONE 'UTC', round(#hll_union_agg(users::hll)) FROM activity_days "
                        f"WHERE dimension = 'total' AND topic = {self.quoted_topic} GROUP BY 1")
        return {int(datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.timezone.utc).timestamp()): int(users)
                for day, users in rows}
