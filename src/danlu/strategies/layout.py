"""Layout: the one vector that a surrogate sees of every config of a space, conditional or not.

A slot is an entry of that vector: a number in [0, 1], or the index of an option. Trials from before a change of the
space may be outside: a number < 0 or > 1, or an index beyond all options. Hyperparameters of sibling branches
with the same name and the same dimension share a slot (`booster.gbtree.eta` and `booster.dart.eta` are one eta), so
what is learned in one branch serves the other. A slot is active where its hyperparameter is; elsewhere it holds a fixed
value, so that inactive slots don't set configs apart.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from danlu.space import Config, Dimension, Hyperparameter, Space, Value

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

IDLE = 0.5
"""What an inactive number is set to; an inactive choice to its first option."""

_FINE = 4096  # levels beyond which a number counts as continuous


@dataclass(frozen=True, eq=False)
class Slot:
    """An entry of the vector.

    Attributes:
        options: how many a choice has; 0 for a number.
        levels: coordinates of the values that a number can take, ascending, shape (k,); None if it is continuous.
        edges: where the nearest level changes, shape (k - 1,).
        parent: index of the slot of the choice that switches it on; -1 if it is always active.
        under: indices of the options under which it is active.
    """

    options: int
    levels: Floats | None
    edges: Floats | None
    parent: int
    under: tuple[int, ...]

    @property
    def gap(self) -> float:
        """Distance of neighbouring levels where it is the same everywhere; else 0."""
        if self.levels is None or len(self.levels) < 2:
            return 0.0
        gaps = np.diff(self.levels)
        return float(gaps[0]) if np.ptp(gaps) < 1e-6 * gaps[0] else 0.0


@dataclass(frozen=True, eq=False)
class Layout:
    """The slots of a space; made by `layout_of`.

    Attributes:
        space: of the configs.
        slots: parents before children.
        slot_of: index of each hyperparameter's slot, shape (d,).
        is_choice: which slots are choices without an order, shape (s,).
    """

    space: Space
    slots: tuple[Slot, ...]
    slot_of: NDArray[np.int64]
    is_choice: Bools

    def __len__(self) -> int:
        return len(self.slots)

    def active(self, x: Floats) -> Bools:
        """Which slots are active in vectors x, shape (m, s)."""
        found = np.ones(x.shape, dtype=bool)
        for k, switch in self._switches.items():
            parent = self.slots[k].parent
            found[:, k] = found[:, parent] & switch[self.options_at(parent, x[:, parent])]
        return found

    def options_at(self, k: int, x: Floats) -> NDArray[np.int64]:
        """Indices of the options that a choice's slot holds, shape (m,); an ordered choice is a number with levels."""
        edges = self.slots[k].edges
        return x.astype(np.int64) if edges is None else np.searchsorted(edges, x, side="right")

    def settled(self, x: Floats) -> Floats:
        """The vectors on the levels that there are, what is inactive at its idle value; shape (m, s)."""
        x = x.copy()
        for k, levels, edges in self._stepped:
            x[:, k] = levels[edges.searchsorted(x[:, k], side="right")]
        return x if not self._switches else np.where(self.active(x), x, self._idle)

    def vectors(self, u: Floats) -> Floats:
        """Vectors of encoded configs u, shape (n, d) with NaN where inactive."""
        # an option's coordinate is the middle of its cell
        values = np.where(self._counts > 0, np.floor(u * self._counts), u)
        if not self._switches:
            return values  # every hyperparameter has a slot of its own, in the same order
        x = np.empty((len(u), len(self)))
        x[...] = self._idle
        for h, k in enumerate(self.slot_of.tolist()):
            if self.slots[k].parent < 0:
                x[:, k] = values[:, h]
            else:
                there = ~np.isnan(u[:, h])
                x[there, k] = values[there, h]
        return x

    def nearest(self, x: Floats) -> Floats:
        """The vectors of the space that are nearest to vectors outside of it, which constraints may yet exclude."""
        last = np.array([slot.options - 1 for slot in self.slots])
        return self.settled(np.where(self.is_choice, np.minimum(x, last), np.clip(x, 0.0, 1.0)))

    def units(self, x: Floats) -> Floats:
        """Encoded configs, shape (n, d) with NaN where inactive, of settled vectors x, shape (n, s)."""
        options = np.array([slot.options for slot in self.slots])
        u = np.where(self.is_choice, (x + 0.5) / np.maximum(options, 1), x)[:, self.slot_of]
        space, there = self.space, np.ones(u.shape, dtype=bool)
        place = {name: h for h, name in enumerate(space.names)}
        for k, h in enumerate(space.hyperparameters):
            if h.parent is not None:
                option = space[h.parent].encode(h.option)
                there[:, k] = there[:, place[h.parent]] & (u[:, place[h.parent]] == option)
        return np.where(there, u, np.nan)

    def allowed(self, x: Floats) -> Bools:
        """Which vectors, shape (m, s), stand for configs that satisfy the space's constraints, shape (m,).

        Exact but for roundings: ask `Space.allows` of a config before it is tried.
        """
        if not self.space.constraints:
            return np.ones(len(x), dtype=bool)
        options = np.array([slot.options for slot in self.slots])
        u = np.where(self.is_choice, (x + 0.5) / np.maximum(options, 1), x)
        return self.space.allowed(u[:, self.slot_of])

    def config(self, x: Floats) -> Config:
        """The config of one vector, shape (s,)."""
        at = x.tolist()

        def value(h: Hyperparameter) -> Value:
            k, options = self._places[h.name]
            return h.dimension.decode((at[k] + 0.5) / options if options else at[k])

        return self.space.build(value)

    @cached_property
    def _counts(self) -> NDArray[np.int64]:
        """Options of each hyperparameter, shape (d,)."""
        return np.array([self.slots[k].options for k in self.slot_of], dtype=np.int64)

    @cached_property
    def _idle(self) -> Floats:
        return np.where(self.is_choice, 0.0, IDLE)

    @cached_property
    def _stepped(self) -> list[tuple[int, Floats, Floats]]:
        """The slots with levels: index, levels, edges."""
        slots = enumerate(self.slots)
        return [(k, s.levels, s.edges) for k, s in slots if s.levels is not None and s.edges is not None]

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The dimension of each slot."""
        found = dict(zip(self.slot_of.tolist(), (h.dimension for h in self.space.hyperparameters), strict=True))
        return tuple(found[k] for k in range(len(self)))

    @cached_property
    def _switches(self) -> dict[int, Bools]:
        return {
            # one more than there are options: that of none of them switches nothing on
            k: np.isin(np.arange(_options(self.slots[slot.parent]) + 1), slot.under)
            for k, slot in enumerate(self.slots)
            if slot.parent >= 0
        }

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        """Of each hyperparameter by name: its slot, and how many options that has."""
        places = [(k, self.slots[k].options) for k in self.slot_of.tolist()]
        return dict(zip(self.space.names, places, strict=True))


@lru_cache(maxsize=32)
def layout_of(space: Space) -> Layout:
    """The layout of a space."""
    slots: list[Slot] = []
    keys: dict[object, int] = {}
    slot_of: dict[str, int] = {}
    for h in space.hyperparameters:
        parent = slot_of[h.parent] if h.parent is not None else -1
        key = (parent, _leaf(h), h.dimension) if h.parent is not None else h.name
        if key not in keys:
            keys[key] = len(slots)
            slots.append(_slot(h, parent))
        slot_of[h.name] = k = keys[key]
        if h.parent is not None:
            option = space[h.parent].grid(0).index(h.option)  # type: ignore[arg-type]
            slots[k] = Slot(slots[k].options, slots[k].levels, slots[k].edges, parent, (*slots[k].under, option))
    is_choice = np.array([slot.options > 0 for slot in slots], dtype=bool)
    return Layout(space, tuple(slots), np.array([slot_of[name] for name in space.names], dtype=np.int64), is_choice)


def _options(slot: Slot) -> int:
    return slot.options if slot.levels is None else len(slot.levels)


def _leaf(h: Hyperparameter) -> str:
    """The name within its branch."""
    return h.name.removeprefix(f"{h.parent}.{h.option}.")


def _slot(h: Hyperparameter, parent: int) -> Slot:
    dimension = h.dimension
    if not dimension.ordered:
        return Slot(dimension.levels or 0, None, None, parent, ())
    if dimension.decode(0.0) == dimension.decode(1.0):
        return Slot(0, np.array([dimension.encode(dimension.decode(0.0))]), np.empty(0), parent, ())
    if dimension.levels is None or dimension.levels > _FINE:
        return Slot(0, None, None, parent, ())
    levels = np.array([dimension.encode(value) for value in dimension.grid(dimension.levels)])
    return Slot(0, levels, (levels[1:] + levels[:-1]) / 2, parent, ())
