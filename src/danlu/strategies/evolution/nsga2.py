"""NSGA-II: a population that keeps its best fronts, and in the last of these the trials that lie least crowded.

The population is a fold over the finished trials, in order of ending and whoever suggested them: with every
`population` of them, the best of these and of the population so far are kept. A suggestion is a child of two of the
population, so that nobody waits for a generation's last trial. Works for one objective as well.

Source: Deb, Pratap, Agarwal & Meyarivan (2002), "A fast and elitist multiobjective genetic algorithm: NSGA-II",
IEEE Trans. Evol. Comp. 6, constraint domination included.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from danlu.core.history import History
from danlu.core.origin import fallback
from danlu.core.strategy import EXHAUSTED, Start, Strategy, Suggestion
from danlu.errors import StrategyError
from danlu.numerics.pareto import constrained_ranks, crowding
from danlu.strategies.believed import draw_half_believed
from danlu.strategies.evolution.folding import Ended, folded
from danlu.strategies.evolution.variation import polynomial, simulated_binary
from danlu.strategies.fresh import is_exhausted, is_fresh, start_fresh
from danlu.strategies.layout import Floats, Layout, layout_of

_CROSSOVER = 0.9  # of two parents, else a child of one alone; as in the paper's experiments
_ETA = 20.0  # of both operators; as in the paper's experiments
_CHILDREN = 100  # none of which is new and allowed: chance does better in what is left of a finite space


@dataclass(frozen=True, eq=False)
class Population:
    """Trials with values for all objectives.

    Attributes:
        x: vectors, shape (p, s).
        losses: shape (p, m).
        violation: of the constraints, shape (p,); 0 if all are kept.
        rank: front, counted from 0, shape (p,).
        crowding: within the front, shape (p,).
    """

    x: Floats
    losses: Floats
    violation: Floats
    rank: NDArray[np.int64]
    crowding: Floats

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, eq=False)
class State:
    """Where a search stands after some finished trials.

    Attributes:
        parents: the population; None before the first generation is whole.
        members: the generation that is being filled.
        generation: how many were whole.
    """

    parents: Population | None = None
    members: tuple[Ended, ...] = ()
    generation: int = 0


@dataclass(frozen=True)
class NSGA2(Strategy):
    """NSGA-II: tournaments by front and crowding, simulated binary crossover, polynomial mutation.

    Choices are crossed over one by one, and redrawn by mutation; a number that only one parent has, because it belongs
    to a branch, comes from that one. A trial that misses a constraint is dominated by all that miss none or less.

    Attributes:
        population: how many trials a generation has, and how many are kept; ≥ 4. The first generation is random, half
            of it where the user holds it likely. Few, as trainings are dear: of 400 trials of ZDT1, 16 gave a
            hypervolume of 0.74, 24 of 0.57, 40 of 0.38.
        mutation: probability with which each hyperparameter mutates; 1 / their number if not given.
    """

    population: int = 16
    mutation: float | None = None

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        space = history.space
        if is_exhausted(history):
            return EXHAUSTED
        layout = layout_of(space)
        state = folded(history, (self, space, history.objectives), State, _Search(self, layout).step)
        parents = state.parents
        if parents is None:
            return start_fresh(history, "nsga2: random", lambda _: draw_half_believed(history, rng))
        if not len(parents):
            return start_fresh(history, fallback("nsga2", "no trial has values"), lambda _: space.sample(rng))
        for _ in range(_CHILDREN):
            config = layout.config(self._child(layout, parents, rng))
            if is_fresh(history, config):
                return Start(config, f"nsga2: generation {state.generation + 1}")
        return start_fresh(history, fallback("nsga2", "no child is fresh"), lambda _: space.sample(rng))

    def check(self, history: History) -> None:
        if self.population < 4:
            raise StrategyError(f"nsga2: population must be at least 4, got {self.population}. Leave it out for 16.")
        if self.mutation is not None and not 0.0 <= self.mutation <= 1.0:
            raise StrategyError(f"nsga2: mutation is a probability, got {self.mutation}. Leave it out.")

    def _child(self, layout: Layout, parents: Population, rng: np.random.Generator) -> Floats:
        """A vector made of two parents, shape (s,)."""
        a, b = (parents.x[_winner(parents, rng)] for _ in range(2))
        x = _crossed(layout, a, b, rng) if rng.random() < _CROSSOVER else a.copy()
        share = 1.0 / len(layout) if self.mutation is None else self.mutation
        return _mutated(layout, x, share, rng)


def _winner(parents: Population, rng: np.random.Generator) -> int:
    """The better of two drawn at random: the lower front, within a front the less crowded (the first of equals)."""
    i, j = rng.integers(len(parents), size=2).tolist()
    better = (parents.rank[j], -parents.crowding[j]) < (parents.rank[i], -parents.crowding[i])
    return int(j if better else i)


def _crossed(layout: Layout, a: Floats, b: Floats, rng: np.random.Generator) -> Floats:
    numbers = ~layout.is_choice
    x = np.where(rng.random(len(a)) < 0.5, a, b)
    x[numbers] = simulated_binary(a[numbers], b[numbers], _ETA, rng)
    in_a, in_b = layout.active(np.array([a, b]))
    x = np.where(in_a == in_b, x, np.where(in_a, a, b))
    return np.asarray(layout.settled(x[None])[0])


def _mutated(layout: Layout, x: Floats, share: float, rng: np.random.Generator) -> Floats:
    """A child some of whose entries moved; what a redrawn choice switches on is drawn anew."""
    chosen, uniform, fresh = rng.random((3, len(layout)))
    options = np.array([slot.options for slot in layout.slots])
    anew = np.where(layout.is_choice, np.floor(fresh * options), fresh)
    moved = np.where(layout.active(x[None])[0], x, anew)  # `settled` clears what stays inactive
    for k, slot in enumerate(layout.slots):
        if chosen[k] >= share:
            continue
        if slot.options:
            moved[k] = anew[k]
        elif slot.levels is None:
            moved[k] = polynomial(moved[k : k + 1], _ETA, uniform[k : k + 1])[0]
        else:
            moved[k] = _stepped(slot.levels, moved[k], uniform[k])
    return np.asarray(layout.settled(moved[None])[0])


def _stepped(levels: Floats, y: float, uniform: float) -> float:
    """Polynomial mutation among levels, by at least one: else it would hardly ever leave the level it is on."""
    at = int(np.abs(levels - y).argmin())
    moved = polynomial(np.array([y]), _ETA, np.array([uniform]))[0]
    to = int(np.abs(levels - moved).argmin())
    if to == at:
        to += -1 if uniform < 0.5 else 1
    return float(levels[min(max(to, 0), len(levels) - 1)])


@dataclass(frozen=True, eq=False)
class _Search:
    """The fold: what a finished trial changes."""

    settings: NSGA2
    layout: Layout

    def step(self, state: State, ended: Ended) -> State:
        state = replace(state, members=(*state.members, ended))
        if len(state.members) < self.settings.population:
            return state
        valued = [member for member in state.members if member.has_values]
        x = self.layout.vectors(np.array([member.u for member in valued]).reshape(len(valued), len(ended.u)))
        losses = np.array([member.losses for member in valued]).reshape(len(valued), len(ended.losses))
        violation = np.array([member.violation for member in valued])
        if (parents := state.parents) is not None:
            x = np.concatenate([parents.x, x])
            losses = np.concatenate([parents.losses, losses])
            violation = np.concatenate([parents.violation, violation])
        return State(survivors(x, losses, violation, self.settings.population), (), state.generation + 1)


def survivors(x: Floats, losses: Floats, violation: Floats, count: int) -> Population:
    """The best trials: whole fronts, and of the last that finds room the least crowded; ties by age.

    Args:
        x: vectors, shape (n, s).
        losses: shape (n, m).
        violation: of the constraints, shape (n,).
        count: how many to keep.
    """
    rank = constrained_ranks(losses, violation)
    distance = np.zeros(len(x))
    for front in range(int(rank.max(initial=-1)) + 1):
        distance[rank == front] = crowding(losses[rank == front])
    kept = np.lexsort((-distance, rank))[:count]
    return Population(x[kept], losses[kept], violation[kept], rank[kept], distance[kept])
