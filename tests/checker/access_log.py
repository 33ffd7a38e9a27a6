"""An independent evaluation of an access log. It follows the contract and shares no code with Weir."""
import collections
import datetime
import random
import re

LINE = re.compile(rb'(\S+) \S+ \S+ \[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\d{3}) (?:\d+|-)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?$')
PAGE_EXTENSIONS = {b"html", b"htm", b"php", b"asp", b"aspx", b"jsp"}


def path_of(target):
    return re.split(rb"[?#]", target)[0]


def is_page(method, target, status):
    """Returns whether a request is a page view (contract §1)."""
    segment = path_of(target).rsplit(b"/", 1)[-1]
    extension = segment.rsplit(b".", 1)[1].lower() if b"." in segment else None
    good = 200 <= status <= 299 or status == 304
    return method == b"GET" and good and (extension is None or extension in PAGE_EXTENSIONS)


class Reference:
    """The expected figures: events, page_views, users, pages (a Counter of page views), hours {start: (events, users)} and
    unread (the numbers of the unreadable lines)."""

    def __init__(self, text):
        self.events = self.page_views = 0
        self.users, self.unread, self.pages = set(), [], collections.Counter()
        self.readable_before = [0]  # index n: the number of readable lines among the first n
        hours = collections.defaultdict(lambda: [0, set()])
        moments = []
        for number, line in enumerate(text.splitlines(), 1):
            found = LINE.match(line)
            if not found:
                self.unread.append(number)
                self.readable_before.append(self.events)
                continue
            client, when, request, status, _, agent = found.groups()
            method, target = (request.split(b" ") + [b""])[:2]
            moment = datetime.datetime.strptime(when.decode(), "%d/%b/%Y:%H:%M:%S %z").astimezone(datetime.timezone.utc)
            user = (client, agent)
            self.events += 1
            self.users.add(user)
            moments.append(moment)
            hour = hours[moment.replace(minute=0, second=0)]
            hour[0] += 1
            hour[1].add(user)
            if is_page(method, target, int(status)):
                self.page_views += 1
                self.pages[path_of(target).decode(errors="replace")] += 1
            self.readable_before.append(self.events)
        self.hours = {start.strftime("%Y-%m-%dT%H:00:00Z"): (count, len(users))
                      for start, (count, users) in hours.items()}
        self.first = min(moments).strftime("%Y-%m-%dT00:00:00Z")
        self.last = (max(moments) + datetime.timedelta(days=1)).strftime("%Y-%m-%dT00:00:00Z")


def generated_log(lines=10_000, seed=2015):
    """Returns a generated log of a small site, for machines without the real one."""
    dice = random.Random(seed)
    visitors = [(f"203.0.113.{dice.randrange(256)}", f"Agent/{dice.randrange(40)} (X11; n={number})")
                for number in range(1_800)]
    pages = ["/", "/projects/", "/about.html", "/favicon.ico", "/images/logo.png", "/feed?x=1"] * 6
    pages += [f"/blog/tags/{tag}" for tag in range(40)]
    moment = datetime.datetime(2015, 5, 17, 10, 5, tzinfo=datetime.timezone.utc)
    out = []
    for number in range(lines):
        moment += datetime.timedelta(seconds=dice.randrange(60))
        client, agent = dice.choice(visitors)
        if number == lines // 2:
            out.append("this line is cut o")
            continue
        out.append(f'{client} - - [{moment:%d/%b/%Y:%H:%M:%S} +0000] "{dice.choice(["GET"] * 9 + ["HEAD"])} '
                   f'{dice.choice(pages)} HTTP/1.1" {dice.choice([200] * 8 + [304, 404])} {dice.randrange(9999)} '
                   f'"{dice.choice(["-", "https://www.example.org/x"])}" "{agent}"')
    return ("\n".join(out) + "\n").encode()


def activities(text, prefix="log"):
    """Returns the lines of the log as activities for POST /activities. Each has a distinct message_id."""
    out = []
    for number, line in enumerate(text.splitlines(), 1):
        found = LINE.match(line)
        if not found:
            continue
        client, when, request, status, _, agent = found.groups()
        method, target = (request.split(b" ") + [b""])[:2]
        moment = datetime.datetime.strptime(when.decode(), "%d/%b/%Y:%H:%M:%S %z")
        out.append({"user_id": (client + b" " + agent).decode(errors="replace")[:256],
                    "activity_type": "page_view" if is_page(method, target, int(status)) else "request",
                    "timestamp": moment.isoformat(), "message_id": f"{prefix}-{number}",
                    "metadata": {"page_url": target.decode(errors="replace")}})
    return out
