import math
import statistics

import numpy as np
import pytest

from danlu.core.replay import verify
from danlu.errors import StrategyError
from danlu.numerics.pareto import constrained_ranks, hypervolume
from danlu.space import Choice, Float, Int, Space
from danlu.stores.memory import Memory
from danlu.strategies.evolution import folding, nsga2
from danlu.strategies.evolution.nsga2 import NSGA2, survivors
from danlu.strategies.layout import layout_of
from danlu.study import Study, resolve_strategy
from danlu.testing.strategies import MIXED, StrategyKit, bowl_value

SEEDS = (0, 1, 2)
INF = math.inf
CUBE = Space({name: Float(0.0, 1.0) for name in "abcd"})


class TestNSGA2(StrategyKit):
    def make(self):
        return NSGA2()


class TestNSGA2OfGenerationsThatAreSoonFull(StrategyKit):
    def make(self):
        return NSGA2(population=4, mutation=1.0)


def zdt1(config):
    """Zitzler, Deb & Thiele (2000), of four numbers; front f2 = 1 − √f1, of hypervolume 0.877 before (1.1, 1.1)."""
    first, *rest = config.values()
    g = 1 + 9 * sum(rest) / len(rest)
    return first, g * (1 - math.sqrt(first / g))


def two_objectives(strategy, trials, seed, tell=zdt1):
    study = Study(CUBE, minimize=["f1", "f2"], strategy=strategy, seed=seed)
    for _ in range(trials):
        trial = study.ask()
        f1, f2 = tell(trial.config)
        study.tell(trial, f1=f1, f2=f2)
    return study


def dominated(study):
    losses = np.array([trial.values for trial in study.trials])
    return hypervolume(losses, np.array([1.1, 1.1]))


def search(space, loss, trials, strategy="nsga2", seed=0, store=None):
    study = Study(space, minimize="loss", strategy=strategy, seed=seed, store=store)
    for _ in range(trials):
        trial = study.ask()
        if trial is None:
            break
        study.tell(trial, loss=loss(trial.config))
    return study


def configs(study):
    return [trial.config for trial in study.trials]


# how well it searches ------------------------------------------------------------------------------------------------


def test_it_comes_nearer_to_the_front_than_random_search():
    ours = statistics.median(dominated(two_objectives("nsga2", 250, seed)) for seed in SEEDS)
    assert ours > 0.5
    assert ours > 2 * statistics.median(dominated(two_objectives("random", 250, seed)) for seed in SEEDS)


def test_it_finds_both_ends_of_the_front_and_what_lies_between():
    firsts = sorted(trial.values[0] for trial in two_objectives("nsga2", 250, 0).front)
    assert firsts[0] < 0.05
    assert firsts[-1] > 0.5
    assert np.diff(firsts).max() < 0.3


def test_one_objective_is_fine():
    def loss(config):
        return sum((v - 0.3) ** 2 for v in config.values())

    ours = statistics.median(search(CUBE, loss, 150, "nsga2", seed).best.value for seed in SEEDS)
    assert ours * 2 < statistics.median(search(CUBE, loss, 150, "random", seed).best.value for seed in SEEDS)


def test_it_finds_the_best_ints_and_choices():
    space = Space({"n": Int(1, 40), "m": Int(1, 4), "c": Choice("x", "y", "z"), "d": Choice(True, False)})

    def loss(config):
        return abs(config["n"] - 11) + 3 * abs(config["m"] - 2) + 5 * (config["c"] != "y") + 5 * config["d"]

    assert [search(space, loss, 150, seed=seed).best.value for seed in SEEDS] == [0.0, 0.0, 0.0]


def test_it_keeps_to_what_satisfies_the_constraints():
    study = Study(CUBE, minimize=["f1", "f2"], subject_to=["excess <= 1"], strategy="nsga2")
    for _ in range(200):
        trial = study.ask()
        f1, f2 = zdt1(trial.config)
        study.tell(trial, f1=f1, f2=f2, excess=1.6 - f1)  # the part f1 ≥ 0.6 of the front is allowed: 5 % of the start
    assert min(trial.values[0] for trial in study.front) == pytest.approx(0.6, abs=0.05)
    assert sum(trial.is_feasible for trial in study.trials[-80:]) > 50


