"""Importance: which hyperparameters matter, alone and in pairs, and how sure that is.

The losses are modelled by a sum of functions of one, two and three hyperparameters (`anova`), and the variance of each
is its share of the variance of the loss over the whole space: every hyperparameter uniform on its own scale, and not
where a search happened to look. What the model takes for noise is the unexplained share. With `top`, the same is asked
of another function: whether a config is among the best tenth, say. The variance of its dependence on one hyperparameter
is Pearson's divergence between the densities of the good configs and of all, times `top` squared (PED-ANOVA).

A hyperparameter of a branch counts where it is active: its share is that of its effect there, times the probability of
being active. That a branch is better than another is the effect of the choice between them.

Intervals hold 95 % of 200 functions that the trials leave possible: eight draws of the model's scales, 25 functions of
each. Resampling the trials would not do: copies of a trial look like certainty to a process without noise, and half of
the trials of a search carry most of what is known.

Sources
    Hutter, Hoos & Leyton-Brown (2014), "An efficient approach for assessing hyperparameter importance", ICML.
    Sobol' (1993), "Sensitivity estimates for nonlinear mathematical models": shares of variance.
    Watanabe, Bansal & Hutter (2023), "PED-ANOVA: efficiently quantifying hyperparameter importance in arbitrary
        subspaces", IJCAI, arXiv 2304.10255. There from densities of the trials; by the model, the error is smaller
        in 16 of 18 cases of benchmarks/importance.py (50 to 200 trials).
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from danlu.analysis.basis import Floats
from danlu.core.history import History
from danlu.core.objective import Objective
from danlu.core.trial import Status
from danlu.errors import StudyError, UnknownName
from danlu.space import Space
from danlu.study import Study

ENOUGH = 10
"""Trials below which nothing is said."""

_INTERVAL = (0.025, 0.975)
_FAR = 10.0  # half widths above the median beyond which a loss is bent to a logarithm: diverged, but finite
_SHOWN = 0.01  # share of a pair from which it is printed


@dataclass(frozen=True)
class Effect:
    """A share of the variance.

    Attributes:
        share: in [0, 1]; NaN if unknown.
        low, high: interval that holds it with 95 % probability.
    """

    share: float = math.nan
    low: float = math.nan
    high: float = math.nan

    @property
    def is_known(self) -> bool:
        """Whether the trials say anything of it."""
        return not math.isnan(self.share)

    def __str__(self) -> str:
        return f"{self.share:6.1%}  ({self.low:.1%} – {self.high:.1%})" if self.is_known else "unknown"


UNKNOWN = Effect()
NONE = Effect(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Importance:
    """Shares of the variance of an objective; `main`, all pairs, `rest` and `unexplained` sum to 1.

    Attributes:
        objective: its metric.
        trials: how many it was estimated from.
        top: which part of the space counts as good, if that was asked.
        main: hyperparameter -> what it does alone, the largest first.
        pairs: two hyperparameters -> what they do together beyond what each does alone, the largest first.
        rest: pairs that are not listed, and three together.
        unexplained: noise, and what no function of three hyperparameters explains; 0 of `top`.
        note: what was left out or could not be told.
    """

    objective: str
    trials: int
    top: float | None
    main: dict[str, Effect]
    pairs: dict[tuple[str, str], Effect]
    rest: Effect
    unexplained: Effect
    note: str

    @property
    def is_known(self) -> bool:
        """Whether anything could be told."""
        return self.unexplained.is_known

    @property
    def title(self) -> str:
        """What the shares are of."""
        of = self.objective if self.top is None else f"being among the best {self.top:.0%} by {self.objective}"
        return f"importance for {of}, from {self.trials} trials"

    def rows(self) -> list[tuple[str, Effect]]:
        """What is worth showing, with a label each: all of `main`, pairs of 1 % or more, the rest, the unexplained.

        Not the latter of `top`, which is asked of the model without noise.
        """
        shown = [(f"{a} × {b}", effect) for (a, b), effect in self.pairs.items() if effect.share >= _SHOWN]
        ends = [("other combinations", self.rest), *[("unexplained", self.unexplained)] * (self.top is None)]
        return [*self.main.items(), *shown, *(ends if self.is_known else [])]

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON; what is unknown is None."""

        def plain(effect: Effect) -> dict[str, float] | None:
            return {"share": effect.share, "low": effect.low, "high": effect.high} if effect.is_known else None

        return {
            "objective": self.objective,
            "trials": self.trials,
            "top": self.top,
            "main": {name: plain(effect) for name, effect in self.main.items()},
            "pairs": [{"names": list(names), "effect": plain(effect)} for names, effect in self.pairs.items()],
            "rest": plain(self.rest),
            "unexplained": plain(self.unexplained),
            "note": self.note,
        }

    def __str__(self) -> str:
        rows = self.rows()
        width = max((len(label) for label, _ in rows), default=0)
        lines = [self.title, *(f"{label:{width}}  {effect}" for label, effect in rows)]
        return "\n".join([*lines, self.note] if self.note else lines)


