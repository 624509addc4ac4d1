"""Recall: an earlier study in the terms of a new one. Pure: a history in, an event out."""

from collections.abc import Sequence

import numpy as np

from danlu.core.event import Recalled
from danlu.core.history import History
from danlu.core.objective import Objective
from danlu.core.trial import Status, Trial
from danlu.errors import ObjectiveError, SpaceError, StudyError
from danlu.numerics.even import even_choice
from danlu.space import Space

_MOST = 200  # trials of an earlier study: they say where it was good, and cost the journal 30 kB
_BEST = 50  # of them, the best; the others are an even choice of the rest


def recall(name: str, history: History, space: Space, objectives: Sequence[Objective]) -> Recalled:
    """What a study with this history tells one with this space and these objectives.

    Trials that failed, that miss a constraint of the new study, or whose config has no place in its space are left out.

    Args:
        name: of the earlier study.

    Raises:
        ObjectiveError: it was after something else, or there is more than one objective.
        SpaceError: none of its configs has a place in the space.
        StudyError: none of its trials has a value.
    """
    goal = _goal(name, history, objectives)
    valued = [trial for trial in history.finished if _counts(trial, goal, objectives)]
    if not valued:
        raise StudyError(f"no warm start from {name!r}: none of its {len(history.trials)} trials has a {goal.metric}.")
    shared = [n for n in space.names if n in history.space]
    if not shared:
        here, there = (", ".join(s.names) for s in (space, history.space))
        raise SpaceError(f"no warm start from {name!r}: it tuned {there}; this study tunes {here}. Leave it out.")
    told = [(config, trial) for trial in valued if (config := space.translated(trial.config)) is not None]
    if not told:
        raise SpaceError(
            f"no warm start from {name!r}: none of its {len(valued)} configs, such as {dict(valued[0].config)}, has a "
            f"place in this study's space. Widen the ranges of {', '.join(shared)}, or leave it out."
        )
    losses = np.array([goal.loss(value) for _, t in told if (value := t.metric(goal)) is not None])
    kept = _kept(losses)
    return Recalled(name, tuple(dict(told[k][0]) for k in kept), tuple(losses[kept].tolist()))


def _goal(name: str, history: History, objectives: Sequence[Objective]) -> Objective:
    """The one objective, which the earlier study must have had as well."""
    goals = [o for o in objectives if o.bound is None]
    if len(goals) > 1:
        names = ", ".join(o.metric for o in goals)
        raise ObjectiveError(f"a warm start needs a single objective, got {names}. Leave warm_start out.")
    goal = goals[0]
    if not any(o.metric == goal.metric and o.goal == goal.goal for o in history.goals):
        was = ", ".join(map(str, history.goals))
        raise ObjectiveError(f"no warm start from {name!r}: it was after {was}, not {goal}. Leave it out.")
    return goal


def _counts(trial: Trial, goal: Objective, objectives: Sequence[Objective]) -> bool:
    """Whether a trial has a value and is not known to miss a constraint."""
    value = trial.metric(goal)
    if trial.status is Status.FAILED or value is None or not np.isfinite(value):
        return False
    known = [(o, v) for o in objectives if o.bound is not None and (v := trial.metric(o)) is not None]
    return all(o.is_kept(v) for o, v in known)


def _kept(losses: np.ndarray) -> list[int]:
    """Which of the trials are told, in their order."""
    if len(losses) <= _MOST:
        return list(range(len(losses)))
    order = np.argsort(losses, kind="stable")
    rest = np.sort(order[_BEST:])
    return sorted([*order[:_BEST].tolist(), *even_choice(rest, _MOST - _BEST).tolist()])
