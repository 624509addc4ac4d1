"""What the Gaussian processes believe, in units of the loss."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from danlu.core.explain import Grid
from danlu.numerics.sobol import sobol
from danlu.space import Config
from danlu.space.value import Value
from danlu.strategies.gp.constraints import Constraints
from danlu.strategies.gp.surrogate import Score, Surrogate
from danlu.strategies.layout import Floats, Layout
from danlu.strategies.section import section_of

_BACKGROUND = 32  # configs over which a marginal is the mean: 0.1 s on a grid of 25 × 25, of 60 trials
_BLOCK = 4096  # vectors at once
_LARGEST = 1e306  # loss that is told: sums and differences of such ones are numbers still


@dataclass(frozen=True, eq=False)
class Back:
    """The way from a view back to losses: straight lines between the trials, and on beyond the first and the last.

    Attributes:
        z: of the trials in the view, ascending, distinct, shape (k,).
        losses: theirs, shape (k,).
    """

    z: Floats
    losses: Floats

    def __call__(self, z: Floats) -> Floats:
        """Losses; monotone in z, and exact at the trials."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.clip(self._unbounded(z), -_LARGEST, _LARGEST)

    def _unbounded(self, z: Floats) -> Floats:
        found = np.interp(z, self.z, self.losses)
        if len(self.z) > 1:
            tenth = max(len(self.z) // 10, 1)  # the slope of single neighbours would hang on a hair
            for end, inner, beyond in ((0, tenth, z < self.z[0]), (-1, -1 - tenth, z > self.z[-1])):
                slope = (self.losses[inner] - self.losses[end]) / (self.z[inner] - self.z[end])
                found = np.where(beyond, self.losses[end] + slope * (z - self.z[end]), found)
        return np.asarray(found)


def back_of(z: Floats, losses: Floats) -> Back:
    """The way back from z, shape (n,), of trials with these losses."""
    distinct, first = np.unique(z, return_index=True)
    return Back(distinct, np.clip(losses[first], -_LARGEST, _LARGEST))


@dataclass(frozen=True, eq=False)
class Explanation:
    """What `GP` believes after a history, in the view that its next suggestion takes.

    Attributes:
        layout: of vectors.
        held: the incumbent; of several objectives the first of the front.
        next: what the next suggestion will be made by: an acquisition's name, "design", or "tpe, when stuck".
        acquires: name of the acquisition that is shown; `next`, unless no acquisition makes the next suggestion.
        surrogates: one an objective.
        backs: from each one's view to losses.
        constraints: what is believed of them.
        score: the acquisition.
        seed: of the study; settles the configs over which marginals are means.
    """

    layout: Layout
    held: Config
    next: str
    acquires: str
    surrogates: tuple[Surrogate, ...]
    backs: tuple[Back, ...]
    constraints: Constraints
    score: Score
    seed: int

    def predict(self, configs: Sequence[Mapping[str, Value]], objective: int = 0) -> tuple[Floats, Floats]:
        """Median of the noise-free loss, and half the width of its central 68 %, each of shape (n,).

        These are the mean and the standard deviation in the view, taken back to losses: the quantiles at μ and μ ± σ.
        """
        return self._predict(self._vectors(configs), objective)

    def acquisition(self, configs: Sequence[Mapping[str, Value]]) -> Floats:
        """How much configs are worth trying next, shape (n,); larger is better, in units of the acquisition's own."""
        return self._score(self._vectors(configs))

    def feasibility(self, configs: Sequence[Mapping[str, Value]]) -> Floats:
        """Probability that configs keep all constraints, shape (n,)."""
        return np.exp(self.constraints.log_probability(self._vectors(configs), Surrogate.predict))

    def grid(self, x: str, y: str | None = None, levels: int = 25, objective: int = 0) -> Grid:
        """Columns "mean", "std" and "acquisition" with the others at the incumbent's values, and "marginal".

        The last is the mean over configs from the whole space instead, which shows what matters wherever one is.
        """
        section = section_of(self.layout, (x,) if y is None else (x, y), levels)
        at = section.through(self._vectors([self.held]))
        mean, std = self._predict(at, objective)
        everywhere = section.through(self._background)
        medians = self._means(everywhere, objective).reshape(len(section.points), -1)
        columns = {
            "mean": mean,
            "std": std,
            "acquisition": self._score(at),
            "marginal": medians.mean(axis=1),
        }
        if len(self.constraints):
            columns["feasibility"] = np.exp(self.constraints.log_probability(at, Surrogate.predict))
        shaped = {name: column.reshape(section.shape) for name, column in columns.items()}
        return Grid(section.names, section.axes, self.held, shaped)

    def lengths(self, objective: int = 0) -> dict[str, float]:
        """Length scale of each hyperparameter: how far along its scale, warped, the loss stays much the same.

        In widths of the scale (1 is all of it); of a choice, in differences between two options.
        """
        surrogate = self.surrogates[objective]
        kernel = surrogate.kernel
        order = {int(slot): k for k, slot in enumerate([*kernel.numbers.tolist(), *kernel.choices])}
        names = self.layout.space.names
        return {
            name: float(np.exp(surrogate.theta[order[slot]]))
            for name, slot in zip(names, self.layout.slot_of.tolist(), strict=True)
        }

    def noise(self, objective: int = 0) -> float:
        """Standard deviation of repeated trainings, in units of the loss, at the incumbent."""
        surrogate, back = self.surrogates[objective], self.backs[objective]
        mean, _ = surrogate.predict(self._vectors([self.held]))
        deviation = np.sqrt(surrogate.noise)
        return float((back(mean + deviation) - back(mean - deviation))[0] / 2.0)

    @cached_property
    def _background(self) -> Floats:
        space = self.layout.space
        return self._vectors(
            [space.quantile(sobol(k, len(space), self.seed).tolist()) for k in range(_BACKGROUND)]
        )  # fmt: skip

    def _vectors(self, configs: Sequence[Mapping[str, Value]]) -> Floats:
        return self.layout.vectors(np.array([self.layout.space.place(config) for config in configs]))

    def _predict(self, x: Floats, objective: int) -> tuple[Floats, Floats]:
        mu, sigma = self.surrogates[objective].predict(x)
        back = self.backs[objective]
        return back(mu), (back(mu + sigma) - back(mu - sigma)) / 2.0

    def _means(self, x: Floats, objective: int) -> Floats:
        surrogate, back = self.surrogates[objective], self.backs[objective]
        blocks = [surrogate.mean(x[k : k + _BLOCK]) for k in range(0, len(x), _BLOCK)]
        return back(np.concatenate(blocks))

    def _score(self, x: Floats) -> Floats:
        return self.score(x, Surrogate.predict)
