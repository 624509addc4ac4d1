import math
import statistics

import numpy as np
import pytest

from danlu.core.replay import verify
from danlu.errors import StrategyError
from danlu.space import Choice, Float, Int, Space
from danlu.stores.memory import Memory
from danlu.strategies.combine import Mixture
from danlu.strategies.evolution import cmaes, folding
from danlu.strategies.evolution.cmaes import CMAES
from danlu.strategies.random import Random
from danlu.study import Study, resolve_strategy
from danlu.testing.strategies import MIXED, StrategyKit, bowl_value

SEEDS = (0, 1, 2)
CUBE = Space({name: Float(-5.0, 5.0) for name in "abcde"})
ROTATION = np.linalg.qr(np.random.default_rng(5).normal(size=(5, 5)))[0]


class TestCMAES(StrategyKit):
    def make(self):
        return CMAES()


class TestCMAESOfGenerationsThatAreSoonFull(StrategyKit):
    def make(self):
        return CMAES(population=4, sigma=0.5)


def vector(config):
    return np.array(list(config.values()), dtype=float)


def sphere(config):
    return float(((vector(config) - 1.3) ** 2).sum())


def ellipsoid(config):
    """Its axes are as long as 1, 5.6, 32, 178, 1000 to one another, and turned."""
    return float((10.0 ** np.linspace(0, 3, 5) * (ROTATION @ (vector(config) - 1.3)) ** 2).sum())


def search(space, loss, trials, strategy="cmaes", seed=0, **objectives):
    study = Study(space, strategy=strategy, seed=seed, **(objectives or {"minimize": "loss"}))
    for _ in range(trials):
        trial = study.ask()
        if trial is None:
            break
        study.tell(trial, loss=loss(trial.config))
    return study


def median_of_best(space, loss, trials, strategy):
    return statistics.median(search(space, loss, trials, strategy, seed).best.value for seed in SEEDS)


def configs(study):
    return [trial.config for trial in study.trials]


# how well it searches ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("loss", "trials", "factor"), [(sphere, 150, 20), (ellipsoid, 250, 10)])
def test_it_beats_random_search_by_far_where_there_is_a_slope(loss, trials, factor):
    ours = median_of_best(CUBE, loss, trials, "cmaes")
    assert ours * factor < median_of_best(CUBE, loss, trials, "random")


def test_it_finds_the_best_ints():
    space = Space({name: Int(-50, 50) for name in "abc"})
    found = [search(space, lambda c: float(((vector(c) - 13) ** 2).sum()), 200, seed=seed) for seed in SEEDS]
    assert [study.best.value for study in found] == [0.0, 0.0, 0.0]


def test_it_finds_the_best_choices_where_there_is_nothing_else():
    space = Space({f"bit{k}": Choice(0, 1) for k in range(12)})
    found = [search(space, lambda c: float(sum(c.values())), 150, seed=seed) for seed in SEEDS]
    assert [study.best.value for study in found] == [0.0, 0.0, 0.0]
    assert not any("random" in trial.origin for study in found for trial in study.trials)


def test_it_finds_the_best_of_a_branch():
    branches = {"sgd": Space({"momentum": Float(0.0, 1.0)}), "adam": Space({"beta": Float(0.0, 1.0)}), "none": None}
    space = Space({"lr": Float(1e-5, 1e-1, log=True), "optimizer": Choice(branches)})

    def loss(config):
        left = {"sgd": 0.3, "adam": 0.0, "none": 0.5}[config["optimizer"]]
        inner = sum((v - 0.9) ** 2 for name, v in config.items() if name.startswith("optimizer."))
        return (math.log10(config["lr"]) + 3) ** 2 + left + inner

    assert median_of_best(space, loss, 120, "cmaes") < 0.02


def test_it_reaches_an_optimum_on_the_bounds():
    assert median_of_best(CUBE, lambda c: float(((vector(c) - 5) ** 2).sum()), 150, "cmaes") < 0.01


def test_the_scale_of_the_losses_does_not_matter():
    plain = search(CUBE, sphere, 60)
    assert configs(search(CUBE, lambda c: 1e300 * sphere(c), 60)) == configs(plain)
    assert configs(search(CUBE, lambda c: math.log(sphere(c)), 60)) == configs(plain)
    turned = search(CUBE, lambda c: -sphere(c), 60, maximize="loss")
    assert configs(turned) == configs(plain)


def test_it_keeps_to_what_satisfies_the_constraints():
    study = Study(CUBE, minimize="loss", subject_to=["excess <= 1"], strategy="cmaes")
    for _ in range(200):
        trial = study.ask()
        study.tell(trial, loss=sphere(trial.config), excess=3.0 - trial.config["a"])  # a ≥ 2, beyond the sphere's 1.3
    assert study.best.config["a"] == pytest.approx(2.0, abs=0.1)
    assert study.best.value == pytest.approx(0.49, abs=0.4)
    assert sum(trial.is_feasible for trial in study.trials[100:]) > 40


# generations ---------------------------------------------------------------------------------------------------------


