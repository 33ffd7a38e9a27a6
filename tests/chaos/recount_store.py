"""What stands in the store, read by SQL from outside, in the same form for both stores."""


class SqliteStore:
    """metrics.db, opened read-only; the service may live."""

    def __init__(self, path, topic="incoming.user_activity"):
        raise NotImplementedError


class PostgresStore:
    """By psql; `postgres` is a postgres.Postgres of tests/system."""

    def __init__(self, postgres, database, topic):
        raise NotImplementedError
