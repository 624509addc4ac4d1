"""Which mark each trial gets, and what is to be said of the trials as a whole; the same in every picture."""

import math
from collections.abc import Iterable, Sequence

from danlu.core.history import History
from danlu.core.trial import Status, Trial
from danlu.pictures.axis import Axis, brief
from danlu.pictures.picture import Row
from danlu.pictures.style import MARKS

MOST = 500
"""Of more trials than these, the density is drawn, and the best hundred."""

BEST = 100

_WAITING = frozenset({Status.PENDING, Status.RUNNING, Status.PAUSED})


def kind_of(trial: Trial) -> str:
    """The kind of mark of a trial; that it is the best, the default or on the front comes on top."""
    if trial.status is Status.PAUSED and math.isfinite(trial.loss):
        return "paused"
    if trial.status in _WAITING:
        return "running"
    if trial.status is Status.FAILED or not math.isfinite(trial.loss):
        return "failed"
    if trial.status is Status.STOPPED:
        return "stopped early"
    return "trial" if trial.is_feasible else "breaks a bound"


def by_number(history: History) -> list[Trial]:
    """All trials in the order of their numbers, which is the same for every order of ending."""
    return sorted(history.trials, key=lambda trial: trial.number)


def placed(trials: Sequence[Trial], axes: Sequence[Axis], names: Sequence[str]) -> tuple[list[Trial], list[str]]:
    """The trials that have a place on the axes of some hyperparameters, and what is to be said of the others."""
    active = [trial for trial in trials if all(name in trial.config for name in names)]
    found = [t for t in active if all(axis.holds(t.config[name]) for axis, name in zip(axes, names, strict=True))]
    notes = []
    if left_out := len(trials) - len(active):
        where = [name for name in names if any(name not in trial.config for trial in trials)]
        notes.append(f"{plural(left_out, 'trial')} left out, where {' and '.join(where)} is inactive")
    if beyond := len(active) - len(found):
        notes.append(f"{plural(beyond, 'trial')} left out, outside of the space as it is now")
    return found, notes


def counted(history: History) -> list[Trial]:
    """The trials that came to an end with a value that counts, by number."""
    return [trial for trial in by_number(history) if kind_of(trial) == "trial"]


def best_of(history: History) -> Trial | None:
    """The best trial; of several objectives, by the first. The first of equals, by number."""
    return min(counted(history), key=lambda trial: (trial.loss, trial.number), default=None)


def default_of(history: History) -> Trial | None:
    """The trial of what the user ran before the search."""
    return next((trial for trial in by_number(history) if trial.origin == "default"), None)


def honours(history: History) -> list[tuple[str, Trial]]:
    """The marks on top of the trials' own: front, default, best, in this order."""
    found = [("on the front", trial) for trial in history.front[:BEST]] if len(history.goals) > 1 else []
    for kind, trial in (("default", default_of(history)), ("best", best_of(history))):
        if trial is not None:
            found.append((kind, trial))
    return found


def kinds_in(rows: Iterable[Row]) -> tuple[str, ...]:
    """The kinds of marks that occur, in their own order."""
    present = {row["kind"] for row in rows}
    return tuple(kind for kind in MARKS if kind in present)


def layered(rows: Iterable[Row]) -> tuple[Row, ...]:
    """The rows in the order in which they are drawn: the best on top of all, a cross on top of the default."""
    order = list(MARKS)
    return tuple(sorted(rows, key=lambda row: order.index(row["kind"])))


def spread(number: int) -> float:
    """A place in [-0.7, 0.7] that depends on the number alone, and fills the interval evenly: the golden ratio's."""
    return round((((number + 1) * 0.6180339887498949) % 1 - 0.5) * 1.4, 3)


def thinned(items: Sequence[Trial], most: int) -> list[Trial]:
    """At most so many of them, evenly chosen."""
    if len(items) <= most:
        return list(items)
    return [items[round(k * (len(items) - 1) / (most - 1))] for k in range(most)]


def summary(history: History) -> str:
    """How many trials there are and what the best is: "24 trials · best 0.1234 (trial 17)"."""
    count = len(history.trials)
    words = "no trial yet" if not count else "1 trial" if count == 1 else f"{count:,} trials"
    best = best_of(history)
    if best is None:
        return words if not history.finished else f"{words} · none with a value that counts"
    return f"{words} · best {brief(best.value)} (trial {best.number})"


def notes_on(history: History) -> list[str]:
    """What every picture has to say: how many trials, and which objective is shown."""
    notes = [summary(history)]
    if len(history.goals) > 1:
        names = ", ".join(goal.metric for goal in history.goals[1:])
        notes.append(f"shown is the first of {len(history.goals)} objectives, {history.goals[0].metric}; not {names}")
    return notes


def height(kind: str, trial: Trial, y: Axis) -> tuple[str, float]:
    """Where a trial stands on an axis of values, and by which mark: failed and far too bad ones at the bad border."""
    value = trial.value
    if kind == "failed" or value is None or not math.isfinite(value):
        return kind, y.bad
    beyond = kind == "trial" and y.is_beyond(value)
    return "worse than the axis" if beyond else kind, y.rounded(y.clip(value))


def outcome(trial: Trial) -> str:
    """What came of a trial, in a word or a number."""
    if kind_of(trial) == "failed":
        return f"failed: {trial.reason}" if trial.reason else "failed"
    return str(trial.status) if trial.value is None else brief(trial.value)


def notes_on_rest(trials: Sequence[Trial], where: str, out_of: str, is_dense: bool = False) -> list[str]:
    """What is to be said of trials that don't count, one line for each reason.

    Args:
        trials: that are in the picture.
        where: failed trials are drawn, such as "at the upper border".
        out_of: what they are left out of.
        is_dense: whether some of many are drawn.
    """
    kinds = [kind_of(trial) for trial in trials]
    notes = []
    if where and (running := kinds.count("running")):
        notes.append(f"{running:,} without a value yet{where}")
    if failed := kinds.count("failed"):
        some = f" ({BEST} drawn)" if is_dense and failed > BEST else ""
        notes.append(f"{plural(failed, 'failed trial')}{some}{where}, left out of {out_of}")
    if paused := kinds.count("paused"):
        notes.append(f"{paused:,} paused, by their last value, left out of {out_of}")
    if stopped := kinds.count("stopped early"):
        notes.append(f"{stopped:,} stopped early, left out of {out_of}")
    if broken := kinds.count("breaks a bound"):
        notes.append(f"{plural(broken, 'trial')} that break{'s' * (broken == 1)} a bound, left out of {out_of}")
    return notes


def beyond(trials: Sequence[Trial], y: Axis) -> int:
    """How many trials that count are worse than the axis reaches."""
    return sum(kind_of(t) == "trial" and y.is_beyond(t.value or 0.0) for t in trials)


def plural(count: int, one: str, many: str = "") -> str:
    """ "1 trial", "2,000 trials"."""
    return f"1 {one}" if count == 1 else f"{count:,} {many or one + 's'}"
