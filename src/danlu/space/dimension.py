"""Dimension: the values that one hyperparameter may take, whatever their kind.

`Float` and `Int` (`numeric`) and `Choice` (`choice`) are the only ones to ask "is it a float, an int or a choice?". All
else sees two maps, each of one value and (`..._all`) of many, as a column:

- `encode` / `decode`: value <-> coordinate u in [0, 1], an isometry of the hyperparameter's own scale. Both bounds lie
  exactly on 0 and 1, because real optima do (batch size, momentum and depth at an end of their range).
- `quantile`: v in [0, 1) -> value, under the uniform distribution on that scale: every level of an int or a choice is
  equally likely, its two end levels included (on a log scale: likely in proportion to its cell).

Beside a default, which is a value, a user may say a belief: `likely`, where the best value probably lies.
"""

from collections.abc import Mapping
from typing import Any

from danlu.errors import SpaceError
from danlu.space.choice import Choice, listed
from danlu.space.numeric import Float, Int

Dimension = Float | Int | Choice
"""The values that one hyperparameter may take."""


_KEYS = {
    "float": {"type", "low", "high", "log", "step", "default", "likely"},
    "int": {"type", "low", "high", "log", "step", "default", "likely"},
    "choice": {"type", "options", "branches", "ordered", "default", "likely"},
}


def dimension_from_dict(name: str, form: Mapping[str, Any], read_space: Any) -> Dimension:
    """The dimension that `to_dict` wrote; `read_space` reads the sub-spaces of branches."""
    kind = form["type"]
    unknown = set(form) - _KEYS[kind]
    if unknown:
        known = ", ".join(sorted(_KEYS[kind]))
        raise SpaceError(f"{name!r}: a {kind} has no setting {min(unknown)!r}. Known: {known}.")
    if kind == "choice":
        return _choice_from(name, form, read_space)
    if "low" not in form or "high" not in form:
        raise SpaceError(f"{name!r}: a {kind} needs low and high, got {dict(form)}.")
    settings = {key: form[key] for key in ("log", "step", "default", "likely") if key in form}
    return (Float if kind == "float" else Int)(form["low"], form["high"], **settings)


def _choice_from(name: str, form: Mapping[str, Any], read_space: Any) -> Choice:
    options = form.get("options")
    if not isinstance(options, (list, tuple)):
        raise SpaceError(f"{name!r}: a choice needs options = [...], got {options!r}.")
    written = [str(option) for option in options]
    branches = form.get("branches", {})
    if not isinstance(branches, Mapping):
        raise SpaceError(f"{name!r}: branches must be a table of spaces by option, got {branches!r}.")
    unknown = [option for option in branches if option not in written]
    if unknown:
        raise SpaceError(f"{name!r}: branch {unknown[0]!r} is not an option. Options: {listed(options)}.")
    settings = {key: form[key] for key in ("ordered", "default", "likely") if key in form}
    choice = Choice(options, **settings)
    choice.check(name)  # before the mapping below, in which an option that is given twice would be lost
    if not branches:
        return choice
    spaces = [read_space(branches[key]) if key in branches else None for key in written]
    return choice.with_branches(dict(zip(options, spaces, strict=True)))
