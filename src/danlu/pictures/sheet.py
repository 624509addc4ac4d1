"""Sheet: which trial goes into which cell of a contact sheet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from danlu.core.history import History
from danlu.core.trial import Trial
from danlu.pictures.axis import Axis, axis_of, brief, shown
from danlu.pictures.grid import Levels, Pair, grid_of, is_on
from danlu.pictures.marks import plural

Place = tuple[int, int]
"""Column from the left, row from the top."""

_SORTED = 64  # trials up to which each has a cell; beyond, cells are ranges of values
_RANGES = 8  # columns and rows of these
_WIDE = 1.6  # columns to rows, where a sheet may have any shape


@dataclass(frozen=True)
class Sheet:
    """A contact sheet without its images.

    Attributes:
        x, y: what columns and rows are.
        columns, rows: labels from left to right, and from top to bottom.
        places: trial number -> cell; several may share one.
        note: how the sheet is laid out.
    """

    x: str
    y: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    places: dict[int, Place]
    note: str


def sheet_of(history: History, trials: Sequence[Trial], names: tuple[str, ...]) -> Sheet:
    """The sheet that suits these trials: a grid as it is, a few trials sorted, many in ranges of equal size.

    Args:
        history: whose space they are in.
        trials: by number, each with all of the hyperparameters.
        names: of the hyperparameters of columns and rows, or only one.
    """
    axes = [axis_of(name, history.space[name]) for name in names]
    values = {t.number: tuple(shown(a, t.config[n]) for a, n in zip(axes, names, strict=True)) for t in trials}
    if not trials or len(names) == 1:
        return _in_lines(names, axes, values)
    pairs: dict[int, Pair] = {number: (x, y) for number, (x, y) in values.items()}
    grid = grid_of(list(pairs.values()), (axes[0].options, axes[1].options))
    if grid is not None:
        return _as_grid(names, axes, grid, pairs)
    return _sorted(names, axes, pairs) if len(trials) <= _SORTED else _in_ranges(names, axes, pairs)


def _shape(count: int) -> tuple[int, int]:
    """Columns and rows for so many cells."""
    columns = max(1, math.ceil(math.sqrt(_WIDE * count)))
    return columns, max(1, math.ceil(count / columns))


def _in_lines(names: tuple[str, ...], axes: Sequence[Axis], values: dict[int, Any]) -> Sheet:
    columns, rows = _shape(len(values))
    order = sorted(values, key=lambda number: (axes[0].share(values[number][0]), number))
    places = {number: (k % columns, k // columns) for k, number in enumerate(order)}
    note = f"sorted by {names[0]}, from left to right and from top to bottom"
    return Sheet("", "", ("",) * columns, ("",) * rows, places, note)


def _as_grid(names: tuple[str, ...], axes: Sequence[Axis], grid: Levels, pairs: dict[int, Pair]) -> Sheet:
    """Columns ascend to the right, rows upwards, as on a map; options of rows read downwards."""
    across, down = grid[0], grid[1] if axes[1].options else grid[1][::-1]
    beside = [number for number, pair in pairs.items() if not is_on(grid, pair)]
    places = {n: (across.index(x), down.index(y)) for n, (x, y) in pairs.items() if is_on(grid, (x, y))}
    columns, note = tuple(map(brief, across)), "each cell is a cell of the grid"
    if beside:  # one more column for what was tried beside the grid: the default, say
        first = beside[: len(down)]
        places |= {number: (len(across), k) for k, number in enumerate(first)}
        columns += ("beside",)
        note = f"last column: {plural(len(first), 'trial')} beside the grid"
        if len(first) < len(beside):
            note += f", of {len(beside)}"
    return Sheet(names[0], names[1], columns, tuple(map(brief, down)), places, note)


def _sorted(names: tuple[str, ...], axes: Sequence[Axis], pairs: dict[int, Pair]) -> Sheet:
    """Each trial in a cell: cut by the one hyperparameter into columns, each of them sorted by the other."""
    count, rows = _shape(len(pairs))
    order = sorted(pairs, key=lambda number: (axes[0].share(pairs[number][0]), number))
    groups = [group.tolist() for group in np.array_split(np.array(order), count) if len(group)]
    places: dict[int, Place] = {}
    labels: list[str] = []
    for i, group in enumerate(groups):
        column = sorted(group, key=lambda number: (-axes[1].share(pairs[number][1]), number))
        places |= {number: (i, j) for j, number in enumerate(column)}
        labels.append(_range(pairs[group[0]][0], pairs[group[-1]][0]))
    note = f"columns: groups by {names[0]}; in each, {names[1]} falls from top to bottom"
    height = max(map(len, groups))
    return Sheet(names[0], f"{names[1]} →", tuple(labels), ("",) * min(rows, height), places, note)


def _in_ranges(names: tuple[str, ...], axes: Sequence[Axis], pairs: dict[int, Pair]) -> Sheet:
    """Cells are ranges of both hyperparameters, each range with as many trials as the others."""
    cuts = [_cut(axis, [pair[k] for pair in pairs.values()]) for k, axis in enumerate(axes)]
    (across, columns), (up, rows) = cuts
    down = len(rows) - 1
    places = {number: (across[x], up[y] if axes[1].options else down - up[y]) for number, (x, y) in pairs.items()}
    labels = tuple(rows) if axes[1].options else tuple(rows[::-1])
    return Sheet(names[0], names[1], tuple(columns), labels, places, "cells: ranges with equal numbers of trials")


def _cut(axis: Axis, values: Sequence[Any]) -> tuple[dict[Any, int], list[str]]:
    """Value -> number of its range, and the ranges' labels; a range never parts equal values."""
    levels = sorted(set(values), key=axis.share)
    if len(levels) <= _RANGES or axis.options:
        return {value: k for k, value in enumerate(levels)}, [brief(value) for value in levels]
    ordered = sorted(values, key=axis.share)
    starts = sorted({ordered[len(ordered) * k // _RANGES] for k in range(_RANGES)}, key=axis.share)
    found = {value: int(np.searchsorted(starts, value, side="right")) - 1 for value in levels}
    groups = [[value for value in levels if found[value] == k] for k in range(len(starts))]
    return found, [_range(group[0], group[-1]) for group in groups]


def _range(low: Any, high: Any) -> str:
    first, last = (brief(float(f"{v:.2g}")) if isinstance(v, (int, float)) else str(v) for v in (low, high))
    return first if first == last else f"{first} – {last}"
