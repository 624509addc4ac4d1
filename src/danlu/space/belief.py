"""Belief: where the best value of a hyperparameter probably lies, as a distribution over its coordinates.

What a user says roughly is taken roughly: of `likely=(low, high)` a normal distribution about the middle, of which some
two thirds lie between the two; of likely options most of the weight. A share of the uniform distribution is mixed in
wherever a density is asked for, so that what the belief excludes is only less likely, and a wrong belief is forgotten.

Notation
    u: coordinate of a value, as `Dimension.encode` gives it; v: quantile in [0, 1)
    m, s: mean and standard deviation; the normal is cut to [low, high], of which it had the mass Z
    q_k: weight of option k of K
    ε: share of the uniform distribution;  ln π = ln((1 − ε) p + ε), p relative to the uniform distribution

Source: Hvarfner, Stoll, Souza, Lindauer, Hutter & Nardi (2022), "πBO: augmenting acquisition functions with user
beliefs for Bayesian optimization", ICLR: what a belief is, and the share of the uniform distribution.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FLOOR = 1e-3
"""ε: with it, a value far from what is believed likely has 1/1000 of the uniform density, and never less."""

_NARROWEST = 1e-9  # standard deviation: a range may be narrower than roundings of its logarithm
_LIKELY = 0.75  # weight of all likely options together
_TIMES = 3.0  # how many times as likely as another option each of them is, at least
_ROOT_2, _ROOT_2PI = math.sqrt(2.0), math.sqrt(2.0 * math.pi)


class Likely:
    """Annotation of a union of dataclasses: which of them is probably the best.

    optimizer: Annotated[SGD | Adam | Lion, Likely("adam", "lion")]
    """

    def __init__(self, *options: object) -> None:
        self.options = options


@dataclass(frozen=True)
class Normal:
    """Of a number: a normal distribution cut to an interval.

    Attributes:
        mean, deviation: m and s, in units of u; low ≤ m ≤ high.
        low, high: between which the coordinates lie; a little beyond 0 and 1 where end levels are as wide as others.
    """

    mean: float
    deviation: float
    low: float
    high: float

    def log_density(self, u: Floats) -> Floats:
        """ln π at coordinates, shape (n,): relative to the uniform distribution."""
        z = (u - self.mean) / self.deviation
        scale = (self.high - self.low) / (self.deviation * _ROOT_2PI * self._mass)
        return np.asarray(np.log((1.0 - FLOOR) * scale * np.exp(-0.5 * z * z) + FLOOR))

    def quantile(self, v: Floats) -> Floats:
        """Coordinates below which a share v of the normal lies, shape (n,)."""
        from scipy.special import ndtri  # loaded by whoever draws from a belief, not by whoever declares one

        below = _below((self.low - self.mean) / self.deviation)
        u = self.mean + self.deviation * ndtri(below + v * self._mass)
        return np.asarray(np.clip(u, self.low, self.high))

    @property
    def _mass(self) -> float:
        """Z."""
        return _below((self.high - self.mean) / self.deviation) - _below((self.low - self.mean) / self.deviation)


@dataclass(frozen=True)
class Weights:
    """Of a choice: a probability for each option.

    Attributes:
        probabilities: q, in the order of the options.
    """

    probabilities: tuple[float, ...]

    def log_density(self, k: NDArray[np.int64]) -> Floats:
        """ln π of options by index, shape (n,): relative to the uniform distribution."""
        return np.asarray(self._log_density[k])

    def quantile(self, v: Floats) -> NDArray[np.int64]:
        """Indices of the options in whose share of [0, 1) v lies, shape (n,)."""
        k = np.searchsorted(np.cumsum(self.probabilities), v, side="right")
        return np.minimum(k, len(self.probabilities) - 1)

    @cached_property
    def _log_density(self) -> Floats:
        q = np.array(self.probabilities)
        return np.asarray(np.log((1.0 - FLOOR) * len(q) * q + FLOOR))


def normal_between(low: float, high: float, bounds: tuple[float, float]) -> Normal:
    """The normal whose mean is the middle of an interval, and whose deviation half its width, cut to bounds."""
    low, high = max(low, bounds[0]), min(high, bounds[1])
    return Normal((low + high) / 2.0, max((high - low) / 2.0, _NARROWEST), *bounds)


def weights_of(is_likely: Sequence[bool]) -> Weights:
    """Three quarters of the weight for the likely options; more if one of them were not three times another's else."""
    likely = sum(is_likely)
    others = len(is_likely) - likely
    share = max(_LIKELY, _TIMES * likely / (_TIMES * likely + others))
    return Weights(tuple(share / likely if each else (1.0 - share) / others for each in is_likely))


def _below(z: float) -> float:
    """Φ(z)."""
    return 0.5 * math.erfc(-z / _ROOT_2)
