"""The cases of `make bench`, and the target of each figure."""
import dataclasses
from typing import Callable

from bench import cases_in, cases_out, cases_steady
from bench.contenders import BARE, GO, ORIGINAL, RUST, STREAMS, WEIR


@dataclasses.dataclass
class Case:
    title: str
    run: Callable
    peers: tuple = ()
    steady: int = 0  # events a second that the case sends; a target holds only if they were accepted
    once: bool = False  # one round is enough: the figure does not depend on how busy the machine is, or takes long


CASES = {
    "in-64": Case("in, single events, 64 connections", cases_in.singles(64), (RUST, GO, ORIGINAL, BARE)),
    "in-512": Case("in, single events, 512 connections", cases_in.singles(512), (RUST, GO, ORIGINAL, BARE)),
    "latency-200": Case("in, 200 single events a second", cases_in.paced(200), (RUST, GO, ORIGINAL)),
    "latency-2000": Case("in, 2,000 single events a second", cases_in.paced(2000), (RUST, GO, ORIGINAL)),
    "in-ndjson": Case("in, NDJSON of 1,000 events to Kafka; floor: librdkafka alone", cases_in.batches(), (BARE,)),
    "in-ndjson-gzip": Case("in, the same compressed with gzip", cases_in.batches("--gzip"), ()),
    "embedded-64": Case("in, embedded log, 64 connections, with the counting of the events", cases_in.embedded(64)),
    "embedded-ndjson": Case("in, embedded log, NDJSON of 1,000 events, with the counting of the events",
                            cases_in.embedded(4, "--batch", 1000)),
    "out": Case("out, a backlog into PostgreSQL", cases_out.out(), (STREAMS, GO, ORIGINAL)),
    "out-ids": Case("out, the same with message_ids", cases_out.out(message_ids=True)),
    "out-sqlite": Case("out, a backlog of the embedded log into SQLite", cases_out.sqlite),
    "all-in": Case("all in, steady 10,000 single events a second from 64 connections", cases_steady.all_in(10_000, 64), steady=10_000),
    "all-in-batches": Case("all in, steady 10,000 events a second in batches of 1,000", cases_steady.all_in(10_000, 4, "--batch", 1000), steady=10_000),
    "steady-1000": Case("steady 1,000 single events a second", cases_steady.all_in(1_000, 8), steady=1_000),
    "committed": Case("an event until it is in the store, and until the live view reports it, among 1,000 a second", cases_steady.to_committed,
                      once=True),
    "idle": Case("weir serve, idle", cases_steady.idle, once=True),
    "sockets": Case("2,000 idle sockets", cases_steady.sockets, once=True),
    "hostile": Case("an honest client beside 2,000 hostile sockets", cases_steady.hostile),
    "growth-events": Case("ten times the events", cases_out.growth_events, once=True),
    "growth-values": Case("100,000 pages and 10 M users in place of 100 and 10,000", cases_out.growth_values, once=True),
    "questions": Case("questions over a year while events arrive", cases_steady.questions, once=True),
}

FIGURES = {  # name: (title, unit, decimals, whether less is better)
    "cpu_us": ("CPU an event", "µs", 2, True),
    "warm_cpu_us": ("CPU an event, the last 40 %", "µs", 2, True),
    "rate": ("events a second", "", 0, False),
    "rate_after_start": ("events a second after the start", "", 0, False),
    "kafka_cpu_us": ("CPU of the broker an event", "µs", 2, True),
    "postgres_cpu_us": ("CPU of PostgreSQL an event", "µs", 2, True),
    "producer_cpu_us": ("CPU of the producer an event", "µs", 2, True),
    "consumer_cpu_us": ("CPU of the consumer an event", "µs", 2, True),
    "core_hours": ("core-hours a billion events, all programs", "h", 2, True),
    "consumer_core_percent": ("share of a core, consumer", "%", 2, True),
    "postgres_core_percent": ("share of a core, PostgreSQL", "%", 2, True),
    "core_percent": ("share of a core", "%", 2, True),
    "wal_bytes": ("WAL an event", "B", 1, True),
    "p50_ms": ("latency, p50", "ms", 2, True),
    "p99_ms": ("latency, p99", "ms", 2, True),
    "page_p50_ms": ("until the live view has it, p50", "ms", 0, True),
    "page_p99_ms": ("until the live view has it, p99", "ms", 0, True),
    "events_per_fsync": ("events an fsync", "", 1, False),
    "first_200_ms": ("first 200 after exec", "ms", 1, True),
    "rss_mb": ("memory (RSS)", "MB", 1, True),
    "busy_rss_mb": ("memory at 10,000 events a second", "MB", 1, True),
    "peak_mb": ("peak memory", "MB", 0, True),
    "producer_mb": ("memory of the producer", "MB", 1, True),
    "consumer_mb": ("memory of the consumer", "MB", 1, True),
    "kb_per_socket": ("memory a socket", "KB", 2, True),
    "alone_p99_ms": ("latency alone, p99", "ms", 2, True),
    "beside_p99_ms": ("latency beside the hostile sockets, p99", "ms", 2, True),
    "p99_ratio": ("ratio of the two", "", 2, True),
    "cpu_ratio": ("ratio of CPU", "", 2, True),
    "errors": ("refused events", "", 0, True),
}


