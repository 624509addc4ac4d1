"""News: what of a study is worth telling somebody who is not looking. Pure: histories in, news out."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from danlu.core.history import History
from danlu.core.stopping import amount, cost
from danlu.core.trial import Status, Trial

Occasion = Literal["best", "failure", "end"]
OCCASIONS: tuple[Occasion, ...] = ("best", "failure", "end")

_LONGEST = 800  # letters of a text: what a chat shows without folding it up


@dataclass(frozen=True)
class News:
    """One thing that happened.

    Attributes:
        on: which of the three occasions it is.
        text: one line for people.
        facts: the same for programs; plain data.
    """

    on: Occasion
    text: str
    facts: dict[str, Any]


@dataclass
class Reporter:
    """Compares each history with the one before.

    Attributes:
        study: how it is called.
        known: the history that is known; what it tells is no news.
    """

    study: str
    known: History
    _failures: Counter[str] = field(default_factory=Counter)

    def news(self, history: History) -> list[News]:
        """What is new: the best, and of failures the first, the 10th, the 100th, ... of each kind."""
        before, self.known = self.known, history
        fresh = history.latest(history.ended - before.ended)
        return [*self._best(before, history, fresh), *self._failed(fresh)]

    def _best(self, before: History, history: History, fresh: list[Trial]) -> Iterator[News]:
        if len(history.goals) > 1:
            yield from self._front(history, fresh)
            return
        best, last = history.best, before.best
        if best is None or (last is not None and last.number == best.number):
            return
        facts = _facts(self.study, "best", history, best)
        gain = ""
        if last is not None and last.value is not None and best.value is not None:
            facts["previous"] = last.value
            gain = f", {_change(last.value, best.value)} than before"
        yield _news(self.study, facts, f"new best {_values(best)}{gain}", best)

    def _front(self, history: History, fresh: list[Trial]) -> Iterator[News]:
        candidates = {trial.number for trial in fresh if trial.status is Status.COMPLETE}
        front = history.front if candidates else []
        joined = [trial for trial in front if trial.number in candidates]
        if joined:
            facts = _facts(self.study, "best", history, joined[-1]) | {"front": [trial.number for trial in front]}
            text = f"new on the front of now {len(front)}: {_values(joined[-1])}"
            yield _news(self.study, facts, text, joined[-1])

    def _failed(self, fresh: list[Trial]) -> Iterator[News]:
        failed = [trial for trial in fresh if trial.status is Status.FAILED]
        for reason in dict.fromkeys(trial.reason for trial in failed):
            *_, last = (trial for trial in failed if trial.reason == reason)
            was = self._failures[reason]
            self._failures[reason] += sum(trial.reason == reason for trial in failed)
            count = self._failures[reason]
            if _magnitude(count) == _magnitude(was):
                continue
            facts = _facts(self.study, "failure", self.known, last)
            facts |= {"reason": reason, "error": last.error, "count": count}
            many = "" if count == 1 else f"{count} trials have failed so; the last: "
            yield _news(self.study, facts, f"{many}trial {last.number} failed, {reason}: {last.error}", None)


def ended(study: str, history: History, how: str, why: str, price: float | None = None) -> News:
    """The news that a run has ended.

    Args:
        study: how it is called.
        history: at the end.
        how: "done", "interrupted" or "failed".
        why: in words.
        price: of one hour of one trial, if it is known.
    """
    best = next(iter(history.front), None) if len(history.goals) > 1 else history.best
    facts = _facts(study, "end", history, best) | {"how": how, "why": why}
    parts = [f"{how}, {why}" if why else how, "" if best is None else f"best {_values(best)}"]
    parts.append(", ".join(f"{count} {status}" for status, count in facts["counts"].items()))
    if price is not None:
        facts["cost"] = cost(history, price)
        parts.append(f"cost {amount(facts['cost'])}")
    return _news(study, facts, " · ".join(filter(None, parts)), best)


def _news(study: str, facts: dict[str, Any], text: str, trial: Trial | None) -> News:
    config = "" if trial is None else f" · trial {trial.number} · {_config(trial)}"
    line = " ".join(f"{study}: {text}{config}".split())
    line = line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
    return News(facts["event"], line, facts | {"message": line})


def _facts(study: str, on: Occasion, history: History, trial: Trial | None) -> dict[str, Any]:
    goal = history.goals[0]
    counts = {str(status): count for status in Status if (count := history.count(status))}
    facts: dict[str, Any] = {"event": on, "study": study, "metric": goal.metric, "goal": goal.goal, "counts": counts}
    if trial is not None:
        metrics = {name: value for name, value in trial.metrics.items() if math.isfinite(value)}
        facts |= {"trial": trial.number, "config": dict(trial.config), "metrics": metrics}
        facts["value"] = metrics.get(goal.metric)
    return facts


def _magnitude(count: int) -> int:
    """0 for none, 1 from 1 on, 2 from 10 on, 3 from 100 on."""
    return len(str(count)) if count else 0


def _change(before: float, now: float) -> str:
    word = "lower" if now < before else "higher"
    if before == 0:
        return f"{abs(now):.3g} {word}"
    return f"{abs(now - before) / abs(before):.1%} {word}"


def _values(trial: Trial) -> str:
    goals = [o for o in trial.objectives if o.bound is None]
    return ", ".join(f"{o.metric} {value:.5g}" for o in goals if (value := trial.metric(o)) is not None)


def _config(trial: Trial) -> str:
    return ", ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in trial.config.items())
