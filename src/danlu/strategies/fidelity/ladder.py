"""Ladder: who stands on which rung, in columns that a call reads anew only for trials that changed since the last one.

    rungs 1, 3, 9     top     losses           paused
    trial 0             2     .9  .7  .6       False
          1             0     .8               True
          2            −1                      False     it has not reported yet

A study's ladder is a memo, found by its lineage: losing it costs time and changes nothing. It is brought into step with
whatever history asks for it, trial by trial: one that began again at an earlier checkpoint stands lower than before.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danlu.core.history import History
from danlu.core.objective import Objective
from danlu.core.reaching import reaching
from danlu.core.shared import Vector, grown
from danlu.core.strategy import Strategy
from danlu.core.trial import Status, Trial
from danlu.numerics.pareto import constrained_ranks, crowding
from danlu.strategies.fidelity.rungs import loss_at
from danlu.strategies.layout import Bools, Floats
from danlu.strategies.rows import violations

Ints = NDArray[np.int64]
Objectives = tuple[Objective, ...]


class _Columns:
    """What is known of each trial, by its place in the history; with room for more."""

    def __init__(self, levels: tuple[int, ...], goals: Objectives, constraints: Objectives) -> None:
        self.levels, self.goals, self.constraints = levels, goals, constraints
        self.trials: Vector[Trial] = Vector()
        self.numbers = np.empty(0, dtype=np.int64)
        self.top = np.empty(0, dtype=np.int16)  # bytes are compared 8 times as fast as numbers of full length
        self.paused, self.ended, self.complete, self.default = (np.empty(0, dtype=bool) for _ in range(4))
        self.losses = [np.empty((0, len(goals))) for _ in levels]
        self.violation = [np.empty(0) for _ in levels]

    def follow(self, trials: Vector[Trial]) -> None:
        """Brings them into step with these trials."""
        self._make_room(len(trials))
        for k in trials.changes(self.trials):
            known = self.trials[k] if k < len(self.trials) else None
            self._read(k, trials[k], known)
        self.trials = trials

    def _make_room(self, count: int) -> None:
        old = len(self.numbers)
        if count <= old:
            return
        room = max(64, 2 * count)
        for name in ("numbers", "top", "paused", "ended", "complete", "default"):
            setattr(self, name, grown(getattr(self, name), old, room))
        self.losses = [grown(losses, old, room) for losses in self.losses]
        self.violation = [grown(violation, old, room) for violation in self.violation]

    def _read(self, k: int, trial: Trial, known: Trial | None) -> None:
        self.numbers[k], self.default[k] = trial.number, trial.origin == "default"
        self.paused[k], self.ended[k] = trial.status is Status.PAUSED, trial.is_finished
        self.complete[k] = trial.status is Status.COMPLETE
        top = int(self.top[k]) if known is not None and known.curve.begins(trial.curve) else -1
        while top + 1 < len(self.levels) and (place := trial.arrival(self.levels[top + 1])) is not None:
            top += 1
            self.losses[top][k] = [loss_at(trial, place, goal) for goal in self.goals]
            self.violation[top][k] = self._violation(trial, place) if self.constraints else 0.0
        self.top[k] = top

    def _violation(self, trial: Trial, place: int) -> float:
        excess = [loss_at(trial, place, o) - o.loss(o.bound or 0.0) for o in self.constraints]
        return max(float(violations(np.array([excess]), self.constraints)[0]), 0.0)


@dataclass(frozen=True, eq=False)
class Ladder:
    """Who stands where in one history; made by `ladder_of`. Its arrays are views that hold until the next call.

    Attributes:
        levels: steps of the rungs, ascending.
        numbers: of the trials, shape (n,).
        top: the highest rung that each stands on, −1 for none, shape (n,).
        paused, ended, complete: how they are, shape (n,).
        default: which of them the person began with, shape (n,).
        losses, violation: of the objectives, and by how much the constraints are missed, at least 0; arrays
            of shapes (n, m) and (n,) for each rung, which hold for those on it.
        is_constrained: whether there are constraints.
    """

    levels: tuple[int, ...]
    numbers: Ints
    top: NDArray[np.int16]
    paused: Bools
    ended: Bools
    complete: Bools
    default: Bools
    losses: list[Floats]
    violation: list[Floats]
    is_constrained: bool

    def __len__(self) -> int:
        return len(self.numbers)

    def place(self, trial: Trial) -> int:
        """Index of a trial."""
        return int(self.numbers.searchsorted(trial.number))

    def waiting(self, rung: int, count: int) -> Bools:
        """Which trials are paused on a rung, the highest of `count` that they stand on, shape (n,)."""
        return np.asarray(self.paused & (self.top >= rung if rung == count - 1 else self.top == rung))

    def best(self, rung: int, among: Bools, count: int) -> list[int]:
        """Indices of the best of those among whom to look, the best first, earlier trials before equal later ones.

        Those that keep the constraints come first, the others by violation; with several objectives in the order of
        fronts, within a front the least crowded first.
        """
        rows = np.flatnonzero(among)
        order = _order(self.losses[rung][rows], self.violation[rung][rows])
        found: list[int] = rows[order[:count]].tolist()
        return found

    def is_among_best(self, k: int, rung: int, among: Bools, count: int) -> bool:
        """Whether the k-th trial is one of `best(rung, among, count)`."""
        if self._is_ranked_by_fronts:
            return k in self.best(rung, among, count)
        loss, violation = self.losses[rung][:, 0], self.violation[rung]
        before = among & (loss < loss[k])
        before[:k] |= among[:k] & (loss[:k] == loss[k])
        if self.is_constrained:
            before = (before & (violation == violation[k])) | (among & (violation < violation[k]))
        return int(np.count_nonzero(before)) < count

    def first(self, rung: int, waiting: Bools, among: Bools, count: int) -> int | None:
        """The first of `best(rung, among, count)` that waits; None if none does."""
        if self._is_ranked_by_fronts:
            return next((k for k in self.best(rung, among, count) if waiting[k]), None)
        rows = np.flatnonzero(waiting & among)
        if not len(rows):
            return None
        if self.is_constrained:
            violation = self.violation[rung][rows]
            rows = rows[violation == violation.min()]
        k = int(rows[self.losses[rung][rows, 0].argmin()])
        return k if self.is_among_best(k, rung, among, count) else None

    @property
    def _is_ranked_by_fronts(self) -> bool:
        return bool(self.losses[0].shape[1] > 1)


def _order(losses: Floats, violation: Floats) -> NDArray[np.int64]:
    """Indices in order of merit, the best first, shape (n,); see `Ladder.best`."""
    if losses.shape[1] == 1:
        return np.lexsort((losses[:, 0], np.maximum(violation, 0.0)))
    rank = constrained_ranks(losses, violation)
    distance = np.zeros(len(rank))
    for front in range(int(rank.max(initial=-1)) + 1):
        distance[rank == front] = crowding(losses[rank == front])
    return np.lexsort((-distance, rank))


def ladder_of(history: History, levels: tuple[int, ...]) -> Ladder:
    """The ladder of a history; a call costs O(trials that changed since the last one), and a glance at the others."""
    key = "ladder", levels
    columns: _Columns = history.memos.setdefault(key, _Columns(levels, history.goals, history.constraints))
    columns.follow(history.trials)
    n, c = len(history.trials), columns
    return Ladder(
        levels, c.numbers[:n], c.top[:n], c.paused[:n], c.ended[:n], c.complete[:n], c.default[:n],
        [losses[:n] for losses in c.losses], [violation[:n] for violation in c.violation], bool(c.constraints),
    )  # fmt: skip


def seen_by(inner: Strategy, history: History, levels: tuple[int, ...], last: int) -> History:
    """What a strategy that knows nothing of steps is shown: trials by their losses on one and the same rung.

    It is the highest one on which more trials stand than there are hyperparameters, and those that have not reached it
    count as pending. (Falkner, Klein & Hutter 2018, BOHB, section 3.2.) A strategy to which results are all the same is
    shown them all.
    """
    if not inner.learns:
        return history.without_steps()
    steps = (*levels, last)
    ladder = ladder_of(history, steps)
    enough = len(history.space) + 1
    there = (k for k in range(len(levels), 0, -1) if np.count_nonzero(ladder.complete | (ladder.top >= k)) >= enough)
    return reaching(history, steps[next(there, 0)]).without_steps()
