"""Transfer: how a trial's files get from the machine that it runs on into the study's folder, and back.

Where a worker sees the study's folder, nothing moves. Elsewhere it works in a folder of its own, and what a signal
speaks of is in the study's folder before the signal is answered: piece by piece along the line that signals take, or
through a storage that both sides reach. What comes from a worker goes into its trial's folder and nowhere else.

Keys never travel. Each side seals the checkpoints that reach it along the line; those that come by way of a storage
must be, by a digest that went along the line, what was put there, for others may write to a storage. A worker that sees
the folder but has another key counts as one that doesn't see it.
"""

import glob
import io
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from danlu.core.event import Attached, Saved
from danlu.core.runner import Job, Signal
from danlu.errors import ArtifactError, StoreError
from danlu.records.files import storage_remedy, write_whole
from danlu.records.folder import Folder
from danlu.records.inside import inside
from danlu.records.seal import copy_sealed, digest, is_sealed, key
from danlu.runners.storage import Storage

PIECE = 16_000_000
"""Bytes of a file that travel at once; so no machine need hold a whole checkpoint in memory."""

_MARKER = ".shared"
_PREFIX = "danlu-trial-"


class Piece(msgspec.Struct, frozen=True):
    """The next bytes of a file, by its path in the study's folder; after the `last` ones it is whole."""

    path: str
    offset: int
    data: bytes
    last: bool


class Wanted(msgspec.Struct, frozen=True):
    """A worker asks for the bytes of a checkpoint from `offset` on; it gets a `Piece`."""

    path: str
    offset: int


class Stored(msgspec.Struct, frozen=True):
    """The file at this path, relative to the study's folder, is in the storage now; with the digest of its content."""

    path: str
    digest: bytes


class Doubted(msgspec.Struct, frozen=True):
    """A worker asks for the digest of a checkpoint, to see whether what it found in the storage is that."""

    path: str


class Output(msgspec.Struct, frozen=True):
    """What the trial has printed: the next bytes of its log."""

    data: bytes


Moving = Piece | Wanted | Stored | Doubted | Output
"""What a worker says of files, between its signals."""


# both sides -----------------------------------------------------------------------------------------------------------


def pieces_of(file: Path, path: str) -> Iterator[Piece]:
    """A file in pieces; an empty one is one piece."""
    size, offset = file.stat().st_size, 0
    with file.open("rb") as source:
        while True:
            data = source.read(PIECE)
            yield Piece(path, offset, data, last=offset + len(data) >= size)
            offset += len(data)
            if offset >= size:
                return


# the study's side -----------------------------------------------------------------------------------------------------


def checked_path(number: int, path: Any) -> PurePosixPath:
    """A path that a worker names, if it lies in the folder of its trial.

    Raises:
        ArtifactError: it doesn't.
    """
    named = PurePosixPath(path) if isinstance(path, str) and path else None
    home = ("trials", f"{number:04d}")
    if named is None or ".." in named.parts or "\\" in path or "\0" in path or named.parts[:2] != home:
        raise ArtifactError(f"trial {number} named {path!r}: its files lie in {'/'.join(home)}, and nowhere else.")
    if len(named.parts) < 3:
        raise ArtifactError(f"trial {number} named {path!r}, which is its folder and no file.")
    return named


def checked(signal: Signal, number: int) -> Signal:
    """A signal, if it speaks of the trial that its worker was given, and of that trial's files.

    Raises:
        ArtifactError: it doesn't.
    """
    if signal.trial != number:
        raise ArtifactError(f"the worker of trial {number} spoke of trial {signal.trial}.")
    if isinstance(signal, (Saved, Attached)):
        checked_path(number, signal.path)
    return signal


