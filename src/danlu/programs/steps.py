"""Steps: which of a program's counts is the step of a metric.

A line may say `epoch 3 step 250`. The step of a metric is the largest unit that stands on its line (if none does, of
those that stood before), so a validation once an epoch is told by epochs. When it comes a second time in one epoch, it
has its step from the smaller count from then on (the first reading alone was told by the epoch). A smaller count that
begins again in each epoch is counted on.

Epochs that begin at 0 are told from 1 on, for what is measured after epoch 0 is measured after one epoch: a budget of
ten epochs is reached at `epoch 9`. Steps and iterations are told as they are: nanoGPT's step 0 has trained nothing.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from danlu.programs.naming import normal
from danlu.programs.reading import Reading

_EPOCHS = ("epoch", "epochs_done", "current_epoch", "ep", "round", "episode", "generation", "gen")
_STEPS = (
    *("step", "global_step", "iter", "iteration", "it", "training_iteration", "num_updates"),
    *("update", "total_timesteps", "timesteps_total", "timestep", "train_step", "training_step", "tick"),
)
_PARTS = ("batch", "minibatch", "batch_idx")
_RANKS = {name: rank for rank, names in enumerate((_EPOCHS, _STEPS, _PARTS)) for name in names}
_LIMIT = 2**53


def count(name: str) -> str | None:
    """The count that a name stands for, which can be a step: `trainer/global_step` is `global_step`."""
    return next((n for n in (normal(name), normal(name.rpartition("/")[2])) if n in _RANKS), None)


def parted(record: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """The counts and the metrics among what a program wrote together."""
    counts: dict[str, float] = {}
    metrics: dict[str, float] = {}
    for name, value in record.items():
        unit = count(name)
        if unit is not None:
            counts[unit] = value
        elif plain := normal(name):
            metrics[plain] = value
    return counts, metrics


def rank(name: str) -> int:
    """0 for the largest unit (epochs), 1 for steps of the optimiser, 2 for parts of an epoch."""
    return _RANKS[name]


@dataclass
class _Unit:
    """How one metric is counted.

    Attributes:
        name: of the count that is its step; None once that was no whole number, for good.
        last: the counts with which it came last.
        done: what a count that begins again had come to in earlier epochs.
    """

    name: str | None
    last: dict[str, float]
    done: int = 0


@dataclass
class Steps:
    """Follows the counts with which each metric comes; see above."""

    _units: dict[str, _Unit] = field(default_factory=dict)
    _first: dict[str, float] = field(default_factory=dict)

    def readings(
        self, counts: Mapping[str, float], metrics: Mapping[str, float], before: Mapping[str, float] | None = None
    ) -> list[Reading]:
        """What came together, with the step of each metric; those of one step are one reading.

        Args:
            counts: that came with the metrics.
            metrics: that came.
            before: counts that came earlier and still hold.
        """
        together: dict[int | None, dict[str, float]] = {}
        for metric, value in metrics.items():
            together.setdefault(self.step(metric, counts, before or {}), {})[metric] = value
        return [Reading(step, values) for step, values in together.items()]

    def step(
        self, metric: str, counts: Mapping[str, float], before: Mapping[str, float] = MappingProxyType({})
    ) -> int | None:
        """The step of a metric that has just come with these counts, while the earlier ones still hold."""
        held = {**before, **counts}
        for name, value in held.items():
            self._first.setdefault(name, value)
        if metric not in self._units:
            self._units[metric] = _Unit(min(counts or held, key=rank, default=None), held)
        unit = self._units[metric]
        self._refine(unit, held, sorted(held, key=rank))
        unit.last = held
        return self._told(unit, held)

    def _refine(self, unit: _Unit, counts: Mapping[str, float], names: list[str]) -> None:
        """Takes a smaller unit once the same metric comes twice in the larger; counts on where it begins again."""
        if unit.name is None or unit.name not in counts or unit.name not in unit.last:
            return
        now, before = counts[unit.name], unit.last[unit.name]
        if now == before and unit.last != counts:
            smaller = [n for n in names if rank(n) > rank(unit.name) and unit.last.get(n, math.inf) < counts[n]]
            unit.name = smaller[0] if smaller else unit.name
        elif now < before and any(unit.last.get(n, math.inf) < counts[n] for n in names if rank(n) < rank(unit.name)):
            unit.done += int(before)

    def _told(self, unit: _Unit, counts: Mapping[str, float]) -> int | None:
        if unit.name is None or unit.name not in counts:
            return None
        value = counts[unit.name]
        if value != value or not 0 <= value < _LIMIT or value != int(value):
            unit.name = None
            return None
        from_zero = rank(unit.name) == 0 and self._first.get(unit.name) == 0
        return int(value) + from_zero + unit.done
