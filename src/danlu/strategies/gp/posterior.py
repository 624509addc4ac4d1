"""Posterior: what a study's trials make a surrogate believe, and which of them it is made of."""

import numpy as np
from numpy.typing import NDArray

from danlu.core.earlier import Earlier
from danlu.numerics.even import even_choice
from danlu.strategies.gp.hyperparameters import theta_of
from danlu.strategies.gp.kernel import Kernel
from danlu.strategies.gp.surrogate import Surrogate, condition
from danlu.strategies.gp.transfer import lent
from danlu.strategies.gp.view import VIEWS
from danlu.strategies.layout import Floats
from danlu.strategies.rows import Rows

MOST = 400
"""Rows of a surrogate, at most: 6 ms a suggestion."""

_FAILED_NOISE = 0.25  # variance of what a failure is taken for, so that it does not bend the length scales


def posterior_of(
    kernel: Kernel, rows: Rows, losses: Floats, turn: int, kept: NDArray[np.int64], earlier: tuple[Earlier, ...]
) -> Surrogate:
    """The surrogate of one objective in one view; what failed is taken for as bad as the worst.

    Args:
        kernel: its form.
        rows: of the study.
        losses: of the objective, shape (n,).
        turn: which view.
        kept: the rows that it is made of; see `kept_of`.
        earlier: studies that may lend it what they know.

    Raises:
        IllConditioned: the rows can't be told apart.
    """
    loan = lent(kernel, earlier, rows.x, losses, turn)
    theta = loan.theta if loan else theta_of(kernel, rows.x, losses, turn)
    x, z = rows.x[kept], VIEWS[turn](rows.same.mean(losses))[kept]
    failed = len(rows.failed)
    less = (1.0 / rows.same.count[kept] - 1.0) * kernel.noise(theta)  # that of a mean of several
    extra = np.concatenate([less, np.full(failed, _FAILED_NOISE)])
    z = np.concatenate([z, np.full(failed, z.max())])
    x = np.concatenate([x, rows.failed])
    return condition(kernel, theta, x, z, extra, rows.pending, loan.trend if loan else None)


def kept_of(rows: Rows) -> NDArray[np.int64]:
    """Rows that the surrogate is made of: the best quarter, the newest tenth, and an even choice of the rest.

    The best are those inside the space as it is now, as far as there are so many.
    """
    n = len(rows)
    if n <= MOST:
        return rows.same.distinct
    order = rows.best_first()
    best = np.concatenate([order[rows.inside[order]], order[~rows.inside[order]]])[: MOST // 4]
    newest = np.arange(n - MOST // 10, n)
    chosen = np.union1d(best, newest)
    rest = np.setdiff1d(np.arange(n), chosen)
    return np.unique(rows.same.first[np.union1d(chosen, even_choice(rest, MOST - len(chosen)))])
