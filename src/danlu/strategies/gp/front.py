"""Several objectives: by how much a candidate is expected to push the front out.

Notation
    m: number of objectives, each with a surrogate of its own; μ, σ: what they believe at a candidate
    P: the front of the posterior means, shape (f, m); r: a reference that is worse than the front
    λ: a direction in the positive orthant, |λ| = 1;  t_λ(y) = min_i (r_i − y_i) / λ_i,  s_λ(y) = max(0, t_λ(y))^m
    hypervolume of P ∝ E_λ max_{y ∈ P} s_λ(y)
    gain = E_λ E_ε max(s_λ(μ + σ ε) − max_P s_λ, 0), ε normal: its mean over pairs (λ, ε), the same for all candidates

Where r is decides what is looked for. Far off, beyond all trials, it sends the search to the ends of the front; close
by it leaves them and improves the middle. Neither is safe alone, so they are used in turn. Hypervolume after 60 trials,
far / near / in turn (medians of 3 seeds, 6 numbers, acquisition below): ZDT1 .86 / .15 / .86, DTLZ2 .27 / .32 / .38.

What beats the best of an objective by a hair gains a slab that is thin but, with a far reference, long; where the model
is not quite sure of an end of the front, it would be sent there for ever. So the first hair's breadth does not count
there: mean shortfall of the hypervolume after 100 trials of seven problems of `benchmarks/front.py` (5 seeds) .11
without, .05 with it, .06 with it on the near reference as well.

Differs from the paper in that a value is drawn from the posterior rather than its bound taken: bounds go to the corners
of the space (DTLZ2 .15, drawn .35). The exact expected improvement of two objectives (Emmerich et al. 2016) is level
with it and takes twice the time: ZDT1, DTLZ2, ZDT3 .864, .366, 1.15 in 50 ms, this one .861, .345, 1.20 in 29 ms
(medians of 8 seeds).

Source: Golovin & Zhang (2020), "Random hypervolume scalarizations for provable multi-objective black box optimization",
ICML.
"""

from dataclasses import dataclass

import numpy as np

from danlu.numerics.pareto import non_dominated
from danlu.strategies.layout import Floats

_MARGIN = 0.1  # of a near reference, in widths of the front
_NARROWEST = 0.1  # width of a front, in deviations of an objective: a first front is often one point
_HAIR = 0.03  # of a far reference, in deviations of an objective
_NO_GAIN = -1000.0  # ln of a gain too small for a float, below which candidates are told apart by what they lack


@dataclass(frozen=True, eq=False)
class Front:
    """What nothing is believed to dominate, and what it is measured from.

    Attributes:
        points: P, distinct, shape (f, m).
        reference: r, shape (m,).
        hair: by how much the best of an objective may be beaten without a gain.
    """

    points: Floats
    reference: Floats
    hair: float = 0.0

    def log_gain(self, mu: Floats, sigma: Floats, directions: Floats, draws: Floats) -> Floats:
        """ln of the gain, shape (n,); falls on where no draw gains anything.

        Args:
            mu, sigma: of each objective, shape (n, m).
            directions: λ, shape (l, m).
            draws: ε, shape (l, m).
        """
        m = len(self.reference)
        reached = np.full((len(mu), len(directions)), np.inf)  # t_λ
        for i, ideal in enumerate(self.points.min(axis=0)):
            y = mu[:, i, None] + sigma[:, i, None] * draws[:, i]
            y += np.clip(ideal - y, 0.0, self.hair)
            reached = np.minimum(reached, (self.reference[i] - y) / directions[:, i])
        best = ((self.reference - self.points)[:, None, :] / directions).min(axis=2).max(axis=0)
        gain = (np.maximum(reached, best) ** m - best**m).mean(axis=1)
        lacking = np.minimum((reached - best).max(axis=1), 0.0)
        with np.errstate(divide="ignore"):
            return np.asarray(np.where(gain > 0.0, np.maximum(np.log(gain), _NO_GAIN), _NO_GAIN + lacking))


def far_front(means: Floats) -> Front:
    """The front of what is believed of the trials, shape (n, m), n ≥ 1, measured from the worst of them."""
    points = _points(means)
    return Front(points, np.maximum(means.max(axis=0), _beyond(points)), _HAIR)


def near_front(means: Floats) -> Front:
    """The same, measured from just beyond its own worst."""
    points = _points(means)
    return Front(points, _beyond(points))


def directions(count: int, m: int, rng: np.random.Generator) -> Floats:
    """λ, uniform on the sphere's positive part, shape (count, m)."""
    drawn = np.abs(rng.standard_normal((count, m))) + 1e-12
    return np.asarray(drawn / np.sqrt((drawn * drawn).sum(axis=1, keepdims=True)))


def _points(means: Floats) -> Floats:
    return np.unique(means[non_dominated(means)], axis=0)


def _beyond(points: Floats) -> Floats:
    worst = points.max(axis=0)
    return np.asarray(worst + _MARGIN * np.maximum(worst - points.min(axis=0), _NARROWEST))
