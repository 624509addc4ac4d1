"""Contestants: Danlu's strategies and their peers behind one form, for problems in the neutral form of `problems.py`.

A contestant is made by `contestant(problem, seed, trials)` and has `ask() -> config` and `tell(config, loss)`.
"""

import importlib.util
import json
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

Config = dict[str, Any]
Problem = Any
"""`params`: ("float" | "int", name, low, high, log) or ("cat", name, choices); `when`: child -> (parent, values)."""


class Contestant(Protocol):
    """Suggests configs and learns their losses."""

    def ask(self) -> Config: ...
    def tell(self, config: Config, loss: float) -> None: ...


@runtime_checkable
class Recommends(Protocol):
    """A contestant that, where training is noisy, may show another config than the one with the lowest loss."""

    def recommended(self) -> Config: ...
    def by_mean(self) -> Config:
        """What it would recommend if noise were certain."""
        ...


Make = Callable[[Problem, int, int], Contestant]


def make_of(name: str, reference: Path | None = None) -> Make:
    """The maker of a contestant: "danlu:STRATEGY", "optuna:SAMPLER", "hebo", "smac", "hyperopt", "g1", "random"."""
    family, _, kind = name.partition(":")
    match family:
        case "danlu":
            return lambda problem, seed, trials: Danlu(problem, seed, kind)
        case "optuna":
            return lambda problem, seed, trials: Optuna(problem, seed, kind)
        case "hebo":
            return lambda problem, seed, trials: Hebo(problem, seed)
        case "smac":
            return Smac
        case "hyperopt":
            return lambda problem, seed, trials: Hyperopt(problem, seed)
        case "g1":
            return _loaded(reference).G1_BOXCOX if kind == "boxcox" else _loaded(reference).G1  # type: ignore[no-any-return]
    raise SystemExit(
        f"no contestant {name!r}. Known: danlu:STRATEGY, optuna:tpe, optuna:gp, optuna:cmaes, optuna:danlu, hebo, "
        "smac, hyperopt, g1."
    )


