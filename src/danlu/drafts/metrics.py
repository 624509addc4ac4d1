"""Which metrics a script tells of, found in what it prints and logs; the likeliest objective first.

A format string is filled with made-up numbers and read as the line that it would print, by the same code that reads a
running program's output: what is proposed here is found there.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from danlu.drafts.literal import dotted
from danlu.drafts.module import Module
from danlu.drafts.script import Script
from danlu.programs.line import said
from danlu.programs.naming import normal

Goal = Literal["minimize", "maximize"]
Way = Literal["printed", "reported", "logged"]

_UP = re.compile(
    r"acc|accuracy|auc|auroc|auprc|f1|fbeta|bleu|rouge|meteor|cider|map|ap|iou|miou|dice|jaccard|precision|recall|"
    r"mcc|kappa|r2|score|reward|rewards|return|returns|psnr|ssim|top1|top5|em|ndcg|mrr|success|hits|fitness|prec"
)
_DOWN = re.compile(
    r"loss|losses|err|error|errors|ppl|perplexity|nll|mse|rmse|mae|mape|logloss|bce|ce|xent|kl|bpb|bpc|bpd|fid|"
    r"lpips|wer|cer|elbo|cost|regret|eer|ece"
)
_HELD_OUT = frozenset({"val", "valid", "validation", "test", "eval", "evaluation", "dev", "holdout"})
_TRAIN = frozenset({"train", "training"})
_COUNT = re.compile(r"epoch|step|iter|batch|idx|index|len|num|count|total|size|^[ijk]$")
_PERCENT = re.compile(r"%(?:\(\w+\))?[-+ #0]*\d*(?:\.\d+)?([diouxXeEfFgGcrs%])")
_BRACES = re.compile(r"\{\{|\}\}|\{([^{}:!]*)(?:![rsa])?(?::([^{}]*))?\}")
_SAYS = ("print", "info", "write", "debug", "warning", "set_description", "set_postfix_str", "pprint", "echo")
_LOGS = ("log", "log_metrics", "log_dict", "set_postfix", "log_scalars", "dumps", "append_row", "writerow", "track")
_SCALARS = ("log", "add_scalar", "scalar", "log_metric", "log_value", "record", "logkv", "record_mean", "update_scalar")


@dataclass(frozen=True)
class Candidate:
    """A metric that might be the objective.

    Attributes:
        metric: its name.
        goal: what one wants of it.
        way: how the script tells it: on its standard output, by `danlu.report`, or by a logger only.
        place: file and line.
    """

    metric: str
    goal: Goal
    way: Way
    place: str


def candidates(script: Script, loss_varies: bool = False, most: int = 4) -> tuple[Candidate, ...]:
    """Metrics that might be the objective, the likeliest first.

    Args:
        script: that tells them.
        loss_varies: whether what is tuned changes what a loss means: then one prefers another metric.
        most: how many.
    """
    found: dict[str, Candidate] = {}
    for name, way, module, line in _told(script):
        goal = _goal(name)
        if goal is not None:
            candidate = Candidate(name, goal, way, f"{module.path.name}, line {line}")
            known = found.get(normal(name))
            if known is None or _clarity(candidate) < _clarity(known):
                found[normal(name)] = candidate
    ranked = sorted(found.values(), key=lambda c: _rank(c, loss_varies))
    return tuple(ranked[:most])


def _rank(candidate: Candidate, loss_varies: bool) -> tuple[int, ...]:
    words = set(normal(candidate.metric).split("_"))
    section = (
        0 if words & {"val", "valid", "validation", "dev"} else 1 if words & _HELD_OUT else 3 if words & _TRAIN else 2
    )
    is_of_choice = (candidate.goal == "maximize") == loss_varies
    unseen = 2 * (
        candidate.way == "logged"
    )  # a validation that is only logged is worth what is printed of nothing special
    return (section + unseen, unseen, int("best" in words), int(not is_of_choice), len(words))


def _clarity(candidate: Candidate) -> int:
    return ("reported", "printed", "logged").index(candidate.way)


def _goal(name: str) -> Goal | None:
    """What one wants of a metric, by the last word of its name that tells; of "losses/alpha" only the end counts."""
    end = re.sub(r"(?<=[a-z])_(?=\d)", "", normal(name.rpartition("/")[2])).split("_")
    if set(end) <= _HELD_OUT | _TRAIN:  # Loss/val
        end = normal(name).split("_")
    for word in reversed(end):
        if _UP.fullmatch(word) or _UP.fullmatch(word.rstrip("0123456789")):
            return "maximize"
        if _DOWN.fullmatch(word) or _DOWN.fullmatch(word.rstrip("0123456789")):
            return "minimize"
    return None


# what is told ---------------------------------------------------------------------------------------------------------


def _told(script: Script) -> Iterator[tuple[str, Way, Module, int]]:
    """(metric, way, file, line) of all that the script says."""
    for scope in script.scopes:
        for node in scope.nodes:
            if isinstance(node, ast.Call):
                for name, way in _of_call(scope.module, node):
                    yield name, way, scope.module, node.lineno
            elif isinstance(node, ast.Assign) and _is_format(node.value):  # line = f"..."; print(line)
                for line in _filled(node.value).splitlines():
                    yield from ((name, "printed", scope.module, node.lineno) for name in said(line).metrics)


def _of_call(module: Module, call: ast.Call) -> Iterator[tuple[str, Way]]:
    method = dotted(call.func).rpartition(".")[2] or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
    if module.full_name(call.func) in ("danlu.report", "danlu.programs.channel.report"):
        yield from ((keyword.arg, "reported") for keyword in call.keywords if keyword.arg is not None)
        return
    if method in _SAYS or any(map(_is_format, call.args)):  # progress_bar(i, n, "Loss: %.3f" % loss)
        for line in _lines(call.args if method in _SAYS else [a for a in call.args if _is_format(a)]):
            yield from ((name, "printed") for name in said(line).metrics)
    yield from ((name, "printed") for name in _of_framework(module, method, call))
    if method in _LOGS:
        way: Way = "printed" if method in ("dumps", "set_postfix") else "logged"
        for name in [*_keys(call.args), *(k.arg for k in call.keywords if k.arg is not None)]:
            yield normal(name) if way == "printed" else name, way
    if method in _SCALARS and call.args and isinstance(call.args[0], ast.Constant):
        yield from ((name, "logged") for name in [call.args[0].value] if isinstance(name, str) and len(call.args) > 1)
    if method.endswith("Meter") and call.args and isinstance(call.args[0], ast.Constant):  # of the ImageNet example
        yield normal(str(call.args[0].value)), "printed"
    for keyword in call.keywords:
        if keyword.arg in ("monitor", "metric_for_best_model") and isinstance(keyword.value, ast.Constant):
            yield str(keyword.value.value), "logged"


def _of_framework(module: Module, method: str, call: ast.Call) -> Iterator[str]:
    """What the training loops of Keras and of Hugging Face print by themselves."""
    said = {keyword.arg: keyword.value for keyword in call.keywords}
    if method == "fit" and said.keys() & {"validation_data", "validation_split"}:
        yield "val_loss"
    if method == "compile" and isinstance(said.get("metrics"), ast.List):
        names = [node.value for node in ast.walk(said["metrics"]) if isinstance(node, ast.Constant)]
        yield from (f"val_{name}" for name in names if isinstance(name, str))
    if method.endswith("Trainer") and module.full_name(call.func).partition(".")[0] in ("transformers", "trl"):
        yield "eval_loss"


def _keys(arguments: Iterable[ast.expr]) -> Iterator[str]:
    for argument in arguments:
        if isinstance(argument, ast.Dict):
            yield from (k.value for k in argument.keys if isinstance(k, ast.Constant) and isinstance(k.value, str))
        elif isinstance(argument, ast.Call) and dotted(argument.func) == "dict":
            yield from (k.arg for k in argument.keywords if k.arg is not None)


# format strings -------------------------------------------------------------------------------------------------------


def _lines(arguments: list[ast.expr]) -> list[str]:
    """The lines that a call prints, with made-up numbers."""
    match arguments:
        case [ast.Constant(str(text)), first, *rest] if _PERCENT.search(text):  # logging.info("loss %.3f", loss)
            return _percent(text, map(_name, [first, *rest])).splitlines()
    return " ".join(_filled(argument) for argument in arguments).splitlines()


def _is_format(node: ast.expr) -> bool:
    """Whether it is a text with values in it."""
    match node:
        case ast.JoinedStr():
            return True
        case ast.BinOp(left, ast.Mod() | ast.Add(), _):
            return isinstance(left, ast.Constant) and isinstance(left.value, str)
        case ast.Call(ast.Attribute(ast.Constant(str()), "format")):
            return True
    return False


def _filled(node: ast.expr) -> str:
    match node:
        case ast.Constant(str(text)):
            return text
        case ast.JoinedStr(values):
            text = ""
            for value in values:  # of f"Test{suffix}: ..." nothing is known that would end the word
                is_suffix = isinstance(value, ast.FormattedValue) and value.format_spec is None and text[-1:].isalpha()
                text += "" if is_suffix else _filled(value)
            return text
        case ast.FormattedValue(inner, _, spec):
            written = "".join(str(v.value) for v in getattr(spec, "values", ()) if isinstance(v, ast.Constant))
            return _number(_name(inner), written)
        case ast.BinOp(left, ast.Add(), right):
            return _filled(left) + _filled(right)
        case ast.BinOp(left, ast.Mod(), right) if _filled(left):
            names = [_name(n) for n in right.elts] if isinstance(right, ast.Tuple) else [_name(right)]
            return _percent(_filled(left), iter(names))
        case ast.Call(ast.Attribute(inner, "format"), args):
            return _braces(_filled(inner), [_name(argument) for argument in args])
        case ast.Dict(keys, values):
            said = zip(keys, values, strict=True)
            pairs = [(str(k.value), v) for k, v in said if isinstance(k, ast.Constant)]
            return ", ".join(f"'{key}': {_number(_name(value), 'f')}" for key, value in pairs)
        case ast.Call(ast.Attribute(_, "join")):
            return ""
    return _number(_name(node), "")


def _percent(text: str, names: Iterator[str]) -> str:
    return _PERCENT.sub(lambda m: "%" if m[1] == "%" else _number(next(names, ""), m[1]), text)


def _braces(text: str, names: list[str]) -> str:
    rest = iter(names)

    def filled(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        return _number(match[1] if match[1] and not match[1].isdigit() else next(rest, ""), match[2] or "")

    return _BRACES.sub(filled, text)


def _number(name: str, spec: str) -> str:
    """A number as it may stand there: a whole one where that is what is counted."""
    if spec.endswith("%"):
        return "50.0%"
    if spec.endswith(("d", "i")) or (not spec.endswith(("f", "g", "e")) and _COUNT.search(name.lower())):
        return "3"
    return "0.5"


def _name(node: ast.expr) -> str:
    """The last name in an expression, by which counts are told from measures."""
    names = [dotted(n).rpartition(".")[2] for n in ast.walk(node) if dotted(n)]
    return names[0] if names else ""
