"""Hyperparameter: a dimension at its place in a space."""

from collections.abc import Mapping
from dataclasses import dataclass

from danlu.space.dimension import Dimension
from danlu.space.value import Value


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
