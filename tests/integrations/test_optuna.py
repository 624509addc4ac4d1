import math
import pickle
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

optuna = pytest.importorskip("optuna")
# ruff: noqa: E402 - what follows needs it
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from danlu import Float, Int, Space, Study
from danlu.errors import StrategyError
from danlu.integrations.optuna import DanluSampler


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def branching(trial: Any) -> float:
    """Minimum 0.0001 at x = 1, z = 3 in branch a."""
    x = trial.suggest_float("x", -5, 5)
    y = trial.suggest_float("y", 1e-4, 1, log=True)
    option = trial.suggest_categorical("option", ["a", "b", None])
    if option == "a":
        return (x - 1) ** 2 + 0.1 * (trial.suggest_int("z", 1, 10) - 3) ** 2 + y
    if option == "b":
        return (x + 2) ** 2 + trial.suggest_float("w", 0, 1, step=0.1) + 1 + y
    return 5 + x * x


def best(sampler: Any, objective: Any = branching, trials: int = 30) -> float:
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=trials)
    return float(study.best_value)


def proposals(study: Any) -> list[dict[str, Any]]:
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize(("strategy", "most"), [("auto", 0.02), ("tpe", 1.0)])
def test_it_finds_better_than_random_in_a_space_with_branches(strategy: str, most: float) -> None:
    ours = sorted(best(DanluSampler(strategy, seed=seed)) for seed in range(5))
    random = sorted(best(optuna.samplers.RandomSampler(seed=seed)) for seed in range(5))
    assert ours[2] < random[2]
    assert ours[2] < most


def test_it_suggests_inside_optuna_what_it_suggests_outside() -> None:
    space = Space({"a": Float(1e-4, 1.0, log=True), "b": Int(1, 9), "c": Float(-1.0, 1.0)})

    def loss(config: Mapping[str, Any]) -> float:
        return float(math.log10(config["a"] / 0.01) ** 2 + (config["b"] - 3) ** 2 + config["c"])

    outside = Study(space, minimize="loss", seed=4)
    for _ in range(15):
        trial = outside.ask()
        outside.tell(trial, loss(trial.config))
    inside = optuna.create_study(sampler=DanluSampler(seed=4))
    inside.optimize(
        lambda t: loss(
            {
                "a": t.suggest_float("a", 1e-4, 1.0, log=True),
                "b": t.suggest_int("b", 1, 9),
                "c": t.suggest_float("c", -1.0, 1.0),
            }
        ),
        n_trials=15,
    )
    assert proposals(inside) == [dict(trial.config) for trial in outside.trials]
    assert proposals(inside)[0] == {"a": pytest.approx(0.01), "b": 5, "c": 0.0}  # the centre


def test_values_keep_to_bounds_steps_and_scales() -> None:
    def objective(trial: Any) -> float:
        a = trial.suggest_float("a", -1.0, 1.0, step=0.25)
        b = trial.suggest_int("b", 3, 17, step=7)
        c = trial.suggest_int("c", 1, 1000, log=True)
        d = trial.suggest_float("d", 1e-6, 1e-6 * (1 + 1e-9))
        e = trial.suggest_categorical("e", [1, 1.5, True, None, "x"])
        assert a in {k / 4 for k in range(-4, 5)}
        assert b in {3, 10, 17}
        assert type(b) is type(c) is int
        assert 1 <= c <= 1000
        assert 1e-6 <= d <= 1e-6 * (1 + 1e-9)
        return a * a + b + c + (e is None)

    for strategy in ("gp", "tpe", "random", "sobol"):
        study = optuna.create_study(sampler=DanluSampler(strategy, seed=1))
        study.optimize(objective, n_trials=15)
        assert len(study.trials) == 15


def test_number_of_layers_that_an_int_says_is_searched_together(monkeypatch: pytest.MonkeyPatch) -> None:
    def objective(trial: Any) -> float:
        layers = trial.suggest_int("layers", 1, 4)
        units = [trial.suggest_int(f"units{k}", 1, 64, log=True) for k in range(layers)]
        return sum(math.log2(each / 8) ** 2 for each in units) / layers + 4 / layers  # best: four layers of 8

    alone: list[int] = []
    original = DanluSampler.sample_independent

    def counting(self: Any, study: Any, trial: Any, *rest: Any) -> Any:
        alone.append(trial.number)
        return original(self, study, trial, *rest)

    monkeypatch.setattr(DanluSampler, "sample_independent", counting)
    assert best(DanluSampler(seed=0), objective, 40) < best(optuna.samplers.RandomSampler(seed=0), objective, 40)
    assert all(number < 12 for number in alone)  # until all four layers have been seen


