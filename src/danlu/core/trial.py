"""Trial: one config being tried. What the study knows of it, and what the training function can do with it."""

import enum
import math
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import msgspec

from danlu.core import curve as curves
from danlu.core.curve import Curve
from danlu.core.objective import Objective
from danlu.errors import StudyError
from danlu.space import Config


class Status(enum.StrEnum):
    """Where a trial stands. COMPLETE, STOPPED and FAILED are final."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETE = "complete"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether nothing more can happen to the trial."""
        return self in _FINAL


_FINAL = frozenset({Status.COMPLETE, Status.STOPPED, Status.FAILED})


class Decision(enum.StrEnum):
    """What becomes of a running trial after a report."""

    CONTINUE = "continue"
    PAUSE = "pause"
    STOP = "stop"


class File(msgspec.Struct, frozen=True):
    """Something that a trial left in the study's folder.

    Attributes:
        name: as the training function called it ("sample.png").
        path: relative to the study's folder.
        size: in bytes.
        step: of a checkpoint: the step it was saved after.
    """

    name: str
    path: str
    size: int
    step: int = 0


class Fork(msgspec.Struct, frozen=True):
    """Where a trial comes from that did not begin at step 0.

    Attributes:
        trial: number of the trial whose checkpoint it began with.
        step: of that checkpoint.
        path: of that checkpoint, relative to the study's folder.
    """

    trial: int
    step: int
    path: str


class Port(Protocol):
    """The way from a running trial to its study: `danlu.records.bench.Bench` everywhere."""

    step: int
    decision: Decision

    @property
    def folder(self) -> str: ...
    def report(self, step: int, metrics: Mapping[str, Any]) -> Decision: ...
    def save(self, state: Any, step: int) -> None: ...
    def load(self) -> Any: ...
    def attach(self, name: str, value: Any) -> str: ...


