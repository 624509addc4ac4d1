"""Choice: a hyperparameter that is one of several options, each of which may open a branch of others."""

import math
from collections.abc import Mapping, Sequence, Sized
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from danlu.errors import SpaceError
from danlu.space.belief import Weights, weights_of
from danlu.space.column import Column, column
from danlu.space.value import ELSEWHERE, MISSING, Value, plain


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
        self.options: tuple[Value, ...] = tuple(map(plain, options))
        self.branches: dict[Value, Any] = branches
        self.ordered, self.default = ordered, plain(default)
        likely = (likely,) if likely is not None and not isinstance(likely, (list, tuple)) else likely
        self.likely: tuple[Value, ...] | None = None if likely is None else tuple(map(plain, likely))

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
        return 0.5 + ELSEWHERE if self.ordered else 1.0 + 0.5 / len(self.options)

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
        return plain(value)

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
                f"{name!r}: the default {self.default!r} is not an option. Choose one of {listed(self.options)}."
            )

    def _check_likely(self, name: str, likely: tuple[Value, ...]) -> None:
        for option in likely:
            if not self.contains(option):
                raise SpaceError(
                    f"{name!r}: the likely option {option!r} is not an option. Choose of {listed(self.options)}."
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


def _kind(value: Value) -> str:
    return "truth" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"


def _opens(branch: Any) -> bool:
    """Whether an option's branch holds any hyperparameter; what is no Space at all is refused later."""
    return branch is not None and not (isinstance(branch, Sized) and len(branch) == 0)


def listed(options: Sequence[Value]) -> str:
    """Options as a message names them."""
    return ", ".join(map(repr, options))
