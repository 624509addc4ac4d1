"""Seal: shows that a file was written by this user's Danlu, and not changed since.

Checkpoints are pickles, and a pickle is a program: whoever can write one makes its reader run anything. Permissions
don't tell who wrote it, for what comes out of an archive belongs to the one who unpacked it. So a checkpoint ends with
a code over its content, made with a key that only this user can read; without it, no more than tensors and plain data
is loaded (`checkpoint`).

The key is made when it is first needed: `danlu/key` in $XDG_CONFIG_HOME, ~/.config or %APPDATA%, for its owner alone.
Machines that share no home directory need the same key: $DANLU_KEY, 64 hexadecimal digits, is used in its place.

Source: BLAKE2b with a key, RFC 7693, § 2.9; the key is as long as the code.
"""

import hashlib
import hmac
import io
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from danlu.errors import StoreError

_MARK = b"\ndanlu seal 1\n"
_SIZE = 32  # bytes of key and code
LENGTH = len(_MARK) + _SIZE
"""Bytes at the end of a sealed file. `torch.load` and `pickle.load` don't mind what follows a state."""

_PART = 1 << 20


class Sealing:
    """Writes into a file and, at the end, its seal.

    Where no key can be kept, as without a home directory, the file remains unsealed.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, secret = file, key(make=True)
        self._code = None if secret is None else _code(secret)

    def write(self, data: Any) -> int:
        if self._code is not None:
            self._code.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def seal(self) -> None:
        """Ends the file."""
        if self._code is not None:
            self._file.write(_MARK + self._code.digest())


def is_sealed(file: IO[bytes]) -> bool:
    """Whether a file ends with this user's seal over all that comes before; it stands at its beginning afterwards."""
    secret, size = key(), file.seek(0, io.SEEK_END)
    length = _content(file, size)
    if secret is None or length == size:
        file.seek(0)
        return False
    file.seek(length + len(_MARK))
    written, code = file.read(_SIZE), _code(secret)
    file.seek(0)
    while length > 0:
        part = file.read(min(_PART, length))
        code.update(part)
        length -= len(part) or length
    file.seek(0)
    return hmac.compare_digest(written, code.digest())


def copy_sealed(source: IO[bytes], target: IO[bytes]) -> None:
    """Copies a file under this user's seal, without any that it had."""
    sealing = Sealing(target)
    left = _content(source, source.seek(0, io.SEEK_END))
    source.seek(0)
    while left > 0 and (part := source.read(min(_PART, left))):
        sealing.write(part)
        left -= len(part)
    sealing.seal()


def digest(file: IO[bytes]) -> bytes:
    """What tells a file's content from any other; it needs no key, and leaves the seal out."""
    left, code = _content(file, file.seek(0, io.SEEK_END)), hashlib.blake2b(digest_size=_SIZE)
    file.seek(0)
    while left > 0 and (part := file.read(min(_PART, left))):
        code.update(part)
        left -= len(part)
    return code.digest()


def key(make: bool = False) -> bytes | None:
    """This user's key; None if there is none, and none is to be made or can be.

    Raises:
        StoreError: others can read it, or it is no key.
    """
    said = os.environ.get("DANLU_KEY")
    if said:
        return _from_hex(said)
    path = key_path()
    if path is None:
        return None
    if make and not path.exists():
        with suppress(OSError):  # without a home to write to there is no key
            _make(path)
    try:
        found = path.read_bytes()
    except OSError:
        return None
    _check(path, found)
    return found


def key_path() -> Path | None:
    """Where the key is kept; None where nobody is at home."""
    base = os.environ.get("XDG_CONFIG_HOME") or (os.environ.get("APPDATA") if os.name == "nt" else None)
    try:
        return (Path(base) if base else Path.home() / ".config") / "danlu" / "key"
    except RuntimeError:
        return None


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".key.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_SIZE))
        with suppress(FileExistsError):  # another process was faster: its key is the key
            os.link(fresh, path)
    finally:
        fresh.unlink()


def _check(path: Path, found: bytes) -> None:
    if len(found) != _SIZE:
        raise StoreError(f"{path} holds {len(found)} bytes, no key of {_SIZE}. Remove it: a new one is made.")
    status = path.stat()
    if os.name != "nt" and (status.st_mode & 0o077 or status.st_uid not in (os.geteuid(), 0)):
        raise StoreError(
            f"{path} can be read by others, so its seals prove nothing. Remove it: a new one is made, and "
            f"`danlu trust STUDY` seals checkpoints anew."
        )


def _from_hex(said: str) -> bytes:
    try:
        found = bytes.fromhex(said)
    except ValueError:
        found = b""
    if len(found) != _SIZE:
        raise StoreError(f"$DANLU_KEY must be {2 * _SIZE} hexadecimal digits, as `openssl rand -hex {_SIZE}` prints.")
    return found


def _code(secret: bytes) -> "hashlib.blake2b":
    return hashlib.blake2b(key=secret, digest_size=_SIZE, person=b"danlu seal")


def _content(file: IO[bytes], size: int) -> int:
    """Bytes of a file of this size without its seal, whoever's that is."""
    if size < LENGTH:
        return size
    file.seek(size - LENGTH)
    return size - LENGTH if file.read(len(_MARK)) == _MARK else size
