"""The model of all curves at once: what trials will be worth at the end, by what they were worth on the way.

Notation
    x, r², k, θ: as in `gp.kernel`; M(r): Matérn 5/2 of variance 1
    τ ∈ [0, 1]: how far a training is, ln(1 + step) / ln(1 + steps of a full one)
    f(x, τ) = ρ(τ) g(x) + δ(x, τ): a share of what training to the end gives, and what differs; at τ = 1 nothing does
    ρ(τ) = 1 − q (1 − τ)
    K = σ_f² (ρ ρ' M(r) + (1 − max(τ, τ')) (c + a M(r/s))) + σ_n² I
    θ⁺ = (θ | ln a | ln c | ln s | q)

What differs is Brownian motion backwards from the end: of two values of one curve the later one says all. The share
that all configs have in common (c: losses fall) tells nothing of who wins; that of their own (a) says how much early
values mislead: the last value and the one at τ correlate by ρ / √(ρ² + a (1 − τ)). All are learned, so that a study in
which early values mislead trains longer before it gives up on a trial, by itself.

Sources
    Swersky, Snoek & Adams (2014), "Freeze-thaw Bayesian optimization", arXiv 1406.3896: curves in one model, paused.
    Klein, Falkner, Bartels, Hennig & Hutter (2017), "Fast Bayesian optimization of machine learning hyperparameters on
        large datasets", AISTATS, section 3.1: a kernel in which the difference between steps vanishes at the last.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import lapack

from danlu.strategies.gp.kernel import JITTER, ROOT_5, Kernel, kernel_of, matern, roots, squares
from danlu.strategies.gp.surrogate import IllConditioned, Surrogate, most_probable
from danlu.strategies.layout import Floats, Layout

_OWN = (math.log(0.5), 1.0, math.log(1e-4), math.log(30.0))  # ln a: mean, deviation, box
_COMMON = (math.log(0.5), 1.0, math.log(1e-4), math.log(30.0))  # ln c
_SCALE = (0.0, 0.5, -2.0, 2.0)  # ln s
_FADING = (0.0, 0.5, -1.0, 2.5)  # q
_MORE = 4  # hyperparameters beside those of the kernel over configs


@dataclass(frozen=True, eq=False)
class CurveKernel:
    """The form of the kernel over configs and steps; made by `curve_kernel_of`.

    Attributes:
        configs: the kernel over configs.
        mean, deviation: of the normal prior of θ⁺, shape (t + 4,).
        low, high: the box of θ⁺.
    """

    configs: Kernel
    mean: Floats
    deviation: Floats
    low: Floats
    high: Floats

    def covariance(self, theta: Floats, Z: Floats, W: Floats, tau: Floats, sigma: Floats) -> Floats:
        """k between rows (Z, τ) and (W, σ), noise not included, shape (n, m)."""
        root = squares(Z, W)
        np.sqrt(root, out=root)
        root *= ROOT_5
        return _Parts(theta, self.configs.lengths, root, np.exp(-root), tau, sigma).covariance()

    def evidence(self, theta: Floats, X: Floats, tau: Floats, z: Floats) -> tuple[float, Floats]:
        """−ln p(z, θ⁺) up to a constant, and its gradient; infinite where K is not positive definite.

        Args:
            theta: θ⁺.
            X: features of the rows' configs, shape (n, c).
            tau: how far each row's training was, shape (n,).
            z: targets of mean 0 and variance 1, shape (n,).
        """
        g, t = self.configs.lengths, len(self.configs.mean)
        Z = self.configs.scaled(theta[:t], X)
        parts = _Parts(theta, g, *roots(Z), tau, tau)
        k, sn2 = parts.covariance(), math.exp(theta[g + 1])
        L, info = lapack.dpotrf(k + np.diag(np.full(len(z), sn2 + JITTER)), lower=1, clean=0)
        if info:
            return math.inf, np.zeros_like(theta)
        alpha, _ = lapack.dpotrs(L, z, lower=1)
        half, _ = lapack.dpotri(L, lower=1)
        G = np.outer(alpha, alpha) - np.tril(half) - np.tril(half, -1).T
        off = (theta - self.mean) / self.deviation
        value = 0.5 * float(z @ alpha) + float(np.log(L.diagonal()).sum()) + 0.5 * float(off @ off)
        gradient = off / self.deviation
        gradient[g] -= 0.5 * float(np.sum(G * k))
        gradient[g + 1] -= 0.5 * sn2 * float(np.trace(G))
        gradient[t:] -= 0.5 * np.array([float(np.sum(G * slope)) for slope in parts.slopes()])
        gradient[:t] += self.configs.slopes(theta[:t], X, Z, G * parts.by_distance())
        return value, gradient

    def fit(self, X: Floats, tau: Floats, z: Floats, evaluations: int) -> Floats:
        """The θ⁺ of highest posterior density near the mode of the prior."""
        normal, box = (self.mean, self.deviation), (self.low, self.high)
        return most_probable(lambda theta: self.evidence(theta, X, tau, z), normal, box, None, evaluations)


class _Parts:
    """What covariance and its slopes are made of."""

    def __init__(self, theta: Floats, g: int, root: Floats, e: Floats, tau: Floats, sigma: Floats) -> None:
        self.sf2 = math.exp(theta[g])
        self.a, self.c, self.s = np.exp(theta[-_MORE:-1])
        q = theta[-1]
        self.left, self.left_too = 1.0 - tau, 1.0 - sigma
        self.rho, self.rho_too = 1.0 - q * self.left, 1.0 - q * self.left_too
        self.shared = np.outer(self.rho, self.rho_too)
        self.root, self.e = root, e
        self.root_s = root / self.s
        self.e_s = np.exp(-self.root_s)
        self.M, self.M_s = matern(root, e, 1.0), matern(self.root_s, self.e_s, 1.0)
        self.missing = np.minimum.outer(self.left, self.left_too)

    def covariance(self) -> Floats:
        return np.asarray(self.sf2 * (self.shared * self.M + self.missing * (self.c + self.a * self.M_s)))

    def slopes(self) -> tuple[Floats, Floats, Floats, Floats]:
        """∂k by ln a, ln c, ln s and q."""
        own = (self.sf2 * self.a) * self.missing
        falling = (5.0 / 3.0) * (1.0 + self.root_s) * self.e_s * (self.root_s * self.root_s / 5.0)
        fading = -self.sf2 * self.M * (np.outer(self.left, self.rho_too) + np.outer(self.rho, self.left_too))
        return own * self.M_s, (self.sf2 * self.c) * self.missing, own * falling, fading

    def by_distance(self) -> Floats:
        """∂k/∂r²."""
        own = (self.a / (self.s * self.s)) * self.missing * (1.0 + self.root_s) * self.e_s
        return np.asarray((-5.0 / 6.0 * self.sf2) * (self.shared * (1.0 + self.root) * self.e + own))


@lru_cache(maxsize=32)
def curve_kernel_of(layout: Layout) -> CurveKernel:
    """The kernel over the configs of a layout, and steps."""
    configs = kernel_of(layout)
    rows = np.array([_OWN, _COMMON, _SCALE, _FADING])
    mean, deviation, low, high = (
        np.concatenate([own, more])
        for own, more in zip((configs.mean, configs.deviation, configs.low, configs.high), rows.T, strict=True)
    )
    return CurveKernel(configs, mean, deviation, low, high)


@dataclass(frozen=True, eq=False, kw_only=True)
class Forecast(Surrogate):
    """A surrogate of what configs are worth at the end, which has seen values on the way; made by `forecast`.

    Attributes:
        rho: ρ(τ) of the rows, pending ones included, shape (n,): between a row and an end, nothing else is shared.
        own, fading: a and q.
    """

    rho: Floats
    own: float
    fading: float

    def correlation(self, tau: float) -> float:
        """Between what a config is worth at τ and at the end, as far as configs differ; in [−1, 1]."""
        rho = 1.0 - self.fading * (1.0 - tau)
        return rho / math.sqrt(rho * rho + self.own * (1.0 - tau))

    def _cross(self, A: Floats, B: Floats) -> Floats:
        k = super()._cross(A, B)
        k *= self.rho[: len(B)].astype(k.dtype)
        return k


def forecast(kernel: CurveKernel, theta: Floats, x: Floats, tau: Floats, z: Floats, pending: Floats) -> Forecast:
    """The posterior after rows (x, τ) with targets z, and after trials that are pending at the end of their training.

    Raises:
        IllConditioned: no Cholesky factor.
    """
    configs, t = kernel.configs, len(kernel.configs.mean)
    Z = configs.scaled(theta[:t], configs.features(np.concatenate([x, pending])))
    tau = np.concatenate([tau, np.ones(len(pending))])
    k = kernel.covariance(theta, Z, Z, tau, tau)
    noise = configs.noise(theta)
    n = len(z)
    for jitter in (JITTER, 1e-6, 1e-4):
        L, info = lapack.dpotrf(k + np.diag(np.full(len(k), noise + jitter)), lower=1)
        if info == 0:
            alpha, _ = lapack.dpotrs(np.asfortranarray(L[:n, :n]), z, lower=1)
            inverse, _ = lapack.dtrtri(L, lower=1)
            own, fading = math.exp(theta[-_MORE]), float(theta[-1])
            rho = 1.0 - fading * (1.0 - tau)
            return Forecast(configs, theta[:t], Z, alpha, np.tril(inverse), z, rho=rho, own=own, fading=fading)
    raise IllConditioned
