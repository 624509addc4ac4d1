"""Leases by file locks: the operating system gives them back when their holder dies, whatever killed it."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from danlu.errors import StoreError, StudyBusy


class FileLeases:
    """One lock file beside the journal per lease; the holder's name stands in a note next to it."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._held: dict[tuple[str, str], filelock.FileLock] = {}

    def claim(self, study: str, key: str, worker: str) -> None:
        """Takes a lease or raises `StudyBusy`, which says who holds it."""
        path = self._path(study, key)
        lock = filelock.FileLock(path, thread_local=False)
        for file in (path, self._note(path)):
            if file.is_symlink():  # in a study of somebody else; it would be emptied, or written over
                raise StoreError(f"{file} is a link, and leases are files. Remove it.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if (study, key) in self._held:
                raise filelock.Timeout(str(path))
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise StudyBusy(
                f"the study in {self._journal.parent} is being run by {self._holder(path)}. Wait for it, stop it, or "
                f"use another folder. (To add a config to it while it runs: `danlu try`.)"
            ) from None
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror or error}. Make the folder writable.") from error
        self._held[study, key] = lock
        with suppress(OSError):  # a full disk: the lock holds without the note
            self._note(path).write_text(f"{worker} (process {os.getpid()} on {socket.gethostname()})")

    @contextmanager
    def held(self, study: str, key: str, worker: str) -> Iterator[None]:
        """Has a lease meanwhile; raises `StudyBusy` if somebody else has it."""
        is_new = (study, key) not in self._held
        if is_new:
            self.claim(study, key, worker)
        try:
            yield
        finally:
            if is_new:
                self.release(study, key)

    def release(self, study: str, key: str) -> None:
        """Gives a lease back; nothing happens if it is not held."""
        lock = self._held.pop((study, key), None)
        if lock is not None:
            self._note(self._path(study, key)).unlink(missing_ok=True)
            lock.release()

    def close(self) -> None:
        """Gives all leases back."""
        for study, key in list(self._held):
            self.release(study, key)

    def _path(self, study: str, key: str) -> Path:
        return self._journal.with_name(f".{self._journal.stem}.{study}.{key}.lock")

    def _note(self, path: Path) -> Path:
        return path.with_suffix(".holder")

    def _holder(self, path: Path) -> str:
        try:
            return self._note(path).read_text() or "another process"
        except OSError:
            return "another process"
