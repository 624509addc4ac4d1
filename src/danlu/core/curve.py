"""Curve: what one trial reported, step by step, in columns.

A curve is a value: `append` returns a longer one and leaves the old one as it was. The columns behind it are shared by
all prefixes of one curve, so that n appends cost O(n) time and memory; only an append to an older prefix copies, and
that only if it differs from what came there.
"""

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

_NAN = math.nan


class _Columns:
    """Steps, seconds, entries and metrics of equal length; a metric that a report lacks is NaN there."""

    __slots__ = ("elapsed", "entries", "metrics", "steps")

    def __init__(self) -> None:
        self.steps, self.elapsed, self.entries = array("q"), array("d"), array("q")
        self.metrics: dict[str, array[float]] = {}

    def copy(self, length: int) -> "_Columns":
        twin = _Columns()
        twin.steps, twin.elapsed, twin.entries = self.steps[:length], self.elapsed[:length], self.entries[:length]
        twin.metrics = {name: column[:length] for name, column in self.metrics.items()}
        return twin

    def append(self, step: int, elapsed: float, metrics: Mapping[str, float], entry: int) -> None:
        for name in metrics:
            if name not in self.metrics:
                self.metrics[name] = array("d", [_NAN]) * len(self.steps)
        for name, column in self.metrics.items():
            column.append(metrics.get(name, _NAN))
        self.steps.append(step)
        self.elapsed.append(elapsed)
        self.entries.append(entry)

    def at(self, k: int) -> dict[str, float]:
        return {name: column[k] for name, column in self.metrics.items() if column[k] == column[k]}

    def holds(self, k: int, step: int, elapsed: float, metrics: Mapping[str, float], entry: int) -> bool:
        """Whether the k-th report is this one, number for number."""
        if self.steps[k] != step or self.elapsed[k] != elapsed or self.entries[k] != entry:
            return False
        return self.at(k) == {name: value for name, value in metrics.items() if value == value}


class Curve:
    """The reports of one trial in order of their steps.

    `len(curve)` is the number of reports; `curve["loss"]` a metric's values, NaN where a report lacked it.
    """

    __slots__ = ("_columns", "_length")

    def __init__(self, columns: _Columns | None = None, length: int = 0) -> None:
        self._columns, self._length = columns, length

    @classmethod
    def of(
        cls, steps: "array[int]", elapsed: "array[float]", entries: "array[int]", metrics: "dict[str, array[float]]"
    ) -> "Curve":
        """The curve of such columns, which become its own; it is what gives these `columns`."""
        columns = _Columns()
        columns.steps, columns.elapsed, columns.entries, columns.metrics = steps, elapsed, entries, metrics
        return cls(columns, len(steps))

    def columns(self) -> "tuple[array[int], array[float], array[int], dict[str, array[float]]]":
        """Steps, seconds since the trial's start, entries, and each metric's values, NaN where a report lacks it."""
        own = (self._columns or _Columns()).copy(self._length)
        return own.steps, own.elapsed, own.entries, {name: own.metrics[name] for name in self.metrics}

    def append(self, step: int, elapsed: float, metrics: Mapping[str, float], entry: int = 0) -> "Curve":
        """The curve with one more report.

        Args:
            step: of the report.
            elapsed: seconds since the trial's start.
            metrics: that were reported.
            entry: position of the journal's entry in which it came.
        """
        columns = self._columns
        if columns is None:
            columns = _Columns()
        elif len(columns.steps) != self._length:  # somebody else continued this prefix
            if columns.holds(self._length, step, elapsed, metrics, entry):
                return Curve(columns, self._length + 1)
            columns = columns.copy(self._length)
        columns.append(step, elapsed, metrics, entry)
        return Curve(columns, self._length + 1)

    def until(self, step: int) -> "Curve":
        """The reports up to and including `step`."""
        if self._columns is None or self.step <= step:
            return self
        return self.first(bisect_right(self._columns.steps, step, 0, self._length))

    def first(self, count: int) -> "Curve":
        """The first `count` reports."""
        return Curve(self._columns, min(count, self._length))

    def place(self, step: int, metric: str | None = None) -> int | None:
        """Index of the first report at or beyond a step, of those that have this metric; None if it has not come."""
        if self._columns is None or self._length == 0 or self.step < step:
            return None
        first = bisect_left(self._columns.steps, step, 0, self._length)
        if metric is None:
            return first
        column = self._columns.metrics.get(metric, ())
        return next((k for k in range(first, min(self._length, len(column))) if column[k] == column[k]), None)

    def entry(self, k: int) -> int:
        """Position of the journal's entry in which the k-th report came, which orders the reports of all trials."""
        return self._columns.entries[k] if self._columns else 0

    def begins(self, other: "Curve") -> bool:
        """Whether the reports of `other` begin with these; O(1) where both go on from the same ones."""
        if self._length > other._length:
            return False
        return self._columns is other._columns or self == other.first(self._length)

    def __len__(self) -> int:
        return self._length

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Curve) and _comparable(self) == _comparable(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Curve({self._length} reports of {', '.join(self.metrics) or 'nothing'})"

    @property
    def step(self) -> int:
        """The last step that was reported; 0 before the first."""
        return self._columns.steps[self._length - 1] if self._columns and self._length else 0

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics in these reports."""
        if self._columns is None:
            return ()
        return tuple(name for name, column in self._columns.metrics.items() if not _all_nan(column, self._length))

    @property
    def steps(self) -> NDArray[np.int64]:
        """Steps, shape (n,), increasing."""
        return np.array(self._columns.steps[: self._length] if self._columns else [], dtype=np.int64)

    @property
    def elapsed(self) -> NDArray[np.float64]:
        """Seconds since the start of the trial at each report, shape (n,)."""
        return np.array(self._columns.elapsed[: self._length] if self._columns else [], dtype=np.float64)

    def __getitem__(self, metric: str) -> NDArray[np.float64]:
        """A metric's values, shape (n,); NaN where a report lacked it."""
        column = self._columns.metrics.get(metric) if self._columns else None
        return np.full(self._length, np.nan) if column is None else np.array(column[: self._length])

    def __iter__(self) -> Iterator[tuple[int, dict[str, float]]]:
        """(step, metrics) of each report in turn."""
        for k in range(self._length):
            yield self._columns.steps[k], self.at(k)  # type: ignore[union-attr]

    def at(self, k: int) -> dict[str, float]:
        """The metrics of the k-th report."""
        return self._columns.at(k) if self._columns else {}

    def last(self, metric: str) -> float | None:
        """The last value of a metric; None if it was never reported."""
        column = self._columns.metrics.get(metric) if self._columns else None
        if column is None:
            return None
        return next((column[k] for k in range(self._length - 1, -1, -1) if column[k] == column[k]), None)


def _all_nan(column: "array[float]", length: int) -> bool:
    return all(value != value for value in column[:length])


def _comparable(curve: Curve) -> object:
    return [(step, metrics) for step, metrics in curve]


EMPTY = Curve()
"""The curve of a trial that has reported nothing."""
