"""Lineage: the trials that led to one by forks, the schedule of configs along them, and the curve of the whole line.

    trial 2     lr 0.1      steps 1 … 8     checkpoint at 8
    trial 9     lr 0.08     steps 9 … 20    forked from trial 2 after step 8

    line(history, 9)      -> [trial 2, trial 9]
    schedule(history, 9)  -> (Segment(0, lr 0.1), Segment(8, lr 0.08))
    line_curve(history, 9)   steps 1 … 20

A fork whose config is that of its parent goes on with the same segment.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from danlu.core.curve import EMPTY, Curve
from danlu.core.history import History
from danlu.core.trial import Trial
from danlu.space import Config


class Segment(msgspec.Struct, frozen=True):
    """A stretch of a training with one config.

    Attributes:
        step: after which it begins: 0, or that of the checkpoint that was forked from.
        config: its config, up to the next segment or to the end.
    """

    step: int
    config: Config


def line(history: History, number: int) -> list[Trial]:
    """The trial and all that it comes from, the one that began at step 0 first."""
    found = [history.trials[number]]
    while (parent := found[-1].parent) is not None:
        found.append(history.trials[parent.trial])
    return found[::-1]


def schedule(history: History, number: int) -> tuple[Segment, ...]:
    """The configs along a trial's line, each with the step after which it began."""
    segments: list[Segment] = []
    for trial in line(history, number):
        if not segments or trial.config != segments[-1].config:
            segments.append(Segment(trial.origin_step, trial.config))
    return tuple(segments)


def strategy_form(segments: Iterable[Segment], repeats: int = 1) -> dict[str, Any]:
    """The plain form of the strategy that trains a schedule again: JSON can carry it."""
    return {
        "use": "schedule",
        "segments": [{"step": segment.step, "config": dict(segment.config)} for segment in segments],
        "repeats": repeats,
    }


def line_curve(history: History, number: int) -> Curve:
    """What a trial and those that it comes from reported, each up to where the next one was forked from it.

    The seconds are those that the line took: what its trials reported beyond a fork is no part of it.
    """
    trials = line(history, number)
    joined, spent = EMPTY, 0.0
    for trial, child in zip(trials, [*trials[1:], None], strict=True):
        part = trial.curve if child is None else trial.curve.until(child.origin_step)
        elapsed = part.elapsed.tolist()
        for k, (step, metrics) in enumerate(part):
            joined = joined.append(step, spent + elapsed[k], metrics)
        spent += elapsed[-1] if elapsed else 0.0
    return joined
