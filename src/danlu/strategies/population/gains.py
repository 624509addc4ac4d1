"""Gains: what each interval of a population's trainings brought, by config and time; what PB2 learns from.

A gain is by how much the loss fell from one level to the next. Early ones are far larger than late ones, whatever the
config, and whoever begins worse gains more easily: so gains are told apart among those of one level only, where they
are ranked after what a straight line through the losses that they began from explains.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from danlu.core.history import History
from danlu.core.trial import Trial
from danlu.strategies.fidelity.rungs import values_at
from danlu.strategies.layout import Floats, Layout
from danlu.strategies.population.members import Rules

ROWS = 300
"""The latest ones that are learned from, at most."""


@dataclass(frozen=True, eq=False)
class Gains:
    """Gains of one interval each, the earliest level first.

    Attributes:
        x: vectors of the configs, shape (n, s).
        time: level that the interval led to, in intervals, shape (n,).
        gain: standardised within its level, shape (n,); 0 where nothing can be compared.
    """

    x: Floats
    time: Floats
    gain: Floats

    def __len__(self) -> int:
        return len(self.x)


def gains_of(history: History, layout: Layout, rules: Rules) -> Gains:
    """The gains of all trials, by the first objective."""
    found = sorted(
        (level, trial.number, before, after)
        for trial in history.trials
        for level, before, after in _steps(history, trial, rules)
    )[-ROWS:]
    if not found:
        return Gains(np.empty((0, len(layout))), np.empty(0), np.empty(0))
    level, number, before, after = (np.array(column) for column in zip(*found, strict=True))
    x = layout.vectors(np.array([history.place(history.trials[int(k)]) for k in number]))
    gain = np.zeros(len(x))
    for one in np.unique(level):
        there = level == one
        gain[there] = _standardised(before[there], after[there])
    return Gains(x, level / rules.interval, gain)


def _steps(history: History, trial: Trial, rules: Rules) -> list[tuple[int, float, float]]:
    """(level, loss at the level before, loss there) of each interval that a trial was trained for."""
    found = []
    begin = rules.level(trial.origin_step)
    before = _loss(history, history.trials[trial.parent.trial], begin) if trial.parent and begin else None
    for level in range(begin + rules.interval, trial.curve.step + 1, rules.interval):
        after = _loss(history, trial, level)
        if before is not None and after is not None:
            found.append((level, before, after))
        before = after
    return found


def _loss(history: History, trial: Trial, level: int) -> float | None:
    values = values_at(trial, level, history.goals[:1])
    return values[0] if values is not None and np.isfinite(values[0]) else None


def _standardised(before: Floats, after: Floats) -> Floats:
    """Normal scores of the gains of one level, corrected for where they began; the largest gain highest, shape (n,)."""
    scale = max(float(np.abs(np.concatenate([before, after])).max()), 1e-300)
    b, a = before / scale, after / scale
    middle = b - b.mean()
    spread = float(middle @ middle)
    # of two, any line explains all: the slope is then that of nothing gained but what was there
    slope = 1.0 if len(a) < 3 else float(middle @ a) / spread if spread > 1e-12 else 0.0
    rest = a - min(max(slope, 0.0), 1.0) * middle  # the loss there, had all begun alike
    return -_scores(np.argsort(np.argsort(rest, kind="stable")))


def _scores(rank: NDArray[np.int64]) -> Floats:
    """Quantiles of the normal distribution at ranks 0, …, n − 1."""
    normal, n = NormalDist(), len(rank)
    return np.array([normal.inv_cdf((k + 0.5) / n) for k in rank.tolist()])
