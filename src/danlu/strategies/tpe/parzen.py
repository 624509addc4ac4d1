"""Parzen: the density of a set of trials, a mixture with one component a trial and one for the prior.

Notation
    x: vectors, shape (m, s); i: components, of which the last is the prior; j: numbers; w_i: weight, Σ w = 1
    μ_ji, σ_ji: of component i in number j, a normal cut to [0, 1], of mass M_ji
    q_oi: probabilities of the options o, those of one choice after those of another
    ln p(x | i) = Σ_j (−(x_j − μ_ji)² / 2σ_ji² − ln σ_ji M_ji) + Σ_c ln q_ic(x_c) + const
                = b_i + x·(μ_i/σ_i²) − x²·(1/2σ_i²) + e·ln q_i, e_o = 1 where x takes option o, else 0
                = f·W_i, f = (x, x², e, 1): one matrix product for all m and i

A conditional space is a tree: slots that are switched on together form a group with a mixture of its own, made of the
trials in which they are active; the density of a config is the product over its active groups.

What the user believes likely is where the good trials are to be expected: it is the prior component of their density.

Sources
    Bergstra, Bardenet, Bengio & Kégl (2011), "Algorithms for hyper-parameter optimization", NeurIPS: the estimator.
    Falkner, Klein & Hutter (2018), BOHB: one kernel for all numbers together.
    Watanabe (2023), "Tree-structured Parzen estimator", arXiv 2304.11127: what its settings do.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from danlu.space.belief import Normal, Weights
from danlu.strategies.layout import IDLE, Bools, Floats, Layout

Indices = NDArray[np.int64]

_NARROWEST = 100  # bandwidths are at least 1 / min(100, n + 2) of the range
_LEVELS = 0.03  # and at least so much where there are levels: no value between them can be tried
_NOTHING = -600.0  # ln of what is nothing beside 1
_WHOLE = 7.0  # deviations from both bounds beyond which all of a normal but 2.6e-12 lies between them


@dataclass(frozen=True, eq=False)
class Group:
    """Slots that are active together.

    Attributes:
        numbers, choices: indices of the slots.
        floor: least bandwidth of each number.
        options: how many each choice has.
        belief: for each slot that the user said something of, what.
    """

    numbers: Indices
    choices: Indices
    floor: Floats
    options: Indices
    belief: Mapping[int, Normal | Weights]

    @cached_property
    def first(self) -> int:
        """A slot whose activity is that of the group."""
        return int(self.numbers[0] if len(self.numbers) else self.choices[0])

    @cached_property
    def begins(self) -> Indices:
        """Where each choice's options begin among all options, shape (c,)."""
        return np.cumsum(self.options) - self.options

    @cached_property
    def sizes(self) -> Floats:
        """Of each option, how many there are of its choice, shape (options,)."""
        return np.repeat(self.options, self.options).astype(float)

    @cached_property
    def even(self) -> Floats:
        """ln q of each option if all of its choice are as likely, shape (options,)."""
        return np.asarray(-np.log(self.sizes))

    def features(self, x: Floats) -> Floats:
        """f of vectors, shape (m, 2j + options + 1)."""
        j = len(self.numbers)
        f = np.zeros((len(x), 2 * j + len(self.sizes) + 1))
        f[:, :j] = v = x.take(self.numbers, axis=1)
        f[:, j : 2 * j] = v * v
        f[np.arange(len(x)), (2 * j + self.begins)[:, None] + x.T[self.choices].astype(np.intp)] = 1.0
        f[:, -1] = 1.0
        return f


