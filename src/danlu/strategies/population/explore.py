"""Exploring: a config near to another one, for the weights that were trained with that one.

Source: Jaderberg et al. (2017), "Population based training of neural networks", arXiv 1711.09846, section 4: each
hyperparameter is multiplied by 0.8 or 1.2 at random. Here by 0.8 or 1 / 0.8, which undo each other, and only on a log
scale; elsewhere a factor would mean little (a momentum of 0.9 × 1.25), so it is a tenth of the range up or down.
"""

import numpy as np

from danlu.space import Config, Dimension, Hyperparameter, Space, Value

FACTOR = 1.25
SHIFT = 0.1
"""Of a range without a log scale, in its own units."""

RESAMPLED = 0.25
"""Probability with which a choice is drawn anew."""

_TRIES = 100  # none of which the constraints allow: the config is then left as it is


def perturbed(space: Space, config: Config, rng: np.random.Generator) -> Config:
    """A config near to another one, always one that the space allows.

    A number goes one factor or shift up or down, but never out of its bounds, and on levels at least to the next one.
    A choice stays as it is or is drawn anew; what it then switches on is drawn as well. Where the constraints allow
    none of a hundred, the config is kept.

    Args:
        space: of the result.
        config: where to begin. It may be from before a change of the space: a number out of its bounds begins at the
            nearer of them, an option that is gone is drawn anew.
        rng: consumed.
    """
    for _ in range(_TRIES):
        found = space.build(lambda h: _near(h, config, rng))
        if space.allows(found):
            return found
    return config if space.contains(config) else space.sample(rng)


def _near(h: Hyperparameter, config: Config, rng: np.random.Generator) -> Value:
    """A value near to the config's; any one where it has none."""
    dimension = h.dimension
    value = config.get(h.name)
    if value is None or not (dimension.ordered or dimension.contains(value)):
        return dimension.sample(rng)
    if not dimension.ordered:
        return dimension.sample(rng) if rng.random() < RESAMPLED else value
    return moved(dimension, value, 1 if rng.random() < 0.5 else -1)


def moved(dimension: Dimension, value: Value, way: int) -> Value:
    """The value one factor or shift up (`way` 1) or down (−1) from another, within the bounds."""
    at = min(max(dimension.place(value), 0.0), 1.0)
    begin: Value = dimension.decode(at)
    # the place of a number tells how far out of the bounds it is, and `decode` clips
    to = dimension.place(float(begin) * FACTOR**way) if dimension.log else at + way * SHIFT
    found: Value = dimension.decode(to)
    if found == begin and dimension.levels is not None:
        levels = dimension.grid(dimension.levels)
        found = levels[min(max(levels.index(begin) + way, 0), len(levels) - 1)]
    return found
