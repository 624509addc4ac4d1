"""Variation: how two parents make a child, and how a child differs from both.

Notation
    y: coordinates in [0, 1];  η: distribution index, the larger the closer to the parents
    β: spread of the children about the parents' middle, relative to that of the parents; α makes it stay within [0, 1]

Sources
    Deb & Agrawal (1995), "Simulated binary crossover for continuous search space", Complex Systems 9.
    Deb, Pratap, Agarwal & Meyarivan (2002), "NSGA-II", IEEE Trans. Evol. Comp. 6, and the authors' code, whose bounded
    form of both operators this is (Deb & Deb 2014, "Analysing mutation schemes", describes it).
"""

import numpy as np

from danlu.strategies.layout import Floats

_SAME = 1e-14  # parents closer than this are one


def simulated_binary(a: Floats, b: Floats, eta: float, rng: np.random.Generator) -> Floats:
    """One child of two parents by simulated binary crossover: as a bit string's crossover spreads, but of numbers.

    Each coordinate takes part with probability 1/2 and else comes from the first parent; of the two children that a
    crossover makes, the one that is nearer to the first or the second parent is taken, coordinate by coordinate.

    Args:
        a, b: parents, shape (j,), in [0, 1].
        eta: η ≥ 0.
        rng: consumed by 3 j numbers.
    """
    takes_part, uniform, side = rng.random((3, len(a)))
    low, high = np.minimum(a, b), np.maximum(a, b)
    apart = high - low
    crossed = (takes_part < 0.5) & (apart > _SAME)
    apart = np.where(crossed, apart, 1.0)
    below = 0.5 * (low + high - _spread(1.0 + 2.0 * low / apart, uniform, eta) * apart)
    above = 0.5 * (low + high + _spread(1.0 + 2.0 * (1.0 - high) / apart, uniform, eta) * apart)
    return np.clip(np.where(crossed, np.where(side < 0.5, below, above), a), 0.0, 1.0)


def _spread(widest: Floats, uniform: Floats, eta: float) -> Floats:
    """β at quantiles of its distribution, cut at the widest that stays within the bounds; shape (j,)."""
    alpha = 2.0 - widest ** -(eta + 1.0)
    inner = uniform * alpha <= 1.0
    base = np.where(inner, uniform * alpha, 1.0 / (2.0 - np.where(inner, 1.0, uniform * alpha)))
    return np.asarray(base ** (1.0 / (eta + 1.0)))


def polynomial(y: Floats, eta: float, uniform: Floats) -> Floats:
    """Coordinates moved by polynomial mutation at quantiles of it: symmetric in the middle, never out of [0, 1].

    Args:
        y: shape (j,), in [0, 1].
        eta: η ≥ 0; the mean step is about 1 / η.
        uniform: in [0, 1), shape (j,).
    """
    power = eta + 1.0
    down = (2.0 * uniform + (1.0 - 2.0 * uniform) * (1.0 - y) ** power) ** (1.0 / power) - 1.0
    up = 1.0 - (2.0 * (1.0 - uniform) + (2.0 * uniform - 1.0) * y**power) ** (1.0 / power)
    with np.errstate(invalid="ignore"):  # each is only valid on its own side
        return np.clip(y + np.where(uniform < 0.5, down, up), 0.0, 1.0)
