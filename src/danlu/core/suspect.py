"""Suspect: which devices or nodes fail whatever they are given, judged by what came of the trials of one run.

One bad node is quick: it fails a trial in seconds, while the good ones train for hours, and takes the next. So a place
is suspected as soon as its failures in a row would be a rare accident anywhere else, or before anything is known of the
others. It is not given up: after ten results elsewhere it has another trial, then after twenty, forty, ...

    places = places.told("cuda:1", 7, "exception", "RuntimeError: CUDA error: ...")
    suspects(places)     frozenset({"cuda:1"})
"""

import builtins
import math
import re
from collections.abc import Mapping

import msgspec

replace = msgspec.structs.replace

_LEAST = 3  # failures in a row that are held against a place; fewer happen to anybody
_CHANCE = 0.01  # that it is an accident: a bad place gets 12 to 20 of 500 trials, a good one rests for 1 to 5 %
_REST = 10  # results elsewhere until it is tried again; twice as many after each further failure
_SAME = 20  # failures in a row with the same error, on all places: a full disk made 10,000 of them (wandb#4628)
_WEIGHTS = {
    "diverged": 0.0,  # what can compute a NaN works
    "metric": 0.0,
    "artifact": 0.0,
    "preempted": 0.0,
    "timeout": 0.5,  # more often the config's fault than the place's
    "out of memory": 0.5,
}


class Record(msgspec.Struct, frozen=True):
    """What came of the trials of one place.

    Attributes:
        results: trials that came to an end, one way or the other.
        successes: trials that ended well.
        failures: weight of those that failed before the last success.
        streak: trial -> weight of those that failed since; a trial counts once, however often it is tried.
        error: of the first of them.
        at: how many results there were in all when it last failed.
        tries: how often it failed when it had been found bad already.
    """

    results: int = 0
    successes: int = 0
    failures: float = 0.0
    streak: Mapping[int, float] = {}
    error: str = ""
    at: int = 0
    tries: int = 0

    @property
    def weight(self) -> float:
        """Of its failures in a row."""
        return sum(self.streak.values())


class Repeated(msgspec.Struct, frozen=True):
    """The error that the last failures had in common.

    Attributes:
        text: of the error, without its numbers.
        trials: that had it.
        first: of them, in words.
    """

    text: str = ""
    trials: frozenset[int] = frozenset()
    first: str = ""


class Places(msgspec.Struct, frozen=True):
    """All places that had trials in this run.

    Attributes:
        records: by name of the place; "" for workers without one.
        results: how many trials came to an end.
        repeated: what the last failures had in common.
    """

    records: Mapping[str, Record] = {}
    results: int = 0
    repeated: Repeated = Repeated()

    def begun(self, place: str) -> "Places":
        """A trial began there."""
        return self if place in self.records else replace(self, records={**self.records, place: Record()})

    def told(self, place: str, number: int, reason: str = "", error: str = "") -> "Places":
        """An attempt at a trial came to an end there: well, if there is no reason."""
        record = self.records.get(place, Record())
        record = replace(record, results=record.results + 1)
        what = f"trial {number}: {reason}: {error}"
        if not reason:
            successes, failures = record.successes + 1, record.failures + record.weight
            record = replace(record, successes=successes, failures=failures, streak={}, error="", tries=0)
        elif weight := _WEIGHTS.get(reason, 1.0):
            streak = {**record.streak, number: weight}
            tries = record.tries + _is_bad(self, place)
            record = replace(record, streak=streak, error=record.error or what, at=self.results + 1, tries=tries)
        repeated = self._repeated(number, error, what) if _is_of_the_machine(reason, error) else Repeated()
        return Places({**self.records, place: record}, self.results + 1, repeated)

    def _repeated(self, number: int, error: str, what: str) -> Repeated:
        text = re.sub(r"\d+", "#", error)  # a path names its trial, an obituary its process
        if text != self.repeated.text:
            return Repeated(text, frozenset({number}), what)
        return replace(self.repeated, trials=self.repeated.trials | {number})


def place_of(worker: str) -> str:
    """The device or node in a worker's name: "cuda:1" of "process 4711 on cuda:1"; "" if it names none."""
    return worker.rpartition(" on ")[2] if " on " in worker else ""


def suspects(places: Places, is_all: bool = True) -> frozenset[str]:
    """The places that get no trials for now; none if that would be all there are.

    Args:
        places: those that had trials.
        is_all: whether there are no others, where trials are about to begin.
    """
    found = {place for place, record in places.records.items() if _rests(places, record) and _is_bad(places, place)}
    return frozenset() if is_all and len(found) == len(places.records) else frozenset(found)


def _rests(places: Places, record: Record) -> bool:
    return places.results - record.at < _REST << record.tries


def _is_bad(places: Places, place: str) -> bool:
    """Whether its failures in a row are hardly an accident, as often as trials fail otherwise."""
    weight = places.records[place].weight if place in places.records else 0.0
    if not place or weight < _LEAST:
        return False
    successes = sum(record.successes for record in places.records.values())
    failures = sum(record.failures + record.weight for record in places.records.values()) - weight
    rate: float = (failures + 1) / (failures + successes + 2)
    return math.pow(rate, weight) <= _CHANCE


def is_undecided(places: Places) -> bool:
    """Whether a place that is still busy with its first trial has yet to show if it does better than the others."""
    return any(not record.results for record in places.records.values())


def hopeless(places: Places) -> str | None:
    """How all trials come to fail, wherever they run, in words; None if there is hope."""
    count = len(places.repeated.trials)
    if count < _SAME:
        return None
    return f"the last {count} trials all failed alike, so no more were started. The first, {places.repeated.first}"


def _is_of_the_machine(reason: str, error: str) -> bool:
    """Whether a failure is one that says little about a config: a worker that died, or an error of the system."""
    kind = getattr(builtins, error.partition(":")[0], None)
    is_system = isinstance(kind, type) and issubclass(kind, OSError)
    return reason in ("died", "silent") or (reason == "exception" and is_system)
