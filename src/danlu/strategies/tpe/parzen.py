"""Parzen: the density of a set of trials, a mixture with one component a trial and one for the prior.

Notation
    x: vectors, shape (m, s); i: components, of which the last is the prior; j: numbers; w_i: weight, Σ w = 1
    μ_ij, σ_ij: of component i in number j, a normal cut to [0, 1], of mass M_ij
    q_ic: probabilities of the options of choice c
    ln p(x | i) = Σ_j (−(x_j − μ_ij)² / 2σ_ij² − ln σ_ij M_ij) + Σ_c ln q_ic(x_c) + const
                = b_i − x²·(1/2σ_i²) + x·(μ_i/σ_i²) + Σ_c ln q_ic(x_c)        two matrix products for all m and i

A conditional space is a tree: slots that are switched on together form a group with a mixture of its own, made of the
trials in which they are active; the density of a config is the product over its active groups.

What the user believes likely is where the good trials are to be expected: it is the prior component of their density.

Sources
    Bergstra, Bardenet, Bengio & Kégl (2011), "Algorithms for hyper-parameter optimization", NeurIPS: the estimator.
    Falkner, Klein & Hutter (2018), BOHB: one kernel for all numbers together.
    Watanabe (2023), "Tree-structured Parzen estimator", arXiv 2304.11127: what its settings do.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from danlu.space.belief import Normal, Weights
from danlu.strategies.layout import IDLE, Bools, Floats, Layout

_NARROWEST = 100  # bandwidths are at least 1 / min(100, n + 2) of the range
_LEVELS = 0.03  # and at least so much where there are levels: no value between them can be tried


@dataclass(frozen=True, eq=False)
class Group:
    """Slots that are active together.

    Attributes:
        numbers, choices: indices of the slots.
        floor: least bandwidth of each number.
        belief: for each slot that the user said something of, what.
    """

    numbers: NDArray[np.int64]
    choices: tuple[int, ...]
    floor: Floats
    belief: Mapping[int, Normal | Weights]

    @property
    def first(self) -> int:
        """A slot whose activity is that of the group."""
        return int(self.numbers[0]) if len(self.numbers) else self.choices[0]


def groups_of(layout: Layout) -> tuple[Group, ...]:
    """The groups of a layout, those that are always active first."""
    keys: dict[object, list[int]] = {}
    for k, slot in enumerate(layout.slots):
        keys.setdefault((slot.parent, slot.under), []).append(k)
    found = []
    for slots in keys.values():
        numbers = np.array([k for k in slots if not layout.slots[k].options], dtype=np.int64)
        floor = np.array([_LEVELS if layout.slots[k].levels is not None else 0.0 for k in numbers])
        belief = {k: said for k in slots if (said := layout.dimensions[k].belief) is not None}
        found.append(Group(numbers, tuple(k for k in slots if layout.slots[k].options), floor, belief))
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Mixture:
    """The density of one group.

    Attributes:
        group: its slots.
        log_weights: ln w, shape (i,).
        mu, sigma: shape (i, j).
        log_q: for each choice ln q, shape (i, options).
    """

    group: Group
    log_weights: Floats
    mu: Floats
    sigma: Floats
    log_q: tuple[Floats, ...]

    def log_density(self, x: Floats) -> Floats:
        """ln p of vectors, shape (m,)."""
        v = x[:, self.group.numbers]
        precision = 1.0 / (self.sigma * self.sigma)
        scaled = self.mu * precision
        mass = ndtr((1.0 - self.mu) / self.sigma) - ndtr(-self.mu / self.sigma)
        b = self.log_weights - np.log(self.sigma * mass).sum(axis=1) - 0.5 * (self.mu * scaled).sum(axis=1)
        table = b + v @ scaled.T - (v * v) @ (0.5 * precision.T)  # (m, i)
        for k, log_q in zip(self.group.choices, self.log_q, strict=True):
            table += log_q.T[x[:, k].astype(np.intp)]
        top = table.max(axis=1)
        return np.asarray(top + np.log(np.exp(table - top[:, None]).sum(axis=1)))

    def sample(self, x: Floats, rng: np.random.Generator) -> None:
        """Draws the group's slots of vectors x, shape (m, s), in place."""
        cumulated = np.cumsum(np.exp(self.log_weights))
        i = np.searchsorted(cumulated, rng.random(len(x)) * cumulated[-1], side="right").clip(max=len(cumulated) - 1)
        if len(self.group.numbers):
            mu, sigma = self.mu[i], self.sigma[i]
            low, high = ndtr(-mu / sigma), ndtr((1.0 - mu) / sigma)
            drawn = mu + sigma * ndtri(low + rng.random(mu.shape) * (high - low))
            x[:, self.group.numbers] = np.clip(drawn, 0.0, 1.0)
        for k, log_q in zip(self.group.choices, self.log_q, strict=True):
            cumulated = np.cumsum(np.exp(log_q[i]), axis=1)
            x[:, k] = (rng.random((len(x), 1)) * cumulated[:, -1:] > cumulated).sum(axis=1)


