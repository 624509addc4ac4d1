"""Random search: every trial is drawn anew, uniform on each hyperparameter's own scale.

Where something is held likely, every second trial is drawn from that.

Source: Bergstra & Bengio (2012), "Random Search for Hyper-Parameter Optimization", JMLR 13.
"""

from dataclasses import dataclass

import numpy as np

from danlu.core.history import History
from danlu.core.strategy import Strategy, Suggestion
from danlu.strategies.believed import draw_half_believed
from danlu.strategies.fresh import start_fresh


@dataclass(frozen=True)
class Random(Strategy):
    """Independent draws; in a finite space, only configs that were not tried, until there are none."""

    @property
    def learns(self) -> bool:
        return False

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        return start_fresh(history, "random", lambda _: draw_half_believed(history, rng))
