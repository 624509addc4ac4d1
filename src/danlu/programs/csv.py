"""CSV: metrics in a table that a program writes, row by row or anew each time."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

from danlu.programs.files import Files, Once
from danlu.programs.growing import Growing
from danlu.programs.number import number
from danlu.programs.reading import Reading
from danlu.programs.steps import Steps, parted

_DELIMITERS = (",", "\t", ";", "|")


class Csv:
    """The numbers in a CSV file with a header, or in all files of a pattern, while they grow.

    Empty cells are left out, so rows that hold the training's and the validation's metrics of one step in turn, as
    Lightning writes them, are what they mean. A file that is rewritten tells its new rows only.
    """

    def __init__(self, pattern: str | Path) -> None:
        self._files = Files(pattern, "*.csv", Growing)
        self._tables: dict[Path, _Table] = {}

    def read(self) -> list[Reading]:
        return self._all(last=False)

    def close(self) -> list[Reading]:
        return self._all(last=True)

    def _all(self, last: bool) -> list[Reading]:
        files = self._files.followed(last)
        return [r for file in files for r in self._tables.setdefault(file.path, _Table(file)).rows(last)]


@dataclass
class _Table:
    """One file; `header` is None until it has one."""

    file: Growing
    header: list[str] | None = None
    delimiter: str = ","
    steps: Steps = field(default_factory=Steps)
    once: Once = field(default_factory=Once)

    def rows(self, last: bool) -> list[Reading]:
        before = self.file.restarts
        lines = self.file.lines(last)
        if self.file.restarts != before:
            self.header = None
            self.once.restart()
        found: list[Reading] = []
        if lines and self.header is None:
            self._begin(self.file.first())
        for line in lines:
            if self.header is None:
                self._begin(line)
            else:
                found += self._row(self._cells(line))
        return found

    def _begin(self, line: str) -> None:
        """Takes a line for the header, unless it is a comment or empty."""
        line = line.strip().lstrip("\ufeff")
        if line and not line.startswith("#{"):
            self.delimiter = max(_DELIMITERS, key=line.count)
            self.header = self._cells(line.lstrip("# "))

    def _cells(self, line: str) -> list[str]:
        try:
            return [cell.strip() for cell in next(csv.reader([line], delimiter=self.delimiter), [])]
        except csv.Error:  # a cell longer than any number
            return []

    def _row(self, cells: list[str]) -> list[Reading]:
        if cells == self.header or self.header is None:  # appended by a second run
            return []
        pairs = ((name, number(cell)) for name, cell in zip(self.header, cells, strict=False) if name)
        counts, metrics = parted({name: value for name, value in pairs if value is not None})
        if not metrics or not self.once.is_new((tuple(counts.items()), tuple(map(str, metrics.items())))):
            return []
        return self.steps.readings(counts, metrics)
