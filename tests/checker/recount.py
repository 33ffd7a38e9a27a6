"""The recount: derives from the records of the log everything that the service must have in its tables. It follows the
contract and shares no code with the service.

    rules = Rules(...)                                       # settings that differ from their defaults
    found = Recount.of_topic(kafka, topic, rules)            # kafka: a kafka.Kafka of tests.harness
    found = Recount.of_file("…/data/events.db", topic, rules)   # the embedded log, partition 0
    ledgers = ledger.LedgerReader(path, …)
    store = PostgresStore(postgres, database, topic) or SqliteStore("…/data/metrics.db", topic)   # recount_store
    findings = check(found, ledgers, store, api)                # recount_check; api: a weir.Weir, or None

`findings` is a list of differences in words; empty: all figures are exact. The service must have counted everything
(wait_counted), and no client may send anything during the recount."""
import collections
import contextlib
import dataclasses
import datetime
import gc
import re
import time

from tests.checker.ledger import digest
from tests.checker.recount_decode import SEND, InvalidEvent, decode_event
from tests.checker.recount_log import file_records, topic_bounds, topic_records

GRANULARITIES = {"minute": 60, "hour": 3600, "day": 86400}  # seconds
CLOCK_LEAD_MS = 12 * 3_600_000  # a record that is further ahead of the clock counts as from the future
DIMENSIONS = ("total", "activity_type", "page", "referrer")  # built in
VALUES_MAX = 1000  # values stored for each (granularity, window, dimension, partition)
OTHER = "(other)"
REPLAY_SOURCE = re.compile(r"(.+)/(\d{1,10})/(\d{1,19})")


@dataclasses.dataclass(frozen=True)
class Rules:
    """The settings of the service that affect the figures."""
    dedup_window_sec: int = 600
    dedup_window_events: int = 1_000_000  # for the topic; divided by its partitions
    minute_days: int = 7                  # RETENTION_MINUTE_DAYS
    event_bytes_max: int = 65536
    dimensions: tuple = ()                # DIMENSIONS: pairs (name, source)


@dataclasses.dataclass
class LedgerRow:
    """The expected ledger row of one partition."""
    start_offset: int
    next_offset: int
    read: int = 0
    tallied: int = 0
    duplicate: int = 0
    dead_lettered: int = 0

    @property
    def skipped(self):
        return self.next_offset - self.start_offset - self.read


class Cell:
    """The expected row of a view, with the exact set of users."""
    __slots__ = ("events", "page_views", "users")

    def __init__(self):
        self.events, self.page_views, self.users = 0, 0, set()

    def add(self, other):
        self.events += other.events
        self.page_views += other.page_views
        self.users |= other.users


@dataclasses.dataclass
class DeadLetter:
    """An expected row of activity_dead_letters. `reasons`: any of them is correct."""
    reasons: set
    key: bytes | None
    value: bytes | None
    attempts: int = 1
    replayed: bool = False


@dataclasses.dataclass(slots=True)
class Occurrence:
    """A record of the log that holds a send. `outcome`: tallied, duplicate or dead_lettered."""
    partition: int
    offset: int
    digest: str
    outcome: str
    time_ms: int = 0  # of the record


class Dedupe:
    """The dedupe of one partition. A record is a duplicate if the last record with its pair is at most `events` offsets
    before it, and its record time at most the window before. Other records have no effect, so one from the future expires
    no pair."""

    def __init__(self, window_ms, events):
        self.window_ms, self.events = window_ms, events
        self.last = {}  # {pair: (offset, time) of its last record}

    def is_repeated(self, pair, offset, time_ms):
        before = self.last.get(pair)
        self.last[pair] = (offset, time_ms)
        return before is not None and offset - before[0] <= self.events and time_ms - before[1] <= self.window_ms


