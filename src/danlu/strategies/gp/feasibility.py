"""Feasibility: how likely it is that training works at all, once a few trials have failed."""

import math

import numpy as np
from scipy.special import log_ndtr

from danlu.strategies.gp.kernel import Kernel
from danlu.strategies.gp.posterior import MOST
from danlu.strategies.gp.surrogate import Look, Score, condition
from danlu.strategies.layout import Floats
from danlu.strategies.rows import Rows

_FROM = 3  # failures
_LIKELY, _BEHIND = math.log(0.25), 1e6  # of working at all: below it, a candidate comes behind all others


def with_feasibility(kernel: Kernel, rows: Rows, score: Score) -> Score:
    """The acquisition, and ln of the probability that training works.

    Where failure is likely, a candidate comes behind all others, however much it promises: a trend that leads over the
    edge would otherwise be followed again and again, for what lies beyond is sure to be better if only it worked.
    """
    if len(rows.failed) < _FROM:
        return score
    theta = kernel.mean.copy()
    theta[: kernel.lengths] -= math.log(2.0)  # an edge is sharper than a loss
    theta[kernel.lengths : kernel.lengths + 2] = 0.0, math.log(0.1)
    works = np.concatenate([np.full(len(rows), 0.5), np.full(len(rows.failed), -1.5)])[-MOST:]
    x = np.concatenate([rows.x, rows.failed])[-MOST:]
    works_at = condition(kernel, theta, x, works, np.zeros(len(x)))

    def judged(x: Floats, look: Look) -> Floats:
        m, s = works_at.screen(x)
        log_p = log_ndtr((m + 0.5) / np.sqrt(s * s + 0.1))
        return np.asarray(score(x, look) + np.where(log_p < _LIKELY, log_p - _BEHIND, log_p))

    return judged
