"""The recount: everything that the service should have in its tables, worked out from the log's own records, a second
time and by other means, after the contract.

    rules = Rules(...)                                       # what deviates from the defaults of the settings
    found = Recount.of_topic(kafka, topic, rules)            # a kafka.Kafka of tests.harness; reads with kcat
    found = Recount.of_file("…/data/events.db", topic, rules)   # the embedded log, partition 0
    ledgers = ledger.LedgerReader(path, …)
    store = PostgresStore(postgres, database, topic) or SqliteStore("…/data/metrics.db", topic)   # recount_store
    findings = check(found, ledgers, store, api)                # recount_check; api: a weir.Weir that serves /api, or None

`findings` is a list of texts, each one difference in words; empty: exact. Nothing must be sent meanwhile, and the
service must have counted all (wait_counted)."""
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
CLOCK_LEAD_MS = 12 * 3_600_000  # a record that is further ahead of the clock is from the future
DIMENSIONS = ("total", "activity_type", "page", "referrer")
VALUES_MAX = 1000  # stored for each (granularity, window, dimension, partition)
OTHER = "(other)"
LETTER_PLACE = re.compile(r"(.+)/(\d{1,10})/(\d{1,19})")


@dataclasses.dataclass(frozen=True)
class Rules:
    """The settings that decide what counts, as the service ran with them."""
    dedup_window_sec: int = 600
    dedup_window_events: int = 1_000_000  # of the topic; divided by its partitions
    minute_days: int = 7                  # RETENTION_MINUTE_DAYS
    event_bytes_max: int = 65536


@dataclasses.dataclass
class LedgerRow:
    """One partition's row of the ledger, as it should be."""
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
    """A row of a view: counts, and the exact set of users."""
    __slots__ = ("events", "page_views", "users")

    def __init__(self):
        self.events, self.page_views, self.users = 0, 0, set()

    def add(self, other):
        self.events += other.events
        self.page_views += other.page_views
        self.users |= other.users


@dataclasses.dataclass
class DeadLetter:
    """A row of activity_dead_letters; `reasons`: those that it may name."""
    reasons: set
    key: bytes | None
    value: bytes | None
    attempts: int = 1
    replayed: bool = False


@dataclasses.dataclass(slots=True)
class Occurrence:
    """Where a send stands in the log, and what became of it there: tallied, duplicate or dead_lettered."""
    partition: int
    offset: int
    digest: str
    fate: str
    time_ms: int = 0  # of its record


class Dedupe:
    """One partition's. Duplicate: the last sight of the pair is at most `events` offsets away, and its record's time at
    most the window before this one's. No other record counts, so one from the future outdates nothing."""

    def __init__(self, window_ms, events):
        self.window_ms, self.events = window_ms, events
        self.last = {}  # pair: (offset, time) of its last sight

    def is_repeated(self, pair, offset, time_ms):
        before = self.last.get(pair)
        self.last[pair] = (offset, time_ms)
        return before is not None and offset - before[0] <= self.events and time_ms - before[1] <= self.window_ms


