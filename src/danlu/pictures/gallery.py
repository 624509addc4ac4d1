"""Gallery: the results themselves, as images in rows and columns of two hyperparameters."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import altair as alt
from PIL import Image

from danlu.core.history import History
from danlu.core.trial import File, Trial
from danlu.errors import ArtifactError, DanluError, UnknownName
from danlu.pictures import marks, raster
from danlu.pictures.axis import axis_of, brief
from danlu.pictures.leading import leading, ranked
from danlu.pictures.picture import Frame, Picture, Row
from danlu.pictures.sheet import Place, Sheet, sheet_of
from danlu.pictures.style import LIGHT, MARKS, Style, finish
from danlu.records.inside import inside

_IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
_CAPTION = 21  # pixels under an image
_NARROW = 12  # letters of a caption
_WIDEST = 240  # pixels of a cell: a few images are not blown up to the whole page


@dataclass(frozen=True)
class Gallery(Picture):
    """A contact sheet. A grid is shown as it is; other trials are sorted into columns and rows.

    Attributes:
        rows, columns: names of the two hyperparameters; if not given, those that matter most.
        image: name of the artifact to show; if not given, one called "final...", else the one that most trials have.
        folder: the study's folder, in which the images lie.
        edge: longest side of an image, in pixels; larger ones are made smaller.
    """

    question: ClassVar[str] = "What do the results look like?"
    rows: str | None = None
    columns: str | None = None
    image: str | None = None
    folder: str | Path | None = None
    edge: int = 160

    def frame(self, history: History) -> Frame:
        names = self._names(history)
        image = self._image(history)
        everything = marks.by_number(history)
        trials, left_out = marks.placed(everything, [axis_of(name, history.space[name]) for name in names], names)
        sheet = self.fact("sheet", sheet_of(history, trials, names))
        shown = _best_of_each(trials, sheet)
        best = marks.best_of(history)
        cells, heights = [], []
        for (column, row), trial in sorted(shown.items()):
            cell, height = self._cell(trial, image, trial is best)
            cells.append({"column": column, "row": row} | cell)
            heights += [height] if height else []
        notes = [*marks.notes_on(history), sheet.note] if trials else marks.notes_on(history)
        if hidden := len(trials) - len(shown):
            notes.append(f"{marks.plural(hidden, 'trial')} not shown: the best of each cell is")
        notes += left_out
        if image is None and trials:
            notes.append("no trial has left an image")
        # cells as high as the highest image, within reason
        height = round(min(max(heights, default=0.5), 2.0), 3)
        facts = {"names": names, "image": image, "sheet": sheet, "height": self.fact("height", height)}
        return Frame(self.question, tuple(notes), {}, {"cells": tuple(cells)}, (), facts)

    def spec(self, frame: Frame, style: Style = LIGHT) -> alt.LayerChart:
        return _draw(frame, style)

    def _names(self, history: History) -> tuple[str, ...]:
        """The hyperparameters of columns and rows; only one if the space has only one."""
        given = [history.space.known(name) for name in (self.columns, self.rows) if name is not None]
        if len(given) == 2:
            if given[0] == given[1]:
                raise DanluError(f"a gallery needs two hyperparameters, got {given[0]!r} twice. Leave out one of them.")
            return tuple(given)
        if self.like is not None:
            return tuple(self.like.facts["names"])
        if given:
            other = [name for name in ranked(history) if name not in given][:1]
            return (*given, *other) if self.columns is not None else (*other, *given)
        pair = leading(history)
        tried = [len({t.config[name] for t in history.trials if name in t.config}) for name in pair]
        return pair[::-1] if len(pair) == 2 and tried[1] > tried[0] else pair  # wider than high

    def _image(self, history: History) -> str | None:
        """The artifact to show.

        Raises:
            UnknownName: trials left images, but none of that name.
        """
        names = [file.name for trial in history.trials for file in trial.artifacts if _is_image(file)]
        counts = {name: names.count(name) for name in dict.fromkeys(names)}
        if self.image is not None:
            if counts and self.image not in counts:
                raise UnknownName("image", self.image, list(counts))
            return self.image
        if self.like is not None:
            return self.like.facts["image"]  # type: ignore[no-any-return]
        # of those that as many trials have, the one that was left last: "step_90.png" after "step_10.png"
        last = {name: k for k, name in enumerate(names)}
        return max(counts, key=lambda n: (n.rsplit("/", 1)[-1].startswith("final"), counts[n], last[n]), default=None)

    def _cell(self, trial: Trial, image: str | None, is_best: bool) -> tuple[Row, float | None]:
        """A trial's cell, and the height over the width of its image."""
        kind, outcome = marks.kind_of(trial), marks.outcome(trial)
        has_value = kind not in ("failed", "running")
        row: Row = {
            "trial": trial.number, "url": "", "best": is_best, "wrong": kind == "failed",
            "words": "no image" if has_value else outcome,
            "value": outcome, "caption": f"{trial.number} · {outcome}" if has_value else str(trial.number),
            "config": ", ".join(f"{name} = {brief(value)}" for name, value in trial.config.items()),
        }  # fmt: skip
        file = next((file for file in trial.artifacts if file.name == image), None)
        if file is None:
            return row, None
        try:
            url, aspect = raster.thumbnail(inside(Path(self.folder or "."), file.path), self.edge)
        except (OSError, ArtifactError, Image.DecompressionBombError):
            return row | {"words": "image can't be read"}, None
        return row | {"url": url, "words": ""}, 1 / aspect