def _loaded(path: Path | None) -> Any:
    if path is None:
        raise SystemExit("g1 needs --reference FILE: the reference engine's source.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Danlu ----------------------------------------------------------------------------------------------------------------


class Danlu:
    """One of our strategies, such as "gp" or 'gp,{"design": 3}'. Options go by their words, so that None may be one."""

    def __init__(self, problem: Problem, seed: int, strategy: str) -> None:
        from danlu import Study

        name, _, settings = strategy.partition(",")
        form = {"use": name} | (json.loads(settings) if settings else {})
        self.problem, self.study = problem, Study(space_of(problem), minimize="loss", strategy=form, seed=seed)
        self.trial: Any = None

    def ask(self) -> Config:
        self.trial = self.study.ask()
        return config_of(self.problem, self.trial.config)

    def tell(self, config: Config, loss: float) -> None:
        self.study.tell(self.trial, loss=loss)

    def recommended(self) -> Config:
        """What a user would ship."""
        return config_of(self.problem, self.study.recommended.config)

    def by_mean(self) -> Config:
        """The config that its surrogate takes for the best, whether noise was seen or not."""
        from danlu.strategies.gp.recommendation import lowest_mean

        trial = lowest_mean(self.study.history)
        return config_of(self.problem, (trial or self.study.best).config)


def space_of(problem: Problem) -> Any:
    """A problem's space in Danlu's form: what is active under several options stands under each of them."""
    from danlu import Choice, Float, Int, Space

    def members(parent: str | None, value: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for kind, name, *rest in problem.params:
            if not _is_under(problem, name, parent, value):
                continue
            if kind != "cat":
                low, high, log = rest
                found[name] = (Int if kind == "int" else Float)(low, high, log=log)
                continue
            branches = {label(option): members(name, option) for option in rest[0]}
            found[name] = Choice({key: Space(inner) if inner else None for key, inner in branches.items()})
        return found

    return Space(members(None, None))


def label(option: Any) -> str:
    """An option as a word: branches are named by it."""
    return str(option).replace(".", "_")


def _is_under(problem: Problem, name: str, parent: str | None, value: Any) -> bool:
    where = problem.when.get(name)
    return parent is None if where is None else where[0] == parent and value in where[1]


def config_of(problem: Problem, config: Mapping[str, Any]) -> Config:
    """Danlu's config in the problem's form: the last part of a dotted name, options as they were."""
    options = {name: {label(o): o for o in rest[0]} for kind, name, *rest in problem.params if kind == "cat"}
    plain = {name.rsplit(".", 1)[-1]: value for name, value in config.items()}
    return {name: options[name][value] if name in options else value for name, value in plain.items()}


def _danlu_sampler(seed: int) -> Any:
    from danlu.integrations.optuna import DanluSampler

    return DanluSampler(seed=seed)


# peers ----------------------------------------------------------------------------------------------------------------


class Optuna:
    """Optuna with one of its samplers, at its defaults, and a pruner, if any."""

    def __init__(self, problem: Problem, seed: int, sampler: str, pruner: Any = None) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore")
        samplers = optuna.samplers
        made = {
            "tpe": samplers.TPESampler, "gp": samplers.GPSampler, "cmaes": samplers.CmaEsSampler,
            "random": samplers.RandomSampler, "danlu": _danlu_sampler,
        }[sampler](seed=seed)  # fmt: skip
        self.problem, self.study = problem, optuna.create_study(sampler=made, pruner=pruner)
        self.trial: Any = None

    def ask(self) -> Config:
        self.trial = self.study.ask()
        config: Config = {}
        for kind, name, *rest in self.problem.params:
            parent, values = self.problem.when.get(name, (None, ()))
            if parent is not None and config.get(parent) not in values:
                continue
            if kind == "cat":
                config[name] = self.trial.suggest_categorical(name, list(rest[0]))
            elif kind == "int":
                config[name] = self.trial.suggest_int(name, rest[0], rest[1], log=rest[2])
            else:
                config[name] = self.trial.suggest_float(name, rest[0], rest[1], log=rest[2])
        return config

    def tell(self, config: Config, loss: float) -> None:
        self.study.tell(self.trial, loss)


class Hebo:
    """HEBO; inactive values are given as drawn, for it knows no conditions."""

    def __init__(self, problem: Problem, seed: int) -> None:
        import numpy as np
        import torch
        from hebo.design_space.design_space import DesignSpace
        from hebo.optimizers.hebo import HEBO

        warnings.simplefilter("ignore")
        np.random.seed(seed)  # noqa: NPY002 - it draws from the global generator
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        self.problem = problem
        self.drawn: Any = None
        self.options = {name: {label(o): o for o in rest[0]} for kind, name, *rest in problem.params if kind == "cat"}
        self.opt = HEBO(DesignSpace().parse([self._parameter(*p) for p in problem.params]), scramble_seed=seed)

    def _parameter(self, kind: str, name: str, *rest: Any) -> dict[str, Any]:
        if kind == "cat":
            return {"name": name, "type": "cat", "categories": list(self.options[name])}
        low, high, log = rest
        form = ("pow_int" if log else "int") if kind == "int" else ("pow" if log else "num")
        return {"name": name, "type": form, "lb": low, "ub": high}

    def ask(self) -> Config:
        self.drawn = self.opt.suggest(n_suggestions=1)
        row = self.drawn.iloc[0].to_dict()
        kinds = {name: kind for kind, name, *_ in self.problem.params}
        config = {
            name: self.options[name][value]
            if name in self.options
            else int(value)
            if kinds[name] == "int"
            else float(value)
            for name, value in row.items()
        }
        return self.problem.active(config)  # type: ignore[no-any-return]

    def tell(self, config: Config, loss: float) -> None:
        import numpy as np

        self.opt.observe(self.drawn, np.array([[loss]]))


def configuration_space(problem: Problem, seed: int) -> Any:
    """A problem's space as ConfigSpace has it; options by their words."""
    from ConfigSpace import Categorical, ConfigurationSpace, Float, InCondition, Integer

    space = ConfigurationSpace(seed=seed)
    for kind, name, *rest in problem.params:
        if kind == "cat":
            space.add(Categorical(name, [label(option) for option in rest[0]]))
        else:
            space.add((Integer if kind == "int" else Float)(name, (rest[0], rest[1]), log=rest[2]))
    for child, (parent, values) in problem.when.items():
        space.add(InCondition(space[child], space[parent], [label(v) for v in values]))
    return space


class Smac:
    """SMAC3's hyperparameter-optimisation facade."""

    def __init__(self, problem: Problem, seed: int, trials: int) -> None:
        import tempfile

        from smac import HyperparameterOptimizationFacade, Scenario

        self.problem = problem
        self.options = {name: {label(o): o for o in rest[0]} for kind, name, *rest in problem.params if kind == "cat"}
        space = configuration_space(problem, seed)
        scenario = Scenario(
            space, n_trials=trials, seed=seed, output_directory=Path(tempfile.mkdtemp()), deterministic=True
        )
        self.facade = HyperparameterOptimizationFacade(
            scenario, lambda config, seed: 0.0, logging_level=50, overwrite=True
        )
        self.info: Any = None

    def ask(self) -> Config:
        self.info = self.facade.ask()
        plain = dict(self.info.config)
        return {n: self.options[n][v] if n in self.options else v for n, v in plain.items()}

    def tell(self, config: Config, loss: float) -> None:
        from smac.runhistory.dataclasses import TrialValue

        self.facade.tell(self.info, TrialValue(cost=loss))


class Hyperopt:
    """Hyperopt's TPE."""

    def __init__(self, problem: Problem, seed: int) -> None:
        import hyperopt
        import numpy as np

        self.hyperopt, self.problem, self.trials = hyperopt, problem, hyperopt.Trials()
        self.rng = np.random.default_rng(seed)
        self.domain = hyperopt.base.Domain(lambda config: 0.0, self._space())
        self.current: Any = None

    def _space(self) -> dict[str, Any]:
        import math

        hp = self.hyperopt.hp
        found: dict[str, Any] = {}
        for kind, name, *rest in self.problem.params:
            if kind == "cat":
                found[name] = hp.choice(name, list(range(len(rest[0]))))
                continue
            low, high, log = rest
            if kind == "int":
                found[name] = (
                    hp.qloguniform(name, math.log(low), math.log(high), 1) if log else hp.quniform(name, low, high, 1)
                )
            else:
                found[name] = hp.loguniform(name, math.log(low), math.log(high)) if log else hp.uniform(name, low, high)
        return found

    def ask(self) -> Config:
        [number] = self.trials.new_trial_ids(1)
        self.trials.refresh()
        [trial] = self.hyperopt.tpe.suggest([number], self.domain, self.trials, int(self.rng.integers(2**31)))
        self.trials.insert_trial_doc(trial)
        self.trials.refresh()
        self.current = trial
        drawn = {name: values[0] for name, values in trial["misc"]["vals"].items()}
        config = {}
        for kind, name, *rest in self.problem.params:
            value = drawn[name]
            if kind == "cat":
                config[name] = rest[0][int(value)]
            else:
                config[name] = min(max(int(value) if kind == "int" else float(value), rest[0]), rest[1])
        return self.problem.active(config)  # type: ignore[no-any-return]

    def tell(self, config: Config, loss: float) -> None:
        trial = next(t for t in self.trials._dynamic_trials if t["tid"] == self.current["tid"])
        trial["state"] = self.hyperopt.JOB_STATE_DONE
        trial["result"] = {"loss": loss, "status": "ok"}
        self.trials.refresh()
