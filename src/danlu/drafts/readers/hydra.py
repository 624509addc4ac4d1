"""Hydra: the values of the primary config and of what its defaults list takes in; groups become choices.

YAML is read by PyYAML, which every Hydra application has, and only as a tree of texts: no tag is ever followed.
Source: Hydra 1.3, "The Defaults List".
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from danlu.drafts.annotation import options_of, slots_of
from danlu.drafts.literal import dotted, value_of
from danlu.drafts.module import Module
from danlu.drafts.option import Option, Switch, kind_of
from danlu.drafts.readers.reading import Reading, Style
from danlu.drafts.script import Script
from danlu.errors import DraftError
from danlu.space.value import MISSING

_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DEEPEST = 8  # files that take in each other
_TOGETHER = ("_target_", "_partial_", "_recursive_", "_convert_", "defaults", "hydra")


@dataclass(frozen=True)
class _Leaf:
    """A value in a YAML file: its text, what that is, and the comment behind it."""

    value: Any
    comment: str


_Tree = dict[str, "_Leaf | _Tree"]


def read_hydra(script: Script) -> Reading | None:
    """The options of a script whose main function Hydra decorates."""
    for scope, call, names in script.calls("hydra"):
        if scope.module.full_name(call.func) != "hydra.main":
            continue
        said = {k.arg: value_of(k.value, names) for k in call.keywords}
        config = said.get("config_name")
        where = said.get("config_path")
        if not isinstance(config, str):
            return Reading("Hydra", Style.BARE, (), scope.module is script.main)
        stem = config.removesuffix(".yaml")
        folder = scope.module.path.parent / where if isinstance(where, str) else scope.module.path.parent
        options = list(_of_file(folder, stem)) if (folder / f"{stem}.yaml").is_file() else []
        known = {option.name for option in options}
        options += [o for o in _structured(script, stem) if o.name not in known]
        return Reading("Hydra", Style.BARE, tuple(options), scope.module is script.main)
    return None


# YAML -----------------------------------------------------------------------------------------------------------------


def _of_file(folder: Path, stem: str) -> Iterator[Option]:
    groups: dict[str, Option] = {}
    tree = _composed(folder, stem, groups)
    yield from groups.values()
    yield from _options(tree, "", frozenset(groups))


def _composed(folder: Path, path: str, groups: dict[str, Option], depth: int = 0) -> _Tree:
    """The tree of a config with all that its defaults list takes in; notes the groups on the way."""
    file = folder / f"{path}.yaml"
    tree, defaults, _ = _read(file)
    if depth > _DEEPEST:
        return tree
    parent = path.rpartition("/")[0]
    merged: _Tree = {}
    own_is_merged = False
    for item in defaults:
        if item == "_self_":
            _merge(merged, tree)
            own_is_merged = True
            continue
        for group, chosen in _entries(item):
            inner = group.lstrip("/").partition("@")[0]
            where = inner if group.startswith("/") or not parent else f"{parent}/{inner}".strip("/")
            target = f"{where}/{chosen}".strip("/") if group else f"{parent}/{chosen}".strip("/")
            if not (folder / f"{target}.yaml").is_file():
                continue
            below = _composed(folder, target, groups, depth + 1)
            if group:
                _note_group(folder, where, str(chosen), groups)
                at = group.partition("@")[2] or where.replace("/", ".")
                below = below if _read(folder / f"{target}.yaml")[2] == "_global_" else _nested(at, below)
            _merge(merged, below)
    if not own_is_merged:
        _merge(merged, tree)
    return merged


def _entries(item: Any) -> Iterator[tuple[str, str]]:
    """(group, option) of an item of a defaults list; the group of a plain config is ""."""
    if isinstance(item, str):
        yield "", item
    elif isinstance(item, dict):
        for key, chosen in item.items():
            group = key.removeprefix("optional ").strip()
            if isinstance(chosen, str) and not group.startswith("override ") and not group.startswith("hydra"):
                yield group, chosen


def _note_group(folder: Path, group: str, chosen: str, groups: dict[str, Option]) -> None:
    options = sorted(file.stem for file in (folder / group).glob("*.yaml"))
    if len(options) > 1:
        branches = tuple((name, tuple(_of_option(folder, group, name))) for name in options)
        said = f"which of {group}/*.yaml"
        groups[group] = Option(group, "text", chosen, choices=tuple(options), help=said, branches=branches)


def _of_option(folder: Path, group: str, name: str) -> Iterator[Option]:
    """What one config of a group can be told; nothing where it is merged elsewhere than under the group's name."""
    tree, _, package = _read(folder / group / f"{name}.yaml")
    if not package and "/" not in group:
        yield from _options(tree, f"{group}.", frozenset())


