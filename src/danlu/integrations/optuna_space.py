"""The space that an Optuna study searches, as its trials tell it: nobody declares it, each trial asks as it runs.

A parameter that a trial may lack is put where it belongs: if it is there exactly for some options of a categorical one,
it is in their branches; if nothing of that kind explains it (layers counted by an int), it is a hyperparameter of all,
and trials that lack it stand at its middle. What a range was before it changed is outside of the space.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from danlu.errors import SpaceError
from danlu.space import Choice, Config, Float, Int, Space
from danlu.space.dimension import Dimension
from danlu.space.hyperparameter import Hyperparameter
from danlu.space.numeric import Numeric
from danlu.space.value import Value

_WINDOW = 20  # trials: a range that has changed more than once in so many is as wide as all of them together
_MOST = 2_000  # different sets of parameters that are remembered

Pattern = tuple[tuple[str, int], ...]
"""The parameters of a trial, with the number of the option of each categorical one, and -1 for the others."""


@dataclass(frozen=True)
class Searched:
    """A space, and what its hyperparameters are called in Optuna.

    Attributes:
        distributions: parameter -> what its values are drawn from.
        parents: parameter -> the categorical one it hangs on, and the numbers of the options that it comes with.
    """

    distributions: dict[str, BaseDistribution]
    parents: dict[str, tuple[str, frozenset[int]]]
    space: Space = field(init=False, compare=False)
    names: tuple[str, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(sorted(self.distributions)))
        object.__setattr__(self, "space", Space(self._members(None)))

    def config(self, params: Mapping[str, Any], clipped: bool = False) -> Config:
        """The config of a trial with these parameters; what it lacks stands at its middle.

        Args:
            params: as Optuna gives them.
            clipped: whether values out of range are moved to its bounds.
        """

        def value(h: Hyperparameter) -> Value:
            name = self._name(h.name)
            found = _plain(self.distributions[name], params[name]) if name in params else None
            if found is None:
                return h.dimension.middle()
            if clipped and not h.dimension.contains(found):
                return _nearest(h.dimension, found)
            return found

        return self.space.build(value)

    def params(self, config: Config) -> dict[str, Any]:
        """The parameters that a config stands for, as Optuna wants them."""
        found: dict[str, Any] = {}
        for path, value in config.items():
            distribution = self.distributions[self._name(path)]
            found[self._name(path)] = distribution.to_external_repr(float(value))
        return found

    def _name(self, path: str) -> str:
        return self.names[int(path.rpartition(".")[2][1:])]

    def _members(self, under: tuple[str, int] | None) -> dict[str, Dimension | Space]:
        """What is in the branch of an option, or in none."""
        members: dict[str, Dimension | Space] = {}
        for k, name in enumerate(self.names):
            parent, options = self.parents.get(name, ("", frozenset[int]()))
            is_here = not options if under is None else parent == under[0] and under[1] in options
            if is_here:
                members[f"p{k}"] = self._dimension(name)
        return members

    def _dimension(self, name: str) -> Dimension:
        distribution = self.distributions[name]
        if not isinstance(distribution, CategoricalDistribution):
            dimension = dimension_of(distribution)
            assert dimension is not None
            return dimension
        branches = {str(k): self._members((name, k)) for k in range(len(distribution.choices))}
        return Choice({option: Space(members) if members else None for option, members in branches.items()})


@dataclass
class Shape:
    """What the trials have said of the space so far; `add` each that has ended, `see` those that run."""

    _ranges: dict[str, deque[BaseDistribution]] = field(default_factory=dict)
    _patterns: dict[Pattern, None] = field(default_factory=dict)
    _searched: Searched | None = None

    def see(self, distributions: Mapping[str, BaseDistribution]) -> None:
        """A trial that runs has asked for these parameters so far."""
        for name, distribution in distributions.items():
            if name not in self._ranges:
                self._ask(name, distribution)

    def add(self, distributions: Mapping[str, BaseDistribution], params: Mapping[str, Any], is_whole: bool) -> None:
        """A trial has ended; `is_whole` tells whether it had come to ask for all its parameters."""
        for name, distribution in distributions.items():
            known: Sequence[BaseDistribution] = self._ranges.get(name, ())
            if list(known) != [distribution]:
                self._ask(name, distribution)
        pattern = tuple(sorted((name, _option(distributions[name], value)) for name, value in params.items()))
        if is_whole and pattern not in self._patterns and len(self._patterns) < _MOST:
            self._patterns[pattern] = None
            self._searched = None

    def searched(self) -> Searched:
        """The space; the same object as long as nothing new was said."""
        if self._searched is None:
            now = {name: _current(ranges) for name, ranges in self._ranges.items()}
            usable = {name: d for name, d in now.items() if is_usable(d)}
            parents = _parents([dict(pattern) for pattern in self._patterns], usable)
            self._searched = Searched(usable, parents)
        return self._searched

    def _ask(self, name: str, distribution: BaseDistribution) -> None:
        ranges = self._ranges.setdefault(name, deque(maxlen=_WINDOW))
        before = _current(ranges) if ranges else None
        if len(ranges) != 1 or ranges[0] != distribution:
            ranges.append(distribution)
        if _current(ranges) != before:
            self._searched = None


def dimension_of(distribution: BaseDistribution) -> Dimension | None:
    """The dimension that draws the same values; None where there is none of that kind."""
    match distribution:
        case FloatDistribution(low=low, high=high, log=log, step=step):
            return Float(low, high, log=log, step=step)
        case IntDistribution(low=low, high=high, log=log, step=step):
            return Int(low, high, log=log, step=None if log else step)
        case CategoricalDistribution(choices=choices):
            return Choice([str(k) for k in range(len(choices))])
    return None


def is_usable(distribution: BaseDistribution) -> bool:
    """Whether there is something to choose, within what a dimension can be."""
    dimension = None if distribution.single() else dimension_of(distribution)
    if dimension is None:
        return False
    try:
        dimension.check("x")
    except SpaceError:  # whole numbers beyond 10**13, more options than can be told apart
        return False
    return True


def nearest(distribution: BaseDistribution, value: Any) -> Any:
    """The value of a distribution next to one of another range."""
    dimension = dimension_of(distribution)
    if dimension is None or isinstance(distribution, CategoricalDistribution):
        return value
    return distribution.to_external_repr(float(_nearest(dimension, value)))


def _nearest(dimension: Dimension, value: Any) -> Value:
    found = dimension.near(min(max(value, dimension.low), dimension.high)) if isinstance(dimension, Numeric) else None
    return dimension.middle() if found is None else found


def _plain(distribution: BaseDistribution, value: Any) -> Value | None:
    """A parameter's value in the space; None where it is of another kind than the parameter has now."""
    try:
        inner = distribution.to_internal_repr(value)
    except (ValueError, TypeError):
        return None
    if isinstance(distribution, CategoricalDistribution):
        return str(int(inner))
    return int(inner) if isinstance(distribution, IntDistribution) else float(inner)


