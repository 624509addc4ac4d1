"""SHA: successive halving in rounds. All trials of a round reach a rung before the best of them go on.

Source: Jamieson & Talwalkar (2016), "Non-stochastic best arm identification and hyperparameter optimization", AISTATS.
"""

from dataclasses import dataclass, field

import numpy as np

from danlu.core.history import History
from danlu.core.strategy import WAIT, Resume, Strategy, Suggestion
from danlu.core.trial import Decision, Status, Trial
from danlu.errors import StrategyError
from danlu.strategies.auto import Auto
from danlu.strategies.fidelity.asha import ASHA, check_inner
from danlu.strategies.fidelity.rungs import check_rungs, full_training, highest, rungs, seen, standing


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
        for number in range(0, len(history.trials) - size + 1, size):
            if (promoted := self._promotion(history, number, size, levels, last)) is not None:
                return promoted
        is_full = len(history.trials) % size == 0
        if is_full and any(trial.number >= len(history.trials) - size for trial in history.pending):
            return WAIT  # the round is full, and not over
        return self.inner.suggest(seen(history, levels, last), rng)

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

    def _promotion(self, history: History, begin: int, size: int, levels: tuple[int, ...], last: int) -> Resume | None:
        """Of a full round, the next trial to go on: from a rung on which all have arrived that were let up to it."""
        going = {trial.number for trial in history.trials[begin : begin + size] if trial.origin != "default"}
        for k, following in enumerate((*levels[1:], last)):
            on_rung = standing(history, levels[k], lambda trial: trial.number in going)  # noqa: B023
            arrived = set(on_rung.numbers.tolist())
            if any(not history.trials[number].is_finished for number in going - arrived):
                return None
            best = on_rung.best(max(1, int(size / self.eta ** (k + 1))))
            for number in best:
                trial = history.trials[number]
                if trial.status is Status.PAUSED and highest(trial, levels) == k:
                    return Resume(number, following)
            going = set(best)
        return None