def test_a_generation_has_4_and_3_ln_d_trials():
    origins = [trial.origin for trial in search(CUBE, sphere, 17).trials]
    assert origins == ["cmaes: generation 1"] * 8 + ["cmaes: generation 2"] * 8 + ["cmaes: generation 3"]


def test_nobody_waits_for_a_late_trial():
    study = Study(CUBE, minimize="loss", strategy="cmaes")
    late = study.ask()
    for _ in range(30):
        trial = study.ask()
        study.tell(trial, loss=sphere(trial.config))
    assert study.trials[-1].origin == "cmaes: generation 4"
    study.tell(late, loss=sphere(late.config))
    assert study.ask().origin == "cmaes: generation 4"
    assert len(set(configs(study))) == len(study.trials)


def test_it_begins_at_the_users_own_config():
    space = Space({name: Float(0.0, 1.0, default=0.9) for name in "abc"})
    study = Study(space, minimize="loss", strategy=CMAES(sigma=0.01))
    study.tell(study.ask(), loss=1.0)
    assert vector(study.ask().config) == pytest.approx([0.9] * 3, abs=0.06)


def test_it_begins_at_the_best_that_others_left_it():
    study = Study(CUBE, minimize="loss", strategy=CMAES(sigma=0.01))
    for value in (-4.0, 3.0, 0.0):
        study.queue(dict.fromkeys("abcde", value))
        study.tell(study.ask(), loss=abs(value - 2.5))
    study.queue(dict.fromkeys("abcde", -5.0))
    study.fail(study.ask())
    assert vector(study.ask().config) == pytest.approx([3.0] * 5, abs=0.5)


def test_a_better_config_of_somebody_else_draws_the_search_to_it():
    plain, helped = (Study(CUBE, minimize="loss", strategy=CMAES(sigma=0.05)) for _ in range(2))
    for study in (plain, helped):
        for k in range(24):
            if study is helped and k == 4:
                study.queue(dict.fromkeys("abcde", 4.5))
            trial = study.ask()
            study.tell(trial, loss=float(((vector(trial.config) - 4.5) ** 2).sum()))
    assert vector(helped.ask().config).mean() > vector(plain.ask().config).mean()


def test_trials_of_another_strategy_that_are_no_better_count_for_nothing():
    study = search(CUBE, sphere, 300, Mixture((CMAES(), Random())), seed=3)
    ours = [trial for trial in study.trials if trial.origin.startswith("cmaes")]
    generation = int(ours[-1].origin.removeprefix("cmaes: generation "))
    assert len(ours) // 8 <= generation <= len(ours) // 8 + 2  # some of the others were the best when they ended
    assert study.best.value < 0.5


def test_failed_trials_count_as_the_worst_of_their_generation():
    study = Study(CUBE, minimize="loss", strategy=CMAES(sigma=0.1))
    for _ in range(80):
        trial = study.ask()
        if trial.config["a"] < 0:
            study.fail(trial, "out of memory")
        else:
            study.tell(trial, loss=float(((vector(trial.config) - 1) ** 2).sum()))
    assert [trial.status == "failed" for trial in study.trials[-20:]].count(True) <= 4


def test_it_begins_anew_with_twice_the_population_where_no_trial_is_better_than_another():
    origins = [trial.origin for trial in search(CUBE, lambda config: 7.0, 24 + 48 + 1).trials]
    assert origins[23] == "cmaes: generation 3"
    assert origins[24] == "cmaes: generation 1 after restart 1"
    assert origins[24 + 15 : 24 + 17] == ["cmaes: generation 1 after restart 1", "cmaes: generation 2 after restart 1"]
    assert origins[-1] == "cmaes: generation 1 after restart 2"


def test_it_begins_anew_when_it_has_converged():
    study = search(Space({"x": Float(0.0, 1.0)}), lambda config: abs(config["x"] - 0.3), 400)
    restarted = [trial for trial in study.trials if "restart" in trial.origin]
    assert restarted
    assert min(abs(t.config["x"] - 0.3) for t in study.trials[: restarted[0].number]) < 1e-9
    assert abs(restarted[0].config["x"] - 0.3) > 1e-6


# where there is little to search -------------------------------------------------------------------------------------


def test_a_space_in_which_nothing_varies_says_so():
    study = search(Space({"only": Choice("a"), "one": Int(3, 3)}), bowl_value, 3)
    assert [trial.origin for trial in study.trials] == ["cmaes: random, nothing can be varied"]
    assert (
        search(Space({"x": Float(2.0, 2.0), "y": Int(1, 2)}), bowl_value, 2).trials[1].origin.startswith("cmaes: gen")
    )


def test_what_is_left_of_a_finite_space_is_tried_at_random():
    study = search(Space({"n": Int(1, 300), "c": Choice("a", "b")}), lambda c: abs(c["n"] - 9) + len(c["c"]), 600)
    assert len(set(configs(study))) == len(study.trials) == 600
    assert any(trial.origin == "cmaes: random, no draw is fresh" for trial in study.trials)


