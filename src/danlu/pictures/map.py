"""Map: the objective over two hyperparameters, and the trials in it. Over one, if there is no other: a slice."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, ClassVar

import altair as alt
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from danlu.core.history import History
from danlu.core.trial import Trial
from danlu.errors import DanluError
from danlu.numerics.smoother import Smoother
from danlu.pictures import marks, raster
from danlu.pictures.axis import Axis, across, axis_of, brief, edges, positions, shown, up, value_axis
from danlu.pictures.grid import Levels, Pair, grid_of, is_on
from danlu.pictures.leading import ENOUGH, estimate, leading, ranked
from danlu.pictures.picture import Frame, Picture, Row
from danlu.pictures.slice import draw_slice, slice_frame
from danlu.pictures.style import LIGHT, SEAM, Style, finish, mark_scales, seam

_POINTS = (40, 30)  # places across and up at which the surface is worked out; the image is smooth in between
_NUMBERED = 40  # trials up to which each carries its number
_NEAR = 0.2  # of an axis: the distance from the nearest trial at which the surface has lost 40 % of its colour
_LETTER, _LINE = 0.009, 0.026  # of the picture: width and height of a digit
_LIFT = 0.013  # of the picture: how far a label is lifted over a large mark
_BINS = (48, 32)  # in which many trials are counted
_COLOURS = (0.0, 0.15, 1.3)  # room, free, flat of the colours: a third of the scale must not go to a few bad trials
_WRITTEN = (10, 9)  # columns and rows of a grid up to which its values are written into the cells


@dataclass(frozen=True)
class Map(Picture):
    """The objective over two hyperparameters: its values for a grid, else what a Gaussian process believes.

    Attributes:
        x, y: names of the two hyperparameters; if not given, those that matter most.
    """

    question: ClassVar[str] = "Where is it good, and where has nobody looked?"
    x: str | None = None
    y: str | None = None

    def frame(self, history: History) -> Frame:
        names = self._names(history)
        return _frame(self, history, names) if len(names) == 2 else slice_frame(self, history, names[0])

    def spec(self, frame: Frame, style: Style = LIGHT) -> alt.LayerChart:
        return _draw(frame, style) if "value" in frame.axes else draw_slice(frame, style)

    def _names(self, history: History) -> tuple[str, ...]:
        """The hyperparameters to show: two, or the only one of the space.

        Raises:
            UnknownName: the space has no hyperparameter of that name.
            DanluError: both are the same.
        """
        given = [history.space.known(name) for name in (self.x, self.y) if name is not None]
        if len(given) == 2 and given[0] == given[1]:
            raise DanluError(f"a map needs two hyperparameters, got {given[0]!r} twice. Leave out y, or name another.")
        if len(given) == 2:
            return tuple(given)
        if self.like is not None:
            return tuple(self.like.facts["names"])
        if not given:
            return leading(history)
        other = [name for name in ranked(history) if name not in given][:1]
        return (*given, *other) if self.x is not None else (*other, *given)


def _frame(picture: Map, history: History, names: tuple[str, ...]) -> Frame:
    everything = marks.by_number(history)
    axes = [axis_of(name, history.space[name]) for name in names]
    trials, left_out = marks.placed(everything, axes, names)
    good = [trial for trial in trials if marks.kind_of(trial) == "trial"]
    value = picture.axis("value", value_axis(history.goals[0], np.array([t.loss for t in good]), *_COLOURS))
    points = [tuple(shown(a, t.config[n]) for a, n in zip(axes, names, strict=True)) for t in trials]
    ended = [pair for pair, trial in zip(points, trials, strict=True) if trial.is_finished]
    grid = picture.fact("grid", grid_of(ended, (axes[0].options, axes[1].options)))
    if grid is not None:
        axes = [
            _around(a, levels, [p[k] for p in points]) for k, (a, levels) in enumerate(zip(axes, grid, strict=True))
        ]
    x, y = picture.axis("x", axes[0]), picture.axis("y", axes[1])

    at = dict(zip((trial.number for trial in trials), points, strict=True))
    facts: dict[str, Any] = {"names": names, "grid": grid, "last": max(len(everything) - 1, 1)}
    tables: dict[str, tuple[Row, ...]] = {"surface": (), "cells": (), "density": (), "labels": ()}
    notes = marks.notes_on(history)
    if grid is not None:
        tables["cells"] = tuple(_cells(grid, good, at, x, y, value))
        notes += _notes_on_cells(history, tables["cells"])
    elif len(good) >= ENOUGH:
        smoother = estimate(history, good, value, picture.fact("lengths", None), picture.fact("noise", None))
        tables["surface"] = tuple(_surface(history, smoother, names, x, y, value, [at[t.number] for t in good]))
        facts |= {"lengths": smoother.lengths, "noise": smoother.noise}
        notes.append(_note_on_surface(history))
    elif good:
        notes.append(f"no estimate from fewer than {ENOUGH} trials")
    is_dense = len(trials) > marks.MOST
    if is_dense:
        tables["density"] = tuple(_density(points, x, y))
        notes.append(f"grey dots: how many trials; coloured ones: the best {marks.BEST}")
    last = picture.fact("last", facts["last"])
    tables["trials"] = _rows(history, trials, at, grid, value, is_dense, last)
    if last < _NUMBERED:
        labels = _labels(history, trials, at, grid)
        tables["labels"] = tuple(_apart(labels, x, y) if grid is None else labels)
    elif grid is None and not is_dense:
        notes.append("the later a trial, the stronger its dot")
    notes += marks.notes_on_rest(trials, "", "the estimate" if grid is None else "the cells", is_dense)
    notes += left_out
    if beyond := marks.beyond(trials, value):
        notes.append(f"colours end at {brief(value.bad)}: {marks.plural(beyond, 'trial')} worse")
    kinds = tuple(kind for kind in marks.kinds_in(tables["trials"]) if kind != "trial")
    return Frame(picture.question, tuple(notes), {"x": x, "y": y, "value": value}, tables, kinds, facts)


def _around(axis: Axis, levels: Sequence[Any], tried: Sequence[Any]) -> Axis:
    """The axis from the border of the first cell to that of the last, and to whatever else was tried."""
    if axis.options:
        return axis
    borders = edges(levels, axis)
    low, high = min([borders[0], *tried]), max([borders[-1], *tried])
    ticks = tuple(map(float, levels)) if len(levels) <= 12 else axis.ticks
    return replace(axis, low=low, high=high, ticks=ticks)


def _cells(grid: Levels, good: Sequence[Trial], at: dict[int, Pair], x: Axis, y: Axis, value: Axis) -> list[Row]:
    """One row per cell that has a trial: its borders, the mean of its values, the number of its trials."""
    found: dict[Pair, list[float]] = {}
    for trial in good:
        if is_on(grid, at[trial.number]):
            found.setdefault(at[trial.number], []).append(trial.value or 0.0)
    spans = [_spans(axis, levels) for axis, levels in zip((x, y), grid, strict=True)]
    rows = []
    for cell in sorted(found, key=lambda cell: (grid[1].index(cell[1]), grid[0].index(cell[0]))):
        mean = value.rounded(float(np.mean(found[cell])))
        ends = {"x": spans[0][cell[0]], "y": spans[1][cell[1]]}
        row: Row = {"x": cell[0], "y": cell[1], "v": mean, "value": brief(mean), "trials": len(found[cell])}
        for channel, span in ends.items():
            if span is not None:
                row[f"{channel}1"], row[f"{channel}2"] = span
        rows.append(row)
    return rows


def _spans(axis: Axis, levels: Sequence[Any]) -> dict[Any, tuple[float, float] | None]:
    """Level -> borders of its cells; None for an option, which has a place of its own."""
    if axis.options:
        return dict.fromkeys(levels)
    borders = edges(levels, axis)
    return dict(zip(levels, pairwise(borders), strict=True))


def _notes_on_cells(history: History, cells: Sequence[Row]) -> list[str]:
    most = max((cell["trials"] for cell in cells), default=1)
    if most == 1:
        return ["each cell: the value of one trial"]
    over = _over_others(history)
    return [f"each cell: the mean of its trials, up to {most}" + (f", over {over}" if over else "")]


def _note_on_surface(history: History) -> str:
    over = _over_others(history)
    return (f"mean over {over}, " if over else "") + "as a Gaussian process believes; faded where it knows little"


def _over_others(history: History) -> str:
    others = len(history.space) - 2
    return "" if not others else "the other hyperparameter" if others == 1 else f"the other {others} hyperparameters"


def _surface(
    history: History, smoother: Smoother, names: tuple[str, ...], x: Axis, y: Axis, value: Axis, tried: Sequence[Pair]
) -> list[Row]:
    """Rows of the surface from top to bottom: means, and how well they are known, 0 to 1, from left to right."""
    across, up = (_places(axis, count) for axis, count in zip((x, y), _POINTS, strict=True))
    shown_at = np.array([(i, j) for j in up[::-1] for i in across])
    coordinates = [
        [history.space[name].encode(option) for option in history.space[name].grid(0)] if axis.options else None
        for name, axis in zip(names, (x, y), strict=True)
    ]
    at = shown_at.copy()
    for k, encoded in enumerate(coordinates):
        if encoded is not None:
            at[:, k] = np.asarray(encoded)[(shown_at[:, k] * len(encoded)).astype(int)]
    means, _, explained = smoother.partial([history.space.names.index(name) for name in names], at)
    known = explained * _near(shown_at, np.array([(x.share(a), y.share(b)) for a, b in tried]), (x, y))
    values = np.exp(means) if value.log else value.sign * means
    shape = (len(up), len(across))
    return [
        {"mean": [value.rounded(v) for v in row], "known": [round(k, 2) for k in sure]}
        for row, sure in zip(values.reshape(shape).tolist(), known.reshape(shape).tolist(), strict=True)
    ]


def _places(axis: Axis, count: int) -> NDArray[np.float64]:
    """Middles of equal parts of an axis; of a choice, one for each option."""
    count = len(axis.options) or count
    return (np.arange(count) + 0.5) / count


def _near(at: NDArray[np.float64], tried: NDArray[np.float64], axes: tuple[Axis, Axis]) -> NDArray[np.float64]:
    """1 where a trial is, falling with the distance from the nearest as seen on the picture; shape (m,)."""
    # options are twice the length of an axis apart: none is near another
    scale = np.array([2.0 * len(axis.options) if axis.options else 1.0 for axis in axes])
    distances, _ = cKDTree(tried * scale).query(at * scale)
    return np.asarray(np.exp(-0.5 * (distances / _NEAR) ** 2))


def _density(points: Sequence[Pair], x: Axis, y: Axis) -> list[Row]:
    """Middles of cells and the number of trials in each; empty ones left out."""
    shares = np.array([(x.share(a), y.share(b)) for a, b in points])
    sizes = np.array([len(axis.options) or count for axis, count in zip((x, y), _BINS, strict=True)])
    cells = np.clip((shares * sizes).astype(int), 0, sizes - 1)
    unique, counts = np.unique(cells, axis=0, return_counts=True)
    middles = (unique + 0.5) / sizes
    return [
        {"x": _short(x.at(a), x), "y": _short(y.at(b), y), "trials": int(n)}
        for (a, b), n in zip(middles.tolist(), counts, strict=True)
    ]


def _short(value: Any, axis: Axis) -> Any:
    return value if axis.options else axis.rounded(value)


def _rows(
    history: History, trials: Sequence[Trial], at: dict[int, Pair], grid: Levels | None, value: Axis, is_dense: bool,
    last: int,
) -> tuple[Row, ...]:  # fmt: skip
    """The marks of the trials; of a trial that is a cell of the grid, only what the cell does not say."""
    kinds = [(marks.kind_of(trial), trial) for trial in trials]
    if is_dense:
        best = sorted((t for kind, t in kinds if kind == "trial"), key=lambda t: (t.loss, t.number))[: marks.BEST]
        rest = {kind: marks.thinned([t for k, t in kinds if k == kind], marks.BEST) for kind in ("failed", "running")}
        kinds = [(kind, t) for kind, some in rest.items() for t in some]
        kinds += [("trial", t) for t in sorted(best, key=lambda t: t.number)]
    if grid is not None:
        kinds = [(kind, t) for kind, t in kinds if kind != "trial" or not is_on(grid, at[t.number])]
    numbers = {trial.number for trial in trials}
    kinds += [(kind, trial) for kind, trial in marks.honours(history) if trial.number in numbers]
    return marks.layered(_row(kind, trial, at[trial.number], grid, value, last) for kind, trial in kinds)


def _row(kind: str, trial: Trial, pair: Pair, grid: Levels | None, axis: Axis, last: int) -> Row:
    value = trial.value
    row: Row = {"trial": trial.number, "kind": kind, "value": marks.outcome(trial)} | _at(trial, pair, grid)
    row["age"] = 1.0 if last < _NUMBERED else round(0.45 + 0.55 * min(trial.number / last, 1.0), 2)
    return row | ({"v": axis.rounded(axis.clip(value))} if kind == "trial" and value is not None else {})


def _at(trial: Trial, pair: Pair, grid: Levels | None) -> Row:
    """Where a trial stands; trials of one option are spread, in numbers that have nothing to do with each other."""
    if grid is not None:
        return {"x": pair[0], "y": pair[1], "dx": 0, "dy": 0}
    return {"x": pair[0], "y": pair[1], "dx": marks.spread(trial.number), "dy": marks.spread(7 * trial.number + 3)}


def _labels(history: History, trials: Sequence[Trial], at: dict[int, Pair], grid: Levels | None) -> list[Row]:
    """The trials' numbers; of several at one place, the first two; lifted over the large marks."""
    large = {trial.number for _, trial in marks.honours(history)}
    found: dict[Any, list[Trial]] = {}
    for trial in trials:
        pair = at[trial.number]
        found.setdefault(pair if grid is not None else (pair, trial.number), []).append(trial)
    rows = []
    for same in found.values():
        text = " ".join(str(t.number) for t in same[:2]) + (" …" if len(same) > 2 else "")
        lifted = any(t.number in large for t in same)
        rows.append({"text": text, "lifted": lifted} | _at(same[0], at[same[0].number], grid))
    return rows


