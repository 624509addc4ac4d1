"""Rows: what a history holds for a surrogate, as vectors of a layout.

Source: Deb (2000), "An efficient constraint handling method for genetic algorithms", Comput. Methods Appl. Mech. Eng.
186: what misses a constraint comes after all that miss none, in order of the normalised violations' sum. (Optuna's TPE
orders trials alike.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danlu.core.history import Arrays, History
from danlu.core.objective import Objective
from danlu.core.shared import grown
from danlu.core.trial import Trial
from danlu.numerics.pareto import constrained_ranks, covering, crowding
from danlu.space import Config
from danlu.strategies.layout import Bools, Floats, Layout, layout_of
from danlu.strategies.same import Same, same_of

_MARGIN = 0.1  # between a front's worst and the reference that its volumes are measured from, in widths of the front
_LEADERS = 25  # the best that are kept up to date: TPE asks for no more
_FAILURES = 50  # the last ones: more would outnumber the trials that say where it is good
AWAITED = 100
"""Pending trials that a model is told of, the newest: among so many, what is tried next keeps away from what runs."""


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
        pending: vectors of the newest trials whose result is awaited, shape (q, s), q ≤ 100.
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
    """The rows of a history; a call costs O(trials that finished since the last one)."""
    arrays = history.arrays()
    n, table = len(arrays.numbers), _table(history, arrays, layout)
    failed = int(table.failures.searchsorted(n))
    numbers, x, goals, bounds, violation = (_view(array, 0, n - failed) for array in table.valued)
    # where all are inside, any of them will do: `delete` takes 10 µs
    inside = np.delete(arrays.inside, table.failures[:failed]) if history.has_outside else arrays.inside[: n - failed]
    pending = vectors_of(history, layout, history.awaited(AWAITED))
    last = _view(table.failed, max(failed - _FAILURES, 0), failed)
    return Rows(numbers, x, goals, bounds, violation, last, pending, inside)


def inside_rows_of(history: History, layout: Layout) -> Rows:
    """The rows of the trials in the space as it is now, for what can't learn from others."""
    if not history.has_outside:
        return rows_of(history, layout)
    arrays = history.arrays()
    numbers = arrays.numbers[arrays.inside]
    n, m, c = len(numbers), len(history.goals), len(history.constraints)
    # before anything has ended, the columns don't know yet how many they are
    losses, bounds = arrays.losses[arrays.inside].reshape(n, m), arrays.bounds[arrays.inside].reshape(n, c)
    valued = np.isfinite(losses).all(axis=1)
    x = layout.vectors(arrays.u[arrays.inside].reshape(n, len(history.space)))
    waiting = [trial for trial in history.awaited(AWAITED) if history.is_inside(trial)]
    violation = violations(bounds[valued], history.constraints)
    return Rows(
        numbers[valued], x[valued], losses[valued], bounds[valued], violation, x[~valued][-_FAILURES:],
        vectors_of(history, layout, waiting), np.ones(int(valued.sum()), dtype=bool),
    )  # fmt: skip


def vectors_of(history: History, layout: Layout, trials: Sequence[Trial]) -> Floats:
    """Of trials, shape (n, s)."""
    if not trials:
        return np.empty((0, len(layout)))
    return layout.vectors(np.array([history.place(trial) for trial in trials]))


@dataclass(frozen=True, eq=False)
class _Table:
    """The rows of the first finished trials, those with values apart from the others.

    Attributes:
        seen: how many finished trials there are.
        valued: numbers, x, goals, bounds and violation as in `Rows`, in arrays with room for more.
        failures: which of the finished trials have no values, shape (f,).
        failed: their vectors, shape (f, s).
    """

    seen: int
    valued: tuple[NDArray[Any], ...]
    failures: NDArray[np.int64]
    failed: Floats


