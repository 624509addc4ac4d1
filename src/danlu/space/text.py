"""Space <-> TOML, JSON and short text: how a person writes down what may be tried.

    [space]
    lr = "1e-5..1e-1 log default=1e-3"        LOW..HIGH [log] [step=S] [default=D] [likely LOW..HIGH]
    batch = "16 | 32 | 64 ordered"            A | B | C [ordered] [default=A] [likely A | B]
    where = ["batch * model.width <= 4096"]   constraints: a list; a hyperparameter may be called `where` as well

    [space.model]                             a table without `type` is a group; it may have a `where` of its own
    width = "16..512 log"

    [space.optimizer]                         a table with `type` is what `Space.to_dict` writes
    type = "choice"
    options = ["sgd", "adam"]
    branches.sgd.momentum = "0.0..0.99"

A range is an Int if both bounds are whole numbers without point and exponent, else a Float. An option is a number,
true, false or a string; 'quotes' make anything a string.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import tomli_w

from danlu.errors import SpaceError
from danlu.space.choice import Choice
from danlu.space.dimension import Dimension, dimension_from_dict
from danlu.space.numeric import Float, Int, Numeric
from danlu.space.space import Space, split_where
from danlu.space.value import MISSING, Value

_NUMBER = r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\s*\.\.\s*({_NUMBER})(?!\S)(.*)", re.DOTALL)
_LIKELY = re.compile(rf"\blikely(?:\s*=\s*|\s+)({_NUMBER})\s*\.\.\s*({_NUMBER})(?!\S)")
_TOKEN = re.compile(
    r"\s*(?:(?P<bar>\|)|(?P<default>default=)|(?P<likely>likely=)|(?P<quoted>'[^']*')|(?P<word>[^\s|'=]+))"
)
_BARE = re.compile(r"[^\W\d]\w*(?:[-+./]\w+)*")
_KEYWORDS = frozenset({"true", "false", "log", "ordered", "default", "step", "likely"})
_EXPECTED = (
    "expected LOW..HIGH [log] [step=S] [default=D] [likely LOW..HIGH], such as '1e-5..1e-1 log', "
    "or A | B | C [ordered] [default=A] [likely A | B], such as 'relu | gelu'"
)


# short text -----------------------------------------------------------------------------------------------------------


def parse_dimension(name: str, text: str) -> Dimension:
    """The dimension that a short text such as "16..512 log" or "relu | gelu" stands for.

    Raises:
        SpaceError: the text is none, or makes no sense as a dimension; `name` is whom the message is about.
    """
    match = _RANGE.fullmatch(text)
    dimension = _parse_range(name, *match.groups()) if match else _parse_choice(name, text)
    dimension.check(name)
    return dimension


def _parse_range(name: str, low: str, high: str, rest: str) -> Float | Int:
    settings: dict[str, Any] = {}
    said = rest.strip()
    rest, likely = _split_likely(rest)
    for word in rest.split():
        key, equals, number = word.partition("=")
        is_setting = key in ("step", "default") and re.fullmatch(_NUMBER, number)
        if key in settings or not (is_setting or word == "log"):
            raise SpaceError(
                f"{name!r}: {word!r} can't stand after the range {low}..{high}; once each may stand there: log, "
                f"step=NUMBER, default=NUMBER, likely LOW..HIGH. Write '{low}..{high} log', say."
            )
        settings[key] = _number(number) if equals else True
    if isinstance(_number(low), int) and isinstance(_number(high), int):
        if not all(isinstance(value, int) for value in (*settings.values(), *(likely or ()))):
            remedy = f"Write {low}.0..{high}.0 for real numbers."
            raise SpaceError(f"{name!r}: {low}..{high} are whole numbers, but {said!r} is not. {remedy}")
        return Int(int(low), int(high), **settings, likely=likely)  # type: ignore[arg-type]
    settings.update({key: float(settings[key]) for key in ("step", "default") if key in settings})
    return Float(float(low), float(high), **settings, likely=likely and (float(likely[0]), float(likely[1])))


def _split_likely(rest: str) -> tuple[str, tuple[float, float] | None]:
    """What stands after a range without `likely LOW..HIGH`, and these two; a second one is left for the message."""
    match = _LIKELY.search(rest)
    if match is None:
        return rest, None
    return rest[: match.start()] + rest[match.end() :], (_number(match[1]), _number(match[2]))


def _number(literal: str) -> int | float:
    return int(literal) if re.fullmatch(r"[+-]?\d+", literal) else float(literal)


def _parse_choice(name: str, text: str) -> Choice:
    """A | B | C, then perhaps `ordered`, `default=A` and `likely A | B`, in any order."""
    tokens = list(_tokens(name, text))
    options, k = _options(name, text, tokens, 0)
    if len(options) < 2:
        raise SpaceError(f"{name!r}: {_EXPECTED}; got {text!r}.")
    settings: dict[str, Any] = {}
    while k < len(tokens):
        if tokens[k] == ("word", "ordered") and "ordered" not in settings:
            settings["ordered"] = True
            k += 1
        elif tokens[k][0] == "default" and "default" not in settings:
            settings["default"] = _option(name, text, tokens, k + 1)
            k += 2
        elif tokens[k] in (("likely", "likely="), ("word", "likely")) and "likely" not in settings:
            settings["likely"], k = _options(name, text, tokens, k + 1)
        else:
            raise SpaceError(f"{name!r}: {_EXPECTED}; got {text!r}, where {tokens[k][1]!r} is too much.")
    return Choice(*options, **settings)


def _tokens(name: str, text: str) -> Iterator[tuple[str, str]]:
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise SpaceError(f"{name!r}: {_EXPECTED}; got {text!r}, unreadable from {text[position:].strip()!r}.")
        yield str(match.lastgroup), match.group(str(match.lastgroup))
        position = match.end()


def _options(name: str, text: str, tokens: list[tuple[str, str]], k: int) -> tuple[list[Value], int]:
    """A | B | C from the k-th token on, and the number of the token behind them."""
    options = [_option(name, text, tokens, k)]
    while tokens[k + 1 : k + 2] == [("bar", "|")]:
        k += 2
        options.append(_option(name, text, tokens, k))
    return options, k + 1


def _option(name: str, text: str, tokens: list[tuple[str, str]], k: int) -> Value:
    kind, token = tokens[k] if k < len(tokens) else ("nothing", "")
    if kind == "quoted":
        return token[1:-1]
    if kind != "word" or ".." in token:
        found = repr(token) if token else "the end"
        raise SpaceError(f"{name!r}: {_EXPECTED}; got {text!r}, where {found} stands in the place of an option.")
    if token in ("true", "false"):
        return token == "true"
    return _number(token) if re.fullmatch(_NUMBER, token) else token


def format_dimension(dimension: Dimension) -> str | None:
    """The short text that `parse_dimension` reads.

    None if it can't be said so: a choice with branches, with a single option, or with a quote in an option.
    """
    return _format_range(dimension) if isinstance(dimension, Numeric) else _format_choice(dimension)


def _format_range(dimension: Float | Int) -> str:
    write = _format_number if isinstance(dimension, Int) else lambda number: _format_number(float(number))
    words = [f"{write(dimension.low)}..{write(dimension.high)}"]
    words += ["log"] * dimension.log
    if dimension.step is not None and not (isinstance(dimension, Int) and dimension.step == 1):
        words.append(f"step={write(dimension.step)}")
    if dimension.default is not MISSING:
        words.append(f"default={write(dimension.default)}")
    if dimension.likely is not None:
        words.append(f"likely {write(dimension.likely[0])}..{write(dimension.likely[1])}")
    return " ".join(words)


def _format_number(number: float) -> str:
    return re.sub(r"e\+?(-?)0*", r"e\1", repr(number))  # 1e-05 -> 1e-5, 1e+16 -> 1e16


def _format_choice(choice: Choice) -> str | None:
    if choice.branches or len(choice.options) < 2 or any("'" in str(option) for option in choice.options):
        return None
    words = [" | ".join(map(_format_option, choice.options))]
    words += ["ordered"] * choice.ordered
    if choice.default is not MISSING:
        words.append(f"default={_format_option(choice.default)}")
    if choice.likely is not None:
        words.append(f"likely {' | '.join(map(_format_option, choice.likely))}")
    return " ".join(words)


def _format_option(option: Value) -> str:
    if isinstance(option, bool):
        return "true" if option else "false"
    if not isinstance(option, str):
        return _format_number(option)
    return option if _BARE.fullmatch(option) and option not in _KEYWORDS else f"'{option}'"


# the command line -----------------------------------------------------------------------------------------------------


def parse_item(item: str) -> tuple[str, Dimension]:
    """Name and dimension of a command-line item such as "lr=1e-5..1e-1 log"."""
    name, equals, text = (part.strip() for part in item.partition("="))
    if not equals or not all(name.split(".")):
        raise SpaceError(f"{item!r}: expected NAME=VALUES, such as 'lr=1e-5..1e-1 log' or 'activation=relu | gelu'.")
    return name, parse_dimension(name, text)


def space_of_items(items: Iterable[str], where: Iterable[str] = ()) -> Space:
    """The space of command-line items; dots in a name make groups, or a branch where they lead through a choice.

    ["model.width=16..512", "optimizer=sgd | adam", "optimizer.sgd.momentum=0.0..0.99"] is a group `model` and a choice
    whose option "sgd" has a hyperparameter of its own. `where` are its constraints, such as "model.width <= 128".

    Raises:
        SpaceError: a text can't be read, a name is given twice, or a name leads through what is no group and no option.
    """
    dimensions: dict[str, Dimension] = {}
    for item in items:
        name, dimension = parse_item(item)
        if name in dimensions:
            raise SpaceError(f"{name!r} is given twice, the second time by {item!r}. Remove one of the two.")
        dimensions[name] = dimension
    return _nest(dimensions, "").with_where(where)


def _nest(dimensions: Mapping[str, Dimension], path: str) -> Space:
    """The space of dimensions by dotted name; `path` leads to it, for messages."""
    below: dict[str, dict[str, Dimension]] = {}  # first part of the name -> rest of the name -> dimension
    for name, dimension in dimensions.items():
        first, _, rest = name.partition(".")
        below.setdefault(first, {})[rest] = dimension
    members: dict[str, Dimension | Space] = {}
    for first, inner in below.items():
        own = inner.pop("", None)
        if own is None or not inner:
            members[first] = _nest(inner, f"{path}{first}.") if own is None else own
        else:
            members[first] = _with_branches(own, _nest(inner, f"{path}{first}."), path + first)
    return Space(members)


def _with_branches(dimension: Dimension, branches: Space, path: str) -> Choice:
    options = {str(option): option for option in dimension.options} if isinstance(dimension, Choice) else {}
    for key, branch in branches.members.items():
        if key not in options or not isinstance(branch, Space):
            raise SpaceError(
                f"'{path}.{key}' can't stand beside {path!r}, which is {dimension}. Name it {path}.OPTION.NAME with an "
                f"option of {path!r} if it is a choice, else rename one of the two."
            )
    assert isinstance(dimension, Choice)
    return dimension.with_branches({option: branches.members.get(key) for key, option in options.items()})


# TOML and JSON --------------------------------------------------------------------------------------------------------


def parse_space(members: Mapping[str, Any]) -> Space:
    """The space of a mapping such as the `[space]` table of a TOML file.

    Args:
        members: name -> short text, table with `type` (a dimension), table without (a group), or a dimension or Space;
            a list of constraints under "where".

    Raises:
        SpaceError: a member is none of these, or makes no sense; the message names it.
    """
    return _parse_members(members, "")


def _parse_members(members: Mapping[str, Any], prefix: str) -> Space:
    given, where = split_where(members)
    return Space({name: _parse_member(f"{prefix}{name}", member) for name, member in given.items()}, where)


def _parse_member(name: str, member: Any) -> Dimension | Space:
    if isinstance(member, (Numeric, Choice, Space)):
        return member  # type: ignore[return-value]  # a Numeric is a Float or an Int
    if isinstance(member, str):
        return _parse_text(name, member)
    if not isinstance(member, Mapping):
        raise SpaceError(f"{name!r}: {_EXPECTED}, or a table; got {member!r}.")
    kind = member.get("type")
    if kind in ("float", "int", "choice"):
        return _parse_table(name, member)
    if isinstance(kind, str) and re.fullmatch(r"\w*", kind):  # a single word is no short text of a member "type"
        raise SpaceError(f"{name!r}: type must be 'float', 'int' or 'choice', got {kind!r}.")
    return _parse_members(member, f"{name}.")


def _parse_text(name: str, text: str) -> Dimension:
    try:
        return parse_dimension(name, text)
    except SpaceError as error:
        is_constraint = name.rpartition(".")[2] == "where"
        hint = f" If it is a constraint, put it into a list: where = [{text!r}]." if is_constraint else ""
        raise SpaceError(f"{error}{hint}") from None


def _parse_table(name: str, table: Mapping[str, Any]) -> Dimension:
    branches = table.get("branches")
    if isinstance(branches, Mapping):
        spaces = {option: _parse_branch(f"{name}.{option}", branch) for option, branch in branches.items()}
        table = {**table, "branches": spaces}
    dimension = dimension_from_dict(name, table, lambda space: space)
    dimension.check(name)  # here, where the full name is known
    return dimension


def _parse_branch(name: str, branch: Any) -> Space:
    if not isinstance(branch, Mapping):
        raise SpaceError(f"{name!r}: a branch must be a table of hyperparameters, got {branch!r}.")
    return _parse_members(branch, f"{name}.")


def to_toml(space: Space) -> str:
    """The `[space]` table of a TOML document, in short text wherever that can say it; `from_toml` reads it."""
    return tomli_w.dumps({"space": _readable(space)})


def _readable(space: Space) -> dict[str, Any]:
    """Tables and short texts. After a first table all members are tables, as TOML wants it: order has a meaning."""
    table: dict[str, Any] = {}
    for name, member in space.members.items():
        after_table = any(isinstance(earlier, dict) for earlier in table.values())
        text = None if after_table or isinstance(member, Space) else format_dimension(member)
        table[name] = text if text is not None else _readable_table(member)
    return table | ({"where": list(space.where)} if space.where else {})  # the writer puts it before all tables


def _readable_table(member: Dimension | Space) -> dict[str, Any]:
    if isinstance(member, Space):
        return _readable(member)
    branches = member.branches if isinstance(member, Choice) else {}
    readable = {"branches": {str(option): _readable(branch) for option, branch in branches.items()}} if branches else {}
    return {**member.to_dict(), **readable}


def from_toml(document: str) -> Space:
    """The space in the `[space]` table of a TOML document; other tables are left alone.

    Raises:
        SpaceError: the document is no TOML, has no such table, or a member makes no sense.
    """
    try:
        tables = tomllib.loads(document)
    except tomllib.TOMLDecodeError as error:
        raise SpaceError(
            f"the space is no valid TOML: {error}. Write [space] and below it lr = '1e-5..1e-1 log'."
        ) from None
    if not isinstance(tables.get("space"), dict):
        raise SpaceError(
            f"expected a table [space], got {', '.join(tables) or 'nothing'}. Write [space] and below it "
            f"lr = '1e-5..1e-1 log', say."
        )
    return parse_space(tables["space"])


def to_json(space: Space) -> str:
    """`Space.to_dict` as JSON; `from_json` reads it."""
    return json.dumps(space.to_dict(), ensure_ascii=False, allow_nan=False)


def from_json(document: str) -> Space:
    """The space of a JSON object: what `to_json` wrote, or short texts by name.

    Raises:
        SpaceError: the document is no JSON object, or a member makes no sense.
    """
    try:
        members = json.loads(document)
    except json.JSONDecodeError as error:
        raise SpaceError(f'the space is no valid JSON: {error}. Write {{"lr": "1e-5..1e-1 log"}}, say.') from None
    if not isinstance(members, dict):
        raise SpaceError(f'expected a JSON object such as {{"lr": "1e-5..1e-1 log"}}, got {document!r}.')
    return parse_space(members)
