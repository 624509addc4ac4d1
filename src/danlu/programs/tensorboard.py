"""TensorBoard: the scalars of event files, read while they grow.

A name is the tag, with what the run's folder adds: Keras writes `epoch_loss` to folders `train` and `validation`, which
are `train_loss` and `validation_loss` here; `add_scalars("loss", {"val": ...})` writes `loss` to a folder `loss_val`.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

from danlu.programs.files import Files
from danlu.programs.naming import normal
from danlu.programs.reading import Reading
from danlu.programs.records import Field, Records, fields, varints
from danlu.programs.steps import Steps, count
from danlu.programs.vocabulary import SECTIONS

# kind of a tensor's elements -> (format, field of its values); tensorflow/core/framework/types.proto and tensor.proto
_KINDS = {1: ("<f", 5), 2: ("<d", 6), 3: ("<i", 7), 9: ("<q", 10)}


class TensorBoard:
    """The scalars of an event file, of all event files in a folder and below, or of those of a pattern."""

    def __init__(self, pattern: str | Path) -> None:
        self._files = Files(pattern, "*tfevents*", Records)
        self._steps: dict[Path, Steps] = {}

    def read(self) -> list[Reading]:
        return [reading for file in self._files.followed() for reading in self._of(file)]

    def close(self) -> list[Reading]:
        return [reading for file in self._files.followed(last=True) for reading in self._of(file)]

    def _of(self, file: Records) -> Iterator[Reading]:
        steps = self._steps.setdefault(file.path.parent, Steps())
        together: dict[str, float] = {}
        at: dict[str, float] = {}
        for record in file.new():
            for step, tag, value in scalars(record):
                name, counts = self._named(tag, file.path.parent.name), {_unit(tag): float(step)}
                if counts != at or name in together:
                    yield from steps.readings(at, together)
                    at, together = counts, {}
                together |= {name: value} if name else {}
        yield from steps.readings(at, together)

    def _named(self, tag: str, folder: str) -> str:
        """The normal name of a tag; empty for what is no metric, like the epoch that Lightning writes at each step."""
        if count(tag) is not None or tag.startswith("_"):
            return ""
        name, run = normal(tag.removeprefix("epoch_")), normal(folder)
        if run.startswith(f"{name}_"):
            return run
        return f"{run}_{name}" if run in SECTIONS and not set(name.split("_")) & SECTIONS else name


def scalars(record: bytes) -> list[tuple[int, str, float]]:
    """(step, tag, value) of each number in an event; none where it is something else or damaged."""
    try:
        event = dict(fields(record))
        step, summary = event.get(2, 0), event.get(5)
        if not isinstance(step, int) or step >= 2**63 or not isinstance(summary, bytes):
            return []
        found = [_scalar(entry) for number, entry in fields(summary) if number == 1 and isinstance(entry, bytes)]
    except (ValueError, struct.error):
        return []
    return [(step, tag, value) for tag, value in found if value is not None]


def _scalar(entry: bytes) -> tuple[str, float | None]:
    known = dict(fields(entry))
    tag, simple, tensor = known.get(1, b""), known.get(2), known.get(8)
    name = tag.decode("utf-8", errors="replace") if isinstance(tag, bytes) else ""
    if isinstance(simple, bytes) and len(simple) == 4:
        return name, struct.unpack("<f", simple)[0]
    return name, _element(tensor) if isinstance(tensor, bytes) else None


def _element(tensor: bytes) -> float | None:
    """The number in a tensor that holds one; None for all others."""
    known: dict[int, Field] = dict(fields(tensor))
    kind, shape = known.get(1, 0), known.get(2, b"")
    if not isinstance(kind, int) or kind not in _KINDS or _size(shape) != 1:
        return None
    written, number = _KINDS[kind]
    content, values = known.get(4), known.get(number)
    raw = content or values
    if isinstance(raw, bytes) and len(raw) == struct.calcsize(written):
        return float(struct.unpack(written, raw)[0])
    if isinstance(values, bytes) and number >= 7:
        values = next(varints(values), 0)
    if isinstance(values, int):
        return float(values - (values >= 2**63) * 2**64)
    return 0.0 if raw is None else None  # zeros may be left out


def _size(shape: Field) -> int:
    """The number of a tensor's elements."""
    size = 1
    for number, dimension in fields(shape) if isinstance(shape, bytes) else ():
        if number == 2 and isinstance(dimension, bytes):
            length = dict(fields(dimension)).get(1, 0)
            size *= length if isinstance(length, int) else 0
    return size


def _unit(tag: str) -> str:
    return "epoch" if tag.startswith("epoch_") else "step"
