"""Outlook: what is expected of trials that wait and of configs that were not tried, once trained to the end.

    worth = ln E[max(best − f(x, 1), 0)] − ln(steps to the end)

A paused trial has an advantage over a new one by what it has paid already; a new one by what is not known of it.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from danlu.core.history import History
from danlu.core.trial import Status, Trial
from danlu.numerics.even import even_choice
from danlu.space import Config
from danlu.strategies.fidelity.model import CurveKernel, Forecast, curve_kernel_of, forecast
from danlu.strategies.fidelity.record import Record, how_far
from danlu.strategies.fresh import is_fresh
from danlu.strategies.gp.acquisition import log_expected_improvement
from danlu.strategies.gp.belief import belief_tilt
from danlu.strategies.gp.search import ranked
from danlu.strategies.gp.surrogate import Look, Surrogate
from danlu.strategies.gp.tilt import Tilt
from danlu.strategies.gp.view import VIEWS
from danlu.strategies.layout import Floats, Layout
from danlu.strategies.rows import AWAITED, rows_of, vectors_of

_FITTED, _MOST = 150, 400  # rows of a fit, and of a forecast
_EVALUATIONS = 40  # of the evidence, in a fit
_GROWTH = 1.1  # rows by which a fit is renewed

_MEMO: OrderedDict[bytes, Floats] = OrderedDict()
_REMEMBERED = 64


@dataclass(frozen=True, eq=False)
class Outlook:
    """What is expected; made by `outlook_of`.

    Attributes:
        history: of the study.
        layout: of vectors.
        belief: the forecast.
        best: lowest mean of a complete trial, or of a pending one once it is; of any, as long as none is complete.
        centres: vectors that candidates are looked for around, the best first.
        tried: vectors of all trials.
        last: steps of a full training.
        tilt: what else makes a new config worth trying.
    """

    history: History
    layout: Layout
    belief: Forecast
    best: float
    centres: Floats
    tried: frozenset[bytes]
    last: int
    tilt: Tilt

    def worth_of(self, trials: list[Trial]) -> Floats:
        """How much it is worth to go on with trials, shape (n,)."""
        if not trials:
            return np.empty(0)
        left = np.array([max(self.last - _kept_step(trial), 1) for trial in trials])
        mu, sigma = self.belief.predict(vectors_of(self.history, self.layout, trials))
        return np.asarray(log_expected_improvement(mu, sigma, self.best) - np.log(left))

    def best_new(self, rng: np.random.Generator) -> tuple[Config | None, float]:
        """The config that is most worth beginning, and how much it is worth; None if no candidate is fresh."""
        for x in ranked(self.layout, self._score, self.centres, rng):
            config = self.layout.config(x)
            if is_fresh(self.history, config):
                return config, float(self._score(x[None], Surrogate.predict)[0] - np.log(self.last))
        return None, -np.inf

    def log_chance(self, trial: Trial) -> float:
        """ln of the probability that a trial ends better than the best."""
        mu, sigma = self.belief.predict(vectors_of(self.history, self.layout, [trial]))
        return float(log_ndtr((self.best - mu[0]) / sigma[0]))

    def told(self, step: int) -> float:
        """How well a loss at a step tells the last one, as is believed: their correlation over configs."""
        return self.belief.correlation(how_far(step, self.last))

    def _score(self, x: Floats, look: Look) -> Floats:
        mu, sigma = look(self.belief, x)
        score = log_expected_improvement(mu, sigma, self.best) + self.tilt(x)
        # a trial that waits is worth much where it is: it would take the places of all new ones
        known = np.array([row.tobytes() in self.tried for row in x], dtype=bool)
        return np.where(known, -np.inf, score)


def outlook_of(
    history: History, layout: Layout, record: Record, last: int, design: int, weighed: Trial | None
) -> Outlook:
    """What is expected, the trial that is being weighed counting as one that waits.

    Args:
        history: of the study.
        layout: of vectors.
        record: of its trials, two rows or more.
        last: steps of a full training.
        design: how many trials the initial design has.
        weighed: a running trial that has come to a rung; None for none.

    Raises:
        IllConditioned: no Cholesky factor.
    """
    turn = len(history.trials) % len(VIEWS)
    kernel = curve_kernel_of(layout)
    kept = record.rows(_chosen(record, _MOST))
    busy = [history.trials[k] for k in history.live.last(AWAITED) if weighed is None or k != weighed.number]
    belief = forecast(
        kernel, _theta(kernel, record, turn), kept.x, kept.tau, VIEWS[turn](kept.losses),
        vectors_of(history, layout, busy),
    )  # fmt: skip
    numbers, firsts = np.unique(record.numbers, return_index=True)
    trials = [history.trials[k] for k in numbers.tolist()]
    inside = np.array([history.is_inside(trial) for trial in trials])
    if not inside.any():
        inside[:] = True
        x = layout.nearest(record.x[firsts])  # to those outside of a space that was changed
    else:
        x = record.x[firsts][inside]
    mu = belief.mean(x)
    complete = np.array([trial.status is Status.COMPLETE for trial in trials])[inside]
    best = float(mu[complete].min()) if complete.any() else float(mu.min())
    # what pending trials are believed to bring can't be gained again
    best = min(best, float(belief.at_pending().min(initial=np.inf)))
    tried = frozenset(v.tobytes() for v in x)
    tilt = belief_tilt(history, layout, rows_of(history, layout), design)
    return Outlook(history, layout, belief, best, x[np.argsort(mu, kind="stable")[:5]], tried, last, tilt)


def _kept_step(trial: Trial) -> int:
    """The step from which a trial would go on: a paused one from its checkpoint."""
    if trial.status is Status.RUNNING:
        return trial.curve.step
    return trial.checkpoint.step if trial.checkpoint else trial.origin_step


def _theta(kernel: CurveKernel, record: Record, turn: int) -> Floats:
    """θ⁺ by the first trials' values, as many as the schedule says: a function of them, which a memo may save."""
    size = 2
    while (following := max(size + 2, int(np.ceil(size * _GROWTH)))) <= len(record):
        size = following
    prefix = record.rows(slice(size))
    digest = hashlib.blake2b(prefix.x.tobytes() + prefix.tau.tobytes() + prefix.losses.tobytes(), digest_size=16)
    digest.update(repr((kernel.configs.layout.space.to_dict(), turn)).encode())
    key = digest.digest()
    theta = _MEMO.get(key)
    if theta is None:
        kept = prefix.rows(_chosen(prefix, _FITTED))
        X = kernel.configs.features(kept.x)
        theta = _MEMO[key] = kernel.fit(X, kept.tau, VIEWS[turn](kept.losses), _EVALUATIONS)
        while len(_MEMO) > _REMEMBERED:
            _MEMO.popitem(last=False)
    return theta


def _chosen(record: Record, count: int) -> NDArray[np.int64]:
    """Indices of at most so many rows: the best quarter at the end of training, and an even choice of the rest."""
    n = len(record)
    if n <= count:
        return np.arange(n)
    best = np.lexsort((record.losses, -record.tau))[: count // 4]
    rest = np.setdiff1d(np.arange(n), best)
    return np.union1d(best, even_choice(rest, count - len(best)))
