"""Elapsed: how long a study has run, and how long its trials have, as its journal tells it."""

import math
from collections.abc import Iterator

from danlu.core.history import History
from danlu.core.trial import Status


def elapsed(history: History) -> float:
    """Seconds in which at least one trial was running; a night in which the study was put aside does not count."""
    total, until = 0.0, -math.inf
    for begin, end in sorted(_spans(history)):
        total += max(end - max(begin, until), 0.0)
        until = max(until, end)
    return total


def trial_seconds(history: History) -> float:
    """Seconds that all attempts at all trials have run, those at the same time each on its own: what machines cost."""
    return history.ran + sum(history.at - (trial.started or history.at) for trial in history.running)


def _spans(history: History) -> Iterator[tuple[float, float]]:
    """From when to when trials ran, each in its last attempt; of a paused one, up to its last report."""
    for trial in history.trials:
        if trial.started is None:
            continue
        if trial.ended is not None:
            yield trial.started, trial.ended
        elif trial.status is Status.RUNNING:
            yield trial.started, history.at
        elif trial.status is Status.PAUSED and len(trial.curve):
            yield trial.started, trial.started + float(trial.curve.elapsed[-1])
