"""TPE: the candidate that is most typical of the good trials and least of the others.

Which trials are good is a matter of their order: by loss; with constraints those that keep them first, the others by
violation; with several objectives by front, the last front thinned to what dominates the most. In a space that was
changed only the trials inside count: kernels of others have next to no mass there, and the best tenth of all trials may
lie outside altogether.

Sources
    Bergstra, Bardenet, Bengio & Kégl (2011), section 4; the mixtures are described in `parzen`.
    Ozaki, Tanigaki, Watanabe, Nomura & Onishi (2022), "Multiobjective tree-structured Parzen estimator", JAIR 73: good
        is what lies on the first fronts.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from danlu.core.history import History
from danlu.core.origin import fallback
from danlu.core.seeds import suggestion_rng
from danlu.core.strategy import EXHAUSTED, Strategy, Suggestion
from danlu.space import Config
from danlu.strategies.believed import draw_half_believed
from danlu.strategies.fresh import is_exhausted, start_fresh
from danlu.strategies.layout import Floats, Layout, layout_of
from danlu.strategies.rejection import allowed_draws
from danlu.strategies.rows import Rows, incumbent_of, inside_rows_of
from danlu.strategies.tpe.explain import Explanation
from danlu.strategies.tpe.parzen import Group, Mixture, groups_of, log_densities, mixture

_MOST_GOOD = 25
_TRUSTED = 10.0  # trials up to which the user's belief is the prior as it is; then its power falls as 1 / n
_RECENT = 25  # trials of full weight; the weights of older ones fall to 1 / n
_NEWEST, _OTHERS = 200, 300  # of the trials that are not good, at most so many: 1.5 ms at any number of trials


@dataclass(frozen=True)
class TPE(Strategy):
    """Two densities, of the good trials and of the others; the best ratio among candidates of the first.

    Attributes:
        start: random trials before the densities are asked, half of them where the user holds it likely.
        candidates: drawn for each suggestion.
        good: share of the trials that count as good, up to 25 of them.
    """

    start: int = 10
    candidates: int = 64
    good: float = 0.1

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        space = history.space
        if is_exhausted(history):
            return EXHAUSTED
        layout = layout_of(space)
        rows = inside_rows_of(history, layout)
        if len(history.trials) < self.start or len(rows) < 2:
            return start_fresh(history, "tpe: random", lambda _: draw_half_believed(history, rng))
        candidates = self.ranked(layout, rows, rng)
        if not len(candidates):
            return start_fresh(history, fallback("tpe", "no candidate is allowed"), lambda _: space.sample(rng))
        ranked = iter(candidates)

        def draw(_: int) -> Config:
            x = next(ranked, None)
            return space.sample(rng) if x is None else layout.config(x)

        return start_fresh(history, "tpe", draw)

    def explain(self, history: History) -> Explanation | None:
        """The densities from which the next suggestion is made; None of fewer than two trials."""
        layout = layout_of(history.space)
        rows = inside_rows_of(history, layout)
        if len(rows) < 2:
            return None
        held = incumbent_of(history, rows)
        rng = suggestion_rng(history.seed, history.asks)  # of very many trials a draw is looked at: the same one
        good, others = self._split(layout, rows, _groups(layout), rng)
        return Explanation(layout, held, tuple(good), tuple(others))

    def ranked(self, layout: Layout, rows: Rows, rng: np.random.Generator) -> Floats:
        """Candidates, the best first, shape (m, s): all allowed, fewer where constraints leave few."""
        groups = _groups(layout)
        good, others = self._split(layout, rows, groups, rng)
        x = allowed_draws(layout, self.candidates, lambda count: _sampled(layout, good, count, rng))
        active = layout.active(x)
        score = log_densities(good, x, active) - log_densities(others, x, active)
        return x[np.argsort(-score, kind="stable")]

    def _split(
        self, layout: Layout, rows: Rows, groups: tuple[Group, ...], rng: np.random.Generator
    ) -> tuple[list[Mixture], list[Mixture]]:
        """The densities of the good trials and of the others, failed and pending ones among the others."""
        n = len(rows)
        count = min(math.ceil(self.good * n), _MOST_GOOD)
        chosen = np.sort(rows.best(count))  # in order of ending, as the weights want it
        rest = np.ones(n, dtype=bool)
        rest[chosen] = False
        bad = np.concatenate([rows.failed, rows.x[rest], rows.pending])
        weights = _ramp(len(bad))
        if len(bad) > _NEWEST + _OTHERS:
            old = np.sort(rng.choice(len(bad) - _NEWEST, _OTHERS, replace=False))
            kept = np.concatenate([old, np.arange(len(bad) - _NEWEST, len(bad))])
            weights = weights[kept] * np.where(kept < len(bad) - _NEWEST, (len(bad) - _NEWEST) / _OTHERS, 1.0)
            bad = bad[kept]
        trust = min(1.0, _TRUSTED / max(n, 1))
        good = _mixtures(layout, groups, rows.x[chosen], np.ones(count), trust)
        return good, _mixtures(layout, groups, bad, weights)


def _sampled(layout: Layout, mixtures: list[Mixture], count: int, rng: np.random.Generator) -> Floats:
    x = np.empty((count, len(layout)))
    for part in mixtures:
        part.sample(x, rng)
    return layout.settled(x)


def _ramp(n: int) -> Floats:
    """Weights by age: 1 for the newest 25, falling to 1 / n for the oldest."""
    if n <= _RECENT:
        return np.ones(n)
    return np.concatenate([np.linspace(1.0 / n, 1.0, n - _RECENT), np.ones(_RECENT)])


def _mixtures(
    layout: Layout, groups: tuple[Group, ...], x: Floats, weights: Floats, trust: float = 0.0
) -> list[Mixture]:
    if len(groups) == 1:
        return [mixture(layout, groups[0], x, weights, trust)]
    active = layout.active(x)
    return [mixture(layout, g, x[active[:, g.first]], weights[active[:, g.first]], trust) for g in groups]


@lru_cache(maxsize=32)
def _groups(layout: Layout) -> tuple[Group, ...]:
    return groups_of(layout)
