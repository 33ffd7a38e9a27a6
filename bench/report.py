"""Writes docs/benchmarks from the lines of a result file: a table for each case, results.json and plot.svg."""
import collections
import json
import statistics

from bench.cases import CASES, FIGURES, TARGETS
from bench.contenders import BARE, WEIR

DISTURBED = 0.3


class Results:
    """Lines of {case, contender, round, figures}."""

    def __init__(self, lines):
        self.by = collections.defaultdict(dict)  # (case, contender) → {round: figures}
        for line in lines:
            self.by[line["case"], line["contender"]][line["round"]] = line["figures"]

    def contenders(self, case):
        return [one for one in (WEIR, *CASES[case].peers) if (case, one) in self.by]

    def values(self, case, contender, figure):
        return {number: figures[figure] for number, figures in self.by.get((case, contender), {}).items() if figure in figures}

    def median(self, case, contender, figure):
        values = self.values(case, contender, figure)
        return statistics.median(values.values()) if values else None

    def disturbed(self, case):
        """Returns the rounds in which all peers are more than 30 % off their own median."""
        peers = [one for one in self.contenders(case) if one != WEIR]
        off = collections.Counter()
        for peer in peers:
            middle = self.median(case, peer, "cpu_us")
            for number, value in self.values(case, peer, "cpu_us").items():
                off[number] += abs(value / middle - 1) > DISTURBED
        return sorted(number for number, count in off.items() if peers and count == len(peers))


def text(figure, value):
    title, unit, decimals, _ = FIGURES[figure]
    return f"{value:,.{decimals}f}{' ' + unit if unit else ''}"


def cell(results, case, contender, figure):
    values = results.values(case, contender, figure)
    if not values:
        return ""
    middle = statistics.median(values.values())
    found = text(figure, middle)
    if len(values) > 1:
        found += f" ({text(figure, min(values.values()))}–{text(figure, max(values.values()))})"
    ours = results.values(case, WEIR, figure)
    both = [number for number in values if number in ours]
    if contender == WEIR or contender == BARE or not both or figure == "errors" or middle == 0:
        return found
    less = FIGURES[figure][3]
    won = sum(ours[number] < values[number] if less else ours[number] > values[number] for number in both)
    return f"{found}; weir × {statistics.median(ours[number] / values[number] for number in both if values[number]):.2f}, won {won}/{len(both)}"


def table(results, case):
    found = results.contenders(case)
    lines = [f"### {case}: {CASES[case].title}", ""]
    for figures in results.by[case, WEIR].values():
        if "text" in figures:
            return [*lines, "```", figures["text"].rstrip(), "```", ""]
    rows = [figure for figure in FIGURES if any(results.values(case, one, figure) for one in found)]
    rows = [figure for figure in rows if figure != "errors" or any(any(results.values(case, one, figure).values()) for one in found)]
    lines += ["| | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    lines += [f"| {FIGURES[figure][0]} | " + " | ".join(cell(results, case, one, figure) for one in found) + " |" for figure in rows]
    rounds = len(results.by[case, WEIR])
    disturbed = results.disturbed(case)
    note = f"{rounds} round{'s' if rounds != 1 else ''}"
    return [*lines, "", note + (f"; disturbed: {', '.join(str(one + 1) for one in disturbed)}" if disturbed else ""), ""]


def measured(results, target):
    """Returns (text of the target, text of the figure, whether it is met), or None if it was not measured."""
    ours = results.median(target.case, WEIR, target.figure)
    if ours is None:
        return None
    steady = CASES[target.case].steady
    reached = not steady or results.median(target.case, WEIR, "rate") >= 0.95 * steady
    sign, compare = (("≥", float.__ge__) if target.at_least else ("≤", float.__le__))
    if not target.against:
        return f"{sign} {text(target.figure, target.limit)}", text(target.figure, ours) + ("" if reached else ", at a lower rate"), \
            reached and compare(float(ours), float(target.limit))
    case, contender, figure = target.against
    theirs = results.median(case, contender, figure)
    if theirs is None:
        return None
    whose = contender if case == target.case else f"{contender}, {case}"
    if target.case == "in-ndjson-gzip":  # the difference, not the ratio
        return f"{sign} {target.limit} µs more than {whose}", f"{ours - theirs:+.2f} µs", ours - theirs <= target.limit
    ratio = ours / theirs if theirs else 0.0
    return f"{sign} {target.limit:.2f} × {whose} ({text(figure, theirs)})", f"{text(target.figure, ours)}, × {ratio:.2f}", \
        compare(float(ratio), float(target.limit))


def target_table(results):
    lines = ["| case | figure | target | weir | |", "|---|---|---|---|---|"]
    for target in TARGETS:
        found = measured(results, target)
        if found:
            lines.append(f"| {target.case} | {FIGURES[target.figure][0]} | {found[0]} | {found[1]} | {'met' if found[2] else '**missed**'} |")
    return lines


def plot(results):
    """Returns an SVG: CPU an event of each contender, one group of bars for each case, relative to the largest of the group."""
    groups = [(case, [(one, results.median(case, one, "cpu_us")) for one in results.contenders(case)]) for case in CASES]
    groups = [(case, [bar for bar in bars if bar[1]]) for case, bars in groups]
    groups = [(case, bars) for case, bars in groups if len(bars) > 1]
    parts, y = [], 40
    for case, bars in groups:
        parts.append(f'<text x="10" y="{y}" font-weight="bold">{case}</text>')
        y += 8
        for one, value in bars:
            width = 420 * value / max(bar[1] for bar in bars)
            color = "#1f77b4" if one == WEIR else "#bbbbbb"
            parts.append(f'<rect x="140" y="{y}" width="{width:.1f}" height="14" fill="{color}"/>'
                         f'<text x="132" y="{y + 11}" text-anchor="end">{one}</text>'
                         f'<text x="{146 + width:.1f}" y="{y + 11}">{value:.2f} µs</text>')
            y += 18
        y += 22
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="660" height="{y}" font-family="sans-serif" font-size="12">'
    return f'{head}<rect width="100%" height="100%" fill="white"/><text x="10" y="18" font-size="14">CPU an event</text>{"".join(parts)}</svg>\n'


def write(folder, lines, machine):
    results = Results(lines)
    folder.mkdir(parents=True, exist_ok=True)
    shown = [case for case in CASES if (case, WEIR) in results.by]
    missing = [case for case in CASES if case not in shown]
    page = ["# Results of `make bench`", "", machine, "",
            "A cell is the median over the rounds, the least and the most. \"weir × 0.50, won 4/5\": the median of Weir's figure relative to",
            "this one, round by round, and in how many rounds Weir was better. [README](README.md) explains the cases.", "",
            "## Targets", "", *target_table(results), "", "![CPU an event](plot.svg)", "", "## Figures", ""]
    for case in shown:
        page += table(results, case)
    if missing:
        page += [f"Not measured in this run: {', '.join(missing)}.", ""]
    (folder / "RESULTS.md").write_text("\n".join(page).rstrip() + "\n")
    (folder / "results.json").write_text(json.dumps({"machine": machine, "lines": lines}, indent=1, ensure_ascii=False) + "\n")
    (folder / "plot.svg").write_text(plot(results))
