"""Space and Config: what may be tried, and one thing to try.

A space is a tree: a member is a dimension, or a space of its own (a group); an option of a `Choice` may open a branch.
Flattened, it is a tuple of hyperparameters with dotted names, each perhaps active only under an option of another:

    Space({"lr": Float(1e-5, 1e-1, log=True),
           "optimizer": Choice({"sgd": Space({"momentum": Float(0, 1)}), "adam": None})})
    lr · optimizer · optimizer.sgd.momentum (active where optimizer is "sgd")
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from danlu.errors import SpaceError, UnknownName
from danlu.space.dimension import MISSING, Choice, Dimension, Numeric, Value, dimension_from_dict


class Config(dict[str, Value]):
    """One setting of the active hyperparameters: name -> value. Immutable and hashable, else a dict."""

    __slots__ = ("_hash",)
    _hash: int

    def __hash__(self) -> int:  # type: ignore[override]
        try:
            return self._hash
        except AttributeError:
            # bypasses our own immutability for the one value that is derived from the content
            object.__setattr__(self, "_hash", hash(frozenset(self.items())))
            return self._hash

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("a Config can't be changed; make another with {**config, name: value}")

    __setitem__ = __delitem__ = __ior__ = update = pop = popitem = clear = setdefault = _refuse

    def __reduce__(self) -> Any:
        return Config, (dict(self),)

    def __repr__(self) -> str:
        return f"Config({dict(self)!r})"


@dataclass(frozen=True)
class Hyperparameter:
    """A dimension at its place in a space.

    Attributes:
        name: dotted path, such as "optimizer.sgd.momentum".
        dimension: the values it may take.
        parent: name of the choice that switches it on; None if it is always active.
        option: the option under which it is active.
    """

    name: str
    dimension: Dimension
    parent: str | None = None
    option: Value | None = None

    def is_active(self, config: Mapping[str, Value]) -> bool:
        """Whether this hyperparameter has a meaning in a config that holds all those before it."""
        return self.parent is None or config.get(self.parent) == self.option


class Space:
    """What may be tried: hyperparameters by name, with groups and conditional branches.

    Raises:
        SpaceError: a declaration makes no sense; the message names the hyperparameter, the value and the remedy.
    """

    def __init__(self, members: "Mapping[str, Dimension | Space]") -> None:
        self.members: dict[str, Dimension | Space] = dict(members)
        self.hyperparameters: tuple[Hyperparameter, ...] = tuple(_flatten(self, "", None, None))
        for h in self.hyperparameters:
            h.dimension.check(h.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and list(self.members.items()) == list(other.members.items())

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(tuple(self.members.items()))

    def __len__(self) -> int:
        return len(self.hyperparameters)

    def __repr__(self) -> str:
        return f"Space({self.members!r})"

    def __getitem__(self, name: str) -> Dimension:
        return self._by_name[self.known(name)].dimension

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    @cached_property
    def _by_name(self) -> dict[str, Hyperparameter]:
        return {h.name: h for h in self.hyperparameters}

    @property
    def names(self) -> tuple[str, ...]:
        """Dotted names of all hyperparameters, parents before children."""
        return tuple(self._by_name)

    def known(self, name: str) -> str:
        """The name itself; raises `UnknownName` with the nearest known one if this space has no such hyperparameter."""
        if name not in self._by_name:
            raise UnknownName("hyperparameter", name, list(self._by_name))
        return name

    @cached_property
    def size(self) -> int | None:
        """Number of distinct configs; None if there is a continuous hyperparameter."""
        sizes = [_size(member) for member in self.members.values()]
        return None if None in sizes else math.prod(size for size in sizes if size is not None)

    # configs --------------------------------------------------------------------------------------------------------

    def build(self, value_of: Callable[[Hyperparameter], Value]) -> Config:
        """The config that asks `value_of` for each active hyperparameter in turn, parents before children."""
        values: dict[str, Value] = {}
        for h in self.hyperparameters:
            if h.parent is None or values.get(h.parent) == h.option:
                values[h.name] = value_of(h)
        return Config(values)

    def default(self) -> Config:
        """The user's defaults; the middle of a hyperparameter's scale (the first option) where none was given."""
        return self.build(_default)

    @cached_property
    def has_defaults(self) -> bool:
        """Whether the user said at least one value of the default config."""
        config = self.default()
        return any(h.dimension.default is not MISSING for h in self.hyperparameters if h.name in config)

    def config(self, values: Mapping[str, Any]) -> Config:
        """The config with these values; hyperparameters that are not named take their defaults.

        Raises:
            UnknownName: no hyperparameter has that name.
            SpaceError: a value is outside its dimension, or its hyperparameter is inactive beside the others.
        """
        for name in values:
            self.known(name)
        config = self.build(lambda h: _adopt(h, values[h.name]) if h.name in values else _default(h))
        for name in values:
            if name not in config:
                h = self._by_name[name]
                raise SpaceError(
                    f"{name!r} has no meaning where {h.parent!r} is {config.get(h.parent or '')!r}: "
                    f"it needs {h.parent} = {h.option!r}. Leave it out or set {h.parent!r} as well."
                )
        return config

    def contains(self, config: Mapping[str, Any]) -> bool:
        """Whether exactly the active hyperparameters are present, each with a value of its dimension."""
        active = [h for h in self.hyperparameters if h.is_active(config)]
        return len(active) == len(config) and all(
            h.name in config and h.dimension.contains(config[h.name]) for h in active
        )

    def quantile(self, v: Sequence[float]) -> Config:
        """The config at quantiles v in [0, 1)^d of independent uniform distributions; inactive entries are unused."""
        at = dict(zip(self._by_name, v, strict=True))
        return self.build(lambda h: h.dimension.quantile(at[h.name]))

    def sample(self, rng: np.random.Generator) -> Config:
        """One config, uniform on each hyperparameter's own scale."""
        return self.quantile(rng.random(len(self)).tolist())

    def encode(self, config: Mapping[str, Value]) -> NDArray[np.float64]:
        """Coordinates in [0, 1], shape (d,), in the order of `names`; NaN where inactive."""
        return np.array(
            [h.dimension.encode(config[h.name]) if h.name in config else np.nan for h in self.hyperparameters]
        )

    def decode(self, u: Sequence[float] | NDArray[np.float64]) -> Config:
        """The config nearest to coordinates u, shape (d,); entries of inactive hyperparameters are unused."""
        at = dict(zip(self._by_name, u, strict=True))
        return self.build(lambda h: h.dimension.decode(float(at[h.name])))

    def cross(self, values: Mapping[str, Sequence[Value]]) -> Iterator[Config]:
        """Every combination of the given values, one config each; a branch counts only under its option."""
        return (Config(partial) for partial in self._extend({}, 0, values))

    def _extend(self, partial: dict[str, Value], k: int, values: Mapping[str, Sequence[Value]]) -> Iterator[Any]:
        if k == len(self):
            yield partial
            return
        h = self.hyperparameters[k]
        if not h.is_active(partial):
            yield from self._extend(partial, k + 1, values)
            return
        for value in values[h.name]:
            yield from self._extend({**partial, h.name: value}, k + 1, values)

    # plain form -----------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON and TOML: name -> dimension (a table with `type`) or group (a table without)."""
        return {name: member.to_dict() for name, member in self.members.items()}

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> "Space":
        """The space that `to_dict` wrote."""
        members: dict[str, Dimension | Space] = {}
        for name, table in form.items():
            if not isinstance(table, Mapping):
                raise SpaceError(f"{name!r}: expected a table with type = 'float', 'int' or 'choice', got {table!r}.")
            if table.get("type") in ("float", "int", "choice"):
                members[name] = dimension_from_dict(name, table, cls.from_dict)
            else:
                members[name] = cls.from_dict(table)
        return cls(members)


