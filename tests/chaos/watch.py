"""Listens to what the Weir processes say of themselves while they are struck: whether /health/ready tells the truth,
and what their counters come to over all their lives."""
import collections
import contextlib
import http.client
import pathlib
import re
import threading
import time

# From when on whoever has lost it must say so, in seconds. A server that is gone refuses at once; one that is silent is
# found out by the deadlines of a transaction (PostgreSQL) or of a request (Kafka).
TOLD_WITHIN = {"gone": 15, "silent": 45}

COUNTED = {  # counter: what it is called in the summary
    "weir_consumer_store_retries_total": "transactions tried again",
    "weir_consumer_commits_in_doubt_total": "commits in doubt",
    "weir_consumer_fences_lost_total": "fences lost",
    "weir_consumer_duplicate_total": "duplicates seen",
    "weir_consumer_pauses_total": "pauses",
    "weir_intake_unknown_total": "outcomes unknown",
    "weir_intake_not_kept_total": "surely not kept",
    "weir_kafka_producers_replaced_total": "Kafka producers replaced",
}
MEMORY_MB_MAX = 512  # of a Weir process, whatever it is sent
SERIES = re.compile(rf"^({'|'.join(COUNTED)})(?:\{{[^}}]*\}})? (\S+)$", re.MULTILINE)


class Absence:
    """What some processes cannot reach from now on."""

    def __init__(self, what, victims, how):
        self.what, self.victims, self.how = what, victims, how
        self.since, self.until = time.monotonic(), None
        self.told = {}  # {name: seconds until it said so}


class Watch:
    """`weirs`: {name: weir.Weir}; `started_at` as the keeper has it."""

    def __init__(self, story, weirs, started_at):
        self.story, self.weirs, self.started_at = story, weirs, started_at
        self.absences = []
        self.answers = collections.Counter()  # of /health/ready
        self.peaks = {}      # {name: MB, the largest of its lives}
        self._counters = {}  # {(name, pid): {counter: value}}
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._listen, args=(name,), daemon=True) for name in weirs]

    def begin(self):
        for thread in self._threads:
            thread.start()

    def end(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    @contextlib.contextmanager
    def away(self, what, victims, how):
        """Meanwhile `victims` cannot reach `what` (log or store); `how`: gone or silent."""
        absence = Absence(what, set(victims), how)
        self.absences.append(absence)
        try:
            yield
        finally:
            absence.until = time.monotonic()

    def totals(self):
        """{what it is called: over all processes and their lives, as last seen}."""
        sums = collections.Counter()
        for counters in self._counters.values():
            for name, value in counters.items():
                sums[COUNTED[name]] += round(value)
        return sums

    def slowest_to_tell(self):
        """{(what, how): the longest that it took one of them to say so}."""
        slowest = {}
        for absence in self.absences:
            for seconds in absence.told.values():
                key = f"{absence.what} {absence.how}"
                slowest[key] = max(slowest.get(key, 0.0), round(seconds, 1))
        return slowest

    def _listen(self, name):
        one, turn = self.weirs[name], 0
        while not self._stopping.wait(0.5):
            turn += 1
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                asked = time.monotonic()
                pid = one.process.pid
                answer = one.get("/health/ready", timeout=4)
                self._judge(name, asked, answer.json()["status"], answer.status)
                self._weigh(name, pid)
                if turn % 2 == 0:
                    self._count(name, pid, one.get("/metrics", timeout=4).body.decode())

    def _judge(self, name, asked, word, status):
        self.answers[word] += 1
        if (status == 200) != (word != "unready"):
            self.story.find(f"(e) {name} answered {status} and said {word}")
        for absence in self.absences:
            if name not in absence.victims or absence.until is not None or name in absence.told:
                continue
            lived_since = max(absence.since, self.started_at.get(name, asked))
            if word != "ready":
                absence.told[name] = asked - absence.since
            elif asked - lived_since > TOLD_WITHIN[absence.how]:
                absence.told[name] = asked - absence.since
                self.story.find(f"(e) {name} says ready though the {absence.what} is {absence.how} since "
                                f"{asked - absence.since:.1f} s")

    def _weigh(self, name, pid):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)  # none of a process that has just ended
        peak = int(found[1]) // 1024 if found else 0
        if peak > MEMORY_MB_MAX and self.peaks.get(name, 0) <= MEMORY_MB_MAX:
            self.story.find(f"memory: {name} took {peak} MB, at most {MEMORY_MB_MAX} are allowed")
        self.peaks[name] = max(peak, self.peaks.get(name, 0))

    def _count(self, name, pid, text):
        found = collections.Counter()
        for series, value in SERIES.findall(text):
            found[series] += float(value)
        self._counters[name, pid] = found
