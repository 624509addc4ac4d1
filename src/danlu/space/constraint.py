"""Constraint: a condition on hyperparameters that is known before anything runs, such as layers * width <= 4096.

It is checked against the dimensions once, where the space is declared: names, types, options. After that it can be
asked of any number of configs at once; never is any of it given to Python to run.

Notation
    column: values of one hyperparameter in n configs, shape (n,); see `column`
    truth: 1.0, 0.0, or NaN where arithmetic has no value (0 / 0, the logarithm of a negative number), shape (n,):
        Kleene's three values, so that `x <= 0 or log(x) < 1` is true at x = -1
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from danlu.errors import UnknownName
from danlu.space.column import Column, column, is_active
from danlu.space.dimension import Dimension
from danlu.space.expression import (
    Arithmetic,
    Call,
    Comparison,
    Junction,
    Literal,
    Name,
    Negation,
    Negative,
    Node,
    Options,
    complaint,
    parse,
    quoted,
)
from danlu.space.value import Value

Bools = NDArray[np.bool_]
Columns = Mapping[str, Column]

_SIGNS: dict[str, Any] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.true_divide, "//": np.floor_divide, "%": np.mod,
    "**": np.power, "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal,
    "!=": np.not_equal,
}  # fmt: skip
_FUNCTIONS: dict[str, Any] = {"abs": np.abs, "log": np.log, "max": np.maximum, "min": np.minimum}
_NUMBER, _TEXT, _TRUTH = (frozenset({kind}) for kind in ("number", "text", "truth"))


@dataclass(frozen=True)
class Constraint:
    """A condition that configs must satisfy.

    A hyperparameter that is inactive makes a constraint that mentions it hold: there is nothing to constrain. Numbers
    are doubles. Where arithmetic has no value, what is made of it is neither true nor false; a constraint that comes
    out so does not hold.

    Attributes:
        text: as it was written, such as "optimizer != 'sgd' or lr < 0.1".
        prefix: what the names in it lack of the full names: "model." of a constraint of the group `model`.

    Raises:
        SpaceError: the text is no expression.
    """

    text: str
    prefix: str = ""

    def __post_init__(self) -> None:
        self.tree  # noqa: B018  # here, so that nothing can fail later

    def __str__(self) -> str:
        return f"{self.text!r} of {self.prefix[:-1]!r}" if self.prefix else repr(self.text)

    @cached_property
    def tree(self) -> Node:
        """What the text says."""
        return parse(self.text)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Full names of the hyperparameters that it mentions, each once."""
        return tuple(dict.fromkeys(self.prefix + name.name for name in _names(self.tree)))

    def check(self, dimensions: Mapping[str, Dimension]) -> None:
        """Raises `SpaceError` if it makes no sense for hyperparameters of these full names."""
        kinds = _Check(self, dimensions).kinds(self.tree)
        if kinds != _TRUTH:
            raise complaint(self.text, None, f"expected a condition, such as {self.text} <= 1, got a {_said(kinds)}.")
        if not self.names:
            raise complaint(self.text, None, "expected a condition on hyperparameters, but it mentions none.")

    def holds(self, config: Mapping[str, Value]) -> bool:
        """Whether a config satisfies it."""
        if any(name not in config for name in self.names):
            return True
        return bool(self.holds_in({name: column([config[name]]) for name in self.names}, 1)[0])

    def holds_in(self, columns: Columns, count: int) -> Bools:
        """Which of `count` configs satisfy it, shape (count,); a column that is missing is inactive in all of them."""
        held = np.ones(count, dtype=bool)
        if any(name not in columns for name in self.names):
            return held
        active = np.logical_and.reduce([is_active(columns[name]) for name in self.names])
        with np.errstate(all="ignore"):
            truth = _Values({name: columns[name][active] for name in self.names}, self.prefix).of(self.tree)
        held[active] = truth == 1.0
        return held

    def values(self, config: Mapping[str, Value]) -> str:
        """The values in a config of what it mentions, in words."""
        return ", ".join(f"{name} = {config[name]!r}" for name in self.names if name in config)


def _names(node: Node) -> Iterator[Name]:
    match node:
        case Name():
            yield node
        case Negative() | Negation():
            yield from _names(node.inner)
        case Arithmetic() | Comparison():
            for part in (node.first, *(operand for _, operand in node.rest)):
                yield from _names(part)
        case Call():
            for part in node.arguments:
                yield from _names(part)
        case Options():
            for part in node.members:
                yield from _names(part)
        case Junction():
            for part in node.parts:
                yield from _names(part)


# types ----------------------------------------------------------------------------------------------------------------


def _said(kinds: frozenset[str]) -> str:
    return " or ".join(sorted("truth value" if kind == "truth" else kind for kind in kinds))


