"""Minimisation of a smooth function of few variables within a box: projected BFGS.

SciPy has L-BFGS-B; this one costs a tenth of it per step where the function takes microseconds, needs no half second of
import, and its result is a function of its arguments alone.

Notation
    x, g: the point and its gradient; A: the variables that stand at a bound with the gradient pushing outwards
    H: estimate of the inverse Hessian; s = x' − x, y = g' − g

Sources
    Nocedal & Wright (2006), "Numerical Optimization", eq. 6.17 (BFGS), algorithm 3.1 (backtracking), section 16.7.
    Bertsekas (1982), "Projected Newton methods for optimization problems with simple constraints", SIAM J. Control 20.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ARMIJO = 1e-4
_FIRST = 2.0  # length of the first step: variables are to be scaled so that 1 is a step worth trying
_SHORTEST = 1e-6  # of a step, as a share of the first one tried


def minimize(
    f: Callable[[Floats], tuple[float, Floats]], x: Floats, low: Floats, high: Floats, evaluations: int,
    tolerance: float = 1e-2,
) -> tuple[Floats, float]:  # fmt: skip
    """A point that is lower than x, and its value.

    Args:
        f: value and gradient at a point; an infinite value stands for "not here".
        x: where to begin, shape (p,); clipped into the box.
        low, high: the box, shape (p,).
        evaluations: of f, at most so many.
        tolerance: largest projected gradient at which it ends.
    """
    x = np.clip(x, low, high)
    value, gradient = f(x)
    H = np.eye(len(x))
    left, is_first = evaluations - 1, True
    while left > 0:
        free = ~(((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0)))
        if not free.any() or np.abs(gradient[free]).max() < tolerance:
            break
        step = np.zeros_like(x)
        step[free] = -H[np.ix_(free, free)] @ gradient[free]
        if step @ gradient >= 0:  # not downhill: the estimate has gone wrong
            H, step = np.eye(len(x)), np.where(free, -gradient, 0.0)
        # without knowledge of the curvature no step is longer than 1
        length = min(1.0, _FIRST / float(np.sqrt(step @ step))) if is_first else 1.0
        found, spent = _descend(f, x, value, gradient, step, length, low, high, left)
        left -= spent
        if found is None:
            if is_first:
                break
            H, is_first = np.eye(len(x)), True
            continue
        new, lower, slope = found
        H = _updated(H, new - x, slope - gradient, is_first)
        converged = value - lower < 1e-9 * max(1.0, abs(value))
        x, value, gradient, is_first = new, lower, slope, False
        if converged:
            break
    return x, value


def _descend(
    f: Callable[[Floats], tuple[float, Floats]], x: Floats, value: float, gradient: Floats, step: Floats, length: float,
    low: Floats, high: Floats, evaluations: int,
) -> tuple[tuple[Floats, float, Floats] | None, int]:  # fmt: skip
    """The first point along the projected step that is low enough, and how many evaluations it took."""
    shortest = length * _SHORTEST
    for spent in range(1, evaluations + 1):
        new = np.clip(x + length * step, low, high)
        moved = new - x
        lower, slope = f(new)
        if lower <= value + _ARMIJO * float(gradient @ moved):
            return (new, lower, slope), spent
        # the minimum of the parabola through both values and the slope at x, within reason
        slope_at_x = float(gradient @ moved)
        rise = lower - value - slope_at_x
        best = -0.5 * slope_at_x / rise if np.isfinite(rise) and rise > 0.0 else 0.1
        length *= min(max(best, 0.1), 0.5)
        if length < shortest:
            return None, spent
    return None, evaluations


def _updated(H: Floats, s: Floats, y: Floats, is_first: bool) -> Floats:
    """BFGS, left out where the curvature along s is not positive."""
    curvature = float(s @ y)
    if curvature <= 1e-10 * float(np.sqrt((s @ s) * (y @ y))):
        return H
    if is_first:  # eq. 6.20: the scale of the first estimate
        H = np.eye(len(s)) * (curvature / float(y @ y))
    rho = 1.0 / curvature
    Hy = H @ y
    return np.asarray(
        H + (rho * rho * float(y @ Hy) + rho) * np.outer(s, s) - rho * (np.outer(Hy, s) + np.outer(s, Hy))
    )
