"""Stop rules: when a study starts no more trials. They compose: `Trials(50) | Elapsed(3600)`."""

from dataclasses import dataclass

from danlu.core.history import History


class StopRule:
    """Says whether a study is done."""

    def done(self, history: History) -> str | None:
        """Why no more trials are started, in words; None to go on."""
        raise NotImplementedError

    def __or__(self, other: "StopRule") -> "StopRule":
        return Either(self, other)

    def __and__(self, other: "StopRule") -> "StopRule":
        return Both(self, other)


@dataclass(frozen=True)
class Trials(StopRule):
    """Done when `count` trials were started in all, over all restarts."""

    count: int

    def done(self, history: History) -> str | None:
        return f"all {self.count} trials" if len(history.trials) >= self.count else None


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


@dataclass(frozen=True)
class Both(StopRule):
    """Done when two rules are."""

    one: StopRule
    other: StopRule

    def done(self, history: History) -> str | None:
        one, other = self.one.done(history), self.other.done(history)
        return f"{one} and {other}" if one and other else None