def groups_of(layout: Layout) -> tuple[Group, ...]:
    """The groups of a layout, those that are always active first."""
    keys: dict[object, list[int]] = {}
    for k, slot in enumerate(layout.slots):
        keys.setdefault((slot.parent, slot.under), []).append(k)
    found = []
    for slots in keys.values():
        numbers = np.array([k for k in slots if not layout.slots[k].options], dtype=np.int64)
        choices = np.array([k for k in slots if layout.slots[k].options], dtype=np.int64)
        floor = np.array([_LEVELS if layout.slots[k].levels is not None else 0.0 for k in numbers])
        options = np.array([layout.slots[k].options for k in choices], dtype=np.int64)
        belief = {k: said for k in slots if (said := layout.dimensions[k].belief) is not None}
        found.append(Group(numbers, choices, floor, options, belief))
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Mixtures:
    """The densities of several sets of trials in one group, side by side: most of what a density costs are calls.

    Attributes:
        group: its slots.
        ends: where each mixture's components end; the last one of each is the prior.
        sizes: n + 1, how many components there are in the mixture of each, shape (i,).
        weights: w, shape (i,).
        mu, sigma: shape (j, i).
        taken: the option that each trial took in each choice, shape (c, i); of a prior the first.
        log_prior: ln q of the prior of each mixture, shape (options, mixtures).
    """

    group: Group
    ends: Indices
    sizes: Indices
    weights: Floats
    mu: Floats
    sigma: Floats
    taken: Indices
    log_prior: Floats

    @cached_property
    def coefficients(self) -> Floats:
        """W, shape (2j + options + 1, i)."""
        j, group, i = len(self.mu), self.group, np.arange(len(self.weights))
        W = np.empty((2 * j + len(group.sizes) + 1, len(i)))
        halved = np.divide(-0.5, self.sigma * self.sigma, out=W[j : 2 * j])
        scaled = np.multiply(self.mu, -2.0 * halved, out=W[:j])
        if len(self.taken):
            # q_oi = (1 / (n + 1) + 1 where trial i took o) / (1 + k / (n + 1)), k being the options of the choice
            n1, log_q = self.sizes, W[2 * j : -1]
            np.negative(np.log(group.sizes[:, None] + n1), out=log_q)
            log_q[group.begins[:, None] + self.taken, i] = np.log((n1 + 1) / (group.options[:, None] + n1))
            log_q[:, self.ends - 1] = self.log_prior
        spread = np.log(self.sigma * self._masses()).sum(axis=0) + 0.5 * (self.mu * scaled).sum(axis=0)
        W[-1] = np.log(self.weights) - spread
        return W

    def _masses(self) -> Floats:
        """M, shape (j, i): Φ(a) − Φ(a − 1/σ), a being the distance to the nearer bound in deviations."""
        masses, a = np.ones(self.mu.shape), np.minimum(self.mu, 1.0 - self.mu) / self.sigma
        # by flat indices: masks and `ndtr` of all took 70 µs of a suggestion, of 500 trials one number in three is cut
        cut = (a < _WHOLE).ravel().nonzero()[0]
        masses.put(cut, ndtr(a.take(cut)))
        broad = (self.sigma > 0.5 / _WHOLE).ravel().nonzero()[0]
        masses.put(broad, masses.take(broad) - ndtr(a.take(broad) - 1.0 / self.sigma.take(broad)))
        return masses

    def log_densities(self, f: Floats) -> Floats:
        """ln p of vectors with these features, a row for each mixture, shape (mixtures, m)."""
        table = f @ self.coefficients  # (m, i)
        top = table.max(axis=1)
        table -= top[:, None]
        # what underflows takes `exp` ten times as long. No density is lost: none is below its prior's, and that is a
        # hundredth of the highest in each number, which of up to 120 numbers lies above the cut
        np.maximum(table, _NOTHING, out=table)
        np.exp(table, out=table)
        sums = [table[:, begin:end].sum(axis=1) for begin, end in itertools.pairwise([0, *self.ends.tolist()])]
        return np.asarray(top + np.log(sums))

    def sample(self, x: Floats, rng: np.random.Generator) -> None:
        """Draws the group's slots of vectors x, shape (m, s), from the first mixture, in place."""
        n, m, c = int(self.ends[0]) - 1, len(x), len(self.taken)
        i = np.minimum(self.weights[:n].cumsum().searchsorted(rng.random(m), side="right"), n)
        if len(self.mu):
            x[:, self.group.numbers] = _normals(self.mu.take(i, axis=1), self.sigma.take(i, axis=1), rng).T
        if c:
            # q is a mixture as well: with probability k / (n + 1 + k) any of k options, else the one that was taken
            options = self.group.options[:, None]
            any_of, at = rng.random((2, c, m))
            is_any = (any_of * (options + (n + 1)) < options) | (i == n)
            x[:, self.group.choices] = np.where(is_any, (at * options).astype(np.intp), self.taken.take(i, axis=1)).T
            if self.group.belief:
                self._draw_believed(x, np.flatnonzero(i == n), rng)

    def _draw_believed(self, x: Floats, rows: Indices, rng: np.random.Generator) -> None:
        """Draws the choices of which the user said something, of vectors from the first prior, in place."""
        for c, k in enumerate(self.group.choices.tolist()):
            if k in self.group.belief:
                begin = int(self.group.begins[c])
                q = np.exp(self.log_prior[begin : begin + int(self.group.options[c]), 0]).cumsum()
                x[rows, k] = np.minimum(q.searchsorted(rng.random(len(rows)) * q[-1], side="right"), len(q) - 1)


def _normals(mu: Floats, sigma: Floats, rng: np.random.Generator) -> Floats:
    """Draws from normals cut to [0, 1], of the shape of μ and σ."""
    x = mu + sigma * rng.standard_normal(mu.shape)
    # what falls inside is a draw from the cut normal already, and what does not, one in ten, is replaced by one
    beyond = ((x < 0.0) | (x > 1.0)).ravel().nonzero()[0]
    mu, sigma = mu.take(beyond), sigma.take(beyond)
    low, high = ndtr(-mu / sigma), ndtr((1.0 - mu) / sigma)
    drawn = mu + sigma * ndtri(low + rng.random(len(mu)) * (high - low))
    x.put(beyond, np.minimum(np.maximum(drawn, 0.0), 1.0))
    return x


