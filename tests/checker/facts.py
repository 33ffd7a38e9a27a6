"""The exact reference for the figures of a set of events: what each event counts for, and sets of users.

It holds every event in memory and shares no code with Weir. Times are seconds since 1970."""
import bisect
import dataclasses
import datetime
import re

from tests.checker import access_log, recount_decode

COUNTS = ("events", "page_views", "unique_users")
DEFAULT_SORT = {"page": "page_views", "referrer": "page_views"}  # of a top list; else events


@dataclasses.dataclass(slots=True)
class Fact:
    """One event that counts. `values`: its value in each dimension."""
    at: float
    user: str
    is_page_view: bool
    values: dict


def rfc3339(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def figures_of(facts):
    return dict(zip(COUNTS, (len(facts), sum(fact.is_page_view for fact in facts), len({fact.user for fact in facts}))))


class Facts:
    def __init__(self, facts):
        self.facts = sorted(facts, key=lambda fact: fact.at)
        self.times = [fact.at for fact in self.facts]
        self.dimensions = list(self.facts[0].values)

    def within(self, start, end):
        return self.facts[bisect.bisect_left(self.times, start):bisect.bisect_left(self.times, end)]

    def summary(self, start, end, dimension=None, value=None):
        return figures_of([fact for fact in self.within(start, end) if not dimension or fact.values[dimension] == value])

    def series(self, start, end, seconds):
        """The figures of each interval of that many seconds, with its time."""
        groups = {at: [] for at in range(start, end, seconds)}
        for fact in self.within(start, end):
            groups[int(fact.at) // seconds * seconds].append(fact)
        return [{"time": rfc3339(at), **figures_of(group)} for at, group in groups.items()]

    def values(self, dimension, start, end):
        """{value: figures} of a range."""
        groups = {}
        for fact in self.within(start, end):
            groups.setdefault(fact.values[dimension], []).append(fact)
        return {value: figures_of(group) for value, group in groups.items()}

    def top(self, dimension, start, end, sort=None):
        """All rows of a top list in its order: the highest figure first, ties by the bytes of the value."""
        sort = sort or DEFAULT_SORT.get(dimension, "events")
        rows = [{"value": value, **figures} for value, figures in self.values(dimension, start, end).items()]
        return sorted(rows, key=lambda row: (-row[sort], row["value"].encode()))


ESCAPE = re.compile(rb"""\\(?:x([0-9A-Fa-f]{2})|([bnrtv"\\]))""")
ESCAPED = dict(zip(b'bnrtv"\\', (b"\b", b"\n", b"\r", b"\t", b"\v", b'"', b"\\")))


def field_text(field):
    """A quoted field without Apache's escapes. Bytes that are not UTF-8 become U+FFFD."""
    def unescaped(found):
        return bytes.fromhex(found[1].decode()) if found[1] else ESCAPED[found[2][0]]
    return ESCAPE.sub(unescaped, field).decode(errors="replace")


def facts_of_log(text):
    """The events of an access log, as `weir import` reads it (contract §1), with the own dimensions status and method."""
    for line in text.splitlines():
        found = access_log.LINE.match(line)
        if not found:
            continue
        client, when, request, status, referrer, agent = found.groups()
        method, target = (request.split(b" ") + [b""])[:2]
        is_page_view = access_log.is_page(method, target, int(status))
        referrer = field_text(referrer or b"-")
        at = datetime.datetime.strptime(when.decode(), "%d/%b/%Y:%H:%M:%S %z").timestamp()
        yield Fact(at, f"{client} {agent}", is_page_view, {
            "activity_type": "page_view" if is_page_view else "request",
            "page": recount_decode.page_of(field_text(target)),
            "referrer": recount_decode.referrer_of("" if referrer == "-" else referrer),
            "status": status.decode(), "method": method.decode()})
