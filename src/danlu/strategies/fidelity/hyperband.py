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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

import numpy as np

from danlu.core.strategy import Strategy
from danlu.strategies.fidelity.asha import ASHA, Bracket
from danlu.strategies.fidelity.ladder import Ints
from danlu.strategies.layout import Bools
from danlu.strategies.tpe.tpe import TPE


@dataclass(frozen=True)
class Hyperband(ASHA):
    """Brackets of asynchronous successive halving; each trial belongs to the bracket that its number says.

    Its settings are those of `ASHA`; `first` is the lowest rung of the most daring bracket.
    """

    name: ClassVar[str] = "hyperband"

    def brackets(self, count: int) -> Sequence[Bracket]:
        return _brackets(count, self.eta)


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
    turns = _turns(count, eta)
    return int(turns[number % len(turns)])


@lru_cache(maxsize=16)
def _turns(count: int, eta: float) -> Ints:
    """The bracket of each trial of a round."""
    sizes = [math.ceil(count / (s + 1) * eta**s) for s in range(count - 1, -1, -1)]
    return np.repeat(np.arange(max(count, 1)), sizes or [1])


@lru_cache(maxsize=16)
def _brackets(count: int, eta: float) -> tuple[Bracket, ...]:
    turns = _turns(count, eta)

    def holding(bracket: int) -> Callable[[Ints], Bools]:
        return lambda numbers: np.asarray(turns[numbers % len(turns)] == bracket)

    return tuple(Bracket(bracket, holding(bracket)) for bracket in range(max(count, 1)))