def mixtures(group: Group, sets: Sequence[tuple[Floats, Floats]], trust: float = 0.0) -> Mixtures:
    """The mixtures of a group, each of the vectors in which it is active; of none of them, the prior alone.

    Args:
        group: its slots.
        sets: of each mixture the vectors, shape (n, s), and their weights beside a prior of weight 1, shape (n,).
        trust: the prior of the first mixture is π^trust, π being the user's belief; in [0, 1].
    """
    counts = np.array([len(x) + 1 for x, _ in sets])
    ends, sizes = counts.cumsum(), counts.repeat(counts)
    total, end = len(sizes), 0
    weights, mu = np.ones(total), np.empty((len(group.numbers), total))
    taken = np.zeros((len(group.choices), total), dtype=np.intp)
    for x, w in sets:
        begin, end = end, end + len(x) + 1
        weights[begin : end - 1], mu[:, begin : end - 1] = w, x.T[group.numbers]
        taken[:, begin : end - 1] = x.T[group.choices]
        mu[:, end - 1] = IDLE
        weights[begin:end] /= weights[begin:end].sum()
    log_prior = group.even[:, None].repeat(len(sets), axis=1)
    if trust == 0.0 or not group.belief:
        return Mixtures(group, ends, sizes, weights, mu, _bandwidths(mu, ends, sizes, group.floor), taken, log_prior)
    first = int(ends[0]) - 1
    normals = [
        (j, said) for j, k in enumerate(group.numbers.tolist()) if isinstance(said := group.belief.get(k), Normal)
    ]
    for j, said in normals:
        mu[j, first] = min(max(said.mean, 0.0), 1.0)
    sigma = _bandwidths(mu, ends, sizes, group.floor)
    for j, said in normals:  # a power of a normal is a wider one
        sigma[j, first] = min(max(said.deviation / trust**0.5, 1.0 / _NARROWEST, group.floor[j]), 1.0)
    for c, k in enumerate(group.choices.tolist()):
        if isinstance(said := group.belief.get(k), Weights):
            q, begin = np.array(said.probabilities) ** trust, int(group.begins[c])
            log_prior[begin : begin + len(q), 0] = np.log(q / q.sum())
    return Mixtures(group, ends, sizes, weights, mu, sigma, taken, log_prior)


def _bandwidths(mu: Floats, ends: Indices, sizes: Indices, floor: Floats) -> Floats:
    """Distance to the further of the two neighbours in the mixture, bounds among them, shape (j, i); a prior's is 1.

    Args:
        mu, ends, sizes: as in `Mixtures`.
        floor: shape (j,).
    """
    begins = ends - sizes[ends - 1]
    order = _ranks(mu, begins)
    ranked, below, above = mu.take(order), np.empty(mu.shape), np.empty(mu.shape)
    np.subtract(ranked[:, 1:], ranked[:, :-1], out=below[:, 1:])
    above[:, :-1] = below[:, 1:]
    below[:, begins], above[:, ends - 1] = ranked[:, begins], 1.0 - ranked[:, ends - 1]
    sigma = np.empty(mu.shape)
    sigma.put(order, np.maximum(below, above, out=below))
    narrowest = 1.0 / np.minimum(sizes + 1, _NARROWEST)
    np.maximum(sigma, np.maximum(narrowest, floor[:, None]), out=sigma)
    sigma[:, ends - 1] = 1.0
    return sigma


def _ranks(mu: Floats, begins: Indices) -> Indices:
    """Where in the flat array each row's elements lie, mixture by mixture in ascending order, equal ones in theirs.

    A sort of whole numbers that hold the mixture, the coordinate and the place, which no two share: 12 µs for 8 rows of
    500, a stable `argsort` takes 41. What differs by less than 2^-47 may come out in the order of places.
    """
    j, i = mu.shape
    bits = i.bit_length()
    keys = (mu * 2.0 ** (58 - bits)).astype(np.int64) << bits
    places = np.arange(i)
    for begin in begins[1:].tolist():
        places[begin:] += 1 << 59
    keys += places
    keys.sort(axis=1)
    keys &= (1 << bits) - 1
    keys += i * np.arange(j)[:, None]
    return np.asarray(keys)


def log_densities(parts: Sequence[Mixtures], x: Floats, active: Bools) -> Floats:
    """ln p of whole vectors: the sum over the groups that are active in each, shape (mixtures, m)."""
    if len(parts) == 1:
        return np.asarray(parts[0].log_densities(parts[0].group.features(x)))
    total: Floats = np.zeros((len(parts[0].ends), len(x)))
    for part in parts:
        there = active[:, part.group.first]
        if there.any():
            total[:, there] += part.log_densities(part.group.features(x[there]))
    return total
