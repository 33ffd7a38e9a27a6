"""The attacks themselves: each a function of a stand that gives a Row's note and what is wrong beside memory."""
import contextlib
import dataclasses
import gzip
import socket
import time

from bench.attack_bodies import DAY, HOUR, MINUTE, HonestClient, event, moment, packed, send, send_at_once

KEYS = 160_000
SECONDS = 240  # bounds each attack
TIMES_MAX = 3  # colliding keys may cost that many times as much as ordinary ones


@dataclasses.dataclass(frozen=True)
class Attack:
    """`run(stand, texts)` gives (what happened, what is wrong or ''). `texts`: a colliding.CollidingTexts."""
    name: str
    title: str
    stands: tuple
    run: object


@dataclasses.dataclass
class Found:
    note: str
    wrong: str = ""


def long_values(stand, _):
    """120 minutes, in each 1,000 pages, referrers and types that nobody else has."""
    first = int(time.time()) // MINUTE * MINUTE - 125 * MINUTE
    events = (event(f"u{number % 50}", f"{number:04d}".ljust(128, "t"), first + minute * MINUTE,
                    f"/{number:04d}".ljust(2048, "p"), f"https://{number:04d}".ljust(2048, "r"))
              for minute in range(120) for number in range(1000))
    wire = send(stand.door, packed(events))
    counted = stand.wait_counted(SECONDS)
    before = max(stand.peaks().values())
    stand.restart()
    rolled_up = stand.wait_rolled_up(SECONDS)
    return Found(f"{wire / 1e6:.1f} MB sent, counted {counted:.0f} s after, rolled up {rolled_up:.0f} s after the restart; "
                 f"peak before it {before:.0f} MB")


def many_windows(stand, _):
    """220,000 events, in as many hours."""
    last = int(time.time()) // HOUR * HOUR - 10 * DAY
    events = (event(f"u{number % 50}", "page_view", last - number * HOUR, "/", "https://example.org")
              for number in range(220_000))
    wire = send(stand.door, packed(events))
    counted = stand.wait_counted(SECONDS)
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
    """KEYS texts that collide in a table of known seed, after as many ordinary ones; both by the CPU that they take."""
    def run(stand, texts):
        spent = []
        for collide in (False, True):
            bodies = list(packed(key_events(kind, texts, KEYS, collide)))
            before, begun = stand.cpu(), time.monotonic()
            send(stand.door, bodies)
            stand.wait_counted(SECONDS)
            spent.append((stand.cpu() - before, time.monotonic() - begun))
        (plain, plain_wall), (hostile, wall) = spent
        note = f"{hostile:.1f} s of CPU, ordinary keys {plain:.1f} s; counted after {wall:.0f} s, ordinary {plain_wall:.0f} s"
        return Found(note, f"{hostile / plain:.0f} × the CPU of ordinary keys" if hostile > TIMES_MAX * plain else "")
    return run


def unread_replies(stand, _):
    """167 connections ask for the page's script again and again, and read nothing; then they leave."""
    request = b"GET /app.js HTTP/1.1\r\nHost: a\r\n\r\n"
    sockets, sent = [], 0
    with HonestClient(stand.door) as honest:
        for _ in range(167):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.settimeout(5)
            with contextlib.suppress(OSError):
                one.connect(("127.0.0.1", stand.door.port))
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
    """Events long enough ago that each counts in its day at once; the last day is `ago` days ago."""
    first = int(time.time()) // DAY * DAY - (days + ago) * DAY
    events = (event(f"u{number % 7}", at=first + day * DAY, page=pages[day * per_day + number])
              for day in range(days) for number in range(per_day))
    return first, events


def time_of(stand, first, days, sort):
    question = (f"/api/v1/top?dimension=page&limit=10&sort={sort}&from={moment(first)}&to={moment(first + days * DAY)}")
    begun, cpu = time.monotonic(), stand.cpu()
    answer = stand.reader.get(question, timeout=SECONDS)
    word = answer.status if answer.status == 200 else f"{answer.status} {answer.body[:150]}"
    return stand.cpu() - cpu, time.monotonic() - begun, word


def expensive_question(stand, _):
    """200,000 values, the best ten of them by unique users and by events."""
    days = 200
    first, events = days_of_pages(days, 1000, ordinary(days * 1000, 10))
    send(stand.door, packed(events))
    stand.wait_counted(SECONDS)
    by_events, by_users = time_of(stand, first, days, "events"), time_of(stand, first, days, "unique_users")
    note = f"by users {by_users[0]:.1f} s of CPU ({by_users[2]}), by events {by_events[0]:.1f} s ({by_events[2]})"
    if {by_users[2], by_events[2]} != {200}:
        return Found(note, "a question within the limits got no answer")
    slow = by_users[0] > 10 * max(by_events[0], 0.05)
    return Found(note, f"{by_users[0] / max(by_events[0], 0.01):.0f} × the CPU of the question by events" if slow else "")


def colliding_question(stand, texts):
    """160 days of 1,000 pages that collide: the answer's own tables."""
    days, spent = KEYS // 1000, []
    for collide in (False, True):
        pages = texts.pages(KEYS) if collide else ordinary(KEYS, 48)
        first, events = days_of_pages(days, 1000, pages, ago=400 if collide else 20)
        send(stand.door, packed(events))
        stand.wait_counted(SECONDS)
        spent.append(time_of(stand, first, days, "events"))
    (plain, _, _), (hostile, wall, status) = spent
    note = f"{hostile:.1f} s of CPU ({status}, {wall:.0f} s), ordinary keys {plain:.1f} s"
    return Found(note, f"{hostile / max(plain, 0.01):.0f} × the CPU of ordinary keys"
                 if hostile > TIMES_MAX * max(plain, 0.05) else "")


def full_batches(stand, _):
    """10,000 items in 16 MiB that inflate 1,000:1, all good and all bad, on 48 connections at once."""
    good = event("u", page="/" + "p" * 1400)
    bad = event("", page="/" + "p" * 1400)
    notes = []
    for name, one, rounds in (("bad", bad, 4), ("good", good, 1)):
        body = gzip.compress(b"\n".join([one] * 10_000), 9)
        notes.append(f"{name} ({len(body) / 1000:.0f} KB each): {send_at_once(stand.door, body, 48, rounds)}")
    counted = stand.wait_counted(SECONDS)
    return Found("; ".join(notes) + f"; counted {counted:.0f} s after")


ALL = (
    Attack("long-values", "120 minutes × 3,000 values of 2 KB, restart, roll-up", ("serve", "serve+postgres", "pair"),
           long_values),
    Attack("many-windows", "220,000 events in as many hours", ("serve", "serve+postgres", "pair"), many_windows),
    *(Attack(f"colliding-{kind}", f"160,000 colliding {kind}", ("serve",), colliding(kind))
      for kind in ("page", "referrer", "activity_type", "user_id", "message_id")),
    Attack("colliding-question", "top over 160,000 colliding pages", ("serve",), colliding_question),
    Attack("unread-replies", "167 connections read no reply", ("serve",), unread_replies),
    Attack("expensive-question", "top of 200,000 values by unique users", ("serve", "serve+postgres"), expensive_question),
    Attack("full-batches", "10,000 items in 16 MiB, 1,000:1", ("serve", "pair"), full_batches),
)
