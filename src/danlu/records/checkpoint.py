"""Checkpoints: any state that a training function can name, written whole or not at all."""

import pickle
import sys
from pathlib import Path
from typing import Any

from danlu.errors import ArtifactError
from danlu.records.files import write_whole


def write_checkpoint(path: Path, state: Any) -> int:
    """Writes the state; returns its size in bytes.

    Uses `torch.save` where torch is loaded, else pickle; `read_checkpoint` tells them apart.

    Raises:
        ArtifactError: the state can't be pickled.
    """

    def write(file: Path) -> None:
        torch = sys.modules.get("torch")
        if torch is not None:
            torch.save(state, file)
        else:
            file.write_bytes(pickle.dumps(state, protocol=pickle.HIGHEST_PROTOCOL))

    try:
        return write_whole(path, write)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise ArtifactError(
            f"this state can't be kept as a checkpoint: {error}. Save state_dict()s and plain data, not open files or lambdas."
        ) from error


def read_checkpoint(path: Path) -> Any:
    """The state that was written; tensors come back on the CPU."""
    if path.read_bytes()[:2] == b"PK":  # torch.save writes a zip archive, pickle does not
        import torch

        return torch.load(path, map_location="cpu", weights_only=False)
    return pickle.loads(path.read_bytes())
