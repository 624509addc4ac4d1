"""Fresh configs: how a strategy that draws configs avoids paying twice for the same one."""

from collections.abc import Callable

from danlu.core.history import History
from danlu.core.origin import repeat
from danlu.core.strategy import EXHAUSTED, Start, Suggestion
from danlu.space import Config

_TRIES = 1_000  # with one untried config in 200 left, a uniform draw misses it this often once in 150 suggestions


def is_fresh(history: History, config: Config) -> bool:
    """Whether a config was not tried and may be: whether it satisfies the constraints of the space."""
    return history.tried(config) is None and history.space.allows(config)


def is_exhausted(history: History) -> bool:
    """Whether every config of a finite space was tried."""
    return history.space.size is not None and history.distinct >= history.space.size


def start_fresh(history: History, origin: str, draw: Callable[[int], Config]) -> Suggestion:
    """Starts the first of draw(0), draw(1), ... that is fresh; exhausted when the whole space was tried.

    A repeat, which only a nearly exhausted space can cause, or one whose constraints allow next to nothing, says so in
    its origin.
    """
    if is_exhausted(history):
        return EXHAUSTED
    tried = None
    for k in range(_TRIES):
        config = draw(k)
        if is_fresh(history, config):
            return Start(config, origin)
        tried = config if history.space.allows(config) else tried
    return Start(tried or history.space.default(), repeat(origin, _TRIES))
