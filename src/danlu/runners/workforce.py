"""The workforce: jobs of a cluster that work for a study, found again by whoever coordinates it next.

    <study>/slurm/                mode 0700
        <hash>.json, .pickle      plans: what workers do
        name, hired               what the names of the study's jobs begin with, and how many there have been
        heartbeat                 changes while a coordinator lives
        jobs/<number>/terms       under which plan a job was submitted, with which request
        jobs/<number>/<life>/     its mailboxes, one for each time that it begins
        logs/                     scripts and output of jobs

A job that is requeued has another life, with a box of its own, so that what its first life still says reaches nobody.
"""

import hashlib
import math
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from danlu.core.runner import Job, Known
from danlu.core.trial import Decision
from danlu.errors import DanluError, RunnerError
from danlu.records.files import write_text, write_whole
from danlu.runners.mailbox import Letter, Order, Reply, order_of, verdict
from danlu.runners.member import End, Held, Member, catch_up
from danlu.runners.queues import OVER, WAITING, WORKER, Queue, Standing
from danlu.runners.slurm_worker import HEARTBEAT
from danlu.runners.workerprocess import base_environment

_BEAT = 2.0  # seconds between heartbeats
_BARREN = 3  # so many jobs in a row that end before they have begun to work are no accident
_QUEUED = 20.0  # seconds in the queue after which it is said why
_REASONS = {
    "OUT_OF_MEMORY": "out of memory",
    "FAILED": "died",
    "COMPLETED": "died",
    "TIMEOUT": "preempted",
    "DEADLINE": "preempted",
    "CANCELLED": "preempted",
    "PREEMPTED": "preempted",
}
"""What the end of a job means for its trials, by its state; "lost" for all others."""


