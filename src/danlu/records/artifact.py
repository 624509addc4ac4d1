"""Artifacts: values that a trial leaves in its folder, in the format that the ending of their name says."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danlu.errors import ArtifactError
from danlu.records.files import write_whole

_IMAGES = (".png", ".jpg", ".jpeg", ".webp")
_RESERVED = ("config.json", "log.txt", "checkpoints")
_LONGEST = 200  # bytes: file systems take 255, and a temporary name is longer
_SHAPES = "(H, W), (H, W, 3) or (3, H, W); 1 or 4 channels are fine too"


def write_artifact(folder: Path, name: str, value: Any) -> tuple[Path, int]:
    """Writes a value as folder/name, whole or not at all; returns its path and its size in bytes.

    Raises:
        ArtifactError: the name is unsafe or taken by the trial itself, or its ending does not suit the value.
        StoreError: the disk is full or read-only.
    """
    path = folder / _checked(name)
    if not path.parent.resolve().is_relative_to(folder.resolve()):
        raise ArtifactError(f"{name!r} leads out of the trial's folder, through a link. Choose another name.")
    return path, write_whole(path, _writer(name, value))


def _checked(name: Any) -> PurePosixPath:
    path = PurePosixPath(name) if isinstance(name, str) and name else None
    if path is None or path.is_absolute() or ".." in path.parts or "\\" in name or not path.name.strip("."):
        raise ArtifactError(
            f"{name!r} can't name a file of a trial: use a relative name such as 'samples/step_010.png'."
        )
    if not name.isprintable() or max(len(part.encode()) for part in path.parts) > _LONGEST:
        raise ArtifactError(f"{name!r} can't name a file: use printable signs, and at most {_LONGEST} bytes of them.")
    if path.parts[0].lower() in _RESERVED:
        raise ArtifactError(f"{name!r} is taken: a trial keeps its own {', '.join(_RESERVED)}. Choose another name.")
    return path


def _writer(name: str, value: Any) -> Callable[[Path], object]:
    """The function that writes the value into a file of this ending."""
    ending = PurePosixPath(name).suffix.lower()
    if isinstance(value, os.PathLike):
        source = Path(value)
        if not source.is_file() or not os.access(source, os.R_OK):
            raise ArtifactError(f"{name!r}: there is no file {str(source)!r} to copy, or it can't be read.")
        return lambda path: shutil.copyfile(source, path)
    if isinstance(value, str):
        return lambda path: path.write_text(value, encoding="utf-8")
    if isinstance(value, (bytes, bytearray)):
        return lambda path: path.write_bytes(value)
    if hasattr(value, "savefig"):  # a matplotlib figure
        return lambda path: value.savefig(path, format=ending[1:] or "png", bbox_inches="tight")
    if hasattr(value, "to_dict") and hasattr(value, "save") and hasattr(value, "mark_point"):  # an Altair chart
        return lambda path: value.save(str(path))
    if ending in _IMAGES:
        return _image_writer(name, value, ending)
    if ending == ".npy":
        return _array_writer(name, value)
    if ending == ".npz":
        arrays = (
            {k: as_array(v) for k, v in value.items()} if isinstance(value, Mapping) else {"array": as_array(value)}
        )
        return lambda path: np.savez_compressed(path, **arrays)
    if ending == ".json":
        return _json_writer(name, value)
    raise ArtifactError(
        f"{name!r}: can't keep a {type(value).__name__} under the ending {ending or '(none)'!r}. Images: .png, .jpg; "
        f"arrays and tensors: .npy, .npz; plain data: .json; all else as text, bytes, or the path of a file."
    )


def _array_writer(name: str, value: Any) -> Callable[[Path], object]:
    array = as_array(value)
    if array.dtype == object:
        raise ArtifactError(
            f"{name!r}: a {type(value).__name__} is not an array of numbers. Use .json or a checkpoint."
        )
    return lambda path: np.save(path, array)


def _json_writer(name: str, value: Any) -> Callable[[Path], object]:
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise ArtifactError(f"{name!r}: {error}. JSON takes numbers, texts, lists and dicts of them.") from error
    return lambda path: path.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if hasattr(value, "detach") or isinstance(value, (np.ndarray, np.generic)):
        return as_array(value).tolist()
    raise TypeError(f"a {type(value).__name__} is no plain data")


def as_array(value: Any) -> NDArray[Any]:
    """A tensor of PyTorch, on any device, or whatever NumPy takes, as an array."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if "bfloat16" in str(value.dtype):
            value = value.float()  # NumPy has no such type
        return np.asarray(value.numpy())
    return np.asarray(value)


def _image_writer(name: str, value: Any, ending: str) -> Callable[[Path], object]:
    image = value if hasattr(value, "getbands") else _picture(pixels(name, value))
    if ending in (".jpg", ".jpeg") and image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    return lambda path: image.save(path)


def _picture(array: NDArray[np.uint8]) -> Any:
    from PIL import Image

    return Image.fromarray(array)


def pixels(name: str, value: Any) -> NDArray[np.uint8]:
    """An image as bytes, shape (H, W), (H, W, 3) or (H, W, 4).

    Args:
        name: for the error.
        value: array or tensor, numbers in [0, 1], bytes, or truth values; channels first or last.

    Raises:
        ArtifactError: its shape is not that of one image, or its numbers are not in [0, 1].
    """
    array = as_array(value)
    shape = array.shape
    if array.ndim == 4 and shape[0] == 1:
        array = array[0]
    # channels first, unless the last axis looks like channels and the first does not
    if array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] not in (1, 3, 4):
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or 0 in array.shape or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ArtifactError(f"{name!r}: an image has the shape {_SHAPES}; got {shape}. Attach images one by one.")
    return np.ascontiguousarray(_bytes(name, array))


def _bytes(name: str, array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if not np.issubdtype(array.dtype, np.number) or not np.isfinite(array).all():
        raise ArtifactError(f"{name!r}: an image has finite numbers, got {array.dtype} with NaN or infinite values.")
    low, high = float(array.min()), float(array.max())
    if np.mean((array < -1e-6) | (array > 1 + 1e-6)) > 0.5:
        raise ArtifactError(
            f"{name!r}: numbers of an image lie in [0, 1], or are bytes; got {array.dtype} from {low:.3g} to "
            f"{high:.3g}. Scale it first, or convert it to uint8."
        )
    return np.round(np.clip(array.astype(np.float64), 0, 1) * 255).astype(np.uint8)
