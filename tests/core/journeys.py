"""Journeys: journals in which trials report, pause, go on, die, begin again, are stopped and end, in any order."""

from dataclasses import dataclass

from hypothesis import strategies as st

from danlu.core import event as ev
from danlu.core.objective import Objective
from danlu.space import Int, Space
from danlu.testing.journals import suggested

SPACE = Space({"n": Int(0, 7)})
"""So small that configs come again."""

LOSS = (Objective("loss"),)
CONSTRAINED = (Objective("loss"), Objective("gb", bound=2.0))
BEST = (Objective("loss", at="best"),)


@dataclass
class _Trial:
    """What the next events of a trial may be."""

    number: int
    status: str = "pending"
    step: int = 0
    checkpoint: int = 0
    attempt: int = 0
    died: bool = False


def journey(draw, objectives=LOSS, length=60):
    """The entries of a journal, one second apart; some share a time, as a coarse clock's would."""
    batches = [(ev.Opened(SPACE.to_dict(), objectives, {"use": "random"}, 0, 9),)]
    trials = []
    for _ in range(draw(st.integers(1, length))):
        k = draw(st.integers(0, len(trials)))
        if k == len(trials):
            origin = draw(st.sampled_from(["random", "default"]))
            batches.append((suggested(k, {"n": draw(st.integers(0, 7))}, origin),))
            trials.append(_Trial(k))
        elif events := _next(draw, trials[k], objectives):
            batches.append(events)
    at = 0.0
    entries = []
    for position, events in enumerate(batches, start=1):
        at += draw(st.sampled_from([0.0, 1.0]))
        entries.append(ev.Entry(position, at, events))
    return entries


def _next(draw, trial, objectives):
    match trial.status:
        case "pending":
            trial.status, trial.attempt, trial.step = "running", trial.attempt + 1, trial.checkpoint
            return (ev.Started(trial.number, trial.attempt, trial.checkpoint),)
        case "running":
            return _running(draw, trial, objectives)
        case "paused":
            trial.status = "pending"
            return (ev.Resumed(trial.number, draw(st.sampled_from([None, 3, 9]))),)
    return (ev.Attached(trial.number, "late.txt", "late.txt", 1),) if draw(st.booleans()) else ()


def _running(draw, trial, objectives):
    what = draw(st.sampled_from(["report"] * 5 + ["pause", "stop", "save", "die", "complete", "fail"]))
    if what in ("report", "pause", "stop"):
        trial.step += draw(st.integers(1, 3))
        reported = ev.Reported(trial.number, trial.step, _metrics(draw, objectives))
        if what == "pause":
            trial.status = "paused"
            return reported, ev.Decided(trial.number, "pause")
        if what == "stop":
            trial.status = "stopped"
            return reported, ev.Decided(trial.number, "stop"), ev.Finished(trial.number, "stopped")
        return (reported,)
    if what == "save":
        trial.checkpoint = trial.step
        return (ev.Saved(trial.number, trial.step, "state", 1),)
    if what == "die" and not trial.died:
        trial.status, trial.died = "pending", True
        return (ev.Lost(trial.number, "died"),)
    trial.status = "complete" if what == "complete" else "failed"
    told = {o.metric: 1.0 for o in objectives} if what == "complete" and draw(st.booleans()) else {}
    return (ev.Finished(trial.number, trial.status, told),)


def _metrics(draw, objectives):
    values = {o.metric: float(draw(st.integers(0, 4))) for o in objectives}
    return {**values, "loss": "nan"} if draw(st.integers(0, 9)) == 0 else values
