"""Style: how a value is written on a command line.

A style is a pattern with the words `name` and `value`: "--name value", "--name=value", "name=value" (Hydra, OmegaConf),
"-name value", "--set name=value". Truth values are written in one of three ways:

    value    --amp=True, --amp True, amp=true
    flag     --amp, or nothing
    pair     --amp or --no-amp
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from danlu.errors import StudyError, UnknownName
from danlu.programs.script import Script, place_of_script
from danlu.space.value import Value

Booleans = Literal["value", "flag", "pair"]
BOOLEANS: tuple[Booleans, ...] = ("value", "flag", "pair")


_EXAMPLES = "'--name value', '--name=value', 'name=value' or, for values that go in by placeholders only, ''"
_KEYED = re.compile(r"[+~]{0,2}[A-Za-z_][\w./@-]*=.*", re.DOTALL)
_JOINED = re.compile(r"--[A-Za-z][\w.-]*=.*", re.DOTALL)


@dataclass(frozen=True)
class Style:
    """How one value is written.

    Attributes:
        pattern: with the words `name` and `value`.
        booleans: how truth values are written.
    """

    pattern: str = "--name value"
    booleans: Booleans = "value"

    @property
    def is_keyed(self) -> bool:
        """Whether it has no dashes: `name=value`, where a dotted name is a path."""
        return not self.pattern.split()[0].startswith("-")

    def words(self, name: str, value: Value) -> list[str]:
        """The arguments that say a value."""
        if isinstance(value, bool) and self.booleans != "value":
            dashes = "-" if len(name) == 1 else "--"
            if value:
                return [f"{dashes}{name}"]
            return [f"{dashes}no-{name}"] if self.booleans == "pair" else []
        parts = {"name": name, "value": written(value, self.is_keyed)}
        return [re.sub(r"\b(name|value)\b", lambda m: parts[m[1]], word) for word in self.pattern.split()]


def written(value: Value, lower: bool = False) -> str:
    """A value as text; truth values as Python writes them, or in lower case."""
    if isinstance(value, bool):
        return str(value).lower() if lower else str(value)
    return repr(value) if isinstance(value, float) else str(value)


def checked_pattern(pattern: str) -> str:
    """The pattern itself.

    Raises:
        StudyError: it lacks the words `name` and `value`.
    """
    for word in ("name", "value"):
        if pattern and len(re.findall(rf"\b{word}\b", pattern)) != 1:
            raise StudyError(f"style is a pattern with the words name and value: {_EXAMPLES}; got {pattern!r}.")
    return pattern


def checked_booleans(said: str) -> Booleans:
    """How truth values are written; raises `UnknownName` if there is no such way."""
    for known in BOOLEANS:
        if said == known:
            return known
    raise UnknownName("way to write truth values", said, list(BOOLEANS))


def inferred(command: Sequence[str], script: Script) -> str:
    """The pattern that the command's own arguments show, else the one that the script's libraries take."""
    own = command[place_of_script(command) + 1 :]
    if script.imports("hydra"):
        return "name=value"  # its own options have dashes
    if any(_JOINED.fullmatch(word) for word in own):
        return "--name=value"
    if any(_KEYED.fullmatch(word) for word in own):
        return "name=value"
    if any(word.startswith("--") for word in own):
        return "--name value"
    if "from_cli(" in script.text:
        return "name=value"
    # scripts in the manner of nanoGPT run a file that turns --key=value into global variables
    if script.imports("fire", "jsonargparse", "absl") or "configurator.py" in script.text:
        return "--name=value"
    return "--name value"


def flag_style(style: Style, name: str, command: Sequence[str], script: Script) -> Style:
    """The style with the way in which this one truth value is written, as command and script show it."""
    if style.is_keyed:
        return style
    flag = f"--{name}"
    own = command[place_of_script(command) + 1 :]
    action = script.action(flag)
    if action == "BooleanOptionalAction" or f"--no-{name}" in own or f"{flag}/--no-{name}" in script.text:
        return replace(style, booleans="pair")
    if action in ("store_true", "store_false"):
        return replace(style, booleans="flag")
    if not action and script.imports("tyro", "typer") and not script.imports("argparse"):
        return replace(style, booleans="pair")
    if flag in own and not any(word.startswith(f"{flag}=") for word in own):
        follows = own[own.index(flag) + 1 : own.index(flag) + 2]
        return (
            style if follows and follows[0].lower() in ("true", "false", "0", "1") else replace(style, booleans="flag")
        )
    return style
