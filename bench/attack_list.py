"""The attacks. Each is a function of a target and returns a Found."""
import contextlib
import dataclasses
import gzip
import socket
import time

from bench.attack_bodies import DAY, HOUR, MINUTE, HonestClient, event, moment, packed, send, send_at_once

KEYS = 160_000
SECONDS = 240  # the bound of each attack
TIMES_MAX = 3  # bound of the CPU time of colliding keys, relative to ordinary ones


@dataclasses.dataclass(frozen=True)
class Attack:
    """`run(target, texts)` returns a Found. `targets`: the names of the targets (attack_targets). `texts`: a CollidingTexts."""
    name: str
    title: str
    targets: tuple
    run: object


@dataclasses.dataclass
class Found:
    """What happened, and what is wrong besides memory (empty: nothing)."""
    note: str
    wrong: str = ""


def long_values(target, _):
    """120 minutes, each with 1,000 pages, referrers and types that occur in no other event."""
    first = int(time.time()) // MINUTE * MINUTE - 125 * MINUTE
    events = (event(f"u{number % 50}", f"{number:04d}".ljust(128, "t"), first + minute * MINUTE,
                    f"/{number:04d}".ljust(2048, "p"), f"https://{number:04d}".ljust(2048, "r"))
              for minute in range(120) for number in range(1000))
    wire = send(target.server, packed(events))
    counted = target.wait_counted(SECONDS)
    before = max(target.peaks().values())
    target.restart()
    rolled_up = target.wait_rolled_up(SECONDS)
    return Found(f"{wire / 1e6:.1f} MB sent, counted {counted:.0f} s after, rolled up {rolled_up:.0f} s after the restart; "
                 f"peak before it {before:.0f} MB")


def many_windows(target, _):
    """220,000 events in as many hours."""
    last = int(time.time()) // HOUR * HOUR - 10 * DAY
    events = (event(f"u{number % 50}", "page_view", last - number * HOUR, "/", "https://example.org")
              for number in range(220_000))
    wire = send(target.server, packed(events))
    counted = target.wait_counted(SECONDS)
    return Found(f"{wire / 1e6:.1f} MB sent, counted {counted:.0f} s after")


def ordinary(count, width):
    return [f"{number:0{width}d}" for number in range(count)]


def key_events(kind, texts, count, collide):
    at = int(time.time()) // MINUTE * MINUTE
    if kind == "message_id":
        pairs = texts.pairs(count) if collide else [("u" * 24, text) for text in ordinary(count, 8)]
        return [event(user, at=at, message_id=text) for user, text in pairs]
    if kind == "user_id":
        return [event(text, at=at) for text in (texts.users(count) if collide else ordinary(count, 24))]
    if kind == "referrer":
        hosts = texts.hosts(count) if collide else ordinary(count, 48)
        return [event(at=at, referrer=f"https://{host}/") for host in hosts]
    values = texts.pages(count) if collide else ordinary(count, 48)
    return [event(at=at, page=value) if kind == "page" else event(kind=value, at=at) for value in values]


def colliding(kind):
    """Sends KEYS ordinary texts, then KEYS texts that collide in a table of known seed. Compares the CPU time."""
    def run(target, texts):
        spent = []
        for collide in (False, True):
            bodies = list(packed(key_events(kind, texts, KEYS, collide)))
            before, begun = target.cpu(), time.monotonic()
            send(target.server, bodies)
            target.wait_counted(SECONDS)
            spent.append((target.cpu() - before, time.monotonic() - begun))
        (plain, plain_wall), (hostile, wall) = spent
        note = f"{hostile:.1f} s of CPU, ordinary keys {plain:.1f} s; counted after {wall:.0f} s, ordinary {plain_wall:.0f} s"
        return Found(note, f"{hostile / plain:.0f} × the CPU of ordinary keys" if hostile > TIMES_MAX * plain else "")
    return run


def unread_replies(target, _):
    """167 connections request the script of the page repeatedly, read nothing, and close."""
    request = b"GET /app.js HTTP/1.1\r\nHost: a\r\n\r\n"
    sockets, sent = [], 0
    with HonestClient(target.server) as honest:
        for _ in range(167):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.settimeout(5)
            with contextlib.suppress(OSError):
                one.connect(("127.0.0.1", target.server.port))
            one.setblocking(False)
            sockets.append(one)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            for one in sockets:
                with contextlib.suppress(OSError):
                    sent += one.send(request * 1000)
            time.sleep(0.1)
    for one in sockets:
        one.close()
    slow = f", slowest {honest.slowest:.1f} s"
    return Found(f"{sent / 1e6:.1f} MB of requests; honest client: {dict(honest.statuses)}{slow}",
                 f"honest requests were refused: {honest.refused}" if honest.refused else "")


