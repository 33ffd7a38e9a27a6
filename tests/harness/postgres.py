"""A real PostgreSQL server, and psql to query it."""
import csv
import io
import os
import pathlib
import pwd
import shutil
import subprocess
import threading

from tests.harness import server, weir

USER, PASSWORD = "postgres", "postgres"


csv.field_size_limit(16 * 2**20)  # a dead letter holds the whole value of its record


def programs():
    """Returns the folder with the programs of the newest installed version (Debian's layout), or None."""
    versions = pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found = sorted((path.parent for path in versions), key=lambda path: float(path.parent.name))
    return found[-1] if found else None


def has_hll():
    found = programs()
    return found is not None and pathlib.Path(f"/usr/share/postgresql/{found.parent.name}/extension/hll.control").exists()


def needed():
    """Checks that a server can be started; otherwise the test fails in CI and is skipped elsewhere."""
    if programs() is None:
        weir.missing("postgresql-15")
    if os.geteuid() == 0 and USER not in (entry.pw_name for entry in pwd.getpwall()):
        weir.missing("a user postgres: PostgreSQL refuses to run as root")


class Postgres(server.Server):
    """A server on a free loopback port with an empty database. User and password are `postgres`, checked by SCRAM.

    A kill loses nothing even without fsync, because the kernel still holds the pages; only a power cut would. start()
    returns when the server answers. begin() returns at once; ready() then waits."""

    NAME = "PostgreSQL"

    def __init__(self, folder, database="analytics", fsync=False, **settings):
        super().__init__(folder)
        self.port = weir.free_port()
        self.database = database
        self.settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "",
                         "fsync": "on" if fsync else "off", "max_wal_size": "4GB", **settings}
        self.user = USER if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.folder, self.user)

    def begin(self):
        data = self.folder / "data"
        if not data.exists():
            self.make(data)
        options = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        self.launch([programs() / "postgres", "-D", data, *options], self.user)

    def make(self, data):
        secret = self.folder / "password"
        secret.write_text(PASSWORD + "\n")
        words = [programs() / "initdb", "-D", data, "-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8",
                 "--locale=C", "--no-sync", "--no-instructions"]
        who = ["setpriv", "--reuid", self.user, "--regid", self.user, "--init-groups"] if self.user else []
        subprocess.run([*who, *map(str, words)], check=True, capture_output=True)

    def ready(self):
        self.wait_until(lambda: self.psql("SELECT 1", database="postgres", check=False) is not None)
        if not self.rows(f"SELECT 1 FROM pg_database WHERE datname = '{self.database}'", database="postgres"):
            self.create_database(self.database)
        return self

    def start(self):
        self.begin()
        return self.ready()

    def environment(self, database=None):
        """Returns the settings with which Weir uses this server."""
        return {"DB_HOST": "127.0.0.1", "DB_PORT": str(self.port), "DB_USER": USER, "DB_PASSWORD": PASSWORD,
                "DB_NAME": database or self.database}

    def psql(self, sql, database=None, check=True):
        """Returns the rows that psql prints, as CSV without a header line. None: psql failed and `check` is false."""
        done = subprocess.run(["psql", "-X", "-q", "--csv", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"], input=sql,
                              capture_output=True, text=True, timeout=120,
                              env={**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": USER,
                                   "PGPASSWORD": PASSWORD, "PGDATABASE": database or self.database,
                                   "PGCONNECT_TIMEOUT": "5", "PGOPTIONS": "-c client_min_messages=warning"})
        if done.returncode != 0:
            if check:
                raise AssertionError(f"psql: {done.stderr}\n{sql}")
            return None
        return done.stdout

    def rows(self, sql, database=None):
        """Returns the rows as tuples of texts. NULL is ''."""
        return [tuple(row) for row in csv.reader(io.StringIO(self.psql(sql, database)))]

    def number(self, sql, database=None):
        """Returns the single number of the result; 0 for NULL."""
        return int(self.rows(sql, database)[0][0] or 0)

    def create_database(self, name, hll=False):
        self.psql(f'CREATE DATABASE "{name}"', database="postgres")
        if hll:
            self.psql("CREATE EXTENSION hll", database=name)

    def terminate_backends(self, database=None):
        """Terminates every other session of the database and returns their number."""
        return self.number("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                           f"WHERE pid <> pg_backend_pid() AND datname = '{database or self.database}'", "postgres")

    # Sessions that disturb those of Weir. Each returns silently if the server becomes unavailable.

    def lock_table(self, table, seconds, database):
        self.psql(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({seconds}); COMMIT", database, False)

    def hold_lock(self, table, seconds, database):
        """Calls lock_table in a thread, and returns the thread when the table is locked."""
        thread = threading.Thread(target=self.lock_table, args=(table, seconds, database))
        thread.start()
        held = f"SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = '{table}'::regclass AND granted"
        weir.wait_until(lambda: self.rows(held, database), what=f"{table} to be locked")
        return thread

    def cross_locks(self, first, second, database):
        """Locks the ledger rows of two partitions in sequence. A flush that locks them in the opposite order deadlocks;
        PostgreSQL then cancels the flush, because this session waits longer before it checks."""
        lock = "SELECT 1 FROM activity_ledger WHERE partition = {} FOR UPDATE;"
        self.psql("SET deadlock_timeout = '20s'; BEGIN;" + lock.format(first) + "SELECT pg_sleep(0.3);" + lock.format(second) +
                  "COMMIT", database, False)

    def cancel_statements(self, seconds, database):
        """Cancels the running statements of all other sessions of the database, a hundred times a second."""
        self.psql(f"DO $$ BEGIN FOR i IN 1..{round(100 * seconds)} LOOP PERFORM pg_stat_clear_snapshot(); "
                  "PERFORM pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
                  f"datname = '{database}' AND state = 'active'; PERFORM pg_sleep(0.01); END LOOP; END $$", "postgres", False)
