"""Rows: what a history holds for a surrogate, as vectors of a layout.

Source: Deb (2000), "An efficient constraint handling method for genetic algorithms", Comput. Methods Appl. Mech. Eng.
186: what misses a constraint comes after all that miss none, in order of the normalised violations' sum. (Optuna's TPE
orders trials alike.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danlu.core.history import History
from danlu.core.objective import Objective
from danlu.numerics.pareto import constrained_ranks, crowding
from danlu.strategies.layout import Bools, Floats, Layout

_FAILURES = 50  # the last ones: more would outnumber the trials that say where it is good


@dataclass(frozen=True, eq=False)
class Rows:
    """The trials of a history.

    Attributes:
        x: vectors of the trials with values for all objectives, in order of ending, shape (n, s).
        goals: their losses, one column an objective, shape (n, m).
        bounds: their constrained metrics minus the bounds, kept where ≤ 0, NaN where unknown; shape (n, c).
        violation: by how much they miss the constraints, in all; shape (n,).
        failed: vectors of the last failures, shape (f, s).
        pending: vectors of trials whose result is awaited, shape (q, s).
    """

    x: Floats
    goals: Floats
    bounds: Floats
    violation: Floats
    failed: Floats
    pending: Floats

    def __len__(self) -> int:
        return len(self.x)

    @property
    def losses(self) -> Floats:
        """Of the first objective, shape (n,)."""
        return self.goals[:, 0]

    @property
    def feasible(self) -> Bools:
        """Which of them keep all constraints, shape (n,)."""
        return np.asarray(self.violation <= 0.0)

    def best_first(self) -> NDArray[np.int64]:
        """Indices in order of merit, shape (n,).

        Those that keep the constraints by loss, then the others by violation. With several objectives by front, within
        a front the least crowded first.
        """
        if self.goals.shape[1] == 1:
            violation = np.where(self.feasible, 0.0, self.violation)
            return np.lexsort((self.losses, violation))
        rank = constrained_ranks(self.goals, self.violation)
        distance = np.zeros(len(rank))
        for front in range(int(rank.max(initial=-1)) + 1):
            distance[rank == front] = crowding(self.goals[rank == front])
        return np.lexsort((-distance, rank))


def rows_of(history: History, layout: Layout) -> Rows:
    """The rows of a history."""
    arrays = history.arrays()
    n, m, c = len(arrays.numbers), len(history.goals), len(history.constraints)
    losses, bounds = arrays.losses.reshape(n, m), arrays.bounds.reshape(n, c)
    valued = np.isfinite(losses).all(axis=1)
    x = layout.vectors(arrays.u) if n else np.empty((0, len(layout)))
    waiting = [history.space.encode(trial.config) for trial in [*history.pending, *history.paused]]
    pending = layout.vectors(np.array(waiting)) if waiting else np.empty((0, len(layout)))
    violation = violations(bounds[valued], history.constraints)
    return Rows(x[valued], losses[valued], bounds[valued], violation, x[~valued][-_FAILURES:], pending)


def violations(bounds: Floats, constraints: Sequence[Objective]) -> Floats:
    """By how much the constraints are missed: the excesses in shares of their bounds, summed; shape (n,).

    0 if all are kept, infinite if one of their metrics is unknown.

    Args:
        bounds: constrained metrics minus their bounds, shape (n, c).
        constraints: whose they are.
    """
    excess = np.maximum(bounds, 0.0) / [abs(o.bound or 1.0) for o in constraints]
    return np.where(np.isnan(excess).any(axis=1), np.inf, excess.sum(axis=1))


def since_progress(losses: Floats) -> tuple[int, int]:
    """Trials since the best fell by more than 1/200 of the good half's width, and since it fell at all."""
    least = 0.005 * (float(np.median(losses)) - float(losses.min()))
    best = reference = np.inf
    real = any_ = 0
    for k, loss in enumerate(losses.tolist()):
        if loss < reference - least or reference == np.inf:
            reference, real = loss, k
        if loss < best:
            best, any_ = loss, k
    return len(losses) - 1 - real, len(losses) - 1 - any_
