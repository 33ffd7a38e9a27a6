"""The fault bench: injects a seeded schedule of faults into real processes under load, then recounts everything that the
service promised, from outside.

    make chaos SECONDS=600 [PAIR=kafka|embedded|both] [SEED=7] [FAULTS=kill,freeze] [ROUNDS=100]

Each fault is printed when it begins and when it ends. A chaos run is some rounds of faults followed by a recount. Its
schedule follows from one seed; the next run takes the next seed. The first run with a finding ends the program with exit
code 1; it prints the folder that it kept and the command that repeats the schedule. Exit code 0: all figures were exact."""
import argparse
import collections
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time
import unittest

from tests.chaos import namespaces, schedule
from tests.chaos.all_faults import ALL
from tests.chaos.deployment import make_deployment
from tests.chaos.environment import make_environment
from tests.chaos.health_monitor import HealthMonitor
from tests.chaos.run_log import RunLog
from tests.checker.counters import check_counters
from tests.checker.ledger import LedgerReader
from tests.checker.recount_check import check
from tests.checker.recount_refusals import check_refusals
from tests.harness import weir

PAIRS = ("kafka", "embedded")


def play(environment, plan, folder):
    """Executes one chaos run and returns its closed RunLog. A run with findings keeps its evidence in the folder."""
    run_log = RunLog(folder, f"{plan.pair}-{plan.seed}")
    deployment = make_deployment(plan.pair)(environment, run_log, plan)
    monitor = HealthMonitor(run_log, deployment.weirs, deployment.supervisor.started_at)
    run_log.note(f"seed {plan.seed}, {plan.pair}: {len(plan.consumers) or 'no'} consumers, {plan.partitions} partitions, "
                 f"{plan.rate} events/s, {plan.settings}")
    try:
        deployment.begin()
        monitor.begin()
        inject_all(deployment, monitor, plan)
        recover_and_recount(deployment)
    except Exception as error:  # any error ends the run; run.log has the findings
        run_log.find(f"{type(error).__name__}: {error}")
    finally:
        monitor.end()
        if run_log.findings:
            deployment.keep()
        else:
            deployment.forget()
        deployment.end()
        environment.restore()
    summary(deployment, monitor)
    run_log.close()
    return run_log


def inject_all(deployment, monitor, plan):
    """Injects the planned faults. Returns when every fault is undone."""
    begun, over = time.monotonic(), threading.Event()
    threads = [threading.Thread(target=inject, args=(deployment, monitor, planned, begun, over), daemon=True)
               for planned in plan.faults]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    time.sleep(1)


def inject(deployment, monitor, planned, begun, over):
    if over.wait(max(0.0, begun + planned.at - time.monotonic())):
        return
    fault = ALL[planned.kind](deployment, monitor, planned)
    run_log = deployment.run_log
    try:
        fault.start()
        run_log.injected[planned.kind] += 1
        run_log.note(f"{planned.kind} {planned.victim} {fault.details} ({planned.seconds} s)")
        fault.hold(over.wait)
    except Exception as error:
        run_log.find(f"error in the fault bench: {planned.kind} {planned.victim}: {type(error).__name__}: {error}")
    finally:
        fault.undo()
    run_log.note(f"undone: {planned.kind} {planned.victim}")


def recover_and_recount(deployment):
    """Restores all processes, waits until the service has counted everything, and compares it with a recount."""
    run_log = deployment.run_log
    deployment.environment.restore()
    deployment.bring_back()
    deployment.stop_clients()
    deployment.wait_counted()
    run_log.note("the service has counted everything; the recount begins")
    clients = [*deployment.clients.values(), *deployment.more_clients]
    ledgers = LedgerReader(*[client.ledger_path for client in clients if client.ledger_path.exists()])
    found, store, api = deployment.recount()
    for finding in check(found, ledgers, store, api, deployment.plan.seed, deployment.lost_log, deployment.clocks_back_at):
        run_log.find(finding)
    for name, urls in deployment.urls.items():
        if name not in deployment.plan.clocks:
            for finding in check_refusals(ledgers, urls, deployment.weirs[name]):
                run_log.find(f"(f) {name}: {finding}")
    for name, process in deployment.weirs.items():
        for finding in check_counters(process):
            run_log.find(f"(f) {name}: {finding}")
    run_log.sent = {outcome: ledgers.count(outcome) for outcome in ("kept", "refused", "unknown")}
    run_log.note("the recount is done")


def summary(deployment, monitor):
    run_log = deployment.run_log
    longest = {name: round(seconds, 1) for name, seconds in deployment.supervisor.stop_seconds.items()
               if name in deployment.weirs}
    for title, figures in (("injected", run_log.injected), ("sent", run_log.sent), ("counters", monitor.totals()),
                           ("health", monitor.statuses), ("peak memory, MB", monitor.peaks),
                           ("outage reported after, seconds", monitor.slowest_reports()),
                           ("exit after SIGTERM, seconds", longest)):
        run_log.note(f"{title}: " + ", ".join(f"{name} {number}" for name, number in sorted(figures.items())))


