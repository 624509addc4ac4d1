"""The protocol of a study: which events each call appends. Pure: a history and a call in, events out.

`Study` puts the events of one call into the journal as one entry; `replay` computes them again.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from danlu.core import event as ev
from danlu.core.history import History
from danlu.core.objective import diverged, plain_metrics
from danlu.core.origin import fallback_in, misled_in
from danlu.core.runner import CRASHES, LOSSES, OUTSIDE, Ended, Failed, Signal
from danlu.core.seeds import suggestion_rng, trial_seed
from danlu.core.strategy import Resume, Start, Strategy, Suggestion
from danlu.core.trial import Decision, Fork, Status, Trial
from danlu.errors import DanluError, ObjectiveError, StrategyError, StudyError, UnknownName
from danlu.space import Space
from danlu.space.change import check_kept, differences

Events = tuple[ev.Event, ...]

_FEW = 3  # complete trials after which it is said that none can be judged by its reports
_LOSSES = 20  # as often a trial may lose its node, or be preempted, before that is taken for its fate


def ask(history: History, strategy: Strategy) -> tuple[Events, Suggestion]:
    """The next suggestion; no events where the strategy waits or is exhausted."""
    suggestion = strategy.suggest(history, suggestion_rng(history.seed, history.asks))
    match suggestion:
        case Start(config, origin, budget, parent, queued, replaces):
            if not history.space.contains(config):
                raise StrategyError(f"{strategy!r} suggested {dict(config)}, which is not a config of the space.")
            if parent is not None:
                _check_fork(history, strategy, parent)
            number = len(history.trials)
            seed = trial_seed(history.seed, number)
            started = ev.Suggested(number, dict(config), origin, seed, budget, parent, queued)
            if replaces is None:
                return (started,), suggestion
            _check_paused(history, f"{strategy!r} replaces", replaces)
            return (started, ev.Decided(replaces, "stop"), ev.Finished(replaces, "stopped")), suggestion
        case Resume(number, budget):
            _check_paused(history, f"{strategy!r} resumes", number)
            return (ev.Resumed(number, budget),), suggestion
    return (), suggestion


def _check_paused(history: History, what: str, number: int) -> None:
    if history.trials[number].status is not Status.PAUSED:
        raise StrategyError(f"{what} trial {number}, which is {history.trials[number].status}, not paused.")


def _check_fork(history: History, strategy: Strategy, parent: Fork) -> None:
    checkpoint = history.trials[parent.trial].checkpoint
    if checkpoint is None or (checkpoint.path, checkpoint.step) != (parent.path, parent.step):
        raise StrategyError(f"{strategy!r} forks from {parent}, which is not the checkpoint of that trial.")


def warning(history: History, suggested: ev.Suggested | ev.Resumed) -> Events:
    """A note of what a person should know of a suggestion, the first time. It is nothing that a strategy says."""
    if not isinstance(suggested, ev.Suggested):
        return ()
    if fallen := fallback_in(suggested.origin):
        told, more = f"the search had to fall back: {fallen}", ""
    elif misled := misled_in(suggested.origin):
        told, more = "early values mislead, so trials are trained longer before they are given up", f": {misled}"
    else:
        return ()
    if any(note.startswith(told) for note in history.notes):
        return ()
    where = f"(first in trial {suggested.trial}; the origin of each such trial says so)"
    return (ev.Noted(f"{told}{more} {where}", suggested.trial),)


def unsaved(history: History, number: int) -> Events:
    """A note, the first time that a trial pauses without a checkpoint."""
    told = "paused trials begin again from their start where they have saved no checkpoint"
    if history.trials[number].checkpoint is not None or any(note.startswith(told) for note in history.notes):
        return ()
    return (ev.Noted(f"{told}: call trial.save(state) after each step (first in trial {number})", number),)


def unheard(history: History, judges: bool) -> Events:
    """A note when the third trial is complete, if nothing that was reported lets a strategy judge a trial by it.

    Args:
        history: after the end of a trial.
        judges: whether the strategy would.
    """
    if not judges or history.count(Status.COMPLETE) != _FEW:
        return ()
    why = _unheard(history, history.completed)
    return (
        () if why is None else (ev.Noted(f"{history.strategy['use']} stops trials early by their reports, but {why}"),)
    )


def _unheard(history: History, trials: list[Trial]) -> str | None:
    metrics = [o.metric for o in history.goals]
    call = f"trial.report(step, {', '.join(f'{metric}=...' for metric in metrics)})"
    if not any(len(trial.curve) for trial in trials):
        return f"none of the first {_FEW} trials has reported a step: call {call} after each step"
    missing = next((metric for metric in metrics if all(trial.curve.last(metric) is None for trial in trials)), None)
    if missing is not None:
        known = ", ".join(dict.fromkeys(name for trial in trials for name in trial.curve.metrics))
        return f"none of the first {_FEW} trials has reported {missing!r}, only {known}: call {call} after each step"
    if all(np.count_nonzero(trial.curve[metrics[0]] == trial.curve[metrics[0]]) == 1 for trial in trials):
        return f"each of the first {_FEW} trials has reported {metrics[0]!r} once only: call {call} after each step"
    furthest = max(trial.curve.step for trial in trials)
    if history.full is not None and furthest + 1 < history.full:  # steps may count from 0
        return (
            f"the first {_FEW} trials ended at step {furthest}, and a full training has {history.full}: report steps "
            f"in the unit in which steps= is given"
        )
    return None


def queue(history: History, values: Mapping[str, Any], note: str = "") -> Events:
    """Asks for a config by hand; missing names take their defaults."""
    return (ev.Queued(dict(history.space.config(values)), note),)


def change(
    history: History, space: Space, strategy: dict[str, Any], keep: int | None = None, retries: int | None = None
) -> Events:
    """Another space, strategy (plain), number to keep or to retry from here on; no events where all is as it was.

    Raises:
        SpaceError: earlier trials can't be kept in that space.
    """
    other = None if strategy == history.strategy else strategy
    keep = None if keep == history.keep else keep
    retries = None if retries == history.retries else retries
    if space.to_dict() == history.space.to_dict():
        changed = ev.Changed(other, None, keep, retries)
        return () if changed == ev.Changed() else (changed,)
    earlier = [*(trial.config for trial in history.trials), *(queued.config for queued in history.queue)]
    check_kept(history.space, space, earlier)
    after = history.moved(space)
    dropped = len(history.queue) - len(after.queue)
    notes = [f"the space was changed: {'; '.join(differences(history.space, space))}"]
    notes += [f"{dropped} of {len(history.queue)} queued configs dropped, outside of the changed space"] * (dropped > 0)
    return (ev.Changed(other, space.to_dict(), keep, retries), *map(ev.Noted, notes))


def start(history: History, number: int, worker: str = "") -> Events:
    """A new attempt at a trial, from its last checkpoint."""
    trial = _open(history, number)
    return (ev.Started(number, trial.attempt + 1, _beginning(trial), worker),)


def start_asked(history: History, asked: Events) -> Events:
    """The first attempt at what `ask` gave, in the same entry."""
    match asked[0]:
        case ev.Suggested(number, parent=parent):
            return (ev.Started(number, 1, parent.step if parent else 0),)
        case ev.Resumed(number):
            return start(history, number)
    raise ValueError(f"not what a strategy is asked for: {asked}")


def report(
    history: History, at: float, strategy: Strategy, number: int, step: int, metrics: Mapping[str, Any]
) -> tuple[Events, Decision]:
    """A report at time `at`, and what it leads to."""
    trial = _open(history, number)
    _refuse_paused(trial)
    step = _checked_step(trial, step)
    plain = plain_metrics(metrics)
    if not plain:
        raise ObjectiveError(
            f"trial {number} reported step {step} without a metric. Pass one: report({step}, loss=0.3)."
        )
    reported = ev.Reported(number, step, ev.writable(plain))
    if why := diverged(history.objectives, plain):
        ended = ev.Finished(number, "failed", reason="diverged", error=f"{why} at step {step}")
        return (reported, ended), Decision.STOP
    now = history.apply(ev.Entry(history.position + 1, at, (reported,)))
    decision = strategy.decide(now, now.trials[number])
    match decision:
        case Decision.STOP:
            return (reported, ev.Decided(number, "stop"), ev.Finished(number, "stopped")), decision
        case Decision.PAUSE:
            return (reported, ev.Decided(number, "pause")), decision
    return (reported,), decision


def tell(history: History, number: int, metrics: Mapping[str, Any]) -> Events:
    """The end of a trial, with its last metrics; those it reported need not be told again."""
    trial = _open(history, number)
    _refuse_paused(trial)
    plain = plain_metrics(metrics)
    known = plain.keys() | set(trial.curve.metrics)
    for objective in history.objectives:
        if objective.metric not in known:
            raise ObjectiveError(_missing_metric(number, objective.metric, sorted(known)))
    if why := diverged(history.objectives, plain):
        return (ev.Finished(number, "failed", ev.writable(plain), "diverged", f"{why} at the end"),)
    return (ev.Finished(number, "complete", ev.writable(plain)),)


def fail(history: History, number: int, error: str, reason: str = "") -> Events:
    """The failure of a trial; one that crashed, or whose node is gone, is given another attempt, within limits."""
    trial = _open(history, number)
    if reason in CRASHES and trial.lost - trial.excused < history.retries:
        return (ev.Lost(number, error, reason),)
    if reason in LOSSES and trial.excused < _LOSSES:
        return (ev.Lost(number, error, reason),)
    return (ev.Finished(number, "failed", reason=reason or "told", error=error),)


def answer(
    history: History, at: float, strategy: Strategy, signal: Signal, attempt: int | None = None
) -> tuple[Events, Decision | DanluError]:
    """What a worker's signal appends, and what becomes of its trial, or what is refused.

    Args:
        history: as it is.
        at: now.
        strategy: that decides.
        signal: of a worker.
        attempt: at the trial that the signal is from. One that another coordinator has taken over is told to stop.
            None where there is no other.
    """
    if isinstance(signal, ev.Noted):
        return (() if signal.text in history.notes else (signal,)), Decision.CONTINUE
    trial, number = history.trials[signal.trial], signal.trial
    if trial.is_finished or _is_outdated(trial, signal, attempt):
        return (), Decision.STOP  # it was told so before, or comes back late
    if trial.status is Status.PAUSED and _is_done_by_pausing(signal):
        return (unsaved(history, number) if isinstance(signal, Ended) else ()), Decision.PAUSE
    if trial.status is Status.PENDING and isinstance(signal, (ev.Reported, Ended)):
        return (), Decision.STOP  # of the attempt that was paused; its trial was resumed in the meantime
    try:
        match signal:
            case ev.Started(_, _, _, worker):
                return start(history, number, worker), Decision.CONTINUE
            case ev.Reported(_, step, metrics):
                return report(history, at, strategy, number, step, ev.readable(metrics))
            case Ended(_, told):
                return _end(history, number, told), Decision.CONTINUE
            case Failed(_, reason, error):
                return fail(history, number, error, reason), Decision.CONTINUE
            case _:
                return (signal,), Decision.CONTINUE
    except (ObjectiveError, StudyError) as refused:
        return (), refused


def _is_outdated(trial: Trial, signal: Signal, attempt: int | None) -> bool:
    if attempt is None:
        return False
    if isinstance(signal, ev.Started):
        # the attempt before, whose coordinator was thought to be dead, may have gone on beyond this one's beginning
        return trial.attempt >= attempt or signal.step != _beginning(trial)
    return trial.attempt > attempt


def _beginning(trial: Trial) -> int:
    """The step after which the next attempt goes on."""
    return trial.checkpoint.step if trial.checkpoint else trial.origin_step


def _is_done_by_pausing(signal: Signal) -> bool:
    """Whether a signal of a trial that has been paused says nothing new; files and faults still do."""
    return isinstance(signal, (ev.Reported, Ended)) or (isinstance(signal, Failed) and signal.reason in OUTSIDE)


def _end(history: History, number: int, metrics: Mapping[str, float]) -> Events:
    try:
        return tell(history, number, metrics)
    except ObjectiveError as error:
        return fail(history, number, str(error), "metric")


def _open(history: History, number: int) -> Trial:
    if not 0 <= number < len(history.trials):
        raise StudyError(f"no trial {number}: this study has {len(history.trials)} trials, numbered from 0.")
    trial = history.trials[number]
    if trial.is_finished:
        why = f" ({trial.reason}: {trial.error})" if trial.reason else ""
        raise StudyError(f"trial {number} has ended ({trial.status}){why}; nothing can be added to it.")
    return trial


def _refuse_paused(trial: Trial) -> None:
    if trial.status is Status.PAUSED:
        raise StudyError(
            f"trial {trial.number} is paused since step {trial.curve.step}; it goes on when the strategy resumes it. "
            f"A trial that is told to pause needs no tell."
        )


def _checked_step(trial: Trial, step: Any) -> int:
    if isinstance(step, bool) or not isinstance(step, (int, np.integer)) or step < 0:
        raise StudyError(f"trial {trial.number}: a step must be a whole number from 0 on, got {step!r}.")
    if (len(trial.curve) or trial.parent) and step <= trial.step:
        raise StudyError(
            f"trial {trial.number}: step {step} was reported after step {trial.step}. Steps must increase; "
            f"report all metrics of a step in one call, and from one process only."
        )
    return int(step)


def _missing_metric(number: int, metric: str, known: list[str]) -> str:
    if not known:
        return f"trial {number} ended without a metric; expected {metric!r}. Return it, or report it."
    try:
        raise UnknownName("metric", metric, known)
    except UnknownName as error:
        return f"trial {number} never gave the objective: {error} Rename the objective or the metric."