class Mirror:
    """Puts what a trial's worker sends into the study's folder.

    Args:
        job: what the worker was given.
        storage: where it may have put files.
    """

    def __init__(self, job: Job, storage: Storage | None) -> None:
        self._job, self._storage = job, storage
        self._study = Path(job.folder)

    def take(self, piece: Piece) -> None:
        """Appends to a file that is on its way; the last piece makes it appear, whole."""
        path = self._place(piece.path)
        part = _part_of(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("ab" if piece.offset else "wb") as file:
                if file.tell() != piece.offset:
                    raise ArtifactError(f"{piece.path!r} arrived with a gap at byte {piece.offset}.")
                file.write(piece.data)
        except OSError as error:
            raise _refused(path, error) from error
        if piece.last:
            _arrived(part, path)

    def fetch(self, stored: Stored) -> None:
        """Copies a file out of the storage.

        Raises:
            ArtifactError: it is not what the worker put there.
        """
        assert self._storage is not None
        path = self._place(stored.path)
        part = _part_of(path)
        self._storage.get(stored.path, part)
        if _digest(part) != stored.digest:
            part.unlink()
            raise ArtifactError(
                f"{stored.path!r} in the storage is not what was put there: somebody else writes there."
            )
        _arrived(part, path)

    def give(self, wanted: Wanted) -> Piece:
        """The bytes of the checkpoint that the trial goes on from."""
        file = self._checkpoint(wanted.path)
        with file.open("rb") as source:
            source.seek(wanted.offset)
            data = source.read(PIECE)
            return Piece(wanted.path, wanted.offset, data, last=source.tell() >= file.stat().st_size)

    def vouch(self, doubted: Doubted) -> bytes:
        """The digest of the checkpoint that the trial goes on from."""
        return _digest(self._checkpoint(doubted.path))

    def _checkpoint(self, path: str) -> Path:
        if path != self._job.checkpoint:
            raise ArtifactError(f"trial {self._job.trial} asked for {path!r}, which is not its checkpoint.")
        return inside(self._study, path)

    def log(self, output: bytes) -> None:
        """Appends to the trial's log."""
        path = self._place(f"trials/{self._job.trial:04d}/log.txt")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(output)
        except OSError as error:
            raise _refused(path, error) from error

    def _place(self, path: str) -> Path:
        place = self._study / checked_path(self._job.trial, path)
        home = Folder(self._study).trial(self._job.trial)
        # a link that lies there already must not lead out either; the trial's folder itself may be one
        if place.is_symlink() or not place.parent.resolve().is_relative_to(home.resolve()):
            raise ArtifactError(f"{path!r} leads out of the trial's folder, through a link.")
        return place


def mark(study: Path, nonce: str) -> None:
    """Leaves a mark, sealed, by which a worker knows the study's folder and that it has the same key."""

    def write(file: Path) -> None:
        with file.open("wb") as target:
            copy_sealed(io.BytesIO(nonce.encode()), target)

    write_whole(study / _MARKER, write, durable=False)


def unmark(study: Path) -> None:
    """Takes the mark away."""
    with suppress(OSError):
        (study / _MARKER).unlink(missing_ok=True)


def _refused(path: Path, error: OSError) -> StoreError:
    remedy = storage_remedy(error) or "See to the folder and start again: nothing that was acknowledged is lost."
    return StoreError(f"{path}: {error.strerror or error}. {remedy}")


# the worker's side ----------------------------------------------------------------------------------------------------


class Bag:
    """What a worker does about files: nothing where it sees the study's folder, else it carries them there.

    Args:
        job: as the study gave it.
        nonce: the mark that lies in the study's folder.
        storage: URL of a place for files that are on their way; None for the line.
        say: carries a message along the line and brings back the reply.
    """

    def __init__(self, job: Job, nonce: str, storage: str | None, say: Callable[[Moving], Any]) -> None:
        self._say, self._job = say, job
        self._storage = Storage(storage) if storage else None
        self._carried: set[str] = set()
        self._read = 0  # bytes of the log that were taken along
        self._reading = threading.Lock()
        self.is_shared = _is_marked(Path(job.folder), nonce)
        self.study = Path(job.folder) if self.is_shared else _own_folder()

    @property
    def job(self) -> Job:
        """The job, in the folder that it is done in."""
        return self._job if self.is_shared else msgspec.structs.replace(self._job, folder=str(self.study))

    @property
    def log(self) -> Path:
        """The trial's log, where this worker writes it."""
        return Folder(self.study).trial(self._job.trial) / "log.txt"

    def fetch(self) -> None:
        """Brings the checkpoint that the trial goes on from."""
        path = self._job.checkpoint
        if self.is_shared or path is None:
            return
        place = inside(self.study, path)
        part = _part_of(place)
        part.parent.mkdir(parents=True, exist_ok=True)
        if not self._is_stored(path, part):
            self._download(path, part)
        _arrived(part, place)

    def _is_stored(self, path: str, part: Path) -> bool:
        """Whether the storage had it, and it is what the study has; it may have been saved while none was in use."""
        if self._storage is None:
            return False
        with suppress(FileNotFoundError):
            self._storage.get(path, part)
            return _digest(part) == self._say(Doubted(path))  # type: ignore[no-any-return]
        return False

    def before(self, signal: Signal) -> None:
        """Carries what a signal speaks of, so that it is there when the study hears the signal."""
        if not self.is_shared and isinstance(signal, (Saved, Attached)):
            self._carry(signal.path)
            if isinstance(signal, Saved):  # nobody here reads it again
                (self.study / signal.path).unlink(missing_ok=True)

    def finish(self) -> None:
        """Carries what else lies in the trial's folder; then the worker's own folder goes."""
        if self.is_shared:
            return
        while data := self.output():
            self._say(Output(data))
        home = Folder(self.study).trial(self._job.trial)
        for file in sorted(home.rglob("*")):
            path = file.relative_to(self.study).as_posix()
            is_own = file.is_file() and not file.is_symlink() and file.parent.name != "checkpoints"
            if is_own and file != self.log and path not in self._carried:
                self._carry(path)
        shutil.rmtree(self.study, ignore_errors=True)

    def output(self) -> bytes:
        """What the log has more than at the last call, at most a piece of it."""
        with self._reading:
            if self.is_shared or not self.log.exists():
                return b""
            with self.log.open("rb") as file:
                file.seek(self._read)
                data = file.read(PIECE)
            self._read += len(data)
            return data

    def _carry(self, path: str) -> None:
        self._carried.add(path)
        if self._storage is not None:
            self._storage.put(self.study / path, path)
            self._say(Stored(path, _digest(self.study / path)))
            return
        for piece in pieces_of(self.study / path, path):
            self._say(piece)

    def _download(self, path: str, part: Path) -> None:
        with part.open("wb") as file:
            last = False
            while not last:
                piece = self._say(Wanted(path, file.tell()))
                file.write(piece.data)
                last = piece.last


def _is_marked(study: Path, nonce: str) -> bool:
    """Whether a folder is the study's, and its checkpoints would be sealed with the same key here as there."""
    try:
        with (study / _MARKER).open("rb") as file:
            said = file.read()
            return said.startswith(nonce.encode()) and (is_sealed(file) or (key() is None and said == nonce.encode()))
    except OSError:
        return False


def _part_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _arrived(part: Path, path: Path) -> None:
    """Lets a file appear, whole; a checkpoint under the seal of this side."""
    try:
        if path.parent.name == "checkpoints":
            write_whole(path, lambda file: _resealed(part, file))
            part.unlink()
            return
        with part.open("rb") as file:
            os.fsync(file.fileno())  # before the rename: a reference must never dangle
        part.replace(path)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise _refused(path, error) from error


def _resealed(source: Path, target: Path) -> None:
    with source.open("rb") as old, target.open("wb") as new:
        copy_sealed(old, new)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return digest(file)


def _own_folder() -> Path:
    """A folder of this process; those of processes that were killed are removed."""
    for left in glob.glob(str(Path(tempfile.gettempdir()) / f"{_PREFIX}*")):
        pid = left.rpartition(_PREFIX)[2].partition("-")[0]
        if pid.isdecimal() and not _lives(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
