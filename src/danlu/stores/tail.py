"""Tail: the newest entries of a database once more, in a file beside it, for when the database loses its end.

journal.db-tail       a line for each entry, the newest last, with a checksum
journal.db-tail-old   the lines before those: what journal.db-tail was when it had grown to its size

It is written behind the database, and while that is whole only its last line is read, once. So it costs one write of
some hundred bytes per append, and no wait for the disk.
"""

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain
from pathlib import Path
from zlib import crc32

import msgspec

from danlu.core.event import Entry, decode_events, encode_events
from danlu.errors import StoreError

SIZE = 1 << 18
"""Bytes of one of the two files."""


class _Line(msgspec.Struct):
    study: str
    position: int
    at: float
    version: int
    events: msgspec.Raw


_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(_Line).decode


class Tail:
    """The newest entries of the studies in one database."""

    def __init__(self, database: Path, size: int = SIZE) -> None:
        self._path, self._size = database.with_name(database.name + "-tail"), size
        self._old = database.with_name(database.name + "-tail-old")
        self._file: int | None = None
        self._inode = 0

    @property
    def files(self) -> list[Path]:
        """Its files, the older one first, as far as they exist."""
        return [path for path in (self._old, self._path) if path.exists()]

    def append(self, study: str, entries: Iterable[Entry]) -> None:
        """Adds entries that the database has.

        Raises:
            OSError: they can't be written, or not all of them.
        """
        lines = b"".join(_line(study, entry) for entry in entries)
        if os.write(self._opened(), lines) < len(lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def entries(self, study: str) -> dict[int, Entry]:
        """The entries of a study that it has, by position."""
        found: dict[int, tuple[bytes, Entry]] = {}
        for line in chain.from_iterable(map(_lines, self.files)):
            entry = _read(line, study)
            if entry is None:
                continue
            if entry.position in found and found[entry.position][0] != line:
                # another entry in its place: what was behind it belonged to a journal that is no more
                found = {position: kept for position, kept in found.items() if position < entry.position}
            found[entry.position] = line, entry
        return {position: entry for position, (_, entry) in sorted(found.items())}

    def last(self, study: str) -> int:
        """The newest position of a study that it has; 0 if it has none."""
        for path in reversed(self.files):
            for line in reversed(_lines(path)):
                if entry := _read(line, study):
                    return entry.position
        return 0

    def replace_by(self, other: "Tail") -> None:
        """Takes the files of another one in the place of its own."""
        self.close()
        other.close()
        for own, given in ((self._old, other._old), (self._path, other._path)):
            if given.exists():
                os.replace(given, own)
            else:
                own.unlink(missing_ok=True)

    def close(self) -> None:
        """Gives the file back; the next append opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _opened(self) -> int:
        """The file to write to: a new one if it has grown to its size, or somebody else has begun one."""
        with suppress(FileNotFoundError):
            now = os.stat(self._path, follow_symlinks=False)
            if now.st_size > self._size:
                self.close()
                os.replace(self._path, self._old)
            elif self._file is not None and now.st_ino == self._inode:
                return self._file
        self.close()
        # in a folder of somebody else it could be a link that leads anywhere
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        self._file = os.open(self._path, flags, 0o644)
        self._inode = os.fstat(self._file).st_ino
        return self._file


def _lines(path: Path) -> list[bytes]:
    with suppress(OSError):
        return path.read_bytes().split(b"\n")
    return []


def _line(study: str, entry: Entry) -> bytes:
    events = msgspec.Raw(encode_events(entry.events))
    text = _encode(_Line(study, entry.position, entry.at, entry.version, events))
    # a line break before it as well: the line before may have been cut off on a full disk
    return b"\n%08x %b\n" % (crc32(text), text)


def _read(line: bytes, study: str) -> Entry | None:
    """The entry of a line; None if the line is damaged or another study's."""
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % crc32(text):
        return None
    try:
        row = _decode(text)
        if row.study != study:
            return None
        return Entry(row.position, row.at, decode_events(bytes(row.events), row.version), row.version)
    except (msgspec.MsgspecError, StoreError):
        return None
