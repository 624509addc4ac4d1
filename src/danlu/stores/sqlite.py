"""SQLite: a journal in one file, for one machine.

Write-ahead logging: an append is one row in one transaction, which the operating system has when `append` returns. A
killed process loses nothing of it. A machine that loses its power may lose the last moments, never the file, unless
`durable` is set, which asks the disk at every transaction.

A page that is damaged later, by a disk or by somebody else, takes the entries on it along. The newest lie in a tail
beside the database once more (`stores.tail`): while only they are damaged, a journal reads as if it were whole, and the
next append puts it right.
"""

import errno
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from danlu.core.event import VERSION, Entry, Noted, decode_events, encode_events
from danlu.errors import Conflict, StoreError
from danlu.stores.lease import FileLeases
from danlu.stores.salvage import Damaged, copied, salvage_all
from danlu.stores.tail import Tail

_SCHEMA = """
create table if not exists journal (
    study text not null, position integer not null, at real not null, version integer not null, events blob not null,
    primary key (study, position)
) without rowid
"""
_FULL = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "No space", "quota", "too large")
_READ_ONLY = ("READONLY", "CANTOPEN", "Read-only", "Permission")
_DAMAGED = ("CORRUPT", "NOTADB", "IOERR", "no such table")
_PAGE = 10_000  # rows that are read at a time
_CAUGHT_UP = 1000  # entries at most that a tail is told of which it missed
_PATIENCE = 30  # seconds to wait for another process's write to end; writes take microseconds