class Trial(msgspec.Struct, frozen=True, eq=False):
    """One config being tried.

    In a training function and after `Study.ask`, a trial is live: `steps`, `report`, `save`, `load` and `attach` reach
    the study. A trial out of `study.trials`, `study.best` or a history is a record: these raise `StudyError`.

    Attributes:
        number: 0, 1, 2, ... in the order of suggestion.
        config: name -> value of the active hyperparameters.
        seed: of this trial alone, in [0, 2³²); the same at every attempt.
        origin: what suggested it: "default", "queued", "random", "grid", ...
        status: where it stands.
        budget: step at or after which its strategy will pause or end it; None for a full training.
        parent: the checkpoint of another trial that it was forked from.
        attempt: how many times it was started.
        lost: how many attempts were lost: their worker died or fell silent, was preempted, or its node was gone.
        excused: how many of these were certainly no fault of the config (`core.runner.LOSSES`).
        curve: what it reported.
        told: metrics that were told at its end.
        checkpoint: the last one saved, as long as it is kept.
        older: checkpoints before that one which are kept because a fork is still to begin with them.
        restarts: the steps after which later attempts went on, each from a checkpoint.
        artifacts: files that it attached, the latest of each name.
        reason, error: of a failure, as `core.runner.Failed` has them.
        suggested, started, ended: seconds since 1970, UTC; None if it has not come to that.
        entry: position of the journal's entry in which it ended; 0 if it has not. It orders ends that a clock can't.
        worker: who runs it.
    """

    number: int
    config: Config
    seed: int = 0
    origin: str = ""
    status: Status = Status.PENDING
    budget: int | None = None
    parent: Fork | None = None
    attempt: int = 0
    lost: int = 0
    excused: int = 0
    curve: Curve = curves.EMPTY
    told: dict[str, float] = {}
    checkpoint: File | None = None
    older: tuple[File, ...] = ()
    restarts: tuple[int, ...] = ()
    artifacts: tuple[File, ...] = ()
    reason: str = ""
    error: str = ""
    suggested: float = 0.0
    started: float | None = None
    ended: float | None = None
    entry: int = 0
    worker: str = ""
    objectives: tuple[Objective, ...] = ()
    port: Port | None = None

    def __repr__(self) -> str:
        value = "" if self.value is None else f", value={self.value:.6g}"
        return f"Trial({self.number}, {dict(self.config)}, {self.status}{value})"

    # what came of it ------------------------------------------------------------------------------------------------

    @property
    def is_finished(self) -> bool:
        """Whether it is COMPLETE, STOPPED or FAILED."""
        return self.status in _FINAL

    @property
    def step(self) -> int:
        """The last step done: reported, or restored from a checkpoint; 0 before the first."""
        return self.port.step if self.port else max(self.curve.step, self.origin_step)

    @property
    def origin_step(self) -> int:
        """The step after which its first attempt began: 0, or that of the checkpoint that it was forked from."""
        return self.parent.step if self.parent else 0

    @property
    def metrics(self) -> dict[str, float]:
        """The last known value of each metric."""
        reported = {name: value for name in self.curve.metrics if (value := self.curve.last(name)) is not None}
        return reported | self.told

    def metric(self, objective: Objective) -> float | None:
        """The value that counts for an objective; None if there is none yet."""
        told = self.told.get(objective.metric)
        if told is not None or not len(self.curve):
            return told
        if objective.at == "last":
            return self.curve.last(objective.metric)
        if objective.at == "best":
            values = [v for v in self.curve[objective.metric].tolist() if not math.isnan(v)]
            return min(values, key=objective.loss, default=None)
        at = dict(zip(self.curve.steps.tolist(), self.curve[objective.metric].tolist(), strict=True))
        value = at.get(objective.at)
        return None if value is None or math.isnan(value) else value

    @property
    def values(self) -> tuple[float | None, ...]:
        """The value of each objective, constraints not included."""
        return tuple(self.metric(objective) for objective in self.objectives if objective.bound is None)

    @property
    def value(self) -> float | None:
        """The value of the first objective; None if there is none, or the trial failed."""
        return None if self.status is Status.FAILED or not self.objectives else self.metric(self.objectives[0])

    @property
    def loss(self) -> float:
        """The first objective, turned so that less is better; NaN if there is no value."""
        value = self.value
        return math.nan if value is None else self.objectives[0].loss(value)

    @property
    def is_feasible(self) -> bool:
        """Whether every constraint is kept."""
        return all(o.bound is None or o.is_kept(self.metric(o)) for o in self.objectives)

    @property
    def may_be_best(self) -> bool:
        """Whether it ended with a value that counts, and keeps every constraint."""
        return self.status is Status.COMPLETE and self.is_feasible and math.isfinite(self.loss)

    @property
    def seconds(self) -> float | None:
        """Time from the start of its last attempt to its end."""
        return None if self.started is None or self.ended is None else self.ended - self.started

    @property
    def checkpoints(self) -> tuple[File, ...]:
        """All of its checkpoints that are kept, the last one at the end."""
        return self.older if self.checkpoint is None else (*self.older, self.checkpoint)

    def arrival(self, step: int) -> int | None:
        """Index of the report with which it stood at a step: at or beyond it, every goal reported there by then.

        A report without an objective is no arrival; the next one that has it is. Constraints don't count, for they may
        be known at the end only. None if it has not got there.
        """
        goals = [o.metric for o in self.objectives if o.bound is None]
        places = [self.curve.place(step, metric) for metric in goals] or [self.curve.place(step)]
        return None if None in places else max(place for place in places if place is not None)

    # what a training function does with it --------------------------------------------------------------------------

    @property
    def folder(self) -> str:
        """Where its files lie: an absolute path, for what a program writes itself."""
        return self._live().folder

    def steps(self, count: int) -> Iterator[int]:
        """Yields the steps that are left of `count`: after the checkpoint's step, until told to stop or pause.

        `for epoch in trial.steps(30)` yields 1 to 30 in a fresh trial, 13 to 30 in one that was restored after step 12.
        A trial with a budget goes on until the study says so: after its first report at or beyond the budget.
        """
        port = self._live()
        for step in range(port.step + 1, count + 1):
            yield step
            if port.decision is not Decision.CONTINUE:
                return

    def report(self, step: int, /, **metrics: Any) -> Decision:
        """Tells the study the metrics after a step; returns what becomes of the trial.

        When it returns, the report is in the journal. Steps must increase; numbers may be NumPy or PyTorch scalars.
        """
        return self._live().report(step, metrics)

    def save(self, state: Any, step: int | None = None) -> None:
        """Keeps a checkpoint: whatever is needed to go on after `step` (the last step reported, if not given)."""
        port = self._live()
        port.save(state, port.step if step is None else step)

    def load(self) -> Any:
        """The state that was saved last, by this trial or by the one it was forked from; None for a fresh start."""
        return self._live().load()

    def attach(self, name: str, value: Any) -> str:
        """Keeps a file in the trial's folder under this name; returns its path.

        By the ending of the name: an image (.png, .jpg) from a PIL image, a figure, or an array or tensor of shape
        (H, W), (H, W, 3 or 4) or (3 or 4, H, W), numbers in [0, 1] or bytes; .npy / .npz from arrays; .json from plain
        data; other endings from text, bytes, or the path of an existing file. A second value under a name replaces
        the first.
        """
        return self._live().attach(name, value)

    def _live(self) -> Port:
        if self.port is None:
            raise StudyError(
                f"trial {self.number} is a record of what happened; only the trial that a training function is given, "
                f"or that Study.ask() returns, can report, save, load or attach."
            )
        return self.port
