"""Median stopping: a trial goes on only while it keeps up with the median of its peers.

Source: Golovin, Solnik, Moitra, Kochanski, Karro & Sculley (2017), "Google Vizier: a service for black-box
optimization", KDD, section 3.2.2: the best loss of a trial by a step is worse than the median of the running averages
of all others up to that step.
"""

from dataclasses import dataclass, field

import numpy as np

from danlu.core.history import History
from danlu.core.objective import Objective
from danlu.core.shared import Vector, grown
from danlu.core.strategy import Strategy, Suggestion
from danlu.core.trial import Decision, Status, Trial
from danlu.errors import StrategyError
from danlu.strategies.auto import Auto
from danlu.strategies.fidelity.asha import check_inner
from danlu.strategies.layout import Floats


@dataclass(frozen=True)
class Median(Strategy):
    """Stops what is worse than the median.

    Attributes:
        inner: strategy that suggests the configs.
        grace: steps that every trial is granted.
        peers: how many others must have got as far before anybody is stopped.
    """

    inner: Strategy = field(default_factory=Auto)
    grace: int = 1
    peers: int = 5

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        return self.inner.suggest(history.without_steps(), rng)

    def decide(self, history: History, trial: Trial) -> Decision:
        return Decision.STOP if self._is_behind(history, trial) else self.inner.decide(history.without_steps(), trial)

    def check(self, history: History) -> None:
        check_inner("median", self.inner, history)
        if self.grace < 0 or self.peers < 1:
            raise StrategyError(
                f"median: grace must be at least 0 and peers at least 1, got {self.grace} and {self.peers}."
            )
        if len(history.goals) > 1:
            raise StrategyError("median: several objectives have no median. Use asha, which ranks by fronts.")

    def _is_behind(self, history: History, trial: Trial) -> bool:
        step = trial.curve.step
        objective = history.goals[0]
        is_told = objective.metric in trial.curve.at(len(trial.curve) - 1)  # else there is nothing new to judge by
        if step <= self.grace or trial.origin == "default" or not is_told:
            return False
        averages = _averages(history, step, objective)
        averages[trial.number] = np.nan
        averages = averages[~np.isnan(averages)]
        best = min(_losses(trial, step, objective), default=None)
        return best is not None and len(averages) >= self.peers and best > float(np.median(averages))


@dataclass
class _Known:
    """The averages of these trials up to a step, with room for more; NaN where there is none."""

    trials: Vector[Trial] = field(default_factory=Vector)
    values: Floats = field(default_factory=lambda: np.empty(0))


def _averages(history: History, step: int, objective: Objective) -> Floats:
    """The running average of each trial up to a step, shape (n,); NaN of those that failed or have not got there.

    A call costs O(trials that changed since the last one for this step), and a copy.
    """
    known: _Known = history.memos.setdefault(("averages", step), _Known())
    count = len(history.trials)
    if count > len(known.values):
        known.values = grown(known.values, len(known.values), max(64, 2 * count))
    for k in history.trials.changes(known.trials):
        trial = history.trials[k]
        if k >= len(known.trials) or not _has(known.trials[k], step) or not known.trials[k].curve.begins(trial.curve):
            known.values[k] = _average(trial, step, objective) if _has(trial, step) else np.nan
        elif not _has(trial, step):
            known.values[k] = np.nan
    known.trials = history.trials
    return known.values[:count].copy()


def _has(trial: Trial, step: int) -> bool:
    return trial.status is not Status.FAILED and trial.curve.step >= step


def _losses(trial: Trial, step: int, objective: Objective) -> list[float]:
    return [objective.loss(v) for v in trial.curve.until(step)[objective.metric].tolist() if v == v]


def _average(trial: Trial, step: int, objective: Objective) -> float:
    losses = _losses(trial, step, objective)
    return sum(losses) / len(losses) if losses else np.nan
