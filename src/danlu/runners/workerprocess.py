"""Worker processes, as the coordinator sees them: one begins, is sent messages, is heard, and ends."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from danlu.core.runner import Job
from danlu.runners.pipe import read_message, write_message
from danlu.runners.processtree import end, end_group
from danlu.runners.pulse import Pulse

_WORDS = 2000  # bytes of its last words that are kept


class Hiring(NamedTuple):
    """What a worker is told first.

    Attributes:
        path: where Python looks for modules.
        train: the packed training function.
        metric: what a bare number means that it returns.
        name: of the worker, for the journal.
        nice: how far it steps back for other programs.
        once: whether it ends after one job.
    """

    path: list[str]
    train: bytes
    metric: str
    name: str
    nice: int = 0
    once: bool = False


class WorkerProcess:
    """A process, and what it is doing.

    Attributes:
        process: a fresh interpreter; it has imported Danlu and waits to be hired.
        job: what it does now.
        begun, deadline: when its job began and when it must have ended, by a monotonic clock.
        oom_kills: processes that the system had killed when its job began, for want of memory.
        pulse: when it was heard of last.
        is_ended: whether we have ended it.
    """

    def __init__(self, environment: dict[str, str], hear: Callable[["WorkerProcess", Any], None]) -> None:
        """Begins a process; `hear` is called with each of its messages, and with None after the last, in a thread."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        self.process = subprocess.Popen(
            [sys.executable, "-m", "danlu.runners.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            start_new_session=True,  # Ctrl-C in the terminal is the coordinator's to handle
        )
        self.job: Job | None = None
        self.begun = 0.0
        self.oom_kills = 0
        self.deadline: float | None = None
        self.pulse: Pulse | None = None
        self.is_ended = False
        self._hear = hear
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self.process.poll() is None

    @property
    def was_killed(self) -> bool:
        """Whether it was ended by SIGKILL; of a dead one."""
        return os.name != "nt" and self.process.poll() == -signal.SIGKILL

    def post(self, message: Any) -> None:
        """Sends a message; what has died gets none, and is found so at the next look."""
        with suppress(OSError, ValueError):
            write_message(self.process.stdin, message)  # type: ignore[arg-type]

    def settle(self) -> None:
        """After its death: ends what it has left behind, and waits until all that it said is heard."""
        end_group(self.process.pid)
        self._listener.join(1.0)

    def end(self) -> None:
        """Ends the process with all that it has started."""
        self.is_ended = True
        if self.is_alive:
            end(self.process.pid)
        else:
            end_group(self.process.pid)
        self.process.kill()
        self.process.wait()
        self._errors.close()
        if self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()

    def obituary(self) -> str:
        """How it died, in words; before `end`."""
        code = self.process.wait()
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        if code == -signal.SIGKILL:
            how += "; the system does that when memory runs out"
        self._errors.seek(0)
        last = self._errors.read()[-_WORDS:].decode(errors="replace").strip()
        return f"its worker process died ({how})" + (f": {last.splitlines()[-1]}" if last else "")

    def _listen(self) -> None:
        try:
            while True:
                self._hear(self, read_message(self.process.stdout))  # type: ignore[arg-type]
        except (EOFError, OSError, ValueError):
            self._hear(self, None)


def base_environment() -> dict[str, str]:
    """Our environment, in which a worker finds Danlu."""
    environment = dict(os.environ)
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package, environment.get("PYTHONPATH")]))
    return environment
