"""Leading: which hyperparameters a picture shows if nobody says; and the smoother of a study's trials."""

from collections.abc import Sequence

import numpy as np

from danlu.core.history import History
from danlu.core.trial import Trial
from danlu.numerics.smoother import Smoother, smooth
from danlu.pictures.axis import Axis, value_axis
from danlu.pictures.marks import counted

ENOUGH = 5
"""Trials below which nothing is estimated: no effect could be told from chance."""


def ranked(history: History) -> tuple[str, ...]:
    """All hyperparameters, those that matter most first.

    Measured by the main effect: the variance of the objective along one hyperparameter, the mean taken over all
    others, times the share of trials in which it is active. A pair that matters only together is not found by it; a
    better measure costs more than drawing the picture. With fewer than five trials: in the order of declaration.

    Source: Hutter, Hoos & Leyton-Brown (2014), functional analysis of variance, effects of order one.
    """
    names, trials = history.space.names, counted(history)
    if len(names) <= 2 or len(trials) < ENOUGH:
        return names
    losses = np.array([trial.loss for trial in trials])
    smoother = estimate(history, trials, value_axis(history.goals[0], losses))
    active = [sum(name in trial.config for trial in trials) / len(trials) for name in names]
    weights = smoother.main_effects() * active
    return tuple(names[k] for k in np.argsort(-weights, kind="stable"))


def leading(history: History) -> tuple[str, ...]:
    """The two hyperparameters that matter most, in the order of declaration; fewer if the space has fewer."""
    chosen = ranked(history)[:2]
    return tuple(name for name in history.space.names if name in chosen)


def estimate(
    history: History, trials: Sequence[Trial], axis: Axis, lengths: tuple[float, ...] | None = None,
    noise: float | None = None,
) -> Smoother:  # fmt: skip
    """The smoother of these trials, on the axis's own scale: of log losses if it is logarithmic, no worse than its end.

    Args:
        history: whose space the trials are in.
        trials: one or more with values, by number.
        axis: of the objective.
        lengths, noise: of another smoother that is to be compared with this one.
    """
    u = np.array([history.place(trial) for trial in trials])
    values = np.array([axis.clip(trial.value or 0.0) for trial in trials])
    losses = np.log(values) if axis.log else axis.sign * values
    unordered = [not history.space[name].ordered for name in history.space.names]
    return smooth(u, losses, unordered, lengths, noise)
