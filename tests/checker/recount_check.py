"""Compares the figures of the service with the recount and with the ledgers of the clients."""
import collections
import time

from tests.checker import recount as recounting
from tests.checker.ledger import KEPT, REFUSED
from tests.checker.recount import moment
from tests.checker.recount_api import check_api
from tests.checker.recount_hash import sketch_element
from tests.checker.recount_store import LEDGER

SHOWN = 20  # findings of a kind
HORIZON_AHEAD = 2 * 3600     # seconds; an event too old for its minutes raises the horizon to the end of its hour
SETTLED = 5                  # seconds until a process notices that its clock is right again
RECORD_TIME_OFF = 65 * 60    # seconds; the fault bench also steps clocks by an hour


class Findings:
    """Collects findings. texts() returns the first ones of each kind and the number of the others."""

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
    """Returns a list of findings, each a difference in words; empty: all figures are exact.

    `api`: a weir.Weir that serves the API; None: the API is not checked. `seed` selects the ranges and filters. `lost`: a
    file_faults.LostLog; events that are only in it are no findings. `clocks_back_at`: unix seconds; clocks of the service
    were days off until then, so a record may be older than its event by more than is allowed.

    Each text begins with its kind: lost, promised by a lost log, refused yet there, sent once and there twice, changed, never
    sent, wrong yet kept, good yet a dead letter, record time, partition, dead letter, page views, horizon, minute, hour, day,
    users of a day; and for the API: ledger, summary, timeseries, top."""
    findings = Findings()
    check_sends(recount, ledgers, findings, lost, clocks_back_at is not None)
    if clocks_back_at is not None:
        check_record_times(recount, ledgers, clocks_back_at, findings)
    check_partitions(recount, store, findings)
    check_dead_letters(recount, store, findings)
    findings.differ("page views", "the sum of user_activity_metrics.page_view_count", store.page_view_sum(),
                    recount.page_views)
    complete_from = store.complete_from()
    if complete_from["minute"] < recount.minutes_from:
        findings.add("horizon", f"the view shows minutes from {moment(complete_from['minute'])} on, but they are complete only "
                                f"from {moment(recount.minutes_from)} on")
    if complete_from["minute"] > time.time() + HORIZON_AHEAD:
        findings.add("horizon", f"minutes are shown from {moment(complete_from['minute'])} on, which is yet to come")
    for granularity, cells in recount.windows.items():
        check_view(granularity, cells, store.windows(granularity), complete_from[granularity], findings)
    check_days(recount, store, complete_from, findings)
    if api is not None:
        check_api(recount, api, complete_from, seed, findings)
    return findings.texts()


# The ledgers of the clients, compared with the log.

def check_sends(recount, ledgers, findings, lost, clock_steps):
    clients = {about["client"] for about in ledgers.about}
    for send in ledgers.sends.values():
        found = recount.sends.get(send.mark, [])
        if send.outcome == KEPT and not found and lost and send.mark in lost.sends:
            check_promise_of_lost_log(send, lost, findings)
        else:
            check_send(send, found, findings)
        for one in found:
            if one.outcome == "dead_lettered" and not send.bad:
                reasons = recount.dead_letters[one.partition, one.offset].reasons
                if not (clock_steps and reasons == {"timestamp_ahead"}):
                    findings.add("good yet a dead letter", f"{send.mark} at {positions_of(found)}: {sorted(reasons)}")
    for mark, found in recount.sends.items():
        if mark not in ledgers.sends and mark.partition(".")[0] in clients:
            findings.add("never sent", f"{mark} is at {positions_of(found)}, but in no ledger")


def positions_of(found):
    return ", ".join(f"{one.partition}/{one.offset}" for one in found)


def check_promise_of_lost_log(send, lost, findings):
    if send.at > lost.noticed_at:
        findings.add("promised by a lost log", f"{send.mark} was sent {send.at - lost.noticed_at:.1f} s after the service "
                                               f"must notice the loss, but {send.to} answered {send.status}")


