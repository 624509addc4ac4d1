"""The kernel: how alike two configs are; its hyperparameters θ, what is believed of them beforehand, and its evidence.

Notation
    x: vectors of a layout, shape (n, s); X: their features, shape (n, c): numbers as they are, then options one-hot
        times √½, then a column √½ · [active] for each set of slots that are switched on together
    w(x) = 1 − (1 − x^a)^b on the numbers (Kumaraswamy), Z = w(X) / ℓ; outside of [0, 1], where trials from before a
        change of the space may lie, on as a straight line of slope 1
    r² = |Z_i − Z_j|²,  k = σ_f² (1 + √5 r + 5/3 r²) exp(−√5 r): Matérn 5/2
    K = k + diag(σ_n² + v), v: a row's own additional noise;  α = K⁻¹ z
    θ = (ln ℓ of numbers, of choices, of switches | ln σ_f² | ln σ_n² | ln a | ln b)
    B = (α αᵀ − K⁻¹) ∘ dk/dr²,  Y = diag(B 1) Z − B Z

Everything goes through one matrix product: −ln p(z|θ) = ½ zᵀα + ½ ln|K| + const, and
    ∂/∂ln ℓ_c = 2 Σ_a Z_ac Y_ac      ∂/∂w_ac = −2 Y_ac / ℓ_c      no n × n × c tensor

Sources
    Rasmussen & Williams (2006), "Gaussian Processes for Machine Learning", eqs. 2.30, 4.17, 5.9.
    Snoek, Swersky, Zemel & Adams (2014), "Input warping for Bayesian optimization of non-stationary functions", ICML.
    Hutter & Osborne (2013), "A kernel for hierarchical parameter spaces", arXiv 1310.5738: inactive is not different.
    Hvarfner, Hellsten & Nardi (2024), "Vanilla Bayesian optimization performs great in high dimensions": length scales
        that grow with the dimension; ours are shorter and surer, which paid in up to ten dimensions.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from danlu.strategies.layout import Floats, Layout

ROOT_HALF = math.sqrt(0.5)  # two options are then at distance 1
ROOT_5 = math.sqrt(5.0)
JITTER = 1e-8
_EDGE = 1e-6  # numbers are kept this far from 0 and 1 by the warp, whose slope may be infinite there


@dataclass(frozen=True, eq=False)
class Kernel:
    """The form of the kernel over a layout; made by `kernel_of`.

    Attributes:
        layout: what the vectors mean.
        numbers: slots that are numbers, shape (p,).
        choices: slots that are choices.
        switches: (slot of the choice, options) of each set of slots that are switched on together.
        group: index of each column's length scale, shape (c,).
        mean, deviation: of the normal prior of θ, shape (t,).
        low, high: the box of θ, shape (t,).
    """

    layout: Layout
    numbers: NDArray[np.int64]
    choices: tuple[int, ...]
    switches: tuple[tuple[int, tuple[int, ...]], ...]
    group: NDArray[np.int64]
    mean: Floats
    deviation: Floats
    low: Floats
    high: Floats

    @property
    def lengths(self) -> int:
        """How many length scales there are; θ begins with them."""
        return len(self.numbers) + len(self.choices) + len(self.switches)

    def noise(self, theta: Floats) -> float:
        """σ_n²."""
        return math.exp(theta[self.lengths + 1])

    def features(self, x: Floats) -> Floats:
        """X of settled vectors, shape (n, c)."""
        parts: list[Floats] = [x[:, self.numbers]]
        for k in self.choices:
            parts.append(ROOT_HALF * (x[:, k, None] == np.arange(self.layout.slots[k].options)))
        if self.switches:
            active = self.layout.active(x)
            parts += [
                ROOT_HALF * (active[:, k] & np.isin(self.layout.options_at(k, x[:, k]), options))[:, None].astype(float)
                for k, options in self.switches
            ]
        return np.concatenate(parts, axis=1)

    def scaled(self, theta: Floats, X: Floats) -> Floats:
        """Z, shape (n, c)."""
        p = len(self.numbers)
        W = X.copy()
        W[:, :p] = self._warp(theta, X)[0]
        W *= np.exp(-theta[: self.lengths])[self.group]
        return W

    def evidence(self, theta: Floats, X: Floats, z: Floats, extra: Floats) -> tuple[float, Floats]:
        """−ln p(z, θ) up to a constant, and its gradient; infinite where K is not positive definite.

        Args:
            theta: shape (t,).
            X: features, shape (n, c).
            z: targets of mean 0 and variance 1, shape (n,).
            extra: v, each row's own variance, shape (n,).
        """
        g, n = self.lengths, len(z)
        sf2, sn2 = math.exp(theta[g]), math.exp(theta[g + 1])
        Z = self.scaled(theta, X)
        root, e = roots(Z)
        k = matern(root, e, sf2)
        noise = sn2 + extra + JITTER
        K = k + np.diag(noise)
        L, info = lapack.dpotrf(K, lower=1, clean=0)
        if info:
            return math.inf, np.zeros_like(theta)
        alpha, _ = lapack.dpotrs(L, z, lower=1)
        half, _ = lapack.dpotri(L, lower=1)
        inverse = np.tril(half) + np.tril(half, -1).T
        diagonal = inverse.diagonal()
        off = (theta - self.mean) / self.deviation
        value = 0.5 * float(z @ alpha) + float(np.log(L.diagonal()).sum()) + 0.5 * float(off @ off)

        gradient = off / self.deviation
        # αᵀ k α = αᵀ z − αᵀ diag(noise) α, tr(K⁻¹ k) = n − tr(K⁻¹ diag(noise)): no further matrix product
        gradient[g] -= 0.5 * (float(z @ alpha) - float(noise @ (alpha * alpha)) - n + float(noise @ diagonal))
        gradient[g + 1] -= 0.5 * sn2 * float(alpha @ alpha - diagonal.sum())
        B = (np.outer(alpha, alpha) - inverse) * ((-5.0 / 6.0 * sf2) * (1.0 + root) * e)
        return value, gradient + self.slopes(theta, X, Z, B)

    def slopes(self, theta: Floats, X: Floats, Z: Floats, B: Floats) -> Floats:
        """∂/∂θ of the evidence by way of r² alone, shape (t,): that of the length scales and of the warps.

        Args:
            theta, X, Z: as above.
            B: −2 ∂(−ln p)/∂r² of each pair, symmetric, shape (n, n).
        """
        g, p = self.lengths, len(self.numbers)
        gradient = np.zeros(len(self.mean))
        Y = B.sum(axis=1)[:, None] * Z - B @ Z
        gradient[:g] = np.bincount(self.group, 2.0 * np.einsum("ac,ac->c", Z, Y), g)
        if p:
            dw = -2.0 * Y[:, :p] * np.exp(-theta[:g])[self.group[:p]]
            da, db = self._warp_slopes(theta, X)
            gradient[g + 2 : g + 2 + p] = np.einsum("ac,ac->c", dw, da)
            gradient[g + 2 + p :] = np.einsum("ac,ac->c", dw, db)
        return gradient

    def _warp(self, theta: Floats, X: Floats) -> tuple[Floats, Floats, Floats]:
        """w, 1 − x^a and (1 − x^a)^b of the numbers."""
        g, p = self.lengths, len(self.numbers)
        a, b = np.exp(theta[g + 2 : g + 2 + p]), np.exp(theta[g + 2 + p :])
        x = np.clip(X[:, :p], _EDGE, 1.0 - _EDGE)
        one_less = -np.expm1(a * np.log(x))
        powered = one_less**b
        beyond = X[:, :p] - np.clip(X[:, :p], 0.0, 1.0)
        return 1.0 - powered + beyond, one_less, powered

    def _warp_slopes(self, theta: Floats, X: Floats) -> tuple[Floats, Floats]:
        """∂w/∂ln a = a b (1 − x^a)^(b−1) x^a ln x  and  ∂w/∂ln b = −b (1 − x^a)^b ln(1 − x^a)."""
        g, p = self.lengths, len(self.numbers)
        a, b = np.exp(theta[g + 2 : g + 2 + p]), np.exp(theta[g + 2 + p :])
        _, one_less, powered = self._warp(theta, X)
        logs = np.log(np.clip(X[:, :p], _EDGE, 1.0 - _EDGE))
        return a * b * powered / one_less * (1.0 - one_less) * logs, -b * powered * np.log(one_less)


def squares(A: Floats, B: Floats) -> Floats:
    """Squared distances of the rows, shape (len(A), len(B))."""
    r2 = A @ (-2.0 * B.T)
    r2 += np.einsum("ij,ij->i", A, A)[:, None]
    r2 += np.einsum("ij,ij->i", B, B)[None, :]
    return np.maximum(r2, 0.0, out=r2)


def roots(Z: Floats) -> tuple[Floats, Floats]:
    """√5 r and exp(−√5 r) of all pairs."""
    r2 = squares(Z, Z)
    np.fill_diagonal(r2, 0.0)
    root = np.sqrt(r2, out=r2)
    root *= ROOT_5
    return root, np.exp(-root)


def matern(root: Floats, e: Floats, sf2: float) -> Floats:
    """k of √5 r and exp(−√5 r)."""
    k = root * root
    k *= 1.0 / 3.0
    k += root
    k += 1.0
    k *= e
    k *= sf2
    return k


# beliefs about θ: in logarithms, mean and standard deviation, and the box
_DEVIATION = 0.9
_CHOICE, _SWITCH = 1.1, 0.7  # options, and being active or not, are believed to matter less than numbers
_LENGTHS = (math.log(0.02), math.log(50.0))
_AMPLITUDE = (0.0, 0.7, math.log(0.05), math.log(20.0))
_NOISE = (math.log(1e-3), 2.0, math.log(1e-6), 0.0)
_WARP = (0.0, 0.5, -1.8, 1.8)


@lru_cache(maxsize=32)
def kernel_of(layout: Layout) -> Kernel:
    """The kernel over a layout."""
    numbers = tuple(k for k, slot in enumerate(layout.slots) if not slot.options)
    choices = tuple(k for k, slot in enumerate(layout.slots) if slot.options)
    switches = tuple(dict.fromkeys((slot.parent, slot.under) for slot in layout.slots if slot.parent >= 0))
    p, d = len(numbers), len(layout)
    middle = math.log(0.5) + 0.25 * math.log(max(d, 2) / 2)  # median 0.5 at d = 2, 0.75 at d = 10
    lengths = [middle] * p + [middle + _CHOICE] * len(choices) + [middle + _SWITCH] * len(switches)
    rows = [(m, _DEVIATION, *_LENGTHS) for m in lengths] + [_AMPLITUDE, _NOISE] + [_WARP] * (2 * p)
    mean, deviation, low, high = np.array(rows).T.copy()
    widths = [1] * p + [layout.slots[k].options for k in choices] + [1] * len(switches)
    group = np.repeat(np.arange(len(widths)), widths)
    return Kernel(layout, np.array(numbers, dtype=np.int64), choices, switches, group, mean, deviation, low, high)
