"""Acquisitions: how much a candidate is worth trying. All of them larger is better, of a loss that is to be small.

Notation
    μ, σ: what the surrogate believes at a candidate; b: the lowest mean at the trials so far; z = (b − μ) / σ
    φ, Φ: density and distribution function of the standard normal

Sources
    Srinivas, Krause, Kakade & Seeger (2010), "Gaussian process optimization in the bandit setting": confidence bound.
    Jones, Schonlau & Welch (1998), J. Global Optimization 13, eq. 15: expected improvement.
    Ament et al. (2023), "Unexpected improvements to expected improvement", arXiv 2310.20708: its logarithm.
    Kushner (1964): probability of improvement.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, log_ndtr

Floats = NDArray[np.float64]

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
_ROOT_HALF_PI = math.sqrt(0.5 * math.pi)


def confidence(mu: Floats, sigma: Floats, beta: float | Floats) -> Floats:
    """−(μ − β σ): the best that is still plausible."""
    return beta * sigma - mu


def log_expected_improvement(mu: Floats, sigma: Floats, best: float) -> Floats:
    """ln E[max(b − f, 0)] = ln σ + ln(φ(z) + z Φ(z)), for z down to −1e4 and beyond without underflow."""
    z = (best - mu) / sigma
    near = np.maximum(z, -1.0)
    value = np.log(np.exp(-0.5 * near * near - _HALF_LOG_2PI) + near * np.exp(log_ndtr(near)))
    far = np.minimum(z, -1.0)
    # φ(z) + z Φ(z) = φ(z) (1 − |z| R(|z|)), R Mills' ratio; 1 − |z| R → z⁻²
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.where(far < -1e4, far**-2.0, 1.0 + far * _ROOT_HALF_PI * erfcx(-far / math.sqrt(2.0)))
    tail = -0.5 * far * far - _HALF_LOG_2PI + np.log(np.maximum(rest, 1e-300))
    return np.asarray(np.where(z > -1.0, value, tail) + np.log(sigma))


def log_probability_of_improvement(mu: Floats, sigma: Floats, best: float, least: float = 0.01) -> Floats:
    """ln Φ((b − least − μ) / σ): how likely it is better by at least so much."""
    return np.asarray(log_ndtr((best - least - mu) / sigma))
