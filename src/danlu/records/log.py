"""Logs: what a training function prints goes into its trial's log.txt."""

import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


class _Tee:
    """A text stream that writes to the log and where it would have gone; in all else it is the original.

    Another thread's output passes by the log: it belongs to somebody else.
    """

    def __init__(self, log: IO[str], original: IO[str]) -> None:
        self._log, self._original, self._thread = log, original, threading.get_ident()

    def write(self, text: str) -> int:
        if threading.get_ident() == self._thread:
            self._log.write(text)
            self._log.flush()
        self._original.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


@contextmanager
def captured(path: Path) -> Iterator[IO[str]]:
    """Copies what this thread prints into the file, at its end; yields the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    out, err = sys.stdout, sys.stderr
    with path.open("a", encoding="utf-8", errors="replace") as log:
        sys.stdout, sys.stderr = _Tee(log, out), _Tee(log, err)
        try:
            yield log
        finally:
            sys.stdout, sys.stderr = out, err


@contextmanager
def redirected(path: Path) -> Iterator[IO[str]]:
    """Sends all output of this process, that of C libraries and of child processes included, to the end of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", errors="replace") as log:
        before = [os.dup(stream) for stream in (1, 2)]
        _flush()
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
        try:
            yield log
        finally:
            _flush()
            for stream, handle in zip((1, 2), before, strict=True):
                os.dup2(handle, stream)
                os.close(handle)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
