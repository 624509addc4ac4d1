"""Float, Int, Choice: the values that one hyperparameter may take.

This is the only module that asks "is it a float, an int or a choice?". Everything else sees two maps, each of one value
and (`..._all`) of many, as a column:

- `encode` / `decode`: value <-> coordinate u in [0, 1], an isometry of the hyperparameter's own scale. Both bounds lie
  exactly on 0 and 1, because real optima do (batch size, momentum and depth at an end of their range).
- `quantile`: v in [0, 1) -> value, under the uniform distribution on that scale: every level of an int or a choice is
  equally likely, its two end levels included (on a log scale: likely in proportion to its cell).

Beside a default, which is a value, a user may say a belief: `likely`, where the best value probably lies.
"""

import math
import sys
from collections.abc import Iterable, Mapping, Sequence, Sized
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from danlu.errors import SpaceError
from danlu.space.belief import Normal, Weights, normal_between, weights_of
from danlu.space.column import Column, column

Value = float | int | str | bool
"""What a hyperparameter can be."""


class _Missing:
    """Marks a hyperparameter without a default: None could be mistaken for a value."""

    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()

# A coordinate is a double: up to here every whole number survives encode and decode, on a log scale too.
_LARGEST_INT = 10**13

_STRAIGHT = 1e-3  # share of low below which a range has no curvature, and its logarithms have too few digits to tell

_TABLE = 4096  # levels up to which those of a column are looked up; beyond, they may be off by a rounding

_FARTHEST = 10.0  # widths of a range, beyond which values that are out of it are not told apart
_ELSEWHERE = 1.0  # distance from the middle of what has no place on a scale: as far apart as its two ends


def _is_finite(number: object) -> bool:
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return False
    return abs(number) <= sys.float_info.max  # math.isfinite overflows on 10**400


