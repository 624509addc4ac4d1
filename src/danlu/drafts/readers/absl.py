"""absl: every `flags.DEFINE_float` and its kin that the script reaches."""

import ast

from danlu.drafts.literal import UNKNOWN, value_of
from danlu.drafts.option import Kind, Option, Switch
from danlu.drafts.readers.reading import Reading, Style
from danlu.drafts.script import Script
from danlu.drafts.statements import Names
from danlu.space.value import MISSING

_KINDS: dict[str, Kind] = {
    "float": "float", "integer": "int", "bool": "bool", "boolean": "bool", "string": "text", "enum": "text",
    "list": "text", "multi_string": "text", "multi_integer": "text", "multi_float": "text",
}  # fmt: skip


def read_absl(script: Script) -> Reading | None:
    """The options of a script that defines absl's flags."""
    options: dict[str, Option] = {}
    is_entry = False
    for scope, call, names in script.calls("DEFINE_"):
        package, _, what = scope.module.full_name(call.func).rpartition(".")
        if package not in ("absl.flags", "tensorflow.app.flags", "flags") or not what.startswith("DEFINE_"):
            continue
        option = _option(what.removeprefix("DEFINE_"), call, names)
        if option is not None:
            is_entry = is_entry or scope.module is script.main
            options.setdefault(option.name, option)
    return Reading("absl", Style.EQUALS, tuple(options.values()), is_entry) if options else None


def _option(what: str, call: ast.Call, names: Names) -> Option | None:
    order = ("name", "default", "enum_values", "help") if what == "enum" else ("name", "default", "help")
    said = {key: value_of(argument, names) for key, argument in zip(order, call.args, strict=False)}
    said |= {k.arg: value_of(k.value, names) for k in call.keywords if k.arg is not None}
    name, default, kind = said.get("name"), said.get("default", UNKNOWN), _KINDS.get(what)
    if not isinstance(name, str) or kind is None:
        return None
    if kind == "float" and type(default) is int:
        default = float(default)
    choices = said.get("enum_values", ())
    text = said.get("help")
    return Option(
        name=name,
        kind=kind,
        default=MISSING if default is UNKNOWN else default,
        flag=f"--{name}",
        choices=tuple(choices) if isinstance(choices, (list, tuple)) and UNKNOWN not in choices else (),
        low=_number(said.get("lower_bound")),
        high=_number(said.get("upper_bound")),
        help=" ".join(text.split()) if isinstance(text, str) else "",
        switch=Switch.VALUE if kind == "bool" else None,
        many="*" if what == "list" or what.startswith("multi") else "",
    )


def _number(value: object) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
