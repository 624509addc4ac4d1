"""Asked: the port of a trial that `Study.ask` returned, which runs wherever its caller is."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from danlu.core.history import History, replace
from danlu.core.runner import Job, Signal
from danlu.core.trial import Decision, Status
from danlu.errors import DanluError
from danlu.records.bench import Bench


class Owner(Protocol):
    """What the port needs of the study."""

    @property
    def history(self) -> History: ...
    def job(self, number: int) -> Job: ...
    def answer(self, signals: Sequence[Signal], attempts: Mapping[int, int] = ...) -> list[Decision | DanluError]: ...


class Asked:
    """A bench is set up when the first file or report needs it."""

    def __init__(self, study: Owner, number: int) -> None:
        self._study, self._number = study, number
        self._attempt = study.history.trials[number].attempt
        self._bench: Bench | None = None

    def _set_up(self) -> Bench:
        if self._bench is None:
            job = replace(self._study.job(self._number), attempt=self._attempt)
            self._bench = Bench(job, self._send)
            self._bench.prepare()
        return self._bench

    def _send(self, signal: Signal) -> Decision:
        [reply] = self._study.answer([signal], {self._number: self._attempt})
        if isinstance(reply, Exception):
            raise reply
        return reply

    @property
    def step(self) -> int:
        return self._study.history.trials[self._number].step or (self._bench.step if self._bench else 0)

    @property
    def decision(self) -> Decision:
        # out of the journal, because `study.report` may have been called as well as `trial.report`
        trial = self._study.history.trials[self._number]
        if trial.is_finished:
            return Decision.STOP
        return Decision.PAUSE if trial.status is Status.PAUSED else Decision.CONTINUE

    @property
    def folder(self) -> str:
        return self._set_up().folder

    def report(self, step: int, metrics: Mapping[str, Any]) -> Decision:
        return self._set_up().report(step, metrics)

    def save(self, state: Any, step: int) -> None:
        if self.decision is not Decision.STOP:  # nobody would go on from there
            self._set_up().save(state, step)

    def load(self) -> Any:
        return self._set_up().load()

    def attach(self, name: str, value: Any) -> str:
        return self._set_up().attach(name, value)
