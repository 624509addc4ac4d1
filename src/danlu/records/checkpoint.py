"""Checkpoints: any state that a training function can name, written whole or not at all; and how they are removed."""

import pickle
import shutil
import sys
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from danlu.errors import ArtifactError
from danlu.records.files import write_whole
from danlu.records.folder import Folder


def write_checkpoint(path: Path, state: Any) -> int:
    """Writes the state; returns its size in bytes.

    Uses `torch.save` where torch is loaded, else pickle; `read_checkpoint` tells them apart.

    Raises:
        ArtifactError: the state can't be pickled.
        StoreError: the disk is full or read-only.
    """

    def write(file: Path) -> None:
        torch = sys.modules.get("torch")
        if torch is not None:
            _torch_save(torch, state, file)
        else:
            file.write_bytes(pickle.dumps(state, protocol=pickle.HIGHEST_PROTOCOL))

    try:
        return write_whole(path, write)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise ArtifactError(
            f"this state can't be kept as a checkpoint: {error}. Save state_dict()s and plain data, not open files or "
            f"lambdas."
        ) from error


def _torch_save(torch: ModuleType, state: Any, path: Path) -> None:
    try:
        with path.open("wb") as file:  # a file of Python's, since PyTorch's own writer forgets why the disk refused
            torch.save(state, file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def read_checkpoint(path: Path) -> Any:
    """The state that was written; tensors come back on the CPU."""
    if path.read_bytes()[:2] == b"PK":  # torch.save writes a zip archive, pickle does not
        import torch

        return torch.load(path, map_location="cpu", weights_only=False)
    return pickle.loads(path.read_bytes())


def remove_checkpoints(study: Path, paths: Iterable[str]) -> None:
    """Removes checkpoints by their paths in the study's folder; what can't be removed now is swept later."""
    for path in paths:
        with suppress(OSError):
            (study / path).unlink(missing_ok=True)


def sweep_checkpoints(study: Path, kept: Iterable[str], running: Collection[int] = ()) -> None:
    """Removes all checkpoints from a study's folder but those that are kept, and what a crash left half written.

    Trials that run are left alone: what they have written and is not yet in the journal looks like an orphan.
    """
    wanted = {study / path for path in kept}
    spared = {Folder(study).trial(number) / "checkpoints" for number in running}
    for path in study.glob("trials/*/checkpoints/*"):
        if path not in wanted and path.parent not in spared:
            with suppress(OSError):
                path.unlink()


def free_space(folder: Path) -> int:
    """Bytes that are free where a folder lies, or will lie."""
    return shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
