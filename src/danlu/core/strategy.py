"""Strategy: what to try next, and whether a running trial goes on. Pure in its arguments.

    history.trials: 0 complete 0.31 · 1 complete 0.27 · 2 running
    strategy.suggest(history, rng)  -> Start(Config(lr=0.003), origin="random")      trial 3
    strategy.decide(history, trial) -> Decision.STOP                                  trial 2 after its 5th report

Same arguments, same answer: that is what makes a resume exact and a replay possible. What a strategy derives from a
history (a fitted surrogate) it may memoise; losing the memo costs time and changes nothing.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from danlu.core.history import History
from danlu.core.trial import Decision, Fork, Trial
from danlu.space import Config


@dataclass(frozen=True)
class Start:
    """Begin a new trial.

    Attributes:
        config: what to try.
        origin: the first word says which strategy it was, the rest after ": " how it came to it.
        budget: step at which `decide` will pause or end it; None for a full training.
        parent: the checkpoint of another trial to fork from.
        queued: position of the queued config that this is.
        replaces: number of a paused trial whose place it takes; that one is stopped.
    """

    config: Config
    origin: str
    budget: int | None = None
    parent: Fork | None = None
    queued: int | None = None
    replaces: int | None = None


@dataclass(frozen=True)
class Resume:
    """Let a paused trial go on, up to `budget` steps."""

    trial: int
    budget: int | None = None


@dataclass(frozen=True)
class Wait:
    """Nothing to suggest until another trial has ended."""


@dataclass(frozen=True)
class Exhausted:
    """Nothing to suggest, ever again."""


WAIT, EXHAUSTED = Wait(), Exhausted()
Suggestion = Start | Resume | Wait | Exhausted


@dataclass(frozen=True)
class Strategy:
    """How to search. A strategy is a frozen dataclass: its fields are its settings, all of them in the journal.

    Attributes:
        ends: whether it is exhausted when its trainings have come to their end, however large the space is.
    """

    ends: ClassVar[bool] = False

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        """What to do next, given all that happened; trials that are still running are in `history.pending`.

        Where the space was changed, trials from before may lie outside of it: `history.is_inside` tells, and so does
        `history.arrays().inside`. A new config must lie inside.
        """
        raise NotImplementedError

    def decide(self, history: History, trial: Trial) -> Decision:
        """Whether a trial goes on after its last report, which is already in `history`."""
        return Decision.CONTINUE

    @property
    def learns(self) -> bool:
        """Whether suggestions depend on results. Where they don't, a history need not be prepared for this strategy."""
        return True

    def check(self, history: History) -> None:
        """Raises `StrategyError` if this strategy can't serve such a study; called once, before anything runs."""

    def judges(self, history: History) -> bool:
        """Whether a trial of such a study may be ended or paused by its reports."""
        return type(self).decide is not Strategy.decide

    def within(self, time: float | None, trials: int | None) -> "Strategy":
        """The same search, told how long the study may take in all, in seconds, and how many trials it may have.

        None where that is not what is short. As it is, if it makes no difference to the search.
        """
        return self

    def without_pauses(self) -> "Strategy":
        """The same search for a runner that can't pause a trial: where this one pauses, that one stops."""
        return self

    def settings(self) -> dict[str, Any]:
        """The fields that differ from their defaults."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.default is dataclasses.MISSING or getattr(self, field.name) != field.default
        }
