"""NAME=VALUE pairs on the command line."""

import tomllib
from collections.abc import Sequence
from typing import Any

from danlu.errors import StudyError


def pairs(option: str, items: Sequence[str] | None, example: str = "") -> dict[str, str]:
    """The pairs as a table of texts.

    Raises:
        StudyError: an item is no pair.
    """
    table: dict[str, str] = {}
    for item in items or ():
        name, equals, text = item.partition("=")
        if not equals or not name.strip():
            such = f", such as {example}" if example else ""
            raise StudyError(f"{option} takes NAME=VALUE{such}; got {item!r}.")
        table[name.strip()] = text
    return table


def settings(option: str, items: Sequence[str] | None, example: str) -> dict[str, Any]:
    """The pairs with values as TOML has them (a number, true, a list), else as texts."""
    return {name: _value(text) for name, text in pairs(option, items, example).items()}


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()
