"""The loop: keeps a runner busy with a study's jobs until a rule says that it is enough."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from danlu.core.history import History
from danlu.core.runner import Answer, Ended, Failed, Lasting, Runner, Signal
from danlu.core.stopping import StopRule
from danlu.core.trial import Decision, Status, Trial
from danlu.errors import DanluError, StudyFailed
from danlu.study import KEY, Study

_PATIENCE = 0.5  # seconds without a sign of life before the screen is drawn anew all the same
_HOPELESS = 5  # so many failures before the first success are not bad luck: wandb#5088 lost 470 of 500 runs to one node

Watch = Callable[[History], None]
"""Is shown the history after each change, and twice a second."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C was pressed; the study is whole and goes on when it is run again.

    Attributes:
        study: as far as it got.
    """

    def __init__(self, study: Study) -> None:
        super().__init__("interrupted; run it again to go on")
        self.study = study


def run(study: Study, runner: Runner, until: StopRule, watch: Watch = lambda history: None) -> None:
    """Runs trials until the rule holds or the strategy is exhausted; trials that a crash cut off go first.

    Raises:
        StudyBusy: another process runs this study.
        StudyFailed: the first trials all failed, or the objective's metric never comes.
        StoreError: the journal or a trial's files can't be written; all that was acknowledged is kept.
        Interrupted: Ctrl-C was pressed; once lets running trials end, twice leaves them for the next run.
    """
    study.store.claim(KEY, "coordinator", f"process {os.getpid()}")
    try:
        study.refresh()
        found = runner.find(study.folder, study.known) if isinstance(runner, Lasting) else frozenset[int]()
        study.tidy(found)
        if not runner.can_pause:
            study.forgo_pauses()
        with _interrupts() as presses:
            _serve(study, runner, until, watch, presses, found)
    finally:
        runner.close()
        study.store.release(KEY, "coordinator")


def _serve(
    study: Study, runner: Runner, until: StopRule, watch: Watch, presses: list[int], found: frozenset[int]
) -> None:
    submitted = set(found)  # trials whose jobs the runner has; a paused one until its function has returned
    known = len(study.history.finished)
    try:
        while True:
            if not presses:
                _submit(study, runner, until, submitted)
            if not submitted:
                break
            watch(study.history)
            runner.poll(_forgetting(study, submitted), _PATIENCE)
            _check_hopeless(study.history, known)
    except KeyboardInterrupt:
        runner.cancel()
        raise Interrupted(study) from None
    watch(study.history)
    if presses:
        raise Interrupted(study)


def _submit(study: Study, runner: Runner, until: StopRule, submitted: set[int]) -> None:
    # begun by a process that is gone, or lost its worker
    left = [number for number in study.history.live if number not in submitted] if runner.free() > 0 else []
    for number in left[: runner.free()]:
        runner.submit(study.job(number))
        submitted.add(number)
    while runner.free() > 0 and not until.over(study.history):
        only_resumed = until.done(study.history) is not None
        if only_resumed and not study.history.count(Status.PAUSED):
            return
        job = study.next_job(only_resumed)
        if job is None:
            return
        if job.trial not in submitted:  # else its paused attempt has yet to end, and may still be saving
            runner.submit(job)
            submitted.add(job.trial)


def _forgetting(study: Study, submitted: set[int]) -> Answer:
    """The study's answer; trials whose jobs have ended, one way or the other, are no longer counted as submitted."""

    def answer(signals: Sequence[Signal]) -> list[Decision | DanluError]:
        replies = study.answer(signals)
        submitted.difference_update(sent.trial for sent in signals if isinstance(sent, (Ended, Failed)))
        return replies

    return answer


def _check_hopeless(history: History, known: int) -> None:
    """Raises if every trial fails: the fault is then hardly the configs'."""
    if any(map(history.count, (Status.COMPLETE, Status.STOPPED, Status.PAUSED))):
        return
    failed = history.finished[known:]
    no_metric = next((trial for trial in failed if trial.reason == "metric"), None)
    if no_metric is not None:
        raise StudyFailed(f"{no_metric.error} No more trials were started.")
    if len(failed) >= _HOPELESS:
        first: Trial = failed[0]
        raise StudyFailed(
            f"the first {len(failed)} trials all failed, so no more were started. Trial {first.number}: "
            f"{first.reason}: {first.error}. Its log has the whole story; mend it and run again."
        )


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Counts Ctrl-C: the first press is kept in the list, the second raises KeyboardInterrupt."""
    presses: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield presses
        return

    def press(number: int, frame: FrameType | None) -> None:
        if presses:
            raise KeyboardInterrupt
        presses.append(number)

    before = signal.signal(signal.SIGINT, press)
    try:
        yield presses
    finally:
        signal.signal(signal.SIGINT, before)
