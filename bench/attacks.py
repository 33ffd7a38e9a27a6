"""Measures the peak memory of attacks within the limits of the contract, one row for each attack and process.

    make bench-attacks                                     all attacks
    python3 -B -m bench.attacks --only many-windows        one attack, or a comma-separated list
    python3 -B -m bench.attacks --target serve             on these processes only
    python3 -B -m bench.attacks --list                     names and descriptions

Each attack runs on new processes on loopback and is bounded in time. `peak` is VmHWM of /proc/PID/status over all
restarts of the process, `after` is its VmRSS ten seconds after the attack. The exit code is 1, and the row is named, if a
peak is above 512 MB or another bound of the row is exceeded: colliding keys take more than 3 × the CPU of ordinary ones,
an honest request is refused, …"""
import argparse
import pathlib
import shutil
import sys
import tempfile
import time

from bench import attack_list
from bench.attack_targets import TARGETS, Servers, weir
from tests.harness.colliding_texts import CollidingTexts

BOUND_MB = 512


def run_attack(attack, target_name, servers, folder, texts):
    """Returns the rows of one attack on one target: (title, process, peak, after, CPU s, s, note, what is wrong)."""
    begun = time.monotonic()
    title = f"{attack.name} on {target_name}"
    with TARGETS[target_name](servers, folder) as target:
        try:
            found = attack.run(target, texts)
        except (AssertionError, OSError) as error:
            found = attack_list.Found("", f"{type(error).__name__}: {str(error)[:300]}")
        seconds = time.monotonic() - begun
        time.sleep(10)
        after, peaks, cpu = target.resident(), target.peaks(), target.cpu()
    rows = []
    for name, peak in peaks.items():
        wrong = [found.wrong] if found.wrong else []
        if peak > BOUND_MB:
            wrong.append(f"peak {peak:.0f} MB, above {BOUND_MB}")
        rows.append((title, name, peak, after.get(name), cpu, seconds, found.note, "; ".join(wrong)))
    return rows


def show(row):
    title, name, peak, after, cpu, seconds, note, wrong = row
    resident = "ended" if after is None else f"{after:.0f}"
    print(f"{title:36} {name:9} {peak:6.0f} {resident:>6} {cpu:7.1f} {seconds:7.0f}  "
          f"{'FAILED' if wrong else 'ok':6}  {'; '.join(filter(None, (wrong, note)))}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="comma-separated names of attacks")
    parser.add_argument("--target", default="", help=f"comma-separated list of {', '.join(TARGETS)}")
    parser.add_argument("--list", action="store_true")
    words = parser.parse_args()
    wanted = [attack for attack in attack_list.ALL if not words.only or attack.name in words.only.split(",")]
    if words.list:
        for attack in wanted:
            print(f"{attack.name:22} {attack.title} ({', '.join(attack.targets)})")
        return 0
    targets = words.target.split(",") if words.target else list(TARGETS)
    if not wanted or set(targets) - set(TARGETS):
        parser.error("unknown attack or target; see --list")
    with tempfile.TemporaryDirectory(prefix="weir-attacks-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o711)
        print(f"{weir.BINARY}; bound {BOUND_MB} MB\n{'attack':36} {'process':9} {'peak':>6} {'after':>6} {'CPU s':>7} "
              f"{'s':>7}  row", flush=True)
        return run_all(wanted, targets, folder)


def run_all(wanted, targets, folder):
    texts, servers, failed, number = CollidingTexts(folder), Servers(folder), [], 0
    try:
        for attack in wanted:
            for target_name in attack.targets:
                if target_name not in targets:
                    continue
                number += 1
                here = folder / f"attack-{number}"
                here.mkdir(mode=0o711)
                for row in run_attack(attack, target_name, servers, here, texts):
                    show(row)
                    failed += [f"{row[0]}, {row[1]}: {row[-1]}"] if row[-1] else []
                shutil.rmtree(here, ignore_errors=True)
    finally:
        servers.end()
    for line in failed:
        print(f"FAILED {line}")
    if not number:
        print("none of these attacks runs on these targets")
    return 1 if failed or not number else 0


if __name__ == "__main__":
    sys.exit(main())
