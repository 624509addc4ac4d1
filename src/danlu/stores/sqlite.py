"""SQLite: a journal in one file, for one machine.

Write-ahead logging: an append is one row in one transaction, which the operating system has when `append` returns. A
killed process loses nothing of it. A machine that loses its power may lose the last moments, never the file, unless
`durable` is set, which asks the disk at every transaction.
"""

import os
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from danlu.core.event import VERSION, Entry, decode_events, encode_events
from danlu.core.history import opened
from danlu.errors import Conflict, SpaceError, StoreError
from danlu.stores.lease import FileLeases

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

    def append(self, study: str, entry: Entry) -> None:
        row = (study, entry.position, entry.at, entry.version, encode_events(entry.events))
        with self._lock, self._explained():
            try:
                self._open().execute("insert into journal values (?, ?, ?, ?, ?)", row)
            except sqlite3.IntegrityError:
                raise Conflict(f"entry {entry.position} of {study!r} is taken; read what is new.") from None

    def read(self, study: str, after: int = 0) -> Iterator[Entry]:
        if not self.path.exists():
            return
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
            for position, at, events, version in rows:
                yield Entry(position, at, decode_events(events, version), version)
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
        with self._lock:
            with self._explained():
                self._open().execute("begin immediate")
            try:
                yield
                with self._explained():
                    self._open().execute("commit")
            except BaseException:
                # a full disk may already have ended the transaction
                if self._connection is not None and self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise

    def claim(self, study: str, key: str, worker: str) -> None:
        self._leases.claim(study, key, worker)

    def release(self, study: str, key: str) -> None:
        self._leases.release(study, key)

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            if self._viewer is not None:
                self._viewer.close()
                self._viewer = None
            self._leases.close()

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
            raise StoreError(f"{self.path}: {error}. {_remedy(_name(error) + str(error))}") from error
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


def copied(path: Path, folder: Path) -> Path:
    """A copy of a database in another folder, together with what its last writer had yet to put into the main file."""
    for part in companions(path):
        shutil.copyfile(part, folder / part.name)
    return folder / path.name


def companions(path: Path) -> list[Path]:
    """The files that hold a database: itself and its write-ahead log, as far as they exist."""
    return [part for part in (path, path.with_name(path.name + "-wal")) if part.exists()]


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


def salvage(path: Path, study: str) -> list[Entry]:
    """All entries from the first on that can still be read from a damaged database, up to the first that can't.

    Raises:
        StoreError: the journal is not damaged but of a later version.
    """
    entries: list[Entry] = []
    for position, at, events, version in _readable_rows(path, study):
        if isinstance(version, int) and version > VERSION:
            decode_events(events, version)  # says which Danlu reads it
        try:
            entries.append(Entry(position, at, decode_events(events, version), version))
        except (StoreError, TypeError):
            break  # what comes behind the damage would hang in the air
    return entries


def _readable_rows(path: Path, study: str) -> list[tuple[int, float, bytes, int]]:
    query = "select position, at, events, version from journal where study = ? and position = ?"
    rows: list[tuple[int, float, bytes, int]] = []
    with (
        tempfile.TemporaryDirectory(prefix="danlu-") as folder,  # a copy, because SQLite tidies up what it opens
        suppress(sqlite3.Error),
        closing(sqlite3.connect(copied(path, Path(folder)))) as connection,
    ):
        connection.execute("pragma writable_schema = on")  # without it SQLite opens no file that was cut short
        # one by one: a walk through the whole table would break off before the first row behind a damaged page
        while row := connection.execute(query, (study, len(rows) + 1)).fetchone():
            rows.append(row)
    return rows


@dataclass(frozen=True)
class Repaired:
    """What a repair did.

    Attributes:
        path: of the journal.
        kept: number of entries that it has now.
        damaged: where the damaged file lies; None if there was no damage, and nothing was done.
        why: what was wrong, in words.
    """

    path: Path
    kept: int
    damaged: Path | None = None
    why: str = ""

    def __str__(self) -> str:
        if self.damaged is None:
            return f"{self.path}: nothing to repair, all {self.kept} entries can be read."
        return (
            f"{self.path}: {self.why}. The first {self.kept} entries were saved; what came after them is lost. "
            f"The damaged file is kept as {self.damaged.name}."
        )


def repair(path: Path, study: str) -> Repaired:
    """Puts a fresh journal in the place of a damaged one: all entries before the first that can't be read.

    The damaged file is kept beside it as journal.damaged-1.db, -2, ...; a journal that is whole is left alone.

    Raises:
        StoreError: there is no journal, not a single entry can be read, or the folder can't be written.
        StudyBusy: somebody runs the study.
    """
    if not path.exists():
        raise StoreError(f"{path}: there is no journal to repair.")
    entries = _sound(salvage(path, study))
    why = _fault(path, study)
    if why is None:
        return Repaired(path, len(entries))
    if not entries:
        raise StoreError(
            f"{path}: not one entry can be read ({why}), so nothing was changed. Restore it from a copy. The files "
            f"that trials left are not touched by this."
        )
    leases = FileLeases(path)
    leases.claim(study, "coordinator", "danlu doctor --repair")
    try:
        return Repaired(path, len(entries), _replaced(path, study, entries), why)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{path}: {error.strerror or error}. Make the folder writable.") from error
    finally:
        leases.close()


def _fault(path: Path, study: str) -> str | None:
    """What is wrong with a journal; None if it is whole."""
    store = SQLite(path)
    try:
        entries = list(store.read(study))
        if len(_sound(entries)) < len(entries):
            return "an entry does not follow from those before it"
        return None if entries else "it is empty"
    except StoreError as error:
        return str(error).removeprefix(f"{path}: ").split(". ")[0]
    finally:
        store.close()


def _sound(entries: list[Entry]) -> list[Entry]:
    """The entries up to the first that contradicts those before it."""
    try:
        history = opened(entries[0] if entries else None)
    except (StoreError, SpaceError):
        return []
    for count, entry in enumerate(entries[1:], start=1):
        try:
            history = history.apply(entry)
        except StoreError:
            return entries[:count]
    return entries


def _replaced(path: Path, study: str, entries: list[Entry]) -> Path:
    """Writes the fresh journal beside the damaged one, then changes places; returns where the damaged one went."""
    fresh = path.with_name(f"{path.stem}.repaired{path.suffix}")
    for part in companions(fresh):
        part.unlink()  # of a repair that was cut off
    store = SQLite(fresh, durable=True)
    with store.group():
        for entry in entries:
            store.append(study, entry)
    store.close()
    numbers = (k for k in range(1, 1_000_000) if not path.with_name(f"{path.stem}.damaged-{k}{path.suffix}").exists())
    damaged = path.with_name(f"{path.stem}.damaged-{next(numbers)}{path.suffix}")
    for part in companions(path):
        os.replace(part, part.with_name(part.name.replace(path.name, damaged.name)))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)  # an index of the old log: must not meet the new file
    os.replace(fresh, path)
    return damaged
