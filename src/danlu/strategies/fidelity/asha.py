"""ASHA: each rung keeps the best of those that stand on it, and nobody waits for anybody.

Source: Li, Jamieson, Rostamizadeh, Gonina, Ben-Tzur, Hardt, Recht & Talwalkar (2020), "A system for massively parallel
hyperparameter tuning", MLSys, algorithm 2; the stopping form as in Klein, Tiao, Lienart, Archambeau & Seeger (2020),
"Model-based asynchronous hyperparameter and neural architecture search".

Differs from the papers in that a trial which is among the best on reaching a rung goes on at once, in both forms: a
checkpoint that nobody waited for is spared. Ties are broken by trial number, so that a replay is exact.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from danlu.core.history import History
from danlu.core.strategy import Resume, Strategy, Suggestion
from danlu.core.trial import Decision, Trial
from danlu.errors import StrategyError
from danlu.strategies.auto import Auto
from danlu.strategies.fidelity.ladder import Ints, ladder_of, seen_by
from danlu.strategies.fidelity.rungs import check_rungs, full_training, reached, rungs
from danlu.strategies.layout import Bools


@dataclass(frozen=True)
class Bracket:
    """Trials that are compared with each other.

    Attributes:
        begin: index of the lowest rung on which they are.
        holds: which trials these are, by their numbers.
    """

    begin: int
    holds: Callable[[Ints], Bools]


_ALL = (Bracket(0, lambda numbers: np.ones(len(numbers), dtype=bool)),)


@dataclass(frozen=True)
class ASHA(Strategy):
    """Asynchronous successive halving: every rung keeps the best 1/η of its trials.

    Attributes:
        inner: strategy that suggests the configs.
        first: step of the lowest rung.
        last: steps of a full training; the study's if not given.
        eta: reduction factor η > 1.
        pauses: whether those that are not kept wait for their promotion, from a checkpoint, or are stopped for good.
    """

    name: ClassVar[str] = "asha"

    inner: Strategy = field(default_factory=Auto)
    first: int = 1
    last: int | None = None
    eta: float = 3
    pauses: bool = False

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        levels, last = self._levels(history)
        for bracket in self.brackets(len(levels)) if self.pauses else ():
            if (promoted := self._promotion(history, (*levels, last), bracket)) is not None:
                return promoted
        return self.inner.suggest(seen_by(self.inner, history, levels, last), rng)

    def decide(self, history: History, trial: Trial) -> Decision:
        levels, last = self._levels(history)
        number = np.array([trial.number])
        bracket = next(bracket for bracket in self.brackets(len(levels)) if bracket.holds(number)[0])
        verdict = self._verdict(history, trial, (*levels, last), bracket)
        return verdict if verdict is not Decision.CONTINUE else self.inner.decide(history.without_steps(), trial)

    def check(self, history: History) -> None:
        check_inner(self.name, self.inner, history)
        check_rungs(self.name, self.first, full_training(history, self.last, self.name), self.eta)

    def without_pauses(self) -> Strategy:
        return replace(self, pauses=False)

    def brackets(self, count: int) -> Sequence[Bracket]:
        """Who is compared with whom, on `count` rungs; each trial is in one of them."""
        return _ALL

    def _levels(self, history: History) -> tuple[tuple[int, ...], int]:
        """The rungs, and the end."""
        last = full_training(history, self.last, self.name)
        return rungs(self.first, last, self.eta), last

    def _promotion(self, history: History, steps: tuple[int, ...], bracket: Bracket) -> Resume | None:
        """The paused trial that is among the best 1/η of its rung, the highest rung first; None if there is none."""
        ladder, count = ladder_of(history, steps), len(steps) - 1
        kept = bracket.holds(ladder.numbers)
        for k in range(count - 1, bracket.begin - 1, -1):
            waiting = kept & ladder.waiting(k, count)
            if not waiting.any():
                continue
            among = kept & (ladder.top >= k)
            first = ladder.first(k, waiting, among, int(np.count_nonzero(among) / self.eta))
            if first is not None:
                return Resume(int(ladder.numbers[first]), steps[k + 1])
        return None

    def _verdict(self, history: History, trial: Trial, steps: tuple[int, ...], bracket: Bracket) -> Decision:
        """What becomes of a trial by its last report: it goes on between rungs, and where it is among the best 1/η.

        The first trials on a rung, fewer than η, go on: there is nothing to compare them with. So does the default
        config, for what a search has won is told by comparison with it.
        """
        levels = steps[:-1]
        if trial.origin == "default":
            return Decision.CONTINUE
        if trial.budget is not None:  # it was promoted up to there, perhaps from the beginning again
            is_rung = trial.budget in levels[bracket.begin :] and trial.arrival(trial.budget) is not None
            return Decision.PAUSE if is_rung else Decision.CONTINUE
        k = reached(trial, levels)
        if k is None or k < bracket.begin:
            return Decision.CONTINUE
        ladder = ladder_of(history, steps)
        among = bracket.holds(ladder.numbers) & (ladder.top >= k)
        count = int(np.count_nonzero(among))
        if count < self.eta or ladder.is_among_best(ladder.place(trial), k, among, int(count / self.eta)):
            return Decision.CONTINUE
        return Decision.PAUSE if self.pauses else Decision.STOP


def check_inner(name: str, inner: object, history: History) -> None:
    """Raises `StrategyError` if `inner` is no strategy, or can't serve such a study."""
    if not isinstance(inner, Strategy):
        raise StrategyError(f"{name}: inner must be a strategy, got {inner!r}.")
    inner.check(history.without_steps())
