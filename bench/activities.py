"""The realistic set of events: 50,000 users (Zipf 0.8), 500 pages (Zipf 1), 50 referrers, 5 types, 244 bytes an event.

The set follows from a seed, so all contenders of a benchmark get the same events."""
import itertools
import random
import time

USERS, PAGES, REFERRERS = 50_000, 500, 50
LISTED_MAX = 1_000_000
TYPES = ("page_view", "click", "search", "purchase", "sign_up")
TYPE_WEIGHTS = (70, 15, 8, 4, 3)


def zipf(count, exponent):
    """Returns the cumulative weights of the ranks 1 to `count`."""
    return list(itertools.accumulate(1 / rank**exponent for rank in range(1, count + 1)))


class Activities:
    """Makes events as JSON texts. `pages` and `users` change how many distinct ones there are."""

    def __init__(self, seed=1, message_ids=False, pages=PAGES, users=USERS):
        self.dice = random.Random(seed)
        self.message_ids = message_ids
        self.made = 0
        self.user_count = users
        if users <= LISTED_MAX:
            self.users, self.user_weights = [f"user-{number:05}" for number in range(users)], zipf(users, 0.8)
        self.pages, self.page_weights = [f"https://example.org/items/{number:05}" for number in range(pages)], zipf(pages, 1)
        self.referrers = [f"https://site-{number:02}.example.com/?q=weir" for number in range(REFERRERS)]

    def pick_users(self, count):
        if self.user_count <= LISTED_MAX:
            return self.dice.choices(self.users, cum_weights=self.user_weights, k=count)
        # The inverse of the integral of x^-0.8: a list of many millions would need a GB.
        return [f"user-{int(self.user_count * self.dice.random()**5):08}" for _ in range(count)]

    def texts(self, count, when=None, seconds=0.0):
        """Returns `count` events. Their timestamps begin at `when` (seconds since 1970, default now) and cover `seconds`."""
        pick, when = self.dice.choices, time.time() if when is None else when
        stamps = []
        for number in range(100):  # a hundredth of the events share a timestamp
            moment = when + seconds * number / 100
            stamps.append(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1000):03}Z")
        chosen = zip(self.pick_users(count), pick(TYPES, TYPE_WEIGHTS, k=count),
                     pick(self.pages, cum_weights=self.page_weights, k=count), pick(self.referrers, k=count))
        texts = []
        for number, (user, kind, page, referrer) in enumerate(chosen):
            own = f'"message_id":"{self.made + number:016x}",' if self.message_ids else ""
            stamp = stamps[number * 100 // count]
            texts.append(f'{{{own}"user_id":"{user}","activity_type":"{kind}","timestamp":"{stamp}","metadata":{{"page_url":"{page}",'
                         f'"referrer":"{referrer}"}},"session_id":"0123456789abcd","locale":"en-GB"}}')
        self.made += count
        return texts

    def ndjson(self, count, when=None, seconds=0.0):
        """Returns `count` events as a body for POST /activities."""
        return ("\n".join(self.texts(count, when, seconds)) + "\n").encode()
