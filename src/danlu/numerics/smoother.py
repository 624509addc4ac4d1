"""A small Gaussian process for pictures: the objective over one or two hyperparameters, and where it is known.

It is meant to be looked at, not searched with: a few length scales per hyperparameter are tried, not optimised, and no
more trials are used than a screen can show the influence of. Its kernel is a product over hyperparameters, and this is
what makes the picture cheap: the mean over the other hyperparameters (partial dependence) of a product is a product
again, so that m points of a map over n trials cost O(m n) and not O(m n²).

Notation
    u_i: a trial's coordinates, of which s are shown and z_i are the others; y_i its loss, standardised
    k(u, u') = Π_h k_h(u_h, u'_h), each k_h a Matérn kernel of smoothness 5/2 with length l_h, k_h(0) = 1
    K = (k(u_i, u_j)) + noise · I,  α = K⁻¹ y,  a² = yᵀ α / n, the amplitude
    f̄(s) = mean over i of f(s, z_i), the partial dependence of f on s; a Gaussian variable like f itself:
        w_j = mean_i k_z(z_i, z_j),  W = mean_j w_j,  c_j(s) = k_s(s, s_j) w_j
        E f̄(s) = c(s)ᵀ α,  Var f̄(s) = a² (W − c(s)ᵀ K⁻¹ c(s))

Sources
    Rasmussen & Williams (2006), "Gaussian Processes for Machine Learning", eqs. 2.25, 2.26, 5.8; eq. 4.17 (Matérn).
    Friedman (2001), "Greedy function approximation", Annals of Statistics 29, section 8.2: partial dependence.
    Hutter, Hoos & Leyton-Brown (2014), "An efficient approach for assessing hyperparameter importance": main effects.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danlu.numerics.even import even_choice

Floats = NDArray[np.float64]

LENGTHS = (0.1, 0.2, 0.4, 0.8, 4.0)
"""Length scales that are tried, as shares of a hyperparameter's range; with the last it plays no part."""

NOISES = (1e-4, 1e-2, 0.1, 0.5)
"""Variances of the noise that are tried, as shares of the amplitude."""

_FITTED = 80  # trials by which the length scales are chosen: enough to tell 0.1 from 0.4, and 0.2 ms a try
_USED = 320  # trials that the picture is made of: 25 ms; more move it by less than its own uncertainty
_APART = 0.5  # distance of two options, and of an inactive hyperparameter from any value: half the range


@dataclass(frozen=True)
class Smoother:
    """A fitted process; made by `smooth`.

    Attributes:
        u: coordinates of the trials used, shape (n, d); NaN where inactive.
        unordered: which hyperparameters are choices without an order, shape (d,).
        lengths: length scale of each hyperparameter, shape (d,).
        noise: variance of the noise, as a share of the amplitude.
        inverse: K⁻¹, shape (n, n).
        alpha: K⁻¹ y, shape (n,).
        mean, scale: of the losses before they were standardised.
        amplitude: a², in units of the standardised losses.
    """

    u: Floats
    unordered: tuple[bool, ...]
    lengths: tuple[float, ...]
    noise: float
    inverse: Floats
    alpha: Floats
    mean: float
    scale: float
    amplitude: float

    def partial(self, shown: Sequence[int], at: Floats) -> tuple[Floats, Floats, Floats]:
        """The loss over some hyperparameters, the mean taken over the trials' own values of all the others.

        Args:
            shown: indices of the hyperparameters in s.
            at: values of s, shape (m, len(shown)).

        Returns:
            Mean and standard deviation of f̄ in the units of the losses, and the share of its prior variance that the
            trials explain, in [0, 1]: 0 where nothing is known; each of shape (m,).
        """
        near = np.ones((len(at), len(self.u)))
        for column, h in enumerate(shown):
            near *= _kernel(_apart(at[:, column], self.u[:, h], self.unordered[h]), self.lengths[h])
        weights = self._weights(shown)
        c, total = near * weights, float(weights.mean())
        explained = np.clip(np.einsum("ij,ij->i", c @ self.inverse, c) / total, 0.0, 1.0)
        std = self.scale * np.sqrt(self.amplitude * total * (1 - explained))
        return self.mean + self.scale * (c @ self.alpha), std, explained

    def main_effects(self, levels: int = 16) -> Floats:
        """Variance of each hyperparameter's own partial dependence over its range, shape (d,), in losses squared."""
        grid = (np.arange(levels) + 0.5)[:, None] / levels
        effects = np.zeros(self.u.shape[1])
        for h in range(len(effects)):
            tried = np.unique(self.u[~np.isnan(self.u[:, h]), h])
            at = tried[:, None] if self.unordered[h] or len(tried) <= levels else grid
            effects[h] = self.partial([h], at)[0].var() if len(tried) > 1 else 0.0
        return effects

    def _weights(self, shown: Sequence[int]) -> Floats:
        """w_j = mean_i k_z(z_i, z_j), shape (n,)."""
        others = np.ones((len(self.u), len(self.u)))
        for h in range(self.u.shape[1]):
            if h not in shown:
                others *= _kernel(_apart(self.u[:, h], self.u[:, h], self.unordered[h]), self.lengths[h])
        return np.asarray(others.mean(axis=0), dtype=float)


