"""Holds the service's numbers to the recount and to the ledgers."""


def check(recount, book, store, api=None, seed=0):
    """A list of texts, each a difference in words; empty: all is exact. `api`: something with get(path) that gives an
    Answer (a weir.Weir), None to leave the API out; `seed` picks the ranges and filters that it is asked for.

    Each text begins with the name of what is wrong: lost, not promised and there, doubled, dead letter, ledger, window,
    page views, users, summary, timeseries, top, …"""
    raise NotImplementedError