class Recount:
    """ledger_rows {partition: LedgerRow}; letters {(partition, offset): DeadLetter}; sends {mark: [Occurrence]}; page_views;
    windows {granularity: {(start in unix seconds, partition, dimension, value): Cell}} without any bound on values, in
    the order in which the values came; minutes_from: where minutes are complete from, as far as late events say."""

    @classmethod
    def of_topic(cls, kafka, topic, rules=Rules(), starts=None):
        """`starts`: {partition: offset} where the account begins elsewhere than the topic (KAFKA_START=latest)."""
        return cls(topic, topic_bounds(kafka, topic), topic_records(kafka, topic), rules, starts or {})

    @classmethod
    def of_file(cls, path, topic="incoming.user_activity", rules=Rules(), until=None):
        """`until`: nothing from this offset on was counted."""
        records = (record for record in file_records(path) if until is None or record.offset < until)
        return cls(topic, None, records, rules, {})

    def __init__(self, topic, bounds, records, rules, starts):
        self.topic, self.rules = topic, rules
        self.now_ms = time.time() * 1000
        with no_garbage_collection():
            records = list(records)
        if bounds is None:
            first = records[0].offset if records else 0
            bounds = {0: (first, first + len(records))}
        self.ledger_rows = {partition: LedgerRow(starts.get(partition, first), end)
                         for partition, (first, end) in bounds.items()}
        self.letters, self.sends, self.page_views, self.minutes_from = {}, {}, 0, 0
        self.windows = {granularity: {} for granularity in GRANULARITIES}
        share = max(1, rules.dedup_window_events // max(1, len(bounds)))
        self._dedupe = {partition: Dedupe(rules.dedup_window_sec * 1000, share) for partition in bounds}
        self._replays = []
        with no_garbage_collection():
            self._take_all(records)

    def _take_all(self, records):
        for record in records:
            self._take(record)
        for replay in sorted(self._replays, key=lambda found: (found[0].time_ms, found[0].partition, found[0].offset)):
            self._settle_replay(*replay)
        self._roll_up()

    def go_on_from(self, lost):
        """Adds the numbers of a log that is gone, which stay in the store: `lost` is its Recount, as far as it was
        counted. The ledger, the dead letters and the sends remain this log's."""
        self.page_views += lost.page_views
        self.minutes_from = max(self.minutes_from, lost.minutes_from)
        for granularity, cells in lost.windows.items():
            for key, cell in self.windows[granularity].items():
                cells.setdefault(key, Cell()).add(cell)
            self.windows[granularity] = cells

    @property
    def tallied(self):
        return sum(account.tallied for account in self.ledger_rows.values())

    # Records.

    def _take(self, record):
        dedupe, account = self._dedupe[record.partition], self.ledger_rows[record.partition]
        event, wrong = None, None
        try:
            event = decode_event(record.value, record.time_ms, self.rules.event_bytes_max)
        except InvalidEvent as found:
            wrong = found.args[0]
        repeated = bool(event and event.message_id is not None) and dedupe.is_repeated(
            (event.user, event.message_id), record.offset, record.time_ms)
        if record.offset < account.start_offset:
            return
        account.read += 1
        source = letter_place(record.replay)
        if source:
            self._replays.append((record, source, event, wrong, repeated))
            return
        if wrong:
            self._dead_letter(record, wrong)
        elif repeated:
            self._note(record, "duplicate")
        else:
            self._tally(record, event)

    def _settle_replay(self, record, source, event, wrong, repeated):
        topic, *place = source
        letter = self.letters.get(tuple(place)) if topic == self.topic else None
        if wrong and letter:
            letter.attempts += 1
            self._note(record, "dead_lettered")
        elif wrong:
            self._dead_letter(record, wrong)
        else:
            was_replayed = letter is not None and letter.replayed
            if letter:
                letter.replayed = True
            if repeated or was_replayed:
                self._note(record, "duplicate")
            else:
                self._tally(record, event)

    def _dead_letter(self, record, reasons):
        self.letters[record.partition, record.offset] = DeadLetter(reasons, record.key or None, record.value)
        self._note(record, "dead_lettered")

    def _note(self, record, fate):
        account = self.ledger_rows[record.partition]
        setattr(account, fate, getattr(account, fate) + 1)
        found = SEND.search(record.value or b"")
        if found and not letter_place(record.replay):  # a replay is no second send
            place = Occurrence(record.partition, record.offset, digest(record.value), fate, record.time_ms)
            self.sends.setdefault(found.group(1).decode(), []).append(place)

    # Windows.

    def _tally(self, record, event):
        self._note(record, "tallied")
        is_page_view = event.kind == "page_view"
        self.page_views += is_page_view
        seconds = event.at_ns // 10**9
        # A record from the future says nothing of how late its event is: then the reader's clock does.
        ahead = record.time_ms - self.now_ms > CLOCK_LEAD_MS
        read_ms = self.now_ms if ahead else record.time_ms
        too_old = self.rules.minute_days and event.at_ns // 10**6 + self.rules.minute_days * 86_400_000 < read_ms
        if too_old:
            self.minutes_from = max(self.minutes_from, seconds // 3600 * 3600 + 3600)
        for granularity in ("hour", "day") if too_old else ("minute",):
            cells, start = self.windows[granularity], seconds // GRANULARITIES[granularity] * GRANULARITIES[granularity]
            for dimension, value in zip(DIMENSIONS, ("", event.kind, event.page, event.referrer)):
                cell = cells.get((start, record.partition, dimension, value))
                if cell is None:
                    cell = cells[start, record.partition, dimension, value] = Cell()
                cell.events += 1
                cell.page_views += is_page_view
                cell.users.add(event.user)

    def _roll_up(self):
        """Adds the minutes to their hours and days."""
        for granularity in ("hour", "day"):
            cells, width = self.windows[granularity], GRANULARITIES[granularity]
            for (start, partition, dimension, value), cell in self.windows["minute"].items():
                key = start // width * width, partition, dimension, value
                if key not in cells:
                    cells[key] = Cell()
                cells[key].add(cell)


@contextlib.contextmanager
def no_garbage_collection():
    """Millions of small objects, and none of them garbage: looking for some takes a quarter of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def letter_place(header):
    """(topic, partition, offset) that a replay names; None: it names none, and the record is an ordinary one."""
    found = LETTER_PLACE.fullmatch(header or "")
    return (found.group(1), int(found.group(2)), int(found.group(3))) if found else None


def bounded(cells):
    """As a window stores them: its first VALUES_MAX values by name, the rest as (other). For minutes that is what the
    view shows; where hours and days are full, it hangs on when their minutes were rolled up."""
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
    """Those (start, partition, dimension) that have more values than are stored."""
    values = collections.Counter((start, partition, dimension)
                                 for start, partition, dimension, value in cells if value != OTHER)
    return {window for window, count in values.items() if count > VALUES_MAX}


def moment(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