class Campaign:
    """All chaos runs of one invocation. No run begins after `seconds`. `rounds` bounds the rounds of each pair. None: no
    bound."""

    def __init__(self, pairs, seed, seconds, rounds, faults, keep):
        self.pairs, self.seed, self.rounds, self.faults = pairs, seed, rounds, faults
        self.until = None if seconds is None else time.monotonic() + seconds
        self.keep = pathlib.Path(keep)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-chaos-"))
        self.folder.chmod(0o711)
        self.played = {pair: 0 for pair in pairs}
        self.injected = {pair: {} for pair in pairs}

    def run(self):
        """Executes the runs and returns the exit code."""
        try:
            for pair in self.pairs:
                failed = self._run_pair(pair, self._deadline(pair))
                if failed:
                    return self._keep_evidence(failed, pair)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        for pair in self.pairs:
            print(f"{pair}: {self.played[pair]} rounds, all exact; injected faults: {self.injected[pair]}", flush=True)
        return 0

    def _deadline(self, pair):
        """Returns when the runs of this pair end. The pairs that follow get the same time each."""
        if self.until is None:
            return None
        now = time.monotonic()
        return now + (self.until - now) / (len(self.pairs) - self.pairs.index(pair))

    def _run_pair(self, pair, until):
        """Executes the runs of one pair in sequence. Returns the RunLog of the first that failed, or None."""
        environment, seed = make_environment(pair, self.folder / pair), self.seed
        try:
            while self._continues(pair, until):
                plan = schedule.plan(seed, pair, self.faults)
                run_log = play(environment, plan, environment.folder / f"run-{seed}")
                self._add(pair, plan, run_log)
                if run_log.findings:
                    return run_log
                shutil.rmtree(run_log.folder, ignore_errors=True)
                seed += 1
        finally:
            environment.end()
        return None

    def _continues(self, pair, until):
        if self.rounds is not None:
            return self.played[pair] < self.rounds
        return self.played[pair] == 0 or time.monotonic() < until

    def _add(self, pair, plan, run_log):
        self.played[pair] += plan.rounds
        for name, number in run_log.injected.items():
            self.injected[pair][name] = self.injected[pair].get(name, 0) + number

    def _keep_evidence(self, run_log, pair):
        kept = self.keep / f"weir-chaos-{run_log.name}-{int(time.time())}"
        shutil.copytree(run_log.folder, kept, ignore_dangling_symlinks=True, dirs_exist_ok=True)
        seed, faults = run_log.name.rpartition("-")[2], f" FAULTS={','.join(self.faults)}" if self.faults else ""
        kinds = dict(collections.Counter(map(kind_of, run_log.findings)))
        print(f"\nFAILED: {len(run_log.findings)} findings, all of them in run.log; by kind: {kinds}")
        print(f"kept in {kept}\nto repeat: make chaos PAIR={pair} SEED={seed} ROUNDS=1{faults}", flush=True)
        return 1


def kind_of(finding):
    """Returns the words of a finding before its first colon, or its first word."""
    return finding.split(":")[0] if ":" in finding[:40] else finding.split(" ")[0]


def main():
    parser = argparse.ArgumentParser(description="Injects faults into real processes under load and recounts from outside.")
    parser.add_argument("--pair", choices=[*PAIRS, "both"], default="both")
    parser.add_argument("--seconds", type=float, help="no run begins after this time")
    parser.add_argument("--rounds", type=int, help="number of rounds for each pair")
    parser.add_argument("--seed", type=int, help="seed of the first run (default: random)")
    parser.add_argument("--faults", default="", help=f"comma-separated list of {', '.join(schedule.KINDS)} (default: all)")
    parser.add_argument("--keep", default=tempfile.gettempdir(), help="where to keep the folder of a failed run")
    words = parser.parse_args()
    faults = tuple(word for word in words.faults.split(",") if word)
    try:
        pairs = [pair for pair in (PAIRS if words.pair == "both" else [words.pair]) if schedule.kinds_of(pair, faults)]
    except ValueError as error:
        parser.error(str(error))
    if not pairs:
        parser.error(f"none of these faults is possible on the {words.pair} pair")
    try:
        namespaces.enter()
        seed = words.seed if words.seed is not None else random.SystemRandom().randrange(1, 10**6)
        seconds = words.seconds if words.seconds or words.rounds else 60
        print(f"fault bench: SEED={seed}, {weir.BINARY}", flush=True)
        return Campaign(pairs, seed, seconds, words.rounds, faults, words.keep).run()
    except unittest.SkipTest:
        return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    raise SystemExit(main())
