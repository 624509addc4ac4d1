"""Believed configs: draws from what the user holds likely, for strategies that begin with some."""

import numpy as np

from danlu.core.history import History
from danlu.space import Config, Space

_TRIES = 64  # beyond, constraints exclude what is believed likely


def draw_believed(space: Space, rng: np.random.Generator) -> Config:
    """A config drawn from the belief, hyperparameters without one uniform on their own scale; always allowed."""
    for row in space.believed(rng.random((_TRIES if space.constraints else 1, len(space)))):
        config = space.decode(row)
        if space.allows(config):
            return config
    return space.sample(rng)


def draw_half_believed(history: History, rng: np.random.Generator) -> Config:
    """Of every second trial a draw from the belief, else, and where nothing was said, a uniform one."""
    if history.space.beliefs and len(history.trials) % 2:
        return draw_believed(history.space, rng)
    return history.space.sample(rng)
