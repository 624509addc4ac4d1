"""Shares: how the variance of a function of the space divides among sets of hyperparameters, as far as trials tell.

The function is the loss, or whether a config is among the best part of the space. Trials leave many functions possible;
the shares of each of 200 are told.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from danlu.analysis.anova import Form, Posterior, draws, fit, posterior, products
from danlu.analysis.basis import Floats, basis_of, uniform
from danlu.numerics.sobol import sobol
from danlu.space import Space

_DEGREE = 20  # of polynomials; with 12, what they miss of a step or of two periods of a sine disturbs other shares
_FITTED, _USED = 150, 300  # trials, at most, for the scales and for the functions; evenly chosen by loss
_SCALES, _FUNCTIONS = 8, 25
_POINTS, _GOOD_POINTS = 256, 512  # of the space, other ones for each draw of scales: for threes; twice, for regions
_GOOD_DEGREES = (24, 8)  # a region's edge needs more polynomials than a loss; of one and of two hyperparameters


def shares_of(
    space: Space, varied: Sequence[int], u: Floats, losses: Floats, top: float | None
) -> tuple[list[tuple[int, ...]], Floats]:
    """The sets of one and two hyperparameters, and their shares in 200 functions that the trials leave possible.

    Args:
        space: of the configs.
        varied: indices of the hyperparameters that the trials tell something of, one or more.
        u: coordinates of the trials, shape (n, d), NaN where inactive; sorted by loss.
        losses: shape (n,), not all the same.
        top: if given, of being among this best part of the space; else of the loss.

    Returns:
        The sets, as indices into the space, and shares of shape (sets + 2, 200): below those of the sets the share of
        all sets of three together, and that of noise. Each column sums to 1.
    """
    form = _form(space, varied)
    y = (losses - losses.mean()) / losses.std()
    phi, few = _features(space, varied, u, _DEGREE), _even(len(y), _FITTED)
    rng = np.random.default_rng(0)  # always the same: an answer is a function of the trials
    theta = fit(form, [x[few] for x in phi], y[few])
    thetas = draws(form, theta, [x[few] for x in phi], _SCALES, rng)
    used = _even(len(y), _USED)
    phi, y = [x[used] for x in phi], y[used]
    shares = []
    for k, one in enumerate(thetas):
        drawn = posterior(form, one, phi, y, _FUNCTIONS, rng)
        shares.append(_of_loss(space, varied, drawn, k) if top is None else _of_top(space, varied, drawn, k, top))
    terms = [tuple(varied[h] for h in term) for term in form.terms]
    return terms, np.concatenate(shares, axis=1)


def _of_loss(space: Space, varied: Sequence[int], drawn: Posterior, seed: int) -> Floats:
    """Shares of the variance of the loss, shape (terms + 2, draws)."""
    powers = drawn.powers() * _chances(space, varied, drawn)[:, None]
    at = uniform(space, sobol(np.arange(_POINTS), len(space), seed))
    threes = drawn.threes(_features(space, varied, at, _DEGREE)) if len(varied) > 2 else 0.0
    ends = np.tile([[threes], [math.exp(drawn.theta[-1])]], powers.shape[1])
    whole = np.concatenate([powers, ends])
    return np.asarray(whole / whole.sum(axis=0))


def _of_top(space: Space, varied: Sequence[int], drawn: Posterior, seed: int, top: float) -> Floats:
    """Shares of the variance of "is among the best": 1 for a part `top` of the space, 0 elsewhere; without noise.

    A square of an estimated coefficient is too large on average; the product of two independent ones is not, so each is
    estimated from two sets of points. A share may therefore come out a little below 0, in single draws.
    """
    (first, p), (second, q) = (
        _coefficients(space, varied, drawn, uniform(space, sobol(np.arange(_GOOD_POINTS), len(space), s)), top)
        for s in (2 * seed, 2 * seed + 1)
    )
    powers = np.array([(a * b).sum(axis=0) for a, b in zip(first, second, strict=True)])
    variance = np.maximum((p * (1.0 - p) + q * (1.0 - q)) / 2.0, 1e-9)
    shares = powers / _chances(space, varied, drawn)[:, None] / variance
    return np.concatenate([shares, 1.0 - shares.sum(axis=0, keepdims=True), np.zeros((1, shares.shape[1]))])


def _coefficients(
    space: Space, varied: Sequence[int], drawn: Posterior, at: Floats, top: float
) -> tuple[list[Floats], Floats]:
    """Means over points of "is among the best" times each basis function: by term, each (R, draws); and of it alone.

    The latter is `top`, or more where configs are equally good.
    """
    values = drawn.values(_features(space, varied, at, _DEGREE))
    good = (values <= np.quantile(values, top, axis=0) + 1e-9).astype(float)
    phi = [_features(space, varied, at, degree) for degree in _GOOD_DEGREES]
    return [products(phi[len(term) - 1], term).T @ good / len(at) for term in drawn.terms], good.mean(axis=0)


def _chances(space: Space, varied: Sequence[int], drawn: Posterior) -> Floats:
    """Probability that each term is active, shape (terms,)."""
    return np.array([_chance(space, [varied[h] for h in term]) for term in drawn.terms])


def _features(space: Space, chosen: Sequence[int], u: Floats, degree: int) -> list[Floats]:
    """Basis functions of the chosen hyperparameters at coordinates u, each of shape (n, R)."""
    return [basis_of(space.hyperparameters[h].dimension, degree).at(u[:, h]) for h in chosen]


def _form(space: Space, varied: Sequence[int]) -> Form:
    bases = [basis_of(space.hyperparameters[h].dimension, _DEGREE) for h in varied]
    above = [_conditions(space, h) for h in varied]
    names = [space.names[h] for h in varied]

    def apart(a: int, b: int) -> bool:
        return a != b and (names[a] in above[b] or names[b] in above[a] or not _chance(space, (varied[a], varied[b])))

    d = range(len(varied))
    related = tuple(tuple(b for b in d if apart(a, b)) for a in d)
    return Form(tuple(basis.is_smooth for basis in bases), related)


def _conditions(space: Space, h: int) -> dict[str, Any]:
    """What must be chosen for a hyperparameter to be active: choice -> option."""
    by_name = {one.name: one for one in space.hyperparameters}
    found, one = {}, space.hyperparameters[h]
    while one.parent is not None:
        found[one.parent] = one.option
        one = by_name[one.parent]
    return found


def _chance(space: Space, chosen: Sequence[int]) -> float:
    """Probability that hyperparameters are active together, in a uniform config."""
    needed: dict[str, Any] = {}
    for h in chosen:
        for name, option in _conditions(space, h).items():
            if needed.setdefault(name, option) != option:
                return 0.0
    return math.prod(1.0 / (space[name].levels or 1) for name in needed)


def _even(count: int, most: int) -> Any:
    """Indices of at most `most` of `count` rows, evenly chosen."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
