"""Typer: the parameters of the functions that are its commands."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from danlu.drafts.annotation import Slot, enum_of, option_of, slots_of
from danlu.drafts.literal import UNKNOWN, dotted, value_of
from danlu.drafts.module import Module
from danlu.drafts.option import Option, Switch
from danlu.drafts.readers.reading import Reading, Style
from danlu.drafts.script import Script
from danlu.drafts.statements import Function
from danlu.space.value import MISSING


def read_typer(script: Script) -> Reading | None:
    """The options of a script that is a Typer application."""
    commands = list(_commands(script))
    if not commands:
        return None
    several = len(commands) > 1
    options = [
        option
        for module, function, name in commands
        for slot in slots_of(script, module, function)
        if (option := _option(script, slot, name if several else "")) is not None
    ]
    return Reading("Typer", Style.FLAG, tuple(options), any(module is script.main for module, _, _ in commands))


def _commands(script: Script) -> Iterator[tuple[Module, Function, str]]:
    """The functions that are commands: run by `typer.run`, or decorated by `app.command()`."""
    for scope, call, _ in script.calls("typer"):
        if scope.module.full_name(call.func) == "typer.run" and call.args:
            found = script.definition(scope.module, dotted(call.args[0]))
            if found is not None and isinstance(found[1], Function):
                yield found[0], found[1], ""
    for scope in script.scopes:
        if not isinstance(scope.node, ast.Module) or not any(
            where.startswith("typer") for where, _ in scope.module.imports.values()
        ):
            continue
        for function in scope.module.definitions.values():
            name = next((n for d in function.decorator_list if (n := _command_name(d, function.name))), None)
            if name is not None and isinstance(function, Function):
                yield scope.module, function, name


def _command_name(decorator: ast.expr, function: str) -> str | None:
    if not (isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute)):
        return None
    if decorator.func.attr not in ("command", "callback"):
        return None
    name = value_of(decorator.args[0], {}) if decorator.args else UNKNOWN
    return name if isinstance(name, str) else function.replace("_", "-").lower()


def _option(script: Script, slot: Slot, command: str) -> Option | None:
    """The option of a parameter; None of the context that Typer hands in."""
    if dotted(slot.annotation).endswith("Context"):
        return None
    said = _said(script, slot)
    names = script.names(slot.module)
    base = option_of(script, slot)
    if said is None:
        flags: list[str] = []
        settings: dict[str, Any] = {}
        default = base.default if slot.default is not None else None
    else:
        values = [value_of(argument, names) for argument in said.args]
        flags = [v for v in values if isinstance(v, str) and v.startswith("-")]
        settings = {k.arg: value_of(k.value, names) for k in said.keywords if k.arg is not None}
        default = _default(script, slot, said, values, settings)
    is_argument = said is not None and dotted(said.func).endswith("Argument")
    is_required = default is None and slot.default is None
    name = slot.name.replace("_", "-")
    flag = next((f for f in flags if f.startswith("--")), flags[0] if flags else f"--{name}")
    switch = None
    if base.kind == "bool":
        switch = Switch.ON if flags and "/" not in flag else Switch.PAIR
    flag = flag.partition("/")[0]
    if switch is Switch.ON:
        default = False  # of the flag: today it is not given
    if base.kind == "float" and type(default) is int:
        default = float(default)
    return replace(
        base,
        name=flag.lstrip("-"),
        flag="" if is_argument or is_required else flag,
        default=default,
        low=_number(settings.get("min")),
        high=_number(settings.get("max")),
        help=" ".join(str(settings.get("help") or base.help).split()),
        switch=switch,
        is_required=is_required,
        is_positional=is_argument or (is_required and said is None),
        command=command,
        choices=_values(script, slot) or base.choices,
    )


def _said(script: Script, slot: Slot) -> ast.Call | None:
    """The call of `typer.Option` or `typer.Argument`, as the default or in `Annotated`."""
    places: list[ast.AST] = [slot.default] if slot.default is not None else []
    if isinstance(slot.annotation, ast.Subscript) and isinstance(slot.annotation.slice, ast.Tuple):
        places += slot.annotation.slice.elts[1:]
    for node in places:
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in ("Option", "Argument"):
            return node
    return None


def _default(script: Script, slot: Slot, said: ast.Call, values: list[Any], settings: dict[str, Any]) -> Any:
    names = script.names(slot.module)
    if slot.default is said:
        node = said.args[0] if said.args else next((k.value for k in said.keywords if k.arg == "default"), None)
        if isinstance(node, ast.Constant) and node.value is ...:
            return None
        value = value_of(node, names)
        if value is UNKNOWN and node is not None:
            value = _member(script, slot, node)
    elif slot.default is None:
        return None
    else:
        value = value_of(slot.default, names)
        if value is UNKNOWN:
            value = _member(script, slot, slot.default)
    return MISSING if value is UNKNOWN else value


def _member(script: Script, slot: Slot, node: ast.expr) -> Any:
    """The value of `Activation.relu.value`."""
    name = dotted(node)
    return script.names(slot.module).get(name.removesuffix(".value"), UNKNOWN)


def _values(script: Script, slot: Slot) -> tuple[Any, ...]:
    """Typer takes the values of an Enum, not its names."""
    return tuple(value for value in enum_of(script, slot).values() if isinstance(value, str))


def _number(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
