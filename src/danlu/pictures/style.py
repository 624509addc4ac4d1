"""The look of all pictures: one theme, light and dark; one mark for each kind of trial.

Colours are Okabe & Ito's ("Color universal design", 2008), which people with any colour vision can tell apart. Values
are shown in viridis, perceptually uniform and readable in grey. What is good stands out from the paper: dark on a
light page, bright on a dark one, for minimise and maximise alike; the legend says which.
"""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

_STAR = (
    "M0,-1L0.2245,-0.309L0.9511,-0.309L0.3633,0.118L0.5878,0.809"
    "L0,0.382L-0.5878,0.809L-0.3633,0.118L-0.9511,-0.309L-0.2245,-0.309Z"
)
_CROSS = "M-0.7,-0.7L0.7,0.7M-0.7,0.7L0.7,-0.7"

# matplotlib's viridis at ten even places; linear in between is within 1 % of the whole table
_VIRIDIS = ("440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725")


@dataclass(frozen=True)
class Mark:
    """How a kind of trial is drawn.

    Attributes:
        shape: a name that Vega knows, or a path in [-1, 1]².
        fill, stroke: names of the style's colours, or "transparent".
        size: area in square pixels.
    """

    shape: str
    fill: str
    stroke: str
    size: int


MARKS = {
    "trial": Mark("circle", "dot", "paper", 55),
    "stopped early": Mark("circle", "faint", "transparent", 22),
    "paused": Mark("circle", "paper", "faint", 45),
    "breaks a bound": Mark("square", "faint", "transparent", 40),
    "running": Mark("circle", "transparent", "ink", 60),
    "worse than the axis": Mark("triangle", "dot", "paper", 110),
    "on the front": Mark("circle", "transparent", "accent", 150),
    "default": Mark("diamond", "paper", "ink", 130),
    "failed": Mark(_CROSS, "transparent", "wrong", 60),
    "best": Mark(_STAR, "accent", "accent", 400),
}
"""Kind of trial -> mark, in the order in which they are drawn."""


