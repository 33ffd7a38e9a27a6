"""What a seed means: which stand, which load, and which faults strike whom, when and for how long.

A plan is worked out from its seed, the pair and the kinds of fault alone, so it can be played again. A round is some
faults under load, one or several at a time. Of kills alone a round is one kill; else it lasts ROUND_SECONDS, and all
kinds have their turn in it before one comes again."""
import dataclasses
import random

from tests.chaos.environment import CONSUMERS, PRODUCERS

ROUND_SECONDS = 30
KILLS_BETWEEN_RECOUNTS = 10


@dataclasses.dataclass(frozen=True)
class Kind:
    """A fault that may be planned: whom it strikes, {pair: names}, and for how many seconds. `takes`: it has its victim
    alone; else it may strike beside other kinds. `single`: not two of them at once, whoever the victims. `once`: once in a
    story, whatever else is planned."""
    victims: dict
    seconds: tuple
    takes: bool = True
    single: bool = False
    once: bool = False


CLIENTS = tuple(f"client-{number}" for number in (1, 2, 3))
DEEP = ("kafka", "postgres")
EVERYONE = {"kafka": (*PRODUCERS, *CONSUMERS, *DEEP), "embedded": ("serve", "serve", "serve")}
WEIRS = {"kafka": (*PRODUCERS, *CONSUMERS), "embedded": ("serve",)}
WAYS = {"kafka": (*(f"kafka-{name}" for name in PRODUCERS + CONSUMERS), *(f"postgres-{name}" for name in CONSUMERS * 2),
                  *CLIENTS), "embedded": CLIENTS}
STORE = {"kafka": ("postgres",)}

KINDS = {
    "kill": Kind({pair: (*names, CLIENTS[0]) for pair, names in EVERYONE.items()}, (0.0, 2.5)),
    "outage": Kind({"kafka": DEEP}, (8.0, 20.0)),
    "freeze": Kind(EVERYONE, (0.3, 4.0)),
    "long-freeze": Kind({"kafka": CONSUMERS}, (10.0, 14.0), single=True),  # a session is 8 s
    "restart": Kind(EVERYONE, (0.0, 1.5)),
    "black-hole": Kind({"kafka": ("all-kafka", "all-postgres", *WAYS["kafka"]), "embedded": CLIENTS}, (2.0, 16.0)),
    "latency": Kind(WAYS, (3.0, 12.0), takes=False),
    "reset": Kind(WAYS, (1.0, 6.0), takes=False),
    "cut-bytes": Kind(WAYS, (2.0, 10.0), takes=False),
    "full-disk": Kind({"kafka": ("postgres",), "embedded": ("serve",)}, (2.0, 8.0)),
    "failing-calls": Kind({"embedded": ("serve",)}, (3.0, 8.0)),
    "clock": Kind(WEIRS, (2.0, 12.0), takes=False),
    "clock-days": Kind(WEIRS, (2.0, 12.0), takes=False),
    "lost-files": Kind({"embedded": ("serve",)}, (12.0, 15.0), once=True),  # 10 s may go by until it is noticed
    "hostile": Kind({pair: ("the doors",) for pair in EVERYONE}, (5.0, 12.0), takes=False, single=True),
    "end-sessions": Kind(STORE, (2.0, 8.0), takes=False),
    "lock": Kind(STORE, (2.0, 12.0), takes=False),
    "deadlocks": Kind(STORE, (3.0, 8.0), takes=False),
}


CLOCKS = ("clock", "clock-days")

# What a kind needs to be set where it strikes the embedded log: the numbers of a lost log stay when another one begins;
# and a log that is pruned by a clock that is ten days fast cannot be recounted.
EMBEDDED_SETTINGS = {"lost-files": {"ON_OFFSET_GONE": "earliest"}, "clock-days": {"RETENTION_LOG_HOURS": 0}}


@dataclasses.dataclass(frozen=True)
class Strike:
    at: float        # seconds since the load began
    kind: str
    victim: str
    seconds: float   # how long it lasts, or how long a killed process stays away
    seed: int        # of what the fault itself throws dice for


