"""Keeping: which checkpoints can still be wanted. All others are removed, so that a study's disk use is bounded.

    wanted                                                          by
    the last one of each trial that is pending, running or paused   its next attempt
    the one that a fork began with, until it has its own or ends    the fork's first attempt, should it be repeated
    those of the `keep` best trials that have ended, the best's
    at least; of several objectives those of the whole front        people

What a study keeps is then at most `keep` + workers + paused trials (+ forks that have just begun). Where the disk is
nearly full all the same, `thinned` says what is least wanted.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from danlu.core import event as ev
from danlu.core.history import History
from danlu.core.trial import File, Status, Trial
from danlu.numerics.pareto import non_dominated


def may_free(events: Iterable[ev.Event]) -> bool:
    """Whether something can be unwanted after these events that was wanted before."""
    return any(isinstance(event, (ev.Saved, ev.Finished, ev.Changed)) for event in events)


def unwanted(history: History) -> tuple[ev.Removed, ...]:
    """The checkpoints that nobody can want any more; costs O(trials that have one which they don't go on from)."""
    spare = history.spare
    if not spare:
        return ()
    needed = {trial.parent.path for trial in history.unborn if trial.parent is not None}
    best = _best(history, spare)
    found: list[ev.Removed] = []
    for trial in spare:
        kept = trial.checkpoint if not trial.is_finished or trial.number in best else None
        files = (file for file in trial.checkpoints if file is not kept and file.path not in needed)
        found += [ev.Removed(trial.number, file.path) for file in files]
    return tuple(found)


def thinned(history: History, size: int) -> tuple[ev.Removed, ...]:
    """The least wanted checkpoints, as few as have `size` bytes together, or all that can be spared.

    Those of trials that have ended go first, then those of paused trials, the worst first: these begin again from
    step 0 if they are ever resumed. Never the best's, nor that of the best paused trial; nor one that a fork needs.
    """
    needed = {trial.parent.path for trial in history.unborn if trial.parent is not None}
    leader = min(history.paused, key=_order, default=None)
    front = _best(history, history.spare, 0)
    ended = [t for t in history.spare if t.is_finished and t.number not in front]
    paused = [t for t in history.paused if t is not leader and t.parent is None]  # a fork has no step 0 to begin from
    found: list[ev.Removed] = []
    freed = 0
    for trial in (*_worst_first(ended), *_worst_first(paused)):
        for file in trial.checkpoints:
            if freed < size and file.path not in needed:
                found.append(ev.Removed(trial.number, file.path))
                freed += file.size
    return tuple(found)


def lost(removed: Sequence[ev.Removed]) -> tuple[ev.Event, ...]:
    """What the journal is told of checkpoints that are gone from the folder."""
    if not removed:
        return ()
    told = f"checkpoints are gone from the folder ({_trials(removed)}): what goes on begins from its start"
    return (*removed, ev.Noted(told))


def crowded(history: History, removed: Sequence[ev.Removed], free: int) -> tuple[ev.Event, ...]:
    """What the journal is told where the disk is nearly full; that nothing can be spared is said once."""
    full = f"the disk is nearly full ({free / 1e6:.0f} MB free)"
    if removed:
        told = (
            f"{full}: gave up the least wanted checkpoints ({_trials(removed)}); paused trials begin again if resumed"
        )
        return (*removed, ev.Noted(told))
    none = "no checkpoint can be spared"
    if any(none in note for note in history.notes):
        return ()
    return (ev.Noted(f"{full}, and {none}: free some space before the study has to stop"),)


def kept(history: History) -> list[File]:
    """All checkpoints that the study keeps."""
    return [file for trial in history.trials for file in trial.checkpoints]


def _best(history: History, trials: list[Trial], keep: int | None = None) -> set[int]:
    """Numbers of those whose checkpoints people may want: the front, and the best up to `keep` (the study's) in all."""
    found = [
        t for t in trials if t.status is Status.COMPLETE and t.checkpoint and t.is_feasible and _is_told(history, t)
    ]
    if not found:
        return set()
    if len(history.goals) == 1:
        front = {min(found, key=_order).number}
    else:
        losses = np.array([[o.loss(t.metric(o) or 0.0) for o in history.goals] for t in found])
        # a trial of the study's front is on that of those with a checkpoint, too
        front = {trial.number for trial, on_front in zip(found, non_dominated(losses), strict=True) if on_front}
    ranked = sorted(found, key=lambda t: (t.number not in front, _order(t)))
    return front | {trial.number for trial in ranked[: history.keep if keep is None else keep]}


def _is_told(history: History, trial: Trial) -> bool:
    return all((value := trial.metric(o)) is not None and math.isfinite(value) for o in history.goals)


def _worst_first(trials: Iterable[Trial]) -> list[Trial]:
    return sorted(trials, key=_order, reverse=True)


def _order(trial: Trial) -> tuple[float, int]:
    """The best first; of equals the first, and those without a value last."""
    return (math.inf if math.isnan(trial.loss) else trial.loss, trial.number)


def _trials(removed: Sequence[ev.Removed]) -> str:
    numbers = list(dict.fromkeys(event.trial for event in removed))
    return f"trial{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers[:5]))}{', ...' * (len(numbers) > 5)}"