@dataclass(frozen=True)
class _Check:
    """Finds the kinds of values that nodes can have: "number", "text", "truth"; of a mixed choice several."""

    constraint: Constraint
    dimensions: Mapping[str, Dimension]

    def kinds(self, node: Node) -> frozenset[str]:
        match node:
            case Literal(_, value):
                return _TRUTH if isinstance(value, bool) else _TEXT if isinstance(value, str) else _NUMBER
            case Name():
                return self.dimension(node).kinds
            case Negative(at, inner):
                self.require(inner, _NUMBER, at, "-")
                return _NUMBER
            case Arithmetic(at, first, rest):
                self.require(first, _NUMBER, at, rest[0][0])
                for sign, operand in rest:
                    self.require(operand, _NUMBER, at, sign)
                return _NUMBER
            case Call(at, function, arguments):
                for argument in arguments:
                    self.require(argument, _NUMBER, at, function)
                return _NUMBER
            case Negation(at, inner):
                self.require(inner, _TRUTH, at, "not")
            case Junction(at, word, parts):
                for part in parts:
                    self.require(part, _TRUTH, at, word)
            case Comparison(at, first, rest):
                self.compare(first, rest, at)
        return _TRUTH

    def refuse(self, at: int, said: str) -> NoReturn:
        raise complaint(self.constraint.text, at, said)

    def dimension(self, node: Name) -> Dimension:
        prefix = self.constraint.prefix
        found = self.dimensions.get(prefix + node.name)
        if found is None:
            known = [quoted(name.removeprefix(prefix)) for name in self.dimensions if name.startswith(prefix)]
            self.refuse(node.at, str(UnknownName("hyperparameter", node.name, known)))
        return found

    def require(self, node: Node, wanted: frozenset[str], at: int, sign: str) -> None:
        kinds = self.kinds(node)
        if kinds != wanted:
            self.refuse(at, f"{sign} needs a {_said(wanted)}, got {self.named(node)}a {_said(kinds)}.")

    def named(self, node: Node) -> str:
        return f"{node.name!r}, " if isinstance(node, Name) else ""

    def compare(self, first: Node, rest: tuple[tuple[str, Node], ...], at: int) -> None:
        if any(isinstance(right, Options) for _, right in rest[:-1]):
            self.refuse(at, "nothing can be compared with the options behind `in`. Use and between two comparisons.")
        left = first
        for sign, right in rest:
            if isinstance(right, Options):
                for member in right.members:
                    self.equal(left, member)
            elif sign in ("==", "!="):
                self.equal(left, right)
            else:
                self.require(left, _NUMBER, at, sign)
                self.require(right, _NUMBER, at, sign)
            left = right

    def equal(self, left: Node, right: Node) -> None:
        """Refuses an equality that can never be true: of other types, or with what is no option."""
        for name, other in ((left, right), (right, left)):
            if isinstance(name, Name) and isinstance(other, Literal):
                dimension = self.dimension(name)
                if not dimension.can_equal(other.value):
                    self.refuse(other.at, f"{name.name!r} is never {_written(other.value)}: it is {dimension}.")
                return
        one, two = self.kinds(left), self.kinds(right)
        if one != two or len(one) > 1:
            self.refuse(right.at, f"a {_said(one)} can't be compared with a {_said(two)}.")


def _written(value: float | str | bool) -> str:
    return f"{value:g}" if type(value) is float else repr(value)


# values ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Values:
    """Values of nodes, shape (n,) or a single one: numbers, truths, or objects."""

    columns: Columns
    prefix: str

    def of(self, node: Node) -> Any:
        match node:
            case Literal(_, value):
                return np.array(value, dtype=object) if isinstance(value, str) else np.float64(value)
            case Name(_, name):
                return self.columns[self.prefix + name]
            case Negative(_, inner):
                return -self.of(inner)
            case Arithmetic(_, first, rest):
                return reduce(lambda x, term: _SIGNS[term[0]](x, self.of(term[1])), rest, self.of(first))
            case Call(_, "abs" | "log" as function, (argument,)):
                return _FUNCTIONS[function](self.of(argument))
            case Call(_, function, arguments):
                return reduce(_FUNCTIONS[function], map(self.of, arguments))
            case Negation(_, inner):
                return 1.0 - self.of(inner)
            case Junction(_, word, parts):
                return reduce(_both if word == "and" else _either, map(self.of, parts))
            case Comparison(_, first, rest):
                return self.chain(self.of(first), rest)
        raise AssertionError(node)  # options stand behind `in` only

    def chain(self, left: Any, rest: tuple[tuple[str, Node], ...]) -> Any:
        truth: Any = np.float64(1.0)
        for sign, node in rest:
            if isinstance(node, Options):
                found = reduce(_either, [_compared("==", left, self.of(member)) for member in node.members])
                truth = _both(truth, found if sign == "in" else 1.0 - found)
            else:
                right = self.of(node)
                truth, left = _both(truth, _compared(sign, left, right)), right
        return truth


def _compared(sign: str, left: Any, right: Any) -> Any:
    return np.where(_unknown(left) | _unknown(right), np.nan, _SIGNS[sign](left, right))


def _unknown(value: Any) -> Any:
    return np.False_ if value.dtype == object else np.isnan(value)


def _both(x: Any, y: Any) -> Any:
    return np.where((x == 0.0) | (y == 0.0), 0.0, x * y)  # NaN where nothing is false and something unknown


def _either(x: Any, y: Any) -> Any:
    return np.where((x == 1.0) | (y == 1.0), 1.0, np.maximum(x, y))
