"""Space and Config: what may be tried, and one thing to try.

A space is a tree: a member is a dimension, or a space of its own (a group); an option of a `Choice` may open a branch.
Flattened, it is a tuple of hyperparameters with dotted names, each perhaps active only under an option of another:

    Space({"lr": Float(1e-5, 1e-1, log=True),
           "optimizer": Choice({"sgd": Space({"momentum": Float(0, 1)}), "adam": None})})
    lr · optimizer · optimizer.sgd.momentum (active where optimizer is "sgd")

Constraints exclude some of the configs: Space({...}, where=["layers * width <= 4096"]). What makes configs for trials
(`default`, `config`, `sample`) keeps to them; `quantile`, `decode` and `cross` are maps of the whole space, and whoever
uses them asks `allows` or `allowed`.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from danlu.errors import SpaceError, UnknownName
from danlu.space.choice import Choice
from danlu.space.constraint import Constraint
from danlu.space.dimension import Dimension, dimension_from_dict
from danlu.space.hyperparameter import Hyperparameter
from danlu.space.numeric import Numeric
from danlu.space.region import Region
from danlu.space.value import MISSING, Value


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


class Space:
    """What may be tried: hyperparameters by name, with groups and conditional branches, and constraints between them.

    Args:
        members: dimensions, and spaces for groups, by name.
        where: constraints such as "layers * width <= 4096" or "optimizer != 'sgd' or lr < 0.1", in the language of
            `expression`. The names are those of this space. One that mentions an inactive hyperparameter holds.

    Raises:
        SpaceError: a declaration makes no sense; the message names the hyperparameter or the constraint, the value and
            the remedy. So it does where no config satisfies all constraints, or the default does not.
    """

    def __init__(self, members: "Mapping[str, Dimension | Space]", where: str | Iterable[str] = ()) -> None:
        self.members: dict[str, Dimension | Space] = dict(members)
        self.where: tuple[str, ...] = (where,) if isinstance(where, str) else tuple(where)
        self.hyperparameters: tuple[Hyperparameter, ...] = tuple(_flatten(self, "", None, None))
        for h in self.hyperparameters:
            h.dimension.check(h.name)
        self.constraints: tuple[Constraint, ...] = tuple(_constraints(self, ""))
        if self.constraints:
            self._check_constraints()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Space):
            return False
        return list(self.members.items()) == list(other.members.items()) and self.where == other.where

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((tuple(self.members.items()), self.where))

    def __len__(self) -> int:
        return len(self.hyperparameters)

    def __repr__(self) -> str:
        return f"Space({self.members!r}{f', where={list(self.where)!r}' if self.where else ''})"

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
    def combinations(self) -> int | None:
        """Number of distinct configs, those included that constraints exclude; None if there is a continuous one."""
        sizes = [_combinations(member) for member in self.members.values()]
        return None if None in sizes else math.prod(size for size in sizes if size is not None)

    @cached_property
    def size(self) -> int | None:
        """Number of distinct configs; None if there is a continuous hyperparameter.

        With constraints it is counted up to 262,144 combinations; beyond, it is their number: an upper bound.
        """
        if self.combinations is None or not self.constraints:
            return self.combinations
        return self._region.count(self.combinations)

    # constraints ----------------------------------------------------------------------------------------------------

    def with_where(self, where: str | Iterable[str]) -> "Space":
        """The same space with more constraints."""
        where = (where,) if isinstance(where, str) else tuple(where)
        return Space(self.members, (*self.where, *where)) if where else self

    def violated(self, config: Mapping[str, Value]) -> Constraint | None:
        """The first constraint that a config does not satisfy; None if it satisfies all."""
        return self._region.violated(config)

    def allows(self, config: Mapping[str, Value]) -> bool:
        """Whether a config satisfies all constraints."""
        return not self.constraints or self.violated(config) is None

    def allowed(self, u: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of the configs decode(u) satisfy all constraints, for coordinates u, shape (n, d) -> (n,).

        Exact but for roundings: ask `allows` of a config before it is tried.
        """
        return self._region.allowed(u) if self.constraints else np.ones(len(u), dtype=bool)

    def allowed_quantiles(self, v: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of the configs quantile(v) satisfy all constraints, shape (n, d) -> (n,); as exact as `allowed`."""
        return self._region.allowed_quantiles(v) if self.constraints else np.ones(len(v), dtype=bool)

    @cached_property
    def _region(self) -> Region:
        return Region(self.hyperparameters, self.constraints)

    def _check_constraints(self) -> None:
        if "where" in self.members and self.where:
            raise SpaceError("'where': a space with constraints can't have a member of that name. Rename it.")
        self._region.check(self.combinations)
        self._default  # noqa: B018  # raises if the user's defaults violate one

    # configs --------------------------------------------------------------------------------------------------------

    def build(self, value_of: Callable[[Hyperparameter], Value]) -> Config:
        """The config that asks `value_of` for each active hyperparameter in turn, parents before children."""
        values: dict[str, Value] = {}
        for h in self.hyperparameters:
            if h.parent is None or values.get(h.parent) == h.option:
                values[h.name] = value_of(h)
        return Config(values)

    def default(self) -> Config:
        """The user's defaults; the middle of a hyperparameter's scale (the first option) where none was given.

        Where that violates a constraint, those without a default take the nearest values that satisfy it.
        """
        return self._default

    @cached_property
    def _default(self) -> Config:
        middle = self.build(_default)
        return middle if self.allows(middle) else self._nearest(middle)

    def _nearest(self, middle: Config) -> Config:
        """The allowed config with all the user's defaults that is near to the middle as to the others."""
        free = [k for k in self._region.needed if self.hyperparameters[k].dimension.default is MISSING]
        fixed = {h.name: _default(h) for h in self.hyperparameters if h.dimension.default is not MISSING}
        target = np.nan_to_num(self.encode(middle)[free], nan=0.5)
        for v in self._region.draws(np.random.default_rng(0), fixed) if free else ():
            for k in np.argsort(((v[:, free] - target) ** 2).sum(axis=1), kind="stable"):
                at = {self.hyperparameters[j].name: float(v[k, j]) for j in free}
                if self.allows(config := self._default_but(at)):
                    return config
        listed = [Config(values) for values in self._listed if all(values.get(n, v) == v for n, v in fixed.items())]
        if listed:
            return min(listed, key=lambda config: float(np.nansum((self.encode(config)[free] - target) ** 2)))
        violated = self.violated(middle)
        assert violated is not None
        raise SpaceError(
            f"the default config violates {violated}: {violated.values(middle)}. Change these defaults, or loosen it."
        )

    def _default_but(self, at: Mapping[str, float]) -> Config:
        """The default config but for hyperparameters at these quantiles, by name."""
        return self.build(lambda h: h.dimension.quantile(at[h.name]) if h.name in at else _default(h))

    @cached_property
    def has_defaults(self) -> bool:
        """Whether the user said at least one value of the default config."""
        config = self.default()
        return any(h.dimension.default is not MISSING for h in self.hyperparameters if h.name in config)

    def config(self, values: Mapping[str, Any]) -> Config:
        """The config with these values; hyperparameters that are not named take their defaults.

        Raises:
            UnknownName: no hyperparameter has that name.
            SpaceError: a value is outside its dimension, its hyperparameter is inactive beside the others, or together
                they violate a constraint.
        """
        for name in values:
            self.known(name)
        default = self.default()
        config = self.build(
            lambda h: _adopt(h, values[h.name]) if h.name in values else default.get(h.name, _default(h))
        )
        for name in values:
            if name not in config:
                h = self._by_name[name]
                raise SpaceError(
                    f"{name!r} has no meaning where {h.parent!r} is {config.get(h.parent or '')!r}: "
                    f"it needs {h.parent} = {h.option!r}. Leave it out or set {h.parent!r} as well."
                )
        if (violated := self.violated(config)) is not None:
            raise SpaceError(f"this config violates {violated}: {violated.values(config)}. Change one of these values.")
        return config

    def translated(self, config: Mapping[str, Any]) -> Config | None:
        """A config of another space as one of this space; None where it has no place here.

        Names that this space lacks are dropped, names that are missing take their defaults, numbers between two levels
        go to the nearer. A number out of its range, an unknown option and a violated constraint have no place.
        """
        default = self.default()

        def value_of(h: Hyperparameter) -> Any:
            return h.dimension.near(config[h.name]) if h.name in config else default.get(h.name, _default(h))

        found = self.build(value_of)
        return found if None not in found.values() and self.allows(found) else None

    def contains(self, config: Mapping[str, Any]) -> bool:
        """Whether exactly the active hyperparameters are present, each with a value of its dimension, and allowed."""
        active = [h for h in self.hyperparameters if h.is_active(config)]
        return (
            len(active) == len(config)
            and all(h.name in config and h.dimension.contains(config[h.name]) for h in active)
            and self.allows(config)
        )

    def quantile(self, v: Sequence[float]) -> Config:
        """The config at quantiles v in [0, 1)^d of independent uniform distributions; inactive entries are unused.

        It may violate a constraint: `allows` and `allowed_quantiles` tell.
        """
        at = dict(zip(self._by_name, v, strict=True))
        return self.build(lambda h: h.dimension.quantile(at[h.name]))

    def sample(self, rng: np.random.Generator) -> Config:
        """One config, uniform on each hyperparameter's own scale, among those that the constraints allow.

        Drawn by rejection. Where that finds none in 65,600 draws, which hardly one config in as many being allowed can
        cause, it is one of a finite space's list, or the default config.
        """
        config = self.quantile(rng.random(len(self)).tolist())
        return config if self.allows(config) else self._sample_allowed(rng)

    def _sample_allowed(self, rng: np.random.Generator) -> Config:
        for v in self._region.draws(rng):
            for row in v:
                config = self.quantile(row.tolist())
                if self.allows(config):
                    return config
        return Config(self._listed[int(rng.integers(len(self._listed)))]) if self._listed else self.default()

    @cached_property
    def _listed(self) -> list[dict[str, Value]]:
        return self._region.listed(self.combinations)

    def with_defaults(self, defaults: Mapping[str, Value]) -> "Space":
        """The same space with these defaults, by dotted name; others stay."""
        return _defaulting(self, "", defaults) if defaults else self

    # beliefs --------------------------------------------------------------------------------------------------------

    @cached_property
    def beliefs(self) -> dict[str, tuple[Value, ...]]:
        """What the user said to be likely, by hyperparameter."""
        return {h.name: h.dimension.likely for h in self.hyperparameters if h.dimension.likely is not None}

    def with_beliefs(self, beliefs: Mapping[str, Sequence[Value]]) -> "Space":
        """The same space with these beliefs, and no others."""
        return self if beliefs == self.beliefs else _believing(self, "", beliefs)

    def believed(self, v: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coordinates at quantiles v in [0, 1) of what is believed, shape (n, d); uniform where nothing was said.

        `decode` them. They may violate a constraint: `allows` and `allowed` tell.
        """
        dimensions = (h.dimension for h in self.hyperparameters)
        return np.stack([each.believed_all(column) for each, column in zip(dimensions, v.T, strict=True)], axis=1)

    def log_belief(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """ln of the believed density at coordinates u, shape (n, d) -> (n,), relative to the uniform one.

        The sum over the hyperparameters, of which inactive ones (NaN) count 0. Each has a share of 1/1000 of the
        uniform distribution, so none takes off more than ln 1000.
        """
        total = np.zeros(len(u))
        for h, column in zip(self.hyperparameters, u.T, strict=True):
            if h.dimension.belief is not None:
                there = ~np.isnan(column)
                total[there] += h.dimension.log_belief(column[there])
        return total

    def encode(self, config: Mapping[str, Value]) -> NDArray[np.float64]:
        """Coordinates in [0, 1], shape (d,), in the order of `names`; NaN where inactive."""
        return np.array(
            [h.dimension.encode(config[h.name]) if h.name in config else np.nan for h in self.hyperparameters]
        )

    def place(self, config: Mapping[str, Value]) -> NDArray[np.float64]:
        """As `encode`, but of any config: < 0 or > 1 where a value is none of this space, as `Dimension.place` says.

        A config from before a change of the space may also hold what no option of this space switches on; that is
        left aside.
        """
        active: dict[str, Value] = {}
        for h in self.hyperparameters:
            if h.name in config and (h.parent is None or active.get(h.parent) == h.option):
                active[h.name] = config[h.name]
        return np.array(
            [h.dimension.place(active[h.name]) if h.name in active else np.nan for h in self.hyperparameters]
        )

    def decode(self, u: Sequence[float] | NDArray[np.float64]) -> Config:
        """The config nearest to coordinates u, shape (d,); entries of inactive hyperparameters are unused.

        It may violate a constraint: `allows` and `allowed` tell.
        """
        at = dict(zip(self._by_name, u, strict=True))
        return self.build(lambda h: h.dimension.decode(float(at[h.name])))

    def cross(self, values: Mapping[str, Sequence[Value]]) -> Iterator[Config]:
        """Every combination of the given values, one config each; a branch counts only under its option.

        Those that violate a constraint are among them.
        """
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
        """Plain form for JSON and TOML: name -> dimension (a table with `type`) or group (a table without).

        Constraints, if there are any, are a list of texts under "where"; a member of that name is a table.
        """
        form: dict[str, Any] = {name: member.to_dict() for name, member in self.members.items()}
        return form | ({"where": list(self.where)} if self.where else {})

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> "Space":
        """The space that `to_dict` wrote."""
        members: dict[str, Dimension | Space] = {}
        tables, where = split_where(form)
        for name, table in tables.items():
            if not isinstance(table, Mapping):
                raise SpaceError(f"{name!r}: expected a table with type = 'float', 'int' or 'choice', got {table!r}.")
            if table.get("type") in ("float", "int", "choice"):
                members[name] = dimension_from_dict(name, table, cls.from_dict)
            else:
                members[name] = cls.from_dict(table)
        return cls(members, where)


def split_where(form: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The members of a plain form, and its constraints."""
    where = form.get("where")
    if not isinstance(where, (list, tuple)):
        return dict(form), ()
    return {name: member for name, member in form.items() if name != "where"}, tuple(where)


def _constraints(space: Space, prefix: str) -> Iterator[Constraint]:
    """The constraints of a space, of its groups and of its branches."""
    for text in space.where:
        if not isinstance(text, str):
            raise SpaceError(f"where: expected texts such as 'layers * width <= 4096', got {text!r}.")
        yield Constraint(text, prefix)
    for name, member in space.members.items():
        if isinstance(member, Space):
            yield from _constraints(member, f"{prefix}{name}.")
        elif isinstance(member, Choice):
            for option, branch in member.branches.items():
                yield from _constraints(branch, f"{prefix}{name}.{option}.")


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


def _believing(space: Space, prefix: str, beliefs: Mapping[str, Sequence[Value]]) -> Space:
    members: dict[str, Dimension | Space] = {}
    for name, member in space.members.items():
        path = prefix + name
        if isinstance(member, Space):
            members[name] = _believing(member, f"{path}.", beliefs)
            continue
        members[name] = believing = member.with_likely(beliefs.get(path))
        if isinstance(believing, Choice) and believing.branches:
            branches = {o: _believing(branch, f"{path}.{o}.", beliefs) for o, branch in believing.branches.items()}
            members[name] = believing.with_branches(branches)
    return Space(members, space.where)


def _defaulting(space: Space, prefix: str, defaults: Mapping[str, Value]) -> Space:
    members: dict[str, Dimension | Space] = {}
    for name, member in space.members.items():
        path = prefix + name
        if isinstance(member, Space):
            members[name] = _defaulting(member, f"{path}.", defaults)
            continue
        with_default: Any = member.with_default(defaults[path]) if path in defaults else member
        members[name] = with_default
        if isinstance(with_default, Choice) and with_default.branches:
            branches = {o: _defaulting(b, f"{path}.{o}.", defaults) for o, b in with_default.branches.items()}
            members[name] = with_default.with_branches(branches)
    return Space(members, space.where)


def _combinations(member: Dimension | Space) -> int | None:
    if isinstance(member, Choice) and member.branches:
        sizes = [branch.combinations if (branch := member.branches.get(option)) else 1 for option in member.options]
        return None if None in sizes else sum(sizes)
    return member.combinations if isinstance(member, Space) else member.levels


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
