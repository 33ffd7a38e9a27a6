"""Seeded activities as the visitors of a site and its SDKs send them: mostly plain, some unusual but valid, a few that must
be refused. There are at most 3,800 distinct users over all seeds, so that unique users are exact."""
import dataclasses
import datetime
import json
import time

USERS = [f"user-{number}" for number in range(300)]
ODD_USERS = ["名前", "naïve", "nai\u0308ve", "🦀 crab", "tab\there", 'quote"back\\slash', "line\nbreak", " lead", "trail ",
             "USER-1", "=1+1", "%s%n", "<script>alert(1)</script>", "a\u2028b", "\u202eltr", "constructor", "null", "0",
             "x" * 256, "é" * 128, "\uffff", "\U0010fffd", "a/b?c#d", "'; drop table x; --", "(other)", "\x7f", "\x01"]
OWN_USERS = 3_400

TYPES = ["page_view"] * 12 + ["click"] * 4 + ["signup", "purchase", "Page_View", "page_view ", "détail", "t" * 128,
                                              "(other)", "-"]
PAGES = ["/", "/", "/pricing", "/pricing?plan=pro", "/docs/start#top", "https://example.org/a/b?c#d",
         "https://example.org", "https://example.org?x", "//example.org/a", "?x", "#top", "", "HTTP://EXAMPLE.org/Path",
         "/Path", "/path/", "/caf%C3%A9", "/café", "/名前/🦀", "mailto:a@example.org", "no url at all", "(none)",
         "(other)", "/a b", "/a\tb", "app-x://screen/1?y", "/" + "p" * 2047, "/" + "é" * 1023, "javascript:alert(1)",
         "data:text/html,<b>", "a://", "://x/y", "/p?plan=free", "/p?a=b&plan=pro&plan=free#plan=x", "/p?plan=",
         "/p?%70lan=a+b%2B%E5%90%8D", "/p?plan=%00%ff%ED%A0%80%E5", "/p?plan=100%", "?plan=" + "%C3%A9" * 200]
REFERRERS = ["https://Example.ORG:8080/a", "https://example.org/", "http://u:p@[::1]:80", "android-app://com.app/", "",
             "nothing", "https://", "https://a b/", "https://x@y@news.example/", "//no.scheme/", "https://ü.example/",
             "https://[::g]/", "https://[]/", "https://search.example?q=1", "https://news.example#top", "1http://x/",
             "(direct)", "https://%41.example", "https://(other)/", "https://" + "r" * 2040]
COUNTRIES = ["DE", "DE", "FR", "de", "", " ", "名前", "(none)", "(other)", 7, -0.5e3, True, False, None, {"a": 1}, ["DE"],
             "\0", "a\ud800b", "x" * 255 + "é", "é" * 129]
# The own dimensions that the traffic has values for: (name, source).
DIMENSIONS = (("country", "metadata.country"), ("plan", "query.plan"), ("url", "metadata.page_url"))
DIMENSIONS_SETTING = ",".join("=".join(one) for one in DIMENSIONS)
# (weight, smallest age in seconds, number of steps, seconds of a step): each row spans few windows.
LATENESS = [(75, 0, 0, 1), (10, 60, 14, 60), (6, 3600, 6, 3600), (4, 86400, 6, 86400), (2, 8 * 86400, 12, 86400),
            (3, -300, 300, 1)]


@dataclasses.dataclass
class Event:
    """`bad`: why the event must be refused; None: it is valid. `spoil` makes the invalid bytes from the valid ones.
    `alone`: the bytes would break an array that contains them."""
    members: dict
    bad: str | None = None
    spoil: object = None
    alone: bool = False
    ascii: bool = True

    @property
    def user(self):
        return str(self.members.get("user_id"))[:300]

    @property
    def message_id(self):
        return self.members.get("message_id")

    def bytes(self, mark):
        """Returns the bytes to send with this mark."""
        members = {**self.members, "send": mark}
        try:
            whole = json.dumps(members, ensure_ascii=self.ascii, separators=(",", ":") if self.ascii else None).encode()
        except UnicodeEncodeError:  # JSON has a lone surrogate only as an escape
            whole = json.dumps(members).encode()
        return self.spoil(whole) if self.spoil else whole


def changed(**members):
    """Overwrites members; ... removes one."""
    return lambda event: {name: value for name, value in {**event, **members}.items() if value is not ...}


def inner(**members):
    return lambda event: {**event, "metadata": members}


