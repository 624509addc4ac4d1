"""Several objectives: by how much a candidate would push the front out.

Notation
    m: number of objectives, each with a surrogate and a view of its own; views are monotone, so the front is the same
    P: the front of the posterior means, shape (f, m); r: reference, its worst in each objective and a margin
    λ: a direction in the positive orthant, |λ| = 1;  t_λ(y) = min_i (r_i − y_i) / λ_i,  s_λ(y) = max(0, t_λ(y))^m
    hypervolume of P ∝ E_λ max_{y ∈ P} s_λ(y)
    ψ_i(c) = E[max(c − f_i, 0)]

Sources
    Golovin & Zhang (2020), "Random hypervolume scalarizations for provable multi-objective black box optimization",
        ICML: s_λ, and the hypervolume as its mean.
    Emmerich, Yang, Deutz, Wang & Fonseca (2016), "A multicriteria generalization of Bayesian global optimization":
        expected hypervolume improvement in two objectives, strip by strip.
    Ament et al. (2023), arXiv 2310.20708: why in logarithms.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from danlu.numerics.pareto import non_dominated
from danlu.strategies.gp.acquisition import log_expected_improvement
from danlu.strategies.layout import Floats

_MARGIN = 0.1  # of the reference, in widths of the front
_LEAST = 0.1  # width of a front, in deviations of an objective: the first front is often one point
_NO_GAIN = -1000.0  # ln of a gain too small for a float, below which candidates are told apart by what they lack


@dataclass(frozen=True, eq=False)
class Front:
    """What nothing is believed to dominate; made by `front_of`.

    Attributes:
        points: P, distinct, by the first objective, shape (f, m).
        reference: r, shape (m,).
    """

    points: Floats
    reference: Floats

    def log_gain(self, mu: Floats, sigma: Floats, directions: Floats, beta: float) -> Floats:
        """ln of the mean over λ of how much the best that is still plausible, μ − β σ, raises max s_λ; shape (n,).

        Args:
            mu, sigma: of each objective, shape (n, m).
            directions: λ, shape (l, m).
            beta: β.
        """
        m = len(self.reference)
        reached = _towards(self.reference - mu + beta * sigma, directions)  # t_λ, (n, l)
        best = _towards(self.reference - self.points, directions).max(axis=0)
        gain = (np.maximum(reached, best) ** m - best**m).mean(axis=1)
        lacking = (reached - best).max(axis=1)
        with np.errstate(divide="ignore"):
            return np.where(gain > 0.0, np.maximum(np.log(gain), _NO_GAIN), _NO_GAIN + np.minimum(lacking, 0.0))

    def log_expected_improvement(self, mu: Floats, sigma: Floats) -> Floats:
        """ln of the expected hypervolume improvement, two objectives; shape (n,).

        E = Σ_k (ψ_1(p_{k+1,1}) − ψ_1(p_k,1)) ψ_2(p_k,2), over the strips between neighbours of the front, where
        p_0 = (−∞, r_2) and p_{f+1} = (r_1, −∞).
        """
        ends, heights = self._strips()
        log_first = _log_psi(mu[:, 0], sigma[:, 0], ends)
        log_second = _log_psi(mu[:, 1], sigma[:, 1], heights)
        before = np.concatenate([np.full((len(mu), 1), -np.inf), log_first[:, :-1]], axis=1)
        with np.errstate(divide="ignore"):
            log_width = log_first + np.log(-np.expm1(np.minimum(before - log_first, 0.0)))
        return np.asarray(logsumexp(log_width + log_second, axis=1))

    def _strips(self) -> tuple[Floats, Floats]:
        """Right ends and ceilings of the strips, each of shape (f + 1,)."""
        first, second = self.points.T
        return np.append(first, self.reference[0]), np.insert(second, 0, self.reference[1])


def front_of(means: Floats) -> Front:
    """The front of what is believed of the trials, shape (n, m), n ≥ 1."""
    points = np.unique(means[non_dominated(means)], axis=0)
    worst = points.max(axis=0)
    width = np.maximum(worst - points.min(axis=0), _LEAST)
    return Front(points, worst + _MARGIN * width)


def directions(count: int, m: int, rng: np.random.Generator) -> Floats:
    """λ, uniform on the sphere's positive part, shape (count, m)."""
    drawn = np.abs(rng.standard_normal((count, m))) + 1e-12
    return np.asarray(drawn / np.sqrt((drawn * drawn).sum(axis=1, keepdims=True)))


def _towards(gap: Floats, directions: Floats) -> Floats:
    """min_i gap_i / λ_i, shape (n, l)."""
    found = gap[:, 0, None] / directions[:, 0]
    for i in range(1, gap.shape[1]):
        found = np.minimum(found, gap[:, i, None] / directions[:, i])
    return found


def _log_psi(mu: Floats, sigma: Floats, at: Floats) -> Floats:
    """ln ψ of one objective, shape (n, k)."""
    return log_expected_improvement(mu[:, None] - at, np.broadcast_to(sigma[:, None], (len(mu), len(at))), 0.0)
