"""Copying a study from one place to another: between SQLite in a folder, a database, and a file of JSON lines.

The journal comes out the same, entry by entry, and is read back and compared before the copy becomes a study: the file
is renamed, or journal.toml written, at the very end. What a copy that was cut off leaves is no study.
"""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path

from danlu import catalogue
from danlu.core.event import Entry
from danlu.core.history import fold
from danlu.core.store import SharedStore, Store
from danlu.errors import Conflict, StoreError, StudyError
from danlu.records.address import KEY, Address, address_in, address_of, write_address
from danlu.records.definition import write_definition
from danlu.records.folder import Folder
from danlu.stores.jsonl import export_journal
from danlu.stores.salvage import put_in_place

_TOGETHER = 5_000  # entries that are written at a time


@dataclass(frozen=True)
class Copied:
    """What was copied.

    Attributes:
        entries: of the journal.
        files: number of those that lie beside it.
        where: the journal is now, in words.
    """

    entries: int
    files: int
    where: str


@dataclass(frozen=True)
class _Place:
    """A study that can be read: its journal in a store, and its folder, if it has one."""

    store: Store
    key: str
    folder: Path | None

    def read(self) -> Iterator[Entry]:
        return self.store.read(self.key)


def copy_study(source: str | Path, target: Path, url: str | None = None) -> Copied:
    """Copies a study that nobody runs at the moment; the original stays as it is.

    Args:
        source: its folder; or a .jsonl file; or the URL of a database with the study's name after a #.
        target: a folder that is to be; or a .jsonl file, which holds the journal and no other files.
        url: of the database that the journal of the copy goes to; SQLite in the folder if not given.

    Raises:
        StudyError: there is something in the way, or no study.
        StudyBusy: somebody runs it.
        StoreError: something can't be read or written, or was not read back as it was written.
    """
    if _is_lines(target) and url is not None:
        raise StudyError(f"{target} is a file, which can't have its journal in a database. Name a folder.")
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise StudyError(f"{str(target)!r} is there already. Choose another place, or remove it.")
    place = _place(source)
    try:
        with _held(place):
            if next(place.read(), None) is None:
                raise StudyError(f"{str(source)!r} holds no study: its journal is empty, or is none.")
            return _copied(place, target, url)
    finally:
        place.store.close()


def _copied(place: _Place, target: Path, url: str | None) -> Copied:
    if _is_lines(target):
        try:
            export_journal(place.read(), target)
            lines: Store = catalogue.load("store", "jsonl")(target)
            return Copied(_compared(place.read(), lines.read(KEY), target), 0, str(target))
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    was_there = target.exists()
    try:
        files = _files(place.folder, target)
        if place.folder is None:
            write_definition(Folder(target), fold(place.read()))
        entries, where = _to_database(place, target, url) if url else _to_file(place, target)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        if was_there:
            target.mkdir()
        raise
    return Copied(entries, files, where)


def _to_file(place: _Place, target: Path) -> tuple[int, str]:
    path = Folder(target).journal
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    store = catalogue.load("store", "sqlite")(partial, durable=True)
    try:
        entries = _written(place, store, KEY, partial)
    finally:
        store.close()  # which puts all of it into the one file
    put_in_place(partial, path)
    return entries, str(path)


def _to_database(place: _Place, target: Path, url: str) -> tuple[int, str]:
    address = address_in(target, url)
    assert address is not None
    store = address.opened()
    if next(store.read(address.study), None) is not None:
        store.close()
        raise StudyError(f"there is a study at {address} already. Choose another name.")
    try:
        entries = _written(place, store, address.study, address)
        write_address(target, address)
    except Conflict:
        raise StudyError(f"another process has begun a study at {address}. Choose another name.") from None
    except BaseException:
        if isinstance(store, SharedStore):
            store.discard(address.study)
        raise
    finally:
        store.close()
    return entries, str(address)


def _written(place: _Place, store: Store, key: str, where: Path | Address) -> int:
    """Writes the journal into a store, and reads it back; returns the number of entries."""
    rest = place.read()
    while entries := list(islice(rest, _TOGETHER)):
        with store.group():
            for entry in entries:
                store.append(key, entry)
    return _compared(place.read(), store.read(key), where)


def _compared(one: Iterable[Entry], other: Iterable[Entry], where: Path | Address) -> int:
    count = 0
    for count, (was, now) in enumerate(zip_longest(one, other), start=1):
        if was != now:
            raise StoreError(
                f"{where}: entry {count} was not read back as it was written, so the copy was given up. The original "
                f"is as it was. Is the disk whole (danlu doctor)?"
            )
    return count


def _files(source: Path | None, target: Path) -> int:
    """Copies all that lies beside the journal; returns how many files there are."""
    target.mkdir(parents=True, exist_ok=True)
    if source is None:
        return 0
    skipped = shutil.ignore_patterns("journal.db*", "journal.toml", ".journal.*")
    try:
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=skipped)
    except (OSError, shutil.Error) as error:
        raise StoreError(f"{source} can't be copied to {target}: {error}.") from error
    return sum(path.is_file() for path in target.rglob("*"))


def _place(source: str | Path) -> _Place:
    if "://" in str(source):
        address = address_of(str(source), None)
        if not str(source).endswith(f"#{address.study}"):
            raise StudyError(
                f"a database may hold many studies: add #NAME to its URL. There are: "
                f"{', '.join(address.opened().studies()) or 'none'}."
            )
        return _Place(address.opened(), address.study, None)
    path = Path(source)
    if _is_lines(path):
        return _Place(catalogue.load("store", "jsonl")(path), KEY, None)
    known = address_in(path, None)
    if known is not None:
        return _Place(known.opened(), known.study, path)
    return _Place(catalogue.load("store", "sqlite")(Folder(path).journal), KEY, path)


def _is_lines(path: Path) -> bool:
    return path.suffix == ".jsonl"


@contextmanager
def _held(place: _Place) -> Iterator[None]:
    with suppress(StoreError):  # on a read-only medium nobody can run it either
        place.store.claim(place.key, "coordinator", "danlu copy")
    try:
        yield
    finally:
        place.store.release(place.key, "coordinator")
