"""Template: a config file that is written for each trial, with its values in it.

An ordinary YAML, TOML or JSON file will do: the keys that hyperparameters name get their values, all else stays. A key
is meant by its dotted path ("optimizer.lr"), or by the end of it where that is enough ("lr"). Placeholders ({lr}) are
filled in files of any kind.

YAML is edited line by line, so that comments, anchors and tags stay; values in braces ({lr: 0.1}) are not seen there.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from danlu.errors import StudyError
from danlu.programs.placeholder import filled
from danlu.programs.style import written
from danlu.space.value import Value

_YAML_KEY = re.compile(
    r"""(?P<indent>[ ]*)(?P<items>(?:-[ ]+)*)(?P<key>"[^"]*"|'[^']*'|[^\s#"'{}\[\],&*!|>%@`-][^:#]*?|-[^\s:#]+)[ ]*:"""
    r"""(?P<gap>[ ]+|$)(?P<value>.*)"""
)
_YAML_SCALAR = re.compile(r"""(?P<scalar>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#{\[|>&!*].*?)?(?P<rest>\s+#.*|\s*)""")
_BLOCK = re.compile(r"[|>][+-]?\d*\s*(#.*)?")


@dataclass(frozen=True)
class Document:
    """A file's text and the values in it.

    Attributes:
        values: dotted path -> the value that stands there.
        write: the text with other values, by dotted path.
    """

    values: Mapping[str, Any]
    write: Callable[[Mapping[str, Value]], str]

    def key(self, words: Sequence[str]) -> str | None:
        """The path that one of these words means: the first that is a path, else the first that ends one path only.

        Raises:
            StudyError: a word ends several paths.
        """
        for word in words:
            if word in self.values:
                return word
        for word in words:
            ending = [path for path in self.values if path.endswith(f".{word}")]
            if len(ending) > 1:
                raise StudyError(
                    f"{word!r} could be {' or '.join(map(repr, ending))}. Say which: "
                    f'names = {{ "{word}" = "{ending[0]}" }} in [program], or --name {word}={ending[0]}'
                )
            if ending:
                return ending[0]
        return None


def read_document(path: Path, values: Mapping[str, Value], places: Mapping[str, str]) -> Document:
    """A template with its placeholders filled.

    Args:
        path: of the file; its ending says what it is.
        values: by hyperparameter.
        places: what other placeholders stand for ({folder}, ...).

    Raises:
        StudyError: the file can't be read, or is not what its ending says.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"can't read the template {str(path)!r}: {error}.") from error
    lower = path.suffix != ".py"
    text = filled(text, {**places, **{name: _plain(value, path.suffix, lower) for name, value in values.items()}})
    try:
        match path.suffix:
            case ".json":
                return _from_tree(json.loads(text), lambda tree: json.dumps(tree, indent=2, ensure_ascii=False) + "\n")
            case ".toml":
                return _from_tree(tomllib.loads(text), tomli_w.dumps)
            case ".yaml" | ".yml":
                return _from_yaml(text)
    except (ValueError, TypeError) as error:
        raise StudyError(f"the template {str(path)!r} is no {path.suffix[1:].upper()}: {error}.") from error
    return Document({}, lambda values: text)


def _plain(value: Value, suffix: str, lower: bool) -> str:
    return _yaml_number(value) if suffix in (".yaml", ".yml") and isinstance(value, float) else written(value, lower)


# JSON and TOML --------------------------------------------------------------------------------------------------------


def _from_tree(tree: Any, dump: Callable[[Any], str]) -> Document:
    def write(values: Mapping[str, Value]) -> str:
        return dump(_with_values(tree, "", values))

    return Document(dict(_leaves(tree, "")), write)


def _leaves(tree: Any, path: str) -> Iterator[tuple[str, Any]]:
    members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else None
    if members is None:
        yield path, tree
        return
    for key, member in members:
        yield from _leaves(member, f"{path}.{key}" if path else str(key))


def _with_values(tree: Any, path: str, values: Mapping[str, Value]) -> Any:
    if isinstance(tree, dict):
        return {
            key: _with_values(member, f"{path}.{key}" if path else str(key), values) for key, member in tree.items()
        }
    if isinstance(tree, list):
        return [_with_values(member, f"{path}.{k}" if path else str(k), values) for k, member in enumerate(tree)]
    return values.get(path, tree)


# YAML -----------------------------------------------------------------------------------------------------------------


def _from_yaml(text: str) -> Document:
    lines = text.split("\n")
    places = dict(_yaml_places(lines))

    def write(values: Mapping[str, Value]) -> str:
        changed = list(lines)
        for path, value in values.items():
            row, start, end = places[path]
            changed[row] = changed[row][:start] + _yaml_scalar(value) + changed[row][end:]
        return "\n".join(changed)

    found = {path: _yaml_value(lines[row][start:end]) for path, (row, start, end) in places.items()}
    return Document(found, write)


def _yaml_places(lines: Sequence[str]) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Path of each plain value -> line, first and last column."""
    above: list[
        tuple[int, str, bool]
    ] = []  # column and key of what the line lies in, and whether it is an item's number
    counts: dict[tuple[str, int], int] = {}
    block: int | None = None  # column beyond which lines are text
    for row, line in enumerate(lines):
        column = len(line) - len(line.lstrip(" "))
        if not line.strip() or line.lstrip().startswith("#") or (block is not None and column > block):
            continue
        block = None
        match = _YAML_KEY.fullmatch(line)
        # an item may stand below its key, not farther in
        is_item = line[column:].startswith("- ")
        above = [at for at in above if at[0] < column or (at[0] == column and is_item and not at[2])]
        if match is None:
            continue
        for k in range(match["items"].count("-")):
            parent = _joined(above)
            counts[parent, column + k] = counts.get((parent, column + k), -1) + 1
            above.append((column + k, str(counts[parent, column + k]), True))
        key = match["key"].strip("\"'")
        if _BLOCK.fullmatch(match["value"]):
            block = len(match["indent"])
            continue
        above.append((match.start("key"), key, False))
        scalar = _YAML_SCALAR.fullmatch(match["value"])
        if scalar is not None and scalar["scalar"]:
            start = match.start("value")
            yield _joined(above), (row, start, start + len(scalar["scalar"]))


def _joined(above: Sequence[tuple[int, str, bool]]) -> str:
    return ".".join(key for _, key, _ in above)


def _yaml_value(text: str) -> Any:
    return text[1:-1] if text[:1] in "\"'" and text[:1] == text[-1:] else text


def _yaml_scalar(value: Value) -> str:
    if isinstance(value, bool):
        return written(value, lower=True)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return _yaml_number(value)


def _yaml_number(value: float) -> str:
    """A number with a point: to many readers of YAML, 1e-05 without one is a text."""
    text = repr(value)
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else text