def _apart(labels: Sequence[Row], x: Axis, y: Axis) -> list[Row]:
    """Those that can be read: of labels on top of each other the lifted one, else the earliest."""
    kept: list[Row] = []
    places: list[tuple[float, float, float]] = []
    for label in sorted(labels, key=lambda label: not label["lifted"]):
        across = _place(x, label["x"], label["dx"])
        up = _place(y, label["y"], label["dy"]) + _LIFT * label["lifted"]
        width = _LETTER * (len(label["text"]) + 0.5)
        if all(abs(across - a) > (width + w) / 2 or abs(up - u) > _LINE for a, u, w in places):
            kept.append(label)
            places.append((across, up, width))
    return kept


def _place(axis: Axis, value: Any, spread: float) -> float:
    """Where on an axis a trial stands, 0 to 1: around the middle of its option, on it where it is a number."""
    return axis.share(value) + (spread / (2 * len(axis.options)) if axis.options else 0.0)


# drawing ------------------------------------------------------------------------------------------------------------


def _draw(frame: Frame, style: Style) -> alt.LayerChart:
    x, y, value = frame.axes["x"], frame.axes["y"], frame.axes["value"]
    at = positions(x, y, style)
    if frame.facts["grid"] is not None:  # nothing is spread within a cell; the offsets would make its rectangle a dot
        at = {channel: at[channel] for channel in ("x", "y")}
    rows = alt.Chart(alt.InlineData(values=list(frame.tables["trials"]), name="trials"))
    dots = rows.transform_filter("datum.kind == 'trial'")
    size = 60 if frame.facts["last"] < _NUMBERED else 40
    age = alt.Opacity(field="age", type="quantitative", scale=None, legend=None)
    tooltip = [alt.Tooltip(field=name, type="nominal") for name in ("trial", "value", "x", "y")]
    layers: list[Any] = [
        raster.backdrop(_backdrop(frame, style)),
        *_cell_layers(frame, style, at),
        _density_dots(frame, style, at),
        # a ring of paper within a ring of ink: seen on every colour
        dots.mark_circle(size=size * 2.1, color=style.ink, opacity=1).encode(**at, opacity=age),
        dots.mark_circle(size=size, stroke=style.paper, strokeWidth=1.4, opacity=1).encode(
            **at, color=_colour(value, style), opacity=age, tooltip=tooltip
        ),
    ]
    if frame.kinds:
        others = rows.transform_filter("datum.kind != 'trial'")
        layers += [
            seam(others, frame.kinds)
            .mark_point(opacity=1, strokeWidth=5, stroke=style.paper, strokeJoin="round")
            .encode(**at, **SEAM),
            others.mark_point(opacity=1, strokeWidth=1.6).encode(
                **at, **mark_scales(frame.kinds, style), tooltip=tooltip
            ),
        ]
    return finish([*layers, *_texts(frame, style, at)], frame.question, frame.notes, style)


