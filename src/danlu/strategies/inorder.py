"""In order: the same study on any number of workers, bit for bit.

Which trials have ended when the next one is suggested depends on which worker was faster. Here a suggestion knows the
results of the trials `lag` before it and earlier, and no others, whatever has ended meanwhile; if one of those is still
running, it waits. So 1 to `lag` workers try the same configs and take the same decisions; what it costs is waiting for
stragglers. Nothing is paused: when a trial goes on depends on who is faster, so what `inner` would pause is stopped.
"""

from dataclasses import dataclass

import numpy as np

from danlu.core.hiding import hiding
from danlu.core.history import History
from danlu.core.strategy import WAIT, Strategy, Suggestion
from danlu.core.trial import Decision, Trial
from danlu.errors import StrategyError


@dataclass(frozen=True)
class InOrder(Strategy):
    """Shows `inner` what it would know if trials ended in the order of their numbers, `lag` of them at a time.

    Attributes:
        inner: strategy that is asked.
        lag: suggestion k knows the results of trials 0 to k − lag; ≥ 1. As many workers are kept busy.
    """

    inner: Strategy
    lag: int = 8

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        known = len(history.trials) - self.lag + 1
        if any(trial.number < known for trial in history.pending):
            return WAIT
        return self.inner.without_pauses().suggest(hiding(history, known), rng)

    def decide(self, history: History, trial: Trial) -> Decision:
        if trial.number < len(history.trials) - 1:  # with fewer workers, later ones would not have begun
            history = history.where(lambda other: other.number <= trial.number)
        known = hiding(history, trial.number - self.lag + 1)
        return self.inner.without_pauses().decide(known.showing(trial), trial)

    @property
    def learns(self) -> bool:
        return self.inner.learns

    def without_pauses(self) -> Strategy:
        return InOrder(self.inner.without_pauses(), self.lag)

    def check(self, history: History) -> None:
        if not isinstance(self.inner, Strategy):
            raise StrategyError(f"inorder: inner must be a strategy, got {self.inner!r}.")
        if self.lag < 1:
            raise StrategyError(f"inorder: lag must be at least 1, got {self.lag}.")
        self.inner.check(history)

    def judges(self, history: History) -> bool:
        return self.inner.judges(history)
