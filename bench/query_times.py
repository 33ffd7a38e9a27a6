"""Measures the time of queries over many values, and the memory that they need.

    python3 -B -m bench.query_times                                    200,000 pages, on SQLite and on PostgreSQL
    python3 -B -m bench.query_times --values 400000 --value-bytes 2000 long values, as an attacker sends them
    python3 -B -m bench.query_times --store sqlite --users 300         up to 300 users for each page

The rows are written directly into the tables of the store: 1,000 distinct pages a day, as many as a window stores by name.
Each query runs once to warm up and then three times; the fastest time counts. Peak: VmHWM of the process afterwards.
WEIR_BINARY selects another program, for a comparison."""
import argparse
import pathlib
import shutil
import tempfile
import time

from tests.harness import postgres, weir
from tests.harness.many_values import DAY, FIRST_DAY, TOPIC, VALUES_A_DAY, fill_postgres, fill_sqlite, peak_mb, rows


def run_queries(one, days):
    span = f"from=2015-01-01T00:00:00Z&to={time.strftime('%Y-%m-%dT00:00:00Z', time.gmtime(FIRST_DAY + days * DAY))}"
    queries = {f"top by {sort}": f"/api/v1/top?dimension=page&sort={sort}&{span}" for sort in ("events", "unique_users")}
    queries["top 500 by unique_users"] = f"/api/v1/top?dimension=page&sort=unique_users&limit=500&{span}"
    queries["summary"] = f"/api/v1/summary?{span}"
    for name, path in queries.items():
        times, status = [], 0
        for _ in range(4):
            began = time.monotonic()
            status = one.get(path, timeout=120).status
            times.append(time.monotonic() - began)
            if times[-1] > 5:
                break
        print(f"  {name:26} {min(times[1:] or times):7.2f} s   status {status}   peak {peak_mb(one.process):6.0f} MB", flush=True)


def measure(store, options):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-bench-"))
    folder.chmod(0o711)
    made = rows(options.values, options.value_bytes, options.users)
    days = -(-options.values // VALUES_A_DAY)
    server, settings = None, {"KAFKA_TOPIC": TOPIC, "RETENTION_DAY_DAYS": 0}
    if store == "postgres":
        server = postgres.Postgres(folder / "server").start()
        settings |= {"METRICS_STORE": "postgres", **server.environment()}
    one = weir.Weir(folder / "weir", **settings)
    try:
        one.start()
        one.stop()
        if server:
            fill_postgres(server, made)
        else:
            fill_sqlite(one.folder / "data" / "metrics.db", made)
        one.start()
        print(f"{store}: {options.values} pages of {options.value_bytes} bytes or less, up to {options.users} users each")
        run_queries(one, days)
    finally:
        one.end()
        if server:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", choices=("sqlite", "postgres"), action="append")
    parser.add_argument("--values", type=int, default=200_000)
    parser.add_argument("--value-bytes", type=int, default=1)
    parser.add_argument("--users", type=int, default=1)
    options = parser.parse_args()
    for store in options.store or ("sqlite", "postgres"):
        measure(store, options)


if __name__ == "__main__":
    main()
