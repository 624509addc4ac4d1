"""Transfer: what the surrogate believes beforehand because of earlier studies, and how far it trusts them.

Each earlier study has a Gaussian process of its own, fitted once. It counts by how well it ranks the trials of this
study, beside this study's own surrogate, which has to rank each trial without having seen it. So scales don't matter,
and a study that ranks no better than chance, or upside down, counts nothing: then all is as if it had never been.

Notation
    μ_t: mean of the earlier study t's surrogate, in units of its own view; T: of them there are
    w_t ≥ 0: weights, Σ w_t ≤ 1; the rest is this study's own
    m(x) = Σ_t w_t (a + b μ_t(x) / Σ w): the trend; a, b by least squares at the rows, b drawn towards 1
    θ: fitted to what the trend leaves over, z − m

Sources
    Feurer, Letham & Bakshy (2018), "Scalable meta-learning for Bayesian optimization", arXiv 1802.02219:
        weights by ranking, and leaving out what ranks worse than the target nearly always does.
    Golovin et al. (2017), "Google Vizier", § 3.3: a process fitted to the residuals of those before it.
    Rasmussen & Williams (2006), "Gaussian Processes for Machine Learning", eq. 5.12: leaving one out.

We differ in two points: draws at different rows are independent, and the weighted mean serves as a prior, so that the
own surrogate may contradict it where there are trials.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from danlu.core.earlier import Earlier
from danlu.numerics.even import even_choice
from danlu.strategies.gp.hyperparameters import theta_of
from danlu.strategies.gp.kernel import Kernel
from danlu.strategies.gp.surrogate import IllConditioned, Surrogate, condition, fit
from danlu.strategies.gp.view import VIEWS, clipped
from danlu.strategies.layout import Floats

_DRAWS = 256  # of a ranking
_RANKED = 60  # rows that are ranked, at most: 3 ms an earlier study
_LEAST = 3  # rows that make a ranking, of this study and of an earlier one
_ENOUGH = 200  # rows of its own from which on a study needs no other
_GUARD = 0.95  # quantile of the own ranking loss that an earlier study's median must not exceed
_SLIGHT = 0.02  # a weight below this is 0: it would cost more time than it tells
_EVERY = 5  # trials after which weights are computed anew; before the twentieth at every one
_PULL = 1.0  # towards b = 1, in rows whose μ is one unit from their mean

Trend = Callable[[Floats], Floats]


@dataclass(frozen=True, eq=False)
class Lent:
    """What earlier studies lend.

    Attributes:
        theta: for what the trend leaves over.
        trend: the mean beforehand, at settled vectors (m, s) -> (m,).
    """

    theta: Floats
    trend: Trend


def lent(kernel: Kernel, earlier: tuple[Earlier, ...], x: Floats, losses: Floats, turn: int) -> Lent | None:
    """What earlier studies lend to the surrogate of these rows; None if nothing.

    Args:
        x, losses: of this study's trials in order of ending, shapes (n, s) and (n,).
        turn: the view.
    """
    n = len(losses)
    some = n if n < 4 * _EVERY else n - n % _EVERY
    if not earlier or not _LEAST <= n <= _ENOUGH:
        return None
    weights, theta = _fitted(kernel, earlier, x[:some].tobytes(), losses[:some].tobytes(), turn)
    return Lent(theta, _trend(kernel, earlier, weights, x, VIEWS[turn](losses))) if weights.any() else None


@lru_cache(maxsize=128)
def _fitted(
    kernel: Kernel, earlier: tuple[Earlier, ...], x_bytes: bytes, losses_bytes: bytes, turn: int
) -> tuple[Floats, Floats]:
    """Weights, shape (T,), and θ after these rows; the arrays come as bytes, by which they are remembered."""
    losses = np.frombuffer(losses_bytes)
    x, z = np.frombuffer(x_bytes).reshape(len(losses), -1), VIEWS[turn](losses)
    theta = theta_of(kernel, x, losses, turn)
    own = condition(kernel, theta, x, z, np.zeros(len(z)))
    weights = weights_of(own, [task(kernel, study) for study in earlier], x)
    if weights.any():
        theta = fit(kernel, x, z - _trend(kernel, earlier, weights, x, z)(x), None)
    return weights, theta


@lru_cache(maxsize=64)
def task(kernel: Kernel, earlier: Earlier) -> Surrogate | None:
    """The surrogate of an earlier study, of its own trials alone; None of too few."""
    if len(earlier) < _LEAST:
        return None
    x, z = kernel.layout.vectors(earlier.u), clipped(earlier.losses)
    try:
        return condition(kernel, fit(kernel, x, z, None, 40), x, z, np.zeros(len(z)))
    except IllConditioned:
        return None


def _trend(kernel: Kernel, earlier: tuple[Earlier, ...], weights: Floats, x: Floats, z: Floats) -> Trend:
    """m, by weights of which at least one is not 0."""
    tasks = [(w, found) for w, study in zip(weights, earlier, strict=True) if w and (found := task(kernel, study))]
    total = float(weights.sum())

    def mixture(x: Floats) -> Floats:
        mean = np.zeros(len(x))
        for w, found in tasks:
            mean += w / total * found.mean(x)
        return mean

    p = mixture(x)
    off = p - p.mean()
    b = max((_PULL + float(off @ (z - z.mean()))) / (_PULL + float(off @ off)), 0.0)
    a = float(z.mean() - b * p.mean())
    return lambda x: np.asarray(total * (a + b * mixture(x)))


# weights --------------------------------------------------------------------------------------------------------------


def weights_of(own: Surrogate, tasks: Sequence[Surrogate | None], x: Floats) -> Floats:
    """How far each earlier study's surrogate is trusted, shape (T,): the share of draws in which none ranks better.

    Args:
        own: this study's surrogate.
        tasks: the earlier studies' ones; None counts nothing.
        x: vectors of its rows, shape (n, s).
    """
    chosen = even_choice(np.arange(len(x)), _RANKED)
    z = own.z[chosen]
    # the same draws every time: a weight changes with what is known and with nothing else
    normal = np.random.default_rng(0).standard_normal((len(tasks) + 1, _DRAWS, len(z)))
    mean, deviation = left_out(own)
    drawn = mean[chosen] + deviation[chosen] * normal[-1]
    losses = [misranked(drawn, np.broadcast_to(z, drawn.shape), z)]
    for k, other in enumerate(tasks):
        if other is None:
            losses.append(np.full(_DRAWS, np.inf))
            continue
        mu, sigma = other.predict(x[chosen])
        drawn = mu + sigma * normal[k]
        losses.append(misranked(drawn, drawn, z))
    return _shares(np.array(losses))


def _shares(losses: Floats) -> Floats:
    """Weights by ranking losses, shape (T + 1, draws), the own ones first."""
    losses[1:][np.median(losses[1:], axis=1) > np.quantile(losses[0], _GUARD)] = np.inf
    least = losses == losses.min(axis=0)
    weights = (least / least.sum(axis=0)).mean(axis=1)[1:]
    return np.where(weights < _SLIGHT, 0.0, weights)


def misranked(drawn: Floats, against: Floats, z: Floats) -> Floats:
    """Pairs of rows whose order comes out wrong, of each draw, shape (draws,).

    Args:
        drawn: values of the one row of a pair, shape (draws, n).
        against: values of the other, likewise.
        z: what was seen, shape (n,).
    """
    wrong = (drawn[:, :, None] < against[:, None, :]) ^ (z[:, None] < z[None, :])
    return np.asarray(wrong.sum(axis=(1, 2)), dtype=float)


def left_out(surrogate: Surrogate) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each row's target, had it not been seen, each of shape (n,).

    μ_i = z_i − α_i / K⁻¹_ii and σ_i² = 1 / K⁻¹_ii, of a surrogate without pending vectors.
    """
    diagonal = np.einsum("ij,ij->j", surrogate.inverse, surrogate.inverse)
    return surrogate.z - surrogate.alpha / diagonal, np.sqrt(1.0 / diagonal)
