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
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from danlu.core.history import History
from danlu.core.seeds import suggestion_rng
from danlu.core.strategy import EXHAUSTED, Start, Strategy, Suggestion
from danlu.core.trial import Status, Trial
from danlu.numerics.pareto import non_dominated
from danlu.numerics.threads import one_thread
from danlu.space import Config, Space
from danlu.strategies.fresh import is_exhausted, is_fresh, start_fresh
from danlu.strategies.gp import acquisition
from danlu.strategies.gp.candidates import Pool
from danlu.strategies.gp.constraints import Constraints, constraints_of
from danlu.strategies.gp.explain import Explanation, back_of
from danlu.strategies.gp.front import directions, far_front, near_front
from danlu.strategies.gp.hyperparameters import theta_of
from danlu.strategies.gp.kernel import Kernel, kernel_of
from danlu.strategies.gp.surrogate import IllConditioned, Look, Score, Surrogate, condition
from danlu.strategies.gp.view import VIEWS, clipped
from danlu.strategies.layout import Bools, Floats, Layout, layout_of
from danlu.strategies.points import point
from danlu.strategies.rows import Rows, incumbent_of, rows_of, since_progress
from danlu.strategies.tpe.tpe import TPE

_STUCK = 8  # trials without progress
_EARLY = 45  # trials up to which both views ask for expected improvement, which pays sooner
_OTHERS, _OTHERS_FROM = 0.25, 25  # share of suggestions that TPE makes when stuck, and from how many trials on
_CLIPPED = VIEWS.index(clipped)
_BETA = 1.8  # how many deviations a confidence bound looks ahead
_DRAWS = 64  # of a direction and a value, that judge candidates for several objectives
_MOST = 400  # rows of a surrogate: 6 ms a suggestion
_ALL = 2_000  # configs of a finite space up to which each of them is a candidate
_SPREAD, _NEAR, _CHILDREN, _GENERATIONS, _PARENTS = 512, 256, 128, 6, 8
_KEPT = 64  # candidates that are remembered, should the best have been tried already
_LIKELY, _BEHIND = math.log(0.25), 1e6  # of working at all: below it, a candidate comes behind all others
_FAILED_NOISE = 0.25  # variance of what a failure is taken for, so that it does not bend the length scales


@dataclass(frozen=True)
class GP(Strategy):
    """Gaussian process, two views of the losses, acquisitions in turn until stuck.

    Attributes:
        design: trials before the model is asked; as many as hyperparameters if not given, 5 to 10.
    """

    design: int | None = None

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        space = history.space
        if is_exhausted(history):
            return EXHAUSTED
        layout = layout_of(space)
        rows = rows_of(history, layout)
        if len(history.trials) < self.design_of(layout) or len(rows) < 2:
            return self._spread(history)
        try:
            with one_thread():
                return _modelled(history, layout, rows, rng)
        except IllConditioned:
            return start_fresh(history, "gp: random, ill-conditioned", lambda _: space.sample(rng))

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
                plan = _plan(history, layout, rows, rng)
        except IllConditioned:
            return None
        held = incumbent_of(history, rows)
        kept = _kept(rows)
        backs = tuple(
            back_of(surrogate.z[: len(kept)], losses[kept])
            for surrogate, losses in zip(plan.surrogates, rows.goals.T, strict=True)
        )
        return Explanation(
            layout, held, name or plan.name, plan.name, plan.surrogates, backs, plan.constraints, plan.score,
            history.seed,
        )  # fmt: skip

    def design_of(self, layout: Layout) -> int:
        return self.design if self.design is not None else min(max(len(layout), 5), 10)

    def _spread(self, history: History) -> Suggestion:
        """The centre of the space, then points of a Sobol sequence."""
        begin = history.count("gp")

        def draw(k: int) -> Config:
            if begin + k == 0 and not history.space.has_defaults:
                return history.space.default()
            return point(history.space, history.seed, begin + k)

        return start_fresh(history, "gp: design", draw)


def _modelled(history: History, layout: Layout, rows: Rows, rng: np.random.Generator) -> Suggestion:
    if _others_speak(rows, rng):
        return _first_untried(history, layout, TPE(candidates=32).ranked(layout, rows, rng), "tpe, when stuck", rng)
    plan = _plan(history, layout, rows, rng)
    return _first_untried(history, layout, _ranked(layout, plan, rng), plan.name, rng)


def _others_speak(rows: Rows, rng: np.random.Generator) -> bool:
    stuck, _ = _since_progress(rows)
    return stuck >= _STUCK and len(rows) >= _OTHERS_FROM and float(rng.random()) < _OTHERS


def _since_progress(rows: Rows) -> tuple[int, int]:
    """As `since_progress`, of the losses of trials that keep the constraints; never stuck with several objectives."""
    if rows.goals.shape[1] > 1:
        return 0, 0  # about every second trial joins the front
    return since_progress(np.where(rows.feasible, rows.losses, rows.losses.max()))


