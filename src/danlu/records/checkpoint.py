"""Checkpoints: any state that a training function can name, written whole or not at all; and how they are removed.

A state is a pickle, by itself or inside an archive of PyTorch's. One that this user's Danlu has written, as its `seal`
shows, is loaded whatever it holds. Of any other, as in a study that somebody else sent, only tensors, arrays and plain
data are: what would call anything else is refused before it is called.
"""

import _codecs
import io
import os
import pickle
import re
import shutil
import stat
import sys
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from danlu.errors import ArtifactError
from danlu.records.files import write_whole
from danlu.records.folder import Folder
from danlu.records.inside import is_inside
from danlu.records.seal import Sealing, copy_sealed, is_sealed

_SAFE_TORCH = (2, 6)  # before it, weights_only=True could be got round: CVE-2025-32434


def write_checkpoint(path: Path, state: Any) -> int:
    """Writes the state; returns its size in bytes.

    Uses `torch.save` where torch is loaded, else pickle; `read_checkpoint` tells them apart.

    Raises:
        ArtifactError: the state can't be pickled.
        StoreError: the disk is full or read-only.
    """

    def write(file: Path) -> None:
        with file.open("wb") as opened:  # Python's own, since PyTorch's writer forgets why the disk refused
            sealing = Sealing(opened)
            torch = sys.modules.get("torch")
            if torch is not None:
                _torch_save(torch, state, sealing)
            else:
                sealing.write(pickle.dumps(state, protocol=pickle.HIGHEST_PROTOCOL))
            sealing.seal()

    try:
        size = write_whole(path, write)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise ArtifactError(
            f"this state can't be kept as a checkpoint: {error}. Save state_dict()s and plain data, not open files or "
            f"lambdas."
        ) from error
    with suppress(OSError):  # where the umask lets a group write: what only its owner can change need not be read twice
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~(stat.S_IWGRP | stat.S_IWOTH))
    return size


def _torch_save(torch: ModuleType, state: Any, file: Sealing) -> None:
    try:
        torch.save(state, file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def read_checkpoint(path: Path) -> Any:
    """The state that was written; tensors come back on the CPU.

    Raises:
        ArtifactError: it is not under this user's seal, and holds more than tensors, arrays and plain data.
    """
    with path.open("rb") as file:
        # what others could change between the check and the load is read once, and checked in memory
        source = io.BytesIO(file.read()) if _others_can_write(file) else file
        is_own = is_sealed(source)
        is_torch = source.read(2) == b"PK"  # torch.save writes a zip archive, pickle does not
        source.seek(0)
        if is_own:
            return _load(source, is_torch)
        try:
            return _load_plain(source, is_torch)
        except pickle.UnpicklingError as error:
            raise ArtifactError(
                f"{path} does not bear your seal, and holds more than tensors, arrays and plain data, so loading it "
                f"might run somebody else's code ({_called(error)}). If you trust all of the study: "
                f"danlu trust STUDY."
            ) from None


def trust_checkpoint(path: Path) -> bool:
    """Puts a checkpoint under this user's seal, whatever it holds; False if it is already."""
    with path.open("rb") as file:
        if is_sealed(file):
            return False

        def write(target: Path) -> None:
            with target.open("wb") as opened:
                copy_sealed(file, opened)

        write_whole(path, write)
    return True


def _load(file: IO[bytes], is_torch: bool) -> Any:
    if is_torch:
        import torch

        return torch.load(file, map_location="cpu", weights_only=False)
    return pickle.load(file)


def _load_plain(file: IO[bytes], is_torch: bool) -> Any:
    if not is_torch:
        return _Plain(file).load()
    import torch

    if tuple(map(int, torch.__version__.split(".")[:2])) < _SAFE_TORCH:
        raise pickle.UnpicklingError(f"PyTorch {torch.__version__} can't load it safely, 2.6 can")
    with torch.serialization.safe_globals(_arrays()):
        return torch.load(file, map_location="cpu", weights_only=True)


def _arrays() -> list[Any]:
    """What makes arrays of NumPy's, which PyTorch does not know for harmless."""
    import numpy as np
    from numpy.dtypes import BoolDType  # one kind for each type of numbers

    multiarray = sys.modules[np.zeros(1).__reduce__()[0].__module__]
    kinds = [kind for kind in vars(np.dtypes).values() if isinstance(kind, type(BoolDType))]
    return [np.ndarray, np.dtype, multiarray._reconstruct, multiarray.scalar, _codecs.encode, *kinds]


def _called(error: pickle.UnpicklingError) -> str:
    """What an unsafe state would call, as an error tells."""
    found = re.search(r"GLOBAL ([\w.]+)", str(error))
    return f"it calls {found[1]}" if found else str(error).split(". ")[0][:200]


class _Plain(pickle.Unpickler):
    """Loads what plain data and arrays are made of."""

    def find_class(self, module: str, name: str) -> Any:
        if name in _PLAIN.get(module.replace("numpy.core", "numpy._core"), ()):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it calls {module}.{name}")


_PLAIN = {
    "builtins": ("bool", "bytearray", "complex", "dict", "float", "frozenset", "int", "list", "range", "set", "slice",
                 "str", "tuple"),
    "collections": ("Counter", "OrderedDict", "defaultdict", "deque"),
    "numpy": ("dtype", "ndarray"),
    "numpy._core.multiarray": ("_reconstruct", "scalar"),
    "numpy._core.numeric": ("_frombuffer",),
}  # fmt: skip
"""module -> what may be called while plain data and arrays are loaded: it makes values, and does nothing else."""


def _others_can_write(file: IO[bytes]) -> bool:
    status = os.fstat(file.fileno())
    is_own = os.name != "nt" and status.st_uid in (os.geteuid(), 0)
    return not is_own or bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def remove_checkpoints(study: Path, paths: Iterable[str]) -> None:
    """Removes checkpoints by their paths in the study's folder; what can't be removed now is swept later.

    Paths that lead out of the folder are left alone: a journal may come from anywhere.
    """
    for path in paths:
        if is_inside(study, path):
            with suppress(OSError):
                (study / path).unlink(missing_ok=True)


def sweep_checkpoints(study: Path, kept: Iterable[str], running: Collection[int] = ()) -> None:
    """Removes all checkpoints from a study's folder but those that are kept, and what a crash left half written.

    Trials that run are left alone: what they have written and is not yet in the journal looks like an orphan.
    """
    wanted = {study / path for path in kept}
    spared = {Folder(study).trial(number) / "checkpoints" for number in running}
    for path in study.glob("trials/*/checkpoints/*"):
        if path in wanted or path.parent in spared:
            continue
        if is_inside(study, path.relative_to(study).as_posix()):
            with suppress(OSError):
                path.unlink()


def free_space(folder: Path) -> int:
    """Bytes that are free where a folder lies, or will lie."""
    return shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
