"""Output: what a program prints, in its trial's log, as a terminal would show it.

A progress bar that writes itself anew after each carriage return is one line of the log, however often it does.
"""

import codecs
import os
from collections import deque
from pathlib import Path
from types import TracebackType

_KEPT = 200  # last lines, for messages
_LINE = 1 << 16  # a line that is longer is broken


class Output:
    """Appends to a log; a context.

    Attributes:
        lines: the last ones, without colours and cursor movements.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.lines: deque[str] = deque(maxlen=_KEPT)
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._line = ""  # the one that has not ended
        self._shown = b""  # as much of it as the log has

    def head(self, line: str) -> None:
        """Adds a line of ours, which is none of the program's last ones."""
        self.write(line.encode() + b"\n")
        self.lines.clear()

    def write(self, data: bytes) -> str:
        """Adds what was printed; returns it as text."""
        text = self._decoder.decode(data)
        if not text:
            return text
        *ended, line = (self._line + text).replace("\r\n", "\n").split("\n")
        whole = [_shown(each) for each in ended]
        self.lines += whole
        self._line = line if len(line) < _LINE and "\r" not in line.rstrip("\r") else _pending(line)
        self._append("".join(f"{each}\n" for each in whole), _shown(self._line))
        if len(self._line) >= _LINE:
            self.write(b"\n")
        return text

    def last(self, count: int) -> list[str]:
        """The last lines that say something."""
        lines = [line for line in (*self.lines, _shown(self._line)) if line.strip()]
        return lines[-count:]

    def __enter__(self) -> "Output":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._line:
            self.write(b"\n")
        os.close(self._file)

    def _append(self, ended: str, line: str) -> None:
        """Writes lines that have ended and the one that hasn't, in place of the latter's earlier state."""
        new = (ended + line).encode()
        if self._shown and not new.startswith(self._shown):
            size = os.fstat(self._file).st_size
            os.ftruncate(self._file, max(0, size - len(self._shown)))
            os.write(self._file, new)
        else:
            os.write(self._file, new[len(self._shown) :])
        self._shown = line.encode()


def _shown(line: str) -> str:
    """What a terminal shows of a line: what stands after the last carriage return."""
    return next((part for part in reversed(line.split("\r")) if part.strip("\b ")), "").replace("\b", "")


def _pending(line: str) -> str:
    """What is still needed of a line that has not ended."""
    return _shown(line) + ("\r" if line.endswith("\r") else "")