def _table(history: History, arrays: Arrays, layout: Layout) -> _Table:
    """The table of at least all finished trials; there may be more, of a history that goes on from this one."""
    table: _Table = history.memos.get(("rows", layout)) or _empty(history, layout)
    if table.seen < len(arrays.numbers):
        table = history.memos["rows", layout] = _extended(table, history, arrays, layout)
    return table


def _empty(history: History, layout: Layout) -> _Table:
    widths = (len(layout),), (len(history.goals),), (len(history.constraints),), ()
    valued = (np.empty(0, dtype=np.int64), *(np.empty((0, *width)) for width in widths))
    return _Table(0, valued, np.empty(0, dtype=np.int64), np.empty((0, len(layout))))


def _extended(table: _Table, history: History, arrays: Arrays, layout: Layout) -> _Table:
    seen, failures, failed = table.seen, table.failures, table.failed
    x, losses, bounds = layout.vectors(arrays.u[seen:]), arrays.losses[seen:], arrays.bounds[seen:]
    new: list[NDArray[Any]] = [arrays.numbers[seen:], x, losses, bounds, violations(bounds, history.constraints)]
    is_valued = np.isfinite(losses).all(axis=1)
    begin = seen - len(failures)
    if not is_valued.all():
        failures = np.concatenate([failures, seen + np.flatnonzero(~is_valued)])
        failed = np.concatenate([failed, x[~is_valued]])
        new = [rows[is_valued] for rows in new]
    valued = tuple(_joined(array, begin, rows) for array, rows in zip(table.valued, new, strict=True))
    return _Table(len(arrays.numbers), valued, failures, failed)


def _joined(array: NDArray[Any], begin: int, rows: NDArray[Any]) -> NDArray[Any]:
    """An array with these rows from `begin` on; the same one where it has room.

    Older tables may lie in it, of which no row is touched. Whoever else writes here writes the same.
    """
    end = begin + len(rows)
    if end > len(array):
        array = grown(array, begin, max(64, 2 * end))
    array[begin:end] = rows
    return array


def _view(array: NDArray[Any], begin: int, end: int) -> NDArray[Any]:
    view = array[begin:end]
    view.flags.writeable = False
    return view


def leading(history: History, rows: Rows, count: int) -> NDArray[np.int64]:
    """As `rows.best(count)`, of the rows of a history; up to 25 cost O(trials that finished since the last call)."""
    if rows.goals.shape[1] > 1 or count > _LEADERS or history.has_outside:
        return rows.best(count)
    n, known = len(rows), history.memos.get("leading")
    if known is None or known[0] > n:
        known = 0, np.empty(0, dtype=np.int64)
    # the best of the first trials and all that came later: among them are the best of all
    candidates = np.concatenate([np.sort(known[1]), np.arange(known[0], n)])
    order = np.lexsort((rows.losses[candidates], np.maximum(rows.violation[candidates], 0.0)))
    best = candidates[order[:_LEADERS]]
    history.memos["leading"] = n, best
    return best[:count]


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
    if not constraints:
        return np.zeros(len(bounds))
    excess = np.maximum(bounds, 0.0) / [abs(o.bound or 1.0) for o in constraints]
    return np.where(np.isnan(excess).any(axis=1), np.inf, excess.sum(axis=1))


def since_progress(losses: Floats) -> tuple[int, int]:
    """Trials since the best fell by more than 1/200 of the good half's width, and since it fell at all."""
    losses = losses / max(1.0, float(np.abs(losses).max()) / 1e300)  # sums of greater ones are infinite
    least = 0.005 * (float(np.median(losses)) - float(losses.min()))
    falls = np.flatnonzero(losses[1:] < np.minimum.accumulate(losses)[:-1]) + 1
    real, reference = 0, float(losses[0])
    # what falls so far below the last real fall is below all between them, or one of those had been real before
    for k in falls.tolist():
        if losses[k] < reference - least:
            reference, real = float(losses[k]), k
    return len(losses) - 1 - real, len(losses) - 1 - (int(falls[-1]) if len(falls) else 0)
