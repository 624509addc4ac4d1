"""The ward: keeps trials away from devices and nodes that fail whatever they are given."""

from collections.abc import Iterable

from danlu.core.event import Started
from danlu.core.runner import Choosy, Ended, Failed, Runner, Signal
from danlu.core.suspect import Places, place_of, suspects
from danlu.core.trial import Status
from danlu.study import Study


class Ward:
    """Sets places aside that fail whatever they are given, and has their trials tried elsewhere.

    Attributes:
        places: what came of the trials of this run, wherever they ran.
    """

    def __init__(self, study: Study, runner: Runner) -> None:
        self.places = Places()
        self._study, self._runner = study, runner
        self._choosy = runner if isinstance(runner, Choosy) else None
        self._suspects: frozenset[str] = frozenset()
        self._seen = self.places
        self._told: set[str] = set()
        self._repeated: set[int] = set()

    def hear(self, signals: Iterable[Signal]) -> None:
        """What the study was told a moment ago."""
        for signal in signals:
            if isinstance(signal, (Started, Ended, Failed)):
                self._hear(signal)

    def _hear(self, signal: Started | Ended | Failed) -> None:
        trial = self._study.history.trials[signal.trial]
        place = place_of(trial.worker)
        if isinstance(signal, Failed):
            self.places = self.places.told(place, trial.number, signal.reason, signal.error)
        elif isinstance(signal, Ended):
            failed = trial.status is Status.FAILED
            self.places = self.places.told(place, trial.number, *((trial.reason, trial.error) if failed else ()))
        else:
            self.places = self.places.begun(place)

    def look(self) -> None:
        """Tells the runner where no more trials are to run."""
        if self._choosy is None or self.places is self._seen:
            return
        self._seen = self.places
        is_all = all(trial.attempt for trial in self._study.history.pending)
        now = suspects(self.places, is_all)
        if now != self._suspects:
            self._suspects = now
            self._choosy.avoid(now)
        for place in sorted(now):
            self._tell(place)
        for place in sorted(self._told - now):
            if not self.places.records[place].streak:
                self._told.discard(place)
                self._study.note(f"{place} is in use again: a trial ended well there")

    def relent(self) -> bool:
        """Takes all places again if there are no others; whether that was so."""
        if self._choosy is None or not self._suspects or self._runner.free() > 0:
            return False
        self._suspects = frozenset()
        self._choosy.avoid(self._suspects)
        return self._runner.free() > 0

    def _tell(self, place: str) -> None:
        record = self.places.records[place]
        again = [number for number in record.streak if self._repeat(number, place)]
        if place in self._told:
            return
        self._told.add(place)
        tried = f" Tried again elsewhere: {', '.join(map(str, again))}." if again else ""
        self._study.note(
            f"{place} is set aside, for the last {len(record.streak)} trials there failed; the first, {record.error}."
            f"{tried} It is given a trial again from time to time"
        )

    def _repeat(self, number: int, place: str) -> bool:
        """Asks for the config of a trial once more, if the place may be what failed it."""
        trial = self._study.history.trials[number]
        is_failed_there = trial.status is Status.FAILED and place_of(trial.worker) == place
        if number in self._repeated or not is_failed_there or trial.reason in ("out of memory", "timeout"):
            return False
        if trial.parent is not None or not self._study.history.is_inside(trial):  # its config alone is not all of it
            return False
        self._repeated.add(number)
        self._study.queue(trial.config, note=f"trial {number} failed on {place}")
        return True
