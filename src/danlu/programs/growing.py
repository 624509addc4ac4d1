"""Growing: the lines of a file that a program is writing, each told once.

What stood there when the file was first looked at is of an earlier run and is not told. A file that is written anew
(shorter than before, another file of that name, or other text where the last line stood) is told from its beginning;
who reads rows may leave out those that were told before.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 1 << 20  # bytes that are read at once
_MOST, _LAST = 16, 64  # chunks of one call, and of the last one: who writes more at once writes no metrics
_LINE = 1 << 20  # no line is longer; one that is, is left out


@dataclass
class Growing:
    """One file, which need not exist yet.

    Attributes:
        path: of the file.
        fresh: whether all that it holds is new, as that of a file which came after the program had begun.
        restarts: how often it was written anew.
    """

    path: Path
    fresh: bool = False
    restarts: int = 0

    def __post_init__(self) -> None:
        self._position, self._node, self._tail, self._skipping = 0, (0, 0), b"", False
        if not self.fresh and (found := _stat(self.path)):
            self._position, self._node = self._end(found.st_size), _node(found)

    def first(self) -> str:
        """The first line, which may be of an earlier run; empty where there is none yet."""
        try:
            with self.path.open("rb") as file:
                line = file.readline(_LINE)
        except OSError:
            return ""
        return line.decode("utf-8", errors="replace") if line.endswith(b"\n") else ""

    def lines(self, last: bool = False) -> list[str]:
        """The lines that are new and ended, or with `last` also the one that isn't."""
        found = _stat(self.path)
        if found is None:
            return []
        try:
            with self.path.open("rb") as file:
                self._follow(file.fileno(), found)
                return self._new(file.fileno(), last)
        except OSError:
            return []  # a file that is moved or removed just now: the next call sees

    def _follow(self, file: int, found: os.stat_result) -> None:
        moved = self._node not in ((0, 0), _node(found))
        tail = os.pread(file, len(self._tail), self._position - len(self._tail)) if self._tail else b""
        if moved or found.st_size < self._position or tail != self._tail:
            self._position, self._tail, self._skipping = 0, b"", False
            self.restarts += 1
        self._node = _node(found)

    def _new(self, file: int, last: bool) -> list[str]:
        lines: list[str] = []
        for _ in range(_LAST if last else _MOST):
            data = os.pread(file, _CHUNK, self._position)
            if not data:
                break
            end = data.rfind(b"\n") + 1
            if end == 0 and len(data) >= _LINE:
                self._advance(data)
                self._skipping = True
                continue
            if end == 0 and not last:
                break
            taken = data[:end] if end else data
            lines += self._whole(taken)
            self._advance(taken)
        return lines

    def _whole(self, data: bytes) -> list[str]:
        lines = data.removesuffix(b"\n").decode("utf-8", errors="replace").split("\n")
        if self._skipping:
            lines, self._skipping = lines[1:], False
        return lines

    def _advance(self, data: bytes) -> None:
        self._position += len(data)
        self._tail = data[-64:]

    def _end(self, size: int) -> int:
        """Where the last ended line ends, so that a line which is just being written is new."""
        try:
            with self.path.open("rb") as file:
                start = max(0, size - _CHUNK)
                data = os.pread(file.fileno(), size - start, start)
        except OSError:
            return 0
        end = start + data.rfind(b"\n") + 1
        self._tail = data[: end - start][-64:]
        return end


def _stat(path: Path) -> os.stat_result | None:
    """What is known of a plain file; None for all else, so that no pipe or device is ever waited for."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _node(found: os.stat_result) -> tuple[int, int]:
    return (found.st_dev, found.st_ino)
