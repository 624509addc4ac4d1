"""Rejection: vectors that the constraints of a space allow, of whatever draws vectors."""

from collections.abc import Callable

import numpy as np

from danlu.strategies.layout import Floats, Layout

_ROUNDS = 5  # each twice as large as the last: 32 times as many draws in all, so that one allowed in 32 is enough


def allowed_draws(layout: Layout, count: int, draw: Callable[[int], Floats]) -> Floats:
    """Vectors that are allowed, shape (m, s): `count` of them, fewer where few of the draws are allowed.

    Without constraints, what one call of `draw` gives.
    """
    x = draw(count)
    if not layout.space.constraints:
        return x
    x = x[layout.allowed(x)]
    for doublings in range(_ROUNDS):
        if len(x) >= count:
            break
        more = draw(count << doublings)
        x = np.concatenate([x, more[layout.allowed(more)]])
    return x[:count]
