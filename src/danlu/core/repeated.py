"""Signals that come a second time, because whoever was to answer them was gone before it did.

A coordinator that is killed may have put a signal into the journal and not have said so. Its successor finds the signal
unanswered, and must not append it again. Pure: what the history holds says whether it is known.
"""

from danlu.core.event import Attached, Noted, Reported, Saved, Started
from danlu.core.history import History
from danlu.core.runner import Signal
from danlu.core.trial import Decision, Status


def known(history: History, attempt: int, signal: Signal) -> Decision | None:
    """What becomes of the trial of a signal that need not be appended; None if it is news.

    Args:
        history: all that was appended.
        attempt: the attempt at the trial that the signal is of.
        signal: that may have been appended before.
    """
    if isinstance(signal, Noted):
        return Decision.CONTINUE if signal.text in history.notes else None
    trial = history.trials[signal.trial]
    if trial.is_finished or trial.attempt > attempt:
        return Decision.STOP
    if trial.attempt < attempt:
        return None
    if trial.status is Status.PENDING:  # this attempt was lost, or has paused and was resumed
        return Decision.STOP
    match signal:
        case Started():
            held = True
        case Reported(_, step):
            held = step in trial.curve.steps
        case Saved(_, _, path):
            held = path in {file.path for file in trial.checkpoints}
        case Attached(_, name, path, size):
            held = (name, path, size) in {(file.name, file.path, file.size) for file in trial.artifacts}
        case _:
            held = False
    if not held:
        return None
    return Decision.PAUSE if trial.status is Status.PAUSED else Decision.CONTINUE
