"""Measures the time of questions about a year of events, while further events arrive.

    python3 -B -m bench.question_times                                both stores, 30,000 events a day
    python3 -B -m bench.question_times --store sqlite --seconds 60
    python3 -B -m bench.question_times --folder /tmp/year --answers before.json
                                       keeps the stores and uses them again; writes the answers about fixed ranges, for a comparison

The rows are written directly into the tables of the store (bench/year_rows.py). Then a client sends events, and each question
is asked in turn until the time is over. A time is from the request to the last byte of the answer. CPU is that of weir and of the
server together, which other programs on the machine affect less; it includes the events that arrive. WEIR_BINARY selects
another program, for a comparison."""
import argparse
import contextlib
import http.client
import json
import math
import multiprocessing
import os
import pathlib
import random
import shutil
import statistics
import tempfile
import time

from bench import year_rows
from tests.harness import postgres, weir
from tests.harness.many_values import COLUMNS, DAY, fill_sqlite, peak_mb

SPANS = {"24 h": DAY, "90 days": 90 * DAY, "a year": 365 * DAY}
TARGETS_MS = {"summary": {"24 h": 50, "90 days": 50, "a year": 50}, "top": {"24 h": 100, "90 days": 400}}


def moment(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def questions(end):
    """Yields name, span and path. Without `end` a range ends now."""
    for span, seconds in SPANS.items():
        since = f"from={moment((end or time.time()) - seconds)}" + (f"&to={moment(end)}" if end else "")
        yield "summary", span, f"/api/v1/summary?{since}"
        yield "summary of a page", span, f"/api/v1/summary?page=/articles/3&{since}"
        for dimension in ("page", "referrer", "activity_type"):
            for sort in ("page_views", "unique_users"):
                yield f"top {dimension} by {sort}", span, f"/api/v1/top?dimension={dimension}&sort={sort}&{since}"
        yield "top 500 pages", span, f"/api/v1/top?dimension=page&limit=500&{since}"
        if span != "24 h":
            for zone in ("UTC", "Europe/Berlin"):
                yield f"days in {zone}", span, f"/api/v1/timeseries?interval=day&tz={zone}&{since}"


def fill_postgres(server, rows):
    """COPY is ten times as fast as INSERT."""
    def cell(value):
        return "\\N" if value is None else "\\\\x" + value.hex() if isinstance(value, bytes) else str(value)
    with open(server.folder / "rows", "w") as copy:
        for row in rows:
            cells = list(row)
            cells[3], cells[13] = moment(cells[3]), moment(cells[13])
            copy.write("\t".join(map(cell, cells)) + "\n")
    server.psql(f"\\copy activity_windows ({', '.join(COLUMNS)}) FROM '{server.folder / 'rows'}'")
    (server.folder / "rows").unlink()
    server.psql("VACUUM ANALYZE activity_windows")


def send_events(port, per_second):
    """Runs in a process of its own, so that it does not delay the clock of the questions."""
    year = year_rows.Year(int(time.time()), 0)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for number in range(10**9):
        lines = []
        for user in random.choices(range(year_rows.USERS), cum_weights=year.weights["user"], k=per_second // 10):
            page = random.choices(year.pages, cum_weights=year.weights["page"])[0]
            lines.append(json.dumps(weir.activity(f"user-{user}", metadata={"page_url": "https://weir.example" + page})))
        connection.request("POST", "/activities", "\n".join(lines))
        connection.getresponse().read()
        time.sleep(0.1)


def ask(connection, path):
    began = time.perf_counter()
    connection.request("GET", path)
    reply = connection.getresponse()
    body = reply.read()
    took = time.perf_counter() - began
    if reply.status not in (200, 503):  # 503: it took longer than the limit of a query
        raise SystemExit(f"{path}: {reply.status} {body!r}")
    return took * 1_000, body


def cpu_ms(pids):
    """Returns the CPU time of all threads of the processes so far."""
    total = 0
    for pid in pids:
        for file in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):  # the thread has ended
                total += int(file.read_text().split()[0])
    return total / 1_000_000


def measure(one, server, seconds):
    times = {}
    connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=60)
    for _, _, path in questions(None):
        ask(connection, path)  # not counted: the file is read for the first time
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name, span, path in questions(None):
            pids = [one.process.pid, *(server.family() if server else ())]
            began = cpu_ms(pids)
            took = ask(connection, path)[0]
            times.setdefault((name, span), []).append((took, cpu_ms(pids) - began))
    return times


