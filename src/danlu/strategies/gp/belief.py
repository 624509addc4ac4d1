"""Belief: the acquisition follows what the user holds likely, less and less, and not at all once it proves wrong.

Notation
    π: believed density relative to the uniform one, with a share of 1/1000 of the latter; n: trials so far
    ln α + (β / n) ln π: the acquisition α, to which the belief is worth β trials

Source: Hvarfner, Stoll, Souza, Lindauer, Hutter & Nardi (2022), "πBO: augmenting acquisition functions with user
beliefs for Bayesian optimization", ICLR, eq. 6. Giving up is ours.
"""

import numpy as np

from danlu.core.history import History
from danlu.strategies.gp.tilt import LEVEL, Tilt
from danlu.strategies.layout import Floats, Layout
from danlu.strategies.rows import Rows

_BETA = 10.0  # the paper's N / 10 for N = 100 trials
_CANDIDATES = 128  # drawn from the belief: of a narrow one in ten dimensions the others would hold none


def belief_tilt(history: History, layout: Layout, rows: Rows, design: int) -> Tilt:
    """What the belief adds.

    Args:
        history: of the study.
        layout: of the vectors.
        rows: its trials.
        design: how many trials the initial design has.
    """
    space = history.space
    if not space.beliefs:
        return LEVEL
    if len(history.trials) >= 2 * design and is_wrong(layout, rows):
        return Tilt(words=", belief given up")
    weight = _BETA / max(len(history.trials), 1)
    return Tilt((lambda x: weight * space.log_belief(layout.units(x)),), f", belief {weight:.2g}")


def is_wrong(layout: Layout, rows: Rows) -> bool:
    """Whether the best trial where the belief is denser than the uniform distribution is worse than half of the others.

    So it is as well where all trials there have failed, but not where none was tried.
    """
    space = layout.space
    likely = space.log_belief(layout.units(rows.x)) > 0.0
    if not likely.any():
        return len(likely) > 0 and bool((space.log_belief(layout.units(rows.failed)) > 0.0).any())
    if likely.all():
        return False
    rank = np.empty(len(rows))
    rank[rows.best_first()] = np.arange(len(rows))
    return bool(rank[likely].min() > np.median(rank[~likely]))


def likely_candidates(layout: Layout, rng: np.random.Generator) -> Floats:
    """Vectors drawn from the belief, shape (m, s), those that constraints allow; none where nothing was said."""
    space = layout.space
    if not space.beliefs:
        return np.empty((0, len(layout)))
    x = layout.settled(layout.vectors(space.believed(rng.random((_CANDIDATES, len(space))))))
    return x[layout.allowed(x)]
