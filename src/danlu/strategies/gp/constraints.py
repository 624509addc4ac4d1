"""Constraints on outcomes: one surrogate each, and how likely it is that a config keeps all of them.

Notation
    c: a constrained metric minus its bound, kept where ≤ 0; a view takes 0 to a level
    m, s: what the surrogate of c believes at a candidate
    ln P(all kept) = Σ_c ln Φ((level − m) / s), the constraints taken as independent

Two views in turn, for neither is safe alone. `bilogged` is sure too soon of what is infeasible, and misses the better
of Gardner's two feasible places in 6 of 10 seeds of 60 trials; `straight` is lost where the metric grows exponentially
(shortfall .13 where the other has .00). In turn they miss neither.

Sources
    Schonlau, Welch & Jones (1998), "Global versus local search in constrained optimization": a weight.
    Gardner, Kusner, Xu, Weinberger & Cunningham (2014), "Bayesian optimization with inequality constraints", ICML.
    Gelbart, Snoek & Adams (2014), "Bayesian optimization with unknown constraints", UAI: while nothing is feasible, the
        probability alone.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from danlu.strategies.gp.hyperparameters import CONSTRAINT, theta_of
from danlu.strategies.gp.kernel import Kernel
from danlu.strategies.gp.surrogate import Look, Score, Surrogate, condition
from danlu.strategies.gp.view import BOUND_VIEWS
from danlu.strategies.layout import Bools, Floats

_KNOWN = 2  # trials with a value from which a constraint has a surrogate


@dataclass(frozen=True, eq=False)
class Constraints:
    """What is believed of all constraints; made by `constraints_of`.

    Attributes:
        surrogates: one a constraint.
        levels: where 0 is in the view of each.
    """

    surrogates: tuple[Surrogate, ...]
    levels: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.surrogates)

    def log_probability(self, x: Floats, look: Look) -> Floats:
        """ln of the probability that vectors keep all of them, shape (n,)."""
        total = np.zeros(len(x))
        for surrogate, level in zip(self.surrogates, self.levels, strict=True):
            m, s = look(surrogate, x)
            total += log_ndtr((level - m) / s)
        return total

    def likely(self, x: Floats) -> Bools:
        """Which vectors rather keep all of them than not, shape (n,)."""
        return np.asarray(self.log_probability(x, Surrogate.predict) >= np.log(0.5))

    def weighing(self, score: Score) -> Score:
        """An acquisition, and how likely it is that it counts."""
        if not self.surrogates:
            return score
        return lambda x, look: score(x, look) + self.log_probability(x, look)


def constraints_of(kernel: Kernel, x: Floats, bounds: Floats, kept: Bools, pending: Floats, turn: int) -> Constraints:
    """The surrogates of the constraints of which at least two trials are known.

    Args:
        kernel: its form.
        x: vectors of the trials in order of ending, shape (n, s).
        bounds: c of each, NaN where unknown; shape (n, number of constraints).
        kept: which of the trials the surrogates are made of, shape (n,).
        pending: vectors of trials whose result is awaited.
        turn: which view.
    """
    surrogates, levels = [], []
    for c in bounds.T:
        known = np.isfinite(c)
        if known.sum() < _KNOWN:
            continue
        theta = theta_of(kernel, x[known], c[known], CONSTRAINT + turn)
        z, level = BOUND_VIEWS[turn](c[known])
        chosen = kept[known]
        extra = np.zeros(int(chosen.sum()))
        surrogates.append(condition(kernel, theta, x[known][chosen], z[chosen], extra, pending))
        levels.append(level)
    return Constraints(tuple(surrogates), tuple(levels))
