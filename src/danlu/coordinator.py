"""Coordinator: a process that keeps a runner busy with a study's trials, alone or side by side with others.

On a store that only one machine sees there is one coordinator at a time. On a `SharedStore` there may be several: each
holds a lease on every trial that it runs, and takes over those that are live and that nobody holds, for their
coordinator has died. Two that disagree on who holds a trial do no harm, since each attempt has its number: whoever
begins the next one first has it, and the study tells the other to stop. A trial that somebody asked for by hand
(`Study.ask`) has no lease: a coordinator that comes along takes it for left behind.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from danlu.core.stopping import StopRule
from danlu.core.store import SharedStore
from danlu.errors import StudyBusy
from danlu.study import Study

NEWS = 0.5  # seconds between looks at what other coordinators have done
_AGAIN = 2.0  # seconds between two looks at a trial that is not ours; one that is free at both was left behind
_OPENING = 30.0  # seconds to wait for another process that has the study for itself, to tidy up or copy it

_LEASE = "coordinator"

Find = Callable[[], frozenset[int]]
"""Takes up trials that go on running without a coordinator, and says which."""


class Alone:
    """The only coordinator of a study."""

    def __init__(self, study: Study) -> None:
        self._study = study

    def begin(self, find: Find) -> frozenset[int]:
        """Takes the study; returns what `find` found to be still running, which an earlier coordinator left.

        Raises:
            StudyBusy: another process has it.
        """
        self._study.store.claim(self._study.key, _LEASE, _name())
        try:
            self._study.refresh()
            found = find()
            self._study.tidy(found)
        except BaseException:
            self.end()
            raise
        return found

    def end(self) -> None:
        """Gives back what was taken of the study."""
        self._study.store.release(self._study.key, _LEASE)

    def left(self) -> Iterator[int]:
        """Live trials that were begun by a process that is gone, or lost their worker."""
        yield from self._study.history.live

    def take(self, number: int) -> bool:
        """Whether a trial is this coordinator's to run."""
        return True

    def give_back(self, number: int) -> None:
        """Its job has ended, one way or the other."""

    def look(self) -> None:
        """Reads what others have done."""

    def waits(self, until: StopRule) -> bool:
        """Whether something may be left to do when others have come to the end of their trials."""
        return False


class Together(Alone):
    """One of several coordinators; it tidies up if it is the first, and takes over what others left behind."""

    def __init__(self, study: Study, store: SharedStore) -> None:
        super().__init__(study)
        self._store = store
        self._held: set[int] = set()
        self._ours: set[int] = set()  # trials that nobody else can mean to run: we ran them, or were the first here
        self._seen: dict[int, tuple[float, bool]] = {}  # others' trials -> when they were looked at, and were free
        self._looked = 0.0

    def begin(self, find: Find) -> frozenset[int]:
        key, found = self._study.key, frozenset[int]()
        with suppress(StudyBusy):  # else others run trials, and what they are about to save would look forgotten
            self._store.claim(key, _LEASE, _name())
            try:
                self._ours = set(self._study.refresh().live)
                found = find()
                self._study.tidy(found)
            finally:
                self._store.release(key, _LEASE)
        deadline = time.monotonic() + _OPENING
        while True:
            try:
                self._store.join(key, _LEASE, _name())
                break
            except StudyBusy:
                if time.monotonic() > deadline:
                    raise
            time.sleep(NEWS / 5)
        self._study.refresh()
        return found

    def end(self) -> None:
        for number in list(self._held):
            self.give_back(number)
        super().end()

    def left(self) -> Iterator[int]:
        for number in self._study.history.live:
            if number not in self._held and (number in self._ours or self._is_abandoned(number)):
                yield number

    def _is_abandoned(self, number: int) -> bool:
        """Whether nobody has held a trial for a while: its coordinator may just have lost its connection."""
        now = time.monotonic()
        looked, was_free = self._seen.get(number, (-_AGAIN, False))
        if now - looked < _AGAIN:
            return False
        is_free = not self._store.is_held(self._study.key, _lease(number))
        self._seen[number] = now, is_free
        return is_free and was_free

    def take(self, number: int) -> bool:
        try:
            self._store.claim(self._study.key, _lease(number), _name())
        except StudyBusy:
            self._ours.discard(number)
            return False
        self._held.add(number)
        self._ours.add(number)
        if number in self._study.refresh().live:
            return True
        self.give_back(number)  # whoever held it until now has brought it to its end
        return False

    def give_back(self, number: int) -> None:
        if number in self._held:
            self._held.discard(number)
            self._store.release(self._study.key, _lease(number))

    def look(self) -> None:
        if time.monotonic() - self._looked >= NEWS:
            self._looked = time.monotonic()
            self._study.refresh()

    def waits(self, until: StopRule) -> bool:
        history = self._study.refresh()
        if until.over(history) is not None or not len(history.live):
            return False
        time.sleep(NEWS)
        self._study.refresh()
        return True


def coordinator_of(study: Study) -> Alone:
    """What a process is to others that run trials of the study."""
    return Together(study, study.store) if isinstance(study.store, SharedStore) else Alone(study)


def _lease(number: int) -> str:
    return f"trial-{number}"


def _name() -> str:
    return f"process {os.getpid()}"
