"""Stop rules: when a study starts no more trials. They compose: `Target(0.95) | Plateau(30)`.

A rule that counts what was begun leaves paused trials to go on: fifty configs that all wait for their promotion would
be a waste of fifty beginnings. A rule that limits what is spent, or that sees no use in more, holds for them as well.
Trials that run when a rule comes to hold are let end: what they have cost is spent, and they may still be the best.
"""

import math
from dataclasses import dataclass

from danlu.core.elapsed import trial_seconds
from danlu.core.history import History
from danlu.errors import ObjectiveError, StudyError


class StopRule:
    """Says whether a study is done."""

    def done(self, history: History) -> str | None:
        """Why no more trials are started, in words; None to go on."""
        raise NotImplementedError

    def over(self, history: History) -> str | None:
        """Why paused trials don't go on either, in words; None if they may. As `done`, where a rule says no other."""
        return self.done(history)

    def __or__(self, other: "StopRule") -> "StopRule":
        return Either(self, other)

    def __and__(self, other: "StopRule") -> "StopRule":
        return Both(self, other)


@dataclass(frozen=True)
class Trials(StopRule):
    """Done when `count` trials were started in all, over all restarts; those that are paused may go on."""

    count: int

    def done(self, history: History) -> str | None:
        return f"all {self.count} trials" if len(history.trials) >= self.count else None

    def over(self, history: History) -> str | None:
        return None


@dataclass(frozen=True)
class Never(StopRule):
    """Never done: the strategy says when there is nothing more to try."""

    def done(self, history: History) -> str | None:
        return None


@dataclass(frozen=True)
class Steps(StopRule):
    """Done when trials have done `count` steps in all: what a budget in epochs means."""

    count: int

    def done(self, history: History) -> str | None:
        return f"all {self.count} steps" if history.steps_done >= self.count else None


@dataclass(frozen=True)
class Elapsed(StopRule):
    """Done when `seconds` have passed since the time `since` (seconds since 1970, UTC)."""

    seconds: float
    since: float

    def done(self, history: History) -> str | None:
        return f"the time of {self.seconds:g} s is up" if history.at - self.since >= self.seconds else None


@dataclass(frozen=True)
class Cost(StopRule):
    """Done when trials have cost the budget, over all restarts and all attempts at them.

    Attributes:
        budget: in the currency of the price.
        price: of one hour of one trial, that is of all that one trial occupies: four at a time cost four times as much.
    """

    budget: float
    price: float

    def __post_init__(self) -> None:
        for name, value in (("budget", self.budget), ("price", self.price)):
            if not 0 < value < math.inf:
                raise StudyError(f"{name} must be an amount of money above 0, got {value}.")

    def done(self, history: History) -> str | None:
        spent = cost(history, self.price)
        return f"the budget of {self.budget:g} is spent ({amount(spent)})" if spent >= self.budget else None


@dataclass(frozen=True)
class Target(StopRule):
    """Done when the best trial, which keeps all constraints, is as good as `value`: for studies of one objective."""

    value: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise StudyError(f"a target must be a number, got {self.value}.")

    def done(self, history: History) -> str | None:
        if len(history.goals) > 1:
            names = ", ".join(o.metric for o in history.goals)
            raise ObjectiveError(f"a target is for one objective, and here are several ({names}). Use a plateau.")
        [goal] = history.goals
        best = history.best
        if best is None or best.loss > goal.loss(self.value):
            return None
        return f"trial {best.number} reached the target of {goal.metric} {self.value:g}"


@dataclass(frozen=True)
class Plateau(StopRule):
    """Done when the last trials that have ended, together, bettered the best by no more than a tolerance.

    All that have ended count, failed ones too: a study all of whose trials fail must come to an end. The initial
    design, as many trials as there are hyperparameters but 5 to 10, does not. Of several objectives, none of the
    trials is on the front. Where training is noisy, the best of many repeats gets better by luck alone: a tolerance as
    large as the noise ignores that.

    How many: on Branin, Hartmann's function of six and Rosenbrock's of four hyperparameters, "auto" ends by 30 after 59
    to 96 trials (medians of six seeds, tolerance 0.001). On the first two its regret is below 0.0002; on the third,
    a curved valley, 120 trials gain an eighth of a decade more. By 10 the regret is ten times as large.

    Attributes:
        trials: how many.
        tolerance: in units of the objective; it is of no use for several objectives.
    """

    trials: int
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise StudyError(f"a plateau has at least 1 trial, got {self.trials}.")
        if not 0 <= self.tolerance < math.inf:
            raise StudyError(f"the tolerance of a plateau must be at least 0, got {self.tolerance}.")

    def done(self, history: History) -> str | None:
        before = history.ended - self.trials
        if before < min(max(len(history.space.names), 5), 10) or self._is_better(history, before):
            return None
        margin = f" by more than {self.tolerance:g}" if self.tolerance else ""
        return f"nothing better{margin} in the last {self.trials} trials"

    def _is_better(self, history: History, before: int) -> bool:
        """Whether trials from number `before` on, in order of ending, have bettered what there was."""
        if len(history.goals) > 1:
            latest = {trial.number for trial in history.latest(self.trials)}
            return any(trial.number in latest for trial in history.front)
        course = _course(history)
        return course[before - 1] - course[history.ended - 1] > self.tolerance  # inf - inf is not


def _course(history: History) -> list[float]:
    """The lowest loss after each trial that has ended, or more trials than these; ∞ where none counts yet."""
    course: list[float] = history.memos.setdefault("course", [])
    lowest = course[-1] if course else math.inf
    for trial in history.latest(max(history.ended - len(course), 0)):
        lowest = min(lowest, trial.loss) if trial.may_be_best else lowest
        course.append(lowest)
    return course


@dataclass(frozen=True)
class Either(StopRule):
    """Done when one of two rules is."""

    one: StopRule
    other: StopRule

    def done(self, history: History) -> str | None:
        return self.one.done(history) or self.other.done(history)

    def over(self, history: History) -> str | None:
        return self.one.over(history) or self.other.over(history)


@dataclass(frozen=True)
class Both(StopRule):
    """Done when two rules are."""

    one: StopRule
    other: StopRule

    def done(self, history: History) -> str | None:
        return _both(self.one.done(history), self.other.done(history))

    def over(self, history: History) -> str | None:
        return _both(self.one.over(history), self.other.over(history))


def _both(one: str | None, other: str | None) -> str | None:
    return f"{one} and {other}" if one and other else None


def cost(history: History, price: float) -> float:
    """What all trials have cost so far, at a price of one hour of one trial."""
    return trial_seconds(history) / 3600 * price


def amount(number: float) -> str:
    """Money or hours as people write them: "12.50", "0.0031"."""
    return f"{number:.2f}" if number >= 0.1 or number == 0 else f"{number:.2g}"


def ending(rule: StopRule, history: History) -> str:
    """Why a run has ended under a rule, in words."""
    return rule.over(history) or rule.done(history) or "the strategy has nothing more to suggest"
