"""Processes: trials run in worker processes on this machine, one trial at a time in each.

A worker is a fresh interpreter, so no `if __name__ == "__main__"` is needed and a crash takes nothing else along. It is
kept for the next trial, and replaced when it has died or was killed.
"""

import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

from danlu.core.resources import EVEN, Resources
from danlu.core.runner import Answer, Ended, Failed, Job, Signal
from danlu.errors import RunnerError, StoreError
from danlu.runners.parcel import pack
from danlu.runners.pipe import read_message, write_message
from danlu.runners.work import Train

_TICK = 0.1  # seconds between looks at whether a worker has died or hangs
_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass
class _Worker:
    """A process and what it is doing."""

    process: "subprocess.Popen[bytes]"
    errors: IO[bytes]
    job: Job | None = None
    deadline: float | None = None
    _killed: bool = field(default=False)

    def kill(self) -> None:
        """Ends the process with all that it has started."""
        self._killed = True
        try:
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        except ProcessLookupError:
            pass
        self.process.wait()

    def obituary(self) -> str:
        """How it died, in words."""
        code = self.process.wait()
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        if code == -signal.SIGKILL and not self._killed:
            how += "; the system does that when memory runs out"
        self.errors.seek(0)
        last = self.errors.read()[-2000:].decode(errors="replace").strip()
        return f"its worker process died ({how})" + (f": {last.splitlines()[-1]}" if last else "")


class Processes:
    """Runs up to `workers` trials at once.

    Attributes:
        workers: number of processes.
        timeout: seconds that an attempt at a trial may take; then its process is killed and the trial has failed.
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
    ) -> None:
        workers = _cpus() if workers is None else workers
        if workers < 1:
            raise RunnerError(f"workers must be at least 1, got {workers}.")
        if timeout is not None and timeout <= 0:
            raise RunnerError(f"timeout must be > 0 seconds, got {timeout}. Leave it out for no limit.")
        self.workers, self.timeout, self._metric = workers, timeout, metric
        self._train = _pickled(train)
        self._slots: list[_Worker | None] = [None] * workers
        self._inbox: queue.SimpleQueue[tuple[_Worker, Any]] = queue.SimpleQueue()
        self._devices = visible_devices()

    def free(self) -> int:
        return sum(worker is None or worker.job is None for worker in self._slots)

    def submit(self, job: Job) -> None:
        slot = next(k for k, worker in enumerate(self._slots) if worker is None or worker.job is None)
        worker = self._slots[slot]
        if worker is None or worker.process.poll() is not None:
            worker = self._slots[slot] = self._hire(slot)
        worker.job = job
        worker.deadline = None if self.timeout is None else time.monotonic() + self.timeout
        _post(worker, job)

    def poll(self, answer: Answer, timeout: float | None) -> None:
        if all(worker is None or worker.job is None for worker in self._slots):
            return
        signals = self._gather(timeout)
        if not signals:
            return
        for worker, message in signals:
            if isinstance(message, Failed) and message.reason == "storage":
                raise StoreError(message.error)
            if isinstance(message, (Ended, Failed)):
                worker.job = worker.deadline = None
        replies = answer([message for _, message in signals])
        for (worker, _), reply in zip(signals, replies, strict=True):
            _post(worker, reply)

    def cancel(self) -> None:
        for slot, worker in enumerate(self._slots):
            if worker is not None:
                self._dismiss(slot, worker)

    def close(self) -> None:
        self.cancel()

    def _gather(self, timeout: float | None) -> list[tuple[_Worker, Signal]]:
        """All signals there are, at least one unless `timeout` seconds pass first."""
        end = None if timeout is None else time.monotonic() + timeout
        found: list[tuple[_Worker, Signal]] = []
        while not found:
            found = self._received() + self._deaths()
            if end is not None and time.monotonic() >= end:
                break
        return found

    def _received(self) -> list[tuple[_Worker, Signal]]:
        found: list[tuple[_Worker, Signal]] = []
        wait = _TICK
        while True:
            try:
                worker, message = self._inbox.get(timeout=wait) if wait else self._inbox.get_nowait()
            except queue.Empty:
                return found
            wait = 0.0
            if worker in self._slots and worker.job is not None and message is not None:
                found.append((worker, message))

    def _deaths(self) -> list[tuple[_Worker, Signal]]:
        found: list[tuple[_Worker, Signal]] = []
        for slot, worker in enumerate(self._slots):
            if worker is None or worker.job is None:
                continue
            if worker.process.poll() is not None:
                # what it said last may still be on its way; it is heard first, its death at the next look
                if self._inbox.empty():
                    found.append((worker, Failed(worker.job.trial, "died", worker.obituary())))
                    self._dismiss(slot, worker)
            elif worker.deadline is not None and time.monotonic() > worker.deadline:
                error = f"no end after {self.timeout:g} s, the timeout of a trial; its process was killed"
                found.append((worker, Failed(worker.job.trial, "timeout", error)))
                self._dismiss(slot, worker)
        return found

    def _hire(self, slot: int) -> _Worker:
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        process = subprocess.Popen(
            [sys.executable, "-m", "danlu.runners.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=worker_environment(slot, self.workers, self._devices),
            start_new_session=True,  # Ctrl-C in the terminal is the coordinator's to handle
        )
        worker = _Worker(process, errors)
        _post(worker, (sys.path, self._train, self._metric, f"process {process.pid}"))
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
        return worker

    def _listen(self, worker: _Worker) -> None:
        try:
            while True:
                self._inbox.put((worker, read_message(worker.process.stdout)))  # type: ignore[arg-type]
        except (EOFError, OSError, ValueError):
            self._inbox.put((worker, None))

    def _dismiss(self, slot: int, worker: _Worker) -> None:
        self._slots[slot] = None
        worker.kill()
        worker.errors.close()
        if worker.process.stdin is not None:
            with suppress(OSError):
                worker.process.stdin.close()


def worker_environment(slot: int, workers: int, devices: list[str]) -> dict[str, str]:
    """The environment of a worker: its share of the threads, and its own device where there are some."""
    environment = dict(os.environ)
    share = str(max(1, _cpus() // workers))
    for name in _THREADS:
        environment.setdefault(name, share)
    if devices:
        environment["CUDA_VISIBLE_DEVICES"] = devices[slot % len(devices)]
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package, environment.get("PYTHONPATH")]))
    return environment


def visible_devices() -> list[str]:
    """Names of the GPUs that this process may use, as CUDA_VISIBLE_DEVICES takes them; none without NVIDIA's driver."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        return [name for name in allowed.split(",") if name.strip() and name.strip() != "-1"]
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    try:
        query = [tool, "--query-gpu=index", "--format=csv,noheader"]
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)
    except (subprocess.SubprocessError, OSError):
        return []
    return answer.stdout.split()


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _pickled(train: Train) -> bytes:
    try:
        return pack(train)
    except Exception as error:
        raise RunnerError(
            f"the training function can't be sent to worker processes: {type(error).__name__}: {error}. "
            f"Open files, models and locks inside the function, not outside; or use workers=1."
        ) from error


def _post(worker: _Worker, message: Any) -> None:
    with suppress(OSError, ValueError):  # it has died; the next look at it says so
        write_message(worker.process.stdin, message)  # type: ignore[arg-type]