def _is_image(file: File) -> bool:
    return file.name.lower().endswith(_IMAGES)


def _best_of_each(trials: Sequence[Trial], sheet: Sheet) -> dict[Place, Trial]:
    """Cell -> its best trial; one with a value before one that runs, and that before one that failed."""
    order = {"trial": 0, "paused": 1, "stopped early": 2, "breaks a bound": 3, "running": 4, "failed": 5}
    found: dict[Place, Trial] = {}
    for trial in sorted(trials, key=lambda t: (order[marks.kind_of(t)], t.loss, t.number)):
        if trial.number in sheet.places:
            found.setdefault(sheet.places[trial.number], trial)
    return found


# drawing ------------------------------------------------------------------------------------------------------------


def _draw(frame: Frame, style: Style) -> alt.LayerChart:
    sheet: Sheet = frame.facts["sheet"]
    style = replace(style, width=min(style.width, max(320, 110 + _WIDEST * len(sheet.columns))))
    left = _left(sheet, style)
    wide = (style.width - left) / len(sheet.columns)
    # in a narrow cell the number stands above the value
    lines = 1 if wide > _NARROW * style.letter else 2
    below = _CAPTION + (lines - 1) * (style.font_size + 2)
    high = (wide - 8) * frame.facts["height"] + below
    angle = 0 if max(map(len, sheet.columns), default=0) * style.letter < wide else -35
    taken = {(cell["column"], cell["row"]) for cell in frame.tables["cells"]}
    empty = [
        {"column": i, "row": j}
        for j in range(len(sheet.rows))
        for i in range(len(sheet.columns))
        if (i, j) not in taken
    ]
    at = {
        "x": alt.X(
            field="column", type="ordinal", scale=_band(len(sheet.columns)), axis=_ruler(sheet.columns, sheet.x, angle)
        ),
        "y": alt.Y(field="row", type="ordinal", scale=_band(len(sheet.rows)), axis=_ruler(sheet.rows, sheet.y, None)),
    }
    rows = [_broken(cell, wide / style.letter, style) for cell in frame.tables["cells"]]
    cells = alt.Chart(alt.InlineData(values=rows, name="cells"))
    holes = alt.Chart(alt.InlineData(values=empty, name="empty"))
    up = -below / 2  # images and frames stand that much above the middle of their band
    tooltip = [alt.Tooltip(field=name, type="nominal") for name in ("trial", "value", "config")]
    text: dict[str, Any] = {"fontSize": style.font_size - 1, "limit": wide - 4, "lineBreak": "\n"}
    inside = text | {"baseline": "middle"}
    ink = alt.Color(field="ink", type="nominal", scale=None, legend=None)
    words = at | {"text": alt.Text(field="words", type="nominal"), "color": ink}
    layers: list[Any] = [
        _boxes(holes, at, below, stroke=style.line, strokeDash=[3, 3]),
        _boxes(
            cells.transform_filter("datum.url == ''"), at, below, stroke=style.line, fill=style.line, fillOpacity=0.4
        ),
        cells.transform_filter("datum.url != ''")
        .mark_image(
            width=alt.ExprRef("bandwidth('x') - 8"),
            height=alt.ExprRef(f"bandwidth('y') - {below + 2}"),
            yOffset=up,
            align="center",
            baseline="middle",
        )
        .encode(**at, url=alt.Url(field="url", type="nominal"), tooltip=tooltip),
        cells.transform_filter("!datum.broken").mark_text(**inside, dy=up).encode(**words),
        cells.transform_filter("datum.broken").mark_text(**inside, dy=up - style.font_size / 2).encode(**words),
        _caption(cells.transform_filter("!datum.best"), at, below, style.faint, **text),
        _caption(cells.transform_filter("datum.best"), at, below, style.accent, fontWeight=600, **text),
        _boxes(cells.transform_filter("datum.best"), at, below, stroke=style.accent, strokeWidth=3, fill="transparent"),
        *_stars(cells, at, style, min(14, 0.28 * (wide - 8), 0.28 * (high - below))),
    ]
    return finish(layers, frame.question, frame.notes, style, round(high * len(sheet.rows)))


