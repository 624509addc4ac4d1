"""Danlu's strategies as a sampler of Optuna: the study, its storage and its pruner stay as they are.

    import optuna
    from danlu.integrations.optuna import DanluSampler

    def objective(trial):
        lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
        layers = trial.suggest_int("layers", 1, 8)
        return train(lr, layers)

    study = optuna.create_study(sampler=DanluSampler(seed=0))
    study.optimize(objective, n_trials=100)

All that is known comes from the study's trials, so a restarted process goes on as if nothing had happened, and several
on one storage see each other's. Those that have ended are told to the engine once, in the order in which they ended;
those that run stand behind them, as pending, with the config that was meant for them.
"""

import math
import secrets
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from danlu import catalogue
from danlu.core import event as ev
from danlu.core.history import History, opened
from danlu.core.objective import Objective
from danlu.core.seeds import suggestion_rng
from danlu.core.strategy import Start, Strategy
from danlu.errors import StrategyError
from danlu.integrations.optuna_space import Searched, Shape, dimension_of, is_usable, nearest

_KEY = "danlu"  # system attribute: what was meant for a trial, so that others know before it has asked
_CONSTRAINTS = "constraints"  # system attribute: Optuna's own
_FEW = 10  # trials with a parameter, below which it is drawn at random where it is drawn by itself
_AWAITED = 100  # pending trials that are told to the engine, the newest