def print_table(times):
    names = list(dict.fromkeys(name for name, _ in times))
    print(f"  {len(next(iter(times.values())))} times each; p50 / p99 (median CPU) in ms, ! above its target; "
          f"load average {os.getloadavg()[0]:.0f}")
    print(f"  {'':30}" + "".join(f"{span:>28}" for span in SPANS))
    for name in names:
        cells = ""
        for span in SPANS:
            took = sorted(took for took, _ in times.get((name, span), ()))
            if took:
                cpu = statistics.median(cpu for _, cpu in times[name, span])
                p99 = took[math.ceil(len(took) * 0.99) - 1]
                target = TARGETS_MS[name.split()[0]].get(span) if name.split()[0] in TARGETS_MS else None
                cells += f"{took[len(took) // 2]:9.1f} /{p99:7.1f}{'!' if target and p99 > target else ' '} ({cpu:6.1f})"
            else:
                cells += " " * 28
        print(f"  {name:30}{cells}", flush=True)


def answers(one, end):
    """The answers about ranges that end before the first event that the client sends."""
    connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=60)
    return {path: json.loads(ask(connection, path)[1]) for _, _, path in questions(end)}


def run(store, options, folder):
    end = int(time.time())
    mark = folder / f"{store}.end"
    server, settings = None, {"KAFKA_TOPIC": year_rows.TOPIC, "KAFKA_PARTITIONS": year_rows.PARTITIONS}
    if store == "postgres":
        (folder / "server").mkdir(exist_ok=True)
        server = postgres.Postgres(folder / "server").start()
        settings |= {"METRICS_STORE": "postgres", **server.environment()}
    one = weir.Weir(folder / store, **settings)
    sender = None
    try:
        one.start()
        if not mark.exists():
            one.stop()
            year = year_rows.Year(end, options.events_a_day)
            horizon = moment(year.minute_horizon()).replace("Z", ".000Z")
            if server:
                fill_postgres(server, year.rows())
                server.psql(f"UPDATE activity_horizon SET pruned_to = '{horizon}' WHERE granularity = 'minute'")
            else:
                fill_sqlite(one.folder / "data" / "metrics.db", year.rows(), horizon)
            mark.write_text(str(end))
            one.start()
        print(f"{store}: {options.events_a_day} events a day, {options.rate} events a second arrive", flush=True)
        if options.answers:
            path = pathlib.Path(f"{options.answers}.{store}")
            path.write_text(json.dumps(answers(one, int(mark.read_text()) - 600), indent=1, sort_keys=True))
        sender = multiprocessing.Process(target=send_events, args=(one.port, options.rate), daemon=True)
        sender.start()
        print_table(measure(one, server, options.seconds))
        print(f"  peak {peak_mb(one.process):.0f} MB", flush=True)
    finally:
        if sender:
            sender.terminate()
        one.end()
        if server:
            server.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", choices=("sqlite", "postgres"), action="append")
    parser.add_argument("--events-a-day", type=int, default=30_000)
    parser.add_argument("--rate", type=int, default=100, help="events a second that arrive meanwhile")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--answers")
    options = parser.parse_args()
    folder = options.folder or pathlib.Path(tempfile.mkdtemp(prefix="weir-bench-"))
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711)
    try:
        for store in options.store or ("sqlite", "postgres"):
            run(store, options, folder)
    finally:
        if not options.folder:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
