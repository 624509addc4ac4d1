"""Module globals that a configurator overwrites: `learning_rate = 6e-4` above `exec(open('configurator.py').read())`.

Source: karpathy/nanoGPT, train.py and configurator.py: `--key=value`, where the value has the type of the global.
"""

import ast

from danlu.drafts.annotation import comment_of
from danlu.drafts.literal import UNKNOWN, value_of
from danlu.drafts.option import KINDS, Option, Switch, kind_of
from danlu.drafts.readers.reading import Reading, Style
from danlu.drafts.script import Script


def read_globals(script: Script) -> Reading | None:
    """The globals of a script that runs a configurator."""
    at = next((k for k, s in enumerate(script.main.tree.body) if _configures(s)), None)
    if at is None:
        return None
    names = script.names(script.main)
    options: dict[str, Option] = {}
    for statement in script.main.tree.body[:at]:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            value = value_of(statement.value, names)
            if isinstance(target, ast.Name) and value is not UNKNOWN and type(value) in KINDS:
                kind = kind_of(value)
                switch = Switch.VALUE if kind == "bool" else None
                said = comment_of(script.main, statement)
                options[target.id] = Option(
                    target.id, kind, value, f"--{target.id}", help=said, switch=switch, is_inferred=True
                )
    return Reading("configurator.py", Style.EQUALS, tuple(o for o in options.values() if not o.name.startswith("_")))


def _configures(statement: ast.stmt) -> bool:
    """Whether a statement is `exec(open("configurator.py").read())`."""
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return False
    function = statement.value.func
    inner = [n.value for n in ast.walk(statement) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return isinstance(function, ast.Name) and function.id == "exec" and any(text.endswith(".py") for text in inner)
