"""Candidates: where the acquisition is looked at.

Real optima lie on bounds (batch size, momentum, depth at an end of their range), so moves are clipped at the bounds,
not reflected, and now and then jump to one. Without that, the regret on gradient boosting was several times as large.
What the constraints of the space exclude is drawn again; there are fewer candidates where they leave little.

Notation
    x: vectors of a layout, shape (m, s); centres: vectors that moves begin from
"""

from dataclasses import dataclass

import numpy as np

from danlu.strategies.layout import Bools, Floats, Layout
from danlu.strategies.rejection import allowed_draws

_JUMP = 0.15  # probability that a number that moves goes to a bound
_CENTRES = np.array([0.4, 0.2, 0.2, 0.1, 0.1])  # shares of the five best trials


@dataclass(frozen=True, eq=False)
class Pool:
    """Makes candidates in a layout.

    Attributes:
        layout: of the vectors.
        rng: what is random about them.
    """

    layout: Layout
    rng: np.random.Generator

    def spread(self, count: int) -> Floats:
        """Candidates all over the space: half of them uniform, half with a share of their numbers on a bound."""
        return allowed_draws(self.layout, count, self._spread)

    def _spread(self, count: int) -> Floats:
        x = self._uniform(count)
        half = x[count // 2 :]
        share = self.rng.uniform(0.0, 0.6, len(half))[:, None]
        on_bound = (self.rng.random(half.shape) < share) & ~self.layout.is_choice
        half[on_bound] = self.rng.integers(0, 2, int(on_bound.sum()))
        return self.layout.settled(x)

    def around(self, centres: Floats, count: int) -> Floats:
        """Candidates near the best trials, of which there are up to five, the best first."""
        return allowed_draws(self.layout, count, lambda draws: self._around(centres, draws))

    def _around(self, centres: Floats, count: int) -> Floats:
        shares = _CENTRES[: len(centres)] / _CENTRES[: len(centres)].sum()
        chosen = centres[self.rng.choice(len(centres), count, p=shares)]
        d = len(self.layout)
        moved = self._mask(count, min(1.0, max(3.0, 0.4 * d) / d))
        return self._moved(chosen, moved, self.rng.uniform(-2.5, -0.5, (count, 1)))

    def children(self, parents: Floats, count: int, generation: int) -> Floats:
        """Candidates nearer and nearer to the best of the pool; a quarter of them crossed with another.

        The parents themselves where no child is allowed.
        """
        x = allowed_draws(self.layout, count, lambda draws: self._children(parents, draws, generation))
        return x if len(x) else parents

    def _children(self, parents: Floats, count: int, generation: int) -> Floats:
        chosen = parents[self.rng.integers(0, len(parents), count)].copy()
        crossed = self.rng.random(count) < 0.25
        others = parents[self.rng.integers(0, len(parents), count)]
        mix = crossed[:, None] & (self.rng.random(chosen.shape) < 0.5)
        chosen = np.where(mix, others, chosen)
        moved = self._mask(count, min(1.0, 2.5 / len(self.layout)))
        low = -1.5 - 0.45 * generation
        return self._moved(chosen, moved, self.rng.uniform(low, low + 0.8, (count, 1)))

    def _uniform(self, count: int) -> Floats:
        x = self.rng.random((count, len(self.layout)))
        for k, slot in enumerate(self.layout.slots):
            if slot.options:
                x[:, k] = np.floor(x[:, k] * slot.options)
        return x

    def _mask(self, count: int, probability: float) -> Bools:
        """Which entries move: each with this probability, at least one of each vector."""
        mask = self.rng.random((count, len(self.layout))) < probability
        mask[np.arange(count), self.rng.integers(0, len(self.layout), count)] = True
        return mask

    def _moved(self, x: Floats, mask: Bools, log_step: Floats) -> Floats:
        """The vectors with masked entries moved: numbers by normal steps of size 10^log_step, choices drawn anew."""
        step = self.rng.standard_normal(x.shape) * 10.0**log_step
        for k, slot in enumerate(self.layout.slots):
            if (least := slot.gap) > 0.0:  # at least one level, if it moves at all
                step[:, k] = np.copysign(np.maximum(np.abs(step[:, k]), least), step[:, k])
        new = np.clip(x + step, 0.0, 1.0)
        jump = self.rng.random(x.shape) < _JUMP
        new = np.where(jump, self.rng.integers(0, 2, x.shape), new)
        for k, slot in enumerate(self.layout.slots):
            if slot.options:
                new[:, k] = self.rng.integers(0, slot.options, len(x))
        return self.layout.settled(np.where(mask, new, x))
