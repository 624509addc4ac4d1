"""Rows: what a history holds for a surrogate, as vectors of a layout.

Source: Deb (2000), "An efficient constraint handling method for genetic algorithms", Comput. Methods Appl. Mech. Eng.
186: what misses a constraint comes after all that miss none, in order of the normalised violations' sum. (Optuna's TPE
orders trials alike.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from danlu.core.history import History
from danlu.core.objective import Objective
from danlu.core.trial import Trial
from danlu.numerics.pareto import constrained_ranks, covering, crowding
from danlu.space import Config
from danlu.strategies.layout import Bools, Floats, Layout, layout_of
from danlu.strategies.same import Same, same_of

_MARGIN = 0.1  # between a front's worst and the reference that its volumes are measured from, in widths of the front
_FAILURES = 50  # the last ones: more would outnumber the trials that say where it is good


@dataclass(frozen=True, eq=False)
class Rows:
    """The trials of a history.

    Attributes:
        numbers: of the trials with values for all objectives, in order of ending, shape (n,).
        x: their vectors, shape (n, s).
        goals: their losses, one column an objective, shape (n, m).
        bounds: their constrained metrics minus the bounds, kept where ≤ 0, NaN where unknown; shape (n, c).
        violation: by how much they miss the constraints, in all; shape (n,).
        failed: vectors of the last failures, shape (f, s).
        pending: vectors of trials whose result is awaited, shape (q, s).
        inside: which of the trials with values are in the space as it is now, shape (n,); all vectors may lie outside
            of it where the space was changed.
    """

    numbers: NDArray[np.int64]
    x: Floats
    goals: Floats
    bounds: Floats
    violation: Floats
    failed: Floats
    pending: Floats
    inside: Bools

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

    @cached_property
    def same(self) -> Same:
        """Which of them are trials of one config."""
        return same_of(self.x)

    def best_first(self) -> NDArray[np.int64]:
        """Indices in order of merit, shape (n,).

        Those that keep the constraints by loss, then the others by violation. With several objectives by front, within
        a front the least crowded first.
        """
        if self.goals.shape[1] == 1 and self.feasible.all():
            return np.argsort(self.losses, kind="stable")
        if self.goals.shape[1] == 1:
            violation = np.where(self.feasible, 0.0, self.violation)
            return np.lexsort((self.losses, violation))
        rank = constrained_ranks(self.goals, self.violation)
        distance = np.zeros(len(rank))
        for front in range(int(rank.max(initial=-1)) + 1):
            distance[rank == front] = crowding(self.goals[rank == front])
        return np.lexsort((-distance, rank))

    def best(self, count: int) -> NDArray[np.int64]:
        """Indices of the best, shape (count,): as `best_first`, but the last front is thinned so that it stays wide.

        Its vectors are chosen to dominate as much as so few can. Crowding would keep all that is extreme, such as a
        trial that is best in one objective by a hair and worst in the others. Mean shortfall of TPE's hypervolume after
        100 trials on six problems of `benchmarks/front.py` (4 seeds): .43 by crowding, .35 so.
        """
        m = self.goals.shape[1]
        if not 2 <= m <= 3 or count < 1:  # of more objectives volumes take long
            return self.best_first()[:count]
        rank = constrained_ranks(self.goals, self.violation)
        last = int(np.sort(rank)[count - 1])
        front = np.flatnonzero(rank == last)
        before = np.flatnonzero(rank < last)
        losses = self.goals[front] - self.goals[front].min(axis=0)
        losses /= np.maximum(losses.max(axis=0), 1e-300)
        reference = np.full(m, 1.0 + _MARGIN)
        return np.concatenate([before, front[covering(losses, count - len(before), reference)]])


def rows_of(history: History, layout: Layout) -> Rows:
    """The rows of a history."""
    return _rows(history, layout, slice(None), [*history.pending, *history.paused])


def inside_rows_of(history: History, layout: Layout) -> Rows:
    """The rows of the trials in the space as it is now, for what can't learn from others."""
    waiting = [trial for trial in [*history.pending, *history.paused] if history.is_inside(trial)]
    return _rows(history, layout, history.arrays().inside, waiting)


def _rows(history: History, layout: Layout, ended: Bools | slice, waiting: Sequence[Trial]) -> Rows:
    """The rows of some of the finished trials, and of some whose result is awaited."""
    arrays = history.arrays()
    numbers, u, inside = arrays.numbers[ended], arrays.u[ended], arrays.inside[ended]
    n, m, c = len(numbers), len(history.goals), len(history.constraints)
    losses, bounds = arrays.losses[ended].reshape(n, m), arrays.bounds[ended].reshape(n, c)
    valued = np.isfinite(losses).all(axis=1)
    x = layout.vectors(u) if n else np.empty((0, len(layout)))
    awaited = [history.place(trial) for trial in waiting]
    pending = layout.vectors(np.array(awaited)) if awaited else np.empty((0, len(layout)))
    violation = violations(bounds[valued], history.constraints)
    failed = x[~valued][-_FAILURES:]
    return Rows(
        numbers[valued], x[valued], losses[valued], bounds[valued], violation, failed, pending, inside[valued]
    )  # fmt: skip


def incumbent_of(history: History, rows: Rows) -> Config:
    """The config of the best trial; of several objectives, or where none keeps the constraints, of the first in order.

    Of the trials in the space as it is now; if there are none, the config of the space that is nearest to the best.

    Args:
        history: with at least one row.
        rows: its rows.
    """
    if len(history.goals) == 1 and history.best is not None and history.is_inside(history.best):
        return history.best.config
    order = rows.best_first()
    if rows.inside.any():
        return history.trials[int(rows.numbers[order[rows.inside[order]][0]])].config
    return layout_of(history.space).config(rows.x[order[0]])


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
    losses = losses / max(1.0, float(np.abs(losses).max()) / 1e300)  # sums of greater ones are infinite
    least = 0.005 * (float(np.median(losses)) - float(losses.min()))
    best = reference = np.inf
    real = any_ = 0
    for k, loss in enumerate(losses.tolist()):
        if loss < reference - least or reference == np.inf:
            reference, real = loss, k
        if loss < best:
            best, any_ = loss, k
    return len(losses) - 1 - real, len(losses) - 1 - any_
