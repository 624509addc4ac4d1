"""JSON lines: metrics in a file with one JSON object on each line."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from danlu.programs.files import Files, Once
from danlu.programs.growing import Growing
from danlu.programs.reading import Reading
from danlu.programs.steps import Steps, parted

_DEPTH = 8  # of objects within objects


class JsonLines:
    """The numbers in the objects of a file, or of all files of a pattern, while they grow.

    Objects within objects are read as `outer/inner`. Lines that are no JSON object are passed over.
    """

    def __init__(self, pattern: str | Path) -> None:
        self._files = Files(pattern, "*.jsonl", Growing)
        self._steps: dict[Path, Steps] = {}
        self._once: dict[Path, Once] = {}

    def read(self) -> list[Reading]:
        return [reading for file in self._files.followed() for reading in self._of(file, last=False)]

    def close(self) -> list[Reading]:
        return [reading for file in self._files.followed(last=True) for reading in self._of(file, last=True)]

    def _of(self, file: Growing, last: bool) -> list[Reading]:
        before = file.restarts
        lines = file.lines(last)
        steps, once = self._steps.setdefault(file.path, Steps()), self._once.setdefault(file.path, Once())
        if file.restarts != before:
            once.restart()
        found: list[Reading] = []
        for line in lines:
            counts, metrics = parted(numbers(line))
            if metrics and once.is_new((tuple(counts.items()), tuple(map(str, metrics.items())))):
                found += steps.readings(counts, metrics)
        return found


def numbers(line: str) -> dict[str, float]:
    """All numbers in a line that is a JSON object, by their names; empty where it is none."""
    line = line.strip()
    if not (line.startswith("{") and line.endswith("}")):
        return {}
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return dict(_flat(value, "", _DEPTH)) if isinstance(value, dict) else {}


def _flat(record: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, float]]:
    for name, value in record.items():
        if isinstance(value, dict) and depth:
            yield from _flat(value, f"{prefix}{name}/", depth - 1)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            with suppress(OverflowError):  # a whole number of more than 308 digits
                yield prefix + name, float(value)
