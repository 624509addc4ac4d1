"""Earlier: what a study knows of one that was before it, on the same question or a similar one."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from danlu.core.event import Recalled
from danlu.space import Config, Space


class Earlier(msgspec.Struct, frozen=True, eq=False):
    """Some trials of an earlier study, as configs of the present one's space, in order of ending.

    Attributes:
        name: of the earlier study.
        configs: without those that have no place in the present space; one may come up several times.
        u: the configs encoded, shape (n, d); NaN where a hyperparameter is inactive.
        losses: of that study's own trainings, less is better, shape (n,).
    """

    name: str
    configs: tuple[Config, ...]
    u: NDArray[np.float64]
    losses: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.configs)


def earlier_from(event: Recalled, space: Space) -> Earlier:
    """What an event says, as values."""
    configs = tuple(map(Config, event.configs))
    u = np.array([space.encode(config) for config in configs]).reshape(len(configs), len(space))
    return Earlier(event.study, configs, u, np.array(event.losses, dtype=float))
