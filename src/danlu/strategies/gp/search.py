"""Search: the candidates that an acquisition likes best, the best first."""

from functools import lru_cache

import numpy as np

from danlu.space import Space
from danlu.strategies.gp.belief import likely_candidates
from danlu.strategies.gp.candidates import Pool
from danlu.strategies.gp.surrogate import Score, Surrogate
from danlu.strategies.layout import Floats, Layout

_ALL = 2_000  # configs of a finite space up to which each of them is a candidate
_SPREAD, _NEAR, _CHILDREN, _GENERATIONS, _PARENTS = 512, 256, 128, 6, 8
_KEPT = 64  # candidates that are remembered, should the best have been tried already


def ranked(layout: Layout, score: Score, centres: Floats, rng: np.random.Generator) -> Floats:
    """Candidates, the best first, shape (m, s).

    Args:
        layout: of the vectors.
        score: the acquisition.
        centres: vectors around which it is looked at, the best first, shape (up to 5, s).
        rng: what is random about it.
    """
    if layout.space.combinations is not None and layout.space.combinations <= _ALL:
        x = _all_vectors(layout)
        return x[np.argsort(-score(x, Surrogate.predict), kind="stable")]
    pool = Pool(layout, rng)
    x = np.concatenate([pool.spread(_SPREAD), pool.around(centres, _NEAR), centres])
    x = np.concatenate([x, likely_candidates(layout, rng)])
    x, _ = _best(x, score(x, Surrogate.screen), _PARENTS)
    values = score(x, Surrogate.predict)
    for generation in range(_GENERATIONS):
        children = pool.children(x[:_PARENTS], _CHILDREN, generation)
        x = np.concatenate([x, children])
        values = np.concatenate([values, score(children, Surrogate.predict)])
        x, values = _best(x, values, _KEPT)
    return x


def _best(x: Floats, values: Floats, count: int) -> tuple[Floats, Floats]:
    order = np.argsort(-values, kind="stable")[:count]
    return x[order], values[order]


@lru_cache(maxsize=8)
def _all_vectors(layout: Layout) -> Floats:
    """Vectors of all configs of a finite space."""
    space: Space = layout.space
    values = {h.name: h.dimension.grid(h.dimension.levels or 1) for h in space.hyperparameters}
    configs = (config for config in space.cross(values) if space.allows(config))
    return layout.vectors(np.array([space.encode(config) for config in configs]))
