"""argparse: every `add_argument` that the script reaches, in functions, groups, subcommands and imported modules."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from danlu.drafts.literal import UNKNOWN, dotted, value_of
from danlu.drafts.option import Kind, Option, Switch, kind_of
from danlu.drafts.readers.reading import Reading, Style
from danlu.drafts.script import Scope, Script
from danlu.drafts.statements import Function, Names, parameters
from danlu.space.value import MISSING

_KINDS: dict[str, Kind] = {"float": "float", "int": "int", "bool": "bool", "str": "text"}
_TRUTHS = ("str2bool", "strtobool", "str_to_bool", "boolean", "parse_bool", "bool_flag", "true_or_false")
_SINGLE = (None, "?", 1, 0)
_PARSERS = ("ArgumentParser", "ArgParser")  # argparse's, ConfigArgParse's


def read_argparse(script: Script) -> Reading | None:
    """The options of a script that builds an `argparse.ArgumentParser`."""
    options: dict[tuple[str, str], Option] = {}
    commands = _commands(script)
    defaults: dict[str, Any] = {}
    is_built = is_entry = False
    for scope, call, names in script.calls("ArgumentParser", "ArgParser", "add_argument", "set_defaults"):
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if scope.module.full_name(call.func).rpartition(".")[2] in _PARSERS:
            is_built, is_entry = True, is_entry or scope.module is script.main
        elif method == "add_argument":
            command = commands.get((id(scope.node), dotted(call.func.value)), "")  # type: ignore[attr-defined]
            for option in _option(scope, call, names, command):
                options.setdefault((command, option.name), option)
        elif method == "set_defaults":
            defaults |= {k.arg: value_of(k.value, names) for k in call.keywords if k.arg is not None}
    if not is_built and not options:
        return None
    found = tuple(_with_default(option, defaults) for option in options.values())
    return Reading("argparse", Style.FLAG, found, is_entry)


def argument_option(arguments: list[Any], settings: dict[str, Any], command: str = "") -> Option | None:
    """The option that `add_argument(*arguments, **settings)` makes; None of one that asks for help or the version.

    Args:
        arguments: spellings, such as "-b", "--batch-size"; one without dashes is given by its place.
        settings: values by keyword; `UNKNOWN` where they can't be known, and types and actions by their names.
        command: the subcommand.
    """
    spellings = [a for a in arguments if isinstance(a, str) and a]
    action = settings.get("action")
    if not spellings or action in ("help", "version"):
        return None
    flag = next((s for s in spellings if s.startswith("--")), spellings[0])
    is_positional = not flag.startswith("-")
    default = settings.get("default", MISSING)
    kind, switch = _kind(settings, default)
    has_effect = default in (MISSING, UNKNOWN, None, action == "store_false")
    if switch is Switch.ON:
        default = False  # of the flag, not of what it stores: today it is not given
    elif default is MISSING:
        default = None
    return Option(
        name=flag.lstrip("-"),
        kind=kind,
        default=MISSING if default is UNKNOWN else _as_kind(default, kind),
        flag="" if is_positional else flag,
        choices=_choices(settings.get("choices")),
        help=_line(settings.get("help")),
        switch=switch,
        many=_many(settings) if has_effect or switch is not Switch.ON else "no effect",
        is_required=bool(
            settings.get("required") is True or (is_positional and settings.get("nargs") in (None, "+", 1))
        ),
        is_positional=is_positional,
        command=command,
    )


def _option(scope: Scope, call: ast.Call, names: Names, command: str) -> Iterator[Option]:
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return
    settings: dict[str, Any] = {}
    for keyword in call.keywords:
        if keyword.arg in ("type", "action") and not isinstance(keyword.value, ast.Constant):
            settings[keyword.arg] = _callee(keyword.value)
        elif keyword.arg is not None:
            settings[keyword.arg] = value_of(keyword.value, names)
        elif isinstance(spread := value_of(keyword.value, names), dict):  # **{"type": ...}
            settings |= spread
    option = argument_option([value_of(argument, names) for argument in call.args], settings, command)
    if option is not None:
        yield option


def _callee(node: ast.expr) -> str:
    """The name of a type or an action; of `lambda x: float(x)`, what it calls."""
    if isinstance(node, ast.Lambda):
        return next((dotted(n.func) for n in ast.walk(node.body) if isinstance(n, ast.Call)), "lambda")
    return dotted(node).rpartition(".")[2] or "?"


def _kind(settings: dict[str, Any], default: Any) -> tuple[Kind, Switch | None]:
    action, name = settings.get("action"), settings.get("type")
    if action in ("store_true", "store_false"):
        return "bool", Switch.ON
    if action == "BooleanOptionalAction":
        return "bool", Switch.PAIR
    if isinstance(name, str) and (name in _TRUTHS or (name == "lambda" and isinstance(default, bool))):
        return "bool", Switch.VALUE
    if name == "bool":  # bool("False") is True: no value of it can be said on a command line
        return "text", None
    if isinstance(name, str) and name in _KINDS:
        return _KINDS[name], None
    if isinstance(name, str) and isinstance(default, (int, float)) and not isinstance(default, bool):
        return kind_of(default), None  # a type of the script's own, such as positive_float
    return "text", None


def _as_kind(default: Any, kind: Kind) -> Any:
    """A default as the type would make it: argparse gives texts to it, and a whole number is a float's value too."""
    if kind in ("float", "int") and isinstance(default, str):
        try:
            return float(default) if kind == "float" else int(default)
        except ValueError:
            return MISSING
    if kind == "float" and isinstance(default, int) and not isinstance(default, bool):
        return float(default)
    return default


