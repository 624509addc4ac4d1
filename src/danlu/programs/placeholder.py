"""Placeholders: {lr} in a command, an environment variable or a file stands for a value; {{lr}} for the text {lr}."""

import re
from collections.abc import Iterable, Mapping

_PLACEHOLDER = re.compile(r"\{(\{[A-Za-z_][\w.-]*\})\}|\{([A-Za-z_][\w.-]*)\}")


def placeholders(texts: Iterable[str]) -> list[str]:
    """The names that stand in placeholders, in order, each once."""
    return list(dict.fromkeys(m[2] for text in texts for m in _PLACEHOLDER.finditer(text) if m[2]))


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with the values of those that are known; others stay as they are."""
    return _PLACEHOLDER.sub(lambda m: m[1] or values.get(m[2], m[0]), text)
