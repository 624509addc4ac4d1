"""Slice: the objective over one hyperparameter; what a map is where there is only one."""

from typing import Any

import altair as alt
import numpy as np

from danlu.core.history import History
from danlu.core.trial import Trial
from danlu.numerics.smoother import Smoother
from danlu.pictures import marks
from danlu.pictures.axis import Axis, axis_of, brief, positions, shown, up, value_axis
from danlu.pictures.leading import ENOUGH, estimate
from danlu.pictures.picture import Frame, Picture, Row
from danlu.pictures.style import Style, finish, mark_scales

_POINTS = 120  # of the line


def slice_frame(picture: Picture, history: History, name: str) -> Frame:
    """Value over hyperparameter: the trials; a line and a band of two standard deviations where five have ended."""
    everything = marks.by_number(history)
    x = picture.axis("x", axis_of(name, history.space[name]))
    trials, left_out = marks.placed(everything, [x], [name])
    good = [trial for trial in trials if marks.kind_of(trial) == "trial"]
    y = picture.axis("y", value_axis(history.goals[0], np.array([t.loss for t in good])))
    facts: dict[str, Any] = {"names": (name,)}
    line: list[Row] = []
    notes = marks.notes_on(history)
    if len(good) >= ENOUGH and not x.options:
        smoother = estimate(history, good, y, picture.fact("lengths", None), picture.fact("noise", None))
        line = _line(smoother, history.space.names.index(name), x, y)
        facts |= {"lengths": smoother.lengths, "noise": smoother.noise}
        notes.append("line: mean, as a Gaussian process believes; band: two standard deviations of it")
    elif good and not x.options:
        notes.append(f"no line from fewer than {ENOUGH} trials")
    is_dense = len(trials) > marks.MOST
    if is_dense:
        drawn = marks.thinned(trials, marks.MOST)
        notes.append(f"an even choice of {marks.MOST} trials is drawn")
    else:
        drawn = trials
    rows = [_row(marks.kind_of(trial), trial, name, x, y) for trial in drawn]
    numbers = {trial.number for trial in trials}
    rows += [_row(kind, trial, name, x, y) for kind, trial in marks.honours(history) if trial.number in numbers]
    side = "upper" if y.sign > 0 else "lower"
    notes += marks.notes_on_rest(trials, f" at the {side} border", "the line")
    notes += left_out
    if beyond := marks.beyond(trials, y):
        notes.append(f"y axis cut at {brief(y.bad)}: {marks.plural(beyond, 'worse trial')} at the {side} border")
    tables = {"trials": marks.layered(rows), "line": tuple(line)}
    return Frame(picture.question, tuple(notes), {"x": x, "y": y}, tables, marks.kinds_in(rows), facts)


def draw_slice(frame: Frame, style: Style) -> alt.LayerChart:
    """The chart of a slice."""
    at = positions(frame.axes["x"], frame.axes["y"], style)
    line = alt.Chart(alt.InlineData(values=list(frame.tables["line"]), name="line"))
    rows = alt.Chart(alt.InlineData(values=list(frame.tables["trials"]), name="trials"))
    ends = {"x": at["x"], "y": up(frame.axes["y"], style, "low"), "y2": alt.Y2(field="high")}
    tooltip = [alt.Tooltip(field=name, type="nominal") for name in ("trial", "value", "x")]
    marked = {**at, **(mark_scales(frame.kinds, style) if frame.kinds else {})}
    layers = [
        line.mark_area(color=style.dot, opacity=0.18, clip=True).encode(**ends),
        line.mark_line(color=style.dot, strokeWidth=2, clip=True).encode(x=at["x"], y=at["y"]),
        rows.mark_point(opacity=1, strokeWidth=1.4).encode(**marked, tooltip=tooltip),
    ]
    return finish(layers, frame.question, frame.notes, style)


def _line(smoother: Smoother, h: int, x: Axis, y: Axis) -> list[Row]:
    shares = np.linspace(0.0, 1.0, _POINTS)
    means, stds, _ = smoother.partial([h], shares[:, None])
    rows = []
    for share, mean, std in zip(shares.tolist(), means.tolist(), stds.tolist(), strict=True):
        values = [float(np.exp(m)) if y.log else y.sign * m for m in (mean, mean - 2 * std, mean + 2 * std)]
        middle, low, high = (y.rounded(y.clip(value)) for value in values)
        rows.append({"x": x.rounded(x.at(share), 5), "y": middle, "low": low, "high": high})
    return rows


def _row(kind: str, trial: Trial, name: str, x: Axis, y: Axis) -> Row:
    kind, at = marks.height(kind, trial, y)
    return {
        "trial": trial.number, "kind": kind, "value": marks.outcome(trial), "x": shown(x, trial.config[name]), "y": at,
        "dx": marks.spread(trial.number),
    }  # fmt: skip