@dataclasses.dataclass(frozen=True)
class Plan:
    seed: int
    pair: str
    consumers: tuple
    partitions: int
    clients: int
    rate: int        # events a second, of all clients together
    settings: dict   # of every Weir process
    strikes: tuple
    rounds: int

    @property
    def clocks(self):
        """Whose clock will be moved."""
        return {strike.victim for strike in self.strikes if strike.kind in CLOCKS}

    def strikes_with(self, kind):
        return any(strike.kind == kind for strike in self.strikes)


def kinds_of(pair, wanted=()):
    """The kinds that this pair knows, of those that are wanted (all, if none is named)."""
    unknown = set(wanted) - set(KINDS)
    if unknown:
        raise ValueError(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    return [name for name, kind in KINDS.items() if pair in kind.victims and (not wanted or name in wanted)]


def plan(seed, pair, wanted=()):
    dice = random.Random(f"{seed}/{pair}/{','.join(sorted(wanted))}")
    kinds = kinds_of(pair, wanted)
    consumers = CONSUMERS[:dice.choice([1, 2, 2, 3]) if len(kinds) > 1 else 2]
    settings = {"FLUSH_INTERVAL_SEC": 1, "BATCH_SIZE": dice.choice([1, 20, 100, 100]),
                "NUM_WORKERS": dice.choice([1, 3]), "FLUSH_MIN_INTERVAL_MS": dice.choice([0, 50, 200, 200]), "HTTP_THREADS": 2, "LOG_FORMAT": "text"}
    partitions = dice.choice([3, 12, 12]) if pair == "kafka" else 1
    kills = kinds == ["kill"]
    strikes = kills_in_turn(dice, pair, consumers) if kills else together(dice, pair, kinds, consumers)
    for strike in strikes if pair == "embedded" else ():
        settings.update(EMBEDDED_SETTINGS.get(strike.kind, {}))
    return Plan(seed=seed, pair=pair, consumers=consumers if pair == "kafka" else (), partitions=partitions,
                clients=len(CLIENTS), rate=dice.choice([200, 400, 600]), settings=settings, strikes=tuple(strikes),
                rounds=KILLS_BETWEEN_RECOUNTS if kills else 1)


def victims_of(kind, pair, consumers):
    """Those that stand."""
    return [name for name in KINDS[kind].victims[pair]
            if not any(name.endswith(one) for one in CONSUMERS if one not in consumers)]


def kills_in_turn(dice, pair, consumers):
    """One after the other; every process has its turn."""
    victims = victims_of("kill", pair, consumers)
    turns = [name for _ in range(KILLS_BETWEEN_RECOUNTS) for name in dice.sample(victims, len(victims))]
    at, strikes = 1.0, []
    for victim in turns[:KILLS_BETWEEN_RECOUNTS]:
        seconds = dice.uniform(0.0, 0.6)
        strikes.append(Strike(round(at, 2), "kill", victim, round(seconds, 2), dice.randrange(2**31)))
        at += seconds + dice.uniform(0.3, 2.0)
    return strikes


def together(dice, pair, kinds, consumers):
    """Some at once, some apart; none begins after the round's seconds, and who is taken is left to its fault."""
    strikes, free_at, deck, at = [], {}, [], 1.0
    while at < ROUND_SECONDS - 4:
        deck = deck or dice.sample(kinds, len(kinds))
        name = deck.pop()
        kind = KINDS[name]
        if kind.once and name in free_at:
            at += 0.2
            continue
        victim = dice.choice(victims_of(name, pair, consumers))
        seconds = min(dice.uniform(*kind.seconds), max(kind.seconds[0], ROUND_SECONDS - at))
        beside = "clock" if name in CLOCKS else name  # a process has one clock
        taken = {victim if kind.takes else (beside, victim), *([name] if kind.single or kind.once else [])}
        if any(at < free_at.get(one, 0.0) for one in taken):  # its turn comes later
            deck.insert(0, name)
            at += 0.2
            continue
        free_at.update(dict.fromkeys(taken, at + seconds + 1.0))
        strikes.append(Strike(round(at, 2), name, victim, round(seconds, 2), dice.randrange(2**31)))
        at += dice.choice([0.0, dice.uniform(0.5, 2.0), dice.uniform(2.0, 4.5)])
    return strikes