def _backdrop(frame: Frame, style: Style) -> list[dict[str, str]]:
    rows, value = frame.tables["surface"], frame.axes["value"]
    if not rows:
        return []
    shares = np.array([[value.share(value.clip(v)) for v in row["mean"]] for row in rows])
    shares = 1 - shares if value.sign < 0 else shares
    known = np.array([row["known"] for row in rows])
    blocks = (bool(frame.axes["x"].options), bool(frame.axes["y"].options))
    return [{"url": raster.surface(shares, known, style.ramp(raster.bands()), blocks)}]


def _colour(value: Axis, style: Style) -> Any:
    """Colours of column "v", with the legend that says which end is good."""
    codes = style.ramp_codes() if value.sign > 0 else style.ramp_codes()[::-1]
    domain = [value.rounded(value.at(k / (len(codes) - 1)), 6) for k in range(len(codes))]
    is_wide = style.width >= 600
    title = [value.title.split(" (")[0], f"{style.good_is} is good"]
    if value.is_unknown:
        return alt.value(style.faint)
    legend = alt.Legend(
        title=title if is_wide else " · ".join(title),
        orient="right" if is_wide else "top",
        gradientLength=0.6 * style.height if is_wide else 0.6 * style.width,
        labelExpr=value.number,
        **({"values": list(value.ticks)} if value.ticks else {"tickCount": 5}),
    )
    scale = alt.Scale(type="log" if value.log else "linear", domain=domain, range=codes, clamp=True, interpolate="rgb")
    return alt.Color(field="v", type="quantitative", scale=scale, legend=legend)


