"""Derives the plan of a chaos run from its seed: the deployment, the load, and each fault with its victim and time.

A plan follows from the seed, the pair and the kinds of fault alone, so it can be repeated. A round is a number of faults
under load, one or several at a time. If only kills are wanted, a round is one kill. Otherwise a round lasts ROUND_SECONDS,
and each kind occurs once before one occurs again."""
import dataclasses
import random

from tests.chaos.environment import CONSUMERS, PRODUCERS

ROUND_SECONDS = 30
KILLS_BETWEEN_RECOUNTS = 10


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of fault: its possible victims {pair: names} and the bounds of its duration in seconds. `takes`: no other fault
    may hit the victim at the same time. `single`: at most one fault of this kind at a time. `once`: at most once a run."""
    victims: dict
    seconds: tuple
    takes: bool = True
    single: bool = False
    once: bool = False


CLIENTS = tuple(f"client-{number}" for number in (1, 2, 3))
SERVERS = ("kafka", "postgres")
ALL_PROCESSES = {"kafka": (*PRODUCERS, *CONSUMERS, *SERVERS), "embedded": ("serve", "serve", "serve")}
WEIRS = {"kafka": (*PRODUCERS, *CONSUMERS), "embedded": ("serve",)}
LINKS = {"kafka": (*(f"kafka-{name}" for name in PRODUCERS + CONSUMERS), *(f"postgres-{name}" for name in CONSUMERS * 2),
                  *CLIENTS), "embedded": CLIENTS}
STORE = {"kafka": ("postgres",)}

KINDS = {
    "kill": Kind({pair: (*names, CLIENTS[0]) for pair, names in ALL_PROCESSES.items()}, (0.0, 2.5)),
    "outage": Kind({"kafka": SERVERS}, (8.0, 20.0)),
    "freeze": Kind(ALL_PROCESSES, (0.3, 4.0)),
    "long-freeze": Kind({"kafka": CONSUMERS}, (10.0, 14.0), single=True),  # a session is 8 s
    "restart": Kind(ALL_PROCESSES, (0.0, 1.5)),
    "black-hole": Kind({"kafka": ("all-kafka", "all-postgres", *LINKS["kafka"]), "embedded": CLIENTS}, (2.0, 16.0)),
    "latency": Kind(LINKS, (3.0, 12.0), takes=False),
    "reset": Kind(LINKS, (1.0, 6.0), takes=False),
    "cut-bytes": Kind(LINKS, (2.0, 10.0), takes=False),
    "full-disk": Kind({"kafka": ("postgres",), "embedded": ("serve",)}, (2.0, 8.0)),
    "failing-calls": Kind({"embedded": ("serve",)}, (3.0, 8.0)),
    "clock": Kind(WEIRS, (2.0, 12.0), takes=False),
    "clock-days": Kind(WEIRS, (2.0, 12.0), takes=False),
    "lost-files": Kind({"embedded": ("serve",)}, (12.0, 15.0), once=True),  # the service has 10 s to notice it
    "hostile": Kind({pair: ("ingest",) for pair in ALL_PROCESSES}, (5.0, 12.0), takes=False, single=True),
    "end-sessions": Kind(STORE, (2.0, 8.0), takes=False),
    "lock": Kind(STORE, (2.0, 12.0), takes=False),
    "deadlocks": Kind(STORE, (3.0, 8.0), takes=False),
}


CLOCKS = ("clock", "clock-days")

# Settings that a kind needs with the embedded log. The figures of a lost log must remain when another log begins. A log
# that is pruned by a clock ten days ahead could not be recounted.
EMBEDDED_SETTINGS = {"lost-files": {"ON_OFFSET_GONE": "earliest"}, "clock-days": {"RETENTION_LOG_HOURS": 0}}


@dataclasses.dataclass(frozen=True)
class PlannedFault:
    at: float        # seconds since the load began
    kind: str
    victim: str
    seconds: float   # duration, or the pause before a killed process is started
    seed: int        # of the random choices of the fault itself


@dataclasses.dataclass(frozen=True)
class Plan:
    seed: int
    pair: str
    consumers: tuple
    partitions: int
    clients: int
    rate: int        # events a second, sum over all clients
    settings: dict   # for every Weir process
    faults: tuple    # of PlannedFault
    rounds: int

    @property
    def clocks(self):
        """The names of the processes whose clock will be stepped."""
        return {fault.victim for fault in self.faults if fault.kind in CLOCKS}

    def includes(self, kind):
        return any(fault.kind == kind for fault in self.faults)


def kinds_of(pair, wanted=()):
    """Returns the kinds that are possible on this pair, of those in `wanted` (all if it is empty)."""
    unknown = set(wanted) - set(KINDS)
    if unknown:
        raise ValueError(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    return [name for name, kind in KINDS.items() if pair in kind.victims and (not wanted or name in wanted)]


def plan(seed, pair, wanted=()):
    dice = random.Random(f"{seed}/{pair}/{','.join(sorted(wanted))}")
    kinds = kinds_of(pair, wanted)
    consumers = CONSUMERS[:dice.choice([1, 2, 2, 3]) if len(kinds) > 1 else 2]
    settings = {"FLUSH_INTERVAL_SEC": 1, "BATCH_SIZE": dice.choice([1, 20, 100, 100]),
                "NUM_WORKERS": dice.choice([1, 3]), "FLUSH_MIN_INTERVAL_MS": dice.choice([0, 50, 200, 200]),
                "HTTP_THREADS": 2, "LOG_FORMAT": "text"}
    partitions = dice.choice([3, 12, 12]) if pair == "kafka" else 1
    kills = kinds == ["kill"]
    faults = kills_in_turn(dice, pair, consumers) if kills else together(dice, pair, kinds, consumers)
    for fault in faults if pair == "embedded" else ():
        settings.update(EMBEDDED_SETTINGS.get(fault.kind, {}))
    return Plan(seed=seed, pair=pair, consumers=consumers if pair == "kafka" else (), partitions=partitions,
                clients=len(CLIENTS), rate=dice.choice([200, 400, 600]), settings=settings, faults=tuple(faults),
                rounds=KILLS_BETWEEN_RECOUNTS if kills else 1)


def victims_of(kind, pair, consumers):
    """Returns the possible victims that this deployment has."""
    return [name for name in KINDS[kind].victims[pair]
            if not any(name.endswith(one) for one in CONSUMERS if one not in consumers)]


def kills_in_turn(dice, pair, consumers):
    """Plans one kill after another; each process is killed once before one is killed again."""
    victims = victims_of("kill", pair, consumers)
    turns = [name for _ in range(KILLS_BETWEEN_RECOUNTS) for name in dice.sample(victims, len(victims))]
    at, faults = 1.0, []
    for victim in turns[:KILLS_BETWEEN_RECOUNTS]:
        seconds = dice.uniform(0.0, 0.6)
        faults.append(PlannedFault(round(at, 2), "kill", victim, round(seconds, 2), dice.randrange(2**31)))
        at += seconds + dice.uniform(0.3, 2.0)
    return faults


def together(dice, pair, kinds, consumers):
    """Plans faults that overlap. None begins after the end of the round, and no fault hits a victim that another one has
    taken."""
    faults, free_at, deck, at = [], {}, [], 1.0
    while at < ROUND_SECONDS - 4:
        deck = deck or dice.sample(kinds, len(kinds))
        name = deck.pop()
        kind = KINDS[name]
        if kind.once and name in free_at:
            at += 0.2
            continue
        victim = dice.choice(victims_of(name, pair, consumers))
        seconds = min(dice.uniform(*kind.seconds), max(kind.seconds[0], ROUND_SECONDS - at))
        resource = "clock" if name in CLOCKS else name  # a process has one clock
        taken = {victim if kind.takes else (resource, victim), *([name] if kind.single or kind.once else [])}
        if any(at < free_at.get(one, 0.0) for one in taken):  # try this kind again later
            deck.insert(0, name)
            at += 0.2
            continue
        free_at.update(dict.fromkeys(taken, at + seconds + 1.0))
        faults.append(PlannedFault(round(at, 2), name, victim, round(seconds, 2), dice.randrange(2**31)))
        at += dice.choice([0.0, dice.uniform(0.5, 2.0), dice.uniform(2.0, 4.5)])
    return faults
