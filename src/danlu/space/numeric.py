"""Float and Int: hyperparameters that are numbers, perhaps on a log scale, perhaps in steps."""

import math
import sys
from collections.abc import Iterable
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from danlu.errors import SpaceError
from danlu.space.belief import Normal, normal_between
from danlu.space.column import Column, column
from danlu.space.value import ELSEWHERE, MISSING, Value, is_finite, plain

# A coordinate is a double: up to here every whole number survives encode and decode, on a log scale too.
_LARGEST_INT = 10**13

_STRAIGHT = 1e-3  # share of low below which a range has no curvature, and its logarithms have too few digits to tell

_TABLE = 4096  # levels up to which those of a column are looked up; beyond, they may be off by a rounding

_FARTHEST = 10.0  # widths of a range, beyond which values that are out of it are not told apart


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
        self.low, self.high, self.log = plain(low), plain(high), log
        self.step, self.default = plain(step), plain(default)
        self.likely = tuple(map(plain, likely)) if isinstance(likely, (list, tuple)) else likely

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
            return 0.5 + ELSEWHERE
        if low == high:
            return 0.5 if self.low <= value <= self.high else 0.5 + math.copysign(ELSEWHERE, value - self.low)
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
        value = plain(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return value
        if self.kind == "float":
            return float(value)
        return int(value) if value == value // 1 else value

    def near(self, value: Any) -> Any:
        """The value nearest to a number within the bounds; None for what is no such number."""
        value = plain(value)
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
            if not is_finite(number):
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
        if not isinstance(likely, tuple) or len(likely) != 2 or not all(map(is_finite, likely)):
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
