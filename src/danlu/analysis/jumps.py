"""Jumps: curves that break where a trial went on from a checkpoint, or where a fork began with its parent's.

A checkpoint without the optimizer's state, or weights that were loaded into the wrong model, show in the curve: the
loss leaps up where the trial went on. How large a change is ordinary, the curves of the study say themselves: changes
from one report to the next, over all trials, at about the same step, where nothing was resumed.

A change for the worse is a jump if it

    exceeds   median + 6 · 1.4826 · MAD of ordinary changes     1.4826 · MAD estimates σ, whatever a few outliers do
    and undoes more than a quarter of what the trial had gained since its first report

The second rule keeps smooth curves, whose ordinary changes hardly differ, from being reported for nothing.

Source of the robust threshold: Leys, Ley, Klein, Bernard & Licata (2013), "Detecting outliers", J. Exp. Social
Psychology 49; 3 is their usual factor, and here it is 6, because a study has many places to be wrong about.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danlu.core.curve import Curve
from danlu.core.history import History
from danlu.core.objective import Objective
from danlu.core.trial import Trial

_FACTOR = 6
_SHARE = 0.25
_NEAR = 20  # ordinary changes from half to twice the step, if there are so many; else all
_FEW = 5  # ordinary changes below which nothing is said


@dataclass(frozen=True)
class Jump:
    """A place where a curve breaks.

    Attributes:
        trial: its number.
        step: after which it went on.
        parent: number of the trial whose checkpoint it was, if another's.
        metric: of the objective.
        before, after: its values at the last report before and at the first after.
    """

    trial: int
    step: int
    parent: int | None
    metric: str
    before: float
    after: float

    def __str__(self) -> str:
        where = f"went on at step {self.step}" if self.parent is None else f"was forked from trial {self.parent}"
        return (
            f"trial {self.trial} jumps from {self.metric} {self.before:.4g} to {self.after:.4g} after it {where}: does "
            f"what it loads restore the optimizer and the schedule as well?"
        )


def jumps(history: History) -> list[Jump]:
    """The breaks in the curves of the first objective, by trial and step."""
    objective = history.goals[0]
    places = [place for trial in history.trials for place in _places(history, trial, objective)]
    if not places:
        return []
    ordinary = np.array([c for trial in history.trials for c in _changes(trial, objective)]).reshape(-1, 2)
    return [found for place in places if (found := _judged(place, objective, ordinary)) is not None]


@dataclass(frozen=True)
class _Place:
    """Where a trial went on: its loss at first, before and after."""

    trial: Trial
    step: int
    parent: int | None
    first: float
    before: float
    after: float


def _places(history: History, trial: Trial, objective: Objective) -> Iterator[_Place]:
    steps, losses = _losses(trial.curve, objective)
    for step in trial.restarts:
        forked = trial.parent if trial.parent and step == trial.parent.step else None
        earlier, known = (steps, losses) if forked is None else _losses(history.trials[forked.trial].curve, objective)
        is_known, is_new = earlier <= step, steps > step
        if is_known.any() and is_new.any():
            before = known[is_known]
            number = None if forked is None else forked.trial
            yield _Place(trial, step, number, float(before[0]), float(before[-1]), float(losses[is_new][0]))


def _changes(trial: Trial, objective: Objective) -> Iterator[tuple[int, float]]:
    """(step, change) of each report after which nothing was resumed."""
    steps, losses = _losses(trial.curve, objective)
    for k in range(1, len(steps)):
        if not any(steps[k - 1] <= begin < steps[k] for begin in trial.restarts):
            yield int(steps[k]), float(losses[k] - losses[k - 1])


def _judged(place: _Place, objective: Objective, ordinary: NDArray[np.float64]) -> Jump | None:
    step = place.step + 1
    near = ordinary[(ordinary[:, 0] >= step / 2) & (ordinary[:, 0] <= 2 * step), 1]
    changes = near if len(near) >= _NEAR else ordinary[:, 1]
    if len(changes) < _FEW:
        return None
    middle = float(np.median(changes))
    spread = 1.4826 * float(np.median(np.abs(changes - middle)))
    change = place.after - place.before
    gained = max(place.first - place.before, 0.0)
    if change <= middle + _FACTOR * spread or change <= max(_SHARE * gained, 1e-12):
        return None
    return Jump(
        place.trial.number, place.step, place.parent, objective.metric,
        objective.sign * place.before, objective.sign * place.after,
    )  # fmt: skip


def _losses(curve: Curve, objective: Objective) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    values = curve[objective.metric]
    is_there = ~np.isnan(values)
    return curve.steps[is_there], objective.sign * values[is_there]
