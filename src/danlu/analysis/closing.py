"""Closing: what is to be said at the end of a run besides what was found: what was saved, what is kept, what is odd."""

from danlu.analysis.jumps import jumps
from danlu.analysis.savings import savings
from danlu.core.elapsed import trial_seconds
from danlu.core.history import History
from danlu.core.keeping import kept
from danlu.core.stopping import amount, cost
from danlu.core.trial import Status

_SHOWN = 3  # jumps


def closing(history: History, judges: bool, price: float | None = None) -> list[str]:
    """Lines, the most important last.

    Args:
        history: of a study.
        judges: whether its strategy ends trials by their reports: then it is said even that nothing was saved.
        price: of one hour of one trial, if it is known.
    """
    return [*_saved(history, judges), *_cost(history, price), *_kept(history), *odd(history)]


def odd(history: History) -> list[str]:
    """Curves that break where they were resumed, the first few of them."""
    found = jumps(history)
    more = [f"{len(found) - _SHOWN} more trials jump where they went on"] * (len(found) > _SHOWN)
    return [*map(str, found[:_SHOWN]), *more]


def _saved(history: History, judges: bool) -> list[str]:
    has_ended_early = history.count(Status.STOPPED) or history.count(Status.PAUSED)
    found = savings(history) if judges or has_ended_early else None
    return [] if found is None else [str(found)]


def _cost(history: History, price: float | None) -> list[str]:
    if price is None:
        return []
    hours = amount(trial_seconds(history) / 3600)
    return [f"cost {amount(cost(history, price))}: {hours} hours of trials at {price:g} each"]


def _kept(history: History) -> list[str]:
    files = [file for file in kept(history) if file.size]
    if not files:
        return []
    size = sum(file.size for file in files) / 1e6
    text = f"{size:.0f} MB" if size >= 10 else f"{size:.2g} MB" if size >= 0.1 else f"{size * 1000:.2g} kB"
    return [f"{len(files)} checkpoint{'s' * (len(files) > 1)} kept, {text} in all"]
