"""Work: how one job is done, wherever it is done. Runs the training function on a bench; its end becomes a signal."""

import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

from danlu.core.event import Started
from danlu.core.objective import plain_metrics
from danlu.core.runner import Ended, Failed, Job
from danlu.core.trial import Decision, Trial
from danlu.errors import ArtifactError, DanluError, ObjectiveError, ProgramFailed, StoreError
from danlu.records.bench import Bench, Send
from danlu.records.files import is_full, storage_remedy

Train = Callable[[Trial, Mapping[str, Any]], Any]
"""A training function: takes the live trial and its config; returns metrics by name, one number, or None."""


Capture = Callable[[Path], AbstractContextManager[IO[str]]]
"""Sends what is printed inside the context into a file, at its end; yields the file."""


def work(train: Train, job: Job, send: Send, name: str, metric: str, capture: Capture) -> None:
    """Does a job from its start to its end. Raises only what is not the training function's: `StoreError`, Ctrl-C.

    Args:
        train: the training function.
        job: what to run.
        send: carries signals to the study.
        name: of this worker, for the journal.
        metric: what a bare number means that the function returns.
        capture: sends what the function prints into its log.
    """
    bench = Bench(job, send)
    if send(Started(job.trial, job.attempt, job.step, name)) is Decision.STOP:
        send(Ended(job.trial))  # it has ended, or another coordinator has it
        return
    send(_outcome(train, bench, metric, capture))


def _outcome(train: Train, bench: Bench, metric: str, capture: Capture) -> Ended | Failed:
    number = bench.job.trial
    try:
        bench.begin()
        with capture(bench.log) as log:
            try:
                returned = train(bench.trial(), bench.job.config)
            except (StoreError, ProgramFailed):  # a program's log says itself what went wrong
                raise
            except (Exception, SystemExit):
                log.write(traceback.format_exc())
                raise
        return Ended(number, _metrics(returned, metric))
    except StoreError:
        raise
    except ArtifactError as error:
        return Failed(number, "artifact", str(error))
    except ObjectiveError as error:
        return Failed(number, "metric", str(error))
    except OSError as error:
        if is_full(error):  # no config's fault: every other trial would fail as well
            raise StoreError(f"trial {number}: {_short(error)}. {storage_remedy(error)}") from error
        return Failed(number, "exception", _short(error))
    except (Exception, SystemExit) as error:  # sys.exit() ends a script, not the study that it is part of
        return Failed(number, reason_of(error), _short(error))


def reason_of(error: BaseException) -> str:
    """What kind of failure an exception of the training function is."""
    if isinstance(error, ProgramFailed):
        return error.reason
    # torch.OutOfMemoryError and its like, without importing what they come from
    return "out of memory" if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__ else "exception"


def _short(error: BaseException) -> str:
    if isinstance(error, DanluError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1] if error.__traceback__ else None
    where = f" ({place.filename.rsplit('/', 1)[-1]}, line {place.lineno})" if place else ""
    return f"{type(error).__name__}: {error}{where}"


def _metrics(returned: Any, metric: str) -> dict[str, float]:
    if returned is None:
        return {}
    return plain_metrics(returned if isinstance(returned, Mapping) else {metric: returned})
