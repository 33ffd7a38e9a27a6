"""Holds the service's numbers to the recount and to the ledgers."""
import collections
import time

from tests.checker import recount as recounting
from tests.checker.ledger import KEPT, REFUSED
from tests.checker.recount import moment
from tests.checker.recount_api import ask_api
from tests.checker.recount_hash import sketch_element
from tests.checker.recount_store import LEDGER

SHOWN = 20  # of a kind
HORIZON_AHEAD = 2 * 3600     # seconds; an event too old for its minutes closes them to the end of its hour
SETTLED = 5                  # seconds after which a process has seen that its clock was put right
RECORD_TIME_OFF = 65 * 60    # seconds; the bench moves clocks by an hour, too


class Findings:
    """Texts; of each kind the first ones and how many more there are."""

    def __init__(self):
        self._kinds = collections.defaultdict(list)

    def add(self, kind, text):
        self._kinds[kind].append(f"{kind}: {text}")

    def differ(self, kind, what, found, wanted):
        if found != wanted:
            self.add(kind, f"{what} is {found}, by the recount {wanted}")

    def texts(self):
        out = []
        for kind, texts in self._kinds.items():
            out += texts[:SHOWN]
            if len(texts) > SHOWN:
                out.append(f"{kind}: and {len(texts) - SHOWN} more")
        return out


def check(recount, ledgers, store, api=None, seed=0, lost=None, clocks_back_at=None):
    """A list of texts, each a difference in words; empty: all is exact. `api`: something with get(path) that gives an
    Answer (a weir.Weir), None to leave the API out; `seed` picks the ranges and filters that it is asked for. `lost`: a
    file_faults.LostLog, which excuses what stands in it and nowhere else. `clocks_back_at`: clocks of the service were
    days off until then (unix seconds), so that a record may be older than its event by more than is allowed.

    Each text begins with the name of what is wrong: lost, promised by a lost log, refused yet there, sent once and there
    twice, changed, never sent, wrong yet kept, good yet a dead letter, record time, partition, dead letter, page views,
    horizon, minute, hour, day, users of a day; and of the API: ledger, summary, timeseries, top."""
    findings = Findings()
    check_sends(recount, ledgers, findings, lost, clocks_back_at is not None)
    if clocks_back_at is not None:
        check_record_times(recount, ledgers, clocks_back_at, findings)
    check_partitions(recount, store, findings)
    check_letters(recount, store, findings)
    findings.differ("page views", "the sum of user_activity_metrics.page_view_count", store.page_view_sum(),
                    recount.page_views)
    complete_from = store.complete_from()
    if complete_from["minute"] < recount.minutes_from:
        findings.add("horizon", f"minutes are shown from {moment(complete_from['minute'])} on and are complete only "
                                f"from {moment(recount.minutes_from)} on")
    if complete_from["minute"] > time.time() + HORIZON_AHEAD:
        findings.add("horizon", f"minutes are shown from {moment(complete_from['minute'])} on, which is yet to come")
    for granularity, cells in recount.windows.items():
        check_view(granularity, cells, store.windows(granularity), complete_from[granularity], findings)
    check_days(recount, store, complete_from, findings)
    if api is not None:
        ask_api(recount, api, complete_from, seed, findings)
    return findings.texts()


# What clients were told, against the log.

def check_sends(recount, ledgers, findings, lost, clock_steps):
    clients = {about["client"] for about in ledgers.about}
    for send in ledgers.sends.values():
        places = recount.sends.get(send.mark, [])
        if send.outcome == KEPT and not places and lost and send.mark in lost.sends:
            check_promise_of_lost_log(send, lost, findings)
        else:
            check_send(send, places, findings)
        for place in places:
            if place.fate == "dead_lettered" and not send.bad:
                reasons = recount.letters[place.partition, place.offset].reasons
                if not (clock_steps and reasons == {"timestamp_ahead"}):
                    findings.add("good yet a dead letter", f"{send.mark} at {places_of(places)}: {sorted(reasons)}")
    for mark, places in recount.sends.items():
        if mark not in ledgers.sends and mark.partition(".")[0] in clients:
            findings.add("never sent", f"{mark} stands at {places_of(places)}, and no ledger has it")


def places_of(places):
    return ", ".join(f"{place.partition}/{place.offset}" for place in places)


def check_promise_of_lost_log(send, lost, findings):
    if send.at > lost.noticed_at:
        findings.add("promised by a lost log", f"{send.mark} was sent {send.at - lost.noticed_at:.1f} s after the loss of "
                                               f"its files had to be noticed, and was answered {send.status} by {send.to}")


def check_record_times(recount, ledgers, clocks_back_at, findings):
    """A record's time is now: that of what was sent after the clocks were right again."""
    last = {}
    for mark, places in recount.sends.items():
        send = ledgers.sends.get(mark)
        for place in places:
            if send and send.at > clocks_back_at + SETTLED and place.offset > last.get(place.partition, (-1,))[0]:
                last[place.partition] = place.offset, place.time_ms / 1000 - send.at
    for partition, (offset, off) in sorted(last.items()):
        if abs(off) > RECORD_TIME_OFF:
            findings.add("record time", f"that of {partition}/{offset} is {off:+.0f} s off from when it was sent")


