"""Record: what trials were worth on the way and at the end, as rows for a model of all curves at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danlu.core.history import History
from danlu.core.trial import Status, Trial
from danlu.strategies.fidelity.rungs import values_at
from danlu.strategies.layout import Floats, Layout


@dataclass(frozen=True, eq=False)
class Record:
    """The losses on rungs, trial by trial.

    Attributes:
        numbers: of the trials, shape (n,).
        x: their vectors, shape (n, s); of trials outside of a space that was changed, they may lie outside too.
        tau: how far the training was, in [0, 1], shape (n,).
        losses: shape (n,); failed trials count as the worst of all, at the end.
    """

    numbers: NDArray[np.int64]
    x: Floats
    tau: Floats
    losses: Floats

    def __len__(self) -> int:
        return len(self.losses)

    def rows(self, which: NDArray[np.int64] | slice) -> "Record":
        """Some of the rows."""
        return Record(self.numbers[which], self.x[which], self.tau[which], self.losses[which])

    def agreement(self, tau: float, least: int) -> float | None:
        """How alike the losses at τ and at the end rank the trials that have both, in [−1, 1]; None for too few.

        Source: Kendall (1938), "A new measure of rank correlation", Biometrika 30, where it is called τ.
        """
        early, late = self.rows(self.tau == tau), self.rows(self.tau == 1.0)
        _, at_early, at_late = np.intersect1d(early.numbers, late.numbers, return_indices=True)
        n = len(at_early)
        if n < least:
            return None
        a, b = early.losses[at_early], late.losses[at_late]
        same = np.sign(a[:, None] - a) * np.sign(b[:, None] - b)
        return float(same.sum() / (n * (n - 1)))


def how_far(step: int, last: int) -> float:
    """τ of a step: on a logarithmic scale, for the first steps of a training change most."""
    return float(np.log1p(step) / np.log1p(last))


def record_of(history: History, layout: Layout, steps: tuple[int, ...]) -> Record:
    """The record of a study with one objective; empty as long as no trial has a finite loss.

    A call costs O(trials), and looks only at those that have changed since the last one.

    Args:
        history: of the study.
        layout: of the vectors.
        steps: the rungs, and the end.
    """
    known: dict[int, _Told] = history.memos.setdefault(("record", layout, steps), {})
    told = []
    for trial in history.trials:
        found = known.get(trial.number)
        if found is None or found.trial is not trial:
            found = known[trial.number] = _told(history, layout, trial, steps)
        if found.tau:
            told.append(found)
    losses = np.array([loss for each in told for loss in each.losses])
    finite = np.isfinite(losses)
    if not finite.any():
        return Record(np.empty(0, dtype=np.int64), np.empty((0, len(layout))), np.empty(0), np.empty(0))
    lengths = [len(each.tau) for each in told]
    return Record(
        np.repeat([each.trial.number for each in told], lengths),
        np.repeat([each.x for each in told], lengths, axis=0),
        np.array([tau for each in told for tau in each.tau]),
        np.minimum(losses, losses[finite].max()),
    )


@dataclass(frozen=True, eq=False)
class _Told:
    """What one trial tells, as it is now."""

    trial: Trial
    x: Floats
    tau: tuple[float, ...]
    losses: tuple[float, ...]


def _told(history: History, layout: Layout, trial: Trial, steps: tuple[int, ...]) -> _Told:
    rows = _rows(history, trial, steps)
    x = layout.vectors(history.place(trial)[None])[0] if rows else np.empty(0)
    return _Told(trial, x, tuple(tau for tau, _ in rows), tuple(loss for _, loss in rows))


def _rows(history: History, trial: Trial, steps: tuple[int, ...]) -> list[tuple[float, float]]:
    """(τ, loss) of each rung that it stands on."""
    if trial.status is Status.FAILED:
        return [(1.0, np.inf)]
    values = [(step, values_at(trial, step, history.goals)) for step in steps]
    rows = [(how_far(step, steps[-1]), value[0]) for step, value in values if value and np.isfinite(value[0])]
    if trial.status is Status.COMPLETE and trial.value is not None and (not rows or rows[-1][0] < 1.0):
        rows.append((1.0, trial.loss))  # told at the end, without a report
    return rows
