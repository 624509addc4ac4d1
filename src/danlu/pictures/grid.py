"""Grid: whether trials stand in rows and columns, and in which."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

Pair = tuple[Any, Any]
Levels = tuple[tuple[Any, ...], tuple[Any, ...]]
"""Of two hyperparameters: the values at which there are columns, and rows; ascending, or in the options' order."""

_FILLED = 0.75  # of the cells, and of the trials: a grid may lack a few cells, and a few others may stand beside it
_LARGEST = 60  # levels of an axis that can be told apart on a screen


def grid_of(pairs: Sequence[Pair], options: tuple[Sequence[Any], Sequence[Any]] = ((), ())) -> Levels | None:
    """The grid that these pairs of values nearly fill; None if they don't.

    A level is a value that occurs twice: one that occurs once, such as the default's, would be a row of its own.

    Args:
        pairs: values of the two hyperparameters, trial by trial.
        options: of a choice, in order, for each of the two; empty for numbers.
    """
    grid = (_levels([x for x, _ in pairs], options[0]), _levels([y for _, y in pairs], options[1]))
    columns, rows = map(len, grid)
    if min(columns, rows) < 2 or max(columns, rows) > _LARGEST:
        return None
    inside = [pair for pair in pairs if is_on(grid, pair)]
    is_full = len(set(inside)) >= _FILLED * columns * rows and len(inside) >= _FILLED * len(pairs)
    return grid if is_full else None


def is_on(grid: Levels, pair: Pair) -> bool:
    """Whether a pair of values is a cell of the grid."""
    return pair[0] in grid[0] and pair[1] in grid[1]


def _levels(values: Sequence[Any], options: Sequence[Any]) -> tuple[Any, ...]:
    repeated = {value for value, count in Counter(values).items() if count > 1}
    return tuple(value for value in options if value in repeated) if options else tuple(sorted(repeated))
