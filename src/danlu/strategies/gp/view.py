"""Views: what the surrogate is told of the losses. Two of them, used in turn: neither is safe alone.

A loss has a long bad tail, and a Gaussian process has none. `powered` bends the whole scale until the losses look
normal; `clipped` leaves the good half as it is and pulls in the bad tail only.

Sources
    Box & Cox (1964), "An analysis of transformations"; Yeo & Johnson (2000), "A new family of power transformations".
    Cowen-Rivers et al. (2022), "HEBO: pushing the limits of sample-efficient hyper-parameter optimisation": the power.
    Eriksson & Poloczek (2021), "Scalable constrained Bayesian optimization", AISTATS: `bilogged`.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_POWERS = np.linspace(-2.0, 2.0, 41)
_TAIL = 3.0  # half widths above the median at which clipping begins
_FAR = 1e6  # half widths beyond which nothing can be told apart


def powered(losses: Floats) -> Floats:
    """Standardised after the power that makes the losses most likely to be normal: shape (n,).

    Box-Cox where all losses are positive, else Yeo-Johnson of the standardised losses.
    """
    y = _tame(losses)
    scale = float(y.std())
    if scale <= 0.0:
        return np.zeros_like(y)
    if y.min() > 0.0:
        return standardised(_best_power(np.log(y / scale), box_cox=True))
    return standardised(_best_power((y - y.mean()) / scale, box_cox=False))


def clipped(losses: Floats) -> Floats:
    """Standardised after the bad tail was bent to a logarithm: shape (n,)."""
    y = _tame(losses)
    middle = float(np.median(y))
    width = middle - float(np.quantile(y, 0.1))
    if width > 0.0:
        top = middle + _TAIL * width
        tail = y > top
        y[tail] = top + width * np.log1p((y[tail] - top) / width)
    return standardised(y)


VIEWS = (powered, clipped)
CLIPPED = VIEWS.index(clipped)
"""Place of the view that leaves the good half of the losses as it is."""


def straight(excess: Floats) -> tuple[Floats, float]:
    """A constrained metric as it is, standardised, shape (n,); and the level to which its bound, 0, went.

    If all are equal, their common value goes to 0, and the bound one deviation to the side on which it is.

    Args:
        excess: c, the constrained metric minus its bound, shape (n,).
    """
    return _levelled(excess / (float(np.abs(excess).max()) or 1.0))


def bilogged(excess: Floats) -> tuple[Floats, float]:
    """The same of sign(c) ln(1 + |c| / mad), which magnifies what happens about the bound and pulls both tails in."""
    c = excess / (float(np.abs(excess).max()) or 1.0)
    mad = max(float(np.median(np.abs(c - np.median(c)))), 1.0 / _FAR)
    return _levelled(np.sign(c) * np.log1p(np.abs(c) / mad))


BOUND_VIEWS = (straight, bilogged)
"""What a constraint's surrogate is told, in turn."""


def _levelled(c: Floats) -> tuple[Floats, float]:
    middle, scale = float(c.mean()), float(c.std())
    if scale <= 1e-12 * float(np.abs(c).max()):
        return np.zeros_like(c), 1.0 if c[0] <= 0.0 else -1.0
    return (c - middle) / scale, -middle / scale


def standardised(z: Floats) -> Floats:
    """Mean 0 and variance 1; all zero if constant."""
    largest = float(np.abs(z).max())
    if largest == 0.0:
        return np.zeros_like(z)
    z = z / largest  # or squares of tiny numbers would lose their digits
    scale = float(z.std())
    return (z - z.mean()) / scale if scale > 1e-9 else np.zeros_like(z)


def _tame(losses: Floats) -> Floats:
    """A copy, at most 1 in size, in which one huge value does not drown the differences of all others."""
    largest = float(np.abs(losses).max())
    losses = losses / largest if largest > 0.0 else losses
    middle = float(np.median(losses))
    width = middle - float(np.quantile(losses, 0.1))
    if width <= 0.0:
        width = middle - float(losses.min()) or abs(middle) or 1.0
    return np.clip(losses, middle - _FAR * width, middle + _FAR * width)


def _best_power(v: Floats, box_cox: bool) -> Floats:
    """The transformed values of the power with the highest normal likelihood; v are logarithms for Box-Cox."""
    lambdas = _POWERS[:, None]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if box_cox:  # (y^λ − 1) / λ, of which the Jacobian is y^(λ−1)
            t = np.where(lambdas == 0.0, v, np.expm1(lambdas * v) / np.where(lambdas == 0.0, 1.0, lambdas))
            jacobian = (_POWERS - 1.0) * v.sum()
        else:
            t = _yeo_johnson(v, lambdas)
            jacobian = (_POWERS - 1.0) * float((np.sign(v) * np.log1p(np.abs(v))).sum())
        scores = jacobian - 0.5 * len(v) * np.log(t.var(axis=1))
    scores[~np.isfinite(scores)] = -np.inf
    return np.asarray(t[int(np.argmax(scores))])


def _yeo_johnson(v: Floats, lambdas: Floats) -> Floats:
    up, down = np.log1p(np.maximum(v, 0.0)), np.log1p(np.maximum(-v, 0.0))
    mirrored = 2.0 - lambdas
    positive = np.where(lambdas == 0.0, up, np.expm1(lambdas * up) / np.where(lambdas == 0.0, 1.0, lambdas))
    negative = np.where(mirrored == 0.0, down, np.expm1(mirrored * down) / np.where(mirrored == 0.0, 1.0, mirrored))
    return np.where(v >= 0.0, positive, -negative)
