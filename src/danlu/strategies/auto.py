"""Auto: what a user gets who does not choose."""

from dataclasses import dataclass

import numpy as np

from danlu.core.history import History
from danlu.core.strategy import Strategy, Suggestion
from danlu.strategies.grid import Grid
from danlu.strategies.quasirandom import Sobol

_SMALL = 64  # configs: about what people are ready to try all of


@dataclass(frozen=True)
class Auto(Strategy):
    """All configs where they are few, in an order that covers coarsely first; else a scrambled Sobol sequence."""

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        size = history.space.size
        if size is not None and size <= _SMALL:
            return Grid(levels=_SMALL).suggest(history, rng)
        return Sobol().suggest(history, rng)