# generations ---------------------------------------------------------------------------------------------------------


def test_the_first_generation_is_random_and_nobody_waits_for_the_last_of_it():
    study = Study(CUBE, minimize="loss", strategy=NSGA2(population=4))
    late = study.ask()
    for _ in range(9):
        trial = study.ask()
        study.tell(trial, loss=bowl_value(trial.config))
    origins = [trial.origin for trial in study.trials]
    assert origins == ["nsga2: random"] * 5 + ["nsga2: generation 2"] * 4 + ["nsga2: generation 3"]
    study.tell(late, loss=0.0)


def test_trials_of_others_are_parents_as_well():
    study = Study(CUBE, minimize="loss", strategy=NSGA2(population=4, mutation=0.0))
    for k in range(4):
        study.queue({"a": 0.5, "b": 0.5, "c": 0.5, "d": 0.1 * k})
        study.tell(study.ask(), loss=float(k))
    child = study.ask().config
    assert [child[name] for name in "abc"] == [0.5, 0.5, 0.5]


def test_where_everything_failed_it_goes_on_at_random_and_says_so():
    study = Study(CUBE, minimize="loss", strategy=NSGA2(population=4))
    for _ in range(9):
        study.fail(study.ask())
    assert study.trials[-1].origin == "nsga2: random, no trial has values"


def test_a_failed_trial_is_no_parent():
    study = Study(CUBE, minimize="loss", strategy=NSGA2(population=4, mutation=0.0))
    for k in range(4):
        study.queue({"a": 0.1 + 0.2 * k, "b": 0.5, "c": 0.5, "d": 0.5})
        trial = study.ask()
        study.fail(trial) if k else study.tell(trial, loss=1.0)
    assert study.ask().origin == "nsga2: random, no child is fresh"  # of a single parent that never mutates


def test_survivors_are_whole_fronts_and_of_the_last_the_least_crowded():
    losses = np.array([[0.0, 4.0], [4.0, 0.0], [1.0, 3.0], [2.0, 1.9], [1.9, 2.0], [9.0, 9.0], [5.0, 5.0]])
    x = np.arange(7.0)[:, None]
    assert set(survivors(x, losses, np.zeros(7), 3).x[:, 0]) == {0.0, 1.0, 3.0}  # 3 has (1, 3) and (4, 0) about it
    assert survivors(x, losses, np.zeros(7), 6).rank.tolist() == [0, 0, 0, 0, 0, 1]
    assert survivors(x, losses, np.zeros(7), 6).x[-1] == 6.0
    assert len(survivors(x[:0], losses[:0], np.zeros(0), 4)) == 0


def test_what_misses_a_constraint_comes_after_all_that_miss_none_and_in_order_of_violation():
    losses = np.array([[5.0, 5.0], [0.0, 0.0], [1.0, 9.0], [0.0, 0.0], [6.0, 6.0], [0.0, 0.0]])
    violation = np.array([0.0, 0.5, 0.0, 0.1, 0.0, INF])
    assert constrained_ranks(losses, violation).tolist() == [0, 3, 0, 2, 1, 4]


# children ------------------------------------------------------------------------------------------------------------

INNER = Choice({"p": Space({"z": Float(0.0, 1.0)}), "q": None})
BRANCHES = Space(
    {"c": Choice({"a": Space({"k": Float(0.0, 1.0)}), "b": Space({"n": INNER})}), "y": Float(0.0, 1.0)}
)  # fmt: skip


