"""Basis: the functions of one hyperparameter, orthonormal under its own uniform measure and of mean zero.

A function of all hyperparameters is then a sum over products of these, and what belongs to which hyperparameters can
be read off the coefficients: the terms of a functional analysis of variance are orthogonal, and their variances are
sums of squares. Numbers have Legendre polynomials (orthonormalised over the levels, if there are levels, each as likely
as `Dimension.quantile` makes it), choices without an order have contrasts.

Source: Xiu & Karniadakis (2002), "The Wiener-Askey polynomial chaos", SIAM J. Sci. Comput. 24; for the discrete case,
the same by a QR decomposition.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from danlu.space import Dimension, Space

Floats = NDArray[np.float64]

_CELLS = 512  # of equal probability, by which the measure of a stepped scale is known


@dataclass(frozen=True, eq=False)
class Basis:
    """The functions φ_1 ... φ_R of one hyperparameter; made by `basis_of`.

    Attributes:
        cells: coordinates at the middles of cells of equal probability, ascending in v; None if u itself is uniform.
        contrasts: values of the functions at each option, shape (options, R), of a choice without an order.
        mix: the functions in terms of Legendre polynomials of degree 0 ... R, shape (R + 1, R), of a number.
    """

    cells: Floats | None
    contrasts: Floats | None
    mix: Floats

    @property
    def size(self) -> int:
        """R; 0 for a hyperparameter with a single value."""
        return int(self.mix.shape[1] if self.contrasts is None else self.contrasts.shape[1])

    @property
    def is_smooth(self) -> bool:
        """Whether functions of a higher index vary faster."""
        return self.contrasts is None

    def at(self, u: Floats) -> Floats:
        """The functions at coordinates u, shape (n, R); 0 where u is NaN, which stands for inactive."""
        active = ~np.isnan(u)
        filled = np.where(active, u, 0.5)
        if self.contrasts is not None:  # an option's coordinate is the middle of its cell
            values = self.contrasts[np.minimum((filled * len(self.contrasts)).astype(int), len(self.contrasts) - 1)]
        else:
            values = _legendre(filled, len(self.mix) - 1) @ self.mix
        return np.asarray(values * active[:, None])

    def coordinates(self, v: Floats) -> Floats:
        """Coordinates of values at quantiles v in [0, 1), shape (n,)."""
        return v if self.cells is None else self.cells[(v * len(self.cells)).astype(int)]


@lru_cache(maxsize=256)
def basis_of(dimension: Dimension, degree: int) -> Basis:
    """At most `degree` functions for a number; as many as there are options but one for a choice without an order."""
    levels = dimension.levels
    if levels is None:
        return Basis(None, None, np.eye(degree + 1)[:, 1:])
    count = levels * -(-_CELLS // levels) if levels < _CELLS else _CELLS
    cells = np.array([dimension.encode(dimension.quantile((k + 0.5) / count)) for k in range(count)])
    if not dimension.ordered:
        return Basis(cells, _contrasts(levels), np.empty((1, 0)))
    degree = min(degree, len(np.unique(cells)) - 1)
    # QR of the polynomials at the cells: their combinations that are orthonormal there, the constant first
    triangle = np.linalg.qr(_legendre(cells, degree) / np.sqrt(count), mode="r")
    return Basis(cells, None, np.linalg.inv(triangle)[:, 1:])


def uniform(space: Space, v: Floats, degree: int = 1) -> Floats:
    """Coordinates of configs at quantiles v, shape (m, d), as `Space.quantile` has them; NaN where inactive."""
    u = np.empty_like(v)
    column = {name: k for k, name in enumerate(space.names)}
    for k, h in enumerate(space.hyperparameters):
        u[:, k] = basis_of(h.dimension, degree).coordinates(v[:, k])
        if h.parent is not None:
            above = space[h.parent].encode(h.option)
            u[np.abs(u[:, column[h.parent]] - above) > 1e-9, k] = np.nan
            u[np.isnan(u[:, column[h.parent]]), k] = np.nan
    return u


def _legendre(u: Floats, degree: int) -> Floats:
    """Legendre polynomials of degrees 0 ... degree on [0, 1], of variance 1 there; shape (n, degree + 1)."""
    t = 2.0 * u - 1.0
    P = [np.ones_like(t), t]
    for r in range(1, degree):
        P.append(((2 * r + 1) * t * P[r] - r * P[r - 1]) / (r + 1))
    return np.stack([np.sqrt(2 * r + 1) * P[r] for r in range(degree + 1)], axis=1)


def _contrasts(options: int) -> Floats:
    """Orthonormal functions of mean zero on options that are equally likely, shape (options, options - 1)."""
    start = np.concatenate([np.ones((options, 1)), np.eye(options)[:, : options - 1]], axis=1)
    return np.asarray(np.linalg.qr(start)[0][:, 1:] * np.sqrt(options))