def _cell_layers(frame: Frame, style: Style, at: dict[str, Any]) -> list[alt.Chart]:
    if frame.facts["grid"] is None:
        return []
    x, y = frame.axes["x"], frame.axes["y"]
    encodings: dict[str, Any] = {**at, "color": _colour(frame.axes["value"], style)}
    if not x.options:
        encodings |= {"x": across(x, style, "x1"), "x2": alt.X2(field="x2")}
    if not y.options:
        encodings |= {"y": up(y, style, "y1"), "y2": alt.Y2(field="y2")}
    inks = _inks(frame, style)
    rows = [row | {"ink": inks[row["x"], row["y"]]} for row in frame.tables["cells"]]
    cells = alt.Chart(alt.InlineData(values=rows, name="cells"))
    tooltip = [alt.Tooltip(field=name, type="nominal") for name in ("value", "trials", "x", "y")]
    layers = [cells.mark_rect(stroke=style.paper, strokeWidth=2, opacity=1).encode(**encodings, tooltip=tooltip)]
    columns, levels = map(len, frame.facts["grid"])
    if columns <= _WRITTEN[0] * style.width / 800 and levels <= _WRITTEN[1]:
        layers += _inked(cells, inks.values(), "value", at, dy=22, size=style.font_size)
    return layers


