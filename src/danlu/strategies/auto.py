"""Auto: what a user gets who does not choose. One rule after the other; the first that fits suggests.

| situation | who suggests |
| --- | --- |
| a full training has `steps`, and trials report | curves: epochs are what is short; it pauses, resumes and predicts |
| fewer than 2,000 trials | gp: the model pays for itself from the first trials on, choices and branches included |
| more, and only numbers | gp and cmaes in turn: the one looks everywhere, the other goes on downhill at no cost |
| more, with choices or branches | tpe, and gp at every fourth suggestion |
| more, and several objectives | gp and nsga2 in turn |

A choice never drives it away from the model, and neither does the speed of a training, which a replay could not know.
With several objectives or constraints, and from the 2,000th trial on, no trial is stopped early.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from danlu import catalogue
from danlu.core.explain import Explains, Explanation
from danlu.core.history import History
from danlu.core.origin import chosen
from danlu.core.strategy import Start, Strategy, Suggestion
from danlu.core.trial import Decision, Status, Trial

_MANY = 2_000  # trials from which cheaper methods take part: a model of 400 rows no longer tells all there is to know
_SILENT = 3  # finished trials, none of which reported more than its end, after which there are no curves to learn from
_EVERY = 4  # suggestions of which one is the model's, beside TPE


@dataclass(frozen=True)
class Auto(Strategy):
    """Chooses among curves, gp, tpe, cmaes and nsga2; each trial's origin says which it was, and why.

    Attributes:
        time: as of gp.
        pauses: as of curves.
    """

    time: float | None = None
    pauses: bool = True

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        name, why = _choice(history)
        strategy = self._of(name)
        suggestion = strategy.suggest(history, rng)
        if not isinstance(suggestion, Start):
            return suggestion
        return dataclasses.replace(suggestion, origin=chosen(suggestion.origin, why))

    def decide(self, history: History, trial: Trial) -> Decision:
        name, _ = _choice(history)  # of those that may be asked, one alone judges; a report must not cost a search
        return self._of(name).decide(history, trial) if name == "curves" else Decision.CONTINUE

    def explain(self, history: History) -> Explanation | None:
        """What the one believes that suggests next, if it can say so."""
        strategy = self._of(_choice(history)[0])
        return strategy.explain(history) if isinstance(strategy, Explains) else None

    def check(self, history: History) -> None:
        if self.time is not None:
            self._of("gp").check(history)
        self._of(_choice(history)[0]).check(history)

    def within(self, time: float | None, trials: int | None) -> Strategy:
        return dataclasses.replace(self, time=time)

    def judges(self, history: History) -> bool:
        return _has_curves(history)

    def without_pauses(self) -> Strategy:
        return dataclasses.replace(self, pauses=False)

    def _of(self, name: str) -> Strategy:
        """By name, for what is not asked need not be imported."""
        known: dict[str, dict[str, Any]] = {"gp": {"time": self.time}, "curves": {"pauses": self.pauses}}
        made: Strategy = catalogue.load("strategy", name)(**known.get(name, {}))
        return made


def _choice(history: History) -> tuple[str, str]:
    """The name of the strategy to ask, and why."""
    n = len(history.trials)
    if n < _MANY and _has_curves(history) and not _is_silent(history):
        return "curves", f"a training has {history.steps} steps"
    if n < _MANY:
        return "gp", f"fewer than {_MANY:,} trials"
    if len(history.goals) > 1:
        return ("gp", "in turn with nsga2") if n % 2 else ("nsga2", "many trials, several objectives")
    if all(h.dimension.ordered for h in history.space.hyperparameters):
        return ("gp", "in turn with cmaes") if n % 2 else ("cmaes", "many trials, numbers only")
    return ("gp", "in turn with tpe") if n % _EVERY == 0 else ("tpe", "many trials")


def _has_curves(history: History) -> bool:
    """Whether there is one loss to predict, and a step at which it is due."""
    return history.steps is not None and len(history.objectives) == 1


def _is_silent(history: History) -> bool:
    """Whether trials tell no more than how they end."""
    ended = [trial for trial in history.trials[: 2 * _SILENT] if trial.status is Status.COMPLETE]
    return len(ended) >= _SILENT and all(len(trial.curve) < 2 for trial in ended)
