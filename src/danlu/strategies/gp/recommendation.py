"""Recommendation: the trial whose config to ship, where training is noisy."""

import math

from danlu.core.history import History
from danlu.core.trial import Trial
from danlu.numerics.threads import one_thread
from danlu.strategies.gp.kernel import kernel_of
from danlu.strategies.gp.posterior import kept_of, posterior_of
from danlu.strategies.gp.replication import is_noisy, leaders_of, reach_of
from danlu.strategies.gp.surrogate import IllConditioned
from danlu.strategies.gp.view import CLIPPED
from danlu.strategies.layout import layout_of
from danlu.strategies.rows import rows_of


def recommended(history: History) -> Trial | None:
    """The trial whose config is best to ship: where training was seen to be noisy, of the lowest posterior mean.

    The best loss observed is then a lucky one; the model has seen its neighbours, and repeats. Noise is seen where two
    trials of one config had different losses, and it explains a lower loss of another config only if it is as large.
    Without it the incumbent is recommended; None where there is none.

    Raises:
        ObjectiveError: there are several objectives.
    """
    incumbent, rows = history.best, rows_of(history, layout_of(history.space))
    if incumbent is None or not is_noisy(history, rows):
        return incumbent
    leader = lowest_mean(history, incumbent.loss + reach_of(history, rows))
    return incumbent if leader is None or leader.config == incumbent.config else leader


def lowest_mean(history: History, most: float = math.inf) -> Trial | None:
    """The complete trial that keeps all constraints and has the lowest posterior mean, the first of equals.

    Args:
        history: as it stands.
        most: loss that the trials of a config must not exceed on average.

    Returns:
        None where there is none, or too little for a model.
    """
    layout = layout_of(history.space)
    rows = rows_of(history, layout)
    if len(rows) < 2:
        return None
    kept = kept_of(rows)
    try:
        with one_thread():
            surrogate = posterior_of(kernel_of(layout), rows, rows.losses, CLIPPED, kept, history.earlier)
    except IllConditioned:
        return None
    leaders = leaders_of(history, rows, kept, surrogate)
    leaders = leaders[rows.same.mean(rows.losses)[leaders] <= most]
    return history.trials[int(rows.numbers[leaders[0]])] if len(leaders) else None
