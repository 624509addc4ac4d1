"""Curves: one model of all learning curves says who goes on, who waits, and what to try next.

On every rung a trial is weighed against all that could be done with its worker instead: go on with a trial that waits,
or begin a new one. Each is worth the improvement that its training to the end is expected to bring, by the steps that
this still takes:

    ln E[max(best − f(x, 1), 0)] − ln(steps to the end)

A paused trial has an advantage over a new one by what it has paid already; a new one by what is not known of it.

Source: Swersky, Snoek & Adams (2014), "Freeze-thaw Bayesian optimization", arXiv 1406.3896. Theirs has a basket of
candidates and an information gain; here it is expected improvement at the end of training, over the same candidates as
those of `gp`.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from danlu.core.history import History
from danlu.core.objective import Objective
from danlu.core.seeds import suggestion_rng
from danlu.core.strategy import EXHAUSTED, WAIT, Resume, Start, Strategy, Suggestion
from danlu.core.trial import Decision, Status, Trial
from danlu.errors import StrategyError
from danlu.numerics.threads import one_thread
from danlu.space import Config
from danlu.strategies.fidelity.model import CurveKernel, Forecast, curve_kernel_of, forecast
from danlu.strategies.fidelity.rungs import check_rungs, full_training, highest, reached, rungs, values_at
from danlu.strategies.fresh import is_exhausted, is_fresh, start_fresh
from danlu.strategies.gp.acquisition import log_expected_improvement
from danlu.strategies.gp.candidates import Pool
from danlu.strategies.gp.gp import GP
from danlu.strategies.gp.surrogate import IllConditioned
from danlu.strategies.gp.view import VIEWS
from danlu.strategies.layout import Floats, Layout, layout_of

_FIRST = 1 / 17  # of a full training, to the lowest rung: the first steps say next to nothing
_HOPELESS = np.log(0.05)  # ln of the probability of winning below which a trial is stopped for good
_FITTED, _MOST = 150, 400  # rows of a fit, and of a forecast
_EVALUATIONS = 40  # of the evidence, in a fit
_GROWTH = 1.1  # rows by which a fit is renewed
_SPREAD, _NEAR, _CHILDREN, _GENERATIONS, _PARENTS, _KEPT = 512, 256, 128, 6, 8, 64

_MEMO: OrderedDict[bytes, Floats] = OrderedDict()
_REMEMBERED = 64


@dataclass(frozen=True)
class Curves(Strategy):
    """Freeze-thaw: pauses, resumes and begins trials by what is expected of them at the end.

    Attributes:
        first: step of the lowest rung; a seventeenth of a full training if not given.
        last: steps of a full training; the study's if not given.
        eta: each rung is so many times as far as the one before.
        pauses: whether trials wait for their turn, from a checkpoint; else they are stopped where they are nearly sure
            not to win.
    """

    first: int | None = None
    last: int | None = None
    eta: float = 3
    pauses: bool = True

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        layout, steps = layout_of(history.space), self._steps(history)
        data = _data(history, layout, steps)
        if len(data.losses) < 2 or len(history.trials) < GP().design_of(layout):
            return self._begun(history, GP().suggest(history, rng))
        try:
            with one_thread():
                return self._modelled(history, layout, steps, data, rng)
        except IllConditioned:
            return start_fresh(history, "curves: random, ill-conditioned", lambda _: history.space.sample(rng))

    def decide(self, history: History, trial: Trial) -> Decision:
        steps = self._steps(history)
        if trial.origin == "default" or reached(trial, steps[:-1]) is None:
            return Decision.CONTINUE
        if trial.budget is not None:  # it was resumed up to there, perhaps from the beginning again
            is_due = trial.budget in steps[:-1] and trial.curve.step >= trial.budget
            return Decision.PAUSE if is_due else Decision.CONTINUE
        layout = layout_of(history.space)
        data = _data(history, layout, steps)
        if len(data.losses) < 2 or len(history.trials) < GP().design_of(layout):
            return Decision.PAUSE if self.pauses else Decision.CONTINUE
        try:
            with one_thread():
                return self._verdict(history, trial, layout, steps, data)
        except IllConditioned:
            return Decision.CONTINUE

    def check(self, history: History) -> None:
        last = full_training(history, self.last, "curves")
        check_rungs("curves", self.first or max(1, round(last * _FIRST)), last, self.eta)
        if len(history.objectives) > 1:
            raise StrategyError("curves: expects one objective and no constraints. Use asha, which ranks by fronts.")

    def without_pauses(self) -> Strategy:
        return replace(self, pauses=False)

    def _steps(self, history: History) -> tuple[int, ...]:
        """The rungs, and the end."""
        last = full_training(history, self.last, "curves")
        return (*rungs(self.first or max(1, round(last * _FIRST)), last, self.eta), last)

    def _begun(self, history: History, suggestion: Suggestion) -> Suggestion:
        """A suggestion of the design; when the space is exhausted, what waits goes on."""
        return suggestion if isinstance(suggestion, Start) else self._first_waiting(history, suggestion)

    def _first_waiting(self, history: History, otherwise: Suggestion) -> Suggestion:
        if not self.pauses or not history.paused:
            return WAIT if history.pending and otherwise is EXHAUSTED else otherwise
        steps = self._steps(history)
        trial = history.paused[0]
        return Resume(trial.number, steps[highest(trial, steps[:-1]) + 1])

    def _modelled(
        self, history: History, layout: Layout, steps: tuple[int, ...], data: "_Data", rng: np.random.Generator
    ) -> Suggestion:
        outlook = _outlook(history, layout, steps, data, None)
        waiting = history.paused if self.pauses else []
        worth = outlook.worth_of(waiting)
        if is_exhausted(history):
            if not waiting:
                return WAIT if history.pending else EXHAUSTED
            new, value = None, -np.inf
        else:
            new, value = outlook.best_new(history, rng)
        if len(waiting) and (new is None or float(worth.max()) >= value):
            trial = waiting[int(np.argmax(worth))]
            return Resume(trial.number, steps[highest(trial, steps[:-1]) + 1])
        if new is None:
            return start_fresh(history, "curves: random, all candidates tried", lambda _: history.space.sample(rng))
        told = outlook.told(steps[0])
        return Start(new, f"curves: expected improvement, step {steps[0]} tells the end by {told:.2f}")

    def _verdict(
        self, history: History, trial: Trial, layout: Layout, steps: tuple[int, ...], data: "_Data"
    ) -> Decision:
        outlook = _outlook(history, layout, steps, data, trial)
        if not self.pauses:
            return Decision.STOP if outlook.log_chance(trial) < _HOPELESS else Decision.CONTINUE
        mine = float(outlook.worth_of([trial])[0])
        if history.paused and float(outlook.worth_of(history.paused).max()) > mine:
            return Decision.PAUSE
        rng = suggestion_rng(history.seed, history.asks)  # candidates are those of the suggestion that would be next
        return Decision.PAUSE if outlook.best_new(history, rng)[1] > mine else Decision.CONTINUE


@dataclass(frozen=True, eq=False)
class _Data:
    """The values on rungs, trial by trial.

    Attributes:
        numbers: of the trials, shape (n,).
        x: their vectors, shape (n, s).
        tau: how far the training was, shape (n,).
        losses: the values; of a failed trial infinity, at the end.
    """

    numbers: NDArray[np.int64]
    x: Floats
    tau: Floats
    losses: Floats


def _data(history: History, layout: Layout, steps: tuple[int, ...]) -> _Data:
    objective: Objective = history.goals[0]
    numbers, tau, losses = [], [], []
    for trial in history.trials:
        if trial.status is Status.FAILED:
            rows = [(1.0, np.inf)]
        else:
            values = [(step, values_at(trial, step, (objective,))) for step in steps]
            rows = [(_how_far(step, steps[-1]), value[0]) for step, value in values if value and np.isfinite(value[0])]
            if trial.status is Status.COMPLETE and trial.value is not None and (not rows or rows[-1][0] < 1.0):
                rows.append((1.0, trial.loss))  # told at the end, without a report
        numbers += [trial.number] * len(rows)
        tau += [row[0] for row in rows]
        losses += [row[1] for row in rows]
    u = {number: history.place(history.trials[number]) for number in dict.fromkeys(numbers)}
    x = layout.vectors(np.array([u[number] for number in numbers])) if numbers else np.empty((0, len(layout)))
    finite = [loss for loss in losses if np.isfinite(loss)]
    worst = max(finite, default=0.0)
    found = np.array([min(loss, worst) for loss in losses])
    if not finite:  # nothing but failures: no model
        return _Data(np.empty(0, dtype=np.int64), np.empty((0, len(layout))), np.empty(0), np.empty(0))
    return _Data(np.array(numbers, dtype=np.int64), x, np.array(tau), found)


def _kept_step(trial: Trial) -> int:
    """The step from which a trial would go on: a paused one from its checkpoint."""
    if trial.status is Status.RUNNING:
        return trial.curve.step
    return trial.checkpoint.step if trial.checkpoint else 0


def _how_far(step: int, last: int) -> float:
    return float(np.log1p(step) / np.log1p(last))


@dataclass(frozen=True, eq=False)
class _Outlook:
    """What is expected of trials and candidates.

    Attributes:
        history: of the study.
        layout: of vectors.
        belief: the forecast.
        best: lowest mean of a complete trial; of any, as long as none is complete.
        centres: vectors that candidates are looked for around, the best first.
        tried: vectors of all trials.
        last: steps of a full training.
    """

    history: History
    layout: Layout
    belief: Forecast
    best: float
    centres: Floats
    tried: frozenset[bytes]
    last: int

    def worth_of(self, trials: list[Trial]) -> Floats:
        """ln of the expected improvement by step that is still to be done, shape (n,)."""
        if not trials:
            return np.empty(0)
        left = np.array([max(self.last - _kept_step(trial), 1) for trial in trials])
        mu, sigma = self.belief.at_end(_vectors(self.history, self.layout, trials))
        return np.asarray(log_expected_improvement(mu, sigma, self.best) - np.log(left))

    def log_chance(self, trial: Trial) -> float:
        """ln of the probability that a trial ends better than the best."""
        mu, sigma = self.belief.at_end(_vectors(self.history, self.layout, [trial]))
        return float(log_ndtr((self.best - mu[0]) / sigma[0]))

    def told(self, step: int) -> float:
        """How well a value at a step is believed to tell the last one."""
        return self.belief.correlation(_how_far(step, self.last))

    def best_new(self, history: History, rng: np.random.Generator) -> tuple[Config | None, float]:
        """The config that is most worth beginning, and how much it is worth."""
        pool = Pool(self.layout, rng)
        x = np.concatenate([pool.spread(_SPREAD), pool.around(self.centres, _NEAR)])
        x, values = _top(x, self._score(x), _PARENTS)
        for generation in range(_GENERATIONS):
            children = pool.children(x[:_PARENTS], _CHILDREN, generation)
            x, values = _top(np.concatenate([x, children]), np.concatenate([values, self._score(children)]), _KEPT)
        for vector, value in zip(x, values.tolist(), strict=True):
            config = self.layout.config(vector)
            if is_fresh(history, config):
                return config, value - float(np.log(self.last))
        return None, -np.inf

    def _score(self, x: Floats) -> Floats:
        mu, sigma = self.belief.at_end(x)
        score = log_expected_improvement(mu, sigma, self.best)
        # a trial that waits is worth much where it is: it would take the places of all new ones
        known = np.array([row.tobytes() in self.tried for row in x], dtype=bool)
        return np.where(known, -np.inf, score)


def _outlook(history: History, layout: Layout, steps: tuple[int, ...], data: _Data, weighed: Trial | None) -> _Outlook:
    """What is expected, the trial that is being weighed counting as one that waits."""
    turn = len(history.trials) % len(VIEWS)
    kernel = curve_kernel_of(layout)
    theta = _theta(kernel, data, turn)
    kept = _chosen(data, _MOST)
    z = VIEWS[turn](data.losses[kept])
    busy = [t for t in history.pending if weighed is None or t.number != weighed.number]
    belief = forecast(kernel, theta, data.x[kept], data.tau[kept], z, _vectors(history, layout, busy))
    _, firsts = np.unique(data.numbers, return_index=True)
    trials = [history.trials[k] for k in data.numbers[firsts].tolist()]
    inside = np.array([history.is_inside(trial) for trial in trials])
    # where all lie outside of a space that was changed, what is nearest to them
    vectors = data.x[firsts][inside] if inside.any() else layout.nearest(data.x[firsts])
    mu, _ = belief.at_end(vectors)
    complete = np.array([trial.status is Status.COMPLETE for trial in trials])[inside if inside.any() else ...]
    order = np.argsort(mu, kind="stable")
    best = float(mu[complete].min()) if complete.any() else float(mu.min())
    tried = frozenset(v.tobytes() for v in vectors)
    return _Outlook(history, layout, belief, best, vectors[order[:5]], tried, steps[-1])


def _vectors(history: History, layout: Layout, trials: list[Trial]) -> Floats:
    """Of trials, shape (n, s)."""
    if not trials:
        return np.empty((0, len(layout)))
    return layout.vectors(np.array([history.place(trial) for trial in trials]))


def _theta(kernel: CurveKernel, data: _Data, turn: int) -> Floats:
    """θ⁺ by the first trials' values, as many as the schedule says: a function of the data, which a memo may save."""
    size = 2
    while (following := max(size + 2, int(np.ceil(size * _GROWTH)))) <= len(data.losses):
        size = following
    prefix = _Data(data.numbers[:size], data.x[:size], data.tau[:size], data.losses[:size])
    digest = hashlib.blake2b(prefix.x.tobytes() + prefix.tau.tobytes() + prefix.losses.tobytes(), digest_size=16)
    digest.update(repr((kernel.configs.layout.space.to_dict(), turn)).encode())
    key = digest.digest()
    theta = _MEMO.get(key)
    if theta is None:
        kept = _chosen(prefix, _FITTED)
        z = VIEWS[turn](prefix.losses[kept])
        X = kernel.configs.features(prefix.x[kept])
        theta = _MEMO[key] = kernel.fit(X, prefix.tau[kept], z, _EVALUATIONS)
        while len(_MEMO) > _REMEMBERED:
            _MEMO.popitem(last=False)
    return theta


def _chosen(data: _Data, count: int) -> NDArray[np.int64]:
    """Indices of at most so many rows: the best quarter at the end of training, and an even choice of the rest."""
    n = len(data.losses)
    if n <= count:
        return np.arange(n)
    merit = np.lexsort((data.losses, -data.tau))
    best = merit[: count // 4]
    rest = np.setdiff1d(np.arange(n), best)
    even = rest[np.linspace(0, len(rest) - 1, count - len(best)).round().astype(int)]
    return np.union1d(best, even)


def _top(x: Floats, values: Floats, count: int) -> tuple[Floats, Floats]:
    order = np.argsort(-values, kind="stable")[:count]
    return x[order], values[order]