class SQLite:
    """Keeps journals in an SQLite database. One on a read-only medium can be read.

    Attributes:
        path: of the database file; it is made, with its folder, at the first append.
        durable: whether each transaction also waits for the disk, which costs milliseconds and survives power loss.
    """

    def __init__(self, path: str | Path, durable: bool = False, clock: Callable[[], float] = time.time) -> None:
        self.path, self.durable, self.now = Path(path), durable, clock
        self._connection: sqlite3.Connection | None = None
        self._viewer: _Viewer | None = None
        self._lock = threading.RLock()
        self._leases = FileLeases(self.path)
        self._tail = Tail(self.path)
        self._followed: set[str] = set()  # studies of which the tail has the newest entries
        self._grouped: list[tuple[str, Entry]] | None = None  # what the tail is told when the group has ended
        self._looked: set[str] = set()  # studies whose end was found to be there
        self._damage: dict[str, Damaged] = {}  # studies that were read with the help of the tail

    def append(self, study: str, entry: Entry) -> None:
        row = (study, entry.position, entry.at, entry.version, encode_events(entry.events))
        self._put_right()
        with self._lock, self._explained():
            try:
                self._open().execute("insert into journal values (?, ?, ?, ?, ?)", row)
            except sqlite3.IntegrityError:
                raise Conflict(f"entry {entry.position} of {study!r} is taken; read what is new.") from None
            if self._grouped is None:
                self._follow(study, [entry])
            else:
                self._grouped.append((study, entry))

    def read(self, study: str, after: int = 0) -> Iterator[Entry]:
        last = after
        try:
            for entry in self.read_alone(study, after):
                yield entry
                last = entry.position
        except Damaged as damage:
            entries = salvage_all(self.path, study)
            if not entries:
                raise
            self._damage[study] = damage
            yield from entries[last:]

    def read_alone(self, study: str, after: int = 0) -> Iterator[Entry]:
        """As `read`, without the tail: what only that has is missing.

        Raises:
            Damaged: entries are missing, or can't be read.
        """
        if not self.path.exists():
            return
        self._check_end(study)
        query = (
            "select position, at, events, version from journal where study = ? and position > ? order by position "
            f"limit {_PAGE}"
        )
        if after == 0:
            with self._lock, self._explained():
                _check_whole(self._reading())
        rows: list[tuple[int, float, bytes, int]] = []
        while not rows or len(rows) == _PAGE:  # page by page, since a journal may be larger than memory
            with self._lock, self._explained():
                rows = self._reading().execute(query, (study, after)).fetchall()
            for row in rows:
                yield self._entry(*row)
            if not rows:
                return
            after = rows[-1][0]

    def studies(self) -> list[str]:
        if not self.path.exists():
            return []
        with self._lock, self._explained():
            return [row[0] for row in self._reading().execute("select distinct study from journal order by study")]

    @contextmanager
    def group(self) -> Iterator[None]:
        self._put_right()
        with self._lock:
            with self._explained():
                self._open().execute("begin immediate")
            self._grouped = []
            try:
                yield
                with self._explained():
                    self._open().execute("commit")
            except BaseException:
                # a full disk may already have ended the transaction
                if self._connection is not None and self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise
            else:
                with self._explained():
                    for study, entry in self._grouped:
                        self._follow(study, [entry])
            finally:
                self._grouped = None

    def claim(self, study: str, key: str, worker: str) -> None:
        self._leases.claim(study, key, worker)

    def release(self, study: str, key: str) -> None:
        self._leases.release(study, key)

    def close(self) -> None:
        with self._lock:
            self._let_go()
            self._leases.close()

    def _let_go(self) -> None:
        """Closes the files of the journal."""
        self._tail.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._viewer is not None:
            self._viewer.close()
            self._viewer = None

    def _follow(self, study: str, entries: list[Entry]) -> None:
        """Tells the tail of entries that the database has; the first time, of those before them as well."""
        if study not in self._followed:
            self._followed.add(study)
            first = entries[0].position
            after = max(self._tail.last(study), first - 1 - _CAUGHT_UP)
            with suppress(StoreError):  # what is damaged there was damaged before
                entries = [entry for entry in self.read_alone(study, after) if entry.position < first] + entries
        try:
            self._tail.append(study, entries)
        except OSError as error:
            # what is acknowledged is in both; a tail that can't be written for other reasons is not worth the study
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                self._followed.discard(study)
                raise

    def _check_end(self, study: str) -> None:
        """Raises at the first look if the tail has entries that the database hasn't: its log passes over damage."""
        if study in self._looked:
            return
        last = self._tail.last(study)  # first, since somebody may be appending
        with self._lock, self._explained():
            query = "select max(position) from journal where study = ?"
            if (self._reading().execute(query, (study,)).fetchone()[0] or 0) < last:
                raise sqlite3.DatabaseError("database disk image is malformed (SQLITE_CORRUPT): its end is missing")
        self._looked.add(study)

    def _entry(self, position: int, at: float, events: bytes, version: int) -> Entry:
        try:
            return Entry(position, at, decode_events(events, version), version)
        except StoreError as error:
            if version > VERSION:
                raise
            raise Damaged(str(error)) from error

    def _put_right(self) -> None:
        """Before the first append: puts a fresh database in the place of a damaged one, and says so in the journal."""
        while self._damage:
            from danlu.stores.repair import put_right, what  # which writes the fresh one with this module

            study, damage = next(iter(self._damage.items()))
            with self._lock, self._leases.held(study, "coordinator", "somebody who repairs it"):
                self._let_go()
                done = put_right(self.path, study, what(damage, self.path))
                del self._damage[study]
                self.append(study, Entry(done.kept + 1, self.now(), (Noted(str(done)),)))

    def _reading(self) -> sqlite3.Connection:
        """A connection that can at least read."""
        if self._connection is not None or self._viewer is None:
            try:
                return self._open()
            except sqlite3.OperationalError:  # the medium is read-only, or full; a damaged file is another error
                self._viewer = _Viewer(self.path)
        return self._viewer.connection

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=32
            )
            try:
                connection.execute("pragma trusted_schema = off")  # a database of somebody else may have views
                connection.execute("pragma journal_mode = wal")
                connection.execute(f"pragma synchronous = {'full' if self.durable else 'normal'}")
                connection.execute(_SCHEMA)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns SQLite's and the system's errors into ours, with what to do."""
        try:
            yield
        except sqlite3.Error as error:
            signs = _name(error) + str(error)
            kind = Damaged if any(sign in signs for sign in _DAMAGED) else StoreError
            raise kind(f"{self.path}: {error}. {_remedy(signs)}") from error
        except OSError as error:
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"{self.path}: {error.strerror or error}. {_remedy(str(error))}") from error


def _check_whole(connection: sqlite3.Connection) -> None:
    """Raises if rows are missing: SQLite passes over a page of noise if its first bytes happen to make sense.

    Positions are 1, 2, 3, ..., so the last one of a study is the number of its rows; noise makes studies of its own.
    """
    query = (
        "select 1 from (select max(position) as last, count(*) as rows from journal group by study) where last <> rows"
    )
    if connection.execute(query).fetchone():
        raise sqlite3.DatabaseError("database disk image is malformed (SQLITE_CORRUPT): entries are missing")


class _Viewer:
    """A journal seen without writing anything beside it."""

    def __init__(self, path: Path) -> None:
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        try:
            self.connection = _looked_at(f"{path.absolute().as_uri()}?mode=ro")
        except sqlite3.OperationalError:
            # a journal in write-ahead mode wants files beside it, even for reading, unless they are there already
            self._copy = tempfile.TemporaryDirectory(prefix="danlu-")
            self.connection = _looked_at(copied(path, Path(self._copy.name)).as_uri())

    def close(self) -> None:
        self.connection.close()
        if self._copy is not None:
            self._copy.cleanup()


def _looked_at(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("pragma query_only = on")
        connection.execute("select 1 from journal limit 1")
    except BaseException:
        connection.close()
        raise
    return connection


def _name(error: sqlite3.Error) -> str:
    return getattr(error, "sqlite_errorname", "")  # only errors of SQLite itself have one


def _remedy(message: str) -> str:
    if any(sign in message for sign in _FULL):
        return "Free some space and start again: nothing that was acknowledged is lost."
    if any(sign in message for sign in _READ_ONLY):
        return "Make the folder writable, or copy the study to a folder that is."
    if any(sign in message for sign in _DAMAGED):
        return "The file is damaged; `danlu doctor --repair FOLDER` saves all entries that can still be read."
    return "See `danlu doctor FOLDER`."
