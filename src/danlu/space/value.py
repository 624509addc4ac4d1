"""Value: what a hyperparameter can be, and what dimensions of all kinds say of values alike."""

import sys
from typing import Any

Value = float | int | str | bool
"""What a hyperparameter can be."""


class _Missing:
    """Marks a hyperparameter without a default: None could be mistaken for a value."""

    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()

ELSEWHERE = 1.0
"""Distance from the middle of what has no place on a scale: as far apart as its two ends."""


def is_finite(number: object) -> bool:
    """Whether it is a number, and neither infinite nor too large for a float."""
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return False
    return abs(number) <= sys.float_info.max  # math.isfinite overflows on 10**400


def plain(value: Any) -> Any:
    """The Python object that a NumPy scalar stands for; anything else as it is."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value