class Recount:
    """The result of a recount. ledger_rows {partition: LedgerRow}; dead_letters {(partition, offset): DeadLetter};
    sends {mark: [Occurrence]}; page_views; windows {granularity: {(start in unix seconds, partition, dimension, value):
    Cell}}, without a bound on values, in the order of their first occurrence; minutes_from: the time from which minutes
    are complete, according to late events."""

    @classmethod
    def of_topic(cls, kafka, topic, rules=Rules(), starts=None):
        """`starts`: {partition: offset} if the ledger does not begin at the start of the topic (KAFKA_START=latest)."""
        return cls(topic, topic_bounds(kafka, topic), topic_records(kafka, topic), rules, starts or {})

    @classmethod
    def of_file(cls, path, topic="incoming.user_activity", rules=Rules(), until=None):
        """`until`: ignore the records from this offset on."""
        records = (record for record in file_records(path) if until is None or record.offset < until)
        return cls(topic, None, records, rules, {})

    def __init__(self, topic, bounds, records, rules, starts):
        self.topic, self.rules = topic, rules
        self.dimensions = DIMENSIONS + tuple(name for name, _ in rules.dimensions)
        self.sources = tuple(source for _, source in rules.dimensions)
        self.now_ms = time.time() * 1000
        with no_garbage_collection():
            records = list(records)
        if bounds is None:
            first = records[0].offset if records else 0
            bounds = {0: (first, first + len(records))}
        self.ledger_rows = {partition: LedgerRow(starts.get(partition, first), end)
                         for partition, (first, end) in bounds.items()}
        self.dead_letters, self.sends, self.page_views, self.minutes_from = {}, {}, 0, 0
        self.windows = {granularity: {} for granularity in GRANULARITIES}
        share = max(1, rules.dedup_window_events // max(1, len(bounds)))
        self._dedupe = {partition: Dedupe(rules.dedup_window_sec * 1000, share) for partition in bounds}
        self._replays = []
        with no_garbage_collection():
            self._add_all(records)

    def _add_all(self, records):
        for record in records:
            self._add(record)
        for replay in sorted(self._replays, key=lambda found: (found[0].time_ms, found[0].partition, found[0].offset)):
            self._add_replay(*replay)
        self._roll_up()

    def add_lost_log(self, lost):
        """Adds the figures of a lost log, which remain in the store. `lost`: its Recount up to the counted offset. Ledger,
        dead letters and sends remain those of this log."""
        self.page_views += lost.page_views
        self.minutes_from = max(self.minutes_from, lost.minutes_from)
        for granularity, cells in lost.windows.items():
            for key, cell in self.windows[granularity].items():
                cells.setdefault(key, Cell()).add(cell)
            self.windows[granularity] = cells

    @property
    def tallied(self):
        return sum(row.tallied for row in self.ledger_rows.values())

    # Records.

    def _add(self, record):
        dedupe, row = self._dedupe[record.partition], self.ledger_rows[record.partition]
        event, reasons = None, None
        try:
            event = decode_event(record.value, record.time_ms, self.rules.event_bytes_max, self.sources)
        except InvalidEvent as error:
            reasons = error.args[0]
        repeated = bool(event and event.message_id is not None) and dedupe.is_repeated(
            (event.user, event.message_id), record.offset, record.time_ms)
        if record.offset < row.start_offset:
            return
        row.read += 1
        source = replay_source(record.replay)
        if source:
            self._replays.append((record, source, event, reasons, repeated))
            return
        if reasons:
            self._dead_letter(record, reasons)
        elif repeated:
            self._count(record, "duplicate")
        else:
            self._tally(record, event)

    def _add_replay(self, record, source, event, reasons, repeated):
        topic, *position = source
        dead_letter = self.dead_letters.get(tuple(position)) if topic == self.topic else None
        if reasons and dead_letter:
            dead_letter.attempts += 1
            self._count(record, "dead_lettered")
        elif reasons:
            self._dead_letter(record, reasons)
        else:
            was_replayed = dead_letter is not None and dead_letter.replayed
            if dead_letter:
                dead_letter.replayed = True
            if repeated or was_replayed:
                self._count(record, "duplicate")
            else:
                self._tally(record, event)

    def _dead_letter(self, record, reasons):
        self.dead_letters[record.partition, record.offset] = DeadLetter(reasons, record.key or None, record.value)
        self._count(record, "dead_lettered")

    def _count(self, record, outcome):
        row = self.ledger_rows[record.partition]
        setattr(row, outcome, getattr(row, outcome) + 1)
        found = SEND.search(record.value or b"")
        if found and not replay_source(record.replay):  # a replay is not another send
            one = Occurrence(record.partition, record.offset, digest(record.value), outcome, record.time_ms)
            self.sends.setdefault(found.group(1).decode(), []).append(one)

    # Windows.

    def _tally(self, record, event):
        self._count(record, "tallied")
        is_page_view = event.kind == "page_view"
        self.page_views += is_page_view
        seconds = event.at_ns // 10**9
        # The time of a record from the future cannot tell how late its event is; the clock of the reader can.
        ahead = record.time_ms - self.now_ms > CLOCK_LEAD_MS
        read_ms = self.now_ms if ahead else record.time_ms
        too_old = self.rules.minute_days and event.at_ns // 10**6 + self.rules.minute_days * 86_400_000 < read_ms
        if too_old:
            self.minutes_from = max(self.minutes_from, seconds // 3600 * 3600 + 3600)
        for granularity in ("hour", "day") if too_old else ("minute",):
            cells, start = self.windows[granularity], seconds // GRANULARITIES[granularity] * GRANULARITIES[granularity]
            for dimension, value in zip(self.dimensions, ("", event.kind, event.page, event.referrer, *event.own),
                                        strict=True):
                cell = cells.get((start, record.partition, dimension, value))
                if cell is None:
                    cell = cells[start, record.partition, dimension, value] = Cell()
                cell.events += 1
                cell.page_views += is_page_view
                cell.users.add(event.user)

    def _roll_up(self):
        """Adds each minute to its hour and its day."""
        for granularity in ("hour", "day"):
            cells, width = self.windows[granularity], GRANULARITIES[granularity]
            for (start, partition, dimension, value), cell in self.windows["minute"].items():
                key = start // width * width, partition, dimension, value
                if key not in cells:
                    cells[key] = Cell()
                cells[key].add(cell)


@contextlib.contextmanager
def no_garbage_collection():
    """Disables the garbage collector: a recount has millions of live objects, and collections take a quarter of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def replay_source(header):
    """Returns (topic, partition, offset) of the source of a replay; None: the record is not a replay."""
    found = REPLAY_SOURCE.fullmatch(header or "")
    return (found.group(1), int(found.group(2)), int(found.group(3))) if found else None


def bounded(cells):
    """Returns the rows as a window stores them: its first VALUES_MAX values by name, the others as (other). For minutes
    this is what the view shows. In full hours and days it depends on the time of the roll-ups."""
    stored, rows = {}, {}
    for (start, partition, dimension, value), cell in cells.items():
        if dimension != "total" and value != OTHER:
            window = start, partition, dimension
            if stored.get(window, 0) >= VALUES_MAX:
                value = OTHER
            else:
                stored[window] = stored.get(window, 0) + 1
        rows.setdefault((start, partition, dimension, value), Cell()).add(cell)
    return rows


def full_windows(cells):
    """Returns the windows (start, partition, dimension) that have more values than are stored by name."""
    values = collections.Counter((start, partition, dimension)
                                 for start, partition, dimension, value in cells if value != OTHER)
    return {window for window, count in values.items() if count > VALUES_MAX}


def moment(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
