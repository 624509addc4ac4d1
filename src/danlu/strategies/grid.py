"""Grid search: the full cross product of a few values of each hyperparameter, in an order that covers coarsely first.

A grid that is left after a third of its trials should show the whole picture in a third of the detail. So cells come
in the order in which a scrambled Sobol sequence first falls into them: any number of first trials is spread evenly.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from danlu.core.history import History
from danlu.core.strategy import EXHAUSTED, Start, Strategy, Suggestion
from danlu.errors import StrategyError
from danlu.numerics.sobol import sobol
from danlu.space import Config, Space, Value

Levels = int | Mapping[str, int | Sequence[Value]]

_LARGEST = 100_000  # cells: more than anybody can run, and their order still takes only seconds


@dataclass(frozen=True)
class Grid(Strategy):
    """Each cell of the grid once; what was tried before is skipped; exhausted when all cells are done.

    Attributes:
        levels: values per hyperparameter: one number for all, or by name a number or the values themselves. Values
            are spread evenly on the hyperparameter's scale, bounds included. A choice always has all of its options.
            Hyperparameters that are not named take 5 values.
    """

    levels: Levels = field(default=5)

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        cells = self.cells(history.space, history.seed)
        untried = next((cell for cell in cells if history.tried(cell) is None), None)
        return EXHAUSTED if untried is None else Start(untried, "grid")

    def check(self, history: History) -> None:
        self.values(history.space)

    def values(self, space: Space) -> dict[str, list[Value]]:
        """The values of each hyperparameter, by name.

        Raises:
            StrategyError: a value is outside its dimension, or the grid is too large to enumerate.
        """
        named = self.levels if isinstance(self.levels, Mapping) else {}
        for name in named:
            space.known(name)
        values = {h.name: self._values_of(space, h.name) for h in space.hyperparameters}
        cells = math.prod(len(v) for h, v in zip(space.hyperparameters, values.values(), strict=True) if not h.parent)
        if cells > _LARGEST:
            sizes = " × ".join(f"{len(v)} {name}" for name, v in values.items())
            raise StrategyError(f"a grid of {cells:,} cells ({sizes}) can't be searched. Give fewer levels, or use sobol.")
        return values

    def _values_of(self, space: Space, name: str) -> list[Value]:
        levels = self.levels.get(name, 5) if isinstance(self.levels, Mapping) else self.levels
        dimension = space[name]
        if isinstance(levels, int):
            if levels < 1:
                raise StrategyError(f"grid: {name!r} needs at least one level, got {levels}.")
            return list(dimension.grid(levels))
        values = [dimension.adopt(value) for value in levels]
        for value in values:
            if not dimension.contains(value):
                raise StrategyError(f"grid: {value!r} is not a value of {name!r}, which is {dimension}.")
        return list(dict.fromkeys(values))

    def cells(self, space: Space, seed: int) -> Sequence[Config]:
        """All cells, in the order in which they are tried."""
        values = self.values(space)
        return _ordered(space, tuple((name, tuple(v)) for name, v in values.items()), seed)


@lru_cache(maxsize=8)
def _ordered(space: Space, named: tuple[tuple[str, tuple[Value, ...]], ...], seed: int) -> tuple[Config, ...]:
    values = dict(named)
    cells = dict.fromkeys(space.cross(values))
    points = sobol(np.arange(4 * len(cells)), len(space), seed)  # a cell is still unseen after that with chance e⁻⁴
    seen: dict[Config, None] = {}
    for point in points:
        at = dict(zip(space.names, point.tolist(), strict=True))
        seen.setdefault(space.build(lambda h, at=at: values[h.name][int(at[h.name] * len(values[h.name]))]))  # type: ignore[misc]
    rest = [cell for cell in cells if cell not in seen]
    order = np.random.default_rng(seed).permutation(len(rest))
    return (*seen, *(rest[k] for k in order))
