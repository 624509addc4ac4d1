"""The kernel's hyperparameters θ as a function of the trials so far, and of nothing else.

Each fit begins at the θ of an earlier one, which makes θ a fold over the history's prefixes. The sizes at which fits
happen are fixed, and every eighth fit begins at the prior's mode instead, so the chain behind a θ is at most eight fits
long. A memo spares them; losing it costs time and changes nothing.
"""

import hashlib
from collections import OrderedDict
from functools import lru_cache

import numpy as np

from danlu.numerics.even import even_choice
from danlu.numerics.threads import one_thread
from danlu.strategies.gp.kernel import Kernel
from danlu.strategies.gp.surrogate import fit
from danlu.strategies.gp.view import BOUND_VIEWS, VIEWS
from danlu.strategies.layout import Floats

_EVERY = 40  # trials up to which each view is fitted at its every turn
_GROWTH = 1.07  # beyond: when there are so many more
_CHAIN = 8  # fits that follow from each other
_ROWS = 200  # of a fit, at most: 2 ms an evaluation
CONSTRAINT = len(VIEWS)
"""Added to the turn of what is no loss but a constrained metric."""

_MEMO: OrderedDict[bytes, Floats] = OrderedDict()
_REMEMBERED = 256


def theta_of(kernel: Kernel, x: Floats, losses: Floats, turn: int) -> Floats:
    """θ after these trials.

    Args:
        kernel: its form.
        x, losses: of the trials in order of ending, shapes (n, s) and (n,), n ≥ 2.
        turn: which view; of a constrained metric minus its bound, `CONSTRAINT` + which of its views.
    """
    chain: list[tuple[int, bytes]] = []
    theta = None
    for k in range(_place(len(losses), turn), -1, -1):
        size = _sizes(turn, k + 1)[k]
        key = _key(kernel, x[:size], losses[:size], turn, k)
        theta = _MEMO.get(key)
        if theta is not None:
            break
        chain.append((k, key))
        if k % _CHAIN == 0:
            break
    with one_thread():
        for k, key in reversed(chain):
            size = _sizes(turn, k + 1)[k]
            theta = _fitted(kernel, x[:size], losses[:size], turn, None if k % _CHAIN == 0 else theta)
            _remember(key, theta)
    assert theta is not None
    return theta


def _fitted(kernel: Kernel, x: Floats, losses: Floats, turn: int, start: Floats | None) -> Floats:
    z = VIEWS[turn](losses) if turn < CONSTRAINT else BOUND_VIEWS[turn - CONSTRAINT](losses)[0]
    if len(z) > _ROWS:
        best = np.argsort(losses, kind="stable")[: _ROWS // 4]
        rest = np.setdiff1d(np.arange(len(z)), best)
        kept = np.union1d(best, even_choice(rest, _ROWS - len(best)))
        x, z = x[kept], z[kept]
    return fit(kernel, x, z, start, 40 if start is None else 25)


@lru_cache(maxsize=64)
def _sizes(turn: int, count: int) -> tuple[int, ...]:
    """Numbers of trials at which a view is fitted, the first `count` of them: each second up to 40, then 7 % more."""
    sizes = [2 + turn]
    while len(sizes) < count:
        last = sizes[-1]
        sizes.append(last + 2 if last < _EVERY else max(last + 2, int(np.ceil(last * _GROWTH))))
    return tuple(sizes)


def _place(n: int, turn: int) -> int:
    """Index of the last size that is no more than n; the first for n below all of them."""
    count = 32
    while _sizes(turn, count)[-1] <= n:
        count *= 2
    return max(int(np.searchsorted(_sizes(turn, count), n, side="right")) - 1, 0)


def _key(kernel: Kernel, x: Floats, losses: Floats, turn: int, k: int) -> bytes:
    digest = hashlib.blake2b(x.tobytes(), digest_size=16)
    digest.update(losses.tobytes())
    digest.update(repr((kernel.layout.space.to_dict(), turn, k)).encode())
    return digest.digest()


def _remember(key: bytes, theta: Floats) -> None:
    _MEMO[key] = theta
    while len(_MEMO) > _REMEMBERED:
        _MEMO.popitem(last=False)