def test_several_objectives_are_searched_for_their_front() -> None:
    def objective(trial: Any) -> tuple[float, float]:
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        return x**2 + y**2, -((x - 1) ** 2) - y**2

    def spread(sampler: Any) -> float:
        study = optuna.create_study(directions=["minimize", "maximize"], sampler=sampler)
        study.optimize(objective, n_trials=40)
        return sum(trial.params["y"] for trial in study.best_trials) / len(study.best_trials)

    assert spread(DanluSampler(seed=0)) < 0.05 < spread(optuna.samplers.RandomSampler(seed=0))  # y = 0 on the front


def test_constraints_are_kept() -> None:
    def objective(trial: Any) -> float:
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        trial.set_user_attr("excess", 1.0 - x - y)  # x + y >= 1
        return float(x + 2 * y)

    sampler = DanluSampler(seed=0, constraints_func=lambda trial: (trial.user_attrs["excess"],))
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=40)
    kept = [trial.value for trial in study.trials if trial.user_attrs["excess"] <= 0]
    assert 1.0 <= min(kept) < 1.05  # at x = 1, y = 0
    assert study.trials[0].system_attrs["constraints"] == (study.trials[0].user_attrs["excess"],)


def test_constraints_that_are_not_numbers_are_refused() -> None:
    study = optuna.create_study(sampler=DanluSampler(seed=0, constraints_func=lambda trial: [float("nan")]))
    with pytest.raises(ValueError, match="NaN keeps no bound"):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)


def test_failed_and_pruned_trials_are_learned_from() -> None:
    def objective(trial: Any) -> float:
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        if x > 0.8:
            raise RuntimeError("out of memory")
        trial.report((x - 0.5) ** 2 + y + 1, step=1)
        if y > 0.5:
            raise optuna.TrialPruned
        return float((x - 0.5) ** 2 + y)

    study = optuna.create_study(sampler=DanluSampler("gp", seed=0))
    study.optimize(objective, n_trials=40, catch=(RuntimeError,))
    late = [trial.state for trial in study.trials[20:]]
    assert late.count(TrialState.COMPLETE) >= 15
    assert study.best_value < 0.01


def test_infinite_values_are_failures() -> None:
    study = optuna.create_study(sampler=DanluSampler("gp", seed=0))
    study.optimize(lambda t: math.inf if t.suggest_float("x", 0, 1) < 0.5 else abs(t.params["x"] - 0.8), n_trials=20)
    assert sum(trial.params["x"] >= 0.5 for trial in study.trials[10:]) >= 7
    assert study.best_value < 0.01


def test_restarted_process_suggests_alike(tmp_path: Path) -> None:
    whole = optuna.create_study(sampler=DanluSampler(seed=3))
    whole.optimize(branching, n_trials=10)
    for count in (1, 4, 5):  # each with all objects new
        part = optuna.create_study(
            storage=f"sqlite:///{tmp_path}/s.db", study_name="s", load_if_exists=True, sampler=DanluSampler(seed=3)
        )
        part.optimize(branching, n_trials=count)
    assert proposals(part) == proposals(whole)


def test_other_seed_suggests_otherwise() -> None:
    first, second = (optuna.create_study(sampler=DanluSampler(seed=seed)) for seed in (1, 2))
    for study in (first, second):
        study.optimize(branching, n_trials=8)
    assert proposals(first) != proposals(second)


def test_running_trials_of_another_process_are_kept_away_from() -> None:
    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(storage=storage, study_name="s", sampler=DanluSampler("gp", seed=0))
    study.optimize(lambda t: t.suggest_float("x", 0, 1) ** 2 + t.suggest_float("y", 0, 1), n_trials=8)

    def asked(number: int) -> tuple[float, float]:
        """What one process suggests after the others have begun, and before any of them has asked for a value."""
        other = optuna.load_study(storage=storage, study_name="s", sampler=DanluSampler("gp", seed=number))
        params = other.ask().relative_params
        return params["x"], params["y"]

    found = [asked(k) for k in range(4)]
    gaps = [math.dist(a, b) for k, a in enumerate(found) for b in found[:k]]
    assert min(gaps) > 0.02


def test_trials_that_begin_before_anything_is_known_differ() -> None:
    study = optuna.create_study(sampler=DanluSampler(seed=0))
    trials = [study.ask() for _ in range(4)]
    found = [(trial.suggest_float("x", 0, 1), trial.suggest_categorical("c", "abcdefgh")) for trial in trials]
    assert found[0] == (0.5, "a")
    assert len(set(found)) == 4


