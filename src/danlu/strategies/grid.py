"""Grid search: the full cross product of a few values of each hyperparameter, in an order that covers coarsely first.

A grid that is left after a third of its trials should show the whole picture in a third of the detail. So cells come
in the order in which a scrambled Sobol sequence first falls into them: any number of first trials is spread evenly.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from danlu.core.history import History
from danlu.core.strategy import EXHAUSTED, Start, Strategy, Suggestion
from danlu.errors import StrategyError
from danlu.numerics.sobol import sobol
from danlu.space import Config, Space, Value

Levels = int | Mapping[str, int | Sequence[Value]]

_LARGEST = 1_000_000  # cells: more than anybody can run
_BLOCK = 64  # points of the Sobol sequence that are looked at together, and cells that are at first


@dataclass(frozen=True)
class Grid(Strategy):
    """Each cell of the grid once; exhausted when all are done. Cells that were tried before are skipped, and those that
    violate a constraint.

    Attributes:
        levels: values per hyperparameter: one number for all, or by name a number or the values themselves. Values
            are spread evenly on the hyperparameter's scale, bounds included. A choice always has all of its options.
            Hyperparameters that are not named take 5 values.
    """

    levels: Levels = field(default=5)

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        cells = self.cells(history.space, history.seed)
        rest = cells.since(_begin(history, cells))
        untried = next((cell for cell in rest if history.tried(cell) is None), None)
        return EXHAUSTED if untried is None else Start(untried, "grid")

    @property
    def learns(self) -> bool:
        return False

    def check(self, history: History) -> None:
        self.values(history.space)
        if history.space.constraints and next(iter(self.cells(history.space, history.seed)), None) is None:
            where = ", ".join(map(str, history.space.constraints))
            raise StrategyError(f"grid: no cell satisfies {where}. Give more levels, or the values themselves.")

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
            raise StrategyError(
                f"a grid of {cells:,} cells ({sizes}) can't be searched. Give fewer levels, or use sobol."
            )
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

    def cells(self, space: Space, seed: int) -> "Cells":
        """All cells, in the order in which they are tried."""
        values = self.values(space)
        return Cells(space, tuple((name, tuple(v)) for name, v in values.items()), seed)


@dataclass(frozen=True)
class Cells:
    """The cells of a grid in the order in which they are tried; worked out as far as somebody looks."""

    space: Space
    named: tuple[tuple[str, tuple[Value, ...]], ...]
    seed: int

    def __iter__(self) -> Iterator[Config]:
        return self.since(0)

    def since(self, begin: int) -> Iterator[Config]:
        """The cells from this one on."""
        count = _BLOCK
        while True:
            if begin < count:
                known = _first(self.space, self.named, self.seed, count)
                for k in range(begin, len(known)):  # no slice: most who ask take one
                    yield known[k]
                if len(known) < count:
                    return
                begin = count
            count *= 2


@lru_cache(maxsize=32)
def _first(space: Space, named: tuple[tuple[str, tuple[Value, ...]], ...], seed: int, count: int) -> tuple[Config, ...]:
    """The first cells, or all if there are fewer."""
    return tuple(itertools.islice(_in_order(space, dict(named), seed), count))


def _begin(history: History, cells: Cells) -> int:
    """How many cells, from the first on, were tried by trials that have ended; none of them need be looked at."""
    now = sum(history.count(status) for status in ("complete", "stopped", "failed"))
    ended, begin = history.memos.get(("grid", cells), (0, 0))
    begin = 0 if ended > now else begin
    for cell in cells.since(begin):
        trial = history.tried(cell)
        if trial is None or not trial.is_finished:
            break
        begin += 1
    history.memos["grid", cells] = now, begin
    return begin


def _in_order(space: Space, values: Mapping[str, Sequence[Value]], seed: int) -> Iterator[Config]:
    seen: set[Config] = set()
    count = 0
    while count < 2 * len(seen) + _BLOCK:  # until half of the points were wasted on cells that are known
        for point in sobol(np.arange(count, count + _BLOCK), len(space), seed):
            cell = _cell(space, values, point.tolist())
            if cell not in seen:
                seen.add(cell)
                if space.allows(cell):
                    yield cell
        count += _BLOCK
    rest = [cell for cell in space.cross(values) if cell not in seen and space.allows(cell)]
    yield from (rest[k] for k in np.random.default_rng(seed).permutation(len(rest)))


def _cell(space: Space, values: Mapping[str, Sequence[Value]], point: Sequence[float]) -> Config:
    """The cell in which a point of [0, 1)^d lies."""
    at = dict(zip(space.names, point, strict=True))
    return space.build(lambda h: values[h.name][int(at[h.name] * len(values[h.name]))])
