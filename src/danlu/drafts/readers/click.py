"""click: the `option` decorators of the command that the script runs, and of the functions that add to it."""

import ast
from typing import Any

from danlu.drafts.literal import UNKNOWN, dotted, value_of
from danlu.drafts.option import Kind, Option, Switch, kind_of
from danlu.drafts.readers.reading import Reading, Style
from danlu.drafts.script import Scope, Script
from danlu.drafts.statements import Names
from danlu.space.value import MISSING

_KINDS: dict[str, Kind] = {
    "float": "float",
    "FLOAT": "float",
    "int": "int",
    "INT": "int",
    "bool": "bool",
    "BOOL": "bool",
}
_PACKAGES = ("click", "rich_click", "asyncclick")


def read_click(script: Script) -> Reading | None:
    """The options of a script that is a click command, or a group of them."""
    options: dict[tuple[str, str], Option] = {}
    commands = dict(_commands(script))
    is_used = is_entry = False
    for scope, call, names in script.calls("click"):
        package, _, what = scope.module.full_name(call.func).partition(".")
        if package not in _PACKAGES or what not in ("option", "argument", "command", "group"):
            continue
        is_used, is_entry = True, is_entry or scope.module is script.main
        if what in ("option", "argument"):
            command = commands.get(_place(scope, call), "")
            option = _option(what, call, names, scope, command)
            if option is not None:
                options.setdefault((command, option.name), option)
    if not is_used:
        return None
    return Reading("click", Style.FLAG, tuple(options.values()), is_entry)


def _place(scope: Scope, call: ast.Call) -> tuple[str, int]:
    return str(scope.module.path), call.lineno


def _commands(script: Script) -> list[tuple[tuple[str, int], str]]:
    """(file, line) of each decorator of a function that is a group's command, and that command's name."""
    found: list[tuple[tuple[str, int], str]] = []
    for scope in script.scopes:
        functions = scope.module.definitions.values() if isinstance(scope.node, ast.Module) else ()
        for function in functions:
            named = [n for d in function.decorator_list if (n := _command_name(scope, d, function.name)) is not None]
            for decorator in function.decorator_list if named else ():
                found.append(((str(scope.module.path), decorator.lineno), named[0]))
    return found


def _command_name(scope: Scope, decorator: ast.expr, function: str) -> str | None:
    """Name of the subcommand that `@cli.command("train")` makes; None of another decorator."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    if not (isinstance(target, ast.Attribute) and target.attr == "command"):
        return None
    if scope.module.full_name(target).partition(".")[0] in _PACKAGES:
        return None
    said = decorator.args if isinstance(decorator, ast.Call) else []
    named = [k.value for k in decorator.keywords if k.arg == "name"] if isinstance(decorator, ast.Call) else []
    name = value_of(next(iter([*said, *named]), None), scope.names)
    return name if isinstance(name, str) else function.replace("_", "-").lower()


def _option(what: str, call: ast.Call, names: Names, scope: Scope, command: str) -> Option | None:
    spellings = [s for s in (value_of(argument, names) for argument in call.args) if isinstance(s, str)]
    settings = {k.arg: k.value for k in call.keywords if k.arg is not None}
    said = {name: value_of(node, names) for name, node in settings.items()}
    if not spellings:
        return None
    flags = [s for s in spellings if s.startswith("-")]
    flag = next((s for s in flags if s.startswith("--")), (flags or spellings)[0])
    default = said.get("default", MISSING)
    kind, choices, low, high = _type(settings.get("type"), names, default)
    switch: Switch | None = None
    if "/" in flag:
        flag = flag.partition("/")[0].strip()
        kind, switch, default = "bool", Switch.PAIR, default is True
    elif said.get("is_flag") is True or (isinstance(default, bool) and kind != "bool" and "type" not in said):
        kind, switch, default = "bool", Switch.ON, False  # of the flag: today it is not given
    elif kind == "bool":
        switch = Switch.VALUE
    is_required = said.get("required") is True or (what == "argument" and default is MISSING)
    return Option(
        name=flag.lstrip("-"),
        kind=kind,
        default=_default(default, kind),
        flag=flag if flag.startswith("-") else "",
        choices=choices,
        low=low,
        high=high,
        help=" ".join(said["help"].split()) if isinstance(said.get("help"), str) else "",
        switch=switch,
        many=_many(said),
        is_required=is_required,
        is_positional=what == "argument",
        command=command,
    )


def _default(default: Any, kind: Kind) -> Any:
    if default is MISSING:
        return None
    if default is UNKNOWN:
        return MISSING
    return float(default) if kind == "float" and type(default) is int else default


def _type(
    node: ast.expr | None, names: Names, default: Any
) -> tuple[Kind, tuple[Any, ...], float | None, float | None]:
    """Kind, choices and bounds that `type=` says; else the kind of the default."""
    if node is None:
        return (kind_of(default) if default is not UNKNOWN else "text"), (), None, None
    if not isinstance(node, ast.Call):
        return _KINDS.get(dotted(node).rpartition(".")[2], "text"), (), None, None
    what = dotted(node.func).rpartition(".")[2]
    arguments = [value_of(argument, names) for argument in node.args]
    said = {k.arg: value_of(k.value, names) for k in node.keywords}
    if what == "Choice":
        found = arguments[0] if arguments else said.get("choices", ())
        choices = (
            tuple(c for c in found if isinstance(c, (str, int, float))) if isinstance(found, (list, tuple)) else ()
        )
        return "text", choices, None, None
    if what in ("IntRange", "FloatRange"):
        bounds = [*arguments, None, None][:2]
        low, high = said.get("min", bounds[0]), said.get("max", bounds[1])
        kind: Kind = "int" if what == "IntRange" else "float"
        step = 1 if kind == "int" else 1e-3
        return kind, (), _bound(low, said.get("min_open"), step), _bound(high, said.get("max_open"), -step)
    return "text", (), None, None


def _bound(value: Any, is_open: Any, inward: float) -> float | None:
    """A bound that may be taken; of an open one, what lies a thousandth inside."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value + inward if is_open is True else value


def _many(said: dict[str, Any]) -> str:
    if said.get("multiple") is True or said.get("count") is True:
        return "multiple"
    nargs = said.get("nargs", 1)
    return "" if nargs == 1 else str(nargs)
