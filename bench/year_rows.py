"""A year of events as rows of activity_windows: 50,000 users (zipf 0.8), 500 pages (zipf 1), 50 referrers, 5 types, three
partitions. Days are stored for the whole year, minutes for the last seven days. Hours are stored where a question up to a year
long may begin or end: for the first three days and the last 100."""
import itertools
import random
import struct

from tests.checker.recount_hash import sketch_element
from tests.harness.many_values import DAY

TOPIC = "year"
DAYS = 366
PARTITIONS = 3
MINUTE_DAYS, HOUR_DAYS = 7, 100
USERS, PAGES, REFERRERS = 50_000, 500, 50
TYPES = {"page_view": 0.7, "click": 0.15, "request": 0.1, "signup": 0.03, "purchase": 0.02}
WIDTHS = (60, 3_600, DAY)


def zipf(count, exponent):
    return list(itertools.accumulate(1 / (rank + 1) ** exponent for rank in range(count)))


def registers_of(users):
    registers = [0] * 16_384
    for user in users:
        rest = user % 2**64 >> 14
        value = min((rest & -rest).bit_length(), 31)
        registers[user & 16_383] = max(registers[user & 16_383], value)
    return registers


def encode(users):
    """Returns the stored sketch of a set of hashes, as signed numbers (src/tally/sketch.hpp)."""
    if len(users) <= 4_096:
        return b"\x12\x8e\x4d" + struct.pack(f">{len(users)}q", *sorted(users))
    registers = registers_of(users)
    filled = sum(map(bool, registers))
    if filled * 19 < 16_384 * 5:
        bits = "".join(f"{number:014b}{value:05b}" for number, value in enumerate(registers) if value)
        bits += "0" * (-len(bits) % 8)
        return b"\x13\x8e\x4d" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    return b"\x14\x8e\x4d" + int("".join(f"{value:05b}" for value in registers), 2).to_bytes(10_240, "big")


class Year:
    """`end` is in unix seconds: the last event is before it."""

    def __init__(self, end, events_a_day):
        self.end, self.events_a_day = end, events_a_day
        self.today = end // DAY * DAY
        self.users = [int.from_bytes(sketch_element(f"user-{number}"), "big", signed=True) for number in range(USERS)]
        self.pages = [f"/articles/{number}" for number in range(PAGES)]
        self.referrers = ["(direct)"] + [f"host-{number}.example" for number in range(1, REFERRERS)]
        self.weights = {"user": zipf(USERS, 0.8), "page": zipf(PAGES, 1), "referrer": zipf(REFERRERS, 1)}

    def rows(self):
        """Yields all rows in the order of time: tuples in the order of many_values.COLUMNS."""
        for ago in range(DAYS - 1, -1, -1):
            yield from self._rows_of_day(self.today - ago * DAY, ago)

    def minute_horizon(self):
        return self.today - (MINUTE_DAYS - 1) * DAY

    def _rows_of_day(self, day, ago):
        dice = random.Random(day)
        count = self.events_a_day
        end = min(day + DAY, self.end)
        times = sorted(dice.randrange(day, day + DAY) for _ in range(count))
        users = dice.choices(range(USERS), cum_weights=self.weights["user"], k=count)
        pages = dice.choices(self.pages, cum_weights=self.weights["page"], k=count)
        referrers = dice.choices(self.referrers, cum_weights=self.weights["referrer"], k=count)
        types = dice.choices(list(TYPES), weights=TYPES.values(), k=count)
        kept = [ago < MINUTE_DAYS, ago < HOUR_DAYS or ago >= DAYS - 3, True]
        for granularity in (number for number, is_kept in enumerate(kept) if is_kept):
            width, windows = WIDTHS[granularity], {}
            for at, user, *values in zip(times, users, types, pages, referrers):
                if at >= end:
                    break
                start, view = at - at % width, values[0] == "page_view"
                for dimension, value in enumerate(["", *values]):
                    row = windows.setdefault((start, user % PARTITIONS, dimension, value), [0, 0, set()])
                    row[0] += 1
                    row[1] += view
                    row[2].add(self.users[user])
            yield from self._stored(granularity, windows)

    @staticmethod
    def _stored(granularity, windows):
        values = {}
        for start, partition, dimension, _ in windows:
            if dimension:
                counts = values.setdefault((start, partition), {})
                counts[dimension] = counts.get(dimension, 0) + 1
        for (start, partition, dimension, value), (events, page_views, users) in sorted(windows.items()):
            counts = values[start, partition] if dimension == 0 else None
            rolled = (events, page_views) if granularity == 0 else (0, 0)
            yield (TOPIC, granularity, dimension, start, partition, value, events, page_views, *rolled, 1 if dimension else 0,
                   ",".join(f"{number}={stored}" for number, stored in sorted(counts.items())) if counts else None,
                   4 + sum(counts.values()) if counts else None, start + WIDTHS[granularity], encode(users))
