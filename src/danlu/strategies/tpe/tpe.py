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
from danlu.numerics.threads import one_thread
from danlu.space import Config
from danlu.strategies.believed import draw_half_believed
from danlu.strategies.fresh import is_exhausted, start_fresh
from danlu.strategies.layout import Floats, Layout, layout_of
from danlu.strategies.rejection import allowed_draws
from danlu.strategies.rows import Rows, incumbent_of, inside_rows_of, leading
from danlu.strategies.tpe.explain import Explanation
from danlu.strategies.tpe.parzen import Group, Indices, Mixtures, groups_of, log_densities, mixtures

_MOST_GOOD = 25
_TRUSTED = 10.0  # trials up to which the user's belief is the prior as it is; then its power falls as 1 / n
_RECENT = 25  # trials of full weight; the weights of older ones fall to 1 / n
_NEWEST, _EVEN = 200, 300  # of the trials that are not good, at most so many: the cost no longer grows


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
        candidates = self.ranked(history, layout, rows, rng)
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
        return Explanation(layout, held, tuple(self._densities(history, layout, rows, rng)))

    def ranked(self, history: History, layout: Layout, rows: Rows, rng: np.random.Generator) -> Floats:
        """Candidates, the best first, shape (m, s): all allowed, fewer where constraints leave few."""
        densities = self._densities(history, layout, rows, rng)
        x = allowed_draws(layout, self.candidates, lambda count: _sampled(layout, densities, count, rng))
        with one_thread():
            good, others = log_densities(densities, x, layout.active(x))
        return np.asarray(x[(others - good).argsort(kind="stable")])

    def _densities(self, history: History, layout: Layout, rows: Rows, rng: np.random.Generator) -> list[Mixtures]:
        """Those of the good trials and of the others, failed and pending ones among the others, group by group."""
        count = min(math.ceil(self.good * len(rows)), _MOST_GOOD)
        good = np.sort(leading(history, rows, count))
        sets = (rows.x[good], np.ones(count)), _others(rows, good, rng)
        groups = _groups(layout)
        trust = min(1.0, _TRUSTED / max(len(rows), 1))
        if len(groups) == 1:
            return [mixtures(groups[0], sets, trust)]
        active = [layout.active(x) for x, _ in sets]
        return [
            mixtures(
                g, [(x[on[:, g.first]], w[on[:, g.first]]) for (x, w), on in zip(sets, active, strict=True)], trust
            )
            for g in groups
        ]


def _others(rows: Rows, good: Indices, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Vectors of all but the good trials, and their weights: failed ones, those with values by age, pending ones.

    Of very many the newest, and an even choice of the older ones, which stand for those around them.
    """
    f, n, p = len(rows.failed), len(rows) - len(good), len(rows.pending)
    kept, weights = _thinned(f + n + p, rng)
    begin, end = kept.searchsorted((f, f + n)).tolist()
    rest = kept[begin:end] - f
    rest += (good - np.arange(len(good))).searchsorted(rest, side="right")  # the good ones are not counted
    failed, pending = rows.failed[kept[:begin]], rows.pending[kept[end:] - f - n]
    return np.concatenate([failed, rows.x.take(rest, axis=0), pending]), weights


def _thinned(n: int, rng: np.random.Generator) -> tuple[Indices, Floats]:
    """Which of n trials, the oldest first, are looked at, and their weights."""
    if n <= _NEWEST + _EVEN:
        return np.arange(n), _ramp(np.arange(n), n)
    older = n - _NEWEST
    edges = np.arange(_EVEN + 1) * older // _EVEN
    even = edges[:-1] + (rng.random(_EVEN) * np.diff(edges)).astype(np.int64)  # one in each of 300 stretches
    kept = np.concatenate([even, np.arange(older, n)])
    weights = _ramp(kept, n)
    weights[:_EVEN] *= older / _EVEN
    return kept, weights


def _ramp(k: Indices, n: int) -> Floats:
    """Weights of the k-th of n by age: 1 for the newest 25, falling to 1 / n for the oldest."""
    return np.minimum(1.0 / n + k * ((1.0 - 1.0 / n) / max(n - _RECENT - 1, 1)), 1.0) if n > _RECENT else np.ones(n)


def _sampled(layout: Layout, densities: list[Mixtures], count: int, rng: np.random.Generator) -> Floats:
    x = np.empty((count, len(layout)))
    for part in densities:
        part.sample(x, rng)
    return layout.settled(x)


@lru_cache(maxsize=32)
def _groups(layout: Layout) -> tuple[Group, ...]:
    return groups_of(layout)