def days_of_pages(days, per_day, pages, ago=20):
    """Returns the first day and events so old that each counts in its day at once. The last day is `ago` days ago."""
    first = int(time.time()) // DAY * DAY - (days + ago) * DAY
    events = (event(f"u{number % 7}", at=first + day * DAY, page=pages[day * per_day + number])
              for day in range(days) for number in range(per_day))
    return first, events


def query_cost(target, first, days, sort):
    query = (f"/api/v1/top?dimension=page&limit=10&sort={sort}&from={moment(first)}&to={moment(first + days * DAY)}")
    begun, cpu = time.monotonic(), target.cpu()
    answer = target.reader.get(query, timeout=SECONDS)
    word = answer.status if answer.status == 200 else f"{answer.status} {answer.body[:150]}"
    return target.cpu() - cpu, time.monotonic() - begun, word


def expensive_query(target, _):
    """Ranks 200,000 values by unique users and by events."""
    days = 200
    first, events = days_of_pages(days, 1000, ordinary(days * 1000, 10))
    send(target.server, packed(events))
    target.wait_counted(SECONDS)
    by_events, by_users = query_cost(target, first, days, "events"), query_cost(target, first, days, "unique_users")
    note = f"by users {by_users[0]:.1f} s of CPU ({by_users[2]}), by events {by_events[0]:.1f} s ({by_events[2]})"
    if {by_users[2], by_events[2]} != {200}:
        return Found(note, "a query within the limits got no answer")
    slow = by_users[0] > 10 * max(by_events[0], 0.05)
    return Found(note, f"{by_users[0] / max(by_events[0], 0.01):.0f} × the CPU of the query by events" if slow else "")


def colliding_query(target, texts):
    """Ranks 160 days of 1,000 colliding pages: the hash tables of the query itself."""
    days, spent = KEYS // 1000, []
    for collide in (False, True):
        pages = texts.pages(KEYS) if collide else ordinary(KEYS, 48)
        first, events = days_of_pages(days, 1000, pages, ago=400 if collide else 20)
        send(target.server, packed(events))
        target.wait_counted(SECONDS)
        spent.append(query_cost(target, first, days, "events"))
    (plain, _, _), (hostile, wall, status) = spent
    note = f"{hostile:.1f} s of CPU ({status}, {wall:.0f} s), ordinary keys {plain:.1f} s"
    return Found(note, f"{hostile / max(plain, 0.01):.0f} × the CPU of ordinary keys"
                 if hostile > TIMES_MAX * max(plain, 0.05) else "")


def full_batches(target, _):
    """Sends 10,000 events in 16 MiB that decompress 1,000:1, all invalid and all valid, on 48 connections at once."""
    good = event("u", page="/" + "p" * 1400)
    bad = event("", page="/" + "p" * 1400)
    notes = []
    for name, one, rounds in (("invalid", bad, 4), ("valid", good, 1)):
        body = gzip.compress(b"\n".join([one] * 10_000), 9)
        notes.append(f"{name} ({len(body) / 1000:.0f} KB each): {send_at_once(target.server, body, 48, rounds)}")
    counted = target.wait_counted(SECONDS)
    return Found("; ".join(notes) + f"; counted {counted:.0f} s after")


ALL = (
    Attack("long-values", "120 minutes × 3,000 values of 2 KB, restart, roll-up", ("serve", "serve+postgres", "pair"),
           long_values),
    Attack("many-windows", "220,000 events in as many hours", ("serve", "serve+postgres", "pair"), many_windows),
    *(Attack(f"colliding-{kind}", f"160,000 colliding {kind}", ("serve",), colliding(kind))
      for kind in ("page", "referrer", "activity_type", "user_id", "message_id")),
    Attack("colliding-query", "top over 160,000 colliding pages", ("serve",), colliding_query),
    Attack("unread-replies", "167 connections read no reply", ("serve",), unread_replies),
    Attack("expensive-query", "top of 200,000 values by unique users", ("serve", "serve+postgres"), expensive_query),
    Attack("full-batches", "10,000 events in 16 MiB, 1,000:1", ("serve", "pair"), full_batches),
)