def mixture(layout: Layout, group: Group, x: Floats, weights: Floats, trust: float = 0.0) -> Mixture:
    """The mixture of a group, of the vectors in which it is active; of none of them, the prior alone.

    The prior spreads over the whole range, or is the user's belief π of where these vectors are, to a power.

    Args:
        layout: of the vectors.
        group: its slots.
        x: shape (n, s).
        weights: of the trials, beside a prior of weight 1; shape (n,).
        trust: the prior is π^trust, in [0, 1].
    """
    n, j = len(x), len(group.numbers)
    mu, sigma = np.full((n + 1, j), IDLE), np.ones((n + 1, j))
    mu[:n] = x[:, group.numbers]
    belief = group.belief if trust > 0.0 else {}
    for i, k in enumerate(group.numbers.tolist()):
        if isinstance(said := belief.get(k), Normal):  # a power of a normal is a wider one
            mu[n, i] = min(max(said.mean, 0.0), 1.0)
            sigma[n, i] = min(max(said.deviation / trust**0.5, 1.0 / _NARROWEST, group.floor[i]), 1.0)
    if n:
        sigma[:n] = _bandwidths(mu[:n], group.floor, mu[n:])
    w = np.append(weights, 1.0)
    log_q = []
    for k in group.choices:
        count = layout.slots[k].options
        q = np.full((n + 1, count), 1.0 / (n + 1) if n else 1.0)
        q[np.arange(n), x[:, k].astype(np.intp)] += 1.0
        if isinstance(said := belief.get(k), Weights):
            q[n] = np.array(said.probabilities) ** trust
        log_q.append(np.log(q / q.sum(axis=1, keepdims=True)))
    return Mixture(group, np.log(w / w.sum()), mu, sigma, tuple(log_q))


def _bandwidths(mu: Floats, floor: Floats, centre: Floats) -> Floats:
    """Distance to the further of the two neighbours, bounds and the prior's centre, (1, j), among them; (n, j)."""
    n, j = mu.shape
    padded = np.concatenate([mu, centre])
    order = np.argsort(padded, axis=0, kind="stable")
    ranked = np.take_along_axis(padded, order, axis=0)
    ends = np.concatenate([np.zeros((1, j)), ranked, np.ones((1, j))])
    gaps = np.diff(ends, axis=0)
    widest = np.maximum(gaps[:-1], gaps[1:])
    sigma = np.empty_like(widest)
    np.put_along_axis(sigma, order, widest, axis=0)
    return np.clip(sigma[:n], np.maximum(1.0 / min(_NARROWEST, n + 2), floor), 1.0)


def log_densities(mixtures: list[Mixture], x: Floats, active: Bools) -> Floats:
    """ln p of whole vectors: the sum over the groups that are active in each, shape (m,)."""
    total = np.zeros(len(x))
    for part in mixtures:
        there = active[:, part.group.first]
        if there.all():
            total += part.log_density(x)
        elif there.any():
            total[there] += part.log_density(x[there])
    return total
