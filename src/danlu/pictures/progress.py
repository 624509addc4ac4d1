"""Progress: every trial's value in the order of the trials' numbers, and the best so far."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import altair as alt
import numpy as np

from danlu.core.history import History
from danlu.core.trial import Trial
from danlu.pictures import marks, raster
from danlu.pictures.axis import Axis, brief, number_axis, positions, value_axis
from danlu.pictures.picture import Frame, Picture, Row
from danlu.pictures.style import LIGHT, Style, finish, mark_scales

_BINS = (90, 45)  # of the density, across and up: cells of about 8 pixels


@dataclass(frozen=True)
class Progress(Picture):
    """Is it still getting better? Every trial, the best so far, and what the default config gave."""

    question: ClassVar[str] = "Is it still getting better, and is it better than what I had?"

    def frame(self, history: History) -> Frame:
        trials = marks.by_number(history)
        goal = history.goals[0]
        x = self.axis("x", number_axis(max((t.number for t in trials), default=0) + 1))
        y = self.axis("y", value_axis(goal, np.array([t.loss for t in trials if marks.kind_of(t) in _MEASURED])))
        is_dense = len(trials) > marks.MOST
        rows = [_row(kind, trial, y) for kind, trial in _shown(trials, is_dense)]
        rows += [_row(kind, trial, y) for kind, trial in marks.honours(history)]
        notes = [*marks.notes_on(history), *_notes(trials, y, is_dense)]
        return Frame(
            self.question,
            tuple(notes),
            {"x": x, "y": y},
            {
                "trials": marks.layered(rows),
                "steps": tuple(_steps(history, x, y)),
                "labels": tuple(_labels(history, x, y)),
                "density": tuple(_density(trials, x, y)) if is_dense else (),
            },
            marks.kinds_in(rows),
        )

    def spec(self, frame: Frame, style: Style = LIGHT) -> alt.LayerChart:
        x, y = frame.axes["x"], frame.axes["y"]
        at = positions(x, y, style)
        line = alt.Chart(alt.InlineData(values=list(frame.tables["steps"]), name="steps"))
        rows = alt.Chart(alt.InlineData(values=list(frame.tables["trials"]), name="trials"))
        labels = alt.Chart(alt.InlineData(values=list(frame.tables["labels"]), name="labels"))
        layers: list[Any] = [
            _density_layer(frame, style),
            line.mark_rule(strokeDash=[5, 4], color=style.faint, clip=True)
            .transform_filter("datum.kind == 'default'")
            .encode(y=at["y"]),
            line.mark_line(interpolate="step-after", color=style.colour("dot"), strokeWidth=2, clip=True)
            .transform_filter("datum.kind == 'best'")
            .encode(x=at["x"], y=at["y"], order=alt.Order(field="k", type="quantitative")),
            rows.mark_point(opacity=1, strokeWidth=1.3).encode(
                **{**at, **(mark_scales(frame.kinds, style) if frame.kinds else {})},
                tooltip=[alt.Tooltip(field=name, type="nominal") for name in ("trial", "value", "kind")],
            ),
        ]
        for align in ("left", "right"):
            text = labels.transform_filter(f"datum.align == '{align}'")
            for halo in (True, False):
                layers.append(
                    text.mark_text(
                        align=align, dx=8 if align == "left" else -8, dy=13 * y.sign, baseline="middle",
                        fontSize=style.font_size, color=style.paper if halo else style.accent,
                        stroke=style.paper, strokeWidth=4 if halo else 0,
                    ).encode(x=at["x"], y=at["y"], text=alt.Text(field="text", type="nominal"))
                )  # fmt: skip
        return finish(layers, frame.question, frame.notes, style)


_MEASURED = frozenset({"trial", "paused", "stopped early", "breaks a bound"})


def _shown(trials: list[Trial], is_dense: bool) -> list[tuple[str, Trial]]:
    """Kind and trial of what is drawn as a mark of its own."""
    kinds = [(marks.kind_of(trial), trial) for trial in trials]
    if not is_dense:
        return kinds
    found: list[tuple[str, Trial]] = []
    for kind in ("failed", "running"):
        found += [(kind, t) for t in marks.thinned([t for k, t in kinds if k == kind], marks.BEST)]
    best = sorted((t for k, t in kinds if k == "trial"), key=lambda t: (t.loss, t.number))[: marks.BEST]
    return [*found, *(("trial", t) for t in sorted(best, key=lambda t: t.number))]


def _row(kind: str, trial: Trial, y: Axis) -> Row:
    kind, at = marks.height(kind, trial, y)
    return {"trial": trial.number, "x": trial.number, "y": at, "kind": kind, "value": marks.outcome(trial)}


def _steps(history: History, x: Axis, y: Axis) -> list[Row]:
    """Corners of the line of the best so far, up to the last trial; and the height of the default."""
    rows: list[Row] = []
    best = math.inf
    for trial in marks.counted(history):
        if trial.loss < best:
            best = trial.loss
            rows.append({"kind": "best", "k": len(rows), "x": trial.number, "y": y.rounded(y.clip(trial.value or 0.0))})
    if rows:
        last = max(trial.number for trial in history.trials)
        rows.append({"kind": "best", "k": len(rows), "x": last, "y": rows[-1]["y"]})
    default = marks.default_of(history)
    if default is not None and marks.kind_of(default) == "trial":
        rows.append({"kind": "default", "k": 0, "x": x.low, "y": y.rounded(y.clip(default.value or 0.0))})
    return rows


def _labels(history: History, x: Axis, y: Axis) -> list[Row]:
    best = marks.best_of(history)
    if best is None:
        return []
    align = "right" if best.number > (x.low + x.high) / 2 else "left"
    at = y.rounded(y.clip(best.value or 0.0))
    return [{"x": best.number, "y": at, "text": brief(best.value), "align": align}]


def _notes(trials: list[Trial], y: Axis, is_dense: bool) -> list[str]:
    side = "upper" if y.sign > 0 else "lower"
    notes = [f"drawn as density, the best {marks.BEST} as dots"] if is_dense else []
    notes += marks.notes_on_rest(trials, f" at the {side} border", "the line", is_dense)
    if beyond := marks.beyond(trials, y):
        notes.append(f"y axis cut at {brief(y.bad)}: {marks.plural(beyond, 'worse trial')} at the {side} border")
    return notes


def _density(trials: list[Trial], x: Axis, y: Axis) -> list[Row]:
    """Number of trials per cell, columns and rows counted from the lower left; empty cells left out."""
    measured = [t for t in trials if marks.kind_of(t) in _MEASURED and not y.is_beyond(t.value or 0.0)]
    shares = np.array([(x.share(t.number), y.share(y.clip(t.value or 0.0))) for t in measured]).reshape(-1, 2)
    cells = np.clip((shares * _BINS).astype(int), 0, np.array(_BINS) - 1)
    unique, counts = np.unique(cells, axis=0, return_counts=True)
    return [{"i": int(i), "j": int(j), "count": int(n)} for (i, j), n in zip(unique, counts, strict=True)]


def _density_layer(frame: Frame, style: Style) -> alt.Chart:
    rows = frame.tables["density"]
    counts = np.zeros(_BINS[::-1], dtype=np.int64)
    for row in rows:
        counts[_BINS[1] - 1 - row["j"], row["i"]] = row["count"]
    values = [{"url": raster.density(counts, style.dot)}] if rows else []
    return raster.backdrop(values)
