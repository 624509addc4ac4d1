"""Processes: trials run in worker processes on this machine, one trial at a time in each.

A worker is a fresh interpreter, so no `if __name__ == "__main__"` is needed and a crash takes nothing else along. On
the CPU it is kept for the next trial. Where it has a device it does one trial: only the end of a process surely gives
back what a training function took of a device.
"""

import queue
import shutil
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from danlu.core.event import Noted, Started
from danlu.core.resources import EVEN, Resources
from danlu.core.runner import Answer, Ended, Failed, Job, Signal, check_terms
from danlu.errors import StoreError
from danlu.records.folder import Folder
from danlu.runners.devices import Device, Memory, devices, environment, in_use, memories
from danlu.runners.machine import cores, memory, oom_kills
from danlu.runners.parcel import packed
from danlu.runners.processtree import memory_of
from danlu.runners.pulse import Pulse, clock, is_unusual
from danlu.runners.sharing import GB, Machine, Share, share_out
from danlu.runners.work import Train
from danlu.runners.workerprocess import Hiring, WorkerProcess, base_environment

_TICK = 0.1  # seconds between looks at whether a worker has died or hangs
_WATCH = 0.5  # seconds between looks at memory and logs
_STALL = 2.0  # seconds without a look that mean that we were stopped, or busy; trials are not blamed for it
_LEAVE = 5.0  # seconds in which a worker that has done its one trial may flush and go
_AGAIN = 2.0  # seconds until a device that is in use is looked at again
_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_Heard = tuple[WorkerProcess | None, Signal]


@dataclass
class _Slot:
    """Room for one trial at a time.

    Attributes:
        share: what its workers get of the machine.
        environment: of their processes.
        worker: who does its job now, or did the last one and is kept.
        spare: an interpreter that has begun and waits for the next job.
        leaving: who did the last job and is about to end, and when its time for that is up.
        waiting: a job that has not begun.
        reading: of the memory of devices, for that job; asked for, not before `look`.
        looks: how often its device was found in use since then.
    """

    share: Share
    environment: dict[str, str]
    worker: WorkerProcess | None = None
    spare: WorkerProcess | None = None
    leaving: tuple[WorkerProcess, float] | None = None
    waiting: Job | None = None
    reading: "Future[dict[str, Memory]] | None" = field(default=None)
    look: float = 0.0
    looks: int = 0

    @property
    def job(self) -> Job | None:
        """What it is busy with."""
        return self.waiting or (self.worker.job if self.worker else None)


