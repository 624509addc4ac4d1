"""Pareto: which of several vectors of losses are worth having, how crowded they lie, and how much they dominate.

Less is better in every column; numbers may be infinite, but not NaN. Equal vectors don't dominate each other.

Notation
    a dominates b: a ≤ b in every objective and a < b in at least one
    front 0: the vectors that none dominates; front k: those that only vectors of earlier fronts dominate
    hypervolume: the volume of what lies between the vectors and a reference point that each of them dominates

Sources
    Kung, Luccio & Preparata (1975), "On finding the maxima of a set of vectors", J. ACM 22: two objectives by sorting.
    Jensen (2003), "Reducing the run-time complexity of multiobjective EAs", IEEE Trans. Evol. Comp. 7: fronts likewise.
    Deb, Pratap, Agarwal & Meyarivan (2002), "NSGA-II", IEEE Trans. Evol. Comp. 6: fronts and crowding.
    Guerreiro, Fonseca & Paquete (2016), "Greedy hypervolume subset selection", Evol. Comp. 24: few that cover much.
    While, Bradstreet & Barone (2012), "A fast way of calculating exact hypervolumes", IEEE Trans. Evol. Comp. 16: WFG.
"""

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_BLOCK = 1 << 22  # comparisons done at once: 4 MB a column


def non_dominated(losses: Floats) -> Bools:
    """Which vectors no other one dominates.

    O(n log n) for one or two objectives; else O(n · f), f being the size of the front, if better vectors come first.

    Args:
        losses: shape (n, m).

    Returns:
        shape (n,).
    """
    if not len(losses):
        return np.zeros(0, dtype=bool)
    if losses.shape[1] == 1:
        return np.asarray(losses[:, 0] == losses[:, 0].min())
    order = np.lexsort(losses.T[::-1])  # by the first column, ties by the next: nobody is dominated by a later one
    kept = np.zeros(len(losses), dtype=bool)
    kept[order] = _sweep(losses[order]) if losses.shape[1] == 2 else _filter(losses[order])
    return kept


def _sweep(ranked: Floats) -> Bools:
    """The mask of two sorted columns: the second must fall below all before it, or the vector equal the last kept."""
    second = ranked[:, 1]
    lowest = np.concatenate([[np.inf], np.minimum.accumulate(second)[:-1]])
    is_first = np.ones(len(ranked), dtype=bool)
    is_first[1:] = (ranked[1:] != ranked[:-1]).any(axis=1)
    # a group of equal vectors shares the fate of its first; where nothing is lower than ∞, the first vector is kept
    firsts = (second < lowest) | (np.arange(len(ranked)) == 0)
    return np.asarray(firsts[np.maximum.accumulate(np.where(is_first, np.arange(len(ranked)), 0))])


