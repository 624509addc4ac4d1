"""A Gaussian process over configs that drifts: what was good early need not be good late.

Notation
    X: features of the configs as the kernel of `gp` has them, shape (n, c); t: times in intervals
    r = |X_i − X_j| / ℓ,  k = (1 + √5 r + 5/3 r²) exp(−√5 r) · (1 − ω)^(|t_i − t_j| / 2),  K = k + σ_n² I
    ω in [0, ½]: how much is forgotten in an interval; 0: nothing

ℓ, σ_n² and ω are those of a small grid with the highest evidence: three numbers for what are rarely more than a few
dozen rows, so no gradient is needed, and none can go astray.

Sources
    Bogunovic, Scarlett & Cevher (2016), "Time-varying Gaussian process bandit optimization", AISTATS: the kernel.
    Parker-Holder, Nguyen & Roberts (2020), "Provably efficient online hyperparameter optimization with population-based
        bandits", NeurIPS, arXiv 2002.02518: its use for populations.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from danlu.numerics.threads import one_thread
from danlu.strategies.gp.kernel import ROOT_5, matern, squares
from danlu.strategies.layout import Floats

LENGTHS = (0.15, 0.3, 0.6, 1.2)
NOISES = (0.1, 0.3, 1.0)
"""σ_n² beside an amplitude of 1; never less than a tenth, so that K always has a factor."""
DRIFTS = (0.0, 0.05, 0.15, 0.3, 0.5)


@dataclass(frozen=True)
class Shape:
    """The hyperparameters: ℓ, σ_n², ω."""

    length: float
    noise: float
    drift: float


@dataclass(frozen=True, eq=False)
class Drifting:
    """A posterior; made by `drifting`.

    Attributes:
        shape: its hyperparameters.
        X, t: of the rows with a value and, after them, of those without.
        alpha: K⁻¹ z of the rows with a value.
        factor: Cholesky factor of K of all rows.
    """

    shape: Shape
    X: Floats
    t: Floats
    alpha: Floats
    factor: Floats

    def predict(self, X: Floats, time: float) -> tuple[Floats, Floats]:
        """Mean and standard deviation at features X, shape (m, c), and a time; each of shape (m,)."""
        k = covariance(self.shape, X, np.full(len(X), time), self.X, self.t)
        V, _ = lapack.dtrtrs(self.factor, k.T, lower=1)
        variance = 1.0 - np.einsum("ij,ij->j", V, V)
        return np.asarray(k[:, : len(self.alpha)] @ self.alpha), np.sqrt(np.maximum(variance, 1e-10))


def covariance(shape: Shape, A: Floats, s: Floats, B: Floats, t: Floats) -> Floats:
    """k of all pairs, shape (len(A), len(B))."""
    root = ROOT_5 * np.sqrt(squares(A, B)) / shape.length
    forgotten = (1.0 - shape.drift) ** (np.abs(s[:, None] - t[None, :]) / 2.0)
    return np.asarray(matern(root, np.exp(-root), 1.0) * forgotten)


def evidence(shape: Shape, X: Floats, t: Floats, z: Floats) -> float:
    """ln p(z) up to a constant."""
    alpha, factor = _solved(shape, X, t, z)
    return -0.5 * float(z @ alpha) - float(np.log(factor.diagonal()).sum())


def drifting(X: Floats, t: Floats, z: Floats, pending: Floats, time: float) -> Drifting:
    """The posterior after rows with values z, each of shape (n, …), and pending ones at a time without a value yet.

    The pending rows leave the mean as it is and take their uncertainty away: what believing the mean for their value
    does (kriging believer).
    """
    with one_thread():
        grid = [Shape(*numbers) for numbers in itertools.product(LENGTHS, NOISES, DRIFTS)]
        best = max(grid, key=lambda shape: evidence(shape, X, t, z))
        alpha, _ = _solved(best, X, t, z)
        all_X, all_t = np.concatenate([X, pending]), np.concatenate([t, np.full(len(pending), time)])
        _, factor = _solved(best, all_X, all_t, np.zeros(len(all_X)))
        return Drifting(best, all_X, all_t, alpha, factor)


def _solved(shape: Shape, X: Floats, t: Floats, z: Floats) -> tuple[Floats, Floats]:
    """K⁻¹ z and the Cholesky factor of K."""
    K = covariance(shape, X, t, X, t)
    K[np.diag_indices_from(K)] += shape.noise
    factor, info = lapack.dpotrf(K, lower=1)
    assert info == 0, "a tenth of the amplitude on the diagonal leaves no matrix without a factor"
    alpha, _ = lapack.dpotrs(factor, z, lower=1)
    return alpha, factor
