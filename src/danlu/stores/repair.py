"""Repair: a fresh database in the place of a damaged one."""

import os
from dataclasses import dataclass
from pathlib import Path

from danlu.core.event import Entry
from danlu.core.history import opened
from danlu.errors import SpaceError, StoreError
from danlu.stores.lease import FileLeases
from danlu.stores.salvage import companions, put_in_place, salvage
from danlu.stores.sqlite import SQLite
from danlu.stores.tail import Tail


@dataclass(frozen=True)
class Repaired:
    """What a repair did.

    Attributes:
        path: of the journal.
        kept: number of entries that it has now.
        damaged: where the damaged file lies; None if there was no damage, and nothing was done.
        why: what was wrong, in words.
        is_whole: whether the tail shows that nothing is lost.
    """

    path: Path
    kept: int
    damaged: Path | None = None
    why: str = ""
    is_whole: bool = True

    def __str__(self) -> str:
        if self.damaged is None:
            return f"{self.path}: nothing to repair, all {self.kept} entries can be read."
        saved = f"The first {self.kept} entries were saved; what came after them is lost."
        if self.is_whole:
            saved = f"All {self.kept} entries were saved."
        return f"{self.path}: {self.why}. {saved} The damaged file is kept as {self.damaged.name}."


def repair(path: Path, study: str) -> Repaired:
    """Puts a fresh journal in the place of a damaged one: all entries before the first that can't be had.

    The damaged file is kept beside it as journal.damaged-1.db, -2, ...; a journal that is whole is left alone.

    Raises:
        StoreError: there is no journal, not a single entry can be read, or the folder can't be written.
        StudyBusy: somebody runs the study.
    """
    if not path.exists():
        raise StoreError(f"{path}: there is no journal to repair.")
    leases = FileLeases(path)
    if (why := fault(path, study)) is None:
        return Repaired(path, len(salvage(path, study)))
    leases.claim(study, "coordinator", "danlu doctor --repair")
    try:
        return put_right(path, study, why)
    finally:
        leases.close()


def put_right(path: Path, study: str, why: str) -> Repaired:
    """As `repair`, for who runs the study and knows what is wrong with its journal."""
    entries = _sound(salvage(path, study))
    if not entries:
        raise StoreError(
            f"{path}: not one entry can be read ({why}), so nothing was changed. Restore it from a copy. The files "
            f"that trials left are not touched by this."
        )
    last = Tail(path).last(study)
    try:
        return Repaired(path, len(entries), _replaced(path, study, entries), why, 0 < last <= len(entries))
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{path}: {error.strerror or error}. Make the folder writable.") from error


def fault(path: Path, study: str) -> str | None:
    """What is wrong with a journal; None if it is whole."""
    store = SQLite(path)
    try:
        history = None
        for entry in store.read_alone(study):  # one by one: a journal may be larger than memory
            try:
                history = opened(entry) if history is None else history.apply(entry)
            except (StoreError, SpaceError):
                return "an entry does not follow from those before it"
        return "it is empty" if history is None else None
    except StoreError as error:
        return what(error, path)
    finally:
        store.close()


def what(error: StoreError, path: Path) -> str:
    """What is wrong, without where and what to do."""
    return str(error).removeprefix(f"{path}: ").split(". ")[0]


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
    for part in (*companions(fresh), *Tail(fresh).files):
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
    put_in_place(fresh, path)
    return damaged
