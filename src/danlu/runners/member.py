"""A member of the workforce: one job, what its worker has, and how far the mail with it has come."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from danlu.core.event import Started
from danlu.core.runner import Ended, Job, Known
from danlu.core.trial import Decision
from danlu.runners.mailbox import Box, Letter, Order, Outcome, Reply, job_of


@dataclass(frozen=True)
class End:
    """How a life of a job has ended: `reason` as of `Failed`; whether it `is_final` or the job will begin again."""

    reason: str
    error: str
    is_final: bool = True


@dataclass
class Held:
    """An attempt at a trial that a worker has.

    Attributes:
        job: what was ordered.
        started: whether it has begun.
        saved: whether it has saved a checkpoint.
        first: whether it had the whole time of its worker's job.
    """

    job: Job
    started: bool = False
    saved: bool = False
    first: bool = False


@dataclass
class Member:
    """A job of the cluster, as the coordinator sees it.

    Attributes:
        name: of the job, in the queue.
        folder: of its boxes.
        job: its number in the queue; "" if that is not known.
        life: number of the box in use.
        next, orders: numbers of the next letter to read, and of the last order.
        doubtful: number of the last letter that an earlier coordinator may have put into the journal.
        held: its trials.
        given: how many it was given in this life.
        node: where it runs, once it has said so.
        leaving: whether it takes no more trials.
        is_late: whether the time of its job is over, or nearly.
        end: how this life has ended; it is settled when all its letters are read.
        missing: how many looks in a row have not found it in the queue.
    """

    name: str
    folder: Path
    job: str = ""
    life: int = 0
    next: int = 1
    orders: int = 0
    doubtful: int = 0
    held: dict[int, Held] = field(default_factory=dict)
    given: int = 0
    node: str = ""
    leaving: bool = False
    is_late: bool = False
    end: End | None = None
    missing: int = 0
    since: float = field(default_factory=time.monotonic)

    @property
    def box(self) -> Box:
        """The mailbox of this life."""
        return Box(self.folder / str(self.life))

    @property
    def later(self) -> list[int]:
        """Numbers of later lives that have begun."""
        numbers = (int(path.name) for path in self.folder.glob("*") if path.name.isdecimal())
        return [number for number in numbers if number > self.life]

    def begin_again(self) -> None:
        """Turns to the next life."""
        self.life = min(self.later, default=self.life + 1)
        self.next, self.orders, self.doubtful, self.given = 1, 0, 0, 0
        self.held, self.node, self.leaving, self.is_late = {}, "", False, False


def catch_up(member: Member, known: Known) -> None:
    """Finds where the mail of a life stands, and which trials it still has or may have told of."""
    letters, replies = member.box.numbers(Letter), member.box.numbers(Reply)
    answered = max(replies, default=0)
    member.next = answered + 1
    member.doubtful = max([member.next, *letters])
    over = set()
    for number in letters:
        letter = member.box.read(Letter, number)
        if letter is None:
            continue
        member.orders, member.node = max(member.orders, letter.taken), letter.node
        if number <= answered:
            over |= {s.signal.trial for s in letter.sent if isinstance(s.signal, Outcome)}
            member.leaving = member.leaving or bool(letter.leaving)
    for number in member.box.numbers(Order):
        order = member.box.read(Order, number)
        member.orders = max(member.orders, number)
        if order is None:
            continue
        if order.trial is None:
            member.leaving = True
        elif order.trial not in over and known(Ended(order.trial), order.attempt) is not Decision.STOP:
            begun = known(Started(order.trial, order.attempt), order.attempt) is not None
            member.held[order.trial] = Held(job_of(order), started=begun)
    member.given = member.orders
