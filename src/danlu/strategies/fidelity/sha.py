"""SHA: successive halving in rounds. All trials of a round reach a rung before the best of them go on.

Source: Jamieson & Talwalkar (2016), "Non-stochastic best arm identification and hyperparameter optimization", AISTATS.
"""

from dataclasses import dataclass, field

import numpy as np

from danlu.core.history import History
from danlu.core.shared import Vector
from danlu.core.strategy import WAIT, Resume, Strategy, Suggestion
from danlu.core.trial import Decision, Trial
from danlu.errors import StrategyError
from danlu.strategies.auto import Auto
from danlu.strategies.fidelity.asha import ASHA, check_inner
from danlu.strategies.fidelity.ladder import Ladder, ladder_of, seen_by
from danlu.strategies.fidelity.rungs import check_rungs, full_training, rungs


@dataclass(frozen=True)
class SHA(Strategy):
    """Synchronous successive halving: fair to every trial of a round, at the price of waiting for the slowest.

    Trials that are not among the best stay paused; `ASHA` keeps all workers busy.

    Attributes:
        inner: strategy that suggests the configs.
        size: trials of a round; as many as leave one for the last rung if not given.
        first: step of the lowest rung.
        last: steps of a full training; the study's if not given.
        eta: reduction factor η > 1.
    """

    inner: Strategy = field(default_factory=Auto)
    size: int | None = None
    first: int = 1
    last: int | None = None
    eta: float = 3

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        last = full_training(history, self.last, "sha")
        levels = rungs(self.first, last, self.eta)
        size = self._size(levels)
        ladder = ladder_of(history, (*levels, last))
        promoted = next((each for each in self._promotions(history, ladder, size) if each is not None), None)
        if promoted is not None:
            return promoted
        rest = slice(len(ladder) - size, None)
        if len(ladder) % size == 0 and not (ladder.ended | ladder.paused)[rest].all():
            return WAIT  # the round is full, and not over
        return self.inner.suggest(seen_by(self.inner, history, levels, last), rng)

    def decide(self, history: History, trial: Trial) -> Decision:
        levels = rungs(self.first, full_training(history, self.last, "sha"), self.eta)
        if trial.origin == "default":
            return Decision.CONTINUE
        until = trial.budget if trial.budget is not None else (*levels, None)[0]
        if until in levels and trial.arrival(until) is not None:
            return Decision.PAUSE
        return self.inner.decide(history.without_steps(), trial)

    def check(self, history: History) -> None:
        check_inner("sha", self.inner, history)
        check_rungs("sha", self.first, full_training(history, self.last, "sha"), self.eta)
        if self.size is not None and self.size < 2:
            raise StrategyError(f"sha: size must be at least 2, got {self.size}.")

    def without_pauses(self) -> Strategy:
        return ASHA(self.inner, self.first, self.last, self.eta)

    def _size(self, levels: tuple[int, ...]) -> int:
        return self.size if self.size is not None else max(2, round(self.eta ** len(levels)))

    def _promotions(self, history: History, ladder: Ladder, size: int) -> list[Resume | None]:
        """Of each full round, the next trial to go on, if there is one; only rounds that changed are looked at."""
        key = "rounds", ladder.levels, size, self.eta
        known: _Rounds = history.memos.get(key, _Rounds(Vector(), ()))
        count = len(ladder) // size
        old = min(count, len(known.promotions))
        changed = {k // size for k in history.trials.changes(known.trials)} | set(range(old, count))
        promotions = [*known.promotions[:old], *[None] * (count - old)]
        for k in changed:
            if k < count:
                promotions[k] = self._promotion(ladder, k * size, size)
        history.memos[key] = _Rounds(history.trials, tuple(promotions))
        return promotions

    def _promotion(self, ladder: Ladder, begin: int, size: int) -> Resume | None:
        """Of a full round, the next trial to go on: from a rung on which all have arrived that were let up to it."""
        going = np.zeros(len(ladder), dtype=bool)
        going[begin : begin + size] = ~ladder.default[begin : begin + size]
        count = len(ladder.levels) - 1
        for k in range(count):
            there = going & (ladder.top >= k)
            if (going & ~there & ~ladder.ended).any():
                return None
            best = ladder.best(k, there, max(1, int(size / self.eta ** (k + 1))))
            waiting = ladder.waiting(k, count)
            for place in best:
                if waiting[place]:
                    return Resume(int(ladder.numbers[place]), ladder.levels[k + 1])
            going[:] = False
            going[best] = True
        return None


@dataclass(frozen=True)
class _Rounds:
    """What was worked out of these trials: of each full round, the next trial to go on."""

    trials: Vector[Trial]
    promotions: tuple[Resume | None, ...]
