"""Table: metrics in columns under a line of names, as fastai, skorch and Ultralytics print them."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from danlu.programs.naming import normal
from danlu.programs.number import number
from danlu.programs.steps import count
from danlu.programs.vocabulary import means_metric, means_other

_NAME = re.compile(r"[^\W\d](?:[\w@/.%-]|[:.](?=[\w.])|\([^\W\d]\w*\)?|\))*")
_BAR = re.compile(r":?\s+\d+%.*$")
_FIRST = re.compile(r"(\d+)(?:/\d+)?")
_ALL = ("all", "total", "mean", "avg", "average", "overall")
_EDGES = re.compile(r"^\s*\|?|\|?\s*$")


@dataclass
class Table:
    """The last line of names, under which rows are read until another line comes that is none."""

    names: list[str] = field(default_factory=list)

    def row(self, line: str, wanted: Collection[str] = ()) -> tuple[dict[str, float], dict[str, float]] | None:
        """Counts and metrics of a row; None where the line is no row (it may be the names of the next)."""
        cells = _cells(line)
        if self._takes_names(cells, wanted):
            return None
        if len(cells) < 2 or set(line) <= set("-=+| \t"):
            return None
        if len(cells) != len(self.names):
            return None
        pairs = [(name, _cell(cell)) for name, cell in zip(self.names, cells, strict=True)]
        if number(cells[0]) is None and not _FIRST.fullmatch(cells[0]) and cells[0].lower() not in _ALL:
            return None  # one class of many
        numbers = sum(value is not None for _, value in pairs)
        if numbers < (len(pairs) / 2 if len(pairs) > 3 else len(pairs)):
            return None
        found = {name: value for name, value in pairs if value is not None}
        return _parted(found, wanted)

    def _takes_names(self, cells: list[str], wanted: Collection[str]) -> bool:
        names = [normal(cell) for cell in cells]
        if len(cells) < 2 or len(set(names)) < len(names) or not all(_NAME.fullmatch(cell) for cell in cells):
            return False
        if not any(means_metric(name) or name in wanted for name in names) or all(number(c) is not None for c in cells):
            return False
        self.names = cells
        return True


def pair(line: str) -> tuple[str, float] | None:
    """The row `| ep_rew_mean | 20.3 |` of a table that has one name and one number in each row."""
    cells = [cell.strip() for cell in line.strip().split("|")]
    if len(cells) != 4 or cells[0] or cells[3] or not _NAME.fullmatch(cells[1].replace(" ", "_")):
        return None
    value = number(cells[2])
    return None if value is None or means_other(normal(cells[1])) else (cells[1], value)


def _cells(line: str) -> list[str]:
    text = _EDGES.sub("", _BAR.sub("", line))
    return [cell.strip() for cell in (text.split("|") if "|" in text else text.split())]


def _cell(cell: str) -> float | None:
    first = _FIRST.fullmatch(cell)
    return float(first[1]) if first else number(cell)


def _parted(found: dict[str, float], wanted: Collection[str]) -> tuple[dict[str, float], dict[str, float]]:
    counts = {unit: value for name, value in found.items() if (unit := count(name))}
    metrics = {normal(name): value for name, value in found.items() if count(name) is None}
    return counts, {name: value for name, value in metrics.items() if name in wanted or not means_other(name)}
