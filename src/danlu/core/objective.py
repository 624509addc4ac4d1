"""Objectives: which metric, in which direction, read where; and the bounds that other metrics must keep.

The sign is handled here and nowhere else: strategies see losses, people see values.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from danlu.errors import ObjectiveError

Goal = Literal["minimize", "maximize"]


class Objective(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a study is after, or (with `bound`) what it must keep.

    Attributes:
        metric: name under which trials report it.
        goal: "minimize" or "maximize".
        at: which of a trial's reports counts: "last", "best", or the number of a step. A metric that was told at the
            end of the trial outranks its reports.
        bound: if given, this is a constraint: the metric must not exceed it (not fall below it, for "maximize").
    """

    metric: str
    goal: Goal = "minimize"
    at: int | Literal["last", "best"] = "last"
    bound: float | None = None

    @property
    def sign(self) -> float:
        """+1 where small values are good, −1 where large ones are."""
        return 1.0 if self.goal == "minimize" else -1.0

    def loss(self, value: float) -> float:
        """The value turned so that less is better."""
        return value if self.goal == "minimize" else -value

    def is_kept(self, value: float | None) -> bool:
        """Whether a constraint holds for this value of its metric; an unknown value keeps no bound."""
        if self.bound is None:
            return True
        return value is not None and self.loss(value) <= self.loss(self.bound)

    def __str__(self) -> str:
        if self.bound is not None:
            return f"{self.metric} {'<=' if self.goal == 'minimize' else '>='} {self.bound:g}"
        return f"{self.goal} {self.metric}" + ("" if self.at == "last" else f" (at {self.at})")


Named = str | Objective | Iterable[str | Objective] | None


def objectives_from(
    minimize: Named = None, maximize: Named = None, subject_to: Iterable[str] = ()
) -> tuple[Objective, ...]:
    """The objectives that a user names, in order, constraints last.

    Args:
        minimize, maximize: a metric's name, an `Objective`, or several of them for a Pareto front.
        subject_to: constraints such as "memory_gb <= 8" or "accuracy >= 0.9".

    Raises:
        ObjectiveError: no objective at all, one that is named twice, or a constraint that can't be read.
    """
    found = [*_named(minimize, "minimize"), *_named(maximize, "maximize")]
    if not found:
        raise ObjectiveError("a study needs an objective: pass minimize='val_loss' or maximize='accuracy'.")
    found += [_constraint(text) for text in subject_to]
    metrics = [(objective.metric, objective.bound is None) for objective in found]
    for metric, is_goal in metrics:
        if metrics.count((metric, is_goal)) > 1:
            raise ObjectiveError(f"{metric!r} is named twice among the objectives. Remove one of the two.")
    return tuple(found)


def _named(names: Named, goal: Goal) -> list[Objective]:
    if names is None:
        return []
    if isinstance(names, (str, Objective)) or not isinstance(names, Iterable):
        names = [names]
    return [name if isinstance(name, Objective) else Objective(_valid(name), goal) for name in names]


def _valid(metric: Any) -> str:
    if not isinstance(metric, str) or not metric.strip():
        raise ObjectiveError(f"expected the name of a metric, got {metric!r}. Pass minimize='val_loss', say.")
    return metric


def _constraint(text: str) -> Objective:
    match = re.fullmatch(r"\s*(\S+)\s*(<=|>=)\s*(\S+)\s*", text)
    try:
        metric, relation, bound = match.groups()  # type: ignore[union-attr]
        number = float(bound)
    except (AttributeError, ValueError):
        raise ObjectiveError(f"can't read the constraint {text!r}. Write it as 'memory_gb <= 8'.") from None
    return Objective(metric, "minimize" if relation == "<=" else "maximize", bound=number)


def plain_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The metrics as Python floats; scalars of NumPy and PyTorch are converted.

    Raises:
        ObjectiveError: a value is not one number.
    """
    return {name: value if type(value) is float else _plain(name, value) for name, value in metrics.items()}


def _plain(name: str, value: Any) -> float:
    if not isinstance(value, str):
        try:
            return float(value)
        except (TypeError, ValueError, RuntimeError):
            pass
    shape = f" of shape {tuple(value.shape)}" if hasattr(value, "shape") else ""
    kind = type(value).__name__
    raise ObjectiveError(
        f"metric {name!r} must be one number, got {kind}{shape}: {str(value)[:80]!r}. Reduce it first."
    )


def diverged(objectives: Iterable[Objective], metrics: Mapping[str, float]) -> str | None:
    """The first objective whose metric is not finite, as "loss is nan"; None if all present ones are finite."""
    for objective in objectives:
        value = metrics.get(objective.metric)
        if value is not None and not math.isfinite(value):
            return f"{objective.metric} is {value}"
    return None
