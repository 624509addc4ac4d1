"""The surrogate: a fitted Gaussian process, and what it believes of vectors that were not tried.

Many candidates are judged first in single precision (`screen`), at a quarter of the cost, what remains by `predict`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import lapack

from danlu.numerics.boxed import minimize
from danlu.strategies.gp.kernel import JITTER, ROOT_5, Kernel, matern, squares
from danlu.strategies.layout import Floats

_LEAST = 1e-10  # of a variance


@dataclass(frozen=True, eq=False)
class Trend:
    """What is believed of the mean before any row is seen; without one it is 0.

    Attributes:
        at: the mean at settled vectors, (m, s) -> (m,).
        rows: the mean at the rows with a value, shape (n,).
        pending: the mean at the pending vectors, shape (q,).
    """

    at: Callable[[Floats], Floats]
    rows: Floats
    pending: Floats


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A posterior; made by `condition`.

    Attributes:
        kernel, theta: the kernel and its hyperparameters.
        Z: scaled features of the rows, shape (n, c); the last `pending` of them have no value yet.
        alpha: K⁻¹ z of the rows with a value, K⁻¹ (z − trend) if there is one.
        inverse: L⁻¹ of all rows, lower triangular, shape (n, n).
        z: targets of the rows with a value.
        trend: what their mean was believed to be.
    """

    kernel: Kernel
    theta: Floats
    Z: Floats
    alpha: Floats
    inverse: Floats
    z: Floats
    trend: Trend | None = None

    @property
    def amplitude(self) -> float:
        """σ_f²."""
        return float(np.exp(self.theta[self.kernel.lengths]))

    @property
    def noise(self) -> float:
        """σ_n²."""
        return float(np.exp(self.theta[self.kernel.lengths + 1]))

    def predict(self, x: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the noise-free function at settled vectors x, each of shape (m,)."""
        k = self._cross(self.kernel.scaled(self.theta, self.kernel.features(x)), self.Z)
        mean = k[:, : len(self.alpha)] @ self.alpha
        V = self.inverse @ k.T
        variance = self.amplitude - np.einsum("ij,ij->j", V, V)
        return self._about(mean, x), np.sqrt(np.maximum(variance, _LEAST))

    def mean(self, x: Floats) -> Floats:
        """Mean alone at settled vectors x, shape (m,): a quarter of the cost."""
        k = self._cross(self.kernel.scaled(self.theta, self.kernel.features(x)), self.Z[: len(self.alpha)])
        return self._about(np.asarray(k @ self.alpha), x)

    def screen(self, x: Floats) -> tuple[Floats, Floats]:
        """As `predict`, to about two digits: where data are dense and free of noise, the rest is lost."""
        Z, inverse, alpha = self._single
        k = self._cross(self.kernel.scaled(self.theta, self.kernel.features(x)).astype(np.float32), Z)
        mean = k[:, : len(alpha)] @ alpha
        V = inverse @ k.T
        variance = np.float32(self.amplitude) - np.einsum("ij,ij->j", V, V)
        return self._about(mean.astype(float), x), np.sqrt(np.maximum(variance, 1e-6)).astype(float)

    def at_rows(self) -> Floats:
        """Mean at the rows with a value, shape (n,): z − noise · α, row by row."""
        n = len(self.alpha)
        mean = self._cross(self.Z[:n], self.Z[:n]) @ self.alpha
        return mean if self.trend is None else mean + self.trend.rows

    def at_pending(self) -> Floats:
        """Mean at the pending vectors: what is believed to come of them, shape (q,)."""
        n = len(self.alpha)
        mean = self._cross(self.Z[n:], self.Z[:n]) @ self.alpha
        return mean if self.trend is None else mean + self.trend.pending

    def _about(self, mean: Floats, x: Floats) -> Floats:
        return mean if self.trend is None else mean + self.trend.at(x)

    def _cross(self, A: Floats, B: Floats) -> Floats:
        root = squares(A, B)
        np.sqrt(root, out=root)
        root *= root.dtype.type(ROOT_5)
        return matern(root, np.exp(-root), root.dtype.type(self.amplitude))

    @cached_property
    def _single(self) -> tuple[Floats, Floats, Floats]:
        return (
            self.Z.astype(np.float32),
            self.inverse.astype(np.float32),
            self.alpha.astype(np.float32),
        )


Look = Callable[[Surrogate, Floats], tuple[Floats, Floats]]
"""How a surrogate is asked: `Surrogate.predict`, or `Surrogate.screen`."""

Score = Callable[[Floats, Look], Floats]
"""How much vectors (n, s) are worth trying, shape (n,), by what is believed of them when asked in that way."""


class IllConditioned(ArithmeticError):
    """The kernel matrix has no Cholesky factor, even with the largest jitter."""


def condition(
    kernel: Kernel,
    theta: Floats,
    x: Floats,
    z: Floats,
    extra: Floats,
    pending: Floats | None = None,
    trend: Callable[[Floats], Floats] | None = None,
) -> Surrogate:
    """The posterior after rows x, shape (n, s), with targets z and own noise `extra`, each of shape (n,).

    `trend` is the mean that was believed in beforehand, a function of vectors; 0 if not given.

    Pending vectors have no value yet: they leave the mean as it is and take their uncertainty away, which is what
    believing the mean for their value does (kriging believer; Ginsbourger, Le Riche & Carraro 2010; for an upper
    confidence bound, Desautels, Krause & Burdick 2014).

    Raises:
        IllConditioned: no Cholesky factor.
    """
    Z = kernel.scaled(theta, kernel.features(x))
    sf2, sn2 = (float(value) for value in np.exp(theta[kernel.lengths : kernel.lengths + 2]))
    believed = None if trend is None else Trend(trend, trend(x), trend(x[:0] if pending is None else pending))
    alpha, factor = _solved(Z, sf2, sn2 + extra, z if believed is None else z - believed.rows)
    if pending is not None and len(pending):
        Z = np.concatenate([Z, kernel.scaled(theta, kernel.features(pending))])
        noise = np.concatenate([sn2 + extra, np.full(len(pending), sn2)])
        _, factor = _solved(Z, sf2, noise, np.zeros(len(Z)))
    inverse, _ = lapack.dtrtri(factor, lower=1)
    return Surrogate(kernel, theta, Z, alpha, np.tril(inverse), z, believed)


def _solved(Z: Floats, sf2: float, noise: Floats, z: Floats) -> tuple[Floats, Floats]:
    """K⁻¹ z and the Cholesky factor of K; jitter grows until there is one."""
    root = squares(Z, Z)
    np.fill_diagonal(root, 0.0)
    np.sqrt(root, out=root)
    root *= ROOT_5
    k = matern(root, np.exp(-root), sf2)
    for jitter in (JITTER, 1e-6, 1e-4):
        K = k.copy()
        K[np.diag_indices_from(K)] += noise + jitter
        L, info = lapack.dpotrf(K, lower=1)
        if info == 0:
            alpha, _ = lapack.dpotrs(L, z, lower=1)
            return alpha, L
    raise IllConditioned


def fit(kernel: Kernel, x: Floats, z: Floats, start: Floats | None, evaluations: int = 25) -> Floats:
    """The θ of highest posterior density near `start` (the mode of the prior if None), shape (t,).

    Args:
        kernel: its form.
        x, z: settled vectors and their targets.
        start: θ of an earlier fit.
        evaluations: of the evidence, at most.
    """
    X, extra = kernel.features(x), np.zeros(len(z))
    normal, box = (kernel.mean, kernel.deviation), (kernel.low, kernel.high)
    return most_probable(lambda theta: kernel.evidence(theta, X, z, extra), normal, box, start, evaluations)


def most_probable(
    evidence: Callable[[Floats], tuple[float, Floats]], normal: tuple[Floats, Floats], box: tuple[Floats, Floats],
    start: Floats | None, evaluations: int,
) -> Floats:  # fmt: skip
    """The hyperparameters of highest posterior density near `start`, in a box.

    Args:
        evidence: −ln p of the data and the hyperparameters, and its gradient.
        normal: mean and deviation of their prior.
        box: their lower and upper bounds.
        start: where to begin; the prior's mean if None.
        evaluations: of the evidence, at most.
    """
    mean, deviation = normal

    def whitened(t: Floats) -> tuple[float, Floats]:
        value, gradient = evidence(mean + deviation * t)
        return value, gradient * deviation

    # in units of the prior's deviation all directions are alike, which spares half of the evaluations
    low, high = ((bound - mean) / deviation for bound in box)
    begin = np.zeros_like(mean) if start is None else (start - mean) / deviation
    return np.asarray(mean + deviation * minimize(whitened, begin, low, high, evaluations)[0])