class Processes:
    """Runs up to `workers` trials at once.

    Attributes:
        workers: trials at a time; None for as many as fit.
        resources: what each trial gets; one whose processes take more than its `memory` has failed, "out of memory".
        timeout: seconds that an attempt at a trial may take; then its process is killed and the trial has failed.
        silence: seconds without a sign of life (a report, a checkpoint, a file, output) after which its process is
            killed, and the trial tried again if it was the first time. None: never, but a note is made of a silence
            that is far longer than all pauses before it.
        fresh: whether each trial has a process of its own; None: where it has a device.
    """

    can_pause = True

    def __init__(
        self,
        train: Train,
        metric: str,
        workers: int | None = 2,
        resources: Resources = EVEN,
        timeout: float | None = None,
        silence: float | None = None,
        fresh: bool | None = None,
    ) -> None:
        check_terms(workers, timeout, silence)
        known = devices()
        shares, why = share_out(Machine(known, cores(), memory()), workers, resources)
        self.workers, self.resources, self.timeout, self.silence = len(shares), resources, timeout, silence
        self.fresh = any(share.devices for share in shares) if fresh is None else fresh
        self._train, self._metric = packed(train, "worker processes", otherwise="use workers=1"), metric
        self._slots = [_Slot(share, worker_environment(share, known)) for share in shares]
        self._inbox: queue.SimpleQueue[tuple[WorkerProcess, Any]] = queue.SimpleQueue()
        self._avoided: frozenset[str] = frozenset()
        self._gauge = ThreadPoolExecutor(1, "danlu-gauge") if _can_gauge(shares) else None
        self._notes = [f"workers=auto: {_trials(len(shares))} at a time, for {why}"] if why else []
        self._crashed: dict[int, str] = {}  # where trials were lost: the next attempt is elsewhere, if it may be
        self._waits = False  # whether a job has not begun
        self._longest = 0.0  # pause of any trial that went on afterwards
        self._looked = self._watched = time.monotonic()

    def free(self) -> int:
        return sum(map(self._is_free, self._slots))

    def avoid(self, places: frozenset[str]) -> None:
        self._avoided = places

    def submit(self, job: Job) -> None:
        there = self._crashed.pop(job.trial, None)
        free = [slot for slot in self._slots if self._is_free(slot)]
        slot = next((slot for slot in free if slot.share.place != there), free[0])
        slot.waiting, slot.look, slot.looks = job, 0.0, 0
        self._waits = True
        self._begin()

    def poll(self, answer: Answer, timeout: float | None) -> None:
        if all(slot.job is None for slot in self._slots):
            return
        heard = self._gather(timeout)
        if not heard:
            return
        ended: list[WorkerProcess] = []
        for worker, signal in heard:
            if isinstance(signal, Failed) and signal.reason == "storage":
                raise StoreError(signal.error)
            if worker is not None and isinstance(signal, (Ended, Failed)):
                worker.job = worker.deadline = None
                self._longest = max(self._longest, worker.pulse.longest if worker.pulse else 0.0)
                ended.append(worker)
        replies = answer([signal for _, signal in heard])
        for (worker, _), reply in zip(heard, replies, strict=True):
            if worker is not None:
                worker.post(reply)
        if self.fresh:
            self._part(ended)

    def cancel(self) -> None:
        for slot in self._slots:
            slot.waiting = None
            for worker in (slot.worker, slot.spare, slot.leaving[0] if slot.leaving else None):
                if worker is not None:
                    worker.end()
            slot.worker = slot.spare = slot.leaving = None

    def close(self) -> None:
        self.cancel()
        if self._gauge is not None:
            self._gauge.shutdown(wait=False, cancel_futures=True)

    # signals --------------------------------------------------------------------------------------------------------

    def _gather(self, timeout: float | None) -> list[_Heard]:
        """All signals there are, at least one unless `timeout` seconds pass first."""
        end = None if timeout is None else time.monotonic() + timeout
        heard: list[_Heard] = []
        while not heard:
            if self._notes:
                self._say(heard)
            if self._waits:
                self._begin()
            self._receive(heard)
            if not heard or time.monotonic() - self._looked >= _TICK:
                self._look(heard)
            if end is not None and time.monotonic() >= end:
                break
        return heard

    def _say(self, heard: list[_Heard]) -> None:
        number = next(slot.job.trial for slot in self._slots if slot.job is not None)
        heard += [(None, Noted(text, number)) for text in self._notes]
        self._notes.clear()

    def _receive(self, heard: list[_Heard]) -> None:
        """What workers have said; waits for the first word, but not for long."""
        wait = 0.0 if heard else _TICK
        while True:
            try:
                worker, message = self._inbox.get(timeout=wait) if wait else self._inbox.get_nowait()
            except queue.Empty:
                return
            wait = 0.0
            if worker.is_ended or worker.job is None or message is None:
                continue
            heard.append((worker, message))
            if worker.pulse is None:
                continue
            if isinstance(message, Started):  # until now an interpreter was starting: no pause of the training's
                worker.pulse.heard = time.monotonic()
            else:
                worker.pulse.beat(time.monotonic())

    def _look(self, heard: list[_Heard]) -> None:
        """Who has died, and who is to be ended."""
        now = time.monotonic()
        self._forgive(now)
        for slot in self._slots:
            worker = slot.worker
            if worker is None or worker.job is None:
                continue
            if not worker.is_alive:
                worker.settle()
                if self._inbox.empty():  # else what it said last is heard first
                    self._lose(slot, *self._obituary(worker), heard)
            elif worker.deadline is not None and now > worker.deadline:
                error = f"no end after {self.timeout:g} s, the timeout of a trial; its process was killed"
                self._lose(slot, "timeout", error, heard)
        if now - self._watched >= _WATCH:
            self._watched = now
            self._watch_memory(heard)
            self._watch_silence(now, heard)

    def _obituary(self, worker: WorkerProcess) -> tuple[str, str]:
        """Why a trial came to nothing whose worker is dead: a reason, and more words."""
        if worker.was_killed and oom_kills() > worker.oom_kills:
            return "out of memory", "the system killed its worker process, for main memory had run out"
        return "died", worker.obituary()

    def _forgive(self, now: float) -> None:
        """Leaves the time out in which nobody looked: this process was stopped, or something took long."""
        for slot in self._slots:
            worker = slot.worker
            if worker is None or worker.job is None or worker.pulse is None:
                continue
            gap = now - max(self._looked, worker.begun)
            if gap > _STALL:
                worker.pulse.heard += gap
                worker.deadline = None if worker.deadline is None else worker.deadline + gap
        self._looked = now

    def _watch_memory(self, heard: list[_Heard]) -> None:
        if self.resources.memory is None:
            return
        busy = {slot.worker.process.pid: slot for slot in self._slots if slot.worker and slot.worker.job}
        limit = self.resources.memory * GB
        for pid, used in memory_of(list(busy), limit).items():
            if used > limit:
                error = f"its processes took {used / GB:.3g} GB, more than the {limit / GB:g} GB of each trial"
                self._lose(busy[pid], "out of memory", f"{error}; they were killed", heard)

    def _watch_silence(self, now: float, heard: list[_Heard]) -> None:
        for slot in self._slots:
            worker = slot.worker
            if worker is None or worker.job is None or worker.pulse is None:
                continue
            number, quiet = worker.job.trial, worker.pulse.quiet(now)
            self._longest = max(self._longest, worker.pulse.longest)
            if self.silence is not None and quiet > self.silence:
                error = f"nothing was heard of it for {clock(quiet)}, silence={self.silence:g}; its process was killed"
                self._lose(slot, "silent", error, heard)
            elif self.silence is None and not worker.pulse.is_noted and is_unusual(quiet, self._longest):
                worker.pulse.is_noted = True
                text = f"nothing was heard of trial {number} for {clock(quiet)}; "
                text += f"the longest pause of a trial so far was {clock(self._longest)}. silence= ends what hangs"
                heard.append((None, Noted(text, number)))

    def _lose(self, slot: _Slot, reason: str, error: str, heard: list[_Heard]) -> None:
        worker, slot.worker = slot.worker, None
        assert worker is not None
        assert worker.job is not None
        self._crashed[worker.job.trial] = slot.share.place
        heard.append((worker, Failed(worker.job.trial, reason, error)))
        worker.end()

    # workers --------------------------------------------------------------------------------------------------------

    def _is_free(self, slot: _Slot) -> bool:
        return slot.job is None and slot.share.place not in self._avoided

    def _begin(self) -> None:
        """Begins the jobs that wait, where there is room for them."""
        for slot in self._slots:
            if slot.waiting is None or self._is_left(slot) or self._is_crowded(slot):
                continue
            if slot.worker is None or not slot.worker.is_alive:
                slot.worker = self._hire(slot)
            self._give(slot.worker, slot.waiting)
            slot.waiting = None
            if self.fresh:
                slot.spare = WorkerProcess(slot.environment, self._hear)
        self._waits = any(slot.waiting for slot in self._slots)

    def _hire(self, slot: _Slot) -> WorkerProcess:
        spare, slot.spare = slot.spare, None
        for gone in (slot.worker, spare):
            if gone is not None and not gone.is_alive:
                gone.end()
        worker = spare if spare is not None and spare.is_alive else WorkerProcess(slot.environment, self._hear)
        where = f" on {slot.share.place}" if slot.share.place else ""
        name = f"process {worker.process.pid}{where}"
        worker.post(Hiring(sys.path, self._train, self._metric, name, self.resources.nice, self.fresh))
        return worker

    def _hear(self, worker: WorkerProcess, message: Any) -> None:
        self._inbox.put((worker, message))

    def _give(self, worker: WorkerProcess, job: Job) -> None:
        now = time.monotonic()
        worker.job, worker.begun, worker.oom_kills = job, now, oom_kills()
        worker.deadline = None if self.timeout is None else now + self.timeout
        worker.pulse = Pulse(Folder(Path(job.folder)).trial(job.trial) / "log.txt", now)
        worker.post(job)

    def _part(self, ended: list[WorkerProcess]) -> None:
        """Lets workers go that have done their one trial."""
        for slot in self._slots:
            if slot.worker is not None and slot.worker in ended:
                slot.leaving, slot.worker = (slot.worker, time.monotonic() + _LEAVE), None

    def _is_left(self, slot: _Slot) -> bool:
        """Whether who did the last trial is still there, with what it has of a device."""
        if slot.leaving is None:
            return False
        worker, until = slot.leaving
        if worker.is_alive and time.monotonic() < until:
            return True
        worker.end()
        slot.leaving = None
        return False

    def _is_crowded(self, slot: _Slot) -> bool:
        """Whether others leave too little memory of its devices for the job that waits; says so, the second time."""
        if self._gauge is None or slot.waiting is None or not slot.share.devices:
            return False
        if slot.reading is None:
            if time.monotonic() >= slot.look:
                slot.reading = self._gauge.submit(memories)
            return True
        if not slot.reading.done():
            return True
        read, slot.reading = slot.reading.result(), None
        reasons = (in_use(device, slot.share.part, read) for device in slot.share.devices)
        why = next(filter(None, reasons), None)
        if why is None:
            return False
        slot.look, slot.looks = time.monotonic() + _AGAIN, slot.looks + 1
        if slot.looks == 2:
            others = any(
                other.job and other.share.devices == slot.share.devices for other in self._slots if other is not slot
            )
            who = "trials" if others else "somebody else"
            self._notes.append(f"{slot.share.place} is in use by {who}: {why}. It waits until there is room")
        return True


def worker_environment(share: Share, known: list[Device]) -> dict[str, str]:
    """The environment of a worker: its share of the threads, and its own devices where there are some."""
    said = base_environment()
    for name in _THREADS:
        said.setdefault(name, str(share.threads))
    return said | environment(share.devices, share.part, known)


def _can_gauge(shares: list[Share]) -> bool:
    """Whether the memory of the devices can be asked for."""
    kinds = {device.kind for share in shares for device in share.devices}
    return "cuda" in kinds and shutil.which("nvidia-smi") is not None


def _trials(count: int) -> str:
    return "1 trial" if count == 1 else f"{count} trials"
