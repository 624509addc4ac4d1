"""Quasi-random search: points of a scrambled Sobol sequence, which leave no gaps and no clusters.

Source: Sobol' (1967); Owen (1995), scrambling; why for tuning: Bousquet et al. (2017), arXiv 1706.03200.
"""

from dataclasses import dataclass

import numpy as np

from danlu.core.history import History
from danlu.core.strategy import Strategy, Suggestion
from danlu.space import Config
from danlu.strategies.fresh import start_fresh
from danlu.strategies.points import point


@dataclass(frozen=True)
class Sobol(Strategy):
    """Trial after trial the next point of one sequence, scrambled by the study's seed."""

    @property
    def learns(self) -> bool:
        return False

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        begin = history.count("sobol")

        def draw(k: int) -> Config:
            return point(history.space, history.seed, begin + k)

        return start_fresh(history, "sobol", draw)
