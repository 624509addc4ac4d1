"""Fresh configs: how a strategy that draws configs avoids paying twice for the same one."""

from collections.abc import Callable

from danlu.core.history import History
from danlu.core.strategy import EXHAUSTED, Start, Suggestion
from danlu.space import Config

_TRIES = 1_000  # with one untried config in 200 left, a uniform draw misses it this often once in 150 suggestions


def start_fresh(history: History, origin: str, draw: Callable[[int], Config]) -> Suggestion:
    """Starts the first of draw(0), draw(1), ... that was not tried; exhausted when the whole space was.

    A repeat, which only a nearly exhausted space can cause, says so in its origin.
    """
    if history.space.size is not None and history.distinct >= history.space.size:
        return EXHAUSTED
    config = draw(0)
    for k in range(1, _TRIES):
        if history.tried(config) is None:
            return Start(config, origin)
        config = draw(k)
    return Start(config, f"{origin}: repeat, {_TRIES} draws gave nothing new")
