"""Reads the store by SQL from outside, with the same results for PostgreSQL and SQLite:

    ledger()              {partition: {column: number}}
    windows(granularity)  {(start in unix seconds, partition, dimension, value): Row}, the sums of the rows of a view
    dead_letters()        {(partition, offset): (reason, key, value, attempts, replayed)}
    page_view_sum()       the sum over user_activity_metrics, all topics
    complete_from()       {granularity: unix seconds}, from activity_horizon
    users_by_day()        {start of a day: users}, as PostgreSQL's hll extension unites them; {} without it"""
import csv
import dataclasses
import datetime
import io
import sqlite3

LEDGER = ("start_offset", "next_offset", "read", "tallied", "duplicate", "dead_lettered", "skipped")
VIEWS = {"minute": "activity_minutes", "hour": "activity_hours", "day": "activity_days"}
EXACT, EMPTY = b"\x12\x8e\x4d", 1  # the header of an explicit hll, and the type of an empty one


@dataclasses.dataclass
class Row:
    """`users`: the hashes of the users, 8 bytes each; None if the sketch does not list them (beyond 4,096)."""
    events: int = 0
    page_views: int = 0
    users: set | None = dataclasses.field(default_factory=set)

    def add(self, events, page_views, sketch):
        self.events += events
        self.page_views += page_views
        if sketch[:3] == EXACT and self.users is not None:
            self.users.update(sketch[at:at + 8] for at in range(3, len(sketch), 8))
        elif sketch[0] & 0xf != EMPTY:
            self.users = None


class Store:
    """The queries. The derived classes implement query() for their database."""

    def __init__(self, topic):
        self.topic = topic

    def ledger(self):
        rows = self.query(f"SELECT partition, {', '.join(LEDGER)} FROM activity_ledger WHERE topic = {self.quoted_topic}")
        return {int(row[0]): dict(zip(LEDGER, map(int, row[1:]))) for row in rows}

    def windows(self, granularity):
        found = {}
        sql = (f"SELECT {self.unix('window_start')}, partition, dimension, value, events, page_views, "
                    f"{self.bytes('users')} FROM {VIEWS[granularity]} WHERE topic = {self.quoted_topic}")
        for start, partition, dimension, value, events, page_views, users in self.query(sql):
            row = found.setdefault((int(start), int(partition), dimension, value), Row())
            row.add(int(events), int(page_views), bytes.fromhex(users))
        return found

    def dead_letters(self):
        rows = self.query(f"SELECT partition, \"offset\", reason, {self.nullable('key')}, {self.nullable('value')}, "
                        "attempts, CASE WHEN replayed_at IS NULL THEN '' ELSE 'replayed' END "
                        f"FROM activity_dead_letters WHERE topic = {self.quoted_topic}")
        return {(int(partition), int(offset)): (reason, bytes_of(key), bytes_of(value), int(attempts), replayed != "")
                for partition, offset, reason, key, value, attempts, replayed in rows}

    def page_view_sum(self):
        return int(self.query("SELECT coalesce(sum(page_view_count), 0) FROM user_activity_metrics")[0][0])

    def retired(self):
        """Returns how many ledger rows of this topic belong to a log that is gone (ON_OFFSET_GONE=earliest)."""
        name = self.topic.replace("'", "''")
        return int(self.query(f"SELECT count(*) FROM activity_ledger WHERE topic LIKE '{name}~%'")[0][0])

    def complete_from(self):
        rows = self.query(f"SELECT granularity, {self.unix('pruned_to')} FROM activity_horizon")
        return {granularity: int(moment) for granularity, moment in rows}

    def users_by_day(self):
        return {}

    def nullable(self, column):
        """Returns SQL for bytes as x and hex digits; '' for NULL."""
        return f"CASE WHEN {column} IS NULL THEN '' ELSE 'x' || {self.bytes(column)} END"

    @property
    def quoted_topic(self):
        return "'" + self.topic.replace("'", "''") + "'"


def bytes_of(text):
    return bytes.fromhex(text[1:]) if text else None


class SqliteStore(Store):
    """metrics.db, opened read-only for each query. The service may run."""

    def __init__(self, path, topic="incoming.user_activity"):
        super().__init__(topic)
        self.path = path

    def query(self, sql):
        store = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)
        try:
            return store.execute(sql).fetchall()
        finally:
            store.close()

    def unix(self, column):
        return f"unixepoch({column})"

    def bytes(self, column):
        return f"hex({column})"


class PostgresStore(Store):
    """A database, queried by psql. `postgres`: a postgres.Postgres of tests.harness."""

    def __init__(self, postgres, database, topic):
        super().__init__(topic)
        self.postgres, self.database = postgres, database

    def query(self, sql):
        return list(csv.reader(io.StringIO(self.postgres.psql(sql, self.database), newline="")))

    def unix(self, column):
        return f"ceil(extract(epoch FROM {column}))::bigint"

    def bytes(self, column):
        return f"encode({column}, 'hex')"

    def users_by_day(self):
        if not self.query("SELECT 1 FROM pg_extension WHERE extname = 'hll'"):
            return {}
        rows = self.query("SELECT window_start AT TIME ZONE 'UTC', round(#hll_union_agg(users::hll)) FROM activity_days "
                        f"WHERE dimension = 'total' AND topic = {self.quoted_topic} GROUP BY 1")
        return {int(datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.timezone.utc).timestamp()): int(users)
                for day, users in rows}
