"""Stop rules: when a study starts no more trials. They compose: `Trials(50) | Elapsed(3600)`.

A rule that counts what was begun leaves paused trials to go on: fifty configs that all wait for their promotion would
be a waste of fifty beginnings. A rule that limits what is spent holds for them as well.
"""

from dataclasses import dataclass

from danlu.core.history import History


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