def _plain(value: Any) -> Any:
    """The Python object that a NumPy scalar stands for; anything else as it is."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value


class Numeric:
    """An interval of numbers, perhaps on a log scale, perhaps in steps. The common part of `Float` and `Int`."""

    kind: ClassVar[str]
    kinds: ClassVar[frozenset[str]] = frozenset({"number"})
    ordered: ClassVar[bool] = True
    low: float
    high: float
    step: float | None

    def __init__(
        self,
        low: float,
        high: float,
        *,
        log: bool = False,
        step: float | None = None,
        default: Any = MISSING,
        likely: tuple[float, float] | None = None,
    ) -> None:
        self.low, self.high, self.log = _plain(low), _plain(high), log
        self.step, self.default = _plain(step), _plain(default)
        self.likely = tuple(map(_plain, likely)) if isinstance(likely, (list, tuple)) else likely

    def _key(self) -> tuple[Any, ...]:
        return type(self), self.low, self.high, self.log, self.step, self.default, self.likely

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Numeric) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        words = [repr(self.low), repr(self.high)]
        words += ["log=True"] * self.log
        words += [f"step={self.step!r}"] * (self.step is not None)
        words += [f"default={self.default!r}"] * (self.default is not MISSING)
        words += [f"likely={self.likely!r}"] * (self.likely is not None)
        return f"{type(self).__name__}({', '.join(words)})"

    def with_default(self, default: Any) -> "Numeric":
        """The same interval with another default (`MISSING` for none)."""
        return type(self)(self.low, self.high, log=self.log, step=self.step, default=default, likely=self.likely)

    def with_likely(self, likely: Any) -> Self:
        """The same interval with another belief (None for none)."""
        return type(self)(self.low, self.high, log=self.log, step=self.step, default=self.default, likely=likely)

    # what the scale is made of ------------------------------------------------------------------------------------

    @cached_property
    def _is_curved(self) -> bool:
        """Whether the scale is that of logarithms, and these differ from a straight one by as much as can be told."""
        return self.log and self.high - self.low > _STRAIGHT * self.low

    @cached_property
    def levels(self) -> int | None:
        """Number of distinct values; None for a continuous interval."""
        if self.low == self.high:
            return 1
        if self.step is None:
            return None
        return round((self.high - self.low) / self.step) + 1

    @cached_property
    def _scale(self) -> tuple[float, float]:
        return self._warp(self.low), self._warp(self.high)

    @cached_property
    def _cells(self) -> tuple[float, float]:
        """The scale's ends widened by half a cell, so that the end levels are as likely as the others."""
        return self._widened(self.low, self.high)

    def _widened(self, low: float, high: float) -> tuple[float, float]:
        """On the scale: two values, and half a cell to either side where there are levels."""
        if self.step is None:
            return self._warp(low), self._warp(high)
        below = low - self.step / 2
        if self._is_curved and below <= 0:
            below = low / 2
        return self._warp(below), self._warp(high + self.step / 2)

    @cached_property
    def belief(self) -> Normal | None:
        """Where the best value probably lies; None if nothing was said, or there is one value only."""
        if self.likely is None or self.low == self.high:
            return None
        low, high = (self._coordinate(position) for position in self._widened(*self.likely))
        return normal_between(low, high, self._bounds)

    @cached_property
    def _bounds(self) -> tuple[float, float]:
        """Coordinates of the ends of all cells: 0 and 1 where there are no levels."""
        low, high = (self._coordinate(position) for position in self._cells)
        return low, high

    def _coordinate(self, position: float) -> float:
        low, high = self._scale
        return 0.5 if low == high else (position - low) / (high - low)

    def _warp(self, value: float) -> float:
        return math.log(value) if self._is_curved else float(value)

    def _unwarp(self, position: float) -> float:
        return math.exp(position) if self._is_curved else position

    def _snap(self, number: float) -> Any:
        raise NotImplementedError

    # the maps -------------------------------------------------------------------------------------------------------

    def encode(self, value: Any) -> float:
        """Coordinate u in [0, 1] of a value of this dimension."""
        low, high = self._scale
        return 0.5 if low == high else (self._warp(value) - low) / (high - low)

    def place(self, value: Any) -> float:
        """Coordinate of any value: as `encode`, but < 0 or > 1 where this dimension has no such value.

        It tells how far out a number is, up to ten widths. What has no place on this scale at all (a text; any other
        number where there is only one) is put beside it, one width from its middle.
        """
        low, high = self._scale
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return 0.5 + _ELSEWHERE
        if low == high:
            return 0.5 if self.low <= value <= self.high else 0.5 + math.copysign(_ELSEWHERE, value - self.low)
        if self._is_curved and value <= 0:
            return -_FARTHEST
        return min(max((self._warp(value) - low) / (high - low), -_FARTHEST), 1.0 + _FARTHEST)

    def decode(self, u: float) -> Any:
        """The value nearest to coordinate u; u outside [0, 1] is clipped."""
        if u <= 0.0 or u >= 1.0:  # a bound, to the last bit: the warp and its inverse would miss it by a rounding
            return self._snap(self.low if u <= 0.0 else self.high)
        low, high = self._scale
        return self._snap(self._unwarp(low + u * (high - low)))

    def quantile(self, v: float) -> Any:
        """The value below which a share v in [0, 1) of the uniform distribution on this scale lies."""
        low, high = self._cells
        return self._snap(self._unwarp(low + v * (high - low)))

    def decode_all(self, u: NDArray[np.float64]) -> Column:
        """The values nearest to coordinates u, shape (n,), as a column."""
        low, high = self._scale
        numbers = self._unwarp_all(low + u * (high - low))
        return self._snap_all(np.where(u <= 0.0, self.low, np.where(u >= 1.0, self.high, numbers)))

    def quantile_all(self, v: NDArray[np.float64]) -> Column:
        """The values at quantiles v in [0, 1), shape (n,), as a column."""
        low, high = self._cells
        return self._snap_all(self._unwarp_all(low + v * (high - low)))

    def believed_all(self, v: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coordinates, shape (n,), below which a share v of the belief lies; of the uniform distribution without one.

        `decode` them; of an end level they may lie beyond 0 or 1.
        """
        if self.belief is not None:
            return self.belief.quantile(v)
        low, high = self._bounds
        return low + v * (high - low)

    def log_belief(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """ln of the belief's density at coordinates u, shape (n,), relative to the uniform one: 0 without a belief."""
        return np.zeros(len(u)) if self.belief is None else self.belief.log_density(u)

    def _unwarp_all(self, position: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(over="ignore"):
            return np.exp(position) if self._is_curved else position

    def _snap_all(self, numbers: NDArray[np.float64]) -> Column:
        numbers = np.clip(numbers, self.low, self.high)
        if self.levels is None or self.step is None:
            return numbers
        k = np.minimum(np.floor((numbers - self.low) / self.step + 0.5), self.levels - 1)
        if self.levels <= _TABLE:
            return self._table[k.astype(np.intp)]
        return np.where(k == self.levels - 1, self.high, self.low + k * self.step)

    @cached_property
    def _table(self) -> Column:
        return column(self._nth(k) for k in range(self.levels or 0))

    def sample(self, rng: Any) -> Any:
        """One value, uniform on this dimension's scale. `rng` is a `numpy.random.Generator`."""
        return self.quantile(rng.random())

    def grid(self, levels: int) -> list[Any]:
        """At most `levels` values, evenly spread on this scale, both bounds included; all levels if there are fewer."""
        if self.levels is not None and self.levels <= levels:
            return self._unique(self._nth(k) for k in range(self.levels))
        if levels == 1:
            return [self.decode(0.5)]
        return self._unique(self.decode(k / (levels - 1)) for k in range(levels))

    def contains(self, value: object) -> bool:
        """Whether the value is one that this dimension can take."""
        raise NotImplementedError

    def can_equal(self, value: Value) -> bool:
        """Whether a comparison with this value makes sense: whether it is a number, in range or not."""
        return isinstance(value, (int, float)) and not isinstance(value, bool)

    def adopt(self, value: Any) -> Any:
        """The value as this dimension's own Python type (a NumPy scalar or an int for a float), if it is one at all."""
        value = _plain(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return value
        if self.kind == "float":
            return float(value)
        return int(value) if value == value // 1 else value

    def near(self, value: Any) -> Any:
        """The value nearest to a number within the bounds; None for what is no such number."""
        value = _plain(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not self.low <= value <= self.high:
            return None
        value = self.adopt(value)
        return value if self.contains(value) else self.decode(self.encode(value))

    def middle(self) -> Any:
        """The value that stands for this dimension where no default was given.

        The middle of what is likely, or of the whole scale where nothing was said.
        """
        return self.decode(0.5 if self.belief is None else self.belief.mean)

    def _level(self, k: int) -> Any:
        """low + k·step; in decimals, so that 3 * 0.1 is 0.3."""
        return float(Decimal(repr(self.low)) + k * Decimal(repr(self.step)))

    def _nth(self, k: int) -> Any:
        """The k-th level of a stepped interval; the last is the bound itself, also where the step is rounded (1/3)."""
        return self.high if k == (self.levels or 0) - 1 else self._level(k)

    def _nearest_level(self, number: float) -> Any:
        # half up, not half to even: cells [k, k + 1) / levels of `quantile` then are all alike
        return self._nth(min(math.floor((number - self.low) / (self.step or 1) + 0.5), (self.levels or 1) - 1))

    @staticmethod
    def _unique(values: Iterable[Any]) -> list[Any]:
        return list(dict.fromkeys(values))

    # declaration ----------------------------------------------------------------------------------------------------

    def check(self, name: str) -> None:
        """Raises `SpaceError` if this declaration makes no sense; the message names `name`, value and remedy."""
        self._check_numbers(name)
        if self.low > self.high:
            raise SpaceError(
                f"{name!r}: low must not exceed high, got low={self.low}, high={self.high}. Swap the two bounds."
            )
        if self.log and self.low <= 0:
            remedy = f"{type(self).__name__}({self._positive()}, {self.high}, log=True)"
            raise SpaceError(f"{name!r}: low must be > 0 on a log scale, got low={self.low}. Use {remedy} or drop log.")
        if self.step is not None:
            self._check_step(name, self.step)
        if self.likely is not None:
            self._check_likely(name)
        if self.default is not MISSING and not self.contains(self.default):
            raise SpaceError(
                f"{name!r}: the default {self.default!r} is not one of {self}. "
                f"Widen the range or choose a default in it, such as {self.middle()!r}."
            )

    def _check_numbers(self, name: str) -> None:
        for what, number in (("low", self.low), ("high", self.high), ("step", self.step)):
            if number is None and what == "step":
                continue
            if not _is_finite(number):
                example = "Int(16, 512)" if self.kind == "int" else "Float(0.0, 1.0)"
                raise SpaceError(f"{name!r}: {what} must be a finite number, got {number!r}. Write {example}, say.")
        if self.high - self.low > sys.float_info.max:
            raise SpaceError(
                f"{name!r}: high - low must be a finite number, got low={self.low}, high={self.high}. Use a log scale "
                f"of positive numbers."
            )

    def _check_step(self, name: str, step: float) -> None:
        if step <= 0:
            raise SpaceError(f"{name!r}: step must be > 0, got step={step}. Leave it out for a continuous range.")
        count = (self.high - self.low) / step
        if count > 1e15:
            raise SpaceError(f"{name!r}: step={step} gives more levels than can be told apart. Leave it out.")
        if abs(count - round(count)) > 1e-9 * max(1.0, abs(count)):
            fit = type(self)(self.low, self.high, step=step)._level(math.floor(count))
            raise SpaceError(
                f"{name!r}: step {step} doesn't fit: {self.low} + k·{step} never meets high={self.high}. "
                f"Use high={fit} or another step."
            )

    def _check_likely(self, name: str) -> None:
        likely: Any = self.likely
        whole = self.kind == "int"
        if not isinstance(likely, tuple) or len(likely) != 2 or not all(map(_is_finite, likely)):
            example = f"({self.low}, {self.high})"
            raise SpaceError(
                f"{name!r}: likely must be two numbers, between which the best value probably lies, such as {example}; "
                f"got {likely!r}."
            )
        if whole and not all(isinstance(bound, int) for bound in likely):
            raise SpaceError(f"{name!r}: likely of an Int must be two whole numbers, got {likely!r}.")
        low, high = likely
        if low > high:
            raise SpaceError(f"{name!r}: the first of likely must not exceed the second, got {likely!r}. Swap the two.")
        if not self.low <= low <= high <= self.high:
            raise SpaceError(
                f"{name!r}: likely={likely!r} reaches beyond the range {self.low} to {self.high}. "
                f"Widen the range, or say likely within it."
            )
        if low == high and self.step is None:
            raise SpaceError(
                f"{name!r}: likely={likely!r} is a single value. Say between which values the best one probably lies, "
                f"or say default={low!r}."
            )

    def _positive(self) -> Any:
        return 1 if self.kind == "int" else self.high / 1000

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON and TOML; `Space.from_dict` reads it."""
        out: dict[str, Any] = {"type": self.kind, "low": self.low, "high": self.high}
        if self.log:
            out["log"] = True
        if self.step is not None and not (self.kind == "int" and self.step == 1):
            out["step"] = self.step
        if self.default is not MISSING:
            out["default"] = self.default
        if self.likely is not None:
            out["likely"] = list(self.likely)
        return out


class Float(Numeric):
    """A real number between two bounds, both included.

    Attributes:
        low, high: the bounds.
        log: whether ratios matter rather than differences (learning rates, weights of losses).
        step: if given, only low, low + step, ..., high can be taken.
        default: what the user runs today; it is the first trial.
        likely: between which two values the best one probably lies, in about two of three cases; a rough belief, which
            strategies follow at first and forget where it proves wrong.
    """

    kind = "float"

    def _snap(self, number: float) -> float:
        number = min(max(number, self.low), self.high)
        return float(number if self.step is None else self._nearest_level(number))

    def contains(self, value: object) -> bool:
        """Whether the value is a number in range, on a step if there are steps."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not self.low <= value <= self.high:
            return False
        if self.step is None:
            return True
        count = (value - self.low) / self.step
        return abs(count - round(count)) < 1e-9 * max(1.0, abs(count))


class Int(Numeric):
    """A whole number between two bounds, both included.

    Attributes:
        low, high: the bounds, at most 10**13 in size.
        log: whether ratios matter rather than differences (layer widths, batch sizes).
        step: distance of neighbouring values, a whole number; 1 if not given.
        default: what the user runs today; it is the first trial.
        likely: between which two values the best one probably lies, in about two of three cases; a rough belief, which
            strategies follow at first and forget where it proves wrong.
    """

    kind = "int"

    def __init__(
        self,
        low: int,
        high: int,
        *,
        log: bool = False,
        step: int | None = None,
        default: Any = MISSING,
        likely: tuple[int, int] | None = None,
    ):
        super().__init__(low, high, log=log, step=1 if step is None else step, default=default, likely=likely)

    def _snap(self, number: float) -> int:
        return int(self._nearest_level(min(max(number, self.low), self.high)))

    def _level(self, k: int) -> int:
        return int(self.low + k * self.step)  # type: ignore[operator]

    def contains(self, value: object) -> bool:
        """Whether the value is a whole number in range, on a step."""
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            return False
        return bool((value - self.low) % (self.step or 1) == 0)

    def _check_numbers(self, name: str) -> None:
        super()._check_numbers(name)
        for what, number in (("low", self.low), ("high", self.high), ("step", self.step)):
            if not isinstance(number, int):
                raise SpaceError(
                    f"{name!r}: {what} of an Int must be a whole number, got {number!r}. Use Float instead."
                )
            if abs(number) > _LARGEST_INT:
                raise SpaceError(
                    f"{name!r}: {what} of an Int must be at most 10**13 in size, got {number!r}. "
                    f"Use a Float of its logarithm, or smaller bounds."
                )


class Choice:
    """One of several options, each of which may carry hyperparameters of its own.

    `Choice("relu", "gelu")` has plain options; in `Choice({"sgd": Space({...}), "adam": Space({...})})` each option
    opens a branch: its sub-space is active only where the option is chosen.

    Attributes:
        options: strings, numbers or truth values, in the order given.
        branches: option -> Space, for the options that carry one (an empty Space counts as none).
        ordered: whether the order of the options means something ("small" < "medium" < "large").
        default: what the user runs today; it is the first trial.
        likely: the options of which one is probably the best: together they have three quarters of the weight, and each
            at least three times that of another. A single one may stand for itself.
    """

    kind: ClassVar[str] = "choice"
    log: ClassVar[bool] = False

    def __init__(self, *options: Any, ordered: bool = False, default: Any = MISSING, likely: Any = None) -> None:
        branches: dict[Any, Any] = {}
        if len(options) == 1 and isinstance(options[0], Mapping):
            branches = {option: space for option, space in options[0].items() if _opens(space)}
            options = tuple(options[0])
        elif len(options) == 1 and isinstance(options[0], (list, tuple)):
            options = tuple(options[0])
        self.options: tuple[Value, ...] = tuple(map(_plain, options))
        self.branches: dict[Value, Any] = branches
        self.ordered, self.default = ordered, _plain(default)
        likely = (likely,) if likely is not None and not isinstance(likely, (list, tuple)) else likely
        self.likely: tuple[Value, ...] | None = None if likely is None else tuple(map(_plain, likely))

    def _key(self) -> tuple[Any, ...]:
        typed = tuple((type(option), option) for option in self.options)
        return typed, tuple(self.branches.items()), self.ordered, self.default, self.likely

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        words = list(map(repr, self.options))
        if self.branches:
            words = [repr({option: self.branches.get(option) for option in self.options})]
        words += ["ordered=True"] * self.ordered
        words += [f"default={self.default!r}"] * (self.default is not MISSING)
        words += [f"likely={self.likely!r}"] * (self.likely is not None)
        return f"Choice({', '.join(words)})"

    def with_default(self, default: Any) -> "Choice":
        """The same options with another default (`MISSING` for none)."""
        twin = Choice(self.options, ordered=self.ordered, default=default, likely=self.likely)
        twin.branches = self.branches
        return twin

    def with_likely(self, likely: Any) -> "Choice":
        """The same options with another belief (None for none)."""
        twin = Choice(self.options, ordered=self.ordered, default=self.default, likely=likely)
        twin.branches = self.branches
        return twin

    def with_branches(self, branches: Mapping[Value, Any]) -> "Choice":
        """The same options, of which these open a branch."""
        spaces = {option: branches.get(option) for option in self.options}
        return Choice(spaces, ordered=self.ordered, default=self.default, likely=self.likely)

    @property
    def levels(self) -> int:
        """Number of options."""
        return len(self.options)

    @cached_property
    def kinds(self) -> frozenset[str]:
        """What the options are: "number", "text", "truth"; several where they are mixed."""
        return frozenset(map(_kind, self.options))

    @cached_property
    def _table(self) -> Column:
        return column(self.options)

    @cached_property
    def _index(self) -> dict[tuple[type, Any], int]:
        return {(type(option), option): k for k, option in enumerate(self.options)}

    @cached_property
    def belief(self) -> Weights | None:
        """How likely each option is the best; None if nothing was said."""
        return None if self.likely is None else weights_of([option in self.likely for option in self.options])

    def believed_all(self, v: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coordinates, shape (n,), of options in whose share v lies; all are equally likely without a belief."""
        count = len(self.options)
        k = np.minimum(np.floor(v * count), count - 1) if self.belief is None else self.belief.quantile(v)
        if self.ordered:
            return np.asarray(k / (count - 1) if count > 1 else np.full(len(k), 0.5))
        return np.asarray((k + 0.5) / count)

    def log_belief(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """ln of how likely options at coordinates u are, shape (n,), relative to all alike: 0 without a belief."""
        return np.zeros(len(u)) if self.belief is None else self.belief.log_density(self._indices(u))

    def encode(self, value: Any) -> float:
        """Coordinate in [0, 1]: rank / (k - 1) if ordered, else the middle of the option's cell of width 1 / k."""
        k = self._index[type(value), value]
        if self.ordered:
            return k / (len(self.options) - 1) if len(self.options) > 1 else 0.5
        return (k + 0.5) / len(self.options)

    def place(self, value: Any) -> float:
        """Coordinate of any value: as `encode`, but > 1 where it is no option.

        Beside the others, in a cell of its own; on an ordered scale, where its rank is not known, one width from the
        middle.
        """
        if self.contains(value):
            return self.encode(value)
        return 0.5 + _ELSEWHERE if self.ordered else 1.0 + 0.5 / len(self.options)

    def decode(self, u: float) -> Value:
        """The option nearest to coordinate u; u outside [0, 1] is clipped."""
        last = len(self.options) - 1
        u = min(max(u, 0.0), 1.0)
        return self.options[round(u * last) if self.ordered else min(int(u * (last + 1)), last)]

    def quantile(self, v: float) -> Value:
        """The option in whose cell v in [0, 1) lies; all options are equally likely."""
        return self.options[min(int(v * len(self.options)), len(self.options) - 1)]

    def decode_all(self, u: NDArray[np.float64]) -> Column:
        """The options nearest to coordinates u, shape (n,), as a column."""
        return self._table[self._indices(u)]

    def _indices(self, u: NDArray[np.float64]) -> NDArray[np.int64]:
        last = len(self.options) - 1
        u = np.clip(u, 0.0, 1.0)
        k = np.rint(u * last) if self.ordered else np.minimum(np.floor(u * (last + 1)), last)
        return k.astype(np.intp)

    def quantile_all(self, v: NDArray[np.float64]) -> Column:
        """The options in whose cells v in [0, 1), shape (n,), lie, as a column."""
        k = np.minimum(np.floor(v * len(self.options)), len(self.options) - 1)
        return self._table[k.astype(np.intp)]

    def sample(self, rng: Any) -> Value:
        """One option, all equally likely. `rng` is a `numpy.random.Generator`."""
        return self.quantile(rng.random())

    def grid(self, levels: int) -> list[Value]:
        """All options: leaving one out would not be a grid."""
        return list(self.options)

    def contains(self, value: object) -> bool:
        """Whether the value is one of the options (True is not 1, 1 is not 1.0)."""
        try:
            return (type(value), value) in self._index
        except TypeError:  # an unhashable value
            return False

    def can_equal(self, value: Value) -> bool:
        """Whether a comparison with this value makes sense: whether it equals an option of the same kind."""
        return any(option == value and _kind(option) == _kind(value) for option in self.options)

    def adopt(self, value: Any) -> Any:
        """The value as a plain Python object (a NumPy scalar becomes one)."""
        return _plain(value)

    def near(self, value: Any) -> Value | None:
        """The value itself if it is an option; else None: no option is nearer to it than another."""
        value = self.adopt(value)
        return value if self.contains(value) else None

    def middle(self) -> Value:
        """The option that stands for this dimension where no default was given: the first likely one, or the first."""
        return self.likely[0] if self.likely else self.options[0]

    def check(self, name: str) -> None:
        """Raises `SpaceError` if this declaration makes no sense; the message names `name`, value and remedy."""
        if not self.options:
            raise SpaceError(f"{name!r}: a Choice needs at least one option, got none.")
        seen: list[Value] = []
        for option in self.options:
            if not isinstance(option, (str, int, float, bool)):
                raise SpaceError(
                    f"{name!r}: an option must be a string, a number or a truth value, got {option!r}. "
                    f"Use a name for it and look the object up in your own code."
                )
            if option in seen:
                raise SpaceError(f"{name!r}: the option {option!r} is given twice. Remove one of the two.")
            if isinstance(option, float) and not math.isfinite(option):
                raise SpaceError(
                    f"{name!r}: an option must be finite, got {option!r}. Use the string 'inf' for it, say."
                )
            seen.append(option)
        self._check_branches(name)
        if self.likely is not None:
            self._check_likely(name, self.likely)
        if self.default is not MISSING and not self.contains(self.default):
            raise SpaceError(
                f"{name!r}: the default {self.default!r} is not an option. Choose one of {_listed(self.options)}."
            )

    def _check_likely(self, name: str, likely: tuple[Value, ...]) -> None:
        for option in likely:
            if not self.contains(option):
                raise SpaceError(
                    f"{name!r}: the likely option {option!r} is not an option. Choose of {_listed(self.options)}."
                )
        if not 0 < len(set(likely)) == len(likely) < len(self.options):
            raise SpaceError(
                f"{name!r}: likely must name some of the options, each once, and not all of them, got {likely!r}. "
                f"Leave it out if all are alike to you."
            )

    def _check_branches(self, name: str) -> None:
        written = [str(option) for option in self.options]
        for option in self.branches:
            if written.count(str(option)) > 1:
                raise SpaceError(
                    f"{name!r}: option {option!r} carries a Space, but another option is written {str(option)!r} as "
                    f"well. Rename one of the two."
                )

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON and TOML; `Space.from_dict` reads it."""
        out: dict[str, Any] = {"type": "choice", "options": list(self.options)}
        if self.branches:
            out["branches"] = {str(option): space.to_dict() for option, space in self.branches.items()}
        if self.ordered:
            out["ordered"] = True
        if self.default is not MISSING:
            out["default"] = self.default
        if self.likely is not None:
            out["likely"] = list(self.likely)
        return out


Dimension = Float | Int | Choice
"""The values that one hyperparameter may take."""


def _kind(value: Value) -> str:
    return "truth" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"


def _opens(branch: Any) -> bool:
    """Whether an option's branch holds any hyperparameter; what is no Space at all is refused later."""
    return branch is not None and not (isinstance(branch, Sized) and len(branch) == 0)


def _listed(options: Sequence[Value]) -> str:
    return ", ".join(map(repr, options))


def _choice_from(name: str, form: Mapping[str, Any], read_space: Any) -> Choice:
    options = form.get("options")
    if not isinstance(options, (list, tuple)):
        raise SpaceError(f"{name!r}: a choice needs options = [...], got {options!r}.")
    written = [str(option) for option in options]
    branches = form.get("branches", {})
    if not isinstance(branches, Mapping):
        raise SpaceError(f"{name!r}: branches must be a table of spaces by option, got {branches!r}.")
    unknown = [option for option in branches if option not in written]
    if unknown:
        raise SpaceError(f"{name!r}: branch {unknown[0]!r} is not an option. Options: {_listed(options)}.")
    settings = {key: form[key] for key in ("ordered", "default", "likely") if key in form}
    choice = Choice(options, **settings)
    choice.check(name)  # before the mapping below, in which an option that is given twice would be lost
    if not branches:
        return choice
    spaces = [read_space(branches[key]) if key in branches else None for key in written]
    return choice.with_branches(dict(zip(options, spaces, strict=True)))


_KEYS = {
    "float": {"type", "low", "high", "log", "step", "default", "likely"},
    "int": {"type", "low", "high", "log", "step", "default", "likely"},
    "choice": {"type", "options", "branches", "ordered", "default", "likely"},
}


def dimension_from_dict(name: str, form: Mapping[str, Any], read_space: Any) -> Dimension:
    """The dimension that `to_dict` wrote; `read_space` reads the sub-spaces of branches."""
    kind = form["type"]
    unknown = set(form) - _KEYS[kind]
    if unknown:
        known = ", ".join(sorted(_KEYS[kind]))
        raise SpaceError(f"{name!r}: a {kind} has no setting {min(unknown)!r}. Known: {known}.")
    if kind == "choice":
        return _choice_from(name, form, read_space)
    if "low" not in form or "high" not in form:
        raise SpaceError(f"{name!r}: a {kind} needs low and high, got {dict(form)}.")
    settings = {key: form[key] for key in ("log", "step", "default", "likely") if key in form}
    return (Float if kind == "float" else Int)(form["low"], form["high"], **settings)
