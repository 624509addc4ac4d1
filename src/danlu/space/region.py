"""Region: the part of a space that its constraints allow, and how to find configs in it.

It works on blocks of configs at a time, in columns: a draw of a thousand costs little more than a draw of one. A column
may differ from the value of the config by a rounding, so whoever takes a config from here asks `allows` once more.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from danlu.errors import SpaceError
from danlu.space.column import Column, column, inactive_where
from danlu.space.constraint import Constraint
from danlu.space.dimension import Dimension
from danlu.space.hyperparameter import Hyperparameter
from danlu.space.value import Value

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Read = Callable[[Dimension, Floats], Column]
"""Which values of a dimension coordinates stand for: `decode_all`, `quantile_all`."""

BLOCKS = (64, 256, 1024, 4096, 16384, 43776)
"""Draws, block after block, until one is allowed: 65,600 in all. A region that these miss is too small to search."""

COUNTED = 2**18  # configs of a finite space up to which they are counted one by one: 50 ms


@dataclass(frozen=True, eq=False)
class Region:
    """The configs that satisfy all constraints.

    Attributes:
        hyperparameters: of the space, parents before children.
        constraints: on them.
    """

    hyperparameters: tuple[Hyperparameter, ...]
    constraints: tuple[Constraint, ...]

    def violated(self, config: Mapping[str, Value]) -> Constraint | None:
        """The first constraint that a config does not satisfy."""
        return next((each for each in self.constraints if not each.holds(config)), None)

    def allowed(self, u: Floats) -> Bools:
        """Which configs at coordinates u, shape (n, d), satisfy all constraints, shape (n,)."""
        return self._satisfied(self._columns(u, _decode_all, {}), len(u))

    def allowed_quantiles(self, v: Floats, fixed: Mapping[str, Value] | None = None) -> Bools:
        """Which configs at quantiles v, shape (n, d), satisfy all constraints, shape (n,).

        Args:
            v: those of inactive hyperparameters are unused.
            fixed: hyperparameters that have this value instead, by name.
        """
        return self._satisfied(self._columns(v, _quantile_all, fixed or {}), len(v))

    def draws(self, rng: np.random.Generator, fixed: Mapping[str, Value] | None = None) -> Iterator[Floats]:
        """Quantiles of uniform configs, block after block, of each block those that are allowed, shape (n, d)."""
        for size in BLOCKS:
            v = rng.random((size, len(self.hyperparameters)))
            yield v[self.allowed_quantiles(v, fixed)]

    def count(self, combinations: int) -> int:
        """Number of allowed configs in a finite space of so many; beyond 262,144 of them, that number itself."""
        if combinations > COUNTED:
            return combinations
        columns, count = self._all()[1:]
        return int(self._satisfied(columns, count).sum())

    def listed(self, combinations: int | None) -> list[dict[str, Value]]:
        """All allowed configs of a finite space of so many; none beyond 262,144 of them."""
        if combinations is None or combinations > COUNTED:
            return []
        chosen, columns, count = self._all()
        levels = {h.name: h.dimension.grid(h.dimension.levels or 1) for h in self.hyperparameters}
        rows = np.flatnonzero(self._satisfied(columns, count)).tolist()
        return [{name: levels[name][k[row]] for name, k in chosen.items() if k[row] >= 0} for row in rows]

    def check(self, combinations: int | None) -> None:
        """Raises `SpaceError` if a constraint makes no sense, or if no config satisfies them all."""
        dimensions = {h.name: h.dimension for h in self.hyperparameters}
        for constraint in self.constraints:
            constraint.check(dimensions)
        alone = together = np.zeros(len(self.constraints), dtype=bool)
        for columns, count in self._samples(combinations):
            held = np.array(self._held(columns, count))
            alone = alone | held.any(axis=1)
            together = together | np.logical_and.accumulate(held, axis=0).any(axis=1)
            if together[-1]:
                return
        raise SpaceError(self._empty(int(np.argmin(together)), alone))

    def _samples(self, combinations: int | None) -> Iterator[tuple[dict[str, Column], int]]:
        rng = np.random.default_rng(0)
        for size in BLOCKS:
            yield self._columns(rng.random((size, len(self.hyperparameters))), _quantile_all, {}), size
        if combinations is not None and combinations <= COUNTED:  # a draw may miss what a count does not
            yield self._all()[1:]

    def _empty(self, k: int, alone: Bools) -> str:
        before = "" if not alone[k] else f" together with {', '.join(map(str, self.constraints[:k]))}"
        return (
            f"where {self.constraints[k]}: no config among {sum(BLOCKS):,} satisfies it{before}. Loosen it, or change "
            f"the ranges of {', '.join(self.constraints[k].names)}. Of an equation of real numbers, leave one out and "
            f"compute it in your own code."
        )

    # columns --------------------------------------------------------------------------------------------------------

    @cached_property
    def needed(self) -> tuple[int, ...]:
        """Indices of the hyperparameters on which the constraints depend: those they mention, and their parents."""
        names = {name for constraint in self.constraints for name in constraint.names}
        for h in reversed(self.hyperparameters):
            if h.name in names and h.parent is not None:
                names.add(h.parent)
        return tuple(k for k, h in enumerate(self.hyperparameters) if h.name in names)

    def _held(self, columns: Mapping[str, Column], count: int) -> list[Bools]:
        return [constraint.holds_in(columns, count) for constraint in self.constraints]

    def _satisfied(self, columns: Mapping[str, Column], count: int) -> Bools:
        return np.asarray(np.logical_and.reduce(self._held(columns, count)), dtype=bool)

    def _columns(self, at: Floats, read: Read, fixed: Mapping[str, Value]) -> dict[str, Column]:
        columns: dict[str, Column] = {}
        for k in self.needed:
            h = self.hyperparameters[k]
            values = column([fixed[h.name]]).repeat(len(at)) if h.name in fixed else read(h.dimension, at[:, k])
            columns[h.name] = values if h.parent is None else inactive_where(columns[h.parent] != h.option, values)
        return columns

    def _all(self) -> tuple[dict[str, NDArray[np.int64]], dict[str, Column], int]:
        """All configs of a finite space: which levels, −1 where inactive; the columns; how many."""
        chosen: dict[str, NDArray[np.int64]] = {}
        columns: dict[str, Column] = {}
        count = 1
        for h in self.hyperparameters:
            inactive = np.zeros(count, dtype=bool) if h.parent is None else columns[h.parent] != h.option
            values = column(h.dimension.grid(h.dimension.levels or 1))
            repeats = np.where(inactive, 1, len(values))
            rows = np.repeat(np.arange(count), repeats)
            nth = np.arange(len(rows)) - (np.cumsum(repeats) - repeats)[rows]  # of the rows that come of one
            chosen = {name: earlier[rows] for name, earlier in chosen.items()}
            columns = {name: earlier[rows] for name, earlier in columns.items()}
            chosen[h.name] = np.where(inactive[rows], -1, nth)
            columns[h.name] = inactive_where(inactive[rows], values[nth])
            count = len(rows)
        return chosen, columns, count


def _decode_all(dimension: Dimension, u: Floats) -> Column:
    return dimension.decode_all(u)


def _quantile_all(dimension: Dimension, v: Floats) -> Column:
    return dimension.quantile_all(v)
