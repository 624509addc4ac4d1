"""Writing files so that they are there whole or not at all."""

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from danlu.errors import StoreError

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_LOCKED = {errno.EROFS, errno.EACCES, errno.EPERM}


def write_whole(path: Path, write: Callable[[Path], object], durable: bool = True) -> int:
    """Writes a file under a temporary name, then renames it; returns its size in bytes.

    A reader, and a resume after a crash, sees the old file or the new one. `durable` also waits for the disk.

    Raises:
        StoreError: the disk is full or read-only. Other errors of `write` come as they are.
    """
    try:
        return _written(path, write, durable)
    except OSError as error:
        remedy = storage_remedy(error)
        if remedy is None:
            raise
        raise StoreError(f"{path}: {error.strerror}. {remedy}") from error


def is_full(error: OSError) -> bool:
    """Whether an error says that the disk, the quota, or a limit to the size of files is exhausted."""
    return error.errno in _FULL


def storage_remedy(error: OSError) -> str | None:
    """What to do about an error that is the disk's and not the file's; None for any other."""
    if is_full(error):
        return "Free some space and start again: nothing that was acknowledged is lost."
    if error.errno in _LOCKED:
        return "Make the folder writable, or choose another one."
    return None


def _written(path: Path, write: Callable[[Path], object], durable: bool) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    # the ending stays: libraries choose the format by it
    handle, name = tempfile.mkstemp(suffix=path.suffix, prefix=f".{path.stem}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes files private
        if durable:
            _sync(temporary)  # before the rename: a reference must never dangle
        temporary.replace(path)
        if durable:
            _sync(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path.stat().st_size


def write_text(path: Path, text: str) -> int:
    """Writes text so that it is there whole or not at all."""
    return write_whole(path, lambda file: file.write_text(text, encoding="utf-8"))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows can't open a folder
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
