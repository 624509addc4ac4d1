"""Worker of a cluster: a job that runs one trial after another, or several side by side, and tells of them by mail.

    python -m danlu.runners.slurm_worker PLAN FOLDER

Trials run in processes of their own (`Processes`), so that a crash takes no more along than its trial. The worker
leaves when it is told to, has nothing to do, is warned of its job's end, or has heard nothing of its coordinator for
long. Whatever the cause, a running trial is then told to pause at its next report, as if its strategy had decided so:
it can save its state, and ends as "preempted". Letters that nobody answers stay in the box for the next coordinator.
"""

import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import msgspec

from danlu.core.event import Reported, Started
from danlu.core.resources import Resources
from danlu.core.runner import OUTSIDE, Ended, Failed, Job, Runner, Signal
from danlu.core.trial import Decision
from danlu.errors import DanluError, StoreError
from danlu.runners.machine import cores
from danlu.runners.mailbox import Box, Letter, Order, Reply, answer_in, delays, job_of, outgoing
from danlu.runners.plan import Plan, parcel_of, read_plan
from danlu.runners.processes import Processes

HEARTBEAT = "heartbeat"
"""Name of the file, beside the folders of jobs, whose content the coordinator changes every few seconds."""

_HURRY = 5.0  # seconds to wait for a reply once the job is about to end
_LAST = 20.0  # seconds after SIGTERM at which trials are ended that have not paused; Slurm mostly kills after 30
_FIRST = 120.0  # seconds in which the first letter must be answered
_LOOK = 0.2  # seconds between looks for orders while trials run
_BROKEN = OUTSIDE - {"timeout"} | {"exception"}  # what becomes of trials whose processes are ended with their job


class Closed(Exception):
    """The coordinator has closed the box: it takes this worker for gone."""


