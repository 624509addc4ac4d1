"""Hyperband: several successive halvings side by side, from daring to careful, as insurance against early values.

    bracket   rungs (52 steps, η = 3)   trials of each 49
       3      1  3  9  27               27
       2      3  9  27                  12
       1      9  27                      6
       0      27                         4

Where early values mislead, the careful brackets save the day; where they tell, the daring ones win.

Source: Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar (2018), "Hyperband: a novel bandit-based approach to
hyperparameter optimization", JMLR 18, algorithm 1; its brackets here are asynchronous ones (Li et al. 2020, "A system
for massively parallel hyperparameter tuning", section 3.2), so that nobody waits for a straggler.
"""

import math
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from danlu.core.history import History
from danlu.core.strategy import Strategy, Suggestion
from danlu.core.trial import Decision, Trial
from danlu.strategies.auto import Auto
from danlu.strategies.fidelity.asha import Keep, check_inner, promotion, rung_decision
from danlu.strategies.fidelity.ladder import Ints, seen_by
from danlu.strategies.fidelity.rungs import check_rungs, full_training, rungs
from danlu.strategies.tpe.tpe import TPE


@dataclass(frozen=True)
class Hyperband(Strategy):
    """Brackets of asynchronous successive halving; each trial belongs to the bracket that its number says.

    Attributes:
        inner: strategy that suggests the configs.
        first: step of the lowest rung of the most daring bracket.
        last: steps of a full training; the study's if not given.
        eta: reduction factor η > 1.
        pauses: whether those that are not kept wait for their promotion, from a checkpoint, or are stopped for good.
    """

    inner: Strategy = field(default_factory=Auto)
    first: int = 1
    last: int | None = None
    eta: float = 3
    pauses: bool = False

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        last = full_training(history, self.last, "hyperband")
        levels = rungs(self.first, last, self.eta)
        for bracket in range(len(levels)) if self.pauses else ():
            keep = self._in_bracket(bracket, len(levels))
            promoted = promotion(history, levels, last, self.eta, bracket, keep)
            if promoted is not None:
                return promoted
        return self.inner.suggest(seen_by(self.inner, history, levels, last), rng)

    def decide(self, history: History, trial: Trial) -> Decision:
        last = full_training(history, self.last, "hyperband")
        levels = rungs(self.first, last, self.eta)
        bracket = bracket_of(trial.number, len(levels), self.eta)
        keep = self._in_bracket(bracket, len(levels))
        verdict = rung_decision(history, trial, levels, last, self.eta, self.pauses, bracket, keep)
        return verdict if verdict is not Decision.CONTINUE else self.inner.decide(history.without_steps(), trial)

    def check(self, history: History) -> None:
        check_inner("hyperband", self.inner, history)
        check_rungs("hyperband", self.first, full_training(history, self.last, "hyperband"), self.eta)

    def without_pauses(self) -> Strategy:
        return replace(self, pauses=False)

    def _in_bracket(self, bracket: int, count: int) -> Keep:
        brackets = _brackets(count, self.eta)
        return lambda numbers: np.asarray(brackets[numbers % len(brackets)] == bracket)


@dataclass(frozen=True)
class BOHB(Hyperband):
    """Hyperband whose configs a tree-structured Parzen estimator suggests.

    Source: Falkner, Klein & Hutter (2018), "BOHB: robust and efficient hyperparameter optimization at scale", ICML.
    """

    inner: Strategy = field(default_factory=TPE)


def bracket_of(number: int, count: int, eta: float) -> int:
    """Which of `count` brackets a trial belongs to, by its number: 0 begins at the lowest rung.

    One round fills the brackets in turn with ⌈count / (s + 1) · η^s⌉ trials, s = count − 1 − bracket: algorithm 1,
    line 3, so that all brackets cost about the same.
    """
    brackets = _brackets(count, eta)
    return int(brackets[number % len(brackets)])


@lru_cache(maxsize=16)
def _brackets(count: int, eta: float) -> Ints:
    """The bracket of each trial of a round."""
    sizes = [math.ceil(count / (s + 1) * eta**s) for s in range(count - 1, -1, -1)]
    return np.repeat(np.arange(max(count, 1)), sizes or [1])
