"""The portfolio: configs of earlier studies that a new one tries first, whatever its strategy.

Each earlier study's best config in turn, then further good ones that lie far from those chosen: what was best on one
data set often is not on another, but rarely is the best of all in a region that no earlier study found good.

Source: Feurer, Springenberg & Hutter (2015), "Initializing Bayesian hyperparameter optimization via meta-learning".
"""

from functools import lru_cache

import numpy as np

from danlu.core.earlier import Earlier
from danlu.core.history import History
from danlu.core.strategy import Start
from danlu.space import Space
from danlu.strategies.layout import Floats, Layout, layout_of

_GOOD = 0.1  # share of an earlier study's trials that count as good


def portfolio(history: History) -> tuple[Start, ...]:
    """What is to be tried first, the best first; nothing without earlier studies.

    Half as many as hyperparameters, 3 to 5: about half of what a model's initial design would be.
    """
    known = tuple(study for study in history.earlier if len(study))  # a changed space may have no place for any of it
    return _portfolio(history.space, known) if known else ()


@lru_cache(maxsize=16)
def _portfolio(space: Space, earlier: tuple[Earlier, ...]) -> tuple[Start, ...]:
    layout = layout_of(space)
    good = [_good_first(study) for study in earlier]
    xs = [layout.vectors(study.u[rows]) for study, rows in zip(earlier, good, strict=True)]
    size = min(max(-(-len(layout) // 2), 3), 5)
    chosen = np.empty((0, len(layout)))
    picks: list[Start] = []
    for k in range(size * len(earlier)):
        t = k % len(earlier)
        gaps = _gaps(layout, xs[t], chosen)
        at = 0 if k < len(earlier) else int(np.argmax(gaps))
        if gaps[at] > 0.0 and len(picks) < size:
            chosen = np.concatenate([chosen, xs[t][at : at + 1]])
            picks.append(Start(earlier[t].configs[good[t][at]], f"warm start: {_word(k, t, earlier)}"))
    return tuple(picks)


def _word(k: int, t: int, earlier: tuple[Earlier, ...]) -> str:
    return f"{'best' if k < len(earlier) else 'among the best'} of {earlier[t].name}"


def _good_first(study: Earlier) -> list[int]:
    """The best tenth of the rows, at least five, the best first."""
    count = max(round(_GOOD * len(study)), 5)
    return np.argsort(study.losses, kind="stable")[:count].tolist()  # type: ignore[no-any-return]


def _gaps(layout: Layout, x: Floats, chosen: Floats) -> Floats:
    """Distance of each vector from the nearest of those chosen, shape (len(x),); infinite if there is none."""
    if not len(chosen):
        return np.full(len(x), np.inf)
    apart = np.abs(x[:, None] - chosen[None])
    apart[:, :, layout.is_choice] = np.minimum(apart[:, :, layout.is_choice], 1.0)
    return np.asarray(np.sqrt((apart**2).sum(axis=-1)).min(axis=1))
