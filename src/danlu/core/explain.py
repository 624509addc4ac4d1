"""Explain: what a strategy believes, in a form that a picture can draw. Optional: not every strategy believes anything.

    explanation = strategy.explain(history)                # None: there is nothing to believe yet
    grid = explanation.grid("lr", "width", levels=20)
    grid.axes                     the values of lr, the values of width
    grid.columns["mean"]          shape (20, 20)

Pure, as strategies are: any prefix of a journal tells what was believed at that time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from danlu.core.history import History
from danlu.space import Config
from danlu.space.value import Value


@dataclass(frozen=True, eq=False)
class Grid:
    """What is believed over one or two hyperparameters.

    Attributes:
        names: of the hyperparameters.
        axes: the values of each that were looked at, on its own scale.
        held: a config that holds what the others are; choices that switch the hyperparameters on are set as needed.
        columns: what is believed, by name; arrays of shape (k,) or (k, l), as the axes are long.
    """

    names: tuple[str, ...]
    axes: tuple[tuple[Value, ...], ...]
    held: Config
    columns: Mapping[str, NDArray[np.float64]]


class Explanation(Protocol):
    """What a strategy believes after a history. It may tell more than this."""

    def grid(self, x: str, y: str | None = None, levels: int = 25) -> Grid:
        """What is believed over one or two hyperparameters, at up to so many values of each."""
        ...


@runtime_checkable
class Explains(Protocol):
    """A strategy that can say what it believes."""

    def explain(self, history: History) -> Explanation | None:
        """What it believes after this history; None if it is too short for that."""
        ...
