"""Cases of the way out: a backlog into the store. Each returns {figure: number}."""
import re
import subprocess
import time

from bench import contenders
from bench.processes import Meter, Program, cpu_seconds, memory_mb
from bench.stage import PARTITIONS
from tests.harness import weir

# After this share of the backlog the process has started, and a JIT compiler has done most of its work.
WARM_FROM = 0.6
GO_TABLE = """CREATE TABLE IF NOT EXISTS user_activity_metrics (id bigserial PRIMARY KEY, timestamp timestamptz, unique_users bigint,
              page_view_count bigint, created_at timestamptz DEFAULT now())"""


def counted(program):
    """Returns how many records are in Weir's store."""
    found = re.search(rb"^weir_consumer_read_total (\d+)", program.get("/metrics")[1], re.MULTILINE)
    return int(found[1]) if found else 0


class GroupProgress:
    """What a group has committed in Kafka. Only for topics that begin at offset 0."""

    def __init__(self, stage, topic, group):
        command = [stage.tools / "weir_group_progress", stage.broker.brokers, topic, PARTITIONS, group]
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)

    def __call__(self):
        return int(self.process.stdout.readline() or 0)

    def end(self):
        self.process.kill()
        self.process.communicate()


def out(message_ids=False):
    return lambda stage, contender: drain(stage, contender, stage.events, stage.backlog(stage.events, message_ids))


def drain(stage, contender, events, topic):
    group = f"group-{stage.number()}"
    command, settings, _ = contenders.consumer(contender, stage.built, stage.tools)
    if contender == contenders.STREAMS:
        output = stage.new_topic()
        settings = settings | {"OUTPUT_TOPIC": output}
    if contender == contenders.GO:  # its database has a fixed name
        stage.database.psql(GO_TABLE, "analytics")
        settings = settings | {"PGPORT": stage.database.port}
    settings = {"KAFKA_BROKERS": stage.broker.brokers, "KAFKA_TOPIC": topic, "KAFKA_GROUP_ID": group, **stage.new_database(), **settings}
    wal = stage.wal_bytes()
    meter = Meter(kafka=stage.broker.process.pid, postgres=stage.database.process.pid)
    with Program(stage.folder, command, None, **settings) as program:
        if contender == contenders.WEIR:
            marks = progress(lambda: counted(program), program, events, 0.1)
        else:
            asked = GroupProgress(stage, topic, group)
            try:
                marks = progress(asked, program, events, 0)
            finally:
                asked.end()
        cost, peak = meter.cost(), memory_mb(program.pid, "VmHWM")
    done, warm = marks[-1], next(mark for mark in marks if mark[1] >= WARM_FROM * events or mark is marks[-1])
    found = {"cpu_us": done[2] / events * 1e6, "rate": events / done[0], "postgres_cpu_us": cost["postgres"] / events * 1e6,
             "kafka_cpu_us": cost["kafka"] / events * 1e6, "wal_bytes": (stage.wal_bytes() - wal) / events, "peak_mb": peak}
    started = next(mark for mark in marks if mark[1] > 0)
    if done[0] > started[0]:
        found["rate_after_start"] = (events - started[1]) / (done[0] - started[0])
    if done[1] > warm[1]:
        found["warm_cpu_us"] = (done[2] - warm[2]) / (done[1] - warm[1]) * 1e6
    return found


def progress(ask, program, events, every):
    """Returns [(seconds since the start, events in the store, CPU seconds)] until all events are there."""
    marks, end = [], time.monotonic() + 600
    while not marks or marks[-1][1] < events:
        time.sleep(every)
        if program.process.poll() is not None or time.monotonic() > end:
            raise AssertionError(f"not all was counted: {marks[-1:]} {program.log_path.read_text(errors='replace')[-1000:]}")
        try:
            at = ask()
        except (OSError, weir.http.client.HTTPException):
            continue  # it starts
        marks.append((time.monotonic() - program.started, at, cpu_seconds(program.pid)))
    return marks


def sqlite(stage, _contender):
    """The embedded log is filled by `weir serve`. Its store is then removed, so the next start counts everything again."""
    with Program(stage.folder, [weir.BINARY, "serve"], "/health/ready") as filling:
        for _ in range(max(1, stage.events // 500_000)):
            stage.load(filling.port, 4, 2, "--batch", 1000)
        data = stage.folder / f"data-{filling.port}"
    for file in data.glob("metrics.db*"):
        file.unlink()
    begun = time.monotonic()
    with Program(stage.folder, [weir.BINARY, "serve"], None, DATA_DIR=data) as program:
        program.started = begun
        weir.wait_until(lambda: program.get("/health/ready")[0] == 200, 60)
        total = weir.json.loads(program.get("/health/ready")[1])["checks"]["event_log"]["end"]
        marks = progress(lambda: counted(program), program, total, 0.1)
        peak = memory_mb(program.pid, "VmHWM")
    return {"events": total, "cpu_us": marks[-1][2] / total * 1e6, "rate": total / marks[-1][0], "peak_mb": peak}


def growth_events(stage, contender):
    """CPU of a backlog of ten times the events; 10 is linear."""
    costs = []
    for events in (stage.events // 10, stage.events):
        found = drain(stage, contender, events, stage.backlog(events))
        costs.append(found["cpu_us"] * events)
    return {"cpu_ratio": costs[1] / costs[0]}


def growth_values(stage, contender):
    """CPU an event with 100,000 pages and 10 M users, relative to that with 100 pages and 10,000 users."""
    events, costs = min(stage.events, 1_000_000), []
    for pages, users in ((100, 10_000), (100_000, 10_000_000)):
        costs.append(drain(stage, contender, events, stage.backlog(events, pages=pages, users=users))["cpu_us"])
    return {"cpu_ratio": costs[1] / costs[0], "cpu_us": costs[1]}