def recommended(history: History) -> Trial | None:
    """The complete trial that keeps all constraints and has the lowest posterior mean, the first of equals.

    Where training is noisy, the best loss observed is a lucky one; the model has seen its neighbours. None where there
    is no incumbent; the incumbent where there is too little for a model.

    Raises:
        ObjectiveError: there are several objectives.
    """
    incumbent = history.best
    layout = layout_of(history.space)
    rows = rows_of(history, layout)
    if incumbent is None or len(rows) < 2:
        return incumbent
    kept = _kept(rows)
    try:
        with one_thread():
            surrogate = _surrogate(kernel_of(layout), rows, rows.losses, _CLIPPED, kept)
    except IllConditioned:
        return incumbent
    trials = [history.trials[number] for number in rows.numbers[kept].tolist()]
    means = surrogate.at_rows()[: len(kept)]
    can_be = np.array([trial.status is Status.COMPLETE and trial.is_feasible for trial in trials])
    return trials[int(np.argmin(np.where(can_be, means, np.inf)))] if can_be.any() else incumbent


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


def _plan(history: History, layout: Layout, rows: Rows, rng: np.random.Generator) -> _Plan:
    turn = len(history.trials) % len(VIEWS)
    kernel, kept = kernel_of(layout), _kept(rows)
    # volumes mean most where the losses are as they are: powers would stretch the ends of a front
    view = _CLIPPED if rows.goals.shape[1] > 1 else turn
    surrogates = tuple(_surrogate(kernel, rows, losses, view, kept) for losses in rows.goals.T)
    constraints = constraints_of(kernel, rows.x, rows.bounds, np.isin(np.arange(len(rows)), kept), rows.pending, turn)
    believed = _Believed(surrogates, constraints, rows.x[kept], rows.feasible[kept])
    name, score, centres = _aim(believed, turn, _since_progress(rows), rng)
    return _Plan(name, _with_feasibility(kernel, rows, score), centres, surrogates, constraints)


@dataclass(frozen=True, eq=False)
class _Believed:
    """The surrogates, and the rows that they were made of: vectors x, and which of them keep the constraints."""

    surrogates: tuple[Surrogate, ...]
    constraints: Constraints
    x: Floats
    feasible: Bools

    def means(self) -> Floats:
        """Posterior mean of each objective at the rows, shape (n, m)."""
        return np.stack([surrogate.at_rows()[: len(self.x)] for surrogate in self.surrogates], axis=1)

    def allowed(self) -> NDArray[np.int64]:
        """Rows that rather keep the constraints than not, as is believed; where that is none, as was seen."""
        if not len(self.constraints):
            return np.arange(len(self.x))
        likely = self.constraints.likely(self.x)
        return np.flatnonzero(likely if likely.any() else self.feasible)


def _aim(believed: _Believed, turn: int, since: tuple[int, int], rng: np.random.Generator) -> tuple[str, Score, Floats]:
    """The name of the acquisition, the acquisition, and the centres around which it is looked at."""
    x, constraints, allowed = believed.x, believed.constraints, believed.allowed()
    if not len(allowed):
        hopeful = np.argsort(-constraints.log_probability(x, Surrogate.predict), kind="stable")[:5]
        return "feasibility", constraints.log_probability, x[hopeful]
    means = believed.means()[allowed]
    if len(believed.surrogates) > 1:
        name, score = _front_goal(believed.surrogates, means, turn, rng)
        # any five of the front: sooner or later each of it is looked around
        near = rng.permutation(np.flatnonzero(non_dominated(means)))[:5]
    else:
        name, score = _goal(believed.surrogates[0], means[:, 0], turn, since, rng)
        near = np.argsort(means[:, 0], kind="stable")[:5]
    return name, constraints.weighing(score), x[allowed[near]]


def _first_untried(
    history: History, layout: Layout, candidates: Floats, name: str, rng: np.random.Generator
) -> Suggestion:
    for x in candidates:
        config = layout.config(x)
        if is_fresh(history, config):
            return Start(config, f"gp: {name}")
    return start_fresh(history, "gp: random, all candidates tried", lambda _: history.space.sample(rng))


def _surrogate(kernel: Kernel, rows: Rows, losses: Floats, turn: int, kept: NDArray[np.int64]) -> Surrogate:
    """Of one objective in one view; what failed is taken for as bad as the worst."""
    theta = theta_of(kernel, rows.x, losses, turn)
    x, z = rows.x[kept], VIEWS[turn](losses)[kept]
    failed = len(rows.failed)
    extra = np.concatenate([np.zeros(len(z)), np.full(failed, _FAILED_NOISE)])
    z = np.concatenate([z, np.full(failed, z.max())])
    return condition(kernel, theta, np.concatenate([x, rows.failed]), z, extra, rows.pending)


