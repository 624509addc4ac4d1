r"""Lines: what a program prints, as readings.

Text comes in pieces, cut anywhere. A line ends at a newline; a carriage return or a row of backspaces, with which a
progress bar is drawn again, ends one too, so each drawing is read. Escape codes are dropped.

What holds from line to line: the last counts (a `Test set: accuracy 0.9` after `Epoch 3` belongs to epoch 3), until a
larger unit moves on; a section that a line has opened (`Validation:`), until a line without metrics; the names above a
table. Of a pass over the data that isn't finished, a progress bar within an epoch or a validation tells nothing.
"""

import re
from collections.abc import Iterable

from danlu.programs.jsonlines import numbers
from danlu.programs.line import Said, heading, is_held_out, said
from danlu.programs.naming import normal
from danlu.programs.pattern import compiled
from danlu.programs.reading import Reading
from danlu.programs.steps import Steps, parted, rank
from danlu.programs.table import Table, pair
from danlu.programs.vocabulary import means_metric

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]?")
_ENDS = re.compile(r"[\n\r\b]+")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BOXES = str.maketrans("│┃║", "|||")
_LONGEST = 1 << 16  # characters that a line may have
_SPOKEN = 1 << 12  # unless it is JSON: nobody prints metrics in longer ones, and searching them takes long


class Lines:
    """Readings of a program's output, piece by piece.

    With a pattern only lines that match it give metrics; counts are found on all lines. Without one, metrics are found
    in common formats (see `line`).
    """

    def __init__(self, pattern: str | None = None, wanted: Iterable[str] = ()) -> None:
        """Begins with no text.

        Args:
            pattern: of lines that hold metrics, see `pattern`.
            wanted: metrics that are asked for; found whatever their names are.
        """
        self._pattern = None if pattern is None else compiled(pattern)
        self._wanted = frozenset(filter(None, map(normal, wanted)))
        self._text: list[str] = []  # of the line that has not ended
        self._length = 0
        self._steps = Steps()
        self._before: dict[str, float] = {}
        self._section, self._table = "", Table()
        self._drawn: dict[str, float] = {}

    def feed(self, text: str) -> list[Reading]:
        """What the lines say that end in this piece."""
        *ended, rest = _ENDS.split(text)
        found: list[Reading] = []
        for piece in ended:
            self._add(piece)
            found += self.end()
        self._add(rest)
        return found

    def end(self) -> list[Reading]:
        """What the line says that has not ended, as if it had."""
        line, length = "".join(self._text), self._length
        self._text, self._length = [], 0
        if length > _LONGEST or not line:
            return []
        plain = _CONTROLS.sub("", _ESCAPES.sub("", line)).translate(_BOXES).strip()
        return self._line(plain) if plain else []

    def _add(self, piece: str) -> None:
        self._length += len(piece)
        if piece and self._length <= _LONGEST:
            self._text.append(piece)

    def _line(self, line: str) -> list[Reading]:
        if self._pattern is None:
            return self._tell(self._found(line))
        found = self._found(line)
        matched = list(self._pattern.found(line)) or [({}, {})]
        return [r for counts, metrics in matched for r in self._tell(Said(found.counts | counts, metrics))]

    def _found(self, line: str) -> Said:
        """What a line says in one of the common formats."""
        if record := numbers(line):
            counts, metrics = parted(record)
            spoken = counts or any(means_metric(name) or name in self._wanted for name in metrics)
            return Said(counts, metrics if spoken else {})
        if len(line) > _SPOKEN:
            return Said()
        if row := self._table.row(line, self._wanted):
            return Said(*row)
        if entry := pair(line):
            return Said(*parted(dict([entry])))
        return self._spoken(line)

    def _spoken(self, line: str) -> Said:
        opened = heading(line)
        found = said(line, self._wanted, self._section)
        self._section = opened or (self._section if found.metrics else "")
        if is_held_out(found.section) or (found.is_bar and ("epoch" in found.counts or "epoch" in self._before)):
            found.counts.pop("batch", None)
            if found.part < 1.0:
                found.metrics = {}
        if found.is_bar:  # a bar still shows what the last validation gave
            found.metrics = {name: v for name, v in found.metrics.items() if self._drawn.get(name) != v}
            self._drawn |= found.metrics
        return found

    def _tell(self, found: Said) -> list[Reading]:
        for name, value in sorted(found.counts.items(), key=lambda item: rank(item[0])):
            if self._before.get(name) != value:
                self._before = {n: v for n, v in self._before.items() if rank(n) <= rank(name)}
            self._before[name] = value
        return self._steps.readings(found.counts, found.metrics, self._before)
