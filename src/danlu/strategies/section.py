"""Section: a cut through a space, along one or two hyperparameters, as vectors of a layout."""

import itertools
from dataclasses import dataclass

import numpy as np

from danlu.space import Space
from danlu.space.dimension import Dimension
from danlu.space.value import Value
from danlu.strategies.layout import Floats, Layout


@dataclass(frozen=True, eq=False)
class Section:
    """Made by `section_of`.

    Attributes:
        layout: of the vectors.
        names: of the hyperparameters.
        axes: their values.
        fixed: slot -> coordinate of the choices that switch the hyperparameters on.
        moved: the hyperparameters' slots.
        points: the coordinates at these, all combinations, shape (k, number of slots).
    """

    layout: Layout
    names: tuple[str, ...]
    axes: tuple[tuple[Value, ...], ...]
    fixed: dict[int, float]
    moved: tuple[int, ...]
    points: Floats

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return tuple(len(axis) for axis in self.axes)

    def through(self, x: Floats) -> Floats:
        """The vectors x, shape (n, s), moved to each point of the section: shape (k · n, s), point by point."""
        moved = np.tile(x, (len(self.points), 1))
        for slot, value in self.fixed.items():
            moved[:, slot] = value
        moved[:, list(self.moved)] = np.repeat(self.points, len(x), axis=0)
        return self.layout.settled(moved)


def section_of(layout: Layout, names: tuple[str, ...], levels: int) -> Section:
    """The section along these hyperparameters, at up to so many values of each (all options of a choice).

    Raises:
        UnknownName: no such hyperparameter.
    """
    space = layout.space
    slot_of = dict(zip(space.names, layout.slot_of.tolist(), strict=True))
    axes = tuple(tuple(space[name].grid(levels)) for name in names)
    coordinates = [[_coordinate(space[name], v) for v in axis] for name, axis in zip(names, axes, strict=True)]
    moved = tuple(slot_of[name] for name in names)
    fixed = {
        slot_of[parent]: _coordinate(space[parent], option)
        for name in names
        for parent, option in _switches(space, name)
        if parent not in names
    }
    return Section(layout, names, axes, fixed, moved, np.array(list(itertools.product(*coordinates))))


def _coordinate(dimension: Dimension, value: Value) -> float:
    """Of a value, in a vector: an option's index, or a number in [0, 1]."""
    u = dimension.encode(value)
    return float(u if dimension.ordered else np.floor(u * (dimension.levels or 1)))


def _switches(space: Space, name: str) -> list[tuple[str, Value]]:
    """The choices, and their options, without which a hyperparameter is inactive."""
    found: list[tuple[str, Value]] = []
    by_name = {h.name: h for h in space.hyperparameters}
    while (h := by_name[name]).parent is not None:
        found.append((h.parent, h.option))  # type: ignore[arg-type]
        name = h.parent
    return found
