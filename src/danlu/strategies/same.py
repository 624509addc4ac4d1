"""Same: which rows are trials of one config, repeated because training is noisy.

The first of them stands for all, with the mean of their losses, whose variance is the noise over their number. That is
exact: a Gaussian process has the same posterior after r losses at one place, each with noise σ², as after their mean
with noise σ²/r.

Source: Binois, Gramacy & Ludkovski (2018), "Practical heteroscedastic Gaussian process modeling for large simulation
experiments", J. Comput. Graph. Stat. 27, § 3.1.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from danlu.strategies.layout import Floats


@dataclass(frozen=True, eq=False)
class Same:
    """Which rows share a config; made by `same_of`.

    Attributes:
        first: index of the first row with the same config, shape (n,).
    """

    first: NDArray[np.int64]

    @cached_property
    def distinct(self) -> NDArray[np.int64]:
        """Indices of the rows that stand for a config, ascending."""
        return np.flatnonzero(self.first == np.arange(len(self.first)))

    @cached_property
    def again(self) -> NDArray[np.int64]:
        """Indices of the others, ascending: the repeats."""
        return np.flatnonzero(self.first != np.arange(len(self.first)))

    @cached_property
    def count(self) -> NDArray[np.int64]:
        """How many rows have the config of each row, shape (n,)."""
        return np.bincount(self.first, minlength=len(self.first))[self.first]

    def mean(self, losses: Floats) -> Floats:
        """Mean loss of each row's config, shape (n,)."""
        if not len(self.again):
            return losses
        return np.asarray(np.bincount(self.first, losses, len(self.first))[self.first] / self.count)


def same_of(x: Floats) -> Same:
    """Of settled vectors x, shape (n, s)."""
    seen: dict[bytes, int] = {}
    first = [seen.setdefault(row.tobytes(), k) for k, row in enumerate(x)]
    return Same(np.array(first, dtype=np.int64))
