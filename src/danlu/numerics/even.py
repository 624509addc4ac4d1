"""Even choice: so many of a sequence, spread over all of it, its ends included."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


def even_choice(items: NDArray[Scalar], count: int) -> NDArray[Scalar]:
    """So many of the items, or all if there are no more, in their order, shape (min(count, n),)."""
    if count >= len(items):
        return items
    return np.asarray(items[np.linspace(0, len(items) - 1, count).round().astype(int)])