def _nested(path: str, tree: _Tree) -> _Tree:
    for part in reversed([part for part in path.split(".") if part and part != "_global_"]):
        tree = {part: tree}
    return tree


def _merge(into: _Tree, tree: _Tree) -> None:
    for key, value in tree.items():
        known = into.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
        else:
            into[key] = value


def _options(tree: _Tree, prefix: str, groups: frozenset[str]) -> Iterator[Option]:
    for key, value in tree.items():
        if key in _TOGETHER or (key in groups and not isinstance(value, dict)):
            continue
        if isinstance(value, dict):
            yield from _options(value, f"{prefix}{key}.", groups)
            continue
        kind = kind_of(value.value)
        is_asked = value.value == "???"
        yield Option(
            name=prefix + key,
            kind=kind,
            default=None if is_asked else value.value,
            help=value.comment,
            switch=Switch.VALUE if kind == "bool" else None,
            many="*" if isinstance(value.value, list) else "",
            is_required=is_asked,
            is_inferred=True,
        )


def _read(file: Path) -> tuple[_Tree, list[Any], str]:
    """A file's tree, its defaults list, and the package that its head names."""
    try:
        import yaml  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise DraftError("reading Hydra's configs takes PyYAML: pip install pyyaml.") from error
    try:
        text = file.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise DraftError(f"can't read {str(file)!r}: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DraftError(f"{str(file)!r} is no YAML: {' '.join(str(error).split())}.") from error
    lines = text.splitlines()
    tree = _tree(root, lines) if isinstance(root, yaml.MappingNode) else {}
    package = re.search(r"^#\s*@package\s+(\S+)", text, re.MULTILINE)
    return tree, _defaults(root), package[1] if package else ""


def _defaults(root: Any) -> list[Any]:
    """What stands under `defaults:`, as plain texts and pairs."""
    for key, value in getattr(root, "value", ()) if root is not None and root.id == "mapping" else ():
        if key.value == "defaults" and value.id == "sequence":
            return [
                item.value if item.id == "scalar" else {k.value: v.value for k, v in item.value if k.id == "scalar"}
                for item in value.value
                if item.id in ("scalar", "mapping")
            ]
    return []


def _tree(node: Any, lines: list[str]) -> _Tree:
    found: _Tree = {}
    for key, value in node.value:
        if key.id != "scalar" or key.value in _TOGETHER:
            continue
        if value.id == "mapping":
            found[key.value] = _tree(value, lines)
        elif value.id == "sequence":
            found[key.value] = _Leaf([item.value for item in value.value], "")
        else:
            found[key.value] = _Leaf(_scalar(value), _comment(lines, value))
    return found


def _scalar(node: Any) -> Any:
    """A scalar as OmegaConf reads it: 1e-3 is a number, which plain YAML 1.1 has as a text."""
    kind, text = node.tag.rpartition(":")[2], node.value
    if kind == "bool":
        return text.lower() in ("true", "yes", "on")
    if kind == "null":
        return None
    if kind == "int" and re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    if node.style is None and _FLOAT.fullmatch(text):
        return float(text)
    return text


def _comment(lines: list[str], node: Any) -> str:
    line = lines[node.end_mark.line] if node.end_mark.line < len(lines) else ""
    return line[node.end_mark.column :].partition("#")[2].strip()


# structured configs ---------------------------------------------------------------------------------------------------


def _structured(script: Script, stem: str) -> Iterator[Option]:
    """The fields of the dataclass that a ConfigStore holds under the primary config's name, and its groups."""
    groups: dict[str, list[str]] = {}
    for scope, call, names in script.calls("ConfigStore"):
        if not (isinstance(call.func, ast.Attribute) and call.func.attr == "store"):
            continue
        said = {k.arg: k.value for k in call.keywords}
        name, group = value_of(said.get("name"), names), value_of(said.get("group"), names)
        if isinstance(group, str) and isinstance(name, str):
            groups.setdefault(group, []).append(name)
        elif name == stem and (found := script.definition(scope.module, dotted(_class(said.get("node"))))):
            yield from _fields(script, *found)
    for group, members in groups.items():
        if len(members) > 1:
            yield Option(group, "text", MISSING, choices=tuple(members), help=f"which config of the group {group}")


def _class(node: ast.expr | None) -> ast.expr | None:
    return node.func if isinstance(node, ast.Call) else node


def _fields(script: Script, module: Module, node: ast.AST) -> Iterator[Option]:
    if isinstance(node, ast.ClassDef):
        slots = [slot for slot in slots_of(script, module, node) if slot.name not in _TOGETHER]
        for option in options_of(script, slots):
            yield replace(option, switch=Switch.VALUE if option.kind == "bool" else None)
