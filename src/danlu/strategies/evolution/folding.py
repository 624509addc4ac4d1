"""Folding: what a strategy works out from the finished trials one by one, in order of ending, without doing it twice.

    folded(history, key, start, step) = step(… step(step(start(), first), second) …, last)

The last states are kept, each with a digest of the trials that it was made of, so that a history that goes on from
these costs only its new trials. Losing them costs time and changes nothing.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from danlu.core.history import Arrays, History
from danlu.strategies.rows import violations

Floats = NDArray[np.float64]
S = TypeVar("S")

_KEPT = 8  # states: a study needs one, a film or a comparison a few


@dataclass(frozen=True, eq=False)
class Ended:
    """A finished trial.

    Attributes:
        strategy: the first word of its origin.
        u: encoded config, shape (d,); NaN where inactive.
        losses: shape (m,); NaN where there is no value.
        violation: by how much the constraints are missed: the excesses in shares of their bounds, summed. 0 if all
            are kept, infinite if one of their metrics is unknown.
    """

    strategy: str
    u: Floats
    losses: Floats
    violation: float

    @property
    def has_values(self) -> bool:
        """Whether every objective has a value."""
        return bool(np.isfinite(self.losses).all())


@dataclass(frozen=True, eq=False)
class _Kept:
    """A state, and the trials that it was made of: their number, the array that they lie in, their digest."""

    key: Hashable
    count: int
    rows: object
    digest: bytes
    state: Any


_memo: list[_Kept] = []


def folded(history: History, key: Hashable, start: Callable[[], S], step: Callable[[S, Ended], S]) -> S:
    """The state after all finished trials; a call costs O(trials that finished since the last one).

    Those outside of a space that was changed are left out: generations are made again of the others.

    Args:
        history: of which the finished trials are folded.
        key: all that `start` and `step` depend on besides their arguments.
        start: the state before the first trial.
        step: the state after one more. Must return another state rather than change the one it is given.
    """
    arrays = history.arrays()
    kept = _longest_prefix(history, arrays, key)
    count, digest, state = (0, b"", start()) if kept is None else (kept.count, kept.digest, kept.state)
    for k in range(count, len(arrays.numbers)):
        digest = _digest(digest, history, arrays, k)
        if arrays.inside[k]:
            state = step(state, _ended(history, arrays, k))
    _remember(_Kept(key, len(arrays.numbers), arrays.u.base, digest, state))
    return state


def forget() -> None:
    """Drops all that is kept."""
    _memo.clear()


def _longest_prefix(history: History, arrays: Arrays, key: Hashable) -> _Kept | None:
    """What is kept of a history that this one goes on from."""
    known = [kept for kept in _memo if kept.count <= len(arrays.numbers) and kept.key == key]
    # histories of one lineage share their columns, which only ever grow: the same array, the same trials
    same = [kept for kept in known if kept.rows is arrays.u.base]
    if same or not known:
        return max(same, key=lambda kept: kept.count, default=None)
    found, digest = None, b""
    by_count = {kept.count: kept for kept in known}
    for k in range(max(by_count)):
        digest = _digest(digest, history, arrays, k)
        if k + 1 in by_count and by_count[k + 1].digest == digest:
            found = by_count[k + 1]
    return found


def _remember(kept: _Kept) -> None:
    """Puts a state first, in place of an older one of the same trials; the list is changed in one assignment."""
    others = [other for other in _memo if not (other.digest == kept.digest and other.key == kept.key)]
    _memo[:] = [kept, *others][:_KEPT]


def _digest(before: bytes, history: History, arrays: Arrays, k: int) -> bytes:
    """A digest of the first k + 1 finished trials, from that of the first k."""
    columns = (arrays.numbers, arrays.u, arrays.losses, arrays.bounds, arrays.inside)
    row = b"".join(array[k].tobytes() for array in columns)
    return blake2b(before + row + _strategy(history, arrays, k).encode(), digest_size=16).digest()


def _ended(history: History, arrays: Arrays, k: int) -> Ended:
    [violation] = violations(arrays.bounds[k : k + 1], history.constraints).tolist()
    return Ended(_strategy(history, arrays, k), arrays.u[k], arrays.losses[k], violation)


def _strategy(history: History, arrays: Arrays, k: int) -> str:
    return history.trials[int(arrays.numbers[k])].origin.split(":", 1)[0]
