"""Generated traffic of a web shop: two weeks up to now, busier by day than by night, with three own dimensions."""
import bisect
import itertools
import json
import math
import random
import time

DIMENSIONS = "country=metadata.country,plan=metadata.plan,campaign=query.utm_campaign"
DAYS = 15
PAGES = ["/", "/pricing", "/docs", "/docs/install", "/docs/api", "/docs/sql", "/blog", "/blog/counting-unique-users",
         "/blog/exactly-once", "/changelog", "/download", "/signup", "/login", "/account", "/search", "/about", "/contact",
         *(f"/docs/guides/{name}" for name in ("kafka", "postgresql", "docker", "grafana", "privacy", "backups", "alerts"))]
REFERRERS = [None, "https://www.google.com/", "https://news.ycombinator.com/item", "https://github.com/explore",
             "https://duckduckgo.com/", "https://www.reddit.com/r/selfhosted", "https://lobste.rs/", "https://www.bing.com/"]
KINDS = ["page_view", "search", "signup", "download", "add_to_cart", "purchase"]
COUNTRIES = ["DE", "US", "FR", "GB", "NL", "PL", "BR", "IN", "JP", "SE", "ES", "IT"]
PLANS = ["free", "team", "business"]
CAMPAIGNS = [None, None, None, "spring", "newsletter", "launch-week"]


class Choice:
    """Draws values with weights that fall like 1, 1/2, 1/3 …"""

    def __init__(self, values, exponent=1.0):
        self.values = values
        self.sums = list(itertools.accumulate(1 / (rank + 1) ** exponent for rank in range(len(values))))

    def draw(self, dice):
        return self.values[bisect.bisect(self.sums, dice.random() * self.sums[-1])]


CHOICES = [Choice(values, exponent) for values, exponent in
           ((PAGES, 0.9), (REFERRERS, 1.3), (KINDS, 2.0), (COUNTRIES, 0.8), (PLANS, 1.2), (CAMPAIGNS, 0.5))]


def busyness(seconds):
    """The share of events at a time of day (UTC), on a weekday or a weekend."""
    hour = seconds / 3600 % 24
    weekend = (int(seconds // 86400) + 3) % 7 >= 5
    return (0.2 + 0.8 * max(0.0, math.sin((hour - 5.5) / 15 * math.pi)) ** 1.5) * (0.6 if weekend else 1.0)


def event(dice, at):
    page, referrer, kind, country, plan, campaign = (choice.draw(dice) for choice in CHOICES)
    metadata = {"page_url": page + (f"?utm_campaign={campaign}" if campaign else ""), "country": country, "plan": plan}
    if referrer:
        metadata["referrer"] = referrer
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03d}Z"
    return {"user_id": f"user-{int(dice.paretovariate(0.5)) % 5000}", "activity_type": kind, "timestamp": stamp,
            "metadata": metadata}


def events(seed, per_day, now):
    """Yields the events of DAYS days up to `now` in order of time, and some more in the last half hour."""
    dice = random.Random(seed)
    begin = now - DAYS * 86400
    for index in range(DAYS * per_day):
        at = begin + (index + dice.random()) * 86400 / per_day
        growth = 0.7 + 0.3 * index / (DAYS * per_day)
        if dice.random() < busyness(at) * growth:
            yield event(dice, at)
    for _ in range(per_day // 40):
        yield event(dice, now - dice.random() ** 1.3 * 1800)


def send(service, seed=1, per_day=5000):
    """Sends the traffic to a Weir in batches, and returns the number of events."""
    made = list(events(seed, per_day, time.time()))
    for start in range(0, len(made), 2000):
        answer = service.post("/activities", "\n".join(map(json.dumps, made[start:start + 2000])))
        assert answer.status == 200 and not answer.json()["rejected"], answer.body
    return len(made)
