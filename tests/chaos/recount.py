"""The recount: everything that the service should have in its tables, worked out from the log's own records, a second
time and by other means, after the contract.

    rules = Rules(...)                                       # what deviates from the defaults of the settings
    found = Recount.of_topic(kafka, topic, rules)            # a kafka.Kafka of tests/system; reads with kcat
    found = Recount.of_file("…/data/events.db", topic, rules)   # the embedded log, partition 0
    book = ledger.Book(path, …)
    store = PostgresStore(postgres, database, topic) or SqliteStore("…/data/metrics.db", topic)   # recount_store
    findings = check(found, book, store, api)                # recount_check; api: a weir.Weir that serves /api, or None

`findings` is a list of texts, each one difference in words; empty: exact. Nothing must be sent meanwhile, and the
service must have counted all (wait_counted)."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Rules:
    """The settings that decide what counts, as the service ran with them."""
    dedup_window_sec: int = 600
    dedup_window_events: int = 1_000_000  # of the topic; divided by its partitions
    minute_days: int = 7                  # RETENTION_MINUTE_DAYS
    event_bytes_max: int = 65536


class Recount:
    @classmethod
    def of_topic(cls, kafka, topic, rules=Rules()):
        raise NotImplementedError

    @classmethod
    def of_file(cls, path, topic="incoming.user_activity", rules=Rules()):
        raise NotImplementedError
