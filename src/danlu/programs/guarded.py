"""Guarded: a command that runs under a guard, as its trial sees it: what it prints, how it ended, and how to end it."""

import os
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from time import monotonic

from danlu.errors import RunnerError

_CHUNK = 1 << 16
_GUARD = Path(__file__).with_name("guard.py")
_LATE = 5.0  # seconds that a guard may need beyond the grace, on a machine that is busy


@dataclass(frozen=True)
class Exit:
    """How a command ended.

    Attributes:
        status: of its exit; negative: the signal that ended it.
        errno: why it could not be executed; 0 if it could.
        starved: whether the system killed it for want of memory.
    """

    status: int = 0
    errno: int = 0
    starved: bool = False


class Guarded:
    """Starts a command under a guard; a context, at whose end nothing of the command is left.

    Attributes:
        exit: how it ended, as soon as nothing of it is left.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: str | Path, grace: float
    ) -> None:
        if os.name != "posix":
            raise RunnerError("programs run on Linux and macOS. Write a training function for this system instead.")
        self.exit: Exit | None = None
        self._grace, self._pid, self._told, self._errno = grace, 0, b"", 0
        self._status, writing = os.pipe()
        try:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_GUARD), str(grace), str(writing), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[writing],
                env=dict(environment),
                cwd=folder,
                start_new_session=True,  # who kills the trial's process group must not take the guard along
            )
        except BaseException:
            os.close(self._status)
            raise
        finally:
            os.close(writing)
        assert self._guard.stdin is not None
        assert self._guard.stdout is not None
        self._lifeline, self._output = self._guard.stdin, self._guard.stdout
        self._open = {self._status, self._output.fileno()}
        os.set_blocking(self._output.fileno(), False)

    def read(self, timeout: float) -> bytes:
        """What it has printed since the last call; waits up to `timeout` seconds for something to happen."""
        ready = select.select(list(self._open), [], [], timeout)[0] if self._open else []
        if self._status in ready:
            self._hear()
        return self._printed() if self._output.fileno() in self._open else b""

    def end(self) -> None:
        """Lets go of the lifeline: SIGTERM, the grace period, SIGKILL."""
        with suppress(OSError):
            self._lifeline.close()

    def __enter__(self) -> "Guarded":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.end()
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            return  # the guard sees to the rest; who pressed Ctrl-C twice won't wait for a grace period
        deadline = monotonic() + self._grace + _LATE
        while self.exit is None and monotonic() < deadline:
            self.read(0.1)
        if self.exit is None:  # the guard doesn't answer
            self._kill()
        self._guard.wait()
        self._output.close()
        os.close(self._status)

    def _hear(self) -> None:
        said = os.read(self._status, _CHUNK)
        self._told += said
        *lines, self._told = self._told.split(b"\n")
        for line in lines:
            word, number, *more = line.decode().split()
            if word == "began":
                self._pid = int(number)
            elif word == "failed":
                self._errno = int(number)
            else:
                self.exit = Exit(int(number), self._errno, "memory" in more)
        if not said:
            self._open.discard(self._status)
            if self.exit is None:  # somebody killed the guard
                self._kill()

    def _kill(self) -> None:
        self._guard.kill()
        if self._pid:
            with suppress(OSError):
                os.killpg(self._pid, SIGKILL)
        self.exit = Exit(-SIGKILL)

    def _printed(self) -> bytes:
        parts: list[bytes] = []
        while len(parts) < 16:  # what is printed faster than it can be read must not hold up the rest
            try:
                part = os.read(self._output.fileno(), _CHUNK)
            except BlockingIOError:
                break
            if not part:
                self._open.discard(self._output.fileno())
                break
            parts.append(part)
        return b"".join(parts)