WRONG = {  # {name: function that makes the members of a valid event invalid}
    "no user_id": changed(user_id=...),
    "empty user_id": changed(user_id=""),
    "user_id a number": changed(user_id=7),
    "user_id null": changed(user_id=None),
    "timestamp null": changed(timestamp=None),
    "user_id too long": changed(user_id="u" * 257),
    "blank user_id": changed(user_id=" \u3000"),
    "NUL in user_id": changed(user_id="a\0b"),
    "lone surrogate in user_id": changed(user_id="a\ud800"),
    "no activity_type": changed(activity_type=...),
    "activity_type too long": changed(activity_type="t" * 129),
    "blank activity_type": changed(activity_type="\t"),
    "no timestamp": changed(timestamp=...),
    "timestamp a number": changed(timestamp=1700000000),
    "no zone": changed(timestamp="2026-01-01T00:00:00"),
    "no such day": changed(timestamp="2026-02-30T00:00:00Z"),
    "second 61": changed(timestamp="2016-12-31T23:59:61Z"),
    "year 1980": changed(timestamp="1980-01-01T00:00:00Z"),
    "far ahead": changed(timestamp="2199-01-01T00:00:00Z"),
    "metadata a list": changed(metadata=[]),
    "page_url a number": inner(page_url=1),
    "page_url too long": inner(page_url="/" + "p" * 2048),
    "empty message_id": changed(message_id=""),
    "message_id too long": changed(message_id="m" * 129),
    "too large": changed(extra="x" * 70_000)}


def ending(end):
    """Returns a function that replaces the last bracket of an event."""
    return lambda text: text[:-1] + end


SPOILT = {  # {name: (function that makes the bytes of a valid event invalid, whether an array cannot hold the result)}
    "cut off": (ending(b""), True),
    "two documents": (ending(b"}{}"), True),
    "no object": (lambda _: b"null", False),
    "a member twice": (ending(b',"user_id":"x"}'), False),
    "its own member twice": (ending(b',"own":1,"\\u006fwn":2}'), False),
    "bytes that are no UTF-8": (ending(b',"b":"\xff"}'), False),
    "overlong UTF-8": (ending(b',"b":"\xc0\xaf"}'), False),
    "a leading zero": (ending(b',"n":01}'), False),
    "a trailing comma": (ending(b",}"), False),
    "too deep": (ending(b',"d":' + b"[" * 40 + b"]" * 40 + b"}"), False),
    "NaN": (ending(b',"n":NaN}'), False)}


class Traffic:
    """The events of one connection. `name` makes its message ids distinct from those of the others. Not thread-safe."""

    def __init__(self, dice, name, without_id=0.08, bad=0.03, own_pages=0.02):
        self.dice, self.name = dice, name
        self.without_id, self.bad, self.own_pages = without_id, bad, own_pages
        self.made = 0

    def next(self):
        self.made += 1
        event = Event(self._members(), ascii=self.dice.random() < 0.7)
        if self.dice.random() >= self.bad:
            return event
        event.bad = self.dice.choice([*WRONG, *SPOILT])
        if event.bad in WRONG:
            event.members, event.ascii = WRONG[event.bad](event.members), True
        else:
            event.spoil, event.alone = SPOILT[event.bad]
        return event

    def _members(self):
        dice = self.dice
        members = {"user_id": self._user(), "activity_type": dice.choice(TYPES), "timestamp": self._time()}
        if dice.random() >= self.without_id:
            # One in fifty has the id of another user, too: user and id together must be distinct.
            number = self.made if dice.random() > 0.02 else 0
            members["message_id"] = f"{self.name}-{number}{dice.choice(['', '', 'é'])}"
        metadata = {}
        if dice.random() < 0.8:
            own = dice.random() < self.own_pages
            metadata["page_url"] = f"/item/{dice.randrange(10**6)}" if own else dice.choice(PAGES)
        if dice.random() < 0.5:
            metadata["referrer"] = dice.choice(REFERRERS)
        if dice.random() < 0.2:
            metadata["plan"] = {"name": "pro", "seats": [1, 2.5e3, None, True], "note": "\ud800 \u0000 ok"}
        if dice.random() < 0.6:
            metadata["country"] = dice.choice(COUNTRIES)
        if metadata or dice.random() < 0.5:
            members["metadata"] = metadata
        return members

    def _user(self):
        kind = self.dice.random()
        if kind < 0.7:
            return self.dice.choice(USERS)
        return self.dice.choice(ODD_USERS) if kind < 0.8 else f"own-{self.dice.randrange(OWN_USERS)}"

    def _time(self):
        """Returns now for most events; others are late by minutes to weeks, in few windows, or slightly ahead."""
        dice = self.dice
        _, least, steps, step = dice.choices(LATENESS, [row[0] for row in LATENESS])[0]
        moment = time.time() - least - step * dice.randrange(steps + 1)
        zone = dice.choice([0, 0, 0, 120, -420, 345])
        local = datetime.datetime.fromtimestamp(moment, datetime.timezone(datetime.timedelta(minutes=zone)))
        text = local.isoformat(timespec=dice.choice(["seconds", "milliseconds", "microseconds"]))
        if zone == 0:
            text = text[:-6] + dice.choice("ZZz")
        if text[17:19] == "00" and dice.random() < 0.5:  # the same moment, as second 60 of the minute before
            earlier = (local - datetime.timedelta(minutes=1)).isoformat()
            text = earlier[:17] + "60" + text[19:]
        return text.replace("T", dice.choice("t ")) if dice.random() < 0.04 else text
