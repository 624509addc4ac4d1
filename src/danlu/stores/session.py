"""Session: a connection to PostgreSQL that is made anew when it is lost, and what its errors mean in words."""

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from danlu.errors import StoreError
from danlu.records.address import password_in, without_password

if TYPE_CHECKING:
    from psycopg import Connection

T = TypeVar("T")

_SCHEMA = (
    """
    create table danlu_journal (
        study text not null, position bigint not null, at double precision not null, version integer not null,
        events bytea not null, token uuid not null, primary key (study, position)
    )
    """,
)
"""What leads from each version of the schema to the next, from nothing on. `token` names the call that wrote a row."""

_SCHEMA_LOCK = 0x64616E6C75  # "danlu"
_IDLE = 10  # seconds of silence after which the other end is asked for a sign of life
_DEAD = 30  # seconds without an answer after which a host counts as dead
_OPTIONS: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": _IDLE,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": _DEAD * 1000,
}
_SETTINGS = (
    "set client_min_messages = 'warning'",
    "set default_transaction_isolation = 'read committed'",
    # without statistics, as soon after many appends, the planner would rather sort the journal for each page of it
    "set enable_bitmapscan = off",
    "set enable_seqscan = off",
    f"set tcp_keepalives_idle = {_IDLE}",
    "set tcp_keepalives_interval = 5",
    "set tcp_keepalives_count = 4",
    f"set tcp_user_timeout = {_DEAD * 1000}",
)
_SOON = ("starting up", "shutting down", "recovery", "too many clients", "connection slots")
_REMEDIES = (  # what a failed connection says -> what to do
    ("no password supplied", "Danlu keeps no passwords: set PGPASSWORD, or put it into ~/.pgpass."),
    ("password authentication failed", "Check the user and the password (PGPASSWORD, ~/.pgpass, or in the URL)."),
    ("database", "Create it first: createdb NAME."),
    ("role", "Check the user in the URL, or create it: createuser NAME."),
    ("resolve host", "Check the name of the host in the URL."),
    ("refused", "Check that the server runs, and the host and the port in the URL."),
    ("no pg_hba.conf entry", "The server's pg_hba.conf must let this machine and user in."),
)

log = logging.getLogger(__name__)