def check_send(send, places, findings):
    where = places_of(places)
    name = (f"{send.mark} (user {send.user!r}, message_id {send.message_id!r}, answered {send.status or 'nothing'} "
            f"by {send.to})")
    if len(places) > 1:
        findings.add("sent once and there twice", f"{name} stands at {where}")
    if send.outcome == KEPT and send.bad:
        findings.add("wrong yet kept", f"{name}: {send.bad}")
    if send.outcome == KEPT and not places:
        findings.add("lost", f"{name} was promised and is not in the log")
    if send.outcome == REFUSED and places:
        findings.add("refused yet there", f"{name} stands at {where}")
    for place in places:
        if place.digest != send.digest:
            findings.add("changed", f"{name} stands at {where} with other bytes than were sent")


# The log, against the store.

def check_partitions(recount, store, findings):
    found = store.ledger()
    for partition in sorted({*found, *recount.ledger_rows}):
        account, row = recount.ledger_rows.get(partition), found.get(partition)
        if account is None or row is None:
            findings.add("partition", f"{partition} is not in {'the log' if account is None else 'activity_ledger'}")
            continue
        for column in LEDGER:
            findings.differ("partition", f"{partition}'s {column}", row[column], getattr(account, column))
        if row["read"] != row["tallied"] + row["duplicate"] + row["dead_lettered"]:
            findings.add("partition", f"{partition}: not every record is accounted for: {row}")
        if row["next_offset"] - row["start_offset"] != row["read"] + row["skipped"]:
            findings.add("partition", f"{partition}: not every offset is accounted for: {row}")


def check_letters(recount, store, findings):
    found = store.letters()
    for partition, offset in sorted({*found, *recount.letters}):
        letter, row = recount.letters.get((partition, offset)), found.get((partition, offset))
        name = f"{partition}/{offset}"
        if letter is None or row is None:
            findings.add("dead letter", f"{name} is {'one' if row else 'none'} in the table, by the recount "
                                        f"{'one' if letter else 'none'}")
            continue
        reason, *rest = row
        if reason not in letter.reasons and "any" not in letter.reasons:
            findings.add("dead letter", f"{name} has the reason {reason}, by the recount {sorted(letter.reasons)}")
        findings.differ("dead letter", f"{name}'s key, value, attempts, replayed", tuple(rest),
                        (letter.key, letter.value, letter.attempts, letter.replayed))


# Windows. Where an hour or a day has more values than are stored, which of them stand by name hangs on when its minutes
# were rolled up: then its rows must add up to its total, and none may say more than the recount.

def check_view(granularity, cells, rows, complete_from, findings):
    wanted = {key: cell for key, cell in cells.items() if key[0] >= complete_from}
    full = recounting.full_windows(wanted) if granularity != "minute" else set()
    if granularity == "minute":
        wanted = recounting.bounded(wanted)
    for key in sorted({*wanted, *rows}):
        if key[:3] not in full:
            compare(granularity, key, rows.get(key), wanted.get(key), findings)
    check_full(granularity, full, {key: row for key, row in rows.items() if key[:3] in full}, wanted, findings)


def name_of(key):
    start, partition, dimension, value = key
    return f"{moment(start)} partition {partition} {dimension} {value!r}"


def compare(granularity, key, row, cell, findings):
    if row is None or cell is None:
        there, here = ("not in the view", cell.events) if row is None else (row.events, "nothing")
        findings.add(granularity, f"{name_of(key)}: events are {there}, by the recount {here}")
        return
    findings.differ(granularity, f"{name_of(key)}: events, page views", (row.events, row.page_views),
                    (cell.events, cell.page_views))
    if row.users is None:
        return  # beyond what a sketch keeps exactly: asked of the API
    wanted = set(map(sketch_element, cell.users))
    if row.users != wanted:
        missing, strange = len(wanted - row.users), len(row.users - wanted)
        findings.add(granularity, f"{name_of(key)}: users is {len(row.users)}, by the recount {len(wanted)}; "
                                  f"{missing} are missing and {strange} were never there")


def check_full(granularity, windows, rows, cells, findings):
    sums = {window: recounting.Cell() for window in sorted(windows)}
    for key, row in rows.items():
        sums[key[:3]].events += row.events
        sums[key[:3]].page_views += row.page_views
        most = cells.get(key, recounting.Cell())
        if key[3] != recounting.OTHER and (row.events > most.events or row.page_views > most.page_views):
            findings.add(granularity, f"{name_of(key)}: events, page views is {(row.events, row.page_views)}, by the "
                                      f"recount at most {(most.events, most.page_views)}")
    for (start, partition, dimension), found in sums.items():
        total = cells[start, partition, "total", ""]
        findings.differ(granularity, f"{moment(start)} partition {partition}: events, page views of all of {dimension}",
                        (found.events, found.page_views), (total.events, total.page_views))


def check_days(recount, store, complete_from, findings):
    """Users of all partitions together, as SQL unites them."""
    wanted = collections.defaultdict(set)
    for (start, _, dimension, _), cell in recount.windows["day"].items():
        if dimension == "total" and start >= complete_from["day"]:
            wanted[start] |= cell.users
    found = store.users_by_day()
    for start in sorted({*found, *wanted} if found else ()):
        if len(wanted[start]) <= 4096:  # exact so far
            findings.differ("users of a day", moment(start), found.get(start, 0), len(wanted[start]))
