"""Shapes: from a default to the values that are worth trying around it.

Every dimension that a shape makes holds the default, and lies within what the script accepts.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from danlu.drafts.option import Option
from danlu.errors import SpaceError
from danlu.space import Choice, Dimension, Float, Int
from danlu.space.value import MISSING

_LARGEST = 10**12  # of a whole number


@dataclass(frozen=True)
class Scaled:
    """Orders of magnitude around the default, on a log scale.

    Attributes:
        down, up: factors below and above the default.
        ceiling: that the upper end doesn't exceed, unless it would be less than `least` times the default.
        least: see `ceiling`.
        near_zero: what is tried beside a default of 0, which has no place on a log scale.
        usual: the range where there is no default.
    """

    down: float = 100.0
    up: float = 100.0
    ceiling: float = math.inf
    least: float = 10.0
    near_zero: tuple[float, ...] = ()
    usual: tuple[float, float] | None = None

    def of(self, option: Option) -> Dimension | None:
        """The dimension; None where a default of 0, or a missing one, says nothing of the scale."""
        default = _number(option)
        if default is None:
            return None if self.usual is None else _between(option, *self.usual, log=True)
        if default == 0:
            return _levels(option, (0, *self.near_zero)) if self.near_zero else None
        if default < 0:
            return _between(option, default * 4, 0)
        high = min(default * self.up, max(self.ceiling, default * self.least))
        return _between(option, default / self.down, high, log=True)


@dataclass(frozen=True)
class Between:
    """A fixed interval, widened where the default lies at its end or beyond; what is at most 1 stays so."""

    low: float
    high: float

    def of(self, option: Option) -> Dimension | None:
        """The dimension."""
        low, high, default = self.low, self.high, _number(option)
        if default is not None and default >= high:
            high = min(default + (default - low) / 2, 1.0 if default <= 1 else math.inf)
        if default is not None and 0 < default <= low:
            low = default / 2
        return _between(option, low, high)


@dataclass(frozen=True)
class Levels:
    """Fixed values in their order, the default among them."""

    values: tuple[float, ...]

    def of(self, option: Option) -> Dimension | None:
        """The dimension."""
        return _levels(option, self.values)


@dataclass(frozen=True)
class Doubled:
    """A whole number halved and doubled: sizes that stay multiples of what they are multiples of today.

    Attributes:
        down, up: how often.
        usual: the values where there is no default.
    """

    down: int = 2
    up: int = 2
    usual: tuple[int, ...] = ()

    def of(self, option: Option) -> Dimension | None:
        """The dimension; None where there is nothing to double."""
        default = _number(option)
        if default is None:
            return _levels(option, self.usual) if self.usual else None
        if default <= 0 or default != int(default) or default > _LARGEST:
            return Scaled().of(option)
        values = [default * 2.0**k for k in range(-self.down, self.up + 1)]
        return _levels(option, [v for v in values if v >= 1 and v == int(v)])


@dataclass(frozen=True)
class Counted:
    """A whole number, from the default divided to the default multiplied, on a log scale where that is wide."""

    down: float = 4.0
    up: float = 4.0
    from_zero: int | None = None

    def of(self, option: Option) -> Dimension | None:
        """The dimension; None where there is no default, or none that says how many."""
        default = _number(option)
        if default is None or abs(default) > _LARGEST:
            return None
        if default <= 0:
            return _between(option, default, self.from_zero) if self.from_zero and default == 0 else None
        low, high = max(1.0, math.floor(default / self.down)), math.ceil(default * self.up)
        return _between(option, min(low, default), max(high, default + 1), log=default >= 8)


@dataclass(frozen=True)
class Listed:
    """The choices that the script lists, up to so many."""

    most: int = 12

    def of(self, option: Option) -> Dimension | None:
        """The dimension; None where there are too few or too many."""
        options = list(dict.fromkeys(option.choices))
        if option.default not in (MISSING, None) and option.default not in options:
            options = [option.default, *options]
        if not 2 <= len(options) <= self.most or not all(isinstance(o, (str, int, float)) for o in options):
            return None
        default = MISSING if option.default is None else option.default
        kinds = {isinstance(o, str) for o in options}
        is_ordered = kinds == {False} and not any(isinstance(o, bool) for o in options) and options == sorted(options)
        return _sound(Choice(*options, ordered=is_ordered, default=default))


@dataclass(frozen=True)
class Switched:
    """On or off."""

    def of(self, option: Option) -> Dimension | None:
        """The dimension."""
        default = option.default if isinstance(option.default, bool) else MISSING
        return Choice(True, False, default=default)


Shape = Scaled | Between | Levels | Doubled | Counted | Listed | Switched


def _number(option: Option) -> float | None:
    """The default, if it is a number that can be reckoned with."""
    default = option.default
    if isinstance(default, bool) or not isinstance(default, (int, float)):
        return None
    return default if abs(default) < 1e300 and math.isfinite(default) else None


def _between(option: Option, low: float, high: float, log: bool = False) -> Dimension | None:
    """An interval that holds the default and keeps to the script's own bounds."""
    default = _number(option)
    if option.kind != "int":
        low, high = _rounded(low), _rounded(high)
    if option.low is not None:
        low, high = max(low, option.low), max(high, option.low)
    if option.high is not None:
        low, high = min(low, option.high), min(high, option.high)
    if default is not None:
        low, high = min(low, default), max(high, default)
    log = log and low > 0
    if option.kind == "int":
        low, high = math.floor(low), math.ceil(high)
        if high > _LARGEST:
            return None
        return _sound(Int(low, high, log=log, default=MISSING if default is None else int(default)))
    return _sound(Float(float(low), float(high), log=log, default=MISSING if default is None else float(default)))


def _levels(option: Option, values: Iterable[float]) -> Dimension | None:
    """An ordered choice of values, those that the script accepts, and the default."""
    default = _number(option)
    low = -math.inf if option.low is None else option.low
    high = math.inf if option.high is None else option.high
    make = int if option.kind == "int" else float
    chosen = {make(value) for value in values if low <= value <= high and make(value) == value}
    if default is not None:
        chosen.add(make(default))
    if len(chosen) < 2:
        return None
    return _sound(Choice(*sorted(chosen), ordered=True, default=MISSING if default is None else make(default)))


def _rounded(number: float) -> float:
    """Two digits: nobody means 0.060000000000000005."""
    return float(f"{number:.1e}") if math.isfinite(number) else number


def _sound(dimension: Dimension) -> Dimension | None:
    """The dimension, if it makes sense and holds more than one value."""
    try:
        dimension.check("")
    except SpaceError:
        return None
    return None if dimension.levels == 1 else dimension
