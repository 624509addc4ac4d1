"""Leases by PostgreSQL's advisory locks: the server gives them back when their holder's connection ends."""

import socket
import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection

_LONGEST = 63  # of the name of an application, in bytes; PostgreSQL cuts off the rest
_GRACE = 5.0  # seconds to wait for the end of a connection that was cut, or of a lease that is taken for a moment

_HOLDERS = """
select activity.pid, activity.application_name, activity.state not like 'active%%'
    and activity.state_change < clock_timestamp() - make_interval(secs => %s)
from pg_locks join pg_stat_activity activity using (pid)
where locktype = 'advisory' and granted and objsubid = 1 and classid = %s and objid = %s
    and pg_locks.database = (select oid from pg_database where datname = current_database())
"""
_END = (
    "select count(pg_terminate_backend(pid)) from pg_stat_activity where pid = %s and backend_start = %s "
    "and pid <> pg_backend_pid()"
)
_STARTED = "select backend_start from pg_stat_activity where pid = %s"


class AdvisoryLeases:
    """The leases of one process; its name is that of the connection, where others read it.

    Attributes:
        stall: seconds without a sign of life after which a holder's connection is cut.
        held: (study, key) -> whether others may join.
    """

    def __init__(self, stall: float) -> None:
        self.stall = stall
        self.held: dict[tuple[str, str], bool] = {}
        self._worker = ""
        self._backend: tuple[Any, ...] | None = None  # that holds them: process id, begin
        self._table = 0  # whose studies they are of: a database may hold several, in different schemas

    def take(self, connection: "Connection[Any]", study: str, key: str, worker: str, shared: bool) -> str | None:
        """Takes a lease; None, or the name of who holds it."""
        if (study, key) in self.held:
            return self._worker
        self._introduce(connection, worker)
        if not _try(connection, self._number(study, key), shared):
            stalled = [holder for holder in _holders(connection, self._number(study, key), self.stall) if holder[2]]
            for pid, *_ in stalled:
                _cut(connection, pid)
            if not stalled or not _try(connection, self._number(study, key), shared):
                return _names(connection, self._number(study, key), self.stall)
        self.held[study, key] = shared
        return None

    def is_held(self, connection: "Connection[Any]", study: str, key: str) -> bool:
        """Whether somebody holds a lease and has given a sign of life."""
        return any(not is_stalled for *_, is_stalled in _holders(connection, self._number(study, key), self.stall))

    def release(self, connection: "Connection[Any]", study: str, key: str) -> None:
        """Gives a lease back; nothing happens if it is not held."""
        shared = self.held.pop((study, key), None)
        if shared is not None:
            connection.execute(f"select pg_advisory_unlock{_kind(shared)}(%s)", (self._number(study, key),))

    def renew(self, connection: "Connection[Any]") -> str | None:
        """Takes all leases again on a new connection; those that somebody else has by now are gone.

        Returns:
            who has claimed a lease that was joined, if somebody has: then this process may not go on.
        """
        before, self._backend = self._backend, None
        row = connection.execute("select 'danlu_journal'::regclass::oid::bigint").fetchone()
        self._table = row[0] if row else 0
        if not self.held:
            return None
        if before is not None:
            _end(connection, before)  # the server may not know yet that it is dead, and our last words with it
        self._introduce(connection, self._worker)
        for (study, key), shared in list(self.held.items()):
            if shared and not _wait(connection, self._number(study, key)):
                return _names(connection, self._number(study, key), self.stall)
            if not shared and not _try(connection, self._number(study, key), shared):
                del self.held[study, key]
        return None

    def forget(self) -> None:
        """Leaves all leases to the server, which gives them back when the connection is closed."""
        self.held.clear()
        self._backend = None

    def _introduce(self, connection: "Connection[Any]", worker: str) -> None:
        """Gives the connection the name that is shown to others."""
        if worker == self._worker and self._backend is not None:
            return
        self._worker = worker
        name = f"danlu {worker} on {socket.gethostname()}".encode()[:_LONGEST].decode(errors="ignore")
        connection.execute("select set_config('application_name', %s, false)", (name,))
        pid = connection.info.backend_pid
        row = connection.execute(_STARTED, (pid,)).fetchone()
        assert row is not None
        self._backend = (pid, row[0])

    def _number(self, study: str, key: str) -> int:
        """Of the lock: 64 bits out of the names; two leases of one number are less likely than a broken disk."""
        digest = blake2b(f"danlu\0{self._table}\0{study}\0{key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, signed=True)


def _try(connection: "Connection[Any]", number: int, shared: bool) -> bool:
    query = f"select pg_try_advisory_lock{_kind(shared)}(%s)"
    row = connection.execute(query, (number,)).fetchone()
    return bool(row and row[0])


def _wait(connection: "Connection[Any]", number: int) -> bool:
    """Joins a lease that somebody may hold for a moment."""
    deadline = time.monotonic() + _GRACE
    while not (joined := _try(connection, number, shared=True)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return joined


def _kind(shared: bool) -> str:
    return "_shared" if shared else ""


def _holders(connection: "Connection[Any]", number: int, stall: float) -> list[tuple[int, str, bool]]:
    """Process id, name, and whether it has been silent for too long, of each."""
    number &= (1 << 64) - 1
    return connection.execute(_HOLDERS, (stall, number >> 32, number & (1 << 32) - 1)).fetchall()  # type: ignore[no-any-return]


def _names(connection: "Connection[Any]", number: int, stall: float) -> str:
    names = [name.removeprefix("danlu ") for _, name, _ in _holders(connection, number, stall)]
    return " and ".join(names) or "another process"


def _cut(connection: "Connection[Any]", pid: int) -> None:
    row = connection.execute(_STARTED, (pid,)).fetchone()
    if row is not None:
        _end(connection, (pid, row[0]))


def _end(connection: "Connection[Any]", backend: tuple[Any, ...]) -> None:
    """Ends a connection of this or another process, and waits until it is gone."""
    deadline = time.monotonic() + _GRACE
    while time.monotonic() < deadline:
        row = connection.execute(_END, backend).fetchone()
        if row is None or not row[0]:
            return
        time.sleep(0.02)
