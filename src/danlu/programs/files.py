"""Files: those that a program writes under one name, or under names of one pattern."""

import glob
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

_MOST = 1_000  # files that are followed at once
_LONG = 0.05  # seconds that a look may take without a rest
_REST = 20  # times as long as the last look took, until the next: folders may hold a data set

T = TypeVar("T")


@dataclass
class Files(Generic[T]):
    """The files of a pattern, each followed from where it stood when this was made.

    Attributes:
        pattern: a path; `*`, `?` and `**` stand for any names; a folder means all in it whose names are like `names`.
        names: of the files in a folder, like `*.csv`.
        follow: makes of a path what follows the file, told whether all that it holds is new.
    """

    pattern: str | Path
    names: str
    follow: Callable[[Path, bool], T]
    _known: dict[str, T] = field(default_factory=dict)
    _next: float = 0.0

    def __post_init__(self) -> None:
        self._look(fresh=False)

    def followed(self, last: bool = False) -> list[T]:
        """The files that there are, those that came since included, in order of their names.

        Where it takes long to look for them, that is done less often; with `last` in any case.
        """
        if last or time.monotonic() >= self._next:
            begin = time.thread_time()  # a busy machine is no reason to look less often
            self._look(fresh=True)
            end = time.thread_time()
            self._next = time.monotonic() + _REST * (end - begin) if end - begin > _LONG else 0.0
        return [self._known[path] for path in sorted(self._known)]

    def _look(self, fresh: bool) -> None:
        for path in self._paths()[:_MOST]:
            if path not in self._known and len(self._known) < _MOST:
                self._known[path] = self.follow(Path(path), fresh)

    def _paths(self) -> list[str]:
        pattern = str(self.pattern)
        if glob.has_magic(pattern) and not Path(pattern).exists():
            return sorted(path for path in glob.glob(pattern, recursive=True) if Path(path).is_file())
        if Path(pattern).is_dir():
            return sorted(str(path) for path in Path(pattern).rglob(self.names) if path.is_file())
        return [pattern] if Path(pattern).is_file() else []


@dataclass
class Once:
    """Rows of a file that may be written anew: what was told from its beginning is not told again."""

    _told: list[int] = field(default_factory=list)
    _again: int | None = None

    def restart(self) -> None:
        """The file is read from its beginning."""
        self._again = 0

    def is_new(self, row: Hashable) -> bool:
        """Whether the next row has not been told; from the first that differs on, all rows are new."""
        if self._again is not None and self._again < len(self._told) and self._told[self._again] == hash(row):
            self._again += 1
            return False
        if self._again is not None:
            del self._told[self._again :]
            self._again = None
        self._told.append(hash(row))
        return True