class DanluSampler(BaseSampler):  # type: ignore[misc]
    """Suggests parameters by one of Danlu's strategies.

    Several objectives, constraints, pruned and failed trials, parallel workers and define-by-run objectives are
    understood: parameters that come with an option of a categorical one are searched in its branch, together with all
    others. The first trial takes the middle of each parameter; one that no trial has asked for before is later drawn at
    random.
    """

    def __init__(
        self,
        strategy: str | Mapping[str, Any] | Strategy = "auto",
        *,
        seed: int | None = None,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
    ) -> None:
        """Names the strategy.

        Args:
            strategy: a name ("auto", "gp", "tpe", "cmaes", ...), a plain form or an object.
            seed: with the same seed and the same trials, the same is suggested; drawn if not given.
            constraints_func: as of Optuna's samplers: numbers that are ≤ 0 where a trial keeps its constraints.

        Raises:
            StrategyError: the strategy ends or pauses trials by their reports, which is a pruner's part in Optuna.
        """
        self._strategy = catalogue.strategy_from(strategy)
        self._form = catalogue.plain_strategy(self._strategy)
        if self._strategy.judges(_history(Shape().searched(), (Objective("value_0"),), self._form, 0)):
            raise StrategyError(
                f"{self._form['use']!r} stops trials by their reports; inside Optuna that is the pruner's part. "
                f"Take 'auto', 'gp' or 'tpe' here, and one of optuna.pruners."
            )
        self._first = "gp" if self._form["use"] == "auto" else self._form["use"]
        self._seed = secrets.randbelow(2**32) if seed is None else seed
        self._constraints_func = constraints_func
        self._studies: dict[tuple[int, int], _Told] = {}
        self._meant: dict[tuple[int, int], dict[str, Any]] = {}
        self._lock = threading.RLock()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        with self._lock:
            return dict(self._follow(study).searched.distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        with self._lock:
            told = self._follow(study)
            rng = suggestion_rng(self._seed, trial.number)
            suggestion = self._strategy.suggest(told.awaiting(trial.number), rng)
            if not isinstance(suggestion, Start):  # every config was tried
                return {}
            found = told.searched.params(suggestion.config)
        params = {name: value for name, value in found.items() if name in search_space}
        self._meant[study._study_id, trial.number] = params
        plain = {name: search_space[name].to_internal_repr(value) for name, value in params.items()}
        study._storage.set_trial_system_attr(trial._trial_id, _KEY, {"origin": suggestion.origin, "params": plain})
        return params

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        meant = self._meant.get((study._study_id, trial.number), {})
        if param_name in meant:  # the range is another one now
            return nearest(param_distribution, meant[param_name])
        if trial.number == 0:  # nothing is known of the space: its centre, where the engine begins too
            origin = {"origin": f"{self._first}: design", "params": {}}
            study._storage.set_trial_system_attr(trial._trial_id, _KEY, origin)
            return _middle(param_distribution)
        rng = suggestion_rng(self._seed ^ zlib.crc32(param_name.encode()), trial.number)
        if not is_usable(param_distribution):
            return _uniform(param_distribution, rng)
        with self._lock:
            return self._alone(study, param_name, param_distribution, rng)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._meant.pop((study._study_id, trial.number), None)
        if self._constraints_func is None or state not in (TrialState.COMPLETE, TrialState.PRUNED):
            return
        constraints = tuple(float(value) for value in self._constraints_func(trial))
        if any(map(math.isnan, constraints)):
            raise ValueError(f"constraints_func gave {constraints} for trial {trial.number}; NaN keeps no bound.")
        study._storage.set_trial_system_attr(trial._trial_id, _CONSTRAINTS, constraints)

    def __getstate__(self) -> dict[str, Any]:
        """Without what is worked out again from the trials."""
        return {**self.__dict__, "_studies": {}, "_meant": {}, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.RLock())

    def _follow(self, study: Study) -> "_Told":
        key = id(study._storage), study._study_id
        if key not in self._studies:
            goals = ["maximize" if d is StudyDirection.MAXIMIZE else "minimize" for d in study.directions]
            self._studies[key] = _Told(tuple(goals), self._form, self._seed, study._storage)
        told = self._studies[key]
        told.follow(study._storage.get_all_trials(study._study_id, deepcopy=False))
        return told

    def _alone(self, study: Study, name: str, distribution: BaseDistribution, rng: np.random.Generator) -> Any:
        """One parameter by itself, by what trials that had it came to: its place was not known beforehand."""
        told = self._follow(study)
        searched = Searched({name: distribution}, {})
        trials = [t for t in told.ended if name in t.params]
        if len(trials) < _FEW:  # several that begin at once must not all get the same
            return _uniform(distribution, rng)
        history = _history(searched, told.objectives, self._form, self._seed)
        history = _with_ended(history, searched, trials)
        suggestion = catalogue.load("strategy", "tpe")().suggest(history, rng)
        if isinstance(suggestion, Start):
            return searched.params(suggestion.config)[name]
        return _uniform(distribution, rng)


@dataclass
class _Told:
    """What the engine was told of one study.

    Attributes:
        goals: "minimize" or "maximize", for each value.
        form: plain form of the strategy.
        seed: of the sampler.
        storage: held so that its id stays its own.
        ended: trials that have ended, in the order in which they did.
        running: trials that have not.
        searched: the space that they tell.
        history: of those that have ended.
    """

    goals: tuple[str, ...]
    form: dict[str, Any]
    seed: int
    storage: Any
    ended: list[FrozenTrial] = field(default_factory=list)
    running: list[FrozenTrial] = field(default_factory=list)
    searched: Searched = field(default_factory=lambda: Shape().searched())
    history: History | None = None
    _shape: Shape = field(default_factory=Shape)
    _known: set[int] = field(default_factory=set)
    _bounds: int = 0

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The values by number, and the constraints."""
        values = (Objective(f"value_{k}", goal) for k, goal in enumerate(self.goals))  # type: ignore[arg-type]
        return (*values, *(Objective(f"constraint_{k}", bound=0.0) for k in range(self._bounds)))

    def follow(self, trials: Sequence[FrozenTrial]) -> None:
        """Takes what is new: O(trials that have ended since), and a look at each of the others."""
        new = sorted((t for t in trials if t.number not in self._known and t.state.is_finished()), key=_when)
        self.running = [t for t in trials if t.state is TrialState.RUNNING]
        self._known.update(trial.number for trial in new)
        self.ended += new
        bounds = self._bounds
        for trial in new:
            is_whole = trial.state is not TrialState.FAIL
            self._shape.add(trial.distributions, trial.params, is_whole)
            self._bounds = max(self._bounds, len(trial.system_attrs.get(_CONSTRAINTS) or ()))
        for trial in self.running:
            self._shape.see(trial.distributions)
        searched = self._shape.searched()
        if self.history is None or bounds != self._bounds or searched != self.searched:
            self.searched = searched
            self.history = _history(searched, self.objectives, self.form, self.seed)
            new = self.ended
        self.history = _with_ended(self.history, self.searched, new)

    def awaiting(self, number: int) -> History:
        """The history in which the other trials that run are pending, behind those that have ended."""
        assert self.history is not None
        history = self.history
        for trial in [t for t in self.running if t.number != number][-_AWAITED:]:
            config = self.searched.config(self._expected(trial), clipped=True)
            history = _apply(history, ev.Suggested(len(history.trials), dict(config), _origin(trial), trial.number))
        return history

    def _expected(self, trial: FrozenTrial) -> dict[str, Any]:
        """The parameters of a trial that runs: as it asked for, was told to take, or will probably be given."""
        meant = (trial.system_attrs.get(_KEY) or {}).get("params", {})
        known = self.searched.distributions
        params: dict[str, Any] = {n: known[n].to_external_repr(value) for n, value in meant.items() if n in known}
        return {**params, **trial.system_attrs.get("fixed_params", {}), **trial.params}


def _history(searched: Searched, objectives: tuple[Objective, ...], form: dict[str, Any], seed: int) -> History:
    return opened(ev.Entry(1, 0.0, (ev.Opened(searched.space.to_dict(), objectives, form, seed),)))


def _with_ended(history: History, searched: Searched, trials: Sequence[FrozenTrial]) -> History:
    """The history after these trials have ended; they are numbered in that order."""
    is_outside = False
    for trial in trials:
        config, number = searched.config(trial.params), len(history.trials)
        is_outside = is_outside or not history.space.contains(config)
        suggested = ev.Suggested(number, dict(config), _origin(trial), trial.number)
        history = _apply(history, suggested, ev.Started(number, 1), _finished(number, trial))
    return history.moved(history.space) if is_outside else history


def _apply(history: History, *events: ev.Event) -> History:
    return history.apply(ev.Entry(history.position + 1, float(history.position), events))


def _finished(number: int, trial: FrozenTrial) -> ev.Finished:
    """How a trial ended; a pruned one with the last of its intermediate values, as far as it got."""
    values: Sequence[float | None] = trial.values or ()
    if trial.state is TrialState.PRUNED and not values and trial.intermediate_values:
        values = (trial.intermediate_values[max(trial.intermediate_values)],)
    metrics = {f"value_{k}": value for k, value in enumerate(values) if value is not None}
    bounds = trial.system_attrs.get(_CONSTRAINTS) or ()
    metrics |= {f"constraint_{k}": float(value) for k, value in enumerate(bounds)}
    if trial.state is TrialState.FAIL or not all(map(math.isfinite, metrics.values())):
        return ev.Finished(number, "failed", reason="told")
    status = "stopped" if trial.state is TrialState.PRUNED else "complete"
    return ev.Finished(number, status, ev.writable(metrics))  # type: ignore[arg-type]


def _origin(trial: FrozenTrial) -> str:
    """How the engine came to a trial's config; "optuna" where it didn't."""
    origin = (trial.system_attrs.get(_KEY) or {}).get("origin", "optuna")
    return str(origin)


def _when(trial: FrozenTrial) -> tuple[datetime, int]:
    return (trial.datetime_complete or datetime.max, trial.number)


def _middle(distribution: BaseDistribution) -> Any:
    """The middle of a parameter's scale; its first option."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[0]
    dimension = dimension_of(distribution)
    return distribution.low if dimension is None else distribution.to_external_repr(float(dimension.middle()))


def _uniform(distribution: BaseDistribution, rng: np.random.Generator) -> Any:
    """A draw on the parameter's own scale, of ranges too that no dimension has."""
    if distribution.single():
        return distribution.to_external_repr(getattr(distribution, "low", 0.0))
    dimension = dimension_of(distribution)
    if dimension is not None and is_usable(distribution):
        return distribution.to_external_repr(float(dimension.quantile(float(rng.random()))))
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(rng.integers(len(distribution.choices)))]
    low, high = distribution.low, distribution.high
    return nearest(distribution, low + rng.random() * (high - low))
