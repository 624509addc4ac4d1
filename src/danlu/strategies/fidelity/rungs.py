"""Rungs: the steps at which trials are compared, and how they stood there.

    rungs(1, 52, eta=3)  ->  (1, 3, 9, 27)         a trial that got to 52 has ended, and is compared no more

A trial stands on a rung from its first report at or beyond that step on, with the losses of that report, whatever it
reports later. Where a training reports every fifth step only, the rung of step 3 is its report at step 5; where it
reports the objective every fifth step and other metrics in between, likewise (`Trial.arrival`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danlu.core.history import History
from danlu.core.objective import Objective
from danlu.core.trial import Trial
from danlu.errors import StrategyError
from danlu.numerics.pareto import constrained_ranks, crowding
from danlu.strategies.layout import Floats
from danlu.strategies.rows import violations


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


@dataclass(frozen=True, eq=False)
class Standing:
    """Who stands on a rung.

    Attributes:
        numbers: of the trials, shape (n,).
        losses: of the objectives, shape (n, m).
        violation: by how much they miss the constraints, shape (n,).
    """

    numbers: NDArray[np.int64]
    losses: Floats
    violation: Floats

    def __len__(self) -> int:
        return len(self.numbers)

    def best(self, count: int) -> list[int]:
        """Numbers of the best, the best first, earlier trials before equal later ones.

        Those that keep the constraints come first, the others by violation; with several objectives in the order of
        fronts, within a front the least crowded first.
        """
        return [int(k) for k in self.numbers[order_of(self.losses, self.violation)[:count]]]


def standing(history: History, level: int, keep: Callable[[Trial], bool] = lambda trial: True) -> Standing:
    """Who stands on the rung at a step, among the trials that are to be kept."""
    found = [
        (trial.number, values)
        for trial in history.trials
        if keep(trial) and (values := values_at(trial, level, history.objectives)) is not None
    ]
    goals = [k for k, o in enumerate(history.objectives) if o.bound is None]
    bounds = [k for k, o in enumerate(history.objectives) if o.bound is not None]
    all_losses = np.array([values for _, values in found]).reshape(len(found), len(history.objectives))
    excess = all_losses[:, bounds] - [o.loss(o.bound or 0.0) for o in history.constraints]
    numbers = np.array([number for number, _ in found], dtype=np.int64)
    return Standing(numbers, all_losses[:, goals], violations(excess, history.constraints))


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


def order_of(losses: Floats, violation: Floats) -> NDArray[np.int64]:
    """Indices in order of merit, the best first, shape (n,); see `Standing.best`."""
    if losses.shape[1] == 1:
        return np.lexsort((losses[:, 0], np.maximum(violation, 0.0)))
    rank = constrained_ranks(losses, violation)
    distance = np.zeros(len(rank))
    for front in range(int(rank.max(initial=-1)) + 1):
        distance[rank == front] = crowding(losses[rank == front])
    return np.lexsort((-distance, rank))