def _flatten(space: Space, prefix: str, parent: str | None, option: Value | None) -> Iterator[Hyperparameter]:
    for name, member in space.members.items():
        if not isinstance(name, str) or not name or set(name) & set(".=\n"):
            raise SpaceError(
                f"{prefix}{name!r} can't name a hyperparameter: use a string without '.' and '='. "
                f"For a group, nest a Space: Space({{'model': Space({{'width': ...}})}})."
            )
        path = prefix + name
        if isinstance(member, Space):
            yield from _flatten(member, path + ".", parent, option)
        elif isinstance(member, (Numeric, Choice)):
            yield Hyperparameter(path, member, parent, option)
            if isinstance(member, Choice):
                yield from _branches(member, path)
        else:
            raise SpaceError(f"{path!r}: expected Float, Int, Choice or Space, got {member!r}.")


def _branches(choice: Choice, path: str) -> Iterator[Hyperparameter]:
    for option, branch in choice.branches.items():
        if not isinstance(branch, Space):
            raise SpaceError(f"{path!r}: the branch of option {option!r} must be a Space or None, got {branch!r}.")
        if "." in str(option):
            raise SpaceError(f"{path!r}: option {option!r} carries a Space, so its name must not hold a '.'.")
        yield from _flatten(branch, f"{path}.{option}.", path, option)


def _size(member: Dimension | Space) -> int | None:
    if isinstance(member, Choice) and member.branches:
        sizes = [branch.size if (branch := member.branches.get(option)) else 1 for option in member.options]
        return None if None in sizes else sum(sizes)
    return member.size if isinstance(member, Space) else member.levels


def _default(h: Hyperparameter) -> Value:
    default = h.dimension.default
    return h.dimension.middle() if default is MISSING else h.dimension.adopt(default)


def _adopt(h: Hyperparameter, value: Any) -> Value:
    adopted = h.dimension.adopt(value)
    if not h.dimension.contains(adopted):
        near = ""
        if isinstance(h.dimension, Numeric) and isinstance(adopted, (int, float)) and adopted == adopted:
            near = f" The nearest is {_nearest(h.dimension, adopted)!r}."
        raise SpaceError(f"{h.name!r}: {value!r} is not a value of {h.dimension}.{near}")
    return adopted  # type: ignore[no-any-return]


def _nearest(dimension: Numeric, number: float) -> Value:
    clipped = min(max(number, dimension.low), dimension.high)
    return dimension.decode(dimension.encode(clipped))  # type: ignore[no-any-return]
