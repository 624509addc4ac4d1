"""PostgreSQL: journals in a database that several machines reach, so that several coordinators run one study.

An append, and a group of them, is one statement in one transaction. When it has returned, the server has it as safely
as it was set up to (`synchronous_commit`). If the connection is lost on the way, the call finds out whether its row was
written, by a token that no other call has, before it tries again.

Leases are advisory locks of the connection, so the server gives them back when their holder dies. A holder that is
alive and says nothing for a minute (a stopped process, a frozen machine) has its connection cut by whoever wants the
lease. All writes go over the same connection, so it then notices before it can write anything.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from danlu.core.event import Entry, decode_events, encode_events
from danlu.errors import Conflict, StoreError, StudyBusy
from danlu.stores.advisory import AdvisoryLeases
from danlu.stores.session import Session

if TYPE_CHECKING:
    from psycopg import Connection

_PAGE = 10_000  # rows that are read at a time
_COLUMNS = "danlu_journal (study, position, at, version, events, token)"
_INSERT = f"insert into {_COLUMNS} values (%s, %s, %s, %s, %s, %s)"
_INSERT_MANY = (
    f"insert into {_COLUMNS} select * from "
    "unnest(%s::text[], %s::bigint[], %s::float8[], %s::int[], %s::bytea[], %s::uuid[])"
)
_RESERVE = (
    f"insert into {_COLUMNS} select %s, coalesce(max(position), 0) + 1, 0, 0, '', %s from danlu_journal "
    "where study = %s on conflict do nothing returning position"
)
_READ = (
    "select position, at, events, version from danlu_journal where study = %s and position > %s and version > 0 "
    f"order by position limit {_PAGE}"
)
_STUDIES = """
with recursive found as (
    (select study from danlu_journal order by study limit 1)
    union all
    select (select study from danlu_journal where study > found.study order by study limit 1)
    from found where found.study is not null
)
select study from found where study is not null
"""  # a distinct would read every row

Row = tuple[str, int, float, int, bytes, uuid.UUID]


class Postgres:
    """Keeps journals in a PostgreSQL database.

    Attributes:
        url: of the database, as `libpq` takes it; its password stays in memory.
        clock: gives the time of entries; by default the server's, for clocks of several machines differ.
        patience: seconds for which a lost connection is tried again.
        stall: seconds without a sign of life after which a holder loses its leases to one who wants them.
    """

    def __init__(
        self, url: str, clock: Callable[[], float] | None = None, patience: float = 60.0, stall: float = 60.0
    ) -> None:
        self._clock, self.stall = clock, stall
        self._leases = AdvisoryLeases(stall)
        self._session = Session(url, patience, self._settled)
        self.url = self._session.url
        self._group: list[Row] | None = None
        self._reserved: tuple[str, int] | None = None
        self._closed = threading.Event()
        self._pulse: threading.Thread | None = None

    def now(self) -> float:
        if self._clock is not None:
            return self._clock()
        if self._session.skew is None:
            self._session.run(self._session.measure)
        assert self._session.skew is not None
        return time.monotonic() + self._session.skew

    def append(self, study: str, entry: Entry) -> None:
        row = (study, entry.position, entry.at, entry.version, encode_events(entry.events), uuid.uuid4())
        with self._session.lock:
            if self._group is not None:
                self._group.append(row)
            else:
                self._write([row])

    def read(self, study: str, after: int = 0) -> Iterator[Entry]:
        while True:  # page by page: a cursor would be lost with its connection
            position = after
            rows = self._session.run(lambda connection: _page(connection, study, position))  # noqa: B023
            for at_position, at, events, version in rows:
                yield Entry(at_position, at, decode_events(events, version), version)
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    def studies(self) -> list[str]:
        return self._session.run(lambda connection: [row[0] for row in connection.execute(_STUDIES)])

    def discard(self, study: str) -> None:
        self._session.run(lambda connection: connection.execute("delete from danlu_journal where study = %s", (study,)))

    @contextmanager
    def group(self) -> Iterator[None]:
        with self._session.lock:
            self._group = []
            try:
                yield
                rows, self._group = self._group, None
                if rows:
                    self._write(rows)
            finally:
                self._group = None

    @contextmanager
    def turn(self, study: str) -> Iterator[None]:
        with self._session.lock:
            self._session.run(lambda connection: self._reserve(connection, study))
            try:
                yield
            finally:
                self._give_up_turn()

    def claim(self, study: str, key: str, worker: str) -> None:
        self._lease(study, key, worker, shared=False)

    def join(self, study: str, key: str, worker: str) -> None:
        self._lease(study, key, worker, shared=True)

    def is_held(self, study: str, key: str) -> bool:
        return self._session.run(lambda connection: self._leases.is_held(connection, study, key))

    def release(self, study: str, key: str) -> None:
        with suppress(StoreError, StudyBusy):  # without a connection there is no lease either
            self._session.run(lambda connection: self._leases.release(connection, study, key))

    def close(self) -> None:
        self._closed.set()
        with self._session.lock:
            if self._leases.held and not self._session.is_lost:
                with suppress(StoreError, StudyBusy):  # now, and not when the server sees that the connection has ended
                    self._session.run(lambda connection: connection.execute("select pg_advisory_unlock_all()"))
            self._leases.forget()
            self._session.drop()

    # ----------------------------------------------------------------------------------------------------------------

    def _write(self, rows: list[Row]) -> None:
        """Writes rows, all or none."""
        is_repeated = False

        def write(connection: "Connection[Any]") -> bool:
            nonlocal is_repeated
            again, is_repeated = is_repeated, True
            return self._insert(connection, rows) or (again and _is_written(connection, rows))

        if not self._session.run(write):
            raise Conflict(f"entry {rows[0][1]} of {rows[0][0]!r} is taken; read what is new.")

    def _insert(self, connection: "Connection[Any]", rows: list[Row]) -> bool:
        """Whether the positions were free."""
        from psycopg.errors import UniqueViolation

        reserved, self._reserved = self._reserved, None
        try:
            if reserved is not None:
                connection.execute("delete from danlu_journal where study = %s and position = %s", reserved)
            if len(rows) == 1:
                connection.execute(_INSERT, rows[0])
            else:
                connection.execute(_INSERT_MANY, [list(column) for column in zip(*rows, strict=True)])
            if reserved is not None:
                connection.execute("commit")
        except BaseException as error:
            if reserved is not None and not connection.closed:
                connection.execute("rollback")
            if isinstance(error, UniqueViolation):
                return False
            raise
        return True

    def _reserve(self, connection: "Connection[Any]", study: str) -> None:
        """Writes an empty row at the next position, which others who want it wait for."""
        self._reserved = None
        # a process that is stopped in its turn must not stop all others
        connection.execute(f"begin; set local idle_in_transaction_session_timeout = {int(self.stall * 1000)}")
        while (row := connection.execute(_RESERVE, (study, uuid.uuid4(), study)).fetchone()) is None:
            pass  # somebody's append, which this one waited for, has come to its end
        self._reserved = (study, row[0])

    def _give_up_turn(self) -> None:
        if self._reserved is None:
            return
        self._reserved = None
        if not self._session.is_lost:
            with suppress(StoreError):
                self._session.run(lambda connection: connection.execute("rollback"))

    def _lease(self, study: str, key: str, worker: str, shared: bool) -> None:
        holder = self._session.run(lambda connection: self._leases.take(connection, study, key, worker, shared))
        if holder is not None:
            raise StudyBusy(
                f"the study {study!r} in {self.url} is being run by {holder}. Wait for it, or stop it. "
                f"(To add a config to it while it runs: `danlu try`.)"
            )
        if self._pulse is None:
            self._pulse = threading.Thread(target=self._beat, name="danlu-pulse", daemon=True)
            self._pulse.start()

    def _settled(self, connection: "Connection[Any]") -> None:
        """Takes the leases of the connection before this one over."""
        self._reserved = None
        lost = self._leases.renew(connection)
        if lost is not None:
            raise StudyBusy(
                f"the connection to {self.url} was lost, and meanwhile {lost} took the study over. "
                f"Nothing that was acknowledged is lost; run it again later."
            )

    def _beat(self) -> None:
        """Gives signs of life while leases are held, and takes them again soon after the connection was lost."""
        while not self._closed.wait(self.stall / 6):
            if self._leases.held and not self._closed.is_set():
                with suppress(StoreError, StudyBusy):  # whoever uses the store next is told
                    self._session.run(self._session.measure)


def _page(connection: "Connection[Any]", study: str, after: int) -> list[tuple[int, float, bytes, int]]:
    return connection.execute(_READ, (study, after), binary=True).fetchall()  # type: ignore[no-any-return]


def _is_written(connection: "Connection[Any]", rows: list[Row]) -> bool:
    """Whether these very rows are there: the connection was lost when they had been written."""
    study, position, *_, token = rows[0]
    query = "select 1 from danlu_journal where study = %s and position = %s and token = %s"
    return connection.execute(query, (study, position, token)).fetchone() is not None
