"""Hiding: a study as it would be known if trials from some number on had told nothing yet.

It makes order a matter of choice: `InOrder` shows a strategy what a fixed number of earlier trials have told, and no
more, whatever has ended meanwhile. The module knows how `History` keeps its sets and counts in step.
"""

from dataclasses import dataclass

from danlu.core.curve import EMPTY
from danlu.core.history import History, better, chosen, replace, with_count, with_status, with_trials
from danlu.core.shared import Vector
from danlu.core.trial import Status, Trial

_HIDINGS = 16  # that are kept: trials which report in turn each ask for their own


def hiding(history: History, number: int) -> History:
    """What was known before trials from this number on had told anything: they are pending.

    The others count as ended in the order of their numbers, and how long they took is not known, so that it does not
    matter which was faster.
    """
    number = max(number, 0)
    known: list[_Hiding] = history.memos.setdefault("hiding", [])
    nearest = sorted((h for h in known if h.number <= number), key=lambda h: -h.number)
    before = next((h for h in nearest if h.leads_to(history)), None)
    if before is not None:
        found = _hidden_further(history, number, before)
    else:
        trials = [_shown(trial) if trial.number < number else _hidden(trial) for trial in history.trials]
        found = replace(chosen(history, trials, lambda trial: trial.number), _in_order=True)
    known[:] = [_Hiding(number, history.trials, found), *(h for h in known if h.number != number)][:_HIDINGS]
    return found


@dataclass(frozen=True)
class _Hiding:
    """What `hiding` gave: trials from `number` on of these were hidden."""

    number: int
    trials: Vector[Trial]
    found: History

    def leads_to(self, history: History) -> bool:
        """Whether a history has these trials, those that were shown as they were, the others as they were suggested."""
        if not self.trials.is_same(history.trials, min(self.number, len(self.trials))):
            return False
        hidden = range(self.number, len(self.trials))
        return len(self.trials) <= len(history.trials) and all(
            history.trials[k].config == self.trials[k].config and history.trials[k].origin == self.trials[k].origin
            for k in hidden
        )


def _shown(trial: Trial) -> Trial:
    return replace(trial, started=None, ended=None, entry=0)


def _hidden(trial: Trial) -> Trial:
    return replace(
        trial, status=Status.PENDING, curve=EMPTY, told={}, checkpoint=None, artifacts=(), reason="", error="",
        started=None, ended=None, entry=0,
    )  # fmt: skip


def _hidden_further(history: History, number: int, before: _Hiding) -> History:
    """What hiding from `number` on gives, made from what hiding more of an earlier history gave."""
    found = before.found
    for k in range(min(before.number, len(before.trials)), len(history.trials)):
        trial = history.trials[k]
        if k < number:
            found = _put(found, k, _shown(trial), history.is_inside(trial))
        elif k >= len(before.trials) or trial is not before.trials[k]:
            found = _put(found, k, _hidden(trial), history.is_inside(trial))
    return replace(with_trials(history, found), _in_order=True)


def _put(history: History, k: int, trial: Trial, is_inside: bool) -> History:
    """The history with this trial in place of the k-th that it has, which has not ended, or as another one."""
    old = history.trials[k].status if k < len(history.trials) else None
    if old is None:
        history = with_count(history, trial.origin.split(":", 1)[0], 1)
        tried = history._tried.append(trial.config if is_inside else None)
        history = replace(history, trials=history.trials.append(trial), _tried=tried)
    else:
        history = replace(history, trials=history.trials.replace(k, trial))
    history = with_status(history, k, old, trial.status)
    if not trial.is_finished:
        return history
    history = replace(history, _columns=history._columns.append(k))
    return replace(history, _best=better(history, k))
