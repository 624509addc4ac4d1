"""Expressions: the small language in which constraints between hyperparameters are written.

    either     = both { "or" both }
    both       = negation { "and" negation }
    negation   = "not" negation | comparison
    comparison = sum { "<" sum | "<=" sum | "==" sum | "!=" sum | ">" sum | ">=" sum | ["not"] "in" options }
    options    = "(" sum { "," sum } ")"
    sum        = product { "+" product | "-" product }
    product    = signed { "*" signed | "/" signed | "//" signed | "%" signed }
    signed     = "-" signed | power
    power      = atom [ "**" signed ]
    atom       = NUMBER | 'text' | "text" | true | false | NAME
               | FUNCTION "(" either { "," either } ")" | "(" either ")"

Precedence and meaning are Python's, but nothing of it is given to Python: the text becomes a tree of the nodes below,
so there is nothing that could be executed. A NAME is dotted, as in optimizer.sgd.momentum; one with spaces or other
signs stands in `backquotes`. A NUMBER is a double, so ** costs as little as +. Length and depth of a text are bounded.
"""

import re
from dataclasses import dataclass
from typing import Literal as OneOf
from typing import NoReturn

from danlu.errors import SpaceError, UnknownName

LONGEST = 1_000
"""Characters of an expression: more than anybody reads."""

DEEPEST = 20  # parentheses, signs and negations within each other; each costs ten frames of Python's stack

ARITIES = {"abs": (1, 1), "log": (1, 1), "max": (2, LONGEST), "min": (2, LONGEST)}
"""Functions, and how many arguments they take: at least, at most. `log` is the natural logarithm."""


@dataclass(frozen=True)
class Literal:
    """A number, a text or a truth value."""

    at: int
    value: float | str | bool


@dataclass(frozen=True)
class Name:
    """A hyperparameter."""

    at: int
    name: str


@dataclass(frozen=True)
class Negative:
    """−x."""

    at: int
    inner: "Node"


@dataclass(frozen=True)
class Arithmetic:
    """A first operand, then operators with theirs, from left to right: x − y + z."""

    at: int
    first: "Node"
    rest: "tuple[tuple[str, Node], ...]"


@dataclass(frozen=True)
class Call:
    """A function of numbers."""

    at: int
    function: str
    arguments: "tuple[Node, ...]"


@dataclass(frozen=True)
class Options:
    """What stands behind `in`."""

    at: int
    members: "tuple[Node, ...]"


@dataclass(frozen=True)
class Comparison:
    """A chain such as 1 < x <= y: each operator compares what stands beside it."""

    at: int
    first: "Node"
    rest: "tuple[tuple[str, Node], ...]"


@dataclass(frozen=True)
class Negation:
    """Not x."""

    at: int
    inner: "Node"


@dataclass(frozen=True)
class Junction:
    """All of the parts (`and`), or any of them (`or`)."""

    at: int
    word: OneOf["and", "or"]
    parts: "tuple[Node, ...]"


Node = Literal | Name | Negative | Arithmetic | Call | Options | Comparison | Negation | Junction
"""A tree. `at` is the place in the text, in characters from 0, at which a node begins or its operator stands."""


def complaint(text: str, at: int | None, said: str) -> SpaceError:
    """The error that says what is wrong at a place of an expression."""
    shown = text if len(text) <= 200 else f"{text[:200]}..."
    return SpaceError(f"where {shown!r}{'' if at is None else f', character {at + 1}'}: {said}")


def quoted(name: str) -> str:
    """The name of a hyperparameter as an expression writes it: in backquotes where it needs them."""
    match = _TOKEN.fullmatch(name)
    return name if match and match.lastgroup == "name" and name.lower() not in _WORDS else f"`{name}`"


def parse(text: str) -> Node:
    """The tree of an expression.

    Raises:
        SpaceError: the text is none; the message says where, what came and what was expected.
    """
    if len(text) > LONGEST:
        raise complaint(text, None, f"expected at most {LONGEST} characters, got {len(text)}. Split it into several.")
    parser = _Parser(text, _tokens(text))
    tree = parser.either()
    if parser.kind != "end":
        parser.refuse("an operator, such as <=, *, and, or the end")
    return tree


# reading --------------------------------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![\w.])
      | (?P<text>'[^']*'|"[^"]*")
      | (?P<quoted>`[^`]+`)
      | (?P<name>[^\W\d]\w*(?:\.\w+)*)
      | (?P<sign>\*\*|//|<=|>=|==|!=|[-+*/%<>(),])""",
    re.VERBOSE,
)
_WORDS = frozenset({"and", "or", "not", "in", "true", "false"})
_ORDERS = ("<", "<=", "==", "!=", ">", ">=")
_INSTEAD = {"=": "==", "&": "and", "|": "or", "!": "not", "~": "not", "^": "**"}


@dataclass(frozen=True)
class _Token:
    kind: str  # number, text, quoted, name, sign, word (a sign in letters), end
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    tokens, at, end = [], 0, len(text.rstrip())
    while at < end:
        if text[at].isspace():
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            raise _unreadable(text, at)
        kind = "word" if match.group() in (*_WORDS, "True", "False") else str(match.lastgroup)
        tokens.append(_Token(kind, match.group(), at))
        at = match.end()
    return [*tokens, _Token("end", "", end)]


def _unreadable(text: str, at: int) -> SpaceError:
    if text[at] in "'\"`":
        return complaint(text, at, f"the quote {text[at]} is never closed.")
    if text[at] in _INSTEAD:
        return complaint(text, at, f"{text[at]!r} is no operator here. Write {_INSTEAD[text[at]]}.")
    word = re.split(r"[\s()]", text[at:], maxsplit=1)[0]
    return complaint(text, at, f"expected a name, a number, a 'text' or an operator, got {word[:40]!r}.")