def test_a_number_that_one_parent_has_comes_from_that_one():
    layout = layout_of(BRANCHES)
    a, b = (
        layout.vectors(BRANCHES.encode(BRANCHES.config(values))[None])[0]
        for values in ({"c": "a", "c.a.k": 0.9}, {"c": "b", "c.b.n": "p", "c.b.n.p.z": 0.2})
    )
    rng = np.random.default_rng(0)
    found = [layout.config(nsga2._crossed(layout, a, b, rng)) for _ in range(50)]
    assert {config["c"] for config in found} == {"a", "b"}
    assert {config["c.a.k"] for config in found if config["c"] == "a"} == {0.9}
    assert {config["c.b.n.p.z"] for config in found if config["c"] == "b"} == {0.2}


def test_what_a_redrawn_choice_switches_on_is_drawn_anew():
    layout = layout_of(BRANCHES)
    x = layout.vectors(BRANCHES.encode(BRANCHES.config({"c": "a", "c.a.k": 0.5}))[None])[0]
    rng = np.random.default_rng(0)
    found = [layout.config(nsga2._mutated(layout, x, 1.0, rng)) for _ in range(200)]
    drawn = [config["c.b.n.p.z"] for config in found if "c.b.n.p.z" in config]
    assert len(drawn) > 20
    assert min(drawn) < 0.2
    assert max(drawn) > 0.8


def test_a_number_in_levels_mutates_to_another_level():
    levels = np.linspace(0.0, 1.0, 4)
    found = {nsga2._stepped(levels, levels[1], uniform) for uniform in np.linspace(0.01, 0.99, 50)}
    assert found == {levels[0], levels[2]}
    assert nsga2._stepped(levels, 0.0, 0.1) == 0.0  # there is nothing below


# where there is little to search -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "space",
    [
        MIXED,
        Space({"x": Float(-1e300, 1e299), "y": Float(1e-300, 1e300, log=True)}),
        Space({"n": Int(0, 10**13), "m": Int(1, 10**9, log=True)}),
        Space({"c": Choice("a", "b", "c"), "one": Int(4, 4)}),
        Space({"x": Float(3.0, 3.0)}),
    ],
)
@pytest.mark.parametrize("loss", [lambda c: 0.0, lambda c: None, lambda c: 1e300 * (-1) ** len(str(c)), bowl_value])
def test_it_never_raises(space, loss):
    study = Study(space, minimize=["a", "b", "c"], strategy=NSGA2(population=6))
    for k in range(40):
        trial = study.ask()
        if trial is None:
            break
        assert space.contains(trial.config)
        value = loss(trial.config)
        study.fail(trial) if value is None else study.tell(trial, a=value, b=-value, c=k * 1e300)


def test_two_hundred_hyperparameters_are_fine():
    space = Space({f"x{k}": Int(0, 9) if k % 3 else Float(0.0, 1.0) for k in range(200)})
    study = search(space, lambda c: float(sum(c.values())), 40)
    assert study.best.number >= 16


@pytest.mark.parametrize(("settings", "words"), [({"population": 3}, "at least 4"), ({"mutation": 1.5}, "probability")])
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(StrategyError, match=words):
        Study(CUBE, minimize="loss", strategy=NSGA2(**settings))


# purity --------------------------------------------------------------------------------------------------------------


def test_losing_the_memo_changes_no_suggestion():
    plain = two_objectives("nsga2", 60, 0)
    forgetful = two_objectives("nsga2", 60, 0, tell=lambda config: (folding.forget(), zdt1(config))[1])
    assert configs(forgetful) == configs(plain)


def test_a_replay_without_the_memo_agrees():
    store = Memory()
    search(MIXED, bowl_value, 50, store=store)
    folding.forget()
    assert [mismatch for _, mismatch in verify(store.read("study"), resolve_strategy) if mismatch] == []


def test_a_suggestion_costs_only_the_trials_that_are_new(monkeypatch):
    steps = []
    step = nsga2._Search.step
    monkeypatch.setattr(nsga2._Search, "step", lambda *args: steps.append(1) or step(*args))
    folding.forget()
    search(CUBE, bowl_value, 150)
    assert len(steps) == 149  # the last trial's end is not yet asked about
