"""Nine days of seeded traffic up to the last midnight of UTC: the last seven are the week, and the two days before are for
comparisons. It has three own dimensions, late events, repeated events and values that need care in CSV and in SQL.

The generator knows what each event counts for, so the expected figures (tests/checker/facts.py) need no parser."""
import dataclasses
import json
import random
import time

from tests.checker.facts import Fact

DAY = 86400
DAYS = 9
USERS = 3000  # unique users are exact up to 4,096
DIMENSIONS = "country=metadata.country,plan=metadata.plan,campaign=query.utm_campaign"
SOURCES = {"country": "metadata.country", "plan": "metadata.plan", "campaign": "query.utm_campaign"}

# As a client sends them, and the value that is counted.
PAGES = [("/", "/"), ("/pricing#plans", "/pricing"), ("https://shop.example/docs/sql", "/docs/sql"), ("/a,b", "/a,b"),
         ("/=1+1", "/=1+1"), ("/it's", "/it's"), ("/caf\u00e9", "/caf\u00e9"), (None, "(none)"),
         *((f"/docs/{number}", f"/docs/{number}") for number in range(40))]
REFERRERS = [(None, "(direct)"), ("https://www.Google.com/search?q=x", "www.google.com"), ("not a host", "(unknown)"),
             ("https://user@News.example:8443/item", "news.example"), ("https://b\u00fccher.example/", "b\u00fccher.example")]
KINDS = ["page_view", "search", "signup", "purchase", "page view", "-refund"]
COUNTRIES = [("DE", "DE"), ("US", "US"), ("FR", "FR"), ("C\u00f4te d'Ivoire", "C\u00f4te d'Ivoire"), (None, "(none)")]
PLANS = [("free", "free"), ("=team", "=team"), (3, "3"), (True, "true"), ('a "quoted" plan', 'a "quoted" plan'), (None, "(none)")]
CAMPAIGNS = [(None, "(none)"), ("spring+sale%21", "spring sale!"), ("launch", "launch"), ("%2Bplus", "+plus")]


@dataclasses.dataclass
class Traffic:
    """`main` is sent first and `late` later; both in their order. `facts`: what both together count for."""
    end: int  # the last midnight of UTC
    main: list
    late: list
    facts: list

    @property
    def start(self):
        """The beginning of the week."""
        return self.end - 7 * DAY


def draw(dice, values):
    """Draws a value; the first ones are the most frequent."""
    return values[int(len(values) * dice.random() ** 2)]


def event(dice, at, number):
    """Returns an activity and what it counts for."""
    (page_url, page), (referrer, host), kind = draw(dice, PAGES), draw(dice, REFERRERS), draw(dice, KINDS)
    (country, counted_country), (plan, counted_plan) = draw(dice, COUNTRIES), draw(dice, PLANS)
    campaign, counted_campaign = draw(dice, CAMPAIGNS) if page_url and "#" not in page_url else CAMPAIGNS[0]
    if campaign:
        page_url += f"?x=1&utm_campaign={campaign}"
    metadata = {"page_url": page_url, "referrer": referrer, "country": country, "plan": plan}
    user = f"user-{int(dice.random() ** 2 * USERS)}"
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{number % 1000:03d}Z"
    activity = {"user_id": user, "activity_type": kind, "timestamp": stamp, "message_id": f"week-{number}",
                "metadata": {name: value for name, value in metadata.items() if value is not None}}
    return activity, Fact(at, user, kind == "page_view", {
        "activity_type": kind, "page": page, "referrer": host, "country": counted_country, "plan": counted_plan,
        "campaign": counted_campaign})


def make(seed, count=12_000):
    """Makes the traffic of a seed. Of its events 8 % are late, and 3 % of the others are sent twice."""
    dice = random.Random(seed)
    end = int(time.time()) // DAY * DAY
    made = Traffic(end, [], [], [])
    for number in range(count):
        at = end - DAYS * DAY + int((number + dice.random()) * DAYS * DAY / count)
        activity, fact = event(dice, at, number)
        made.facts.append(fact)
        if dice.random() < 0.08:
            made.late.append(activity)
            continue
        made.main += [activity] * (2 if dice.random() < 0.03 else 1)
    dice.shuffle(made.late)
    return made


def send(service, activities):
    """Sends activities in batches. All must be accepted."""
    for start in range(0, len(activities), 2000):
        answer = service.post("/activities", "\n".join(map(json.dumps, activities[start:start + 2000])))
        assert answer.status == 200 and not answer.json()["rejected"], answer.body
