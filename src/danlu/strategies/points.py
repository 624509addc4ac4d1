"""Points: the configs at which a scrambled Sobol sequence hits a space, without those that constraints exclude."""

from functools import lru_cache

import numpy as np

from danlu.numerics.sobol import sobol
from danlu.space import Config, Space

_BLOCK = 256
_EMPTY = 256  # blocks in a row without an allowed point, after which there is none to be hoped for


def point(space: Space, seed: int, k: int) -> Config:
    """The k-th allowed point of the sequence; the default config where 65,536 points in a row are excluded."""
    if not space.constraints:
        return space.quantile(sobol(k, len(space), seed).tolist())
    j = empty = 0
    while empty < _EMPTY:
        found = _allowed(space, seed, j)
        if k < len(found):
            return found[k]
        k, j, empty = k - len(found), j + 1, 0 if found else empty + 1
    return space.default()


@lru_cache(maxsize=16_384)  # a suggestion looks at all blocks before its own: kept, a thousand cost 1 ms
def _allowed(space: Space, seed: int, j: int) -> tuple[Config, ...]:
    """The allowed ones among the points of a block."""
    v = sobol(np.arange(j * _BLOCK, (j + 1) * _BLOCK), len(space), seed)
    configs = (space.quantile(row) for row in v[space.allowed_quantiles(v)].tolist())
    return tuple(config for config in configs if space.allows(config))
