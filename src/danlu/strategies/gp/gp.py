"""GP: Bayesian optimisation with a Gaussian process over numbers, choices and branches alike.

Each suggestion looks at the losses in one of two views, fits a Gaussian process, and takes the candidate that an
acquisition likes best: expected improvement at first, then in turn with a confidence bound. When that makes no progress
it takes its acquisition at random, widens the bound, and lets other methods speak. Each of several objectives has a
surrogate (`front`), and so has each constraint (`constraints`).

Sources are named in the modules that it is made of. The switch from exploiting a model to changing one's goal when
nothing improves is ours. Most constants were chosen with an earlier engine, by a factorial experiment of a thousand
runs; for what was tried since, see benchmarks/results/regret.md.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from danlu.core.history import History
from danlu.core.origin import fallback
from danlu.core.seeds import suggestion_rng
from danlu.core.strategy import EXHAUSTED, Start, Strategy, Suggestion
from danlu.core.trial import Trial
from danlu.errors import StrategyError
from danlu.numerics.pareto import non_dominated
from danlu.numerics.threads import one_thread
from danlu.space import Config
from danlu.strategies.believed import draw_believed
from danlu.strategies.fresh import is_exhausted, is_fresh, start_fresh
from danlu.strategies.gp import acquisition
from danlu.strategies.gp.belief import belief_tilt
from danlu.strategies.gp.constraints import Constraints, constraints_of
from danlu.strategies.gp.cost import cost_tilt, design_point
from danlu.strategies.gp.explain import Explanation, back_of
from danlu.strategies.gp.feasibility import with_feasibility
from danlu.strategies.gp.front import directions, far_front, near_front
from danlu.strategies.gp.hyperparameters import theta_of
from danlu.strategies.gp.kernel import kernel_of
from danlu.strategies.gp.posterior import kept_of, posterior_of
from danlu.strategies.gp.recommendation import recommended
from danlu.strategies.gp.replication import is_repeat_due, looks_noisy, repeat_of
from danlu.strategies.gp.search import ranked
from danlu.strategies.gp.surrogate import IllConditioned, Look, Score, Surrogate
from danlu.strategies.gp.tilt import Tilt
from danlu.strategies.gp.view import CLIPPED, VIEWS
from danlu.strategies.layout import Bools, Floats, Layout, layout_of
from danlu.strategies.rows import Rows, incumbent_of, inside_rows_of, rows_of, since_progress
from danlu.strategies.tpe.tpe import TPE

_STUCK = 8  # trials without progress
_EARLY = 45  # trials up to which both views ask for expected improvement, which pays sooner
_OTHERS, _OTHERS_FROM = 0.25, 25  # share of suggestions that TPE makes when stuck, and from how many trials on
_BETA = 1.8  # how many deviations a confidence bound looks ahead
_DRAWS = 64  # of a direction and a value, that judge candidates for several objectives


@dataclass(frozen=True)
class GP(Strategy):
    """Gaussian process, two views of the losses, acquisitions in turn until stuck.

    Attributes:
        design: trials before the model is asked; as many as hyperparameters if not given, 5 to 10.
        repeats: whether a leading config is tried again, once or twice, where training looks noisy, to see if it is.
        time: seconds that the study may take, counted while trials run: improvement per second is then what counts.
            `tune(time=...)` fills it in. None where trials are what is short.
    """

    design: int | None = None
    repeats: bool = True
    time: float | None = None

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        space = history.space
        if is_exhausted(history):
            return EXHAUSTED
        layout = layout_of(space)
        rows = rows_of(history, layout)
        if len(history.trials) < self.design_of(layout) or len(rows) < 2:
            return self._spread(history, rng)
        try:
            with one_thread():
                return _modelled(history, layout, rows, self._tilt(history, layout, rows), rng, self.repeats)
        except IllConditioned:
            return start_fresh(history, fallback("gp", "ill-conditioned"), lambda _: space.sample(rng))

    def explain(self, history: History) -> Explanation | None:
        """What is believed before the next suggestion; None of fewer than two trials."""
        layout = layout_of(history.space)
        rows = rows_of(history, layout)
        if len(rows) < 2:
            return None
        rng = suggestion_rng(history.seed, history.asks)  # the acquisition is then the one that will be used
        name = None
        if len(history.trials) < self.design_of(layout):
            name = "design"
        elif _others_speak(rows, rng):
            name = "tpe, when stuck"
        try:
            with one_thread():
                if name is None and self.repeats and (repeat := _repeat(history, layout, rows)):
                    name = repeat.origin.removeprefix("gp: ")
                plan = _plan(history, layout, rows, self._tilt(history, layout, rows), rng)
        except IllConditioned:
            return None
        held = incumbent_of(history, rows)
        kept = kept_of(rows)
        backs = tuple(
            back_of(surrogate.z[: len(kept)], rows.same.mean(losses)[kept])
            for surrogate, losses in zip(plan.surrogates, rows.goals.T, strict=True)
        )
        return Explanation(
            layout, held, name or plan.name, plan.name, plan.surrogates, backs, plan.constraints, plan.score,
            history.seed,
        )  # fmt: skip

    def recommended(self, history: History) -> Trial | None:
        """The trial whose config is best to ship; see `recommended`."""
        return recommended(history)

    def check(self, history: History) -> None:
        if self.time is not None and not 0.0 < self.time < math.inf:
            raise StrategyError(f"gp: time must be seconds > 0, got {self.time}. Leave it out, tune(time=...) says it.")

    def within(self, time: float | None, trials: int | None) -> Strategy:
        return replace(self, time=time)

    def design_of(self, layout: Layout) -> int:
        """Trials before the model is asked."""
        return self.design if self.design is not None else min(max(len(layout), 5), 10)

    def _tilt(self, history: History, layout: Layout, rows: Rows) -> Tilt:
        return belief_tilt(history, layout, rows, self.design_of(layout)) + cost_tilt(history, layout, self.time)

    def _spread(self, history: History, rng: np.random.Generator) -> Suggestion:
        """The centre of the space, then points of a Sobol sequence, in turn with draws from what is held likely.

        In a space where something is held likely, its middle comes first.
        """
        begin = history.count("gp")

        def draw(k: int) -> Config:
            if begin + k == 0 and not history.space.has_defaults:
                return history.space.default()
            if history.space.beliefs and (begin + k) % 2 == 0:
                return draw_believed(history.space, rng)
            return design_point(history, layout_of(history.space), self.time, begin + k)

        return start_fresh(history, "gp: design", draw)


def _modelled(
    history: History, layout: Layout, rows: Rows, tilt: Tilt, rng: np.random.Generator, again: bool
) -> Suggestion:
    if _others_speak(rows, rng):
        inside = inside_rows_of(history, layout)
        candidates = TPE(candidates=32).ranked(history, layout, inside, rng)
        return _first_untried(history, layout, candidates, "tpe, when stuck", rng)
    if again and (repeat := _repeat(history, layout, rows)):
        return repeat
    plan = _plan(history, layout, rows, tilt, rng)
    return _first_untried(history, layout, ranked(layout, plan.score, plan.centres, rng), plan.name, rng)


def _repeat(history: History, layout: Layout, rows: Rows) -> Start | None:
    """A leading config again, if it is time for one and training looks noisy."""
    kernel = kernel_of(layout)
    if not is_repeat_due(history, rows) or not looks_noisy(theta_of(kernel, rows.x, rows.losses, CLIPPED), kernel):
        return None
    kept = kept_of(rows)
    return repeat_of(history, rows, kept, posterior_of(kernel, rows, rows.losses, CLIPPED, kept, history.earlier))


def _others_speak(rows: Rows, rng: np.random.Generator) -> bool:
    stuck, _ = _since_progress(rows)
    return stuck >= _STUCK and len(rows) >= _OTHERS_FROM and float(rng.random()) < _OTHERS


def _since_progress(rows: Rows) -> tuple[int, int]:
    """As `since_progress`, of the losses of trials that keep the constraints; never stuck with several objectives.

    Trials outside of a space that was changed don't count: what they reached may not be there any more.
    """
    if rows.goals.shape[1] > 1 or not rows.inside.any():
        return 0, 0  # of several objectives, about every second trial joins the front
    return since_progress(np.where(rows.feasible, rows.losses, rows.losses.max())[rows.inside])


@dataclass(frozen=True, eq=False)
class _Plan:
    """What the next suggestion is made of.

    Attributes:
        name: of the acquisition.
        score: the acquisition.
        centres: vectors around which it is looked at, the best first, shape (up to 5, s).
        surrogates: one an objective.
        constraints: what is believed of them.
    """

    name: str
    score: Score
    centres: Floats
    surrogates: tuple[Surrogate, ...]
    constraints: Constraints


def _plan(history: History, layout: Layout, rows: Rows, tilt: Tilt, rng: np.random.Generator) -> _Plan:
    turn = len(history.trials) % len(VIEWS)
    kernel, kept = kernel_of(layout), kept_of(rows)
    # volumes mean most where the losses are as they are: powers would stretch the ends of a front
    view = CLIPPED if rows.goals.shape[1] > 1 else turn
    surrogates = tuple(posterior_of(kernel, rows, losses, view, kept, history.earlier) for losses in rows.goals.T)
    constraints = constraints_of(kernel, rows.x, rows.bounds, np.isin(np.arange(len(rows)), kept), rows.pending, turn)
    believed = _believed(layout, rows, kept, surrogates, constraints)
    name, score, centres = _aim(believed, turn, _since_progress(rows), tilt, rng)
    return _Plan(name + tilt.words, with_feasibility(kernel, rows, score), centres, surrogates, constraints)


@dataclass(frozen=True, eq=False)
class _Believed:
    """What is believed of the rows that improvements are measured from; made by `_believed`.

    Attributes:
        surrogates: one an objective.
        constraints: what is believed of them.
        x: vectors of the rows, shape (n, s).
        means: posterior mean of each objective there, shape (n, m).
        feasible: which of them keep the constraints, shape (n,).
    """

    surrogates: tuple[Surrogate, ...]
    constraints: Constraints
    x: Floats
    means: Floats
    feasible: Bools

    def allowed(self) -> NDArray[np.int64]:
        """Rows that rather keep the constraints than not, as is believed; where that is none, as was seen."""
        if not len(self.constraints):
            return np.arange(len(self.x))
        likely = self.constraints.likely(self.x)
        return np.flatnonzero(likely if likely.any() else self.feasible)


def _believed(
    layout: Layout, rows: Rows, kept: NDArray[np.int64], surrogates: tuple[Surrogate, ...], constraints: Constraints
) -> _Believed:
    """Of the rows inside the space as it is now; if there are none, of what is nearest to those outside."""
    x, feasible, inside = rows.x[kept], rows.feasible[kept], rows.inside[kept]
    if not inside.any():
        x = layout.nearest(x)
        return _Believed(surrogates, constraints, x, np.stack([s.mean(x) for s in surrogates], axis=1), feasible)
    means = np.stack([surrogate.at_rows()[: len(kept)] for surrogate in surrogates], axis=1)
    return _Believed(surrogates, constraints, x[inside], means[inside], feasible[inside])


def _aim(
    believed: _Believed, turn: int, since: tuple[int, int], tilt: Tilt, rng: np.random.Generator
) -> tuple[str, Score, Floats]:
    """The name of the acquisition, the acquisition, and the centres around which it is looked at."""
    x, constraints, allowed = believed.x, believed.constraints, believed.allowed()
    if not len(allowed):
        hopeful = np.argsort(-constraints.log_probability(x, Surrogate.predict), kind="stable")[:5]
        return "feasibility", lambda v, look: constraints.log_probability(v, look) + tilt(v), x[hopeful]
    means = believed.means[allowed]
    if len(believed.surrogates) > 1:
        name, score = _front_goal(believed.surrogates, means, turn, tilt, rng)
        # any five of the front: sooner or later each of it is looked around
        near = rng.permutation(np.flatnonzero(non_dominated(means)))[:5]
    else:
        name, score = _goal(believed.surrogates[0], means[:, 0], turn, since, tilt, rng)
        near = np.argsort(means[:, 0], kind="stable")[:5]
    return name, constraints.weighing(score), x[allowed[near]]


def _first_untried(
    history: History, layout: Layout, candidates: Floats, name: str, rng: np.random.Generator
) -> Suggestion:
    for x in candidates:
        config = layout.config(x)
        if is_fresh(history, config):
            return Start(config, f"gp: {name}")
    return start_fresh(history, fallback("gp", "all candidates tried"), lambda _: history.space.sample(rng))


def _goal(
    surrogate: Surrogate, means: Floats, turn: int, since: tuple[int, int], tilt: Tilt, rng: np.random.Generator
) -> tuple[str, Score]:
    """Expected improvement at first, then in turn with the confidence bound; at random when stuck."""
    stuck, stale = since
    # what pending trials are believed to bring can't be gained again
    best = min(float(means.min()), float(surrogate.at_pending().min(initial=np.inf)))
    beta = _BETA * (1.0 + min(max((stale - 6) / 10, 0.0), 1.5))
    goals: tuple[tuple[str, Callable[[Floats, Floats, Floats], Floats]], ...] = (
        (f"confidence bound {beta:.1f}", lambda mu, sigma, nats: acquisition.confidence(mu, sigma, beta + nats)),
        (
            "expected improvement",
            lambda mu, sigma, nats: acquisition.log_expected_improvement(mu, sigma, best) + nats,
        ),
        (
            "probability of improvement",
            lambda mu, sigma, nats: acquisition.log_probability_of_improvement(mu, sigma, best) + nats,
        ),
    )
    if stuck >= _STUCK:
        name, of_belief = goals[int(rng.integers(3))]
    else:
        name, of_belief = goals[1 if len(means) < _EARLY else turn]
    return name, lambda x, look: of_belief(*look(surrogate, x), tilt(x))


def _front_goal(
    surrogates: tuple[Surrogate, ...], means: Floats, turn: int, tilt: Tilt, rng: np.random.Generator
) -> tuple[str, Score]:
    """Of several objectives: what pushes out the front, from a far and a near reference in turn."""
    name, front = (("far", far_front), ("near", near_front))[turn]
    reached = front(means)
    lambdas = directions(_DRAWS, len(surrogates), rng)
    draws = rng.standard_normal(lambdas.shape)

    def score(x: Floats, look: Look) -> Floats:
        mu, sigma = zip(*(look(surrogate, x) for surrogate in surrogates), strict=True)
        return reached.log_gain(np.stack(mu, axis=1), np.stack(sigma, axis=1), lambdas, draws) + tilt(x)

    return f"hypervolume, {name} reference", score
