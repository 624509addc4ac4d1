"""Tilt: what else than improvement makes a candidate worth trying, in nats that are added to a logarithmic acquisition.

A factor on the expected improvement is a summand on its logarithm. A confidence bound is no logarithm: there the nats
count as deviations, −μ + (β + nats) σ, for a step of the mean by one deviation moves the logarithm of the expected
improvement by about one (1.25 where it begins, z = 0). So they fade where nothing is left to be learnt.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from danlu.strategies.layout import Floats


@dataclass(frozen=True, eq=False)
class Tilt:
    """Some summands.

    Attributes:
        parts: each gives the nats of vectors, shape (n, s) -> (n,).
        words: what they are, for the trial's origin.
    """

    parts: tuple[Callable[[Floats], Floats], ...] = ()
    words: str = ""

    def __call__(self, x: Floats) -> Floats:
        """Nats of vectors, shape (n,)."""
        total = np.zeros(len(x))
        for part in self.parts:
            total += part(x)
        return total

    def __add__(self, other: "Tilt") -> "Tilt":
        return Tilt(self.parts + other.parts, self.words + other.words)


LEVEL = Tilt()
"""Nothing else counts."""
