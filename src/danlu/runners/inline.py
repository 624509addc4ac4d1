"""Inline: trials run one after another in this very thread; what a debugger and a notebook like best."""

from danlu.core.runner import Answer, Job, Signal
from danlu.core.trial import Decision
from danlu.errors import RunnerError
from danlu.records.log import captured
from danlu.runners.work import Train, work


class Inline:
    """Runs a job when polled. A trial that hangs hangs the study; `timeout` needs processes."""

    can_pause = True

    def __init__(self, train: Train, metric: str, workers: int | None = 1) -> None:
        if workers not in (None, 1):
            raise RunnerError(f"the inline runner runs one trial at a time, got workers={workers}. Use processes.")
        self._train, self._metric = train, metric
        self._job: Job | None = None

    def free(self) -> int:
        return 0 if self._job else 1

    def submit(self, job: Job) -> None:
        self._job = job

    def poll(self, answer: Answer, timeout: float | None) -> None:
        job, self._job = self._job, None
        if job is None:
            return

        def send(signal: Signal) -> Decision:
            return one_answer(answer, signal)

        work(self._train, job, send, "inline", self._metric, captured)

    def cancel(self) -> None:
        self._job = None

    def close(self) -> None:
        self.cancel()


def one_answer(answer: Answer, signal: Signal) -> Decision:
    """The study's answer to one signal; raises what the study refused."""
    [reply] = answer([signal])
    if isinstance(reply, Exception):
        raise reply
    return reply