def _filter(ranked: Floats) -> Bools:
    """The mask of sorted vectors: blocks of them are held against the front so far, then against themselves."""
    kept = np.zeros(len(ranked), dtype=bool)
    front, begin = ranked[:0], 0
    while begin < len(ranked):
        block = ranked[begin : begin + max(64, min(1024, _BLOCK // max(len(front), 1)))]
        alive = np.flatnonzero(~_dominated_by(front, block))
        alive = alive[~_dominated_by(block[alive], block[alive])]
        kept[begin + alive] = True
        front, begin = np.concatenate([front, block[alive]]), begin + len(block)
    return kept


def _dominated_by(front: Floats, losses: Floats) -> Bools:
    """Which losses (n, m) a vector of the front (f, m) dominates, shape (n,)."""
    return np.asarray(_dominates(front, losses).any(axis=0))


def _dominates(a: Floats, b: Floats) -> Bools:
    """Whether a_i dominates b_j, shape (len(a), len(b))."""
    weakly = np.ones((len(a), len(b)), dtype=bool)
    strictly = np.zeros((len(a), len(b)), dtype=bool)
    for column in range(a.shape[1]):
        x, y = a[:, column, None], b[None, :, column]
        weakly &= x <= y
        strictly |= x < y
    return np.asarray(weakly & strictly)


def ranks(losses: Floats) -> NDArray[np.int64]:
    """The front of each vector, counted from 0; shape (n,). O(n log n) for one or two objectives, else O(m n²)."""
    if not len(losses):
        return np.zeros(0, dtype=np.int64)
    if losses.shape[1] == 1:
        return np.unique(losses[:, 0], return_inverse=True)[1].reshape(-1).astype(np.int64)
    return _ranks_of_two(losses) if losses.shape[1] == 2 else _ranks_by_peeling(losses)


def _ranks_of_two(losses: Floats) -> NDArray[np.int64]:
    """Fronts by one sweep (Jensen 2003): each front is known by its last second coordinate, which ascends by front.

    In sorted order a front dominates a vector if and only if its last member does.
    """
    found = np.empty(len(losses), dtype=np.int64)
    lasts: list[float] = []
    before: tuple[float, float] | None = None
    rank = 0
    for k in np.lexsort(losses.T[::-1]).tolist():
        vector = (float(losses[k, 0]), float(losses[k, 1]))
        if vector != before:
            rank = bisect_right(lasts, vector[1])
            lasts[rank : rank + 1] = [vector[1]]
            before = vector
        found[k] = rank
    return found


def _ranks_by_peeling(losses: Floats) -> NDArray[np.int64]:
    """Fronts taken off one after another."""
    found = np.empty(len(losses), dtype=np.int64)
    left, rank = np.arange(len(losses)), 0
    while len(left):
        front = non_dominated(losses[left])
        found[left[front]] = rank
        left, rank = left[~front], rank + 1
    return found


def constrained_ranks(losses: Floats, violation: Floats) -> NDArray[np.int64]:
    """Fronts under constraint domination, counted from 0: those that miss no constraint first, then by violation.

    Args:
        losses: shape (n, m).
        violation: ≥ 0, shape (n,).

    Source: Deb et al. (2002), section VI-A.
    """
    found = np.empty(len(losses), dtype=np.int64)
    feasible = violation <= 0
    found[feasible] = ranks(losses[feasible])
    first = int(found[feasible].max(initial=-1)) + 1
    found[~feasible] = first + ranks(violation[~feasible, None])
    return found


def crowding(losses: Floats) -> Floats:
    """Crowding distance of the vectors of one front: the sides of the box between the neighbours, as shares, summed.

    Args:
        losses: finite, shape (n, m).

    Returns:
        Shape (n,), ≥ 0; infinite at the ends of each objective. An objective in which all are equal adds nothing.

    Source: Deb et al. (2002), section III-B.
    """
    n = len(losses)
    total = np.zeros(n)
    for column in losses.T / 4.0:  # so that no difference of two finite numbers overflows
        order = np.argsort(column, kind="stable")
        ranked = column[order]
        width = ranked[-1] - ranked[0] if n else 0.0
        if width > 0:
            total[order[1:-1]] += (ranked[2:] - ranked[:-2]) / width
            total[order[[0, -1]]] = np.inf
    return total


def hypervolume(losses: Floats, reference: Floats) -> float:
    """Exact volume of the points that a vector dominates and that dominate the reference.

    Args:
        losses: shape (n, m); those that don't lie below the reference in every objective add nothing.
        reference: shape (m,), finite.

    Returns:
        Volume ≥ 0 in the product of the objectives' units. Two objectives: O(n log n); more: WFG, which for a front
        of 100 takes 0.03 s with three objectives, 0.3 s with five.
    """
    inside = losses[(losses < reference).all(axis=1)]
    front = np.unique(inside[non_dominated(inside)], axis=0)
    return _volume(front, reference)


def _volume(front: Floats, reference: Floats) -> float:
    """Hypervolume of distinct vectors that don't dominate each other, by the sum of what each adds to those after."""
    n, m = front.shape
    if n == 0:
        return 0.0
    if m == 1 or n == 1:
        return float(np.prod(reference - front[0]))
    front = front[np.argsort(front[:, 0], kind="stable")]
    if m == 2:
        return _area(front, reference)
    front = front[::-1]  # worst first objective first: what the others limit it to is then small (While et al.)
    return sum(_added(front[k], front[k + 1 :], reference) for k in range(n))


def _area(front: Floats, reference: Floats) -> float:
    """Hypervolume of two objectives: strips between neighbours, the first objective ascending."""
    ceilings = np.concatenate([[reference[1]], front[:-1, 1]])
    return float(np.sum((reference[0] - front[:, 0]) * (ceilings - front[:, 1])))


def _added(vector: Floats, others: Floats, reference: Floats) -> float:
    """What a vector dominates and the others don't: its own box less what they dominate within it."""
    limited = np.maximum(others, vector)
    limited = np.unique(limited[non_dominated(limited)], axis=0)
    return float(np.prod(reference - vector)) - _volume(limited, reference)


def covering(losses: Floats, count: int, reference: Floats) -> NDArray[np.int64]:
    """Indices of vectors that together dominate much: greedily the one that adds the most, shape (count,).

    The volume is submodular: the greedy choice dominates at least 1 − 1/e of what the best one does, and what a vector
    adds only falls as others are chosen, so that few have to be measured again (Minoux 1978).

    Args:
        losses: shape (n, m), n ≥ count.
        count: how many.
        reference: shape (m,).
    """
    bounds = np.prod(np.maximum(reference - losses, 0.0), axis=1)
    chosen: list[int] = []
    total = 0.0
    while len(chosen) < count:
        fresh = np.zeros(len(losses), dtype=bool)
        bounds[chosen] = -np.inf
        while not fresh[best := int(np.argmax(bounds))]:
            bounds[best] = hypervolume(losses[[*chosen, best]], reference) - total
            fresh[best] = True
        chosen.append(best)
        total += float(bounds[best])
    return np.array(chosen, dtype=np.int64)
