"""Rungs: the steps at which trials are compared, and what single trials reported there; `ladder` is who stands where.

    rungs(1, 52, eta=3)  ->  (1, 3, 9, 27)         a trial that got to 52 has ended, and is compared no more

A trial stands on a rung from its first report at or beyond that step on, with the losses of that report, whatever it
reports later. Where a training reports every fifth step only, the rung of step 3 is its report at step 5; where it
reports the objective every fifth step and other metrics in between, likewise (`Trial.arrival`).
"""

from collections.abc import Sequence

import numpy as np

from danlu.core.history import History
from danlu.core.objective import Objective
from danlu.core.trial import Trial
from danlu.errors import StrategyError


def rungs(first: int, last: int, eta: float) -> tuple[int, ...]:
    """Steps first · eta^k below `last`, ascending; each is a rung of its own, however small eta is."""
    found: list[int] = []
    k = 0
    while (level := round(first * eta**k)) < last:
        if not found or level > found[-1]:
            found.append(level)
        k += 1
    return tuple(found)


def full_training(history: History, last: int | None, name: str) -> int:
    """The step at which a training is complete.

    Raises:
        StrategyError: neither the strategy nor the study says it.
    """
    steps = last if last is not None else history.steps
    if steps is None:
        raise StrategyError(f"{name}: how many steps is a full training? Pass steps=30, say, as in trial.steps(30).")
    return steps


def check_rungs(name: str, first: int, last: int, eta: float) -> None:
    """Raises `StrategyError` if there are no such rungs."""
    if not 1 <= first <= last:
        raise StrategyError(f"{name}: first must be from 1 to the steps of a full training, {last}; got {first}.")
    if not eta > 1:
        raise StrategyError(f"{name}: eta must be more than 1, got {eta}. 3 keeps the best third of each rung.")


def values_at(trial: Trial, level: int, objectives: Sequence[Objective]) -> tuple[float, ...] | None:
    """The losses of all objectives, constrained ones too, with which it arrived at a step; None before it."""
    k = trial.arrival(level)
    if k is None:
        return None
    return tuple(loss_at(trial, k, objective) for objective in objectives)


def reached(trial: Trial, levels: Sequence[int]) -> int | None:
    """Index of the highest rung that the last report was the first to reach; None if it reached none."""
    last = len(trial.curve) - 1
    return next((k for k in range(len(levels) - 1, -1, -1) if trial.arrival(levels[k]) == last), None)


def highest(trial: Trial, levels: Sequence[int]) -> int:
    """Index of the highest rung that a trial stands on; −1 for none."""
    return max((k for k, level in enumerate(levels) if trial.arrival(level) is not None), default=-1)


def loss_at(trial: Trial, k: int, objective: Objective) -> float:
    """Last known by a trial's k-th report; where the best report counts, the best so far; infinite if there is none."""
    if objective.at == "best":
        losses = [objective.loss(v) for v in trial.curve[objective.metric][: k + 1].tolist() if v == v]
        return min(losses, default=np.inf)
    value = trial.curve.first(k + 1).last(objective.metric)
    return np.inf if value is None else objective.loss(value)
