"""Python Fire: the parameters of the function that it is given."""

import ast
from dataclasses import replace

from danlu.drafts.annotation import option_of, slots_of
from danlu.drafts.literal import dotted, value_of
from danlu.drafts.module import Module
from danlu.drafts.option import Option, Switch
from danlu.drafts.readers.reading import Reading, Style
from danlu.drafts.script import Script
from danlu.drafts.statements import Definition, Function


def read_fire(script: Script) -> Reading | None:
    """The options of a script that calls `fire.Fire`."""
    for scope, call, names in script.calls("fire"):
        if scope.module.full_name(call.func) not in ("fire.Fire", "fire.core.Fire"):
            continue
        is_entry = scope.module is script.main
        commands: dict[str, tuple[Module, Definition]]
        if not call.args:
            commands = {n: (scope.module, d) for n, d in scope.module.definitions.items() if isinstance(d, Function)}
        elif isinstance(call.args[0], ast.Dict):
            pairs = zip(call.args[0].keys, call.args[0].values, strict=True)
            commands = {
                name: found
                for key, value in pairs
                if isinstance(name := value_of(key, names), str)
                and (found := script.definition(scope.module, dotted(value))) is not None
            }
        else:
            found = script.definition(scope.module, dotted(call.args[0]))
            commands = {} if found is None else {"": found}
        options = [o for name, target in commands.items() for o in _options(script, name, *target)]
        return Reading("Fire", Style.EQUALS, tuple(options), is_entry)
    return None


def _options(script: Script, command: str, module: Module, node: ast.AST) -> list[Option]:
    if isinstance(node, ast.ClassDef):
        inits = [s for s in node.body if isinstance(s, Function) and s.name == "__init__"]
        node = inits[0] if inits else node
    if not isinstance(node, Function):
        return []
    options = [option_of(script, slot) for slot in slots_of(script, module, node)]
    return [
        replace(o, flag=f"--{o.name}", switch=Switch.VALUE if o.kind == "bool" else None, command=command)
        for o in options
    ]
