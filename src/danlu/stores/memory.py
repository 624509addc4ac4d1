"""Memory: a journal that ends with its process."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from danlu.core.event import Entry
from danlu.errors import Conflict, StudyBusy


class Memory:
    """Keeps entries in lists.

    Attributes:
        clock: gives the time of entries, in seconds since 1970; a simulation passes its own.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.now = clock
        self._entries: dict[str, list[Entry]] = {}
        self._leases: dict[tuple[str, str], str] = {}

    def append(self, study: str, entry: Entry) -> None:
        entries = self._entries.setdefault(study, [])
        if entry.position != len(entries) + 1:
            raise Conflict(f"entry {entry.position} of {study!r} is taken: the journal is at {len(entries)}.")
        entries.append(entry)

    def read(self, study: str, after: int = 0) -> Iterator[Entry]:
        yield from self._entries.get(study, [])[after:]

    def studies(self) -> list[str]:
        return sorted(self._entries)

    @contextmanager
    def group(self) -> Iterator[None]:
        lengths = {study: len(entries) for study, entries in self._entries.items()}
        try:
            yield
        except BaseException:
            for study, entries in self._entries.items():
                del entries[lengths.get(study, 0) :]
            raise

    def claim(self, study: str, key: str, worker: str) -> None:
        holder = self._leases.get((study, key))
        if holder is not None:
            raise StudyBusy(f"study {study!r} is being run by {holder}.")
        self._leases[study, key] = worker

    def release(self, study: str, key: str) -> None:
        self._leases.pop((study, key), None)

    def close(self) -> None:
        """Nothing to give back."""
