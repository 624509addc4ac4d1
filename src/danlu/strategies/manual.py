"""Manual: what a person asked for comes first, the person's own defaults before everything.

What was best in earlier studies, if the study was opened with a warm start, comes after that, whatever the strategy.
"""

from dataclasses import dataclass

import numpy as np

from danlu.core.history import History
from danlu.core.strategy import EXHAUSTED, Start, Strategy, Suggestion
from danlu.core.trial import Decision, Trial
from danlu.strategies.portfolio import portfolio


@dataclass(frozen=True)
class Manual(Strategy):
    """Trial 0 is the default config, so that a search can show what it won; then the queue; then `inner`.

    With a warm start, the best configs of the earlier studies come before `inner`. Every study wraps its strategy in
    this one. Alone, it runs what was queued, and nothing that was not asked for.

    Attributes:
        inner: strategy that is asked when the queue is empty; None for none.
    """

    inner: Strategy | None = None

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        if not history.trials and history.space.has_defaults:
            return Start(history.space.default(), "default")
        if history.queue:
            first = history.queue[0]
            return Start(first.config, f"queued: {first.note}" if first.note else "queued", queued=first.position)
        for pick in portfolio(history):
            if history.tried(pick.config) is None:
                return pick
        return self.inner.suggest(history, rng) if self.inner else EXHAUSTED

    def decide(self, history: History, trial: Trial) -> Decision:
        return self.inner.decide(history, trial) if self.inner else Decision.CONTINUE

    @property
    def learns(self) -> bool:
        return self.inner is not None and self.inner.learns

    def check(self, history: History) -> None:
        if self.inner:
            self.inner.check(history)

    def judges(self, history: History) -> bool:
        return self.inner is not None and self.inner.judges(history)

    def without_pauses(self) -> Strategy:
        return Manual(self.inner and self.inner.without_pauses())
