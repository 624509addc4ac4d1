"""Runner: where trials run. It takes jobs and hands back signals; it knows nothing of strategies or stores.

    runner.submit(job)
    runner.poll(answer, timeout=1.0)     calls answer([Started(...)]), answer([Reported(...)]) -> [CONTINUE], ...

A worker's signal is an event to be: what the training function did, not yet in the journal. `answer` puts it there and
says what becomes of the trial; only then does the worker go on. That call, rather than a list of signals handed back,
is what lets a runner without threads or processes exist.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from danlu.core.event import Attached, Noted, Reported, Saved, Started
from danlu.core.trial import Decision
from danlu.errors import DanluError, RunnerError
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
    """The attempt failed.

    reason              what happened                                            what becomes of the trial
    ------------------  -------------------------------------------------------  -----------------------------------
    "exception"         the training function raised, or a program said so       failed: learned from
    "out of memory"     of a device, or more main memory than it was given       failed: learned from
    "timeout"           it took longer than a trial may                          failed: learned from
    "diverged"          a metric that counts is not a finite number              failed: learned from
    "metric"            the objective's metric never came                        failed
    "artifact"          what it wanted to keep can't be kept                     failed
    "died", "silent"    its worker died, or gave no sign of life (`CRASHES`)     tried again `retries` times
    "lost"              its node or the way to it is gone (`LOSSES`)             tried again, up to 20 times
    "preempted"         its place was given to somebody else (`LOSSES`)          tried again, up to 20 times
    "storage"           what is wanted of the study's folder can't be had        the study stops, with a `StoreError`
    """

    trial: int
    reason: str
    error: str


CRASHES = frozenset({"died", "silent"})
"""Reasons that may be the machine's fault or the config's: tried again, `retries` times."""

LOSSES = frozenset({"lost", "preempted"})
"""Reasons that are never the config's fault: tried again, so often that only a study without an end is cut off."""

OUTSIDE = CRASHES | LOSSES | {"timeout"}
"""Reasons that come from outside of the training function: its last checkpoint stands."""

Signal = Started | Reported | Saved | Attached | Noted | Ended | Failed
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


Known = Callable[[Signal, int], Decision | None]
"""What becomes of the trial of a signal, of this attempt, that is in the journal already; None if it is not."""


@runtime_checkable
class Lasting(Protocol):
    """What a runner offers whose workers outlive the coordinator."""

    def find(self, folder: str | None, known: Known) -> frozenset[int]:
        """Takes up what an earlier coordinator of the study in this folder left running, before anything is submitted.

        Signals that came while nobody answered follow in `poll`, without those that are in the journal already.

        Returns:
            Trials that still run, or may have something to say; they need not be submitted.

        Raises:
            RunnerError: this runner can't work for such a study.
        """


@runtime_checkable
class Choosy(Protocol):
    """What a runner offers whose workers are in several places: devices, or nodes.

    `Started.worker` names the place after the word " on ": "process 4711 on cuda:1", "task 3 on 10.0.0.7".
    """

    def avoid(self, places: frozenset[str]) -> None:
        """Gives these places no more jobs until the next call says otherwise; jobs that run there go on."""


def check_terms(workers: int | None, timeout: float | None, silence: float | None) -> None:
    """Checks what every runner is told.

    Raises:
        RunnerError: a number is out of its range.
    """
    if workers is not None and workers < 1:
        raise RunnerError(f"workers must be at least 1, got {workers}.")
    for name, seconds in (("timeout", timeout), ("silence", silence)):
        if seconds is not None and seconds <= 0:
            raise RunnerError(f"{name} must be > 0 seconds, got {seconds:g}. Leave it out for no limit.")