def _inks(frame: Frame, style: Style) -> dict[Pair, str]:
    """Cell -> colour of letters on it."""
    value = frame.axes["value"]
    shares = {(row["x"], row["y"]): value.share(value.clip(row["v"])) for row in frame.tables["cells"]}
    return {cell: style.ink_on(share if value.sign > 0 else 1 - share) for cell, share in shares.items()}


def _density_dots(frame: Frame, style: Style, at: dict[str, Any]) -> alt.Chart:
    rows = frame.tables["density"]
    most = max((row["trials"] for row in rows), default=1)
    cell = (0.8 * style.width / _BINS[0]) ** 2
    sized = [row | {"size": round(cell * (row["trials"] / most) ** 0.5, 1)} for row in rows]
    size = alt.Size(field="size", type="quantitative", scale=None)
    dots = alt.Chart(alt.InlineData(values=sized, name="density")).mark_circle(
        color=style.ink, fillOpacity=0.35, opacity=1
    )
    drawn: alt.Chart = dots.encode(x=at["x"], y=at["y"], size=size)
    return drawn


def _texts(frame: Frame, style: Style, at: dict[str, Any]) -> list[alt.Chart]:
    """The trials' numbers: in a cell in its own ink, elsewhere with a halo."""
    inks = _inks(frame, style)
    rows = [row | {"ink": inks.get((row["x"], row["y"]))} for row in frame.tables["labels"]]
    labels = alt.Chart(alt.InlineData(values=rows, name="labels"))
    layers = []
    for lifted, dy in (("datum.lifted", -20), ("!datum.lifted", -12)):
        inside = labels.transform_filter(f"{lifted} && datum.ink")
        layers += _haloed(labels.transform_filter(f"{lifted} && !datum.ink"), "text", style, at, dy)
        layers += _inked(inside, inks.values(), "text", at, dy, style.font_size - 2)
    return layers


def _inked(rows: alt.Chart, inks: Iterable[str], field: str, at: dict[str, Any], dy: int, size: int) -> list[alt.Chart]:
    """Text in the colour of its row; a layer for each, as Vega-Lite can't join plain colours and a scale of colours."""
    text = alt.Text(field=field, type="nominal")
    return [
        rows.transform_filter(f"datum.ink == '{ink}'")
        .mark_text(dy=dy, fontSize=size, color=ink)
        .encode(**at, text=text)
        for ink in sorted(set(inks))
    ]


def _haloed(rows: alt.Chart, field: str, style: Style, at: dict[str, Any], dy: int) -> list[alt.Chart]:
    """Text on a seam of paper, so that it can be read on every colour."""
    text, size = alt.Text(field=field, type="nominal"), style.font_size - 2
    ground = rows.mark_text(
        dy=dy, fontSize=size, color=style.paper, stroke=style.paper, strokeWidth=3, strokeJoin="round", opacity=0.85
    )
    return [
        ground.encode(**at, text=text),
        rows.mark_text(dy=dy, fontSize=size, color=style.ink).encode(**at, text=text),
    ]
