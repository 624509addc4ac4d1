"""JSON lines: a journal as text, one entry a line. For export, import, and journals kept as examples in tests.

    {"position": 2, "at": 1700000000.5, "version": 1, "events": [{"kind": "suggested", "trial": 0, ...}]}

A last line without its line break was torn by a crash: its append was never acknowledged, so it is passed over, and
the next append cuts it off.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import msgspec

from danlu.core.event import Entry, decode_events, encode_events
from danlu.errors import Conflict, StoreError
from danlu.records.files import write_whole
from danlu.stores.lease import FileLeases


class _Line(msgspec.Struct):
    position: int
    at: float
    version: int
    events: msgspec.Raw


_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(_Line).decode


class JSONLines:
    """Keeps the journal of each study in one text file: `path`, or `path/STUDY.jsonl` if `path` is a folder.

    One process writes at a time; for several, use SQLite.
    """

    def __init__(self, path: str | Path, clock: Callable[[], float] = time.time) -> None:
        self.path, self.now = Path(path), clock
        self._files: dict[str, IO[bytes]] = {}
        self._positions: dict[str, int] = {}
        self._before: dict[str, int] | None = None  # study -> length when the group began
        self._lock = threading.RLock()
        self._leases = FileLeases(self.path if self.path.suffix else self.path / "journal.jsonl")

    def append(self, study: str, entry: Entry) -> None:
        with self._lock:
            file = self._open(study)
            position, start = self._positions[study], file.tell()
            if entry.position != position + 1:
                raise Conflict(f"entry {entry.position} of {study!r} is taken: the journal is at {position}.")
            if self._before is not None:
                self._before.setdefault(study, start)
            try:
                file.write(format_line(entry))
                file.flush()
            except OSError as error:
                self._cut(study, start)
                raise StoreError(f"{self.path}: {error.strerror}. Free some space, then start again.") from error
            self._positions[study] = entry.position

    def read(self, study: str, after: int = 0) -> Iterator[Entry]:
        path = self._path(study)
        if path.exists():
            yield from (entry for entry in read_lines(path) if entry.position > after)

    def studies(self) -> list[str]:
        if self.path.is_dir():
            return sorted(file.stem for file in self.path.glob("*.jsonl"))
        return ["study"] if self.path.exists() else []

    @contextmanager
    def group(self) -> Iterator[None]:
        with self._lock:
            self._before = {}
            try:
                yield
            except BaseException:
                for study, start in self._before.items():
                    self._cut(study, start)
                raise
            finally:
                self._before = None

    def claim(self, study: str, key: str, worker: str) -> None:
        self._leases.claim(study, key, worker)

    def release(self, study: str, key: str) -> None:
        self._leases.release(study, key)

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()
        self._leases.close()

    def _path(self, study: str) -> Path:
        return self.path if self.path.suffix else self.path / f"{study}.jsonl"

    def _open(self, study: str) -> IO[bytes]:
        if study not in self._files:
            path = self._path(study)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
                self._positions[study] = sum(1 for _ in read_lines(path))
                file = path.open("r+b")
            except OSError as error:
                if isinstance(error, StoreError):
                    raise
                raise StoreError(f"{path}: {error.strerror}. Make the folder writable.") from error
            file.truncate(_whole(path))
            file.seek(0, os.SEEK_END)
            self._files[study] = file
        return self._files[study]

    def _cut(self, study: str, start: int) -> None:
        """Takes back what was written behind `start`; the next append opens the file anew."""
        file = self._files.pop(study, None)
        if file is not None:
            with suppress(OSError):  # what could not be flushed can't be flushed now
                file.close()
        os.truncate(self._path(study), start)


def export_journal(entries: Iterable[Entry], path: Path) -> int:
    """Writes a journal as JSON lines, whole or not at all; returns its size in bytes. `read_lines` reads it back."""

    def write(file: Path) -> None:
        with file.open("wb") as lines:
            lines.writelines(map(format_line, entries))

    return write_whole(path, write)


def format_line(entry: Entry) -> bytes:
    """One entry as a line of JSON, line break included."""
    return _encode(_Line(entry.position, entry.at, entry.version, msgspec.Raw(encode_events(entry.events)))) + b"\n"


def read_lines(path: Path) -> Iterator[Entry]:
    """The entries of a file, a torn last line left out.

    Raises:
        StoreError: a line other than the last can't be read.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                row = _decode(line)
            except msgspec.MsgspecError as error:
                raise StoreError(
                    f"{path}, line {number}: {error}. Restore it from a copy, or cut the file before it."
                ) from error
            yield Entry(row.position, row.at, decode_events(bytes(row.events), row.version), row.version)


def _whole(path: Path) -> int:
    """Length in bytes up to and including the last line break."""
    return path.read_bytes().rfind(b"\n") + 1
