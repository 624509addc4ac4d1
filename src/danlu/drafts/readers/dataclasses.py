"""tyro and its kin: dataclasses (or a function) whose fields become options, nested ones with dots.

Also those of HfArgumentParser, simple_parsing, pyrallis, draccus, jsonargparse and Tap, which differ in how a field is
spelt.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from danlu.drafts.annotation import Slot, enum_of, options_of, slots_of
from danlu.drafts.literal import dotted
from danlu.drafts.module import Module
from danlu.drafts.option import Kind, Option, Switch
from danlu.drafts.readers.reading import Reading, Style
from danlu.drafts.script import Scope, Script
from danlu.drafts.statements import Definition, Names


@dataclass(frozen=True)
class _Way:
    """How a framework makes options of a class.

    Attributes:
        framework: its name.
        switch: how it writes a truth value.
        is_flat: whether nested fields have no dots.
    """

    framework: str
    switch: Switch
    is_flat: bool = False


_WAYS = {
    "tyro.cli": _Way("tyro", Switch.PAIR),
    "transformers.HfArgumentParser": _Way("HfArgumentParser", Switch.VALUE, is_flat=True),
    "transformers.hf_argparser.HfArgumentParser": _Way("HfArgumentParser", Switch.VALUE, is_flat=True),
    "simple_parsing.parse": _Way("simple_parsing", Switch.VALUE),
    "pyrallis.parse": _Way("pyrallis", Switch.VALUE),
    "pyrallis.wrap": _Way("pyrallis", Switch.VALUE),
    "draccus.parse": _Way("draccus", Switch.VALUE),
    "draccus.wrap": _Way("draccus", Switch.VALUE),
    "jsonargparse.CLI": _Way("jsonargparse", Switch.VALUE),
    "jsonargparse.auto_cli": _Way("jsonargparse", Switch.VALUE),
}
_WORDS = {name.partition(".")[0] for name in _WAYS}
_TAP = _Way("Tap", Switch.ON)

# What Hugging Face's TrainingArguments adds that changes a training; its file is not of this project.
# Source: transformers.TrainingArguments, version 4.
_TRAINING_ARGUMENTS: tuple[tuple[str, Kind, object, str], ...] = (
    ("learning_rate", "float", 5e-5, "initial learning rate of AdamW"),
    ("per_device_train_batch_size", "int", 8, "batch size per device for training"),
    ("weight_decay", "float", 0.0, "weight decay of AdamW"),
    ("warmup_ratio", "float", 0.0, "linear warmup over this share of the steps"),
    ("label_smoothing_factor", "float", 0.0, "label smoothing; 0 for none"),
    ("lr_scheduler_type", "text", "linear", "the schedule of the learning rate"),
    ("max_grad_norm", "float", 1.0, "largest norm of the gradient"),
    ("adam_beta1", "float", 0.9, "beta1 of AdamW"),
    ("adam_beta2", "float", 0.999, "beta2 of AdamW"),
    ("adam_epsilon", "float", 1e-8, "epsilon of AdamW"),
    ("gradient_accumulation_steps", "int", 1, "steps over which gradients are summed up"),
    ("num_train_epochs", "float", 3.0, "epochs of a training"),
    ("seed", "int", 42, "random seed"),
    ("output_dir", "text", None, "where checkpoints are written"),
)
_SCHEDULES = ("linear", "cosine", "polynomial", "constant", "constant_with_warmup")


def read_dataclasses(script: Script) -> Reading | None:
    """The options of a script that hands a dataclass or a function to tyro or one of its kin."""
    for scope, call, names in script.calls(*_WORDS):
        way = _way(scope, call)
        if way is None:
            continue
        targets = [target for argument in _given(call, names, scope) for target in _targets(script, scope, argument)]
        targets += _decorated(script, scope, call)
        options = [option for target in targets for option in _options(script, way, *target)]
        if way.framework == "HfArgumentParser" and any(
            "TrainingArguments" in scope.module.full_name(a) for a in _given(call, names, scope)
        ):
            options += _training_arguments()
        return Reading(way.framework, Style.FLAG, tuple(options), scope.module is script.main)
    return _read_tap(script)


def _way(scope: Scope, call: ast.Call) -> _Way | None:
    return _WAYS.get(scope.module.full_name(call.func))


def _given(call: ast.Call, names: Names, scope: Scope) -> Iterator[ast.expr]:
    """What is handed to the framework: one class or function, or a list of them."""
    said = [*call.args[:1], *(k.value for k in call.keywords if k.arg in ("config_class", "f", "dataclass_types"))]
    for argument in said:
        if isinstance(argument, ast.Tuple | ast.List):
            yield from argument.elts
        else:
            yield argument


def _targets(script: Script, scope: Scope, argument: ast.expr) -> Iterator[tuple[Module, Definition]]:
    if isinstance(argument, ast.Call):  # tyro.cli(Config()), tyro.cli(tyro.conf.configure(...)(main))
        for inner in [argument.func, *argument.args]:
            yield from _targets(script, scope, inner)
        return
    if isinstance(argument, ast.Subscript):  # tyro.cli(tyro.conf.FlagConversionOff[Config])
        yield from _targets(script, scope, argument.slice)
        return
    found = script.definition(scope.module, dotted(argument)) if dotted(argument) else None
    if found is not None:
        yield found


def _decorated(script: Script, scope: Scope, call: ast.Call) -> Iterator[tuple[Module, Definition]]:
    """The class of the first parameter of a function that `@pyrallis.wrap()` decorates."""
    for function in scope.module.definitions.values():
        if call in function.decorator_list and not isinstance(function, ast.ClassDef):
            for slot in slots_of(script, scope.module, function)[:1]:
                found = script.definition(scope.module, dotted(slot.annotation))
                if found is not None:
                    yield found


def _options(script: Script, way: _Way, module: Module, node: Definition) -> Iterator[Option]:
    slots = [_enum_by_name(script, slot) for slot in slots_of(script, module, node)]
    for option in options_of(script, slots):
        name = option.name.rpartition(".")[2] if way.is_flat else option.name
        switch = way.switch if option.kind == "bool" else None
        yield replace(option, name=name, flag=f"--{name}", switch=switch)


def _enum_by_name(script: Script, slot: Slot) -> Slot:
    """A slot whose default `Act.RELU` is the name "RELU", as these frameworks spell members of an Enum."""
    members = enum_of(script, slot)
    last = dotted(slot.default).rpartition(".")[2]
    return replace(slot, default=ast.Constant(last)) if last in members else slot


def _training_arguments() -> Iterator[Option]:
    for name, kind, default, text in _TRAINING_ARGUMENTS:
        choices = _SCHEDULES if name == "lr_scheduler_type" else ()
        yield Option(name, kind, default, f"--{name}", choices=choices, help=text, is_required=name == "output_dir")


def _read_tap(script: Script) -> Reading | None:
    """The fields of a class that is a Tap, or what a parser of simple_parsing is given by `add_arguments`."""
    for scope in script.scopes:
        if isinstance(scope.node, ast.ClassDef) and any(
            scope.module.full_name(base) in ("tap.Tap", "tap.TypedArgumentParser") for base in scope.node.bases
        ):
            options = tuple(_options(script, _TAP, scope.module, scope.node))
            return Reading("Tap", Style.FLAG, options, scope.module is script.main)
    return None
