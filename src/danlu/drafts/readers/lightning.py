"""LightningCLI: the parameters of the model's and the data module's `__init__`, under `fit`."""

import ast
from collections.abc import Iterator
from dataclasses import replace

from danlu.drafts.annotation import option_of, slots_of
from danlu.drafts.literal import dotted
from danlu.drafts.module import Module
from danlu.drafts.option import Option, Switch
from danlu.drafts.readers.reading import Reading, Style
from danlu.drafts.script import Script
from danlu.drafts.statements import Definition, Function


def read_lightning(script: Script) -> Reading | None:
    """The options of a script that hands its classes to LightningCLI."""
    for scope, call, _ in script.calls("LightningCLI"):
        if not scope.module.full_name(call.func).endswith("LightningCLI"):
            continue
        said = dict(zip(("model_class", "datamodule_class"), call.args, strict=False))
        said |= {k.arg: k.value for k in call.keywords if k.arg in ("model_class", "datamodule_class")}
        options: list[Option] = []
        for role, prefix in (("model_class", "model."), ("datamodule_class", "data.")):
            found = script.definition(scope.module, dotted(said.get(role)))
            if found is not None:
                options += _options(script, prefix, *found)
        return Reading("LightningCLI", Style.FLAG, tuple(options), scope.module is script.main)
    return None


def _options(script: Script, prefix: str, module: Module, node: Definition) -> Iterator[Option]:
    if not isinstance(node, ast.ClassDef):
        return
    for owner, base in script.base_classes(module, node):
        for statement in base.body:
            if isinstance(statement, Function) and statement.name == "__init__":
                for slot in slots_of(script, owner, statement):
                    option = option_of(script, slot, prefix)
                    switch = Switch.VALUE if option.kind == "bool" else None
                    yield replace(option, flag=f"--{option.name}", switch=switch, command="fit")
