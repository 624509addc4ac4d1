"""Axis: a scale with ticks in its own units, of a hyperparameter, of the objective, or of the trials' numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

from danlu.core.objective import Objective
from danlu.pictures.style import Style
from danlu.space import Choice, Dimension, Value

_HUGE = 1e150  # beyond it, squares of losses would overflow
_FLAT = 1e-9  # of its own size: a difference below it is rounding, and no axis can show it


@dataclass(frozen=True)
class Axis:
    """A scale.

    Attributes:
        title: what it measures.
        low, high: its ends.
        log: whether ratios matter.
        ticks: where ticks stand; none: wherever the drawing puts them.
        options: of a choice, in order; then `low` and `high` mean nothing.
        quoted: whether options that are texts stand in quotes, because there are numbers of the same look.
        whole: whether only whole numbers are ticks.
        sign: +1 where small values are good, −1 where large ones are, 0 where it is no matter of good and bad.
        is_cut: whether worse values lie beyond the bad end.
        is_unknown: whether nothing was measured yet, so that the ends mean nothing.
    """

    title: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    ticks: tuple[float, ...] = ()
    options: tuple[str, ...] = ()
    quoted: bool = False
    whole: bool = False
    sign: float = 0.0
    is_cut: bool = False
    is_unknown: bool = False

    @property
    def bad(self) -> float:
        """The end at which the worst values are."""
        return self.high if self.sign >= 0 else self.low

    def is_beyond(self, value: float) -> bool:
        """Whether a value is worse than the axis reaches."""
        return self.is_cut and (value - self.bad) * self.sign > 0

    def holds(self, value: Value) -> bool:
        """Whether a hyperparameter's value has a place on it; one from before a change of the space may have none."""
        if self.options:
            return _label(value, self.quoted) in self.options
        return isinstance(value, (int, float)) and not isinstance(value, bool) and self.low <= value <= self.high

    def clip(self, value: float) -> float:
        """The value, or the nearest end."""
        return min(max(value, self.low), self.high)

    def share(self, value: Any) -> float:
        """Where a value lies between the ends, 0 to 1."""
        if self.options:
            return (self.options.index(str(value)) + 0.5) / len(self.options)
        low, high, at = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return (at - low) / (high - low)

    def at(self, share: float) -> Any:
        """The value at a share between the ends."""
        if self.options:
            return self.options[min(int(share * len(self.options)), len(self.options) - 1)]
        if self.log:
            return math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        return self.low + share * (self.high - self.low)

    def rounded(self, value: float, digits: int = 4) -> float:
        """The value with so many digits of what the axis shows; values that are nearly alike keep more of their own."""
        if self.log:
            narrow = -math.log10(math.log(self.high) - math.log(self.low))
            return rounded(value, digits + max(0, math.ceil(narrow)))
        return round(float(value), digits - 1 - math.floor(math.log10(self.high - self.low)))

    @property
    def number(self) -> str:
        """The Vega expression of a tick's label: 1e-5, 0.001, 12345; more digits where ticks are nearly alike."""
        largest = max(abs(self.low), abs(self.high))
        same = 0 if self.log or largest == 0 else max(0, math.ceil(math.log10(largest / (self.high - self.low))))
        return (
            f"datum.value != 0 && (abs(datum.value) < 1e-3 || abs(datum.value) >= 1e6) "
            f"? replace(format(datum.value, '.{2 + same}~e'), 'e+', 'e') "
            f": format(datum.value, abs(datum.value) < 1e3 ? '.{4 + same}~r' : '.{7 + same}~r')"
        )


def rounded(value: float, digits: int = 4) -> float:
    """The number with so many significant digits."""
    return float(f"{value:.{digits}g}")