def _option(distribution: BaseDistribution, value: Any) -> int:
    if not isinstance(distribution, CategoricalDistribution):
        return -1
    return int(distribution.to_internal_repr(value))


def _current(ranges: Sequence[BaseDistribution]) -> BaseDistribution:
    """The range that holds now: the last one, unless it changes all the time; then all of the last ones together."""
    last = ranges[-1]
    runs = [key for key, _ in groupby(ranges)]
    if len(runs) <= 2 or isinstance(last, CategoricalDistribution):
        return last
    alike = [d for d in runs if type(d) is type(last) and d.log == last.log]
    low, high = min(d.low for d in alike), max(d.high for d in alike)
    if isinstance(last, IntDistribution):
        step = last.step if all((d.low - low) % last.step == 0 == d.step % last.step for d in alike) else 1
        return IntDistribution(low, high, log=last.log, step=step)
    return FloatDistribution(low, high, log=last.log)


def _parents(patterns: Sequence[Mapping[str, int]], names: Iterable[str]) -> dict[str, tuple[str, frozenset[int]]]:
    """Which parameters hang on which options of another one, as far as the trials tell; see the module."""
    present = {name: frozenset(k for k, p in enumerate(patterns) if name in p) for name in sorted(names)}
    choices = [name for name in present if any(patterns[k][name] >= 0 for k in present[name])]
    parents: dict[str, tuple[str, frozenset[int]]] = {}
    for name, where in present.items():
        if len(where) in (0, len(patterns)):
            continue
        found: list[tuple[int, str, frozenset[int]]] = []
        for choice in choices:
            if where < present[choice]:  # so that no two hang on each other
                on = frozenset(patterns[k][choice] for k in where)
                if on.isdisjoint(patterns[k][choice] for k in present[choice] - where):
                    found.append((len(present[choice]), choice, on))
        if found:
            _, choice, on = min(found, key=lambda each: each[:2])
            parents[name] = (choice, on)
    return parents
