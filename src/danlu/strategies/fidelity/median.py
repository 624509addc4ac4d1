"""Median stopping: a trial goes on only while it keeps up with the median of its peers.

Source: Golovin, Solnik, Moitra, Kochanski, Karro & Sculley (2017), "Google Vizier: a service for black-box
optimization", KDD, section 3.2.2: the best loss of a trial by a step is worse than the median of the running averages
of all others up to that step.
"""

from dataclasses import dataclass, field

import numpy as np

from danlu.core.history import History
from danlu.core.objective import Objective
from danlu.core.strategy import Strategy, Suggestion
from danlu.core.trial import Decision, Status, Trial
from danlu.errors import StrategyError
from danlu.strategies.auto import Auto
from danlu.strategies.fidelity.asha import check_inner


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
        averages = [
            average
            for other in history.trials
            if other.number != trial.number and other.status is not Status.FAILED and other.curve.step >= step
            and (average := _average(other, step, objective)) is not None
        ]  # fmt: skip
        best = min(_losses(trial, step, objective), default=None)
        return best is not None and len(averages) >= self.peers and best > float(np.median(averages))


def _losses(trial: Trial, step: int, objective: Objective) -> list[float]:
    return [objective.loss(v) for v in trial.curve.until(step)[objective.metric].tolist() if v == v]


def _average(trial: Trial, step: int, objective: Objective) -> float | None:
    losses = _losses(trial, step, objective)
    return sum(losses) / len(losses) if losses else None