def brief(value: Any) -> str:
    """A value as people write it: 1e-4, 0.0123, relu."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) and abs(value) < 1e6:
        return str(value)
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        mantissa, _, exponent = f"{value:.2e}".partition("e")
        return f"{float(mantissa):g}e{int(exponent)}" if exponent else mantissa
    return f"{rounded(value):g}" if abs(value) < 1e4 else f"{rounded(value):.0f}"


def axis_of(name: str, dimension: Dimension) -> Axis:
    """The axis of a hyperparameter: its own scale, its own ends, its own steps and options."""
    if isinstance(dimension, Choice):
        options = dimension.grid(0)
        quoted = len(set(map(str, options))) < len(options)  # 1 and "1"
        return Axis(name, options=tuple(_label(option, quoted) for option in options), quoted=quoted)
    low, high = float(dimension.low), float(dimension.high)
    whole = dimension.kind == "int"
    if high - low <= _FLAT * abs(high):  # one value only: it stands in the middle
        room = max(0.5, 0.05 * abs(high))
        low, high = (low / 2, high * 2) if dimension.log else (low - room, high + room)
    ticks: tuple[float, ...] = ()
    if dimension.levels is not None and dimension.levels <= 8:
        ticks = tuple(map(float, dimension.grid(8)))
    elif dimension.log:
        ticks = log_ticks(low, high, whole)
    return Axis(name, low, high, dimension.log, ticks, whole=whole)


def shown(axis: Axis, value: Value) -> Any:
    """A hyperparameter's value as its axis has it."""
    if axis.options:
        return _label(value, axis.quoted)
    return value if isinstance(value, int) else axis.rounded(value, 5)  # type: ignore[arg-type]


def _label(option: Value, quoted: bool) -> str:
    return repr(option) if quoted and isinstance(option, str) else str(option)


def log_ticks(low: float, high: float, whole: bool = False) -> tuple[float, ...]:
    """Powers of ten; with 2 and 5 between them where there are few; powers of two between powers of two."""
    if whole and all(math.log2(end).is_integer() for end in (low, high)) and high / low <= 2**12:
        return tuple(2.0**k for k in range(round(math.log2(low)), round(math.log2(high)) + 1))
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps: tuple[float, ...] = (1,) if math.log10(high) - math.log10(low) > 3.5 else (1, 2, 5)
    every = math.ceil((last - first) / 9)
    ticks = (float(f"{m}e{k}") for k in range(first, last + 1, every) for m in steps)
    inside = tuple(t for t in ticks if low * (1 - 1e-9) <= t <= high * (1 + 1e-9))
    return inside if len(inside) >= 2 else (low, high)


def value_axis(
    objective: Objective, losses: NDArray[np.float64], room: float = 0.1, free: float = 0.05, flat: float = 3.0
) -> Axis:
    """The axis of the objective: over all values, but for a few so bad that they would flatten the rest.

    Logarithmic where values to be minimised are positive and span more than two decades.

    Args:
        objective: what is measured.
        losses: of the trials that count.
        room: share of its length that the axis is longer at both ends.
        free: share of the worst trials that it may leave out,
        flat: if they would stretch it to more than so many times its length.
    """
    finite = np.clip(np.sort(losses[np.isfinite(losses)]), -_HUGE, _HUGE)
    better = "lower" if objective.goal == "minimize" else "higher"
    axis = Axis(f"{objective.metric} ({better} is better)", sign=objective.sign)
    if not len(finite):
        return replace(axis, is_unknown=True)
    worst = finite[max(len(finite) - 1 - math.ceil(free * len(finite)), 0)] if len(finite) >= 4 else finite[-1]
    log = bool(objective.sign > 0 and finite[0] > 1 / _HUGE and worst > 100 * finite[0])
    warped = np.log(finite) if log else finite
    best, reach = warped[0], warped[-1 if worst == finite[-1] else np.searchsorted(finite, worst)]
    inside = warped[warped - best <= flat * (reach - best)] if reach > best else warped
    high, is_cut = inside[-1], len(inside) < len(warped)
    margin = room * (high - best) if high - best > _FLAT * abs(high) else 0.05 * abs(high) or 0.5
    low, high = best - margin, high + margin
    low, high = (math.exp(low), math.exp(high)) if log else (float(low), float(high))
    ends = (low, high) if objective.sign > 0 else (-high, -low)
    axis = replace(axis, low=ends[0], high=ends[1], log=log, is_cut=is_cut, ticks=log_ticks(*ends) if log else ())
    return replace(axis, low=axis.rounded(axis.low, 5), high=axis.rounded(axis.high, 5))