@dataclass(frozen=True)
class Style:
    """How large, and on which paper.

    Attributes:
        width: of the whole picture, in pixels.
        dark: light on dark instead of dark on light.
        lines: so many lines are kept free for the subtitle, so that a film doesn't jump.
    """

    width: int = 800
    dark: bool = False
    lines: int = 0

    @property
    def height(self) -> int:
        """Of the plot between the axes, in pixels."""
        return round(0.47 * self.width + 30)

    @property
    def paper(self) -> str:
        """The background."""
        return "#14171c" if self.dark else "#ffffff"

    @property
    def ink(self) -> str:
        """Text and outlines."""
        return "#e8eaed" if self.dark else "#1f2328"

    @property
    def faint(self) -> str:
        """What is less important: notes, ticks, trials that don't count."""
        return "#9aa3ad" if self.dark else "#626b75"

    @property
    def line(self) -> str:
        """Grid lines."""
        return "#2b3038" if self.dark else "#e6e9ec"

    @property
    def dot(self) -> str:
        """Trials where they carry no colour of their own: Okabe and Ito's blue."""
        return "#56b4e9" if self.dark else "#3b7fb0"

    @property
    def accent(self) -> str:
        """The best, and nothing else: Okabe and Ito's vermilion."""
        return "#ff7a33" if self.dark else "#d55e00"

    @property
    def wrong(self) -> str:
        """Failed trials: they have a shape of their own too."""
        return "#e38fc0" if self.dark else "#a8326f"

    @property
    def font_size(self) -> int:
        """Of axis labels, in pixels: 11 up to a width of 800, 13 at 1,200."""
        return max(11, round(self.width / 92))

    @property
    def letter(self) -> float:
        """Mean width of a letter of that size."""
        return 0.52 * self.font_size

    @property
    def good_is(self) -> str:
        """Which end of the colours is good."""
        return "bright" if self.dark else "dark"

    def colour(self, name: str) -> str:
        """A colour by name; what is no name of ours is itself a colour."""
        return str(getattr(self, name, name))

    def colours(self) -> list[tuple[int, int, int]]:
        """The theme's colours and their mixtures with paper, which are the edges of lines and letters."""
        names = ("ink", "faint", "line", "dot", "accent", "wrong")
        paper = _rgb(self.paper)
        mixed = [paper + share * (_rgb(self.colour(n)) - paper) for n in names for share in (1.0, 0.7, 0.4)]
        return [(int(r), int(g), int(b)) for r, g, b in np.round([paper, *mixed])]

    def wrap(self, texts: Sequence[str], size: float = 1.0) -> list[str]:
        """Texts in lines that fit the width."""
        letters = max(20, int(0.94 * self.width / (self.letter * size)))
        return [line for text in texts for line in textwrap.wrap(text, letters)]

    def ramp(self, shares: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Colours of values: share 0 is best, 1 worst. Shape (..., 3)."""
        stops = np.array([_rgb("#" + code) for code in _VIRIDIS])
        at = (1 - shares if self.dark else shares) * (len(stops) - 1)
        channels = [np.interp(at, np.arange(len(stops)), stops[:, c]) for c in range(3)]
        return np.stack(channels, axis=-1).round().astype(np.uint8)

    def ink_on(self, share: float) -> str:
        """The colour of letters on the ramp's colour of a share: white on dark, black on bright."""
        red, green, blue = self.ramp(np.array(share)).tolist()
        return "#1f2328" if 0.299 * red + 0.587 * green + 0.114 * blue > 108 else "#ffffff"

    def ramp_codes(self) -> list[str]:
        """Colours from best to worst."""
        codes = [f"#{code}" for code in _VIRIDIS]
        return codes[::-1] if self.dark else codes


def _rgb(code: str) -> NDArray[np.float64]:
    return np.array([int(code[k : k + 2], 16) for k in (1, 3, 5)], dtype=float)


LIGHT = Style()
DARK = Style(dark=True)


def mark_scales(kinds: Sequence[str], style: Style) -> dict[str, Any]:
    """The encodings that draw column "kind": shape, fill, stroke and size, with one legend for all."""
    marks = [MARKS[kind] for kind in kinds]
    columns: dict[str, list[Any]] = {
        "shape": [mark.shape for mark in marks],
        "fill": [style.colour(mark.fill) for mark in marks],
        "stroke": [style.colour(mark.stroke) for mark in marks],
        "size": [mark.size for mark in marks],
    }
    wide = [style.letter * (len(kind) + 6) for kind in kinds]
    per_row = len(kinds) if sum(wide) < style.width else max(1, int(style.width / max(wide)))
    legend = alt.Legend(
        orient="bottom", direction="horizontal", columns=per_row, symbolOpacity=1, title=None, labelOffset=6
    )
    channels = {"shape": alt.Shape, "fill": alt.Fill, "stroke": alt.Stroke, "size": alt.Size}
    return {
        name: channels[name](
            field="kind",
            type="nominal",
            legend=legend,
            scale=alt.Scale(type="ordinal", domain=list(kinds), range=columns[name]),
        )
        for name in columns
    }


SEAM: dict[str, Any] = {
    "shape": alt.Shape(field="shape", type="nominal", scale=None),
    "size": alt.Size(field="area", type="quantitative", scale=None),
}
"""The encodings of `seam`."""


def seam(rows: alt.Chart, kinds: Sequence[str]) -> alt.Chart:
    """The rows with the outlines of their marks: drawn in paper under them, they keep marks apart from colours."""
    shapes = {kind: MARKS[kind].shape for kind in kinds}
    areas = {kind: MARKS[kind].size for kind in kinds}
    return rows.transform_calculate(
        shape=f"({json.dumps(shapes)})[datum.kind]", area=f"({json.dumps(areas)})[datum.kind]"
    )


def finish(
    layers: Sequence[Any], question: str, notes: Sequence[str], style: Style, height: int | None = None
) -> alt.LayerChart:
    """The layers as one chart in this style, its plot so high; nothing global is changed."""
    subtitle = style.wrap(notes)
    subtitle += [" "] * (style.lines - len(subtitle))
    title = alt.TitleParams(text=style.wrap([question], 1.5), subtitle=subtitle, anchor="start", frame="bounds")
    chart = alt.layer(*layers).properties(
        title=title,
        width=style.width,
        height=height or style.height,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding", resize=False),
    )
    styled: alt.LayerChart = chart.configure(**_config(style))
    return styled


def _config(style: Style) -> dict[str, Any]:
    size = style.font_size
    return {
        "background": style.paper,
        "font": "Arial, Helvetica, 'Liberation Sans', sans-serif",
        "padding": 12,
        "title": {
            "color": style.ink, "fontSize": size + 4, "fontWeight": 600, "offset": 10,
            "subtitleColor": style.faint, "subtitleFontSize": size, "subtitlePadding": 5, "lineHeight": size + 7,
            "subtitleLineHeight": size + 4,
        },
        "axis": {
            "labelColor": style.faint, "titleColor": style.ink, "labelFontSize": size, "titleFontSize": size,
            "titleFontWeight": 500, "gridColor": style.line, "domainColor": style.faint, "tickColor": style.faint,
            "labelLimit": min(160, style.width / 4), "grid": False,
        },
        "legend": {
            "labelColor": style.ink, "titleColor": style.ink, "labelFontSize": size, "titleFontSize": size,
            "titleFontWeight": 500, "labelLimit": 220, "titleLimit": 400, "symbolStrokeWidth": 1.5,
            "offset": 12, "rowPadding": 5,
        },
        "view": {"stroke": None},
    }  # fmt: skip