def importance(
    study: Study | History, *, top: float | None = None, pairs: int = 10, objective: str | None = None
) -> Importance:
    """Which hyperparameters matter for an objective, with 95 % intervals.

    Args:
        study: or its history. The same trials give the same answer, whatever order they ended in.
        top: if given, what matters for being among this best part of the space, 0 < top < 1, rather than for the loss.
        pairs: how many pairs to list, the largest.
        objective: its metric; the first objective if not given. Constraints have importances too.

    Raises:
        StudyError: `top` is out of its range.
        UnknownName: no objective has that metric.
    """
    history = study.history if isinstance(study, Study) else study
    if top is not None and not 0.0 < top < 1.0:
        raise StudyError(f"top must be a part of the space, 0 < top < 1, got {top}. Use 0.1 for the best tenth.")
    goal = _objective(history, objective)
    u, losses, remarks = _rows(history, goal)
    trials = len(losses)
    varied = [h for h in range(len(history.space)) if len(np.unique(u[~np.isnan(u[:, h]), h])) > 1]
    reason = _too_little(losses, varied)
    if reason:
        main = dict.fromkeys(history.space.names, UNKNOWN)
        return Importance(goal.metric, trials, top, main, {}, UNKNOWN, UNKNOWN, "; ".join([reason, *remarks]))
    losses, bent = _tempered(losses / np.abs(losses).max())  # else squares of 1e300 overflow
    if bent:
        remarks.append(f"{bent} far worse than the others, pulled in")
    from danlu.analysis.shares import shares_of  # here: SciPy's matrices take longer to load than most commands

    terms, shares = shares_of(history.space, varied, u, losses, top)
    return _result(history.space, goal, trials, top, pairs, varied, terms, shares, remarks)


def _objective(history: History, metric: str | None) -> Objective:
    if metric is None:
        return history.objectives[0]
    for objective in history.objectives:
        if objective.metric == metric:
            return objective
    raise UnknownName("objective", metric, [objective.metric for objective in history.objectives])


def _rows(history: History, objective: Objective) -> tuple[Floats, Floats, list[str]]:
    """Coordinates and losses of the complete trials, by loss; and how many others there are."""
    found = []
    left = Counter[str]()
    for trial in history.trials:
        value = trial.metric(objective)
        if trial.is_finished and not history.is_inside(trial):
            left["outside of the space as it is now"] += 1
        elif trial.status is Status.COMPLETE and value is not None and math.isfinite(value):
            found.append((objective.loss(value), *history.space.encode(trial.config)))
        elif trial.status is Status.FAILED or trial.status is Status.STOPPED:
            left["failed" if trial.status is Status.FAILED else "stopped early"] += 1
        elif trial.is_finished:
            left["without a value"] += 1
    # sorted, so that sums are rounded in the same way for every order of the trials; NaN can't be compared
    found.sort(key=lambda row: [-1.0 if math.isnan(entry) else entry for entry in row[1:]])
    found.sort(key=lambda row: row[0])
    table = np.array(found, dtype=float).reshape(len(found), len(history.space) + 1)
    return table[:, 1:], table[:, 0], [f"left out: {count} {what}" for what, count in sorted(left.items())]


def _too_little(losses: Floats, varied: Sequence[int]) -> str:
    """Why nothing can be told; empty if something can."""
    if len(losses) < ENOUGH:
        return f"unknown: {len(losses)} complete trial{'s' * (len(losses) != 1)}, at least {ENOUGH} are needed"
    if float(np.ptp(losses)) <= 1e-12 * float(np.abs(losses).max()):
        return "unknown: all losses are the same"
    return "" if varied else "unknown: no hyperparameter was varied"


def _tempered(losses: Floats) -> tuple[Floats, int]:
    """Losses with a bad tail bent to a logarithm, and how many were: else the tail is all of the variance."""
    middle = float(np.median(losses))
    width = middle - float(np.quantile(losses, 0.1))
    top = middle + _FAR * width
    tail = losses > top
    if width <= 0.0 or not tail.any():
        return losses, 0
    return np.where(tail, top + width * np.log1p(np.maximum(losses - top, 0.0) / width), losses), int(tail.sum())


# the result -----------------------------------------------------------------------------------------------------------


def _result(
    space: Space, goal: Objective, trials: int, top: float | None, pairs: int, varied: Sequence[int],
    terms: Sequence[tuple[int, ...]], shares: Floats, remarks: list[str],
) -> Importance:  # fmt: skip
    effects = [_effect(row) for row in shares[: len(terms)]]
    main = {
        name: UNKNOWN if h.dimension.levels != 1 else NONE
        for name, h in zip(space.names, space.hyperparameters, strict=True)
    }
    main |= {space.names[term[0]]: effect for term, effect in zip(terms, effects, strict=True) if len(term) == 1}
    unvaried = [name for name, effect in main.items() if not effect.is_known]
    if unvaried:
        remarks = [*remarks, f"never varied, so unknown: {', '.join(unvaried)}"]
    order = sorted((k for k, term in enumerate(terms) if len(term) == 2), key=lambda k: (-effects[k].share, terms[k]))
    listed, others = order[:pairs], order[pairs:]
    rest = _effect(shares[[*others, len(terms)]].sum(axis=0))
    unexplained = _effect(shares[-1])
    ranked = dict(sorted(main.items(), key=lambda item: -item[1].share if item[1].is_known else 1.0))
    chosen = {(space.names[terms[k][0]], space.names[terms[k][1]]): effects[k] for k in listed}
    return Importance(goal.metric, trials, top, ranked, chosen, rest, unexplained, "; ".join(remarks))


def _effect(shares: Floats) -> Effect:
    """Mean and interval over draws; none below 0, where single draws may be."""
    low, high = np.maximum(np.quantile(shares, _INTERVAL), 0.0)
    return Effect(max(float(shares.mean()), 0.0), float(low), float(high))