class Heart:
    """Whether the coordinator lives: its file must change. Clocks are not compared, they differ between machines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content = b""
        self._since = time.monotonic()

    @property
    def has_left(self) -> bool:
        """Whether the coordinator has ended, and said so."""
        return not self._path.exists()

    def silence(self) -> float:
        """Seconds, by our own clock, since a change was last seen."""
        try:
            content = self._path.read_bytes()
        except OSError:
            content = self._content
        if content != self._content:
            self._content, self._since = content, time.monotonic()
        return time.monotonic() - self._since


class Worker:
    """One life of a job: from its start until it ends, or is put into the queue again."""

    def __init__(self, box: Box, plan: Plan, runner: Runner, heart: Heart, node: str, job: str) -> None:
        self._box, self._plan, self._runner, self._heart = box, plan, runner, heart
        self._node, self._job = node, job
        self._jobs: dict[int, tuple[int, Job]] = {}  # trial -> (number of its order, job)
        self._asked: set[int] = set()  # trials that were told to pause because we must leave
        self._number = self._taken = 0
        self._leaving = ""  # why no more orders are taken
        self._ending = ""  # why trials that run can't go on
        self._is_late = False  # warned of the end of its time
        self._alone = False  # nobody answers any more
        self._deadline: float | None = None

    def warn(self, number: int, frame: FrameType | None) -> None:
        """Hears a signal of Slurm's."""
        now = number == signal.SIGTERM
        self._is_late = self._is_late or not now
        self._end("its job is being ended" if now else "the time of its job is nearly over")
        if now and self._deadline is None:
            self._deadline = time.monotonic() + _LAST

    def refuse(self, error: StoreError) -> None:
        """Says that the folder can't be written, which ends the study; raises if no trial runs to say it of."""
        number = next(iter(self._jobs), None)
        if number is None:
            raise error
        self._write([Failed(number, "storage", str(error))], gone=True)

    def run(self) -> None:
        """Serves until it is time to leave."""
        self._post([])
        waiting, since = delays(), time.monotonic()
        while not (self._leaving and not self._jobs):
            if not self._leaving:
                self._take()
            if self._jobs:
                self._runner.poll(self._answer, _LOOK)
                self._end_late()
                waiting, since = delays(), time.monotonic()
            elif time.monotonic() - since > self._plan.idle:
                self._leaving = "it had nothing to do"
            elif self._heart.silence() > self._plan.patience:
                self._leaving = "its coordinator is gone"
            elif not self._leaving:
                time.sleep(next(waiting))
        self._write([], gone=True)

    def _take(self) -> None:
        while len(self._jobs) < self._plan.pack:
            order = self._box.read(Order, self._taken + 1)
            if order is None:
                return
            self._taken += 1
            if order.trial is None:
                self._leaving = "it was told to"
                self._box.remove(Order, order.number)
                return
            job = job_of(order)
            self._jobs[job.trial] = (order.number, job)
            self._runner.submit(job)

    def _answer(self, signals: Sequence[Signal]) -> list[Decision | DanluError]:
        sent = [self._as_it_is(heard) for heard in signals]
        replies = self._post(sent)
        decided = [self._decided(heard, reply) for heard, reply in zip(signals, replies, strict=True)]
        for ended in signals:
            if isinstance(ended, (Ended, Failed)):
                number, _ = self._jobs.pop(ended.trial)
                self._asked.discard(ended.trial)
                self._box.remove(Order, number)
        return decided

    def _as_it_is(self, signal: Signal) -> Signal:
        """The signal, with what only this worker knows: where it runs, and whether the trial was broken off."""
        if isinstance(signal, Started):
            return msgspec.structs.replace(signal, worker=f"job {self._job} on {self._node}")
        if isinstance(signal, Ended) and signal.trial in self._asked:
            return Failed(signal.trial, "preempted", f"it was told to pause: {self._ending}")
        if isinstance(signal, Failed) and signal.reason in _BROKEN and self._is_breaking(signal.trial):
            return Failed(signal.trial, "preempted", f"{self._ending}; {signal.error}")
        return signal

    def _is_breaking(self, trial: int) -> bool:
        """Whether a trial that comes to an end does so because its job does."""
        return self._deadline is not None or trial in self._asked

    def _decided(self, signal: Signal, reply: Decision | DanluError) -> Decision | DanluError:
        if isinstance(signal, Reported) and reply is Decision.CONTINUE and self._ending:
            self._asked.add(signal.trial)
            return Decision.PAUSE
        return reply

    def _post(self, signals: Sequence[Signal]) -> list[Decision | DanluError]:
        """Sends signals and waits for what becomes of them; when nobody answers, they stay for whoever comes."""
        self._write(signals)
        if self._alone:
            return [Decision.CONTINUE] * len(signals)
        begun = time.monotonic()
        for delay in delays():
            reply = self._box.read(Reply, self._number)
            if reply is not None:
                self._box.remove(Letter, self._number - 1)
                self._box.remove(Reply, self._number - 1)
                return [answer_in(verdict) for verdict in reply.verdicts]
            if not self._box.is_open:
                raise Closed
            if self._is_forsaken(time.monotonic() - begun):
                break
            time.sleep(min(delay, 0.25) if self._ending else delay)
        self._alone = True
        self._end("its coordinator is gone")
        return [Decision.CONTINUE] * len(signals)

    def _is_forsaken(self, waited: float) -> bool:
        if self._ending:
            return waited > _HURRY or self._heart.has_left
        if self._number == 1:  # a coordinator that lives, but knows nothing of this job, is none
            return waited > _FIRST
        return waited > self._plan.patience and self._heart.silence() > self._plan.patience

    def _end(self, why: str) -> None:
        self._leaving, self._ending = self._leaving or why, self._ending or why

    def _write(self, signals: Sequence[Signal], gone: bool = False) -> None:
        self._number += 1
        sent = tuple(outgoing(signal, self._attempt(signal)) for signal in signals)
        letter = Letter(
            self._number, sent, self._taken, self._node, self._job,
            self._leaving, self._is_late, self._deadline is not None, gone,
        )  # fmt: skip
        try:
            self._box.post(letter)
        except FileNotFoundError:
            raise Closed from None

    def _attempt(self, signal: Signal) -> int:
        number = signal.trial
        return self._jobs[number][1].attempt if number in self._jobs else 0

    def _end_late(self) -> None:
        """Ends trials that have not paused in time, while there still is time to say so."""
        if self._deadline is None or time.monotonic() < self._deadline or not self._jobs:
            return
        self._runner.cancel()
        late: list[Signal] = [Failed(number, "preempted", self._ending) for number in self._jobs]
        self._answer(late)


def main() -> None:
    """Reads the plan, opens a box for this life of the job, and works."""
    path, folder = Path(sys.argv[1]), Path(sys.argv[2])
    plan = read_plan(path)
    sys.path[:] = plan.path
    box = Box(folder / os.environ.get("SLURM_RESTART_COUNT", "0"))
    try:
        box.create()
    except FileNotFoundError:
        return
    node = os.environ.get("SLURMD_NODENAME") or socket.gethostname()
    job = os.environ.get("SLURM_JOB_ID") or str(os.getpid())
    resources = _granted(plan)
    runner = Processes(parcel_of(plan, path), plan.metric, plan.pack, resources, plan.timeout, plan.silence)
    worker = Worker(box, plan, runner, Heart(folder.parent.parent / HEARTBEAT), node, job)
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, worker.warn)
    try:
        worker.run()
    except Closed:
        pass
    except StoreError as error:
        worker.refuse(error)
    finally:
        runner.close()


def _granted(plan: Plan) -> Resources:
    """What each trial gets of this machine; Slurm has seen to all else."""
    asked, allowed = plan.resources, int(os.environ.get("SLURM_CPUS_ON_NODE", cores()))
    cpus = min(asked.cpus or allowed / plan.pack, cores() / plan.pack)
    return Resources(cpus, asked.gpus, asked.memory, asked.nice)


if __name__ == "__main__":
    main()
