"""The mailbox: a coordinator and a worker on another machine talk through a folder that both can reach.

    box.post(Letter(1, ...))       worker: what happened             letter-1.json
    box.read(Letter, 1)            coordinator: None until it is there
    box.post(Reply(1, ...))        coordinator: what becomes of it   reply-1.json
    box.post(Order(1, ...))        coordinator: a trial to run       order-1.json

Messages are JSON with a type; each is a file of its own that is there whole or not at all, under a number that the
reader knows beforehand. So there is no lock, no listing and no watching of folders while it runs, and any shared folder
will do, NFS included. Letters are answered in their order. Letter and reply n − 1 are removed once reply n has come, so
that the last ones say where both sides are, whoever of them begins again.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from danlu.core.event import Attached, Metrics, Noted, Reported, Saved, Started, readable, writable
from danlu.core.runner import Ended, Failed, Job, Signal
from danlu.core.trial import Decision
from danlu.errors import DanluError, ObjectiveError, StudyError
from danlu.records.files import write_whole
from danlu.space import Config

M = TypeVar("M", bound="_Message")


class Outcome(msgspec.Struct, frozen=True, tag_field="kind", tag="outcome", omit_defaults=True):
    """`Ended` or `Failed`, as JSON can carry it; metrics are those of a trial that ended."""

    trial: int
    metrics: Metrics | None = None
    reason: str = ""
    error: str = ""


class Sent(msgspec.Struct, frozen=True):
    """A signal of one attempt at a trial."""

    attempt: int
    signal: Started | Reported | Saved | Attached | Noted | Outcome


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What becomes of a trial after a signal, or the error with which the study refused it."""

    decision: Decision = Decision.CONTINUE
    error: str = ""
    kind: str = ""


class _Message(msgspec.Struct, frozen=True, omit_defaults=True):
    number: int


class Letter(_Message, frozen=True):
    """What happened at a worker since its last letter.

    Attributes:
        sent: signals, at most one of each trial.
        taken: number of the last order that it has taken.
        node, job: where it runs, as the cluster calls it.
        leaving: why it takes no more orders; empty if it does.
        is_late: whether it leaves because the time of its job is nearly over.
        is_cut: whether its job is being ended, after which it may begin again.
        gone: whether this is its last letter, so that it waits for no reply.
    """

    sent: tuple[Sent, ...] = ()
    taken: int = 0
    node: str = ""
    job: str = ""
    leaving: str = ""
    is_late: bool = False
    is_cut: bool = False
    gone: bool = False


class Reply(_Message, frozen=True):
    """The answer to the letter of the same number, signal by signal."""

    verdicts: tuple[Verdict, ...] = ()


class Order(_Message, frozen=True):
    """A trial to run, as `Job` has it; without one, the worker is to leave when its trials have ended."""

    trial: int | None = None
    config: dict[str, float | int | str | bool] = {}
    seed: int = 0
    attempt: int = 0
    folder: str = ""
    budget: int | None = None
    checkpoint: str | None = None
    step: int = 0


class Box:
    """One mailbox.

    Attributes:
        folder: where it lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self) -> None:
        """Makes the folder.

        Raises:
            FileNotFoundError: the job has none any more, for nobody expects it.
        """
        self.folder.mkdir(mode=0o700, exist_ok=True)

    @property
    def is_open(self) -> bool:
        """Whether the folder is still there: the coordinator removes it when nobody will read it any more."""
        return self._revalidate()

    def post(self, message: _Message) -> None:
        """Puts a message in, whole and for good.

        Raises:
            FileNotFoundError: the box was closed.
            StoreError: the disk is full or read-only.
        """
        if not self._revalidate():  # writing would make the folder anew
            raise FileNotFoundError(self.folder)
        data = msgspec.json.encode(message)
        # what a coordinator says follows from the journal; what a worker says is nowhere else
        durable = isinstance(message, Letter)
        write_whole(self._path(type(message), message.number), lambda file: file.write_bytes(data), durable)

    def read(self, kind: type[M], number: int) -> M | None:
        """The message of this number; None as long as it has not come, or if a power failure has made it void."""
        self._revalidate()
        try:
            return msgspec.json.decode(self._path(kind, number).read_bytes(), type=kind)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def remove(self, kind: type[M], number: int) -> None:
        """Removes a message that both sides are done with."""
        self._path(kind, number).unlink(missing_ok=True)

    def numbers(self, kind: type[M]) -> list[int]:
        """Numbers of all messages of a kind that lie there: for whoever begins again."""
        stem = kind.__name__.lower() + "-"
        names = [path.name for path in self.folder.glob(f"{stem}*.json")]
        return sorted(int(number) for name in names if (number := name[len(stem) : -5]).isdecimal())

    def _path(self, kind: type[Any], number: int) -> Path:
        return self.folder / f"{kind.__name__.lower()}-{number}.json"

    def _revalidate(self) -> bool:
        # an NFS client remembers for up to a minute that a name was not there; opening its folder makes it ask anew
        # (close-to-open consistency, nfs(5))
        try:
            os.close(os.open(self.folder, os.O_RDONLY))
        except FileNotFoundError:
            return False
        return True


def delays(first: float = 0.002, last: float = 0.5) -> Iterator[float]:
    """Seconds to wait between looks into a box: more and more, as nothing comes."""
    delay = first
    while True:
        yield delay
        delay = min(1.5 * delay, last)


def outgoing(signal: Signal, attempt: int) -> Sent:
    """A signal, ready to be sent."""
    match signal:
        case Ended(trial, metrics):
            return Sent(attempt, Outcome(trial, writable(metrics)))
        case Failed(trial, reason, error):
            return Sent(attempt, Outcome(trial, None, reason, error))
    return Sent(attempt, signal)


def incoming(sent: Sent) -> Signal:
    """The signal that was sent."""
    signal = sent.signal
    if not isinstance(signal, Outcome):
        return signal
    if signal.metrics is None:
        return Failed(signal.trial, signal.reason, signal.error)
    return Ended(signal.trial, readable(signal.metrics))


def verdict(answer: Decision | DanluError) -> Verdict:
    """An answer of the study, ready to be sent."""
    if isinstance(answer, Decision):
        return Verdict(answer)
    return Verdict(error=str(answer), kind="objective" if isinstance(answer, ObjectiveError) else "study")


def answer_in(verdict: Verdict) -> Decision | DanluError:
    """The answer that was sent."""
    if not verdict.kind:
        return verdict.decision
    return ObjectiveError(verdict.error) if verdict.kind == "objective" else StudyError(verdict.error)


def order_of(number: int, job: Job) -> Order:
    """The order to run a job."""
    return Order(
        number, job.trial, dict(job.config), job.seed, job.attempt, job.folder, job.budget, job.checkpoint, job.step
    )


def job_of(order: Order) -> Job:
    """The job that is ordered."""
    assert order.trial is not None
    return Job(
        order.trial, Config(order.config), order.seed, order.attempt, order.folder, order.budget, order.checkpoint,
        order.step,
    )  # fmt: skip
