"""Simulated: trials that are played rather than trained, by a clock that jumps from one event to the next.

Weeks of a cluster pass in seconds, with the same strategies, loop and journal as ever:

    runner = Simulated(play, workers=64, faults=Faults(slow=0.05))
    study = Study(space, minimize="loss", strategy="asha", store=Memory(clock=runner.clock))
    run(study, runner, Elapsed(7 * 86_400, since=0.0))

What is random about it (who is slow, who fails) is drawn for each attempt by itself, so that it does not depend on the
order in which things happen.
"""

import heapq
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from danlu.core.event import Reported, Saved, Started, writable
from danlu.core.runner import Answer, Ended, Failed, Job, Signal
from danlu.core.trial import Decision
from danlu.errors import RunnerError
from danlu.runners.inline import one_answer

Play = Callable[[Job], Iterator[tuple[float, Mapping[str, float]]]]
"""What a training would report: (seconds that the step takes, metrics) of each step after the job's own, in order."""


@dataclass(frozen=True)
class Faults:
    """What goes wrong.

    Attributes:
        slow: share of attempts on a straggler, a worker that is slow for that time.
        factor: how many times as long a straggler takes.
        death: probability that a worker dies during a step; its trial is then lost and begins again.
        seed: of what is random.
    """

    slow: float = 0.0
    factor: float = 10.0
    death: float = 0.0
    seed: int = 0


@dataclass(order=True)
class _Due:
    """Something that will happen: the start of a job, its next report, its end."""

    at: float
    order: int
    job: Job = field(compare=False)
    steps: Iterator[tuple[float, Mapping[str, float]]] = field(compare=False)
    step: int = field(compare=False)
    metrics: Mapping[str, float] | None = field(compare=False)
    pace: float = field(compare=False)
    rng: np.random.Generator = field(compare=False)


class Simulated:
    """Plays up to `workers` trials at once.

    Attributes:
        workers: how many.
        can_pause: whether trials keep checkpoints, one a step.
        faults: what goes wrong.
    """

    can_pause: bool = True

    def __init__(self, play: Play, workers: int = 1, faults: Faults | None = None, can_pause: bool = True) -> None:
        if workers < 1:
            raise RunnerError(f"workers must be at least 1, got {workers}.")
        self.workers, self.can_pause, self.faults = workers, can_pause, faults or Faults()
        self._play = play
        self._time = 0.0
        self._due: list[_Due] = []
        self._order = itertools.count()
        self._busy = 0.0

    def clock(self) -> float:
        """Seconds since the simulation began; a store's clock."""
        return self._time

    @property
    def busy(self) -> float:
        """Seconds that workers spent on steps, in all."""
        return self._busy

    def free(self) -> int:
        return self.workers - len(self._due)

    def submit(self, job: Job) -> None:
        rng = np.random.default_rng((self.faults.seed, job.trial, job.attempt))
        pace = self.faults.factor if rng.random() < self.faults.slow else 1.0
        self._push(self._time, job, self._play(job), job.step, None, pace, rng)

    def poll(self, answer: Answer, timeout: float | None) -> None:
        if not self._due:
            return
        due = heapq.heappop(self._due)
        self._time = due.at
        if due.metrics is None:
            one_answer(answer, Started(due.job.trial, due.job.attempt, due.job.step, "simulated"))
        elif due.rng.random() < self.faults.death:
            one_answer(answer, Failed(due.job.trial, "died", "its simulated worker died"))
            return
        elif self._reported(answer, due) is not Decision.CONTINUE:
            one_answer(answer, Ended(due.job.trial))
            return
        self._go_on(answer, due)

    def cancel(self) -> None:
        self._due.clear()

    def close(self) -> None:
        self.cancel()

    def _reported(self, answer: Answer, due: _Due) -> Decision:
        assert due.metrics is not None
        number = due.job.trial
        decision = one_answer(answer, Reported(number, due.step, writable(due.metrics)))
        if self.can_pause and decision is Decision.PAUSE:
            saved: Signal = Saved(number, due.step, f"trials/{number:04d}/checkpoints/{due.step}", 0)
            one_answer(answer, saved)
        return decision

    def _go_on(self, answer: Answer, due: _Due) -> None:
        following = next(due.steps, None)
        if following is None:
            one_answer(answer, Ended(due.job.trial))
            return
        seconds, metrics = following
        self._busy += seconds * due.pace
        self._push(self._time + seconds * due.pace, due.job, due.steps, due.step + 1, metrics, due.pace, due.rng)

    def _push(
        self, at: float, job: Job, steps: Iterator[tuple[float, Mapping[str, float]]], step: int,
        metrics: Mapping[str, float] | None, pace: float, rng: np.random.Generator,
    ) -> None:  # fmt: skip
        heapq.heappush(self._due, _Due(at, next(self._order), job, steps, step, metrics, pace, rng))
