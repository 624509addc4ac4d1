"""Earlier: what a study knows of one that was before it, on the same question or a similar one."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from danlu.core.event import Recalled
from danlu.space import Config, Space
from danlu.space.change import completed


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

    def moved(self, space: Space) -> "Earlier":
        """The same in another space: what is new takes its default, what has no place there is left out."""
        found = [completed(space, config) for config in self.configs]
        kept = [k for k, config in enumerate(found) if space.contains(config)]
        return _made(self.name, tuple(found[k] for k in kept), self.losses[kept], space)


def earlier_from(event: Recalled, space: Space) -> Earlier:
    """What an event says, as values."""
    return _made(event.study, tuple(map(Config, event.configs)), np.array(event.losses, dtype=float), space)


def _made(name: str, configs: tuple[Config, ...], losses: NDArray[np.float64], space: Space) -> Earlier:
    u = np.array([space.encode(config) for config in configs]).reshape(len(configs), len(space))
    return Earlier(name, configs, u, losses)
