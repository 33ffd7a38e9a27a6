"""Fills the tables of a store with many pages: 1,000 distinct pages a day, as many as a window stores by name."""
import pathlib
import random
import sqlite3

TOPIC = "many-values"
DAY = 86_400
FIRST_DAY = 1_420_070_400  # 2015-01-01
VALUES_A_DAY = 1_000
COLUMNS = ("topic", "granularity", "dimension", "window_start", "partition", "value", "events", "page_views", "rolled_events",
           "rolled_page_views", "place", "stored_values", "stored_rows", "last_write", "users")


def sketch(dice, users):
    """Returns a sketch of `users` random users in the explicit storage format of the hll extension."""
    hashes = sorted({dice.getrandbits(64) - 2**63 for _ in range(users)})
    return b"\x12\x8e\x4d" + b"".join(number.to_bytes(8, "big", signed=True) for number in hashes)


def rows(values, value_bytes=1, users_max=1):
    """Yields rows as tuples in the order of COLUMNS. window_start and last_write are in unix seconds."""
    dice = random.Random(1)
    for number in range(values):
        day = FIRST_DAY + number // VALUES_A_DAY * DAY
        if number % VALUES_A_DAY == 0:
            yield (TOPIC, 2, 0, day, 0, "", VALUES_A_DAY, VALUES_A_DAY, 0, 0, 0, f"2={VALUES_A_DAY}", VALUES_A_DAY + 6,
                   day, sketch(dice, 1))
        users = dice.randint(1, users_max)
        value = f"/{number:x}".ljust(value_bytes, "x")
        yield TOPIC, 2, 2, day, 0, value, users, users, 0, 0, number % VALUES_A_DAY + 1, None, None, day, sketch(dice, users)


def fill_sqlite(path, made, minute_horizon=None):
    with sqlite3.connect(path) as store:
        names = ", ".join(COLUMNS).replace("last_write", "last_write_ms")
        values = ", ".join("?" * (len(COLUMNS) - 2)) + ", 1000 * ?, ?"
        store.executemany(f"INSERT INTO activity_windows ({names}) VALUES ({values})", made)
        if minute_horizon:
            store.execute("UPDATE activity_horizon SET pruned_to = ? WHERE granularity = 'minute'", (minute_horizon,))
    store.close()


def fill_postgres(server, made):
    def batch(some):
        def text(value):
            return f"'{value}'" if isinstance(value, str) else f"'\\x{value.hex()}'" if isinstance(value, bytes) else \
                "NULL" if value is None else str(value)
        lines = []
        for row in some:
            cells = [text(value) for value in row]
            for moment in (3, 13):
                cells[moment] = f"to_timestamp({cells[moment]})"
            lines.append(f"({', '.join(cells)})")
        server.psql(f"INSERT INTO activity_windows ({', '.join(COLUMNS)}) VALUES {', '.join(lines)}")
    some = []
    for row in made:
        some.append(row)
        if len(some) == 2_000:
            batch(some)
            some = []
    if some:
        batch(some)


def peak_mb(process):
    """Returns the peak memory of the process in MB (VmHWM)."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
