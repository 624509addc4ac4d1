"""Replication: where training is noisy, a leading config is tried again, with the seed of a new trial.

Whether training is noisy is first suspected, by the noise that the surrogate was fitted with, and then seen: the first
repeats are a test. Two repeats that came out exactly as their originals did, and none otherwise, prove that it is not,
and nothing is ever repeated again; two, because a metric such as an accuracy may come out the same by chance. Repeats
stay rare, for they were not seen to find better configs: what pays is that noise is known, and the config that is
recommended is chosen by the surrogate (benchmarks/results/trainings.md).

Sources
    Hutter, Hoos & Leyton-Brown (2011), "Sequential model-based optimization for general algorithm configuration", LION:
        configs that lead are tried again before they are believed.
    Binois, Huang, Gramacy & Ludkovski (2019), "Replication or exploration? Sequential design for stochastic simulation
        experiments", Technometrics 61.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from danlu.core.history import History
from danlu.core.strategy import Start
from danlu.core.trial import Status
from danlu.strategies.gp.surrogate import Surrogate
from danlu.strategies.rows import Rows

_FROM = 16  # trials: fewer don't tell noise from a surface that is not smooth
_TEST, _EVERY = 8, 16  # trials of which one may be a repeat: until noise was seen, and then
_LEADERS = 3  # of which the least tried is tried again
_SUSPECTED = 0.01  # fitted noise, in shares of the losses' variance
_PROOF = 2  # equal repeats
_SMALL = 100  # configs up to which a space is rather tried in full
_SURE = 0.999  # that a difference which counts as noise is not larger than noise ever is


def is_noisy(rows: Rows) -> bool:
    """Whether two trials of one config had different losses."""
    same = rows.same
    return bool((rows.losses[same.again] != rows.losses[same.first[same.again]]).any())


def reach_of(rows: Rows) -> float:
    """By how much two losses may differ and it be noise, as the repeats have it; 0 without noise.

    Student's quantile of so few repeats is large: all that they must rule out is noise which is there but negligible,
    such as that of sums in another order. Then a surrogate's mean is a worse guide than the losses.
    """
    same = rows.same
    squares = float(((rows.losses - same.mean(rows.losses)) ** 2).sum())
    freedom = len(same.again)
    return float(stdtrit(freedom, _SURE)) * math.sqrt(squares / freedom) if squares > 0.0 else 0.0


def is_repeat_due(history: History, rows: Rows) -> bool:
    """Whether the next suggestion may be a repeat, whatever the surrogate says."""
    if len(history.goals) > 1 or len(history.trials) < _FROM:
        return False
    if len(rows.same.again) >= _PROOF and not is_noisy(rows):
        return False
    if history.space.size is not None and history.space.size <= _SMALL:
        return False
    n, every = len(history.trials), _EVERY if is_noisy(rows) else _TEST
    return not any(_is_repeat(history, number) for number in range(n - every + 1, n))


def repeat_of(history: History, rows: Rows, kept: NDArray[np.int64], surrogate: Surrogate) -> Start | None:
    """The least tried of the leaders, again; None where the losses look free of noise.

    Args:
        history: in which a repeat is due.
        rows: its rows.
        kept: those that the surrogate was made of.
        surrogate: of the losses.
    """
    if surrogate.noise <= _SUSPECTED:
        return None
    leaders = leaders_of(history, rows, kept, surrogate)[:_LEADERS]
    if not len(leaders):
        return None
    waiting = [trial.config for trial in history.pending]
    tried = [int(rows.same.count[k]) + waiting.count(history.trials[int(rows.numbers[k])].config) for k in leaders]
    chosen = history.trials[int(rows.numbers[leaders[int(np.argmin(tried))]])]
    return Start(chosen.config, f"gp: repeat of trial {chosen.number}, noise")


def leaders_of(history: History, rows: Rows, kept: NDArray[np.int64], surrogate: Surrogate) -> NDArray[np.int64]:
    """Rows of complete trials that keep all constraints, by posterior mean, the lowest first, the first of equals."""
    trials = [history.trials[int(number)] for number in rows.numbers[kept]]
    can_be = np.array([trial.status is Status.COMPLETE and trial.is_feasible for trial in trials], dtype=bool)
    order = np.argsort(surrogate.at_rows()[: len(kept)], kind="stable")
    return np.asarray(kept[order[can_be[order]]])


def _is_repeat(history: History, number: int) -> bool:
    first = history.tried(history.trials[number].config)
    return first is not None and first.number != number
