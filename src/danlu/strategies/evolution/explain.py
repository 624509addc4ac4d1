"""What CMA-ES believes: where the next configs are drawn from.

Notation
    v ~ N(m, S) the numbers before they are cut, S = σ² A C A; a continuous one has a density, one in levels falls into
        a cell [a, b) between two edges; both ends of a scale take what lies beyond them
    q_k: probabilities of the options of choice k
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from danlu.core.explain import Grid
from danlu.space import Config
from danlu.strategies.evolution.distribution import Distribution
from danlu.strategies.layout import Floats
from danlu.strategies.section import section_of

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_FAR = 8.0  # standard deviations beyond which there is nothing
_ROOT_2PI = float(np.sqrt(2.0 * np.pi))


@dataclass(frozen=True, eq=False)
class Explanation:
    """What `CMAES` believes after a history.

    Attributes:
        distribution: from which the next suggestion is drawn.
        generation: the number of the generation that the next suggestion belongs to, since the last beginning.
        restarts: how often the search began anew.
    """

    distribution: Distribution
    generation: int
    restarts: int

    @property
    def mean(self) -> Config:
        """The middle of the distribution: of numbers the mean, of choices the likeliest option."""
        return self.distribution.variables.layout.config(self._middle)

    @property
    def sigma(self) -> float:
        """σ, the step size: shares of a hyperparameter's range, before `covariance` stretches it."""
        return self.distribution.sigma

    @property
    def numbers(self) -> tuple[str, ...]:
        """The numbers that are varied, in the order of `covariance`; of those that branches share, the first."""
        slot_of = self.distribution.variables.layout.slot_of.tolist()
        names = self.distribution.variables.layout.space.names
        return tuple(names[slot_of.index(slot)] for slot in self.distribution.variables.numbers.tolist())

    @property
    def covariance(self) -> Floats:
        """S, step size included, of `numbers`, in shares of their ranges: shape (j, j)."""
        return self.distribution.covariance

    @property
    def deviations(self) -> dict[str, float]:
        """Standard deviation of each number, in shares of its range."""
        return dict(zip(self.numbers, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))

    @property
    def options(self) -> dict[str, Mapping[object, float]]:
        """Probability of each value of each choice, and of each number that has two values only."""
        layout = self.distribution.variables.layout
        found: dict[str, Mapping[object, float]] = {}
        slot_of = layout.slot_of.tolist()
        for slot, q in zip(self.distribution.variables.choices.tolist(), self.distribution.options, strict=True):
            name = layout.space.names[slot_of.index(slot)]
            values = layout.space[name].grid(len(q))
            found[name] = dict(zip(values, q.tolist(), strict=False))
        return found

    def grid(self, x: str, y: str | None = None, levels: int = 25) -> Grid:
        """Column "density": how dense draws are, whatever the others are.

        In the scales' units, on which a number runs from 0 to 1; of levels and options, probabilities. What a choice
        that is not shown switches on is looked at where it is on. Both ends of a scale also take all that lies beyond
        them, which no density shows. `held` is the mean.
        """
        layout = self.distribution.variables.layout
        section = section_of(layout, (x,) if y is None else (x, y), levels)
        at = section.through(self._middle[None])
        active = layout.active(at)
        density = np.ones(len(at))
        varied = {int(slot): j for j, slot in enumerate(self.distribution.variables.numbers)}
        numbers = list(dict.fromkeys(slot for slot in section.moved if slot in varied))
        for slot in dict.fromkeys(section.moved):
            if slot not in varied:
                density *= np.where(active[:, slot], self._probability(slot, at[:, slot]), 1.0)
        for on in np.unique(active[:, numbers], axis=0):  # at one point both may be on, at another one of them
            rows = (active[:, numbers] == on).all(axis=1)
            shown = [slot for slot, is_on in zip(numbers, on, strict=True) if is_on]
            if shown:
                density[rows] *= self._joint([varied[slot] for slot in shown], at[rows][:, shown])
        return Grid(section.names, section.axes, self.mean, {"density": density.reshape(section.shape)})

    @property
    def _middle(self) -> Floats:
        return self.distribution.middle

    def _probability(self, slot: int, values: Floats) -> Floats:
        """Of values of a choice, or of a number with two values; 1 of what has a single one."""
        variables = self.distribution.variables
        if slot not in variables.choices:
            return np.ones(len(values))
        i = variables.choices.tolist().index(slot)
        option = np.abs(values[:, None] - variables.values[i]).argmin(axis=1)
        return np.asarray(self.distribution.options[i][option])

    def _joint(self, which: list[int], x: Floats) -> Floats:
        """Density of one or two numbers at x, shape (n, 1) or (n, 2), whatever the others are."""
        m, S = self.distribution.mean[which], self.covariance[np.ix_(which, which)]
        low, high = zip(*(self._cell(j, x[:, k]) for k, j in enumerate(which)), strict=True)
        if len(which) == 1:
            return _mass(low[0], high[0], m[0], np.sqrt(S[0, 0]))
        # ∫ over the first one's cell of its density times what the second one's has, given the first
        s = float(np.sqrt(S[0, 0]))
        rest = float(np.sqrt(max(S[1, 1] - S[0, 1] ** 2 / S[0, 0], 1e-300)))
        nodes, weights = _nodes(low[0], high[0], float(m[0]), s)
        given = m[1] + S[0, 1] / S[0, 0] * (nodes - m[0])
        second = _mass(low[1][:, None], high[1][:, None], given, rest)
        return np.asarray((weights * _normal((nodes - m[0]) / s) / s * second).sum(axis=1))

    def _cell(self, j: int, x: Floats) -> tuple[Floats, Floats]:
        """The cells in which values lie; of a continuous number the values themselves, twice."""
        variables = self.distribution.variables
        if j < variables.continuous:
            return x, x
        levels = variables.levels[j - variables.continuous]
        edges = np.concatenate([[-np.inf], (levels[1:] + levels[:-1]) / 2, [np.inf]])
        cell = np.searchsorted(edges, x, side="right")
        return edges[cell - 1], edges[cell]


def _normal(z: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * z * z) / _ROOT_2PI)


def _mass(low: Floats, high: Floats, mean: Floats, deviation: float) -> Floats:
    """Of a normal variable within bounds; where these are equal, its density."""
    a, b = (low - mean) / deviation, (high - mean) / deviation
    flipped = a > 0.0  # in the lower tail a double tells apart what it can't at 1 − 1e-17
    within = np.where(flipped, ndtr(-a) - ndtr(-b), ndtr(b) - ndtr(a))
    return np.where(low == high, _normal(np.where(np.isfinite(a), a, 0.0)) / deviation, within)


def _nodes(low: Floats, high: Floats, mean: float, deviation: float) -> tuple[Floats, Floats]:
    """Where to look, and by which weights to add up, over cells: each of shape (n, number of nodes)."""
    a = np.clip(low, mean - _FAR * deviation, mean + _FAR * deviation)
    b = np.clip(high, mean - _FAR * deviation, mean + _FAR * deviation)
    nodes = 0.5 * (a + b)[:, None] + 0.5 * (b - a)[:, None] * _NODES
    weights = 0.5 * (b - a)[:, None] * _WEIGHTS
    single = low == high
    nodes[single] = low[single][:, None]
    weights[single] = 1.0 / len(_NODES)
    return nodes, weights