class Session:
    """One connection at a time; what is lost with it is begun again.

    Attributes:
        url: without its password.
        patience: seconds for which a lost connection is tried again.
        lock: held while the connection is used.
        skew: seconds by which the server's clock is ahead of this process's monotonic one.
    """

    def __init__(self, url: str, patience: float, settled: Callable[["Connection[Any]"], None]) -> None:
        self._settled = settled
        self.url, self.patience = without_password(url), patience
        self._url, self._secrets = url, _secrets(url)
        self.lock = threading.RLock()
        self.skew: float | None = None
        self._connection: Connection[Any] | None = None
        self._was_connected = False
        self._gave_up = False  # whoever tidies up after that must not wait as long again

    def run(self, use: Callable[["Connection[Any]"], T]) -> T:
        """What `use` gives; where the connection is lost on the way, it is called again on a new one.

        Raises:
            StoreError: the server can't be reached, or refuses.
        """
        psycopg = _psycopg()
        with self.lock:
            began, wait = None, 0.05
            while True:
                try:
                    found = use(self._connected())
                    self._gave_up = False
                    if began is not None:
                        log.warning("danlu: connected to %s again", self.url)
                    return found
                except psycopg.Error as error:
                    if not self._may_come_back(error):
                        raise StoreError(self._explained(error)) from None
                    if began is None and not self._gave_up:
                        began = time.monotonic()
                        log.warning("danlu: no connection to %s; trying again for %g s", self.url, self.patience)
                    if began is None or time.monotonic() - began > self.patience:
                        self._gave_up = True
                        raise StoreError(f"{self._explained(error)} Nothing that was acknowledged is lost.") from None
                    self.drop()
                time.sleep(wait)
                wait = min(2 * wait, 2.0)

    def drop(self) -> None:
        """Gives the connection up."""
        with self.lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @property
    def is_lost(self) -> bool:
        """Whether there is no connection now."""
        return self._connection is None or bool(self._connection.closed)

    def measure(self, connection: "Connection[Any]") -> None:
        """Reads the server's clock; that is a sign of life as well."""
        before = time.monotonic()
        row = connection.execute("select extract(epoch from clock_timestamp())::float8").fetchone()
        assert row is not None
        self.skew = row[0] - (before + time.monotonic()) / 2

    def _connected(self) -> "Connection[Any]":
        if self._connection is None or self._connection.closed:
            psycopg = _psycopg()
            connection = psycopg.connect(**self._parameters(), autocommit=True)
            self._was_connected = True
            try:
                for setting in _SETTINGS:
                    connection.execute(setting)
                migrate(connection)
                self.measure(connection)
                self._settled(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _parameters(self) -> dict[str, Any]:
        from psycopg.conninfo import conninfo_to_dict

        if set(password_in(self._url)) & set("@/#"):
            raise StoreError(f"{self.url}: write @, / and # in the password as %40, %2F and %23.")
        try:
            said = conninfo_to_dict(self._url)
        except _psycopg().Error as error:
            raise StoreError(
                f"{self.url} can't be read as the URL of a database ({self._redacted(error)}). Expected "
                f"postgresql://user@host:port/database; write other signs than letters in a password as %40 and so on."
            ) from None
        return {**_OPTIONS, "application_name": f"danlu process {os.getpid()}", **said}

    def _may_come_back(self, error: Exception) -> bool:
        psycopg = _psycopg()
        if not isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
            return False
        if self._connection is not None and not self._connection.closed:
            return False  # the server is there, and refuses
        if any(sign in str(error) for sign in _SOON) or getattr(error, "sqlstate", None):
            return True
        is_refusal = "FATAL" in str(error) and any(sign in str(error) for sign in ("password", "does not exist"))
        return self._was_connected and not is_refusal

    def _explained(self, error: Exception) -> str:
        psycopg = _psycopg()
        text = self._redacted(error)
        if isinstance(error, psycopg.errors.DiskFull):
            return f"{self.url}: {text}. Free some space on the server; nothing that was acknowledged is lost."
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            return f"{self.url}: {text}. Let the user create tables there: grant create on schema public to NAME."
        if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
            return f"{self.url}: {text}. Use the address of the primary server."
        remedy = next((what for sign, what in _REMEDIES if sign in text), "")
        return f"{self.url}: {text}. {remedy}".rstrip()

    def _redacted(self, error: Exception) -> str:
        text = str(error).strip().split("\n")[0].removeprefix("connection failed: ").rstrip(". ")
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text


def migrate(connection: "Connection[Any]") -> None:
    """Makes the tables, or brings those of an earlier Danlu up to this one; of several at once, one does it.

    Raises:
        StoreError: they are of a later Danlu.
    """
    if _version(connection) == len(_SCHEMA):
        return
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
        # first, for a look at the names alone may give what was known before we waited for another
        connection.execute("create table if not exists danlu_schema (version integer not null)")
        version = _version(connection)
        if version > len(_SCHEMA):
            raise StoreError(
                f"the tables in this database are of schema {version}; this Danlu knows {len(_SCHEMA)}. "
                f"Upgrade: pip install -U danlu."
            )
        for step in _SCHEMA[version:]:
            connection.execute(step)
        connection.execute("delete from danlu_schema")
        connection.execute("insert into danlu_schema values (%s)", (len(_SCHEMA),))


def _version(connection: "Connection[Any]") -> int:
    """Of the schema that there is; 0 for none."""
    row = connection.execute("select to_regclass('danlu_schema') is null").fetchone()
    if row is None or row[0]:
        return 0
    row = connection.execute("select max(version) from danlu_schema").fetchone()
    return (row and row[0]) or 0


def _secrets(url: str) -> list[str]:
    """What must not be shown: the password as it stands in the URL, and as it is meant."""
    password = password_in(url)
    return [secret for secret in (password, unquote(password)) if secret]


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise StoreError(
            f"a journal in PostgreSQL needs psycopg ({error}). Install it: pip install 'danlu[postgres]'."
        ) from None
    return psycopg
