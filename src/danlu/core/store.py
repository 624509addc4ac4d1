"""Store: where entries are kept.

store.append("study", Entry(1, ...)); store.append("study", Entry(2, ...))
store.append("study", Entry(2, ...))     raises Conflict: somebody was first
[entry.position for entry in store.read("study", after=1)]  ->  [2]
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from danlu.core.event import Entry


class Store(Protocol):
    """Keeps the journals of one or more studies. When `append` has returned, a killed process loses nothing of it."""

    def now(self) -> float:
        """Seconds since 1970, UTC."""

    def append(self, study: str, entry: Entry) -> None:
        """Appends one entry, all of it or nothing.

        Raises:
            Conflict: the position is taken.
            StoreError: it can't be written: disk full, read-only, damaged.
        """

    def read(self, study: str, after: int = 0) -> Iterator[Entry]:
        """The entries behind a position, in order."""

    def studies(self) -> list[str]:
        """Names of the studies that have entries."""

    def group(self) -> AbstractContextManager[None]:
        """Appends inside the context are made durable together, when it ends; if it fails, none of them is.

        Raises:
            Conflict: a position is taken. A store may find that out at the end of the context only.
        """

    def claim(self, study: str, key: str, worker: str) -> None:
        """Takes a lease, which ends when it is released or when this process dies.

        Raises:
            StudyBusy: somebody alive holds it; the message says who.
        """

    def release(self, study: str, key: str) -> None:
        """Gives a lease back."""

    def close(self) -> None:
        """Gives back files and connections."""


@runtime_checkable
class SharedStore(Store, Protocol):
    """A store on which several coordinators run the trials of one study, on several machines.

    with store.turn("study"):
        for entry in store.read("study", after=7): ...
        store.append("study", Entry(8, ...))     nobody else can have been first
    """

    def join(self, study: str, key: str, worker: str) -> None:
        """Takes a lease that others may join, and that nobody can claim meanwhile.

        Raises:
            StudyBusy: somebody has claimed it.
        """

    def is_held(self, study: str, key: str) -> bool:
        """Whether somebody alive holds a lease."""

    def discard(self, study: str) -> None:
        """Removes a journal, such as a copy that came to nothing."""

    def turn(self, study: str) -> AbstractContextManager[None]:
        """Others' appends to a study wait until the context has appended something, a group at most, or ends."""
