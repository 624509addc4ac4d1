"""Runner: where trials run. It takes jobs and hands back signals; it knows nothing of strategies or stores.

    runner.submit(job)
    runner.poll(answer, timeout=1.0)     calls answer([Started(...)]), answer([Reported(...)]) -> [CONTINUE], ...

A worker's signal is an event to be: what the training function did, not yet in the journal. `answer` puts it there and
says what becomes of the trial; only then does the worker go on. That call, rather than a list of signals handed back,
is what lets a runner without threads or processes exist.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from danlu.core.event import Attached, Reported, Saved, Started
from danlu.core.trial import Decision
from danlu.errors import DanluError
from danlu.space import Config


class Job(msgspec.Struct, frozen=True):
    """All that a worker needs to run a trial; picklable.

    Attributes:
        trial, config, seed, attempt, budget: of the trial.
        folder: of the study: where the trial's files go; an absolute path.
        checkpoint: path of the checkpoint to start from, relative to the folder; None for a fresh start.
        step: of that checkpoint; 0 for a fresh start.
    """

    trial: int
    config: Config
    seed: int
    attempt: int
    folder: str
    budget: int | None = None
    checkpoint: str | None = None
    step: int = 0


class Ended(msgspec.Struct, frozen=True):
    """The training function returned; `metrics` is what it returned, by name."""

    trial: int
    metrics: dict[str, float] = {}


class Failed(msgspec.Struct, frozen=True):
    """The trial failed: `reason` is one of "exception", "out of memory", "timeout", "died", "diverged", "artifact"."""

    trial: int
    reason: str
    error: str


Signal = Started | Reported | Saved | Attached | Ended | Failed
Answer = Callable[[Sequence[Signal]], list[Decision | DanluError]]
"""Puts signals into the journal, all at once; says for each what becomes of its trial, or what was refused about it."""


class Runner(Protocol):
    """Runs trials.

    Attributes:
        can_pause: whether a trial can be paused and resumed from its checkpoint.
    """

    can_pause: bool

    def free(self) -> int:
        """How many more jobs it takes now."""

    def submit(self, job: Job) -> None:
        """Begins a job."""

    def poll(self, answer: Answer, timeout: float | None) -> None:
        """Serves workers until something has happened, or `timeout` seconds have passed (None: no limit)."""

    def cancel(self) -> None:
        """Ends all jobs at once; they give no more signals."""

    def close(self) -> None:
        """Ends all jobs and gives back what the runner holds."""
