"""What an attack within the limits of the contract takes: peak memory of each, one row per attack and process.

    make bench-attacks                       all of them
    python3 -B -m bench.attacks --only many-windows     one (or several, with commas); --stand serve: on these processes only
    python3 -B -m bench.attacks --list

Each attack strikes new processes on loopback, and is bounded in time. `peak` is VmHWM of /proc/PID/status over all
lives of the process, `after` is its VmRSS ten seconds after the attack. The exit code is 1, and the row is named, if a
peak is above 512 MB, or if what else the row promises does not hold (colliding keys within 3 × the CPU of ordinary
ones, no honest request refused, …)."""
import argparse
import pathlib
import shutil
import sys
import tempfile
import time

from bench import attack_list
from bench.attack_stands import STANDS, Servers, weir
from tests.harness.colliding_texts import CollidingTexts

BOUND_MB = 512


def strike(attack, stand_name, servers, folder, texts):
    """The rows of one attack on one stand: (title, process, peak, after, CPU seconds, seconds, note, what is wrong)."""
    begun = time.monotonic()
    title = f"{attack.name} on {stand_name}"
    with STANDS[stand_name](servers, folder) as stand:
        try:
            found = attack.run(stand, texts)
        except (AssertionError, OSError) as broken:
            found = attack_list.Found("", f"{type(broken).__name__}: {str(broken)[:300]}")
        seconds = time.monotonic() - begun
        time.sleep(10)
        after, peaks, cpu = stand.resident(), stand.peaks(), stand.cpu()
    rows = []
    for name, peak in peaks.items():
        wrong = [found.wrong] if found.wrong else []
        if peak > BOUND_MB:
            wrong.append(f"peak {peak:.0f} MB, above {BOUND_MB}")
        rows.append((title, name, peak, after.get(name), cpu, seconds, found.note, "; ".join(wrong)))
    return rows


def show(row):
    title, name, peak, after, cpu, seconds, note, wrong = row
    resident = "gone" if after is None else f"{after:.0f}"
    print(f"{title:36} {name:9} {peak:6.0f} {resident:>6} {cpu:7.1f} {seconds:7.0f}  "
          f"{'FAILED' if wrong else 'ok':6}  {'; '.join(filter(None, (wrong, note)))}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names of attacks, with commas")
    parser.add_argument("--stand", default="", help=f"of {', '.join(STANDS)}; with commas")
    parser.add_argument("--list", action="store_true")
    words = parser.parse_args()
    wanted = [attack for attack in attack_list.ALL if not words.only or attack.name in words.only.split(",")]
    if words.list:
        for attack in wanted:
            print(f"{attack.name:22} {attack.title} ({', '.join(attack.stands)})")
        return 0
    stands = words.stand.split(",") if words.stand else list(STANDS)
    if not wanted or set(stands) - set(STANDS):
        parser.error("no such attack or stand; see --list")
    with tempfile.TemporaryDirectory(prefix="weir-attacks-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o711)
        print(f"{weir.BINARY}; bound {BOUND_MB} MB\n{'attack':36} {'process':9} {'peak':>6} {'after':>6} {'CPU s':>7} "
              f"{'s':>7}  row", flush=True)
        return strike_all(wanted, stands, folder)


def strike_all(wanted, stands, folder):
    texts, servers, failed, number = CollidingTexts(folder), Servers(folder), [], 0
    try:
        for attack in wanted:
            for stand_name in attack.stands:
                if stand_name not in stands:
                    continue
                number += 1
                here = folder / f"attack-{number}"
                here.mkdir(mode=0o711)
                for row in strike(attack, stand_name, servers, here, texts):
                    show(row)
                    failed += [f"{row[0]}, {row[1]}: {row[-1]}"] if row[-1] else []
                shutil.rmtree(here, ignore_errors=True)
    finally:
        servers.end()
    for line in failed:
        print(f"FAILED {line}")
    if not number:
        print("no attack strikes these processes")
    return 1 if failed or not number else 0


if __name__ == "__main__":
    sys.exit(main())