def number_axis(count: int) -> Axis:
    """The axis of trial numbers 0 to count - 1."""
    last = max(count - 1, 0)
    room = max(0.5, rounded(0.02 * last))
    return Axis("trial", -room, rounded(last + room, 6), ticks=tuple(range(last + 1)) if last <= 10 else (), whole=True)


def scale(axis: Axis) -> alt.Scale:
    """The scale of a position channel."""
    if axis.options:
        return alt.Scale(type="band", domain=list(axis.options), paddingInner=0, paddingOuter=0)
    if axis.log:
        return alt.Scale(type="log", domain=[axis.low, axis.high], nice=False)
    return alt.Scale(type="linear", domain=[axis.low, axis.high], nice=False, zero=False)


def ruler(axis: Axis, style: Style, across: bool) -> alt.Axis:
    """Ticks and labels; `across` for a horizontal axis, whose labels lie next to each other."""
    settings: dict[str, Any] = {"title": axis.title, "titleLimit": 0.65 * style.width if across else style.height + 40}
    if axis.options:
        letters = sum(map(len, axis.options)) + 2 * len(axis.options)
        if across:
            settings["labelAngle"] = -35 if letters * style.letter > 0.8 * style.width else 0
        return alt.Axis(ticks=False, **settings)
    if axis.is_unknown:
        return alt.Axis(ticks=False, labels=False, **settings)
    settings |= {"labelExpr": axis.number, "labelOverlap": "greedy", "labelFlush": False, "grid": axis.sign != 0}
    if axis.ticks:
        settings["values"] = list(axis.ticks)
    else:
        settings["tickCount"] = max(3, style.width // 80 if across else style.height // 45)
        settings |= {"tickMinStep": 1} if axis.whole else {}
    return alt.Axis(**settings)


def across(axis: Axis, style: Style, field: str = "x") -> alt.X:
    """The horizontal encoding of a column."""
    return alt.X(field=field, type=_type(axis), scale=scale(axis), axis=ruler(axis, style, across=True))


def up(axis: Axis, style: Style, field: str = "y") -> alt.Y:
    """The vertical encoding of a column."""
    return alt.Y(field=field, type=_type(axis), scale=scale(axis), axis=ruler(axis, style, across=False))


def _type(axis: Axis) -> Any:
    return "ordinal" if axis.options else "quantitative"


def positions(x: Axis, y: Axis, style: Style) -> dict[str, Any]:
    """The encodings of columns "x" and "y"; "dx" and "dy" spread trials that share an option."""
    encodings: dict[str, Any] = {"x": across(x, style), "y": up(y, style)}
    spread = alt.Scale(domain=[-1, 1], nice=False, zero=False)
    if x.options:
        encodings["xOffset"] = alt.XOffset(field="dx", type="quantitative", scale=spread)
    if y.options:
        encodings["yOffset"] = alt.YOffset(field="dy", type="quantitative", scale=spread)
    return encodings


def edges(levels: Sequence[float], axis: Axis) -> list[float]:
    """Borders of cells around levels, half-way on the axis's own scale; one more than there are levels."""
    at = np.log(levels) if axis.log else np.asarray(levels, dtype=float)
    middle = (at[1:] + at[:-1]) / 2
    borders = np.concatenate([[2 * at[0] - middle[0]], middle, [2 * at[-1] - middle[-1]]])
    return [axis.rounded(float(b), 5) for b in (np.exp(borders) if axis.log else borders)]
