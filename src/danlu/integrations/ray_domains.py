"""Ray Tune's search spaces in Danlu's terms: a `param_space` becomes a `Space`, a config becomes Tune's dictionary.

    tune.loguniform(1e-5, 1e-1)    Float(1e-5, 0.1, log=True)
    tune.quniform(0, 1, 0.1)       Float(0.0, 1.0, step=0.1)
    tune.randint(1, 9)             Int(1, 8)                    the upper end is not included, as in Tune
    tune.qrandint(16, 64, 16)      Int(16, 64, step=16)
    tune.choice(["adam", None])    Choice("adam", "None")       what is no plain value goes by a label
    {"model": {...}}               a group: names are dotted, model.width

What is no domain stays as it is; Tune adds it to each config itself.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ray.tune.search import sample
from ray.tune.search.variant_generator import parse_spec_vars

from danlu.errors import SpaceError
from danlu.space import Choice, Config, Dimension, Float, Int, Space

Path = tuple[str, ...]


@dataclass(frozen=True)
class Translation:
    """A space, and how its configs are told to Ray Tune.

    Attributes:
        space: what may be tried.
        options: name of a choice -> its label for each option -> what Tune gets.
    """

    space: Space
    options: Mapping[str, Mapping[Any, Any]]

    def to_tune(self, config: Config) -> dict[str, Any]:
        """A config as the nested dictionary that a trainable gets."""
        nested: dict[str, Any] = {}
        for name, value in config.items():
            *groups, last = name.split(".")
            place = nested
            for group in groups:
                place = place.setdefault(group, {})
            place[last] = self.options.get(name, {}).get(value, value)
        return nested

    def from_tune(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values of hyperparameters by their dotted names, out of a dictionary of Tune's, nested or with "a/b" names.

        Other entries, constants of the experiment, are left out.
        """
        flat = dict(_flat(values))
        found: dict[str, Any] = {}
        for name in self.space.names:
            if name in flat:
                labels = [label for label, option in self.options.get(name, {}).items() if _same(option, flat[name])]
                found[name] = labels[0] if labels else flat[name]
        return found


def translated(domains: Mapping[str, Any] | Space) -> Translation:
    """The translation of a `param_space`; of a `Space` too.

    Raises:
        SpaceError: it holds what a search can't choose: a grid, a function, a distribution without ends.
    """
    if isinstance(domains, Space):
        return Translation(domains, {})
    _, found, grids = parse_spec_vars(dict(domains))
    if grids:
        names = ", ".join(_name(path) for path, _ in grids)
        raise SpaceError(
            f"{names}: grid_search can't be part of a search. Use tune.choice, or Danlu's strategy 'grid'."
        )
    options: dict[str, dict[Any, Any]] = {}
    members: dict[str, Any] = {}
    for path, domain in found:
        if not all(isinstance(part, str) for part in path):
            raise SpaceError(f"{_name(path)}: a domain in a list has no name. Put it into a dictionary.")
        place = members
        for group in path[:-1]:
            place = place.setdefault(group, {})
        place[path[-1]] = _dimension(_name(path), domain, options)
    return Translation(_space(members), options)


def _space(members: Mapping[str, Any]) -> Space:
    return Space({name: _space(member) if isinstance(member, dict) else member for name, member in members.items()})


def _dimension(name: str, domain: Any, options: dict[str, dict[Any, Any]]) -> Dimension:
    sampler, step = domain.get_sampler(), None
    if isinstance(sampler, sample.Quantized):
        sampler, step = sampler.sampler, sampler.q
    is_log = isinstance(sampler, sample.LogUniform)
    if isinstance(domain, sample.Categorical) and isinstance(sampler, sample.Uniform):
        labels = _labelled(domain.categories)
        if any(label is not option for label, option in labels.items()):
            options[name] = labels
        return Choice(list(labels))
    if isinstance(domain, sample.Integer) and (is_log or isinstance(sampler, sample.Uniform)):
        if step is None or step == 1:
            return Int(domain.lower, domain.upper - 1, log=is_log)
        low, high = _multiples(domain, step)
        return Int(int(low), int(high), log=is_log, step=int(step))
    if isinstance(domain, sample.Float) and (is_log or isinstance(sampler, sample.Uniform)):
        if not (math.isfinite(domain.lower) and math.isfinite(domain.upper)):
            raise SpaceError(f"{name}: a range needs two ends, got {domain.domain_str}. Use tune.uniform(low, high).")
        if step is None:
            return Float(domain.lower, domain.upper, log=is_log)
        return Float(*_multiples(domain, step), log=is_log, step=step)
    what = f"tune.{type(domain).__name__} sampled by {type(sampler).__name__}"
    raise SpaceError(f"{name}: {what} has no ends to search between. Use tune.uniform, loguniform, randint or choice.")


def _multiples(domain: Any, step: float) -> tuple[float, float]:
    """The first and last multiple of the step in a range, both included; 3 * 0.1 is 0.3."""
    unit = Decimal(str(step))
    first, last = math.ceil(domain.lower / step - 1e-9), math.floor(domain.upper / step + 1e-9)
    return float(unit * first), float(unit * last)


def _labelled(options: list[Any]) -> dict[Any, Any]:
    """label -> option; plain values are their own labels."""
    labels: dict[Any, Any] = {}
    for k, option in enumerate(options):
        label = option if isinstance(option, (str, int, float)) else str(getattr(option, "__name__", option))
        labels[f"{label} ({k})" if label in labels else label] = option
    return labels


def _flat(values: Mapping[str, Any], before: str = "") -> Any:
    for key, value in values.items():
        name = before + str(key).replace("/", ".")
        yield name, value
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")


def _same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and bool(one == other))


def _name(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path))
