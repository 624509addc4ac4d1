"""What annotations say of parameters and fields, such as `lr: float = 1e-3` or a nested dataclass."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from danlu.drafts.literal import UNKNOWN, dotted, value_of
from danlu.drafts.module import Module
from danlu.drafts.option import Kind, Option, kind_of
from danlu.drafts.script import Script
from danlu.drafts.statements import Function, parameters
from danlu.space.value import MISSING

_KINDS: dict[str, Kind] = {"float": "float", "int": "int", "bool": "bool", "str": "text"}
_WRAPPERS = ("Optional", "Annotated", "Final", "ClassVar", "Positional", "FlagConversionOff")
_SEQUENCES = ("list", "List", "tuple", "Tuple", "Sequence", "Iterable", "set", "Set")


@dataclass(frozen=True)
class Slot:
    """A parameter or a field, as the script declares it.

    Attributes:
        name: its name.
        module: where it stands, so that its annotation can be looked up.
        annotation: None if it has none.
        default: the expression; None if it has none.
        help: from its docstring, its comment or its metadata.
    """

    name: str
    module: Module
    annotation: ast.expr | None
    default: ast.expr | None
    help: str = ""


def slots_of(script: Script, module: Module, node: Function | ast.ClassDef) -> list[Slot]:
    """The parameters of a function, or the fields of a dataclass with those of its bases."""
    if isinstance(node, Function):
        said = _docstring(node)
        annotations = {a.arg: a.annotation for a in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]}
        pairs = parameters(node).items()
        return [Slot(n, module, annotations[n], d, said.get(n, "")) for n, d in pairs if n not in ("self", "cls")]
    found: dict[str, Slot] = {}
    for owner, base in script.base_classes(module, node):
        found |= {slot.name: slot for slot in _fields(owner, base)}
    return list(found.values())


def _fields(module: Module, node: ast.ClassDef) -> Iterator[Slot]:
    said = _docstring(node)
    for k, statement in enumerate(node.body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
            after = node.body[k + 1] if k + 1 < len(node.body) else None
            told = _text(after) or said.get(name, "") or _comment(module, statement)
            yield Slot(name, module, statement.annotation, statement.value, told)


def options_of(script: Script, slots: list[Slot], prefix: str = "") -> Iterator[Option]:
    """The options that slots are; those of nested dataclasses have dotted names.

    Args:
        script: the script they are from.
        slots: what is declared.
        prefix: of their names, such as "optimizer.".
    """
    for slot in slots:
        nested = nested_class(script, slot)
        if nested is None:
            yield option_of(script, slot, prefix)
            continue
        given = _given(slot)
        inner = [replace(each, default=given.get(each.name, each.default)) for each in slots_of(script, *nested)]
        yield from options_of(script, inner, f"{prefix}{slot.name}.")


def option_of(script: Script, slot: Slot, prefix: str = "") -> Option:
    """The option that a slot is; it has no flag yet."""
    names = script.names(slot.module)
    default = default_of(slot, names)
    kind, choices, many = _form(script, slot.module, slot.annotation)
    is_inferred = kind is None
    if kind is None:
        kind = kind_of(default)
    if kind == "float" and isinstance(default, int) and not isinstance(default, bool):
        default = float(default)
    return Option(
        name=prefix + slot.name,
        kind=kind,
        default=default,
        choices=choices,
        help=" ".join((slot.help or _metadata_help(slot, names)).split()),
        many=many,
        is_required=slot.default is None or _is_empty_field(slot.default),
        is_inferred=is_inferred,
    )


def default_of(slot: Slot, names: Any) -> Any:
    """The value of a default, also of `field(default=...)`; `MISSING` if it can't be known or there is none."""
    node = slot.default
    if isinstance(node, ast.Call):
        said = {k.arg: k.value for k in node.keywords}
        if "default" in said:
            node = said["default"]
        elif isinstance(said.get("default_factory"), ast.Lambda):
            node = said["default_factory"].body  # type: ignore[attr-defined]
    value = value_of(node, names)
    return MISSING if value is UNKNOWN else value


def _is_empty_field(node: ast.expr) -> bool:
    """Whether it is `field(...)` without a default."""
    if not (isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "field"):
        return False
    return not {keyword.arg for keyword in node.keywords} & {"default", "default_factory", None}


def _metadata_help(slot: Slot, names: Any) -> str:
    """The help in `field(metadata={"help": ...})`."""
    if isinstance(slot.default, ast.Call):
        for keyword in slot.default.keywords:
            said = value_of(keyword.value, names) if keyword.arg == "metadata" else UNKNOWN
            if isinstance(said, dict) and isinstance(said.get("help"), str):
                return str(said["help"])
    return ""


