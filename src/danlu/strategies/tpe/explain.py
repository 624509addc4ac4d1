"""What the Parzen estimators believe: where the good trials are dense, and where the others."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from danlu.core.explain import Grid
from danlu.space import Config
from danlu.space.value import Value
from danlu.strategies.layout import Floats, Layout
from danlu.strategies.section import section_of
from danlu.strategies.tpe.parzen import Mixtures, log_densities

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True, eq=False)
class Explanation:
    """What `TPE` believes after a history.

    Attributes:
        layout: of vectors.
        held: the incumbent; of several objectives the first of the front.
        densities: of the good trials and of the others, group by group.
    """

    layout: Layout
    held: Config
    densities: tuple[Mixtures, ...]

    def log_densities(self, configs: Sequence[Mapping[str, Value]]) -> tuple[Floats, Floats]:
        """ln of the densities of the good trials and of the others at configs, each of shape (n,).

        Densities in the scales' units, on which each number runs from 0 to 1; of a choice, probabilities.
        """
        return self._at(self.layout.vectors(np.array([self.layout.space.encode(config) for config in configs])))

    def grid(self, x: str, y: str | None = None, levels: int = 25) -> Grid:
        """Columns "good" and "others", ln of the densities, and "score", their difference."""
        section = section_of(self.layout, (x,) if y is None else (x, y), levels)
        held = self.layout.vectors(self.layout.space.encode(self.held)[None])
        good, others = self._at(section.through(held))
        columns = {"good": good, "others": others, "score": good - others}
        shaped = {name: column.reshape(section.shape) for name, column in columns.items()}
        return Grid(section.names, section.axes, self.held, shaped)

    def _at(self, x: Floats) -> tuple[Floats, Floats]:
        active = self.layout.active(x)
        # a constant that mixtures leave out, for it cancels in their ratio
        constant = _HALF_LOG_2PI * (active & ~self.layout.is_choice).sum(axis=1)
        good, others = log_densities(self.densities, x, active) - constant
        return good, others
