"""Population based bandits: PBT whose new configs come from a model of what each interval brought, not from chance.

Source: Parker-Holder, Nguyen & Roberts (2020), "Provably efficient online hyperparameter optimization with
population-based bandits", NeurIPS, arXiv 2002.02518, algorithm 1.

Differs from the paper in that gains are compared within their level (`gains`), that choices take part in the model as
they do in `gp`, and that a config lies within 0.3 of its donor's in every coordinate: weights bear no leaps.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from danlu.core.history import History
from danlu.core.trial import Trial
from danlu.space import Config
from danlu.strategies.gp.kernel import kernel_of
from danlu.strategies.layout import Floats, Layout, layout_of
from danlu.strategies.population.drift import drifting
from danlu.strategies.population.explore import RESAMPLED, perturbed
from danlu.strategies.population.gains import gains_of
from danlu.strategies.population.members import members
from danlu.strategies.population.pbt import PBT
from danlu.strategies.rejection import allowed_draws

REACH = 0.3
"""How far from the donor's config a coordinate may go."""

_CANDIDATES = 1_000
_FEW = 4  # gains, with fewer of which the model knows nothing


@dataclass(frozen=True)
class PB2(PBT):
    """Population based bandits; its settings are those of `PBT`."""

    name: ClassVar[str] = "pb2"

    def explored(self, history: History, donor: Trial, step: int, rng: np.random.Generator) -> tuple[Config, str]:
        layout, rules = layout_of(history.space), self._rules(history)
        known = gains_of(history, layout, rules)
        if len(known) < _FEW:
            return perturbed(history.space, donor.config, rng), "explored, too little known,"
        [center] = layout.nearest(layout.vectors(history.place(donor)[None]))
        x = allowed_draws(layout, _CANDIDATES, lambda count: _near(layout, center, count, rng))
        if not len(x):
            return perturbed(history.space, donor.config, rng), "explored, little allowed,"
        kernel, time = kernel_of(layout), rules.level(step) / rules.interval + 1.0
        others = [history.place(t) for t in members(history) if not t.is_finished]
        pending = layout.vectors(np.array(others).reshape(len(others), len(history.space)))
        model = drifting(kernel.features(known.x), known.time, known.gain, kernel.features(pending), time)
        mean, deviation = model.predict(kernel.features(x), time)
        for k in np.argsort(-(mean + _caution(len(known)) * deviation), kind="stable"):
            config = layout.config(x[k])
            if history.space.allows(config):
                return config, "upper confidence bound"
        return perturbed(history.space, donor.config, rng), "explored, little allowed,"


def _caution(count: int) -> float:
    """√β of the upper confidence bound; β = 0.2 + ln(0.4 n), as in the authors' code."""
    return math.sqrt(0.2 + max(0.0, math.log(0.4 * count)))


def _near(layout: Layout, center: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Vectors within reach of one, shape (count, s); choices are drawn anew as in PBT, and what they switch on."""
    s = len(layout)
    x = np.clip(center + rng.uniform(-REACH, REACH, (count, s)), 0.0, 1.0)
    options = np.array([slot.options for slot in layout.slots])
    drawn = np.floor(rng.random((count, s)) * options)
    x = np.where(layout.is_choice, np.where(rng.random((count, s)) < RESAMPLED, drawn, center), x)
    was_active = layout.active(center[None])[0]
    x = np.where(was_active, x, np.where(layout.is_choice, drawn, rng.random((count, s))))
    return layout.settled(x)
