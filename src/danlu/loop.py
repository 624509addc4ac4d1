"""The loop: keeps a runner busy with a study's jobs until a rule says that it is enough."""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from danlu.coordinator import Alone, coordinator_of
from danlu.core.event import Started
from danlu.core.history import History
from danlu.core.runner import Answer, Ended, Failed, Job, Lasting, Runner, Signal
from danlu.core.stopping import StopRule
from danlu.core.suspect import Places, hopeless, is_undecided
from danlu.core.trial import Decision, Status, Trial
from danlu.errors import DanluError, StudyFailed
from danlu.study import Study
from danlu.ward import Ward

_PATIENCE = 0.5  # seconds without a sign of life before the screen is drawn anew all the same
_HOPELESS = 5  # so many failures before the first success are not bad luck: wandb#5088 lost 470 of 500 runs to one node
_UNDECIDED = 20  # so many are enough even if some workers have yet to show whether they do better

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

    Several processes may run one study at the same time if its journal is in a `SharedStore`: the rule then counts the
    trials of all of them, and each returns when the study is over.

    Raises:
        StudyBusy: another process runs this study.
        StudyFailed: the first trials all failed, or the objective's metric never comes.
        StoreError: the journal or a trial's files can't be written; all that was acknowledged is kept.
        Interrupted: Ctrl-C was pressed; once lets running trials end, twice leaves them for the next run.
    """
    own = coordinator_of(study)
    found = own.begin(lambda: _found(study, runner))
    try:
        if not runner.can_pause:
            study.forgo_pauses()
        with _interrupts() as presses:
            _serve(study, runner, until, watch, presses, own, found)
    finally:
        runner.close()
        own.end()


def _serve(
    study: Study, runner: Runner, until: StopRule, watch: Watch, presses: list[int], own: Alone, found: Iterable[int]
) -> None:
    # trials whose jobs the runner has, and their attempts; a paused one until its function has returned
    submitted = {number: _attempt(study.history.trials[number]) for number in found if own.take(number)}
    known = len(study.history.finished)
    ward = Ward(study, runner)
    try:
        while True:
            waits = not presses and _submit(study, runner, until, submitted, own)
            if not submitted and not presses and ward.relent():
                continue
            if not submitted and not waits and (presses or not own.waits(until)):
                break
            watch(study.history)
            if submitted or waits:
                runner.poll(_forgetting(study, submitted, own, ward), _PATIENCE)
                own.look()
            ward.look()
            _check_hopeless(study.history, known, ward.places)
    except KeyboardInterrupt:
        runner.cancel()
        raise Interrupted(study) from None
    watch(study.history)
    if presses:
        raise Interrupted(study)


def _submit(study: Study, runner: Runner, until: StopRule, submitted: dict[int, int], own: Alone) -> bool:
    """Gives the runner what it takes; whether there may be more, which waits for room."""

    def submit(job: Job) -> None:
        runner.submit(job)
        submitted[job.trial] = job.attempt

    # begun by a process that is gone, or lost its worker
    left = [n for n in own.left() if n not in submitted] if runner.free() > 0 or not submitted else []
    for number in left:
        if runner.free() <= 0:
            return True
        if own.take(number):
            submit(study.job(number))
    while not _is_over(study.history, until):
        if runner.free() <= 0:
            return True
        job = study.next_job(until)
        if job is None:
            return False
        # one that was submitted: its paused attempt has yet to end, and may still be saving
        if job.trial not in submitted and own.take(job.trial):
            submit(study.job(job.trial))
    return False


def _found(study: Study, runner: Runner) -> frozenset[int]:
    """Trials that an earlier coordinator left with the runner."""
    if not isinstance(runner, Lasting):
        return frozenset()
    return runner.find(None if study.folder is None else str(study.folder), study.known)


def _attempt(trial: Trial) -> int:
    """The attempt whose job a runner has that it was left with."""
    return trial.attempt + (trial.status is Status.PENDING)


def _is_over(history: History, until: StopRule) -> bool:
    """Whether nothing more is begun, and nothing goes on that is paused."""
    if until.over(history) is not None:
        return True
    return until.done(history) is not None and not history.count(Status.PAUSED)


def _forgetting(study: Study, submitted: dict[int, int], own: Alone, ward: Ward) -> Answer:
    """The study's answer; trials whose jobs have ended, one way or the other, are no longer counted as submitted."""

    def answer(signals: Sequence[Signal]) -> list[Decision | DanluError]:
        replies = study.answer(signals, submitted)
        for sent, reply in zip(signals, replies, strict=True):
            if isinstance(sent, Started) and reply is Decision.STOP:
                submitted[sent.trial] = 0  # another coordinator was first: nothing of this attempt counts
            elif isinstance(sent, (Ended, Failed)) and submitted.pop(sent.trial, None) is not None:
                own.give_back(sent.trial)
        ward.hear(signals)
        return replies

    return answer


def _check_hopeless(history: History, known: int, places: Places) -> None:
    """Raises if every trial fails: the fault is then hardly the configs'."""
    if why := hopeless(places):
        raise StudyFailed(f"{why}. Its log has the whole story; mend it and run again.")
    if any(map(history.count, (Status.COMPLETE, Status.STOPPED, Status.PAUSED))):
        return
    failed = history.finished[known:]
    no_metric = next((trial for trial in failed if trial.reason == "metric"), None)
    if no_metric is not None:
        raise StudyFailed(f"{no_metric.error} No more trials were started.")
    is_waited_for = any(trial.attempt == 0 for trial in history.pending) or is_undecided(places)
    if len(failed) >= (_UNDECIDED if is_waited_for else _HOPELESS):
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