def smooth(
    u: Floats, losses: Floats, unordered: Sequence[bool], lengths: Sequence[float] | None = None,
    noise: float | None = None,
) -> Smoother:  # fmt: skip
    """The process that trials suggest. Of more than 320 trials, the best quarter of these and an even choice is used.

    Args:
        u: coordinates in [0, 1], shape (n, d), NaN where inactive; n ≥ 1.
        losses: finite, shape (n,).
        unordered: which of the d hyperparameters are choices without an order.
        lengths, noise: taken as given instead of chosen by the marginal likelihood: of a film's last frame, say.
    """
    kept = _chosen(losses, _USED)
    u, losses = u[kept], losses[kept]
    mean, scale = float(losses.mean()), float(losses.std()) or 1.0
    y = (losses - mean) / scale
    if lengths is None or noise is None:
        few = _chosen(losses, _FITTED)
        lengths, noise = _fit(u[few], y[few], unordered)
    K = np.ones((len(u), len(u)))
    for h, length in enumerate(lengths):
        K *= _kernel(_apart(u[:, h], u[:, h], unordered[h]), length)
    inverse = np.asarray(np.linalg.inv(K + noise * np.eye(len(u))), dtype=float)
    alpha = inverse @ y
    return Smoother(
        u, tuple(unordered), tuple(lengths), noise, inverse, alpha, mean, scale, max(float(y @ alpha) / len(y), 1e-12)
    )


def _chosen(losses: Floats, count: int) -> NDArray[np.int64]:
    """Indices of at most `count` trials: a quarter of them the best, the others evenly spread over the rest."""
    if len(losses) <= count:
        return np.arange(len(losses))
    best = np.argsort(losses, kind="stable")[: count // 4]
    rest = np.setdiff1d(np.arange(len(losses)), best)
    return np.union1d(best, even_choice(rest, count - len(best)))


def _apart(a: Floats, b: Floats, unordered: bool) -> Floats:
    """Distances of one hyperparameter's coordinates, shape (len(a), len(b)).

    An inactive value lies at the middle, `_APART` to the side, and options lie on the corners of a simplex: so these
    are distances between points in space, without which a kernel of them would not be positive definite.
    """
    off_a, off_b = np.isnan(a), np.isnan(b)
    gap = np.abs(np.where(off_a, 0.5, a)[:, None] - np.where(off_b, 0.5, b)[None, :])
    if unordered:
        return np.asarray(np.where((gap > 1e-9) | (off_a[:, None] != off_b[None, :]), _APART, 0.0))
    if off_a.any() or off_b.any():
        return np.asarray(np.hypot(gap, _APART * (off_a[:, None] != off_b[None, :])))
    return np.asarray(gap)


def _kernel(apart: Floats, length: float) -> Floats:
    """Matérn 5/2 (Rasmussen & Williams, eq. 4.17)."""
    r = math.sqrt(5.0) / length * apart
    return np.asarray((1.0 + r * (1.0 + r / 3.0)) * np.exp(-r))


def _fit(u: Floats, y: Floats, unordered: Sequence[bool]) -> tuple[tuple[float, ...], float]:
    """Lengths and noise of the highest marginal likelihood that two rounds of trying one at a time find."""
    apart = [_apart(u[:, h], u[:, h], unordered[h]) for h in range(u.shape[1])]
    factors = [[_kernel(a, length) for length in LENGTHS] for a in apart]
    start = LENGTHS.index(0.8)  # smooth until the trials say otherwise
    chosen, noise = [start] * len(factors), 1e-2
    for _ in range(2):
        for h, options in enumerate(factors):
            others = np.ones_like(options[0])
            for g, factor in enumerate(factors):
                if g != h:
                    others *= factor[chosen[g]]
            scores = [_evidence(others * option, y, noise) - _doubt(k) for k, option in enumerate(options)]
            chosen[h] = int(np.argmax(scores))
        K = np.prod([factor[k] for factor, k in zip(factors, chosen, strict=True)], axis=0)
        noise = max(NOISES, key=lambda noise: _evidence(K, y, noise))
    return tuple(LENGTHS[k] for k in chosen), noise


def _doubt(k: int) -> float:
    """Minus the logarithm of the prior: a short length must earn its place, e.g. 0.1 by a factor of e^1.5."""
    return 0.5 * max(0, LENGTHS.index(0.8) - k)


def _evidence(K: Floats, y: Floats, noise: float) -> float:
    """Logarithm of the marginal likelihood with the best amplitude, up to a constant (eq. 5.8)."""
    L = np.linalg.cholesky(K + noise * np.eye(len(y)))
    misfit = max(float(np.sum(np.linalg.solve(L, y) ** 2)), 1e-12)
    return -0.5 * len(y) * math.log(misfit) - float(np.log(np.diag(L)).sum())
