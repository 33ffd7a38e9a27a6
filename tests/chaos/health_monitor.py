"""Polls the Weir processes during a run: checks that /health/ready reports each outage, sums the counters over all
restarts, and bounds the memory of each process."""
import collections
import contextlib
import http.client
import pathlib
import re
import threading
import time

# Seconds from the beginning of an outage until each affected process must report it. A server that is gone refuses
# connections at once. A silent one is noticed by the deadline of a transaction (PostgreSQL) or of a request (Kafka).
REPORTED_WITHIN = {"gone": 15, "silent": 45}

COUNTED = {  # counter: its name in the summary
    "weir_consumer_store_retries_total": "transactions retried",
    "weir_consumer_commits_in_doubt_total": "commits of unknown outcome",
    "weir_consumer_fence_failures_total": "fences lost",
    "weir_consumer_duplicate_total": "duplicates seen",
    "weir_consumer_pauses_total": "pauses",
    "weir_intake_unknown_total": "outcomes unknown",
    "weir_intake_not_kept_total": "events not kept",
    "weir_kafka_producers_replaced_total": "Kafka producers replaced",
}
MEMORY_MB_MAX = 512  # bound of each Weir process
SERIES = re.compile(rf"^({'|'.join(COUNTED)})(?:\{{[^}}]*\}})? (\S+)$", re.MULTILINE)


class Outage:
    """The time in which some processes cannot reach a server."""

    def __init__(self, what, victims, how):
        self.what, self.victims, self.how = what, victims, how
        self.since, self.until = time.monotonic(), None
        self.reported = {}  # {name: seconds until the process reported it}


class HealthMonitor:
    """`weirs`: {name: weir.Weir}. `started_at`: Supervisor.started_at. One thread polls each process."""

    def __init__(self, run_log, weirs, started_at):
        self.run_log, self.weirs, self.started_at = run_log, weirs, started_at
        self.outages = []
        self.statuses = collections.Counter()  # that /health/ready reported
        self.peaks = {}      # {name: peak memory in MB over all restarts}
        self._counters = {}  # {(name, pid): {counter: value}}
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._poll, args=(name,), daemon=True) for name in weirs]

    def begin(self):
        for thread in self._threads:
            thread.start()

    def end(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    @contextlib.contextmanager
    def outage(self, what, victims, how):
        """Within this context, `victims` cannot reach `what` (log or store). `how`: gone or silent."""
        outage = Outage(what, set(victims), how)
        self.outages.append(outage)
        try:
            yield
        finally:
            outage.until = time.monotonic()

    def totals(self):
        """Returns {name of the counter: its sum over all processes and restarts, as last polled}."""
        sums = collections.Counter()
        for counters in self._counters.values():
            for name, value in counters.items():
                sums[COUNTED[name]] += round(value)
        return sums

    def slowest_reports(self):
        """Returns {(what, how): the longest time in seconds until a process reported the outage}."""
        slowest = {}
        for outage in self.outages:
            for seconds in outage.reported.values():
                key = f"{outage.what} {outage.how}"
                slowest[key] = max(slowest.get(key, 0.0), round(seconds, 1))
        return slowest

    def _poll(self, name):
        one, turn = self.weirs[name], 0
        while not self._stopping.wait(0.5):
            turn += 1
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                asked = time.monotonic()
                pid = one.process.pid
                answer = one.get("/health/ready", timeout=4)
                self._check_status(name, asked, answer.json()["status"], answer.status)
                self._check_memory(name, pid)
                if turn % 2 == 0:
                    self._read_counters(name, pid, one.get("/metrics", timeout=4).body.decode())

    def _check_status(self, name, asked, word, status):
        self.statuses[word] += 1
        if (status == 200) != (word != "unready"):
            self.run_log.find(f"(e) {name} answered {status} with status {word}")
        for outage in self.outages:
            if name not in outage.victims or outage.until is not None or name in outage.reported:
                continue
            lived_since = max(outage.since, self.started_at.get(name, asked))
            if word != "ready":
                outage.reported[name] = asked - outage.since
            elif asked - lived_since > REPORTED_WITHIN[outage.how]:
                outage.reported[name] = asked - outage.since
                self.run_log.find(f"(e) {name} reports ready though the {outage.what} has been {outage.how} for "
                                f"{asked - outage.since:.1f} s")

    def _check_memory(self, name, pid):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)  # absent once the process has ended
        peak = int(found[1]) // 1024 if found else 0
        if peak > MEMORY_MB_MAX and self.peaks.get(name, 0) <= MEMORY_MB_MAX:
            self.run_log.find(f"memory: {name} used {peak} MB; the bound is {MEMORY_MB_MAX} MB")
        self.peaks[name] = max(peak, self.peaks.get(name, 0))

    def _read_counters(self, name, pid, text):
        found = collections.Counter()
        for series, value in SERIES.findall(text):
            found[series] += float(value)
        self._counters[name, pid] = found
