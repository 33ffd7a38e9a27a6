"""Runs the benchmarks of Weir, of the floors and of the peers in turn, and writes docs/benchmarks.

    make bench                                     all cases, 5 rounds
    make bench CASES=in-64,out ROUNDS=3            some of them
    make bench RESUME=1                            continues the last run: keeps what its result file has
    python3 -B -m bench.run --list                 the cases

A round runs each case once for each contender: A B C, then B C A. The figure of a process is the user and system time of all its
threads by /proc/PID/stat, divided by the events. Weir runs with its defaults, apart from addresses and names."""
import argparse
import json
import os
import pathlib
import platform
import shutil
import time
import traceback

from bench import contenders, report
from bench.cases import CASES
from bench.contenders import BARE, WEIR
from bench.stage import open_stage
from tests.harness import weir

WORK = weir.ROOT / "build" / "bench"
LINES = WORK / "results.jsonl"


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=",".join(CASES), help="names, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8, help="of one measurement of the way in")
    parser.add_argument("--events", type=int, default=3_000_000, help="of the backlog")
    parser.add_argument("--peers", type=pathlib.Path, default=weir.ROOT.parent / "shared", help="the folder with peer-rust, peer-go, peer-streams")
    parser.add_argument("--docs", type=pathlib.Path, default=weir.ROOT / "docs" / "benchmarks")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--report", action="store_true", help="only write the documents again")
    options = parser.parse_args()
    options.cases = [name for name in options.cases.split(",") if name]
    for name in options.cases:
        if name not in CASES:
            parser.error(f"no case {name}; expected some of {', '.join(CASES)}")
    return options


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC; {os.cpu_count()} × {model}; Linux {platform.release()}; load average at the end: {load}."


def read_lines():
    return [json.loads(line) for line in LINES.read_text().splitlines()] if LINES.exists() else []


def measure(stage, options, done):
    for number in range(options.rounds):
        for name in options.cases:
            case = CASES[name]
            if case.once and number > 0:
                continue
            # The first one after another case finds a broker that is optimized for that case, so each contender is first in turn.
            present = [WEIR, *(peer for peer in case.peers if peer in stage.built or peer == BARE)]
            first = number % len(present)
            for contender in present[first:] + present[:first]:
                if (name, contender, number) in done:
                    continue
                begun = time.monotonic()
                try:
                    figures = case.run(stage, contender)
                except Exception:  # one case must not end a run of hours
                    print(f"round {number + 1}  {name}  {contender}: failed\n{traceback.format_exc()}", flush=True)
                    continue
                line = {"case": name, "contender": contender, "round": number, "figures": figures, "load": os.getloadavg()[0],
                        "seconds": round(time.monotonic() - begun, 1)}
                with open(LINES, "a") as out:
                    out.write(json.dumps(line, ensure_ascii=False) + "\n")
                shown = {key: round(value, 2) for key, value in figures.items() if isinstance(value, (int, float))}
                print(f"round {number + 1}  {name}  {contender}: {shown}  ({line['seconds']} s)", flush=True)


def main():
    options = parse()
    if options.list:
        for name, case in CASES.items():
            print(f"{name:16} {case.title}; beside {', '.join(case.peers) or 'nothing'}")
        return
    WORK.mkdir(parents=True, exist_ok=True)
    if not options.resume and not options.report:
        LINES.unlink(missing_ok=True)
    if not options.report:
        built = contenders.build(WORK / "peers", options.peers)
        stage = open_stage(built, options.seconds, options.events)
        try:
            measure(stage, options, {(line["case"], line["contender"], line["round"]) for line in read_lines()})
        except KeyboardInterrupt:
            print("stopped; make bench RESUME=1 continues", flush=True)
        finally:
            stage.stop()
            shutil.rmtree(stage.folder, ignore_errors=True)
    report.write(options.docs, read_lines(), machine())
    print(f"written: {options.docs}")


if __name__ == "__main__":
    main()