def test_threads_share_one_sampler() -> None:
    study = optuna.create_study(sampler=DanluSampler(seed=0))
    study.optimize(branching, n_trials=24, n_jobs=2)
    assert all(trial.state is TrialState.COMPLETE for trial in study.trials)
    configs = [tuple(sorted(map(str, trial.params.items()))) for trial in study.trials]
    assert len(set(configs)) == 24


def test_queued_trial_is_run_as_it_was_asked_for() -> None:
    study = optuna.create_study(sampler=DanluSampler(seed=0))
    study.optimize(branching, n_trials=6)
    study.enqueue_trial({"option": "b", "w": 0.5, "x": -2.0})
    study.optimize(branching, n_trials=2)
    assert study.trials[6].params | {"y": 0} == {"option": "b", "w": 0.5, "x": -2.0, "y": 0}
    assert study.trials[7].state is TrialState.COMPLETE


def test_range_that_is_narrowed_later_is_kept_to_at_once() -> None:
    study = optuna.create_study(sampler=DanluSampler("gp", seed=0))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_int("n", 0, 9), n_trials=12)
    study.optimize(lambda trial: trial.suggest_float("x", 0.5, 0.75) + trial.suggest_int("n", 0, 9), n_trials=12)
    assert all(0.5 <= trial.params["x"] <= 0.75 for trial in study.trials[12:])
    assert len({trial.params["x"] for trial in study.trials[12:]}) > 6
    assert min(trial.value for trial in study.trials[12:]) < 0.55


def test_range_that_hangs_on_another_value_is_kept_to() -> None:
    def objective(trial: Any) -> float:
        a = trial.suggest_int("a", 1, 9)
        return a + trial.suggest_int("b", 0, a)

    study = optuna.create_study(sampler=DanluSampler("gp", seed=0))
    study.optimize(objective, n_trials=20)
    assert all(trial.params["b"] <= trial.params["a"] for trial in study.trials)
    assert study.best_value == 1


def test_finite_space_goes_on_after_all_of_it_was_tried() -> None:
    study = optuna.create_study(sampler=DanluSampler("gp", seed=0))
    study.optimize(lambda trial: trial.suggest_categorical("c", ["a", "b", "c"]) == "a", n_trials=8)
    assert {trial.params["c"] for trial in study.trials} == {"a", "b", "c"}
    assert len(study.trials) == 8


def test_numbers_beyond_what_a_dimension_holds_are_drawn_at_random() -> None:
    study = optuna.create_study(sampler=DanluSampler("gp", seed=0))
    study.optimize(lambda t: t.suggest_int("n", 0, 10**15) / 1e15 + t.suggest_float("x", 0, 1), n_trials=8)
    assert len({trial.params["n"] for trial in study.trials}) == 8


def test_trials_of_another_sampler_are_learned_from() -> None:
    distributions = {"x": FloatDistribution(0.0, 1.0), "c": CategoricalDistribution(["a", "b"])}
    study = optuna.create_study(direction="maximize", sampler=DanluSampler("gp", seed=0))
    for k in range(20):
        x, c = k / 19, "ab"[k % 2]
        study.add_trial(create_trial(params={"x": x, "c": c}, distributions=distributions, value=x - (c == "a")))
    trial = study.ask()
    assert trial.suggest_float("x", 0.0, 1.0) > 0.7
    assert trial.suggest_categorical("c", ["a", "b"]) == "b"


@pytest.mark.parametrize("strategy", ["asha", "hyperband", "pbt"])
def test_strategy_that_stops_trials_is_refused(strategy: str) -> None:
    with pytest.raises(StrategyError, match="pruner"):
        DanluSampler(strategy)


def test_pruners_of_optuna_work_beside_it() -> None:
    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", 0, 1)
        for step in range(1, 10):
            trial.report(x + 1 / step, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return float(x)

    for pruner in (optuna.pruners.HyperbandPruner(max_resource=9), optuna.pruners.MedianPruner(n_startup_trials=2)):
        study = optuna.create_study(sampler=DanluSampler("gp", seed=0), pruner=pruner)
        study.optimize(objective, n_trials=25)
        assert any(trial.state is TrialState.PRUNED for trial in study.trials)
        assert study.best_value < 0.1


def test_sampler_can_be_sent_to_another_process() -> None:
    study = optuna.create_study(sampler=DanluSampler(seed=5))
    study.optimize(branching, n_trials=6)
    study.sampler = pickle.loads(pickle.dumps(study.sampler))
    twin = optuna.create_study(sampler=DanluSampler(seed=5))
    study.optimize(branching, n_trials=2)
    twin.optimize(branching, n_trials=8)
    assert proposals(study) == proposals(twin)
