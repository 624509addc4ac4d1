"""Combinations: one strategy after another, or several at once."""

import itertools
from dataclasses import dataclass, replace

import numpy as np

from danlu.core.history import History
from danlu.core.strategy import EXHAUSTED, Exhausted, Strategy, Suggestion
from danlu.core.trial import Decision, Trial
from danlu.errors import StrategyError

_SEVERITY = [Decision.CONTINUE, Decision.PAUSE, Decision.STOP]


@dataclass(frozen=True)
class _Combination(Strategy):
    """What combinations share: parts, each of which may end a trial."""

    parts: tuple[Strategy, ...]

    def decide(self, history: History, trial: Trial) -> Decision:
        # the strictest verdict holds: a trial does not remember which part would have spared it
        return max((part.decide(history, trial) for part in self.parts), key=_SEVERITY.index)

    @property
    def learns(self) -> bool:
        return any(part.learns for part in self.parts)

    def check(self, history: History) -> None:
        if not self.parts or not all(isinstance(part, Strategy) for part in self.parts):
            raise StrategyError(
                f"{type(self).__name__.lower()}: parts must be one or more strategies, got {self.parts!r}."
            )
        for part in self.parts:
            part.check(history)

    def judges(self, history: History) -> bool:
        return any(part.judges(history) for part in self.parts)

    def without_pauses(self) -> Strategy:
        return replace(self, parts=tuple(part.without_pauses() for part in self.parts))


@dataclass(frozen=True)
class Sequence(_Combination):
    """One strategy after another: the first for so many trials, then the next; the last one goes on.

    Attributes:
        parts: the strategies in turn.
        trials: how many trials each part but the last makes; a part that is exhausted ends sooner. Defaults,
            queued configs and those of a warm start count for nobody.
    """

    trials: tuple[int, ...] = ()

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        made = len(history.trials) - sum(map(history.count, ("default", "queued", "warm start")))
        ends = [*itertools.accumulate(self.trials), None]
        for part, end in zip(self.parts, ends, strict=True):
            if end is None or made < end:
                suggestion = part.suggest(history, rng)
                if not isinstance(suggestion, Exhausted):
                    return suggestion
        return EXHAUSTED

    def check(self, history: History) -> None:
        super().check(history)
        if len(self.trials) != len(self.parts) - 1 or min(self.trials, default=1) < 1:
            raise StrategyError(
                f"sequence: {len(self.parts)} parts need {len(self.parts) - 1} numbers of trials, all ≥ 1, "
                f"got trials={self.trials}."
            )


@dataclass(frozen=True)
class Mixture(_Combination):
    """Several strategies at once: each suggestion comes from one of them, drawn by weight.

    Attributes:
        parts: the strategies.
        weights: > 0, one per part; equal if not given. A part that is exhausted leaves its share to the others.
    """

    weights: tuple[float, ...] = ()

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        weights = np.array(self.weights or [1.0] * len(self.parts))
        # the order of exponential clocks is a draw without replacement, proportional to the weights
        order: list[int] = np.argsort(rng.exponential(size=len(weights)) / weights).tolist()
        for k in order:
            suggestion = self.parts[k].suggest(history, rng)
            if not isinstance(suggestion, Exhausted):
                return suggestion
        return EXHAUSTED

    def check(self, history: History) -> None:
        super().check(history)
        if self.weights and (len(self.weights) != len(self.parts) or min(self.weights) <= 0):
            raise StrategyError(f"mixture: {len(self.parts)} parts need as many weights > 0, got {self.weights}.")