def _choices(said: Any) -> tuple[Any, ...]:
    if not isinstance(said, (list, tuple, dict)):
        return ()
    return tuple(choice for choice in said if isinstance(choice, (str, int, float)) and choice is not UNKNOWN)


def _line(said: Any) -> str:
    return " ".join(said.split()) if isinstance(said, str) else ""


def _many(settings: dict[str, Any]) -> str:
    if settings.get("action") in ("append", "extend", "count", "append_const", "store_const"):
        return str(settings["action"])
    nargs = settings.get("nargs")
    return "" if nargs in _SINGLE else "..." if nargs is UNKNOWN else str(nargs)


def _with_default(option: Option, defaults: dict[str, Any]) -> Option:
    """The option with what `parser.set_defaults` says of it."""
    said = defaults.get(option.name.replace("-", "_"), UNKNOWN)
    if option.switch is Switch.ON:
        return replace(option, many="no effect") if said is True else option
    return option if said is UNKNOWN else replace(option, default=_as_kind(said, option.kind))


# subcommands ----------------------------------------------------------------------------------------------------------


def _commands(script: Script) -> dict[tuple[int, str], str]:
    """(scope, name of a variable) -> the subcommand whose parser, or a group of it, it holds there."""
    found: dict[tuple[int, str], str] = {}
    for scope in script.scopes:
        if "add_parser" not in scope.module.text:
            continue
        nodes = [node for node in scope.nodes if isinstance(node, ast.Assign | ast.Call)]
        for node in sorted(nodes, key=lambda node: (node.lineno, isinstance(node, ast.Call))):
            if isinstance(node, ast.Assign):
                _note_parser(scope, node, found)
            else:
                _note_handed_on(script, scope, node, found)
    return found


def _note_parser(scope: Scope, node: ast.Assign, found: dict[tuple[int, str], str]) -> None:
    call = node.value
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
        return
    command = ""
    if call.func.attr == "add_parser":
        name = value_of(call.args[0], scope.names) if call.args else UNKNOWN
        command = name if isinstance(name, str) else ""
    elif call.func.attr in ("add_argument_group", "add_mutually_exclusive_group"):
        command = found.get((id(scope.node), dotted(call.func.value)), "")
    if command:
        for target in node.targets:
            found[id(scope.node), dotted(target)] = command


def _note_handed_on(script: Script, scope: Scope, call: ast.Call, found: dict[tuple[int, str], str]) -> None:
    """A parser given to a function of the project: its parameter holds it there."""
    handed = [(k, found.get((id(scope.node), dotted(argument)))) for k, argument in enumerate(call.args)]
    if not any(command for _, command in handed):
        return
    target = script.definition(scope.module, dotted(call.func))
    if target is None or not isinstance(target[1], Function):
        return
    names = list(parameters(target[1]))
    for k, command in handed:
        if command and k < len(names):
            found[id(target[1]), names[k]] = command