@dataclasses.dataclass
class Target:
    case: str
    figure: str
    limit: float
    against: tuple | None = None  # (case, contender, figure): the limit is a factor of that figure

    @property
    def at_least(self):
        return not FIGURES[self.figure][3]


def targets_in(case, rust, rate):
    return [Target(case, "cpu_us", 1 / rust, (case, RUST, "cpu_us")), Target(case, "cpu_us", 1 / 4, (case, GO, "cpu_us")),
            Target(case, "cpu_us", 1 / 6, (case, ORIGINAL, "cpu_us")), Target(case, "rate", rate, (case, RUST, "rate")),
            Target(case, "kafka_cpu_us", 1 / 2, (case, RUST, "kafka_cpu_us")), Target(case, "kafka_cpu_us", 1, (case, GO, "kafka_cpu_us"))]


def targets_latency(case):
    peers = [Target(case, figure, 1, (case, peer, figure)) for figure in ("p50_ms", "p99_ms") for peer in (RUST, GO)]
    return peers + [Target(case, "p50_ms", 1 / 18, (case, ORIGINAL, "p50_ms"))]


TARGETS = [
    *targets_in("in-64", 2, 1.7), *targets_in("in-512", 2.2, 1.5), *targets_latency("latency-200"), *targets_latency("latency-2000"),
    Target("in-ndjson", "cpu_us", 1.1, ("in-ndjson", BARE, "cpu_us")),
    Target("in-ndjson-gzip", "cpu_us", 0.15, ("in-ndjson", WEIR, "cpu_us")),  # more than that figure: see report.measured
    Target("embedded-64", "events_per_fsync", 20), Target("embedded-64", "cpu_us", 1, ("in-64", WEIR, "cpu_us")),
    Target("embedded-ndjson", "cpu_us", 1.0), Target("embedded-ndjson", "rate", 400_000),
    Target("out", "warm_cpu_us", 1 / 5, ("out", STREAMS, "warm_cpu_us")), Target("out", "cpu_us", 1 / 6, ("out", ORIGINAL, "cpu_us")),
    Target("out", "cpu_us", 1 / 3, ("out", GO, "cpu_us")), Target("out", "postgres_cpu_us", 0.8), Target("out", "wal_bytes", 60),
    Target("out", "rate_after_start", 350_000), Target("out", "peak_mb", 300),
    Target("out-ids", "cpu_us", 1.3, ("out", WEIR, "cpu_us")), Target("out-sqlite", "cpu_us", 1.2, ("out", WEIR, "cpu_us")),
    Target("all-in", "core_hours", 6), Target("all-in-batches", "core_hours", 1.2),
    Target("steady-1000", "consumer_core_percent", 2.5), Target("steady-1000", "postgres_core_percent", 6),
    Target("all-in", "consumer_core_percent", 9), Target("all-in", "postgres_core_percent", 14),
    Target("committed", "p50_ms", 200), Target("committed", "p99_ms", 450), Target("committed", "page_p99_ms", 1300),
    Target("idle", "rss_mb", 25), Target("idle", "core_percent", 0.2), Target("idle", "first_200_ms", 50), Target("idle", "busy_rss_mb", 80),
    Target("sockets", "kb_per_socket", 6), Target("hostile", "p99_ratio", 2), Target("growth-events", "cpu_ratio", 10.5), Target("growth-values", "cpu_ratio", 2),
]
