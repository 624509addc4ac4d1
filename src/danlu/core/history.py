"""History: what a journal says, as a value. `apply` folds one more event into it and leaves the old one as it was."""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from danlu.core import event as ev
from danlu.core.curve import EMPTY
from danlu.core.earlier import Earlier, earlier_from
from danlu.core.objective import Objective
from danlu.core.runner import LOSSES
from danlu.core.shared import Columns, Index, Numbers, Row, Vector
from danlu.core.trial import File, Status, Trial
from danlu.errors import ObjectiveError, StoreError
from danlu.numerics.pareto import non_dominated
from danlu.space import Config, Space
from danlu.space.change import completed

replace = msgspec.structs.replace


class Queued(msgspec.Struct, frozen=True):
    """A config that a person asked for and that was not suggested yet."""

    position: int
    config: Config
    note: str = ""


class Arrays(msgspec.Struct, frozen=True):
    """The finished trials in columns, in order of finishing; read-only views.

    Attributes:
        numbers: of the trials, shape (n,).
        u: encoded configs, shape (n, d); NaN where a hyperparameter is inactive; < 0 or > 1 where a value from before
            a change is none of the space (`Space.place`).
        losses: objectives turned so that less is better, shape (n, m); NaN where there is no value.
        bounds: constrained metrics turned likewise, minus their bounds, shape (n, c): kept where ≤ 0.
        inside: whether their configs are of the space as it is now, shape (n,).
    """

    numbers: NDArray[np.int64]
    u: NDArray[np.float64]
    losses: NDArray[np.float64]
    bounds: NDArray[np.float64]
    inside: NDArray[np.bool_]


