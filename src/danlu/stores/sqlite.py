"""SQLite: a journal in one file, for one machine.

Write-ahead logging: an append is one row in one transaction, which the operating system has when `append` returns. A
killed process loses nothing of it. A machine that loses its power may lose the last moments, never the file, unless
`durable` is set, which asks the disk at every transaction.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from danlu.core.event import Entry, decode_events, encode_events
from danlu.errors import Conflict, StoreError, StudyBusy
from danlu.stores.lease import FileLeases

_SCHEMA = """
create table if not exists journal (
    study text not null, position integer not null, at real not null, version integer not null, events blob not null,
    primary key (study, position)
) without rowid
"""
_PATIENCE = 30  # seconds to wait for another process's write to end; writes take microseconds


class SQLite:
    """Keeps journals in an SQLite database.

    Attributes:
        path: of the database file; it is made, with its folder, at the first append.
        durable: whether each transaction also waits for the disk, which costs milliseconds and survives power loss.
    """

    def __init__(self, path: str | Path, durable: bool = False, clock: Callable[[], float] = time.time) -> None:
        self.path, self.durable, self.now = Path(path), durable, clock
        self._connection: sqlite3.Connection | None = None
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
        query = "select position, at, events, version from journal where study = ? and position > ? order by position"
        with self._lock, self._explained():
            rows = self._open().execute(query, (study, after)).fetchall()
        for position, at, events, version in rows:
            yield Entry(position, at, decode_events(events, version), version)

    def studies(self) -> list[str]:
        if not self.path.exists():
            return []
        with self._lock, self._explained():
            return [row[0] for row in self._open().execute("select distinct study from journal order by study")]

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
            self._leases.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=32
            )
            try:
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
            raise StoreError(f"{self.path}: {error}. {_remedy(str(error))}") from error
        except OSError as error:
            if isinstance(error, (StoreError, StudyBusy)):
                raise
            raise StoreError(f"{self.path}: {error.strerror or error}. {_remedy(str(error))}") from error


def _remedy(message: str) -> str:
    if "full" in message or "No space" in message:
        return "Free some space and start again: nothing that was acknowledged is lost."
    if "readonly" in message or "Read-only" in message or "Permission" in message or "unable to open" in message:
        return "Make the folder writable, or copy the study to a folder that is."
    if "malformed" in message or "not a database" in message or "disk I/O" in message:
        return "The file is damaged; `danlu doctor --repair FOLDER` saves all entries that can still be read."
    return "See `danlu doctor FOLDER`."


def salvage(path: Path, study: str) -> list[Entry]:
    """All entries from the first on that can still be read from a damaged database, up to the first gap."""
    entries: list[Entry] = []
    query = "select at, events, version from journal where study = ? and position = ?"
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        while row := connection.execute(query, (study, len(entries) + 1)).fetchone():
            at, events, version = row
            entries.append(Entry(len(entries) + 1, at, decode_events(events, version), version))
        connection.close()
    except (sqlite3.Error, StoreError):
        pass  # what comes behind the damage is out of reach
    return entries