class _Parser:
    """Goes through the tokens once, from left to right; a method a rule of the grammar."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self.text, self.tokens = text, tokens
        self.k = self.depth = 0

    @property
    def kind(self) -> str:
        return self.tokens[self.k].kind

    @property
    def at(self) -> int:
        return self.tokens[self.k].at

    def sees(self, *signs: str) -> bool:
        token = self.tokens[self.k]
        return token.kind in ("sign", "word") and token.text in signs

    def take(self) -> str:
        self.k += 1
        return self.tokens[self.k - 1].text

    def expect(self, sign: str, wanted: str) -> None:
        if not self.sees(sign):
            self.refuse(wanted)
        self.k += 1

    def refuse(self, wanted: str) -> NoReturn:
        token = self.tokens[self.k]
        raise complaint(self.text, token.at, f"expected {wanted}, got {repr(token.text) if token.text else 'the end'}.")

    def within(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise complaint(self.text, self.at, f"nested more than {DEEPEST} deep. Split it into several constraints.")

    def either(self) -> Node:
        at, parts = self.at, [self.both()]
        while self.sees("or"):
            self.take()
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Junction(at, "or", tuple(parts))

    def both(self) -> Node:
        at, parts = self.at, [self.negation()]
        while self.sees("and"):
            self.take()
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else Junction(at, "and", tuple(parts))

    def negation(self) -> Node:
        if not self.sees("not"):
            return self.comparison()
        at, _ = self.at, self.take()
        self.within()
        inner = self.negation()
        self.depth -= 1
        return Negation(at, inner)

    def comparison(self) -> Node:
        first, at, rest = self.sum(), self.at, list[tuple[str, Node]]()
        while self.sees(*_ORDERS, "in", "not"):
            operator = self.take()
            if operator == "not":
                self.expect("in", "'in' after 'not'")
                operator = "not in"
            rest.append((operator, self.options() if operator.endswith("in") else self.sum()))
        return Comparison(at, first, tuple(rest)) if rest else first

    def options(self) -> Options:
        at = self.at
        self.expect("(", "the options in parentheses, such as in ('sgd', 'adam')")
        members = [self.sum()]
        while self.sees(","):
            self.take()
            if not self.sees(")"):  # ('sgd',) is a list of one, as in Python
                members.append(self.sum())
        self.expect(")", "',' or ')'")
        return Options(at, tuple(members))

    def sum(self) -> Node:
        first, at, rest = self.product(), self.at, list[tuple[str, Node]]()
        while self.sees("+", "-"):
            rest.append((self.take(), self.product()))
        return Arithmetic(at, first, tuple(rest)) if rest else first

    def product(self) -> Node:
        first, at, rest = self.signed(), self.at, list[tuple[str, Node]]()
        while self.sees("*", "/", "//", "%"):
            rest.append((self.take(), self.signed()))
        return Arithmetic(at, first, tuple(rest)) if rest else first

    def signed(self) -> Node:
        if not self.sees("-"):
            return self.power()
        at, _ = self.at, self.take()
        self.within()
        inner = self.signed()
        self.depth -= 1
        return Negative(at, inner)

    def power(self) -> Node:
        base, at = self.atom(), self.at
        if not self.sees("**"):
            return base
        self.take()
        self.within()
        exponent = self.signed()
        self.depth -= 1
        return Arithmetic(at, base, (("**", exponent),))

    def atom(self) -> Node:
        token = self.tokens[self.k]
        if token.kind == "number":
            return Literal(token.at, self.number())
        if self.sees("true", "True", "false", "False"):
            return Literal(token.at, self.take().lower() == "true")
        if token.kind in ("text", "quoted"):
            inner = self.take()[1:-1]
            return Literal(token.at, inner) if token.kind == "text" else Name(token.at, inner)
        if token.kind == "name":
            name = self.take()
            return self.call(name, token.at) if self.sees("(") else Name(token.at, name)
        if not self.sees("("):
            self.refuse("a name, a number, a 'text', a function or '('")
        return self.listed(1, "')'")[0]

    def number(self) -> float:
        number = float(self.tokens[self.k].text)
        if number == float("inf"):
            self.refuse("a finite number")
        self.k += 1
        return number

    def call(self, function: str, at: int) -> Call:
        if function not in ARITIES:
            raise complaint(self.text, at, str(UnknownName("function", function, list(ARITIES))))
        least, most = ARITIES[function]
        wanted = "')', as it takes one number" if most == 1 else "',' or ')'"
        arguments = self.listed(most, wanted)
        if len(arguments) < least:
            raise complaint(self.text, at, f"{function} takes {least} numbers or more, got {len(arguments)}.")
        return Call(at, function, arguments)

    def listed(self, most: int, wanted: str) -> tuple[Node, ...]:
        """Expressions in parentheses, with commas between them, at most so many."""
        self.within()
        self.expect("(", "'('")
        members = [self.either()]
        while self.sees(",") and len(members) < most:
            self.take()
            members.append(self.either())
        self.expect(")", wanted)
        self.depth -= 1
        return tuple(members)
