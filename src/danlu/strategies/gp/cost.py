"""Cost: where the budget is time, a candidate that trains for less of it may promise less.

Notation
    c: seconds of a trial, whatever its end; m: what is believed of ln c at a candidate, in a model of its own
    α: share of the time that is left;  ln EI − α m: improvement per second at first, improvement alone at the end, when
        a dear candidate that is better can still be afforded and nothing comes after it

Time passes only while trials run: a study that is put aside overnight is as far as it was. All of it is read from the
journal, for a strategy has no clock.

Source: Lee, Perrone, Archambeau & Seeger (2020), "Cost-aware Bayesian optimization", arXiv 2003.10870: EI-cool.
"""

from collections.abc import Callable

import numpy as np

from danlu.core.elapsed import elapsed
from danlu.core.history import History
from danlu.numerics.even import even_choice
from danlu.numerics.threads import one_thread
from danlu.space import Config
from danlu.strategies.gp.hyperparameters import CONSTRAINT, theta_of
from danlu.strategies.gp.kernel import Kernel, kernel_of
from danlu.strategies.gp.surrogate import IllConditioned, condition
from danlu.strategies.gp.tilt import LEVEL, Tilt
from danlu.strategies.layout import Floats, Layout
from danlu.strategies.points import point

_KNOWN = 4  # trials from which costs are compared
_SPREAD = 0.3  # standard deviation of ln c below which all trials cost about the same
_SHORTEST = 0.01  # seconds below which a difference is the machine's
_LINEAR = 15  # trials up to which ln c is a line along each hyperparameter
_RIDGE = 0.1  # so that a few trials don't make steep lines
_MOST = 200  # rows of the model
_POINTS = 4  # of the design, of which the cheapest is tried


def cost_tilt(history: History, layout: Layout, time: float | None) -> Tilt:
    """What costs take off.

    Args:
        history: of the study.
        layout: of the vectors.
        time: seconds that the study may take in all; None if time is not what it is short of.
    """
    share = 0.0 if time is None else 1.0 - elapsed(history) / time
    if share <= 0.0:
        return LEVEL
    x, y = costs(history, layout)
    if len(y) < _KNOWN or float(y.std()) <= _SPREAD:
        return LEVEL
    expected = model_of(layout, x, y)
    return Tilt((lambda v: -share * expected(v),), f", per second^{share:.2g}")


def design_point(history: History, layout: Layout, time: float | None, k: int) -> Config:
    """The k-th point of the design; where costs count, the cheapest of four, as is expected.

    Else dear ones take half of the time. Mean regret of `benchmarks/cost.py` at half of the time .36, in the end .17;
    .40 and .20 without (10 problems, 10 seeds, ridge .3).
    """
    with one_thread():
        costly = cost_tilt(history, layout, time)
        if not costly.parts:
            return point(history.space, history.seed, k)
        points = [point(history.space, history.seed, _POINTS * k + j) for j in range(_POINTS)]
        nats = costly(layout.vectors(np.array([history.space.encode(config) for config in points])))
        return points[int(np.argmax(nats))]


def costs(history: History, layout: Layout) -> tuple[Floats, Floats]:
    """Vectors of the trials that have ended, well or badly, and ln of their seconds: shapes (n, s) and (n,)."""
    arrays = history.arrays()
    seconds = np.array([history.trials[k].seconds for k in arrays.numbers.tolist()], dtype=float)  # NaN if unknown
    rows = even_choice(np.flatnonzero(~np.isnan(seconds)), _MOST)
    x = layout.vectors(arrays.u[rows]) if len(rows) else np.empty((0, len(layout)))
    return x, np.log(np.maximum(seconds[rows], _SHORTEST))


def model_of(layout: Layout, x: Floats, y: Floats) -> Callable[[Floats], Floats]:
    """Expected ln c at vectors, above the mean of y.

    Args:
        layout: of the vectors.
        x, y: vectors of trials and ln c, shapes (n, s) and (n,); not all costs are equal.
    """
    kernel = kernel_of(layout)
    scale = float(y.std())
    z = (y - y.mean()) / scale
    if len(y) < _LINEAR:
        line = _line(kernel, x, z)
        return lambda v: scale * line(v)
    theta = theta_of(kernel, x, y, CONSTRAINT)  # of `straight`, the view that is z itself
    try:
        surrogate = condition(kernel, theta, x, z, np.zeros(len(z)))
    except IllConditioned:
        line = _line(kernel, x, z)
        return lambda v: scale * line(v)
    return lambda v: scale * surrogate.mean(v)


def _line(kernel: Kernel, x: Floats, z: Floats) -> Callable[[Floats], Floats]:
    """Ridge regression on the kernel's features."""
    X = kernel.features(x)
    middle = X.mean(axis=0)
    A = (X - middle).T @ (X - middle) + _RIDGE * np.eye(X.shape[1])
    w = np.linalg.solve(A, (X - middle).T @ z)
    return lambda v: (kernel.features(v) - middle) @ w