def _band(count: int) -> alt.Scale:
    return alt.Scale(type="band", domain=list(range(count)), padding=0)


def _ruler(labels: Sequence[str], title: str, angle: int | None) -> alt.Axis:
    turned: dict[str, Any] = {} if angle is None else {"labelAngle": angle}
    return alt.Axis(
        title=title or None, ticks=False, domain=False, labelPadding=6, **turned,
        labelExpr=f"({json.dumps(list(labels))})[datum.value]", labelOverlap=False,
    )  # fmt: skip


def _left(sheet: Sheet, style: Style) -> float:
    """Pixels beside the cells: padding on both sides, the name of the rows, their labels."""
    labels = max(map(len, sheet.rows), default=0)
    return 24 + (style.font_size + 12 if sheet.y else 0) + (style.letter * labels + 8 if labels else 0)


def _broken(cell: Row, letters: float, style: Style) -> Row:
    """The cell with the colour of its words; they and the caption take two lines where the cell is narrow."""
    words, caption = cell["words"], cell["caption"]
    if letters <= len(words):
        words = words.replace(": ", ":\n").replace("image can't", "image\ncan't")
    if letters <= _NARROW:
        caption = caption.replace(" · ", "\n")
    ink = style.wrong if cell["wrong"] else style.faint
    return cell | {"ink": ink, "words": words, "broken": "\n" in words, "caption": caption}


def _boxes(rows: alt.Chart, at: dict[str, Any], below: float, **look: Any) -> alt.Chart:
    """Frames around the images, captions left out."""
    settings: dict[str, Any] = {
        "width": alt.ExprRef("bandwidth('x') - 6"), "height": alt.ExprRef(f"bandwidth('y') - {below}"),
        "yOffset": -below / 2, "fill": "transparent", "cornerRadius": 2,
    } | look  # fmt: skip
    boxes: alt.Chart = rows.mark_rect(**settings).encode(**at)
    return boxes


def _caption(rows: alt.Chart, at: dict[str, Any], below: float, color: str, **look: Any) -> alt.Chart:
    dy = alt.ExprRef(f"bandwidth('y') / 2 - {below - 4}")
    text = rows.mark_text(dy=dy, baseline="top", color=color, **look)
    drawn: alt.Chart = text.encode(**at, text=alt.Text(field="caption", type="nominal"))
    return drawn


def _stars(rows: alt.Chart, at: dict[str, Any], style: Style, radius: float) -> list[alt.Chart]:
    """The mark of the best in the upper left corner of its image."""
    best = MARKS["best"]
    star: dict[str, Any] = {
        "shape": best.shape, "size": 0.7 * best.size * (radius / 14) ** 2, "opacity": 1, "strokeJoin": "round",
        "xOffset": alt.ExprRef(f"{radius + 2} - bandwidth('x') / 2"),
        "yOffset": alt.ExprRef(f"{radius + 2} - bandwidth('y') / 2"),
    }  # fmt: skip
    best_rows = rows.transform_filter("datum.best")
    return [
        best_rows.mark_point(**star, stroke=style.paper, strokeWidth=4).encode(**at),
        best_rows.mark_point(**star, fill=style.accent, strokeWidth=0).encode(**at),
    ]
