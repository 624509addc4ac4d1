"""Replay: a journal told again, entry by entry, and checked against what its strategy would have said."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from danlu.core import event as ev
from danlu.core import protocol
from danlu.core.history import History, opened
from danlu.core.strategy import Strategy

Resolve = Callable[[dict[str, Any]], Strategy]
"""A strategy from its plain form."""


class Mismatch(msgspec.Struct, frozen=True):
    """An entry that the strategy, asked again, would have written otherwise."""

    position: int
    recorded: str
    recomputed: str

    def __str__(self) -> str:
        return f"entry {self.position}: the journal says {self.recorded}; recomputed: {self.recomputed}"


def histories(entries: Iterable[ev.Entry]) -> Iterator[History]:
    """The history after each entry: the frames of an animation."""
    rest = iter(entries)
    history = opened(next(rest, None))
    yield history
    for entry in rest:
        history = history.apply(entry)
        yield history


def verify(entries: Iterable[ev.Entry], resolve: Resolve) -> Iterator[tuple[int, Mismatch | None]]:
    """Recomputes every suggestion and every decision; yields (position, mismatch or None) for each that was checked."""
    rest = iter(entries)
    history = opened(next(rest, None))
    strategy = resolve(history.strategy)
    for entry in rest:
        expected = _recompute(history, entry, strategy)
        if expected is not None:
            # an ask also starts its trial, and what is noted or removed is nothing that a strategy says either
            is_ask = isinstance(entry.events[0], (ev.Suggested, ev.Resumed))
            said = tuple(event for event in entry.events if not isinstance(event, (ev.Removed, ev.Noted)))
            recorded = said[: max(len(expected), 1)] if is_ask else said
            agrees = ev.encode_events(expected) == ev.encode_events(recorded)
            yield entry.position, None if agrees else Mismatch(entry.position, _show(recorded), _show(expected))
        history = history.apply(entry)
        if any(isinstance(event, ev.Changed) for event in entry.events):
            strategy = resolve(history.strategy)


def _recompute(history: History, entry: ev.Entry, strategy: Strategy) -> protocol.Events | None:
    match entry.events[0]:
        case ev.Suggested() | ev.Resumed():
            return protocol.ask(history, strategy)[0]
        case ev.Reported(trial, step, metrics):
            return protocol.report(history, entry.at, strategy, trial, step, ev.readable(metrics))[0]
    return None


def _show(events: protocol.Events) -> str:
    return ev.encode_events(events).decode() if events else "nothing to suggest"