@pytest.mark.parametrize(
    "space",
    [
        MIXED,
        Space({"x": Float(0.0, 1.0)}),
        Space({"x": Float(-1e300, 1e299), "y": Float(1e-300, 1e300, log=True)}),
        Space({"n": Int(0, 10**13), "m": Int(1, 10**9, log=True)}),
        Space({"c": Choice("a", "b", "c")}),
        Space({"x": Float(3.0, 3.0)}),
        Space({"x": Float(0.0, 1.0, step=0.5), "y": Float(0.0, 0.3, step=0.3), "o": Choice(1, 2, 3, ordered=True)}),
    ],
)
@pytest.mark.parametrize("loss", [lambda c: 0.0, lambda c: None, lambda c: 1e300 * (-1) ** len(str(c)), bowl_value])
def test_it_never_raises(space, loss):
    study = Study(space, minimize="loss", strategy="cmaes")
    for _ in range(60):
        trial = study.ask()
        if trial is None:
            break
        assert space.contains(trial.config)
        value = loss(trial.config)
        study.fail(trial) if value is None else study.tell(trial, loss=value)


def test_two_hundred_hyperparameters_are_fine():
    space = Space({f"x{k}": Int(0, 9) if k % 3 else Float(0.0, 1.0) for k in range(200)})
    study = search(space, lambda c: float(sum(c.values())), 21)
    assert study.trials[-1].origin == "cmaes: generation 2"
    assert study.best.value < study.trials[0].value


def test_a_study_with_several_objectives_is_refused():
    with pytest.raises(StrategyError, match=r"one objective, this study has loss, time\. Use strategy='nsga2'"):
        Study(CUBE, minimize=["loss", "time"], strategy="cmaes")


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"population": 3}, "at least 4, got 3"), ({"sigma": 0.0}, "sigma must be > 0"), ({"sigma": math.nan}, "sigma")],
)
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(StrategyError, match=words):
        Study(CUBE, minimize="loss", strategy=CMAES(**settings))


# purity --------------------------------------------------------------------------------------------------------------


def mixed_loss(config):
    return bowl_value(config) + config["lr"]


def test_losing_the_memo_changes_no_suggestion():
    plain = search(MIXED, mixed_loss, 40)
    forgetful = Study(MIXED, minimize="loss", strategy="cmaes")
    for _ in range(40):
        folding.forget()
        trial = forgetful.ask()
        forgetful.tell(trial, loss=mixed_loss(trial.config))
    assert configs(forgetful) == configs(plain)


def test_a_replay_without_the_memo_agrees():
    store = Memory()
    study = Study(MIXED, minimize="loss", strategy="cmaes", store=store)
    for k in range(60):
        trial = study.ask()
        study.fail(trial) if k % 7 == 0 else study.tell(trial, loss=mixed_loss(trial.config))
    folding.forget()
    assert [mismatch for _, mismatch in verify(store.read("study"), resolve_strategy) if mismatch] == []


def test_two_studies_that_take_turns_do_not_disturb_each_other():
    alone = [search(CUBE, sphere, 30, seed=seed) for seed in (0, 1)]
    both = [Study(CUBE, minimize="loss", strategy="cmaes", seed=seed) for seed in (0, 1)]
    for _ in range(30):
        for study in both:
            trial = study.ask()
            study.tell(trial, loss=sphere(trial.config))
    assert [configs(study) for study in both] == [configs(study) for study in alone]


def test_a_suggestion_costs_only_the_trials_that_are_new(monkeypatch):
    steps = []
    step = cmaes._Search.step
    monkeypatch.setattr(cmaes._Search, "step", lambda *args: steps.append(1) or step(*args))
    folding.forget()
    search(CUBE, sphere, 200)
    assert len(steps) == 199  # the last trial's end is not yet asked about


# beliefs -------------------------------------------------------------------------------------------------------------

BELIEVED = Space(
    {
        "x": Float(0.0, 1.0, likely=(0.7, 0.8), default=0.1),
        "y": Float(0.0, 1.0, default=0.2),
        "act": Choice("a", "b", "c", likely="c"),
        "deep": Int(0, 1, likely=(1, 1)),
    }
)


def test_it_begins_where_the_user_holds_it_likely_and_as_wide():
    study = search(BELIEVED, lambda config: 1.0, 1)
    found = [study.ask().config for _ in range(200)]
    x, y = (np.array([config[name] for config in found]) for name in "xy")
    assert (x.mean(), x.std()) == (pytest.approx(0.75, abs=0.02), pytest.approx(0.05, abs=0.02))
    assert y.mean() == pytest.approx(0.2, abs=0.05)  # of which nothing was said: at the user's default
    assert y.std() > 0.1
    assert np.mean([config["act"] == "c" for config in found]) > 0.6
    assert np.mean([config["deep"] for config in found]) > 0.5


def test_a_belief_that_says_little_does_not_make_it_wider():
    def spread(space):
        study = Study(space, minimize="loss", strategy="cmaes")
        return np.std([study.ask().config["a"] for _ in range(100)])

    vague = CUBE.with_beliefs({"a": (-4.9, 4.9)})
    assert spread(vague) == pytest.approx(spread(CUBE), rel=0.2)