def check_record_times(recount, ledgers, clocks_back_at, findings):
    """Checks the record time of the last event of each partition that was sent after the clocks were right again."""
    last = {}
    for mark, found in recount.sends.items():
        send = ledgers.sends.get(mark)
        for one in found:
            if send and send.at > clocks_back_at + SETTLED and one.offset > last.get(one.partition, (-1,))[0]:
                last[one.partition] = one.offset, one.time_ms / 1000 - send.at
    for partition, (offset, off) in sorted(last.items()):
        if abs(off) > RECORD_TIME_OFF:
            findings.add("record time", f"{partition}/{offset} has a time {off:+.0f} s off from when it was sent")


def check_send(send, found, findings):
    where = positions_of(found)
    name = (f"{send.mark} (user {send.user!r}, message_id {send.message_id!r}, answered {send.status or 'nothing'} "
            f"by {send.to})")
    if len(found) > 1:
        findings.add("sent once and there twice", f"{name} is at {where}")
    if send.outcome == KEPT and send.bad:
        findings.add("wrong yet kept", f"{name}: {send.bad}")
    if send.outcome == KEPT and not found:
        findings.add("lost", f"{name} was promised but is not in the log")
    if send.outcome == REFUSED and found:
        findings.add("refused yet there", f"{name} is at {where}")
    for one in found:
        if one.digest != send.digest:
            findings.add("changed", f"{name} is at {where} with other bytes than were sent")


# The log, compared with the store.

def check_partitions(recount, store, findings):
    found = store.ledger()
    for partition in sorted({*found, *recount.ledger_rows}):
        wanted, row = recount.ledger_rows.get(partition), found.get(partition)
        if wanted is None or row is None:
            findings.add("partition", f"{partition} is not in {'the log' if wanted is None else 'activity_ledger'}")
            continue
        for column in LEDGER:
            findings.differ("partition", f"{partition}'s {column}", row[column], getattr(wanted, column))
        if row["read"] != row["tallied"] + row["duplicate"] + row["dead_lettered"]:
            findings.add("partition", f"{partition}: read is not the sum of its parts: {row}")
        if row["next_offset"] - row["start_offset"] != row["read"] + row["skipped"]:
            findings.add("partition", f"{partition}: the offsets are not read plus skipped: {row}")


def check_dead_letters(recount, store, findings):
    found = store.dead_letters()
    for partition, offset in sorted({*found, *recount.dead_letters}):
        wanted, row = recount.dead_letters.get((partition, offset)), found.get((partition, offset))
        name = f"{partition}/{offset}"
        if wanted is None or row is None:
            findings.add("dead letter", f"{name} is {'present' if row else 'absent'} in the table, by the recount "
                                        f"{'present' if wanted else 'absent'}")
            continue
        reason, *rest = row
        if reason not in wanted.reasons and "any" not in wanted.reasons:
            findings.add("dead letter", f"{name} has the reason {reason}, by the recount {sorted(wanted.reasons)}")
        findings.differ("dead letter", f"{name}'s key, value, attempts, replayed", tuple(rest),
                        (wanted.key, wanted.value, wanted.attempts, wanted.replayed))


# Windows. If an hour or a day has more values than are stored, the time of the roll-ups decides which of them are stored by
# name. Then the rows must add up to the total, and no row may have more than the recount.

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
        return  # beyond the exact range of a sketch; the check of the API covers it
    wanted = set(map(sketch_element, cell.users))
    if row.users != wanted:
        missing, unexpected = len(wanted - row.users), len(row.users - wanted)
        findings.add(granularity, f"{name_of(key)}: users is {len(row.users)}, by the recount {len(wanted)}; "
                                  f"{missing} are missing, {unexpected} are unexpected")


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
    """Checks the users of each day over all partitions, as SQL unites them."""
    wanted = collections.defaultdict(set)
    for (start, _, dimension, _), cell in recount.windows["day"].items():
        if dimension == "total" and start >= complete_from["day"]:
            wanted[start] |= cell.users
    found = store.users_by_day()
    for start in sorted({*found, *wanted} if found else ()):
        if len(wanted[start]) <= 4096:  # a sketch is exact up to this
            findings.differ("users of a day", moment(start), found.get(start, 0), len(wanted[start]))
