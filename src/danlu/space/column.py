"""Column: the values of one hyperparameter in many configs, for what is worked out of all of them at once.

Floats where all values are numbers or truth values, else objects; NaN or None where the hyperparameter is inactive.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]

_NONE: Column = np.array(None, dtype=object)


def column(values: Iterable[Any]) -> Column:
    """The column of these values, None for inactive, shape (n,)."""
    values = list(values)
    is_plain = all(isinstance(value, (int, float)) or value is None for value in values)
    return np.array(values, dtype=np.float64 if is_plain else object)  # float64 makes a NaN of None


def is_active(column: Column) -> NDArray[np.bool_]:
    """Where a column holds values, shape (n,)."""
    return np.asarray(column != _NONE if column.dtype == object else ~np.isnan(column), dtype=bool)


def inactive_where(inactive: NDArray[np.bool_], column: Column) -> Column:
    """The column without its values in some places."""
    return np.where(inactive, _NONE if column.dtype == object else np.nan, column)