def _kept(rows: Rows) -> NDArray[np.int64]:
    """Rows that the surrogate is made of: the best quarter, the newest tenth, and an even choice of the rest."""
    n = len(rows)
    if n <= _MOST:
        return np.arange(n)
    best = rows.best_first()[: _MOST // 4]
    newest = np.arange(n - _MOST // 10, n)
    chosen = np.union1d(best, newest)
    rest = np.setdiff1d(np.arange(n), chosen)
    even = rest[np.linspace(0, len(rest) - 1, _MOST - len(chosen)).round().astype(int)]
    return np.union1d(chosen, even)


def _goal(
    surrogate: Surrogate, means: Floats, turn: int, since: tuple[int, int], rng: np.random.Generator
) -> tuple[str, Score]:
    """Expected improvement at first, then in turn with the confidence bound; at random when stuck."""
    stuck, stale = since
    # what pending trials are believed to bring can't be gained again
    best = min(float(means.min()), float(surrogate.at_pending().min(initial=np.inf)))
    beta = _BETA * (1.0 + min(max((stale - 6) / 10, 0.0), 1.5))
    goals: tuple[tuple[str, Callable[[Floats, Floats], Floats]], ...] = (
        (f"confidence bound {beta:.1f}", lambda mu, sigma: acquisition.confidence(mu, sigma, beta)),
        ("expected improvement", lambda mu, sigma: acquisition.log_expected_improvement(mu, sigma, best)),
        (
            "probability of improvement",
            lambda mu, sigma: acquisition.log_probability_of_improvement(mu, sigma, best),
        ),
    )
    if stuck >= _STUCK:
        name, of_belief = goals[int(rng.integers(3))]
    else:
        name, of_belief = goals[1 if len(means) < _EARLY else turn]
    return name, lambda x, look: of_belief(*look(surrogate, x))


def _front_goal(
    surrogates: tuple[Surrogate, ...], means: Floats, turn: int, rng: np.random.Generator
) -> tuple[str, Score]:
    """Of several objectives: what pushes out the front, from a far and a near reference in turn."""
    name, front = (("far", far_front), ("near", near_front))[turn]
    reached = front(means)
    lambdas = directions(_DRAWS, len(surrogates), rng)
    draws = rng.standard_normal(lambdas.shape)

    def score(x: Floats, look: Look) -> Floats:
        mu, sigma = zip(*(look(surrogate, x) for surrogate in surrogates), strict=True)
        return reached.log_gain(np.stack(mu, axis=1), np.stack(sigma, axis=1), lambdas, draws)

    return f"hypervolume, {name} reference", score


def _with_feasibility(kernel: Kernel, rows: Rows, score: Score) -> Score:
    """The acquisition, and how likely it is that training works at all, once a few trials have failed.

    Where failure is likely, a candidate comes behind all others, however much it promises: a trend that leads over the
    edge would otherwise be followed again and again, for what lies beyond is sure to be better if only it worked.
    """
    if len(rows.failed) < 3:
        return score
    theta = kernel.mean.copy()
    theta[: kernel.lengths] -= math.log(2.0)  # an edge is sharper than a loss
    theta[kernel.lengths : kernel.lengths + 2] = 0.0, math.log(0.1)
    works = np.concatenate([np.full(len(rows), 0.5), np.full(len(rows.failed), -1.5)])[-_MOST:]
    x = np.concatenate([rows.x, rows.failed])[-_MOST:]
    works_at = condition(kernel, theta, x, works, np.zeros(len(x)))

    def judged(x: Floats, look: Look) -> Floats:
        m, s = works_at.screen(x)
        log_p = log_ndtr((m + 0.5) / np.sqrt(s * s + 0.1))
        return np.asarray(score(x, look) + np.where(log_p < _LIKELY, log_p - _BEHIND, log_p))

    return judged


def _ranked(layout: Layout, plan: _Plan, rng: np.random.Generator) -> Floats:
    """Candidates, the best first."""
    if layout.space.combinations is not None and layout.space.combinations <= _ALL:
        x = _all_vectors(layout)
        return x[np.argsort(-plan.score(x, Surrogate.predict), kind="stable")]
    pool = Pool(layout, rng)
    x = np.concatenate([pool.spread(_SPREAD), pool.around(plan.centres, _NEAR), plan.centres])
    x, _ = _best(x, plan.score(x, Surrogate.screen), _PARENTS)
    values = plan.score(x, Surrogate.predict)
    for generation in range(_GENERATIONS):
        children = pool.children(x[:_PARENTS], _CHILDREN, generation)
        x = np.concatenate([x, children])
        values = np.concatenate([values, plan.score(children, Surrogate.predict)])
        x, values = _best(x, values, _KEPT)
    return x


def _best(x: Floats, values: Floats, count: int) -> tuple[Floats, Floats]:
    order = np.argsort(-values, kind="stable")[:count]
    return x[order], values[order]


@lru_cache(maxsize=8)
def _all_vectors(layout: Layout) -> Floats:
    """Vectors of all configs of a finite space."""
    space: Space = layout.space
    values = {h.name: h.dimension.grid(h.dimension.levels or 1) for h in space.hyperparameters}
    configs = (config for config in space.cross(values) if space.allows(config))
    return layout.vectors(np.array([space.encode(config) for config in configs]))
