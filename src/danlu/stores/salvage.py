"""Salvage: all that can still be read of a damaged database, and of the tail beside it.

A journal is made of entries 1, 2, 3, ...: each is taken from the database, or else from the tail, up to the first that
neither has.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from danlu.core.event import VERSION, Entry, decode_events
from danlu.errors import StoreError
from danlu.stores.tail import Tail


class Damaged(StoreError):
    """A database can't be read, or entries are missing that it had."""


def salvage(path: Path, study: str) -> list[Entry]:
    """All entries from the first on that can still be read, up to the first that can't.

    Raises:
        StoreError: the journal is not damaged but of a later version.
    """
    tail = Tail(path).entries(study)
    entries: list[Entry] = []
    with _looked_up(path) as row:
        while entry := _entry(row(study, len(entries) + 1), tail.get(len(entries) + 1)):
            entries.append(entry)
    return entries


def salvage_all(path: Path, study: str) -> list[Entry]:
    """All entries of a damaged journal; none if not all can be read, or nothing tells how many there were.

    Raises:
        StoreError: the journal is not damaged but of a later version.
    """
    last = Tail(path).last(study)
    entries = salvage(path, study) if last else []
    return entries if len(entries) >= last else []


_Row = tuple[int, float, bytes, int]


def _entry(row: _Row | None, spare: Entry | None) -> Entry | None:
    """The entry of a row of the database; of the tail if there is no such row, or it makes no sense."""
    if row is None:
        return spare
    position, at, events, version = row
    if isinstance(version, int) and version > VERSION:
        decode_events(events, version)  # says which Danlu reads it
    try:
        return Entry(position, at, decode_events(events, version), version)
    except (StoreError, TypeError):
        return spare


@contextmanager
def _looked_up(path: Path) -> Iterator[Callable[[str, int], _Row | None]]:
    """Looks rows up one by one: a walk through the table would break off before the first behind a damaged page."""
    query = "select position, at, events, version from journal where study = ? and position = ?"
    with (
        tempfile.TemporaryDirectory(prefix="danlu-") as folder,  # a copy, because SQLite tidies up what it opens
        closing(sqlite3.connect(copied(path, Path(folder)))) as connection,
    ):

        def row(study: str, position: int) -> _Row | None:
            with suppress(sqlite3.Error):
                return connection.execute(query, (study, position)).fetchone()  # type: ignore[no-any-return]
            return None

        with suppress(sqlite3.Error):
            connection.execute("pragma writable_schema = on")  # without it SQLite opens no file that was cut short
        yield row


def copied(path: Path, folder: Path) -> Path:
    """A copy of a database in another folder, together with what its last writer had yet to put into the main file."""
    for part in companions(path):
        shutil.copyfile(part, folder / part.name)
    return folder / path.name


def put_in_place(fresh: Path, path: Path) -> None:
    """Puts a closed database, with its tail, where another one was."""
    os.replace(fresh, path)
    Tail(path).replace_by(Tail(fresh))


def companions(path: Path) -> list[Path]:
    """The files that hold a database: itself and its write-ahead log, as far as they exist."""
    return [part for part in (path, path.with_name(path.name + "-wal")) if part.exists()]
