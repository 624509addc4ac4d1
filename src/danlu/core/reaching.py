"""Reaching: a study as its trials stood when they came to one step; what a model sees that knows nothing of steps.

The module knows how `History` keeps its sets and counts in step.
"""

from dataclasses import dataclass

from danlu.core.curve import EMPTY
from danlu.core.history import History, chosen, replace, with_best, with_trials
from danlu.core.shared import Columns, Vector
from danlu.core.trial import Status, Trial


def reaching(history: History, step: int) -> History:
    """What the reports up to a step said of the trials that got there, in this order; the others are pending.

    The report that counts is that of `Trial.arrival`. Failed trials stay as they are, and complete ones that never
    reported so much. A call costs O(trials that changed since the last one).
    """
    known: _Reached | None = history.memos.get(("reaching", step))
    if known is not None and known.leads_to(history):
        found = _reached_further(history, step, known)
    else:
        cut = [_cut(trial, step) for trial in history.trials]
        found = chosen(history, cut, (lambda trial: trial.number) if history._in_order else (lambda trial: trial.entry))
    history.memos["reaching", step] = _Reached(history.trials, found)
    return found


def _cut(trial: Trial, step: int) -> Trial:
    """A trial as it was when it reached a step, pending if it has not."""
    place = trial.arrival(step)
    if trial.status is Status.FAILED or (trial.status is Status.COMPLETE and place is None):
        return trial
    if place is None:
        return replace(trial, status=Status.PENDING, curve=EMPTY, told={}, entry=0)
    reached = trial.curve.first(place + 1)
    return replace(trial, status=Status.COMPLETE, curve=reached, told={}, entry=trial.curve.entry(place))


@dataclass(frozen=True)
class _Reached:
    """What `reaching` gave of these trials."""

    trials: Vector[Trial]
    found: History

    def leads_to(self, history: History) -> bool:
        """Whether a history has at least these trials, of the same configs."""
        if len(self.trials) > len(history.trials):
            return False
        return all(
            k >= len(self.trials) or _is_same_suggestion(history.trials[k], self.trials[k])
            for k in history.trials.changes(self.trials)
        )


def _is_same_suggestion(trial: Trial, other: Trial) -> bool:
    same = trial.config is other.config or trial.config == other.config
    return same and trial.origin == other.origin


def _reached_further(history: History, step: int, before: _Reached) -> History:
    """What `reaching` gives, made from what it gave of earlier trials of the same configs.

    What had ended stays where it is in the order of ending, and what has ended since comes after it. Only where a trial
    no longer stands as it did, for it failed later or began again before that step, the order is made anew.
    """
    found = before.found
    new = {k: _cut(history.trials[k], step) for k in history.trials.changes(before.trials)}
    old = {k: found.trials[k] for k in new if k < len(found.trials)}
    tried, counts, live = found._tried, dict(found._counts), found._live
    for k, trial in new.items():
        if k in old:
            counts[old[k].status] -= 1
        else:
            origin = trial.origin.split(":", 1)[0]
            counts[origin] = counts.get(origin, 0) + 1
            tried = tried.append(trial.config if history.is_inside(trial) else None)
        counts[trial.status] = counts.get(trial.status, 0) + 1
        live = live.minus(k) if trial.is_finished else live.plus(k)
    trials = found.trials.updated(new)
    fallen = {k for k, trial in old.items() if trial.is_finished and not _stands(trial, new[k])}
    standing = {k for k, trial in old.items() if trial.is_finished} - fallen
    ended = [k for k, trial in new.items() if trial.is_finished and k not in standing]
    found = replace(found, trials=trials, _tried=tried, _counts=counts, _live=live)
    return with_trials(history, _ended_further(found, fallen, ended, history._in_order))


def _stands(trial: Trial, now: Trial) -> bool:
    """Whether what was shown of a finished trial still holds."""
    same = now.status is trial.status and now.entry == trial.entry and now.told == trial.told
    return same and len(now.curve) == len(trial.curve) and trial.curve.begins(now.curve)


def _ended_further(history: History, fallen: set[int], ended: list[int], in_order: bool) -> History:
    """The history with the finished trials in order: without those that have fallen, and with others that have ended.

    Those that have ended may be some that have fallen.
    """
    columns = history._columns.without(fallen) if fallen else history._columns

    def order(k: int) -> tuple[int, int]:
        return (0 if in_order else history.trials[k].entry, k)

    ended = sorted(ended, key=order)
    is_anew = bool(ended) and columns.last is not None and order(ended[0]) < order(columns.last)
    following = sorted([*columns.numbers, *ended], key=order) if is_anew else ended
    columns = Columns() if is_anew else columns
    for k in following:
        columns = columns.append(k)
    if is_anew or history._best in fallen:
        return with_best(replace(history, _columns=columns, _best=None), columns.numbers)
    return with_best(replace(history, _columns=columns), ended)