class Workforce:
    """The jobs of one study.

    Attributes:
        members: jobs that wait, run, or have left letters behind.
    """

    def __init__(self, home: Path, plan: Path, queue: Queue, pack: int, request: str) -> None:
        self._home, self._plan, self._queue, self._pack = home, plan, queue, pack
        self._terms = hashlib.sha256(f"{plan.name} {request}".encode()).hexdigest()[:16]
        if not (home / "name").exists():
            write_text(home / "name", f"danlu-{secrets.token_hex(4)}")
        self._name = (home / "name").read_text()
        self.members: list[Member] = []
        self._hired = 0
        self._barren = 0
        self._beats, self._beaten = 0, -math.inf
        self._life = secrets.token_hex(4)
        self._notes: list[str] = []
        self._said: set[str] = set()

    def notes(self) -> list[str]:
        """What a person should know, since the last call."""
        notes, self._notes = self._notes, []
        return notes

    def beat(self) -> None:
        """Shows workers that we live, every few seconds."""
        if time.monotonic() - self._beaten >= _BEAT:
            self._beaten, self._beats = time.monotonic(), self._beats + 1
            text = f"{socket.gethostname()} {os.getpid()} {self._life} {self._beats}"
            write_whole(self._home / HEARTBEAT, lambda file: file.write_text(text), durable=False)

    def check_alone(self) -> None:
        """Raises if another coordinator lives: its heart beats, and it is not surely dead."""
        before = self._heartbeat()
        host, pid, *_ = before.split() if before.count(" ") == 3 else ("", "0")
        if not host or (host == socket.gethostname() and not _is_alive(int(pid))):
            return
        end = time.monotonic() + 2.5 * _BEAT
        while time.monotonic() < end:
            if self._heartbeat() != before:
                raise RunnerError(
                    f"another coordinator, process {pid} on {host}, gives trials of this study to jobs. One is enough: "
                    f"end it first, or give it more workers."
                )
            time.sleep(_BEAT / 10)

    def leave(self) -> None:
        """Shows whoever comes next that we are gone."""
        (self._home / HEARTBEAT).unlink(missing_ok=True)

    def _heartbeat(self) -> str:
        try:
            return (self._home / HEARTBEAT).read_text()
        except OSError:
            return ""

    # jobs -----------------------------------------------------------------------------------------------------------

    def hire(self, exclude: Iterable[str]) -> None:
        """Submits one more job."""
        self._hired += 1
        # Slurm remembers a job for minutes after its end, so that no name may be used again
        write_text(self._home / "hired", str(self._hired))
        folder = self._home / "jobs" / f"{self._hired:04d}"
        folder.mkdir(mode=0o700, parents=True)
        write_text(folder / "terms", self._terms)
        member = Member(f"{self._name}-{self._hired}", folder)
        paths = base_environment()["PYTHONPATH"]
        command = ["env", f"PYTHONPATH={paths}", sys.executable, "-u", "-m", WORKER, str(self._plan), str(folder)]
        try:
            member.job = self._queue.submit(member.name, command, exclude)
        except RunnerError:
            _remove(folder)
            raise
        self.members.append(member)

    def look(self) -> None:
        """Asks how jobs stand, and notes which have ended.

        Raises:
            RunnerError: several in a row have ended before they could work.
        """
        standings = self._queue.standings()
        if standings is None:
            return
        for member in self.members:
            standing = standings.get(member.name)
            member.missing = 0 if standing else member.missing + 1
            if standing is not None:
                member.job = standing.number
            if member.end is None:
                member.end = self._end_of(member, standing)
            if standing is not None and standing.state in WAITING:
                self._say_why(member, standing)
        self.cancel([member for member in self.members if _is_useless(member, standings.get(member.name))])

    def _end_of(self, member: Member, standing: Standing | None) -> End | None:
        if member.later or (standing and standing.state in WAITING and member.node):
            return End("preempted", f"its job {member.job} was put into the queue again", is_final=False)
        if standing is None:
            text = f"its job {member.job} is not in the queue any more".replace("  ", " ")
            return End("lost", text) if member.missing > 1 else None
        if standing.state not in OVER:
            return None
        member.is_late = member.is_late or standing.state == "TIMEOUT"
        error = f"its job {member.job}{' on ' + member.node if member.node else ''} ended: {standing.state}"
        if standing.state == "FAILED" and (words := self._queue.last_words(member.job)):
            error += f": {words}"
        return End(_REASONS.get(standing.state, "lost"), error)

    def _say_why(self, member: Member, standing: Standing) -> None:
        if time.monotonic() - member.since > _QUEUED and standing.reason not in ("None", "", *self._said):
            self._said.add(standing.reason)
            self._notes.append(f"jobs wait in Slurm's queue: {standing.reason}")

    def settle(self, member: Member) -> None:
        """Forgets a life that has ended, with all that was held in it.

        Raises:
            RunnerError: several jobs in a row have ended before they could work.
        """
        assert member.end is not None
        end, member.end = member.end, None
        if end.is_final:
            self.members.remove(member)
            _remove(member.folder)
            if not (member.node or member.life or member.missing) and end.reason != "preempted":
                self._check_barren(end, member)
            return
        old = member.box.folder
        member.begin_again()
        _remove(old)

    def _check_barren(self, end: End, member: Member) -> None:
        self._barren += 1
        if self._barren >= _BARREN:
            words = self._queue.last_words(member.job)
            raise RunnerError(
                f"{_BARREN} jobs in a row ended before they could take a trial; the last: {end.error}"
                f"{'' if not words or words in end.error else ': ' + words}. "
                f"What they wrote lies in {self._home / 'logs'}. Is Danlu installed where the jobs run, is the study's "
                f"folder there, and does `setup` prepare all that is needed?"
            )

    def dismiss(self, member: Member) -> None:
        """Lets a worker leave when its trials have ended, or its job out of the queue."""
        if member.leaving:
            return
        member.leaving = True
        if member.node:
            self._post_order(member, Order(member.orders + 1))
        else:
            self.cancel([member])

    def cancel(self, members: Sequence[Member]) -> None:
        """Ends jobs at once.

        Where one has trials, its box stays: what it still saves and writes is for the next coordinator.
        """
        self._queue.cancel([member.job for member in members if member.job])
        for member in members:
            self.members.remove(member)
            if not member.held:
                _remove(member.folder)

    # mail -----------------------------------------------------------------------------------------------------------

    def order(self, member: Member, job: Job) -> None:
        """Gives a trial to a worker."""
        member.held[job.trial] = Held(job, first=member.given < self._pack)
        member.given += 1
        self._post_order(member, order_of(member.orders + 1, job))

    def _post_order(self, member: Member, order: Order) -> None:
        member.orders = order.number
        with suppress(FileNotFoundError):  # it is gone, and will be found so
            member.box.post(order)

    def next_letter(self, member: Member) -> Letter | None:
        """The next letter of a worker; None if there is none."""
        return member.box.read(Letter, member.next)

    def reply(self, member: Member, replies: Sequence[Decision | DanluError]) -> None:
        """Answers the next letter."""
        with suppress(FileNotFoundError):
            member.box.post(Reply(member.next, tuple(map(verdict, replies))))
        member.next += 1

    def heard(self, member: Member, letter: Letter) -> None:
        """Remembers what a letter says of its worker."""
        member.node, member.job = letter.node, member.job or letter.job
        member.orders = max(member.orders, letter.taken)
        self._barren = 0
        if letter.leaving:
            member.leaving = True
        if letter.gone and member.end is None:
            text = f"its job {letter.job} on {letter.node} ended: {letter.leaving}"
            member.end = End("preempted", text, is_final=not letter.is_cut)

    # those of an earlier coordinator --------------------------------------------------------------------------------

    def recover(self, known: Known) -> None:
        """Takes up the jobs of an earlier coordinator: their trials, and where the mail stands."""
        folders = sorted(path for path in (self._home / "jobs").iterdir() if path.name.isdecimal())
        with suppress(FileNotFoundError, ValueError):
            self._hired = int((self._home / "hired").read_text())
        self._hired = max([self._hired, *(int(folder.name) for folder in folders)])
        for folder in folders:
            member = Member(f"{self._name}-{int(folder.name)}", folder)
            member.life = -1
            member.begin_again()
            self.members.append(member)
            catch_up(member, known)
            terms = folder / "terms"
            if not terms.exists() or terms.read_text() != self._terms:
                self._part(member)

    def _part(self, member: Member) -> None:
        """Gives no more trials to a job of another plan; one that still waits finds nobody when it begins."""
        if member.node:
            self.dismiss(member)
        else:
            member.leaving = True


def _is_useless(member: Member, standing: Standing | None) -> bool:
    """Whether a job waits that is no longer wanted, or that is requeued, which a fresh one would overtake."""
    waits = standing is not None and standing.state in WAITING and not member.node and not member.held
    return waits and member.end is None and (member.leaving or member.life > 0)


def _is_alive(pid: int) -> bool:
    """Whether another process of this machine has this number."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is somebody else's
        pass
    return True


def _remove(folder: Path) -> None:
    """Removes a folder of boxes, which tells whoever still writes there that nobody reads it."""
    closed = folder.with_name(f"closed-{folder.name}")
    with suppress(OSError):
        os.replace(folder, closed)
    shutil.rmtree(closed, ignore_errors=True)
