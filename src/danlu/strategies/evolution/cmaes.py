"""CMA-ES: a normal distribution that moves, stretches and turns towards the better half of each generation.

The distribution is a fold over the finished trials, in order of ending: the next λ of them are a generation, whichever
distribution they were drawn from, so that nobody waits for a late one. A suggestion is a draw from the distribution of
the last whole generation. The distribution itself is described in `distribution`.

Sources
    Hansen & Ostermeier (2001), "Completely derandomized self-adaptation in evolution strategies", Evol. Comp. 9.
    Auger & Hansen (2005), "A restart CMA evolution strategy with increasing population size", CEC: restarts.
    Hansen (2011), "Injecting external solutions into CMA-ES", arXiv 1110.4181: other strategies' trials.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from danlu.core.history import History
from danlu.core.origin import fallback
from danlu.core.strategy import EXHAUSTED, Start, Strategy, Suggestion
from danlu.errors import StrategyError
from danlu.strategies.evolution.distribution import Distribution, Variables, begin, variables_of
from danlu.strategies.evolution.explain import Explanation
from danlu.strategies.evolution.folding import Ended, folded
from danlu.strategies.fresh import is_exhausted, is_fresh, start_fresh
from danlu.strategies.layout import Floats, layout_of

_DRAWS = 100  # none of which is new and allowed: 4 ms, and chance does better in what is left of a finite space
_SILENT = 3  # generations in a row in which no trial is better than another: a plateau, or nothing works here
_DOUBLINGS = 4  # a generation of 16 times the first outlives most studies; λ d² numbers must fit in memory
_STREAM = 2  # keeps our streams (2, …) apart from those of suggestions (k,) and of trials (1, n)

Merit = tuple[int, float]
"""What trials are ordered by, less is better: (0, loss), (1, violation) if a constraint is missed, (2, 0) if failed."""


@dataclass(frozen=True, eq=False)
class State:
    """Where a search stands after some finished trials.

    Attributes:
        distribution: that of the last whole generation.
        members: vectors and merits of the generation that is being filled.
        best: merit of the best trial so far, whoever suggested it.
        is_begun: whether a trial of ours has ended; until then those of others move the mean.
        generation: how many were told to this distribution since it began.
        restarts: how often it began anew.
        silent: generations in a row that told nothing.
    """

    distribution: Distribution
    members: tuple[tuple[Floats, Merit], ...] = ()
    best: Merit = (2, 0.0)
    is_begun: bool = False
    generation: int = 0
    restarts: int = 0
    silent: int = 0


@dataclass(frozen=True)
class CMAES(Strategy):
    """CMA-ES with margins for ints, steps and choices, and with restarts of growing population.

    It begins at the best trial that others (the user, another strategy) have left it, else at the centre; what the user
    holds likely is the mean and the deviation at the beginning, and how often options are drawn. A trial of others that
    becomes the best later on joins the generation. A failed trial is the worst of its generation, one that misses a
    constraint is worse than all that miss none. Of several objectives it would see the first only, so it refuses a
    study with more.

    Attributes:
        population: λ, trials in a generation; 4 + ⌊3 ln d⌋ for d hyperparameters if not given. Twice as many after each
            restart.
        sigma: σ, the standard deviation at the beginning, in shares of a hyperparameter's range.
    """

    population: int | None = None
    sigma: float = 0.2

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        space = history.space
        if is_exhausted(history):
            return EXHAUSTED
        variables = variables_of(layout_of(space))
        if not len(variables):
            return start_fresh(history, fallback("cmaes", "nothing can be varied"), lambda _: space.sample(rng))
        state = self._state(history, variables)
        for _ in range(_DRAWS):
            config = variables.layout.config(state.distribution.draw(rng))
            if is_fresh(history, config):
                return Start(config, f"cmaes: generation {state.generation + 1}{_nth(state.restarts)}")
        return start_fresh(history, fallback("cmaes", "no draw is fresh"), lambda _: space.sample(rng))

    def explain(self, history: History) -> Explanation | None:
        """What the next suggestion is drawn from; None before a trial has a value, or where nothing can be varied."""
        variables = variables_of(layout_of(history.space))
        if not len(variables):
            return None
        state = self._state(history, variables)
        if state.best[0] > 1:
            return None
        return Explanation(state.distribution, state.generation + 1, state.restarts)

    def _state(self, history: History, variables: Variables) -> State:
        search = _Search(self, variables, history.seed)
        return folded(history, (self, history.space, history.seed, history.objectives), search.start, search.step)

    def check(self, history: History) -> None:
        if len(history.goals) > 1:
            names = ", ".join(o.metric for o in history.goals)
            raise StrategyError(f"cmaes searches for one objective, this study has {names}. Use strategy='nsga2'.")
        if self.population is not None and self.population < 4:
            raise StrategyError(f"cmaes: population must be at least 4, got {self.population}. Leave it out.")
        if not 0.0 < self.sigma < math.inf:
            raise StrategyError(f"cmaes: sigma must be > 0, got {self.sigma}. Leave it out for 0.2.")


def _nth(restarts: int) -> str:
    return f" after restart {restarts}" if restarts else ""


@dataclass(frozen=True, eq=False)
class _Search:
    """The fold: where a search begins, and what a finished trial changes."""

    settings: CMAES
    variables: Variables
    seed: int

    def start(self) -> State:
        return State(self._around(self.variables.believed(np.full(len(self.variables.numbers), 0.5)), restarts=0))

    def step(self, state: State, ended: Ended) -> State:
        merit, is_ours = _merit(ended), ended.strategy == "cmaes"
        is_best = merit < state.best
        state = replace(state, best=min(merit, state.best), is_begun=state.is_begun or is_ours)
        if not is_ours and not is_best:
            return state
        x = self.variables.layout.vectors(ended.u[None])[0]
        if not state.is_begun:
            mean = x[self.variables.numbers]
            # the user's default is what runs today, the belief says more of where it is best
            mean = self.variables.believed(mean) if ended.strategy == "default" else mean
            return replace(state, distribution=self._around(mean, restarts=0))
        state = replace(state, members=(*state.members, (x, merit)))
        return self._told(state) if len(state.members) == state.distribution.population else state

    def _told(self, state: State) -> State:
        """The state after a whole generation."""
        members = sorted(
            state.members, key=lambda member: member[1]
        )  # ties in order of ending, so that replay is exact
        state = replace(state, members=(), generation=state.generation + 1)
        if _tells_nothing([merit for _, merit in members]):
            state = replace(state, silent=state.silent + 1)
            return self._restarted(state) if state.silent == _SILENT else state
        rng = self._rng(state.restarts, state.generation)
        after = state.distribution.after(np.array([x for x, _ in members]), rng)
        return self._restarted(state) if after is None else replace(state, distribution=after, silent=0)

    def _restarted(self, state: State) -> State:
        """A new beginning anywhere, with twice the population (Auger & Hansen 2005)."""
        restarts = state.restarts + 1
        mean = self._rng(restarts, 0).random(len(self.variables.numbers))
        return replace(
            state, distribution=self._around(mean, restarts), generation=0, restarts=restarts, silent=0
        )  # fmt: skip

    def _around(self, mean: Floats, restarts: int) -> Distribution:
        first = self.settings.population or 4 + int(3 * math.log(len(self.variables)))  # Hansen (2016), eq. 48
        population = first * 2 ** min(restarts, _DOUBLINGS)
        return begin(self.variables, mean, self.settings.sigma, population, is_believed=restarts == 0)

    def _rng(self, restarts: int, generation: int) -> np.random.Generator:
        """What the fold draws from, which no suggestion's generator must decide."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(_STREAM, restarts, generation)))


def _merit(ended: Ended) -> Merit:
    if not ended.has_values:
        return 2, 0.0
    return (1, ended.violation) if ended.violation > 0 else (0, float(ended.losses[0]))


def _tells_nothing(merits: list[Merit]) -> bool:
    """Whether no trial is better than another, up to roundings; of those sorted."""
    (first, low), (last, high) = merits[0], merits[-1]
    return first == last and (low == high or high - low <= 1e-12 * max(1.0, abs(low), abs(high)))
