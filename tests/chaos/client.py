#!/usr/bin/env python3
"""A client outside the service that keeps a ledger: seeded traffic, sent and tried again as users' SDKs do it.

    python3 tests/chaos/client.py --url http://127.0.0.1:8080[,http://…] --ledger FILE --seed N --rate EVENTS_PER_S
                                  [--seconds S] [--events N] [--connections 4] [--tries 10] [--timeout 15]

It ends by itself after --seconds or --events, or on SIGTERM or SIGINT: the requests under way are finished, the ledger
is closed, the last line of stdout is a JSON object with counts, exit code 0. An answer that no honest client should get
(400 for a good event, 200 for a bad one, …) is a line on stderr and exit code 1.

In a test:

    sender = client.Client([url, …], path_of_ledger, seed=7, rate=500).start()
    …
    sender.stop()     # or wait(seconds), where `events` or `seconds` was given; both raise what went wrong"""


class Client:
    """Several connections, a thread each. Keep to one process by Client; a ledger file may be gone on with by the next."""

    def __init__(self, urls, ledger_path, seed, rate, seconds=None, events=None, connections=4, tries=10, timeout=15):
        raise NotImplementedError

    def start(self):
        """Returns at once; gives itself."""

    def stop(self, seconds=60):
        """No request after those under way; closes the ledger. Gives counts()."""

    def wait(self, seconds=120):
        """Until all is sent. Gives counts()."""

    def counts(self):
        """{"tries", "kept", "refused", "unknown", "given_up"}: sends by outcome, and events that no try got in."""

    @property
    def sending(self):
        """Whether any of its threads still runs."""
