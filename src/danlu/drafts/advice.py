"""Advice: what is to become of an option in a search."""

import re
from dataclasses import dataclass, replace

from danlu.drafts.knowledge import INT, LEFT, OTHERS, TUNED, Rule
from danlu.drafts.option import Kind, Option
from danlu.space import Dimension
from danlu.space.value import MISSING

_ASIDE = re.compile(
    r"(?:paths?|loggers?|logging|wandb|callbacks?|checkpoint\w*|hydra|extras|eval\w*|test|debug|hub|env|datasets?)\."
)
_SHARE = re.compile(r"(?:^|_)(?:prob\w*|p|rate|ratio|fraction|frac|share|percent|pct|decay|threshold)(?:_|$)")


@dataclass(frozen=True)
class Advice:
    """What becomes of an option.

    Attributes:
        option: which.
        dimension: what may be tried; None if there is nothing to say.
        rank: how much it usually matters, from 0; from `ASKED` on it is only tuned if the user asks for it.
        why: why it is left out, or only offered.
    """

    option: Option
    dimension: Dimension | None
    rank: int
    why: str = ""


ASKED = 4
NEVER = 9


def advice(option: Option) -> Advice:
    """What is to become of an option, by its name, its kind and its default."""
    trouble = _trouble(option)
    if trouble:
        return Advice(option, None, NEVER, trouble)
    rule = _rule(option)
    if rule is not None and _may_be_float(option) and not rule.kinds & INT:
        option = replace(option, kind="float", default=float(option.default))
    if rule is None or rule.shape is None:
        return Advice(option, None, NEVER, "a text: no choices are known" if rule is None else rule.why)
    dimension = rule.shape.of(option)
    if dimension is None:
        return Advice(option, None, NEVER, _nothing_to_try(option))
    if option.default is MISSING or option.default is None:
        return Advice(option, dimension, ASKED, _unknown(option))
    return Advice(option, dimension, rule.rank, rule.why if rule.rank >= ASKED else "")


def words(name: str) -> str:
    """The last part of a name in lower case, its words joined by _: "model.batchSize" is "batch_size"."""
    last = name.rpartition(".")[2]
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", last)
    return re.sub(r"[-_\s/]+", "_", apart).strip("_").lower()


def _trouble(option: Option) -> str:
    """Why an option can't be tuned at all; "" if it can."""
    if option.many:
        return {"no effect": "a switch that is on already"}.get(option.many, "takes several values")
    if option.is_positional:
        return "given by its place: put it into the command"
    if option.is_required and not _rule_is_known(option):
        return "the script asks for it: put it into the command"
    if _ASIDE.search(option.name.lower()):
        return "what is written and when, or where" if "." in option.name else ""
    if option.kind == "text" and isinstance(option.default, bool):
        return "type=bool takes any text for true: no value can be handed over"
    return ""


def _may_be_float(option: Option) -> bool:
    """Whether a whole number may be meant as a float: nothing but the default says what it is."""
    return option.is_inferred and option.kind == "int"


def _rule_is_known(option: Option) -> bool:
    return any(rule.holds(words(option.name), option.kind, option.help) for rule in TUNED)


def _rule(option: Option) -> Rule | None:
    name, kind = words(option.name), option.kind
    is_listed = bool(option.choices)
    kinds: tuple[Kind, ...] = ("text",) if is_listed else ("int", "float") if _may_be_float(option) else (kind,)
    for rules in (LEFT, TUNED):
        for as_kind in kinds:
            for rule in rules:
                if rule.holds(name, as_kind, option.help):
                    return rule
    if is_listed:
        return OTHERS["choices"]
    if kind == "float" and isinstance(option.default, float) and 0 <= option.default <= 1 and _SHARE.search(name):
        return OTHERS["share"]
    return OTHERS.get(kind)


def _nothing_to_try(option: Option) -> str:
    if option.kind == "text":
        return "a text: no choices are known"
    if option.default in (MISSING, None):
        return _unknown(option)
    return f"its default, {option.default}, says nothing of its scale"


def _unknown(option: Option) -> str:
    if option.default is MISSING:
        return "its default is computed" if not option.is_required else "the script asks for it"
    return "no default: without it the script does something else"