class History(msgspec.Struct, frozen=True, eq=False):
    """All that a study knows at one position of its journal.

    Attributes:
        space, strategy: as they were last changed; `strategy` in its plain form.
        objectives, seed, steps: as the study was opened.
        trials: all of them, by number. Those from before a change of the space have the default of what is new, and may
            lie outside of it.
        position: of the last entry.
        at: time of the last entry, seconds since 1970, UTC.
        opened: time of the first entry.
        queue: configs that wait for their turn.
        asks: how many suggestions were drawn; the next one uses random stream number `asks`.
        notes: what was worth telling a person.
        earlier: what earlier studies found, if it was opened with a warm start.
        steps_done: of all trials together; those that an attempt repeated count again.
        ran: seconds of all attempts that are over; of one that a crash cut off, up to its last report.
        keep: how many of the best trials that have ended keep their checkpoints.
        retries: how often a trial that crashed is tried again.
    """

    space: Space
    objectives: tuple[Objective, ...]
    seed: int
    strategy: dict[str, Any]
    steps: int | None = None
    trials: Vector[Trial] = Vector()
    position: int = 0
    at: float = 0.0
    opened: float = 0.0
    queue: tuple[Queued, ...] = ()
    asks: int = 0
    notes: tuple[str, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    steps_done: int = 0
    ran: float = 0.0
    keep: int = ev.KEEP
    retries: int = ev.RETRIES
    _live: Numbers = Numbers()
    _paused: Numbers = Numbers()
    _counts: dict[str, int] = {}
    _columns: Columns = msgspec.field(default_factory=Columns)
    _tried: Index[Config] = msgspec.field(default_factory=Index)
    _best: int | None = None
    _outside: frozenset[int] = frozenset()
    _in_order: bool = False  # whether trials count as ended in the order of their numbers
    _spare: frozenset[int] = frozenset()
    _forks: frozenset[int] = frozenset()

    # trials by status -----------------------------------------------------------------------------------------------

    @property
    def finished(self) -> list[Trial]:
        """Trials that have ended, in order of ending."""
        return [self.trials[k] for k in self._columns.numbers]

    @property
    def ended(self) -> int:
        """How many trials have ended; O(1)."""
        return len(self._columns)

    def latest(self, count: int) -> list[Trial]:
        """The trials that ended last, at most so many, in order of ending; O(count)."""
        return [self.trials[k] for k in self._columns.latest(count)]

    @property
    def completed(self) -> list[Trial]:
        """Trials that ended with a value, in order of ending."""
        return [trial for trial in self.finished if trial.status is Status.COMPLETE]

    @property
    def pending(self) -> list[Trial]:
        """Trials whose result is awaited: suggested or running."""
        return [self.trials[k] for k in self._live]

    @property
    def live(self) -> Numbers:
        """Numbers of the pending trials."""
        return self._live

    @property
    def running(self) -> list[Trial]:
        """Trials that were started and have not ended."""
        return [trial for trial in self.pending if trial.status is Status.RUNNING]

    @property
    def paused(self) -> list[Trial]:
        """Trials that wait for a `Resume`."""
        return [self.trials[k] for k in self._paused]

    def awaited(self, count: int) -> list[Trial]:
        """The newest of the pending and the paused trials, at most so many; first the pending ones, each by number."""
        newest = (self._live | self._paused).last(count)
        newest.sort(key=self._paused.__contains__)
        return [self.trials[k] for k in newest]

    @property
    def spare(self) -> list[Trial]:
        """Trials with a checkpoint that they will not go on from: they have ended, or have saved a later one."""
        return [self.trials[k] for k in sorted(self._spare)]

    @property
    def unborn(self) -> list[Trial]:
        """Forks that have not ended and have no checkpoint of their own yet: they begin with their parent's."""
        return [self.trials[k] for k in sorted(self._forks)]

    def count(self, word: str) -> int:
        """How many trials have this status, or have this first word as their origin ("random", "grid"); O(1)."""
        return self._counts.get(word, 0)

    def tried(self, config: Config) -> Trial | None:
        """The first trial of exactly this config, which must be one of the space; O(1)."""
        number = self._tried.get(config)
        return None if number is None else self.trials[number]

    @property
    def distinct(self) -> int:
        """How many different configs of the space were tried."""
        return self._tried.distinct

    @property
    def repeats(self) -> list[Trial]:
        """Trials of a config of the space that an earlier one had, by number."""
        return [self.trials[k] for k in self._tried.again]

    @property
    def has_outside(self) -> bool:
        """Whether a trial lies outside of the space as it is now."""
        return bool(self._outside)

    def is_inside(self, trial: Trial) -> bool:
        """Whether a trial's config is one of the space as it is now; one from before a change may not be."""
        return trial.number not in self._outside

    def place(self, trial: Trial) -> NDArray[np.float64]:
        """A trial's encoded config, shape (d,); of one outside, as `Space.place` says."""
        return self.space.encode(trial.config) if self.is_inside(trial) else self.space.place(trial.config)

    def where(self, keep: Callable[[Trial], bool]) -> "History":
        """A history in which only these trials ever existed; they keep their numbers."""
        return chosen(self, [trial for trial in self.trials if keep(trial)], _when)

    def at_step(self, step: int) -> "History":
        """What the curves alone said at a step: each trial cut there; complete if it got that far, else stopped."""

        def cut(trial: Trial) -> Trial:
            if trial.curve.step >= step:
                return replace(trial, curve=trial.curve.until(step), told={}, status=Status.COMPLETE)
            return replace(trial, status=Status.FAILED if trial.status is Status.FAILED else Status.STOPPED)

        return chosen(self, [cut(trial) for trial in self.trials], _when)

    def showing(self, trial: Trial) -> "History":
        """With the reports of one trial that has not ended, whatever this history says of it."""
        return replace(self, trials=self.trials.replace(trial.number, replace(trial, started=None)))

    def without_steps(self) -> "History":
        """As it looks to who knows nothing of steps: nobody has said how many a full training has."""
        return self if self.steps is None else replace(self, steps=None)

    @property
    def full(self) -> int | None:
        """The steps of a full training, as the strategy says, else the study; None if nobody has said."""
        last = self.strategy.get("last")
        return last if isinstance(last, int) else self.steps

    # results --------------------------------------------------------------------------------------------------------

    @property
    def goals(self) -> tuple[Objective, ...]:
        """The objectives without the constraints."""
        return tuple(o for o in self.objectives if o.bound is None)

    @property
    def constraints(self) -> tuple[Objective, ...]:
        """The objectives with a bound."""
        return tuple(o for o in self.objectives if o.bound is not None)

    @property
    def best(self) -> Trial | None:
        """The incumbent: lowest loss of a complete trial that keeps all constraints, the first of equals.

        Raises:
            ObjectiveError: there are several objectives; then there is a `front`.
        """
        if len(self.goals) > 1:
            names = ", ".join(o.metric for o in self.goals)
            raise ObjectiveError(f"this study has several objectives ({names}), so no single best. Use study.front.")
        return None if self._best is None else self.trials[self._best]

    @property
    def front(self) -> list[Trial]:
        """Complete trials that keep all constraints and that no other such trial dominates, by number."""
        candidates = sorted((t for t in self.completed if t.is_feasible), key=lambda t: t.number)
        losses = [[math.inf if (v := t.metric(o)) is None else o.loss(v) for o in self.goals] for t in candidates]
        if not candidates:
            return []
        return [t for t, on_front in zip(candidates, non_dominated(np.array(losses)), strict=True) if on_front]

    def arrays(self) -> Arrays:
        """The finished trials in columns; a call costs O(trials that finished since the last one)."""
        numbers, u, losses, bounds = self._columns.read(self._row)
        inside = np.ones(len(numbers), dtype=bool)
        if self._outside:
            inside[:] = [self.is_inside(self.trials[k]) for k in numbers.tolist()]
        return Arrays(numbers, u, losses, bounds, inside)

    @property
    def memos(self) -> dict[Hashable, Any]:
        """Where to keep what is worked out of finished trials, so that it need not be worked out again.

        Histories share it whose finished trials are the first of those of the longest of them. So say with a result of
        how many finished trials it is. What is not found costs time, and changes nothing.
        """
        return self._columns.memos

    def _row(self, number: int) -> Row:
        trial = self.trials[number]
        failed = trial.status is Status.FAILED
        losses = [math.nan if failed or (v := trial.metric(o)) is None else o.loss(v) for o in self.goals]
        bounds = [
            math.nan if (v := trial.metric(o)) is None else o.loss(v) - o.loss(o.bound)  # type: ignore[arg-type]
            for o in self.constraints
        ]
        return Row(self.place(trial), losses, bounds)

    # the fold -------------------------------------------------------------------------------------------------------

    def apply(self, entry: ev.Entry) -> "History":
        """The history after one more entry."""
        if entry.position != self.position + 1:
            raise StoreError(
                f"the journal skips from entry {self.position} to {entry.position}. Try `danlu doctor --repair`."
            )
        history = self
        try:
            for event in entry.events:
                history = _FOLD[type(event)](history, event, entry)
        except (LookupError, StopIteration, ValueError) as error:
            raise StoreError(
                f"entry {entry.position} of the journal does not follow from those before it: {error!r}. "
                f"Try `danlu doctor --repair`."
            ) from error
        return replace(history, position=entry.position, at=entry.at)

    def moved(self, space: Space) -> "History":
        """The same trials and queue in another space: what is new to them takes its default.

        Raises:
            SpaceError: a hyperparameter is new to a trial or to a queued config, and has no default.
        """
        queue = (replace(item, config=completed(space, item.config)) for item in self.queue)
        kept = tuple(item for item in queue if space.contains(item.config))
        return _placed(replace(self, queue=kept), space, [completed(space, trial.config) for trial in self.trials])

    def seen_from(self, later: "History") -> "History":
        """This moment of a study in the space of a later one, in which films are drawn; the queue left out."""
        if later.space is self.space:
            return self
        configs = [trial.config for trial in later.trials[: len(self.trials)]]
        return _placed(replace(self, queue=()), later.space, configs)


def _placed(history: History, space: Space, configs: Sequence[Config]) -> History:
    """The history in another space, in which its trials have these configs."""
    trials, tried, outside = Vector[Trial](), Index[Config](), set[int]()
    for trial, config in zip(history.trials, configs, strict=True):
        trials = trials.append(trial if config is trial.config else replace(trial, config=config))
        is_inside = space.contains(config)
        tried = tried.append(config if is_inside else None)
        outside |= set() if is_inside else {trial.number}
    columns = Columns()
    for place in history._columns.numbers:  # not by time of ending, which several may share
        columns = columns.append(place)
    return replace(
        history, space=space, trials=trials, earlier=tuple(study.moved(space) for study in history.earlier),
        _tried=tried, _columns=columns, _outside=frozenset(outside),
    )  # fmt: skip


def chosen(history: History, trials: list[Trial], order: Callable[[Trial], float]) -> History:
    """The history in which only these trials ever existed, found by place in `trials`; they keep their own numbers.

    Args:
        history: that they are from.
        trials: in the order of their numbers.
        order: of ending, of those that have ended.
    """
    counts = Counter(trial.origin.split(":", 1)[0] for trial in trials) + Counter(trial.status for trial in trials)
    vector, tried, columns = Vector[Trial](), Index[Config](), Columns()
    for trial in trials:
        vector = vector.append(trial)
        tried = tried.append(trial.config if history.is_inside(trial) else None)
    ended = sorted((place for place, trial in enumerate(trials) if trial.is_finished), key=lambda k: order(trials[k]))
    for place in ended:
        columns = columns.append(place)
    chosen: History = replace(
        history, trials=vector, _tried=tried, _columns=columns, _counts=dict(counts), _best=None,
        _live=Numbers.of(k for k, trial in enumerate(trials) if trial.status in (Status.PENDING, Status.RUNNING)),
        _paused=Numbers.of(k for k, trial in enumerate(trials) if trial.status is Status.PAUSED),
    )  # fmt: skip
    return with_best(chosen, ended)


def with_best(history: History, ended: Iterable[int]) -> History:
    """The history with its incumbent in step with these trials too, which have ended."""
    for place in ended:
        if (best := better(history, place)) != history._best:
            history = replace(history, _best=best)
    return history


def _when(trial: Trial) -> float:
    return trial.ended or 0.0


def with_trials(history: History, found: History) -> History:
    """The history with the trials of another one."""
    return replace(history, **{field: getattr(found, field) for field in _OF_TRIALS})


_OF_TRIALS = ("trials", "_tried", "_columns", "_counts", "_live", "_paused", "_best")


def fold(entries: Iterable[ev.Entry]) -> History:
    """The history that a whole journal tells.

    Raises:
        StoreError: the journal is empty, or does not begin with `Opened`.
    """
    rest = iter(entries)
    history = opened(next(rest, None))
    for entry in rest:
        history = history.apply(entry)
    return history


def opened(entry: ev.Entry | None) -> History:
    """The history after a journal's first entry."""
    if entry is None:
        raise StoreError(
            "the journal is empty, without even the opening of a study. Restore it from a copy, or begin anew."
        )
    if not isinstance(entry.events[0], ev.Opened):
        raise StoreError("the journal does not begin with the opening of a study. Restore it from a copy.")
    first = entry.events[0]
    start = History(
        Space.from_dict(first.space), first.objectives, first.seed, first.strategy, first.steps,
        position=entry.position, at=entry.at, opened=entry.at, keep=first.keep,
        retries=first.retries,
    )  # fmt: skip
    for event in entry.events[1:]:
        start = _FOLD[type(event)](start, event, entry)
    return start


def _recalled(history: History, event: ev.Recalled, entry: ev.Entry) -> History:
    return replace(history, earlier=(*history.earlier, earlier_from(event, history.space)))


def _changed(history: History, event: ev.Changed, entry: ev.Entry) -> History:
    if event.strategy is not None:
        history = replace(history, strategy=event.strategy)
    if event.keep is not None:
        history = replace(history, keep=event.keep)
    if event.retries is not None:
        history = replace(history, retries=event.retries)
    return history if event.space is None else history.moved(Space.from_dict(event.space))


def _queued(history: History, event: ev.Queued, entry: ev.Entry) -> History:
    item = Queued(entry.position, Config(event.config), event.note)
    return replace(history, queue=(*history.queue, item))


def _suggested(history: History, event: ev.Suggested, entry: ev.Entry) -> History:
    trial = Trial(
        event.trial, Config(event.config), event.seed, event.origin, Status.PENDING, event.budget, event.parent,
        suggested=entry.at, objectives=history.objectives,
    )  # fmt: skip
    origin = event.origin.split(":", 1)[0]
    queue = history.queue
    if event.queued is not None:
        first = next(k for k, item in enumerate(queue) if item.position == event.queued)
        queue = queue[:first] + queue[first + 1 :]
    return replace(
        history,
        trials=history.trials.append(trial),
        asks=history.asks + 1,
        queue=queue,
        _live=history._live.plus(event.trial),
        _forks=history._forks | {event.trial} if event.parent else history._forks,
        _tried=history._tried.append(trial.config),
        _counts=history._counts
        | {origin: history._counts.get(origin, 0) + 1, "pending": history._counts.get("pending", 0) + 1},
    )


def _resumed(history: History, event: ev.Resumed, entry: ev.Entry) -> History:
    history = replace(history, asks=history.asks + 1)
    return _with(history, event.trial, status=Status.PENDING, budget=event.budget)


def _started(history: History, event: ev.Started, entry: ev.Entry) -> History:
    trial = history.trials[event.trial]
    return _with(
        _after_attempt(history, trial, _last_sign(trial)),
        event.trial,
        status=Status.RUNNING,
        attempt=event.attempt,
        # without a checkpoint it begins from nothing, a report at step 0 included
        curve=trial.curve.until(event.step) if trial.checkpoint or trial.parent else EMPTY,
        restarts=_restarts(trial, event),
        started=entry.at,
        worker=event.worker,
    )


def _restarts(trial: Trial, event: ev.Started) -> tuple[int, ...]:
    if not (trial.checkpoint or trial.parent):
        return ()
    return (*(step for step in trial.restarts if step < event.step), event.step)


def _after_attempt(history: History, trial: Trial, until: float) -> History:
    """The history that counts the seconds of a trial's attempt, if one runs, as over since then."""
    if trial.status is not Status.RUNNING or trial.started is None:
        return history
    return replace(history, ran=history.ran + max(until - trial.started, 0.0))


def _last_sign(trial: Trial) -> float:
    """When the attempt that runs last reported: what is known of one that a crash cut off."""
    has_reported = len(trial.curve) and trial.curve.step > (trial.restarts[-1] if trial.restarts else -1)
    return (trial.started or 0.0) + (float(trial.curve.elapsed[-1]) if has_reported else 0.0)


def _lost(history: History, event: ev.Lost, entry: ev.Entry) -> History:
    trial = history.trials[event.trial]
    excused, history = trial.excused + (event.reason in LOSSES), _after_attempt(history, trial, entry.at)
    return _with(history, event.trial, status=Status.PENDING, lost=trial.lost + 1, excused=excused, error=event.error)


def _reported(history: History, event: ev.Reported, entry: ev.Entry) -> History:
    trial = history.trials[event.trial]
    elapsed = entry.at - (trial.started if trial.started is not None else entry.at)
    curve = trial.curve.append(event.step, elapsed, ev.readable(event.metrics), entry.position)
    trials = history.trials.replace(event.trial, replace(trial, curve=curve))
    return replace(history, trials=trials, steps_done=history.steps_done + event.step - trial.step)


def _saved(history: History, event: ev.Saved, entry: ev.Entry) -> History:
    trial = history.trials[event.trial]
    older = tuple(file for file in trial.checkpoints if file.path != event.path)
    saved = File("checkpoint", event.path, event.size, event.step)
    history = replace(history, _forks=history._forks - {event.trial}) if event.trial in history._forks else history
    return _weighed(_with(history, event.trial, checkpoint=saved, older=older), event.trial)


def _removed(history: History, event: ev.Removed, entry: ev.Entry) -> History:
    trial = history.trials[event.trial]
    last = trial.checkpoint
    older = tuple(file for file in trial.older if file.path != event.path)
    checkpoint = None if last is not None and last.path == event.path else last
    return _weighed(_with(history, event.trial, checkpoint=checkpoint, older=older), event.trial)


def _weighed(history: History, number: int) -> History:
    """Keeps the set of those who could give up a checkpoint in step with a trial."""
    trial = history.trials[number]
    is_spare = bool(trial.older or (trial.is_finished and trial.checkpoint))
    if is_spare == (number in history._spare):
        return history
    return replace(history, _spare=history._spare | {number} if is_spare else history._spare - {number})


def _attached(history: History, event: ev.Attached, entry: ev.Entry) -> History:
    others = tuple(file for file in history.trials[event.trial].artifacts if file.name != event.name)
    return _with(history, event.trial, artifacts=(*others, File(event.name, event.path, event.size)))


def _decided(history: History, event: ev.Decided, entry: ev.Entry) -> History:
    if event.decision != "pause":
        return history
    history = _after_attempt(history, history.trials[event.trial], entry.at)
    return _with(history, event.trial, status=Status.PAUSED)


def _finished(history: History, event: ev.Finished, entry: ev.Entry) -> History:
    if history.trials[event.trial].is_finished:
        raise StoreError(f"the journal ends trial {event.trial} twice. Try `danlu doctor --repair`.")
    history = _after_attempt(history, history.trials[event.trial], entry.at)
    history = _with(
        history,
        event.trial,
        status=Status(event.status),
        told=ev.readable(event.metrics),
        reason=event.reason,
        error=event.error,
        ended=entry.at,
        entry=entry.position,
    )
    history = replace(history, _forks=history._forks - {event.trial}) if event.trial in history._forks else history
    history = _weighed(history, event.trial)
    return replace(history, _columns=history._columns.append(event.trial), _best=better(history, event.trial))


def _noted(history: History, event: ev.Noted, entry: ev.Entry) -> History:
    return replace(history, notes=(*history.notes, event.text))


_FOLD: dict[type, Callable[[History, Any, ev.Entry], History]] = {
    ev.Recalled: _recalled,
    ev.Changed: _changed,
    ev.Queued: _queued,
    ev.Suggested: _suggested,
    ev.Resumed: _resumed,
    ev.Started: _started,
    ev.Lost: _lost,
    ev.Reported: _reported,
    ev.Saved: _saved,
    ev.Removed: _removed,
    ev.Attached: _attached,
    ev.Decided: _decided,
    ev.Finished: _finished,
    ev.Noted: _noted,
}


def _with(history: History, number: int, **changes: Any) -> History:
    trial = history.trials[number]
    changed = replace(trial, **changes)
    history = replace(history, trials=history.trials.replace(number, changed))
    return history if changed.status is trial.status else with_status(history, number, trial.status, changed.status)


def with_status(history: History, number: int, old: Status | None, new: Status) -> History:
    """Keeps the counts and sets of statuses in step with a trial that moved from one to another."""
    counts = dict(history._counts)
    if old is not None:
        counts[old] = counts.get(old, 0) - 1
    counts[new] = counts.get(new, 0) + 1
    live, paused = history._live, history._paused
    is_live = new is Status.PENDING or new is Status.RUNNING
    if is_live != (number in live):
        live = live.plus(number) if is_live else live.minus(number)
    if (new is Status.PAUSED) != (number in paused):
        paused = paused.plus(number) if new is Status.PAUSED else paused.minus(number)
    return replace(history, _counts=counts, _live=live, _paused=paused)


def with_count(history: History, word: str, change: int) -> History:
    """The history with so many more trials of a status, or of a strategy that suggested them."""
    return replace(history, _counts=history._counts | {word: history._counts.get(word, 0) + change})


def better(history: History, number: int) -> int | None:
    """The incumbent after this trial has ended."""
    trial = history.trials[number]
    if not trial.may_be_best:
        return history._best
    if history._best is None or trial.loss < history.trials[history._best].loss:
        return number
    return history._best