def nested_class(script: Script, slot: Slot) -> tuple[Module, ast.ClassDef] | None:
    """The dataclass of this project that a slot holds an instance of."""
    for node in _parts(slot.annotation):
        found = script.definition(slot.module, dotted(node)) if dotted(node) else None
        if found is not None and isinstance(found[1], ast.ClassDef) and not enum_values(script, *found):
            return found[0], found[1]
    return None


def enum_values(script: Script, module: Module, node: ast.AST) -> dict[str, Any]:
    """Name -> value of the members of an Enum of this project; none of another class."""
    if not isinstance(node, ast.ClassDef) or not any("Enum" in dotted(base) for base in node.bases):
        return {}
    names = script.names(module)
    return {
        target.id: names.get(f"{node.name}.{target.id}", UNKNOWN)
        if not isinstance(statement.value, ast.Call)
        else target.id  # auto()
        for statement in node.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name) and not target.id.startswith("_")
    }


def enum_of(script: Script, slot: Slot) -> dict[str, Any]:
    """The members of the Enum that a slot holds one of; none if it holds no such thing."""
    for node in _parts(slot.annotation):
        found = script.definition(slot.module, dotted(node)) if dotted(node) else None
        if found is not None and (members := enum_values(script, *found)):
            return members
    return {}


def _given(slot: Slot) -> dict[str, ast.expr]:
    """What the default of a nested dataclass says of its fields: `field(default_factory=lambda: Adam(lr=3e-4))`."""
    node = slot.default
    if isinstance(node, ast.Call) and any(k.arg in ("default_factory", "default") for k in node.keywords):
        node = next(k.value for k in node.keywords if k.arg in ("default_factory", "default"))
    if isinstance(node, ast.Lambda):
        node = node.body
    if not isinstance(node, ast.Call) or node.args:
        return {}
    return {k.arg: k.value for k in node.keywords if k.arg is not None}


def _form(script: Script, module: Module, annotation: ast.expr | None) -> tuple[Kind | None, tuple[Any, ...], str]:
    """Kind, choices, and how many values."""
    for node in _parts(annotation):
        name = dotted(node)
        last = name.rpartition(".")[2]
        if last in _KINDS:
            return _KINDS[last], (), ""
        if isinstance(node, ast.Subscript):
            head = dotted(node.value).rpartition(".")[2]
            if head == "Literal":
                inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
                choices = tuple(value_of(each, script.names(module)) for each in inner)
                known = tuple(c for c in choices if isinstance(c, (str, int, float)))
                return kind_of(known[0]) if known else "text", known, ""
            if head in _SEQUENCES:
                return "text", (), "*"
        found = script.definition(module, name) if name else None
        if found is not None and (members := enum_values(script, *found)):
            return "text", tuple(members), ""
    return None, (), ""


def _parts(annotation: ast.expr | None) -> Iterator[ast.expr]:
    """An annotation without `Optional`, `Annotated`, `| None` and quotes."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return
    if isinstance(annotation, ast.BinOp):
        yield from _parts(annotation.left)
        yield from _parts(annotation.right)
    elif isinstance(annotation, ast.Subscript) and dotted(annotation.value).rpartition(".")[2] in (*_WRAPPERS, "Union"):
        inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        is_union = dotted(annotation.value).endswith("Union")
        for each in inner if is_union else inner[:1]:
            yield from _parts(each)
    elif annotation is not None:
        yield annotation


# what is said about them ----------------------------------------------------------------------------------------------


def _text(node: ast.stmt | None) -> str:
    """The text below a field, by which it is documented."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return node.value.value
    return ""


def _comment(module: Module, statement: ast.stmt) -> str:
    """The comment behind a statement, else the lines of comment above it."""
    line = module.lines[(statement.end_lineno or 1) - 1]
    behind = line[statement.end_col_offset or 0 :].partition("#")[2].strip()
    if behind:
        return behind
    above: list[str] = []
    for line in reversed(module.lines[: statement.lineno - 1]):
        if not line.strip().startswith("#"):
            break
        above.insert(0, line.strip().lstrip("# "))
    return " ".join(above)


def comment_of(module: Module, statement: ast.stmt) -> str:
    """The comment behind a statement."""
    line = module.lines[(statement.end_lineno or 1) - 1]
    return line[len(line.encode()[: statement.end_col_offset].decode()) :].partition("#")[2].strip()


def _docstring(node: Function | ast.ClassDef) -> dict[str, str]:
    """Name -> what a docstring says of it, in lines such as "lr: learning rate" or ":param lr: learning rate"."""
    found: dict[str, str] = {}
    for line in (ast.get_docstring(node) or "").splitlines():
        head, colon, rest = line.strip().removeprefix(":param ").partition(":")
        name = head.partition(" ")[0].strip("`*-")
        if colon and name.isidentifier() and rest.strip():
            found[name] = rest.strip()
    return found
