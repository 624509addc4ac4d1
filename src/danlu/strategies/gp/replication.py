"""Replication: a leading config is tried again, with the seed of a new trial, to see whether training is noisy.

What a fit takes for noise may as well be a surface that is not smooth, so it only gives rise to a test. One repeat that
came out otherwise than its original shows that training is noisy; two that came out exactly as theirs did prove that
it is not: two, because a metric such as an accuracy may come out the same by chance. Either way nothing is repeated any
more. What pays is that noise is known, for then the surrogate chooses what to recommend. Going on to repeat leading
configs, one suggestion in eight or in sixteen, found none that were better (benchmarks/results/trainings.md); it is the
rule of Hutter, Hoos & Leyton-Brown (2011), "Sequential model-based optimization for general algorithm configuration",
LION, for an incumbent that no model smooths.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from danlu.core.history import History
from danlu.core.strategy import Start
from danlu.core.trial import Status, Trial
from danlu.strategies.gp.kernel import Kernel
from danlu.strategies.gp.surrogate import Surrogate
from danlu.strategies.layout import Floats
from danlu.strategies.rows import Rows
from danlu.strategies.same import Same, same_of

_FROM = 16  # trials: fewer don't tell noise from a surface that is not smooth
_EVERY = 8  # trials of which one may be a repeat
_SUSPECTED = 0.01  # fitted noise, in shares of the losses' variance
_PROOF = 2  # equal repeats
_SMALL = 100  # configs up to which a space is rather tried in full
_SURE = 0.999  # that a difference which counts as noise is not larger than noise ever is


def is_noisy(history: History, rows: Rows) -> bool:
    """Whether two complete trials of one config had different losses."""
    losses, same = _complete(history, rows)
    return bool((losses[same.again] != losses[same.first[same.again]]).any())


def looks_noisy(theta: Floats, kernel: Kernel) -> bool:
    """Whether a fit took some of the losses' variance for noise, which may as well be a surface that is not smooth."""
    return kernel.noise(theta) > _SUSPECTED


def reach_of(history: History, rows: Rows) -> float:
    """By how much two losses may differ and it be noise, as the repeats have it; 0 without noise.

    Student's quantile of so few repeats is large: all that they must rule out is noise which is there but negligible,
    such as that of sums in another order. Then a surrogate's mean is a worse guide than the losses.
    """
    losses, same = _complete(history, rows)
    squares = float(((losses - same.mean(losses)) ** 2).sum())
    freedom = len(same.again)
    return float(stdtrit(freedom, _SURE)) * math.sqrt(squares / freedom) if squares > 0.0 else 0.0


def is_repeat_due(history: History, rows: Rows) -> bool:
    """Whether it is time for a repeat, as far as numbers of trials tell."""
    if len(history.goals) > 1 or len(history.trials) < _FROM:
        return False
    if len(_complete(history, rows)[1].again) >= _PROOF or is_noisy(history, rows):
        return False
    if history.space.size is not None and history.space.size <= _SMALL:
        return False
    if sum(_is_pending(trial) for trial in history.repeats) >= _PROOF:
        return False
    n = len(history.trials)
    return not any(_is_repeat(history, number) for number in range(n - _EVERY + 1, n))


def repeat_of(history: History, rows: Rows, kept: NDArray[np.int64], surrogate: Surrogate) -> Start | None:
    """The first of the leaders that was tried only once, again; None where there is none.

    Args:
        history: in which a repeat is due, and training looks noisy.
        rows: its rows.
        kept: those that the surrogate was made of.
        surrogate: of the losses.
    """
    waiting = {trial.config for trial in history.repeats if _is_pending(trial) or _is_pending(_first(history, trial))}
    for k in leaders_of(history, rows, kept, surrogate):
        trial = history.trials[int(rows.numbers[k])]
        if rows.same.count[k] == 1 and trial.config not in waiting:
            return Start(trial.config, f"gp: repeat of trial {trial.number}, noise")
    return None


def leaders_of(history: History, rows: Rows, kept: NDArray[np.int64], surrogate: Surrogate) -> NDArray[np.int64]:
    """Rows of complete trials that keep all constraints, by posterior mean, the lowest first, the first of equals."""
    trials = [history.trials[int(number)] for number in rows.numbers[kept]]
    can_be = np.array([trial.status is Status.COMPLETE and trial.is_feasible for trial in trials], dtype=bool)
    order = np.argsort(surrogate.at_rows()[: len(kept)], kind="stable")
    return np.asarray(kept[order[can_be[order]]])


def _complete(history: History, rows: Rows) -> tuple[Floats, Same]:
    """Losses of the complete trials, and which of them are of one config: one that was stopped early says another."""
    if not len(rows.same.again):
        return rows.losses, rows.same
    complete = [history.trials[number].status is Status.COMPLETE for number in rows.numbers.tolist()]
    return rows.losses[complete], same_of(rows.x[complete])


def _is_pending(trial: Trial) -> bool:
    return trial.status is Status.PENDING or trial.status is Status.RUNNING


def _first(history: History, trial: Trial) -> Trial:
    """The first trial of a repeat's config."""
    return history.tried(trial.config) or trial


def _is_repeat(history: History, number: int) -> bool:
    first = history.tried(history.trials[number].config)
    return first is not None and first.number != number
