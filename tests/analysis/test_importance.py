"""Against closed forms: Sobol indices of functions whose variances are known."""

import math

import numpy as np
import pytest

from danlu.analysis.importance import importance
from danlu.core.history import fold
from danlu.core.objective import objectives_from
from danlu.errors import StudyError, UnknownName
from danlu.space import Choice, Float, Int, Space
from danlu.study import Study
from danlu.testing.pictures import journal

LOSS = objectives_from("loss")


def unit(d):
    return Space({f"x{k}": Float(0.0, 1.0) for k in range(d)})


def history_of(space, values, configs, order=None, objectives=LOSS):
    """The history of configs with these values, or endings."""
    endings = [{"loss": float(v)} if not isinstance(v, (str, dict)) else v for v in values]
    return fold(journal(space, configs, endings, objectives, order))


def searched(space, f, trials, seed=0, noise=0.0):
    """The history of a random search."""
    rng = np.random.default_rng(seed)
    configs = [space.sample(rng) for _ in range(trials)]
    return history_of(space, [f(**c) + noise * rng.standard_normal() for c in configs], configs)


def ishigami(x0, x1, x2):
    a, b, c = (math.pi * (2 * x - 1) for x in (x0, x1, x2))
    return math.sin(a) + 7 * math.sin(b) ** 2 + 0.1 * c**4 * math.sin(a)


def test_ishigami():
    # Ishigami & Homma (1990): V_1 = (1 + b π⁴/5)²/2, V_2 = a²/8, V_13 = b² π⁸ (1/18 − 1/50)
    first, second, third = 0.5 * (1 + 0.1 * math.pi**4 / 5) ** 2, 49 / 8, 0.01 * math.pi**8 * (1 / 18 - 1 / 50)
    whole = first + second + third
    found = importance(searched(unit(3), ishigami, 80))
    assert found.main["x0"].share == pytest.approx(first / whole, abs=0.02)
    assert found.main["x1"].share == pytest.approx(second / whole, abs=0.02)
    assert found.main["x2"].share == pytest.approx(0.0, abs=0.01)
    assert found.pairs["x0", "x2"].share == pytest.approx(third / whole, abs=0.02)
    assert found.unexplained.share < 0.01


def test_g_function():
    # Saltelli & Sobol' (1995): V_i = 1/3 / (1 + a_i)², products for sets, V = Π (1 + V_i) − 1
    a = (0.0, 1.0, 4.5)
    parts = [1 / 3 / (1 + one) ** 2 for one in a]
    whole = math.prod(1 + v for v in parts) - 1
    found = importance(
        searched(
            unit(3),
            lambda **x: math.prod((abs(4 * v - 2) + w) / (1 + w) for v, w in zip(x.values(), a, strict=True)),
            100,
        )
    )
    for k, part in enumerate(parts):
        assert found.main[f"x{k}"].share == pytest.approx(part / whole, abs=0.04)
    assert found.pairs["x0", "x1"].share == pytest.approx(parts[0] * parts[1] / whole, abs=0.03)


def test_choices_ints_and_log_scales_count_in_their_own_measure():
    space = Space(
        {
            "act": Choice("a", "b", "c"), "depth": Int(1, 5), "width": Int(1, 64, log=True),
            "lr": Float(1e-4, 1.0, log=True), "size": Choice("s", "m", "l", ordered=True),
        }
    )  # fmt: skip

    def parts(act, depth, width, lr, size):
        return {
            "act": {"a": 0.0, "b": 1.0, "c": 2.0}[act], "depth": 0.5 * depth, "width": 0.1 * width**0.5,
            "lr": 0.8 * math.log10(lr), "size": {"s": 0.0, "m": 0.0, "l": 1.5}[size],
        }  # fmt: skip

    v = (np.arange(5000) + 0.5) / 5000
    grids = {name: [space[name].quantile(x) for x in v] for name in space.names}
    first = {name: values[0] for name, values in grids.items()}
    variances = {
        name: np.var([parts(**first | {name: value})[name] for value in values]) for name, values in grids.items()
    }
    found = importance(searched(space, lambda **c: sum(parts(**c).values()), 60))
    for name, variance in variances.items():
        assert found.main[name].share == pytest.approx(variance / sum(variances.values()), abs=0.02), name


def test_a_pure_interaction_shows_in_the_pair_only():
    space = Space({"a": Choice("p", "q"), "b": Choice("p", "q"), "c": Float(0.0, 1.0)})
    found = importance(searched(space, lambda a, b, c: float(a != b), 30))
    assert found.pairs["a", "b"].share > 0.97
    assert all(effect.share < 0.02 for effect in found.main.values())


def test_noise_is_unexplained():
    f = lambda x0, x1: math.sqrt(12) * x0  # noqa: E731  variance 1
    found = importance(searched(unit(2), f, 120, noise=1.0))
    assert found.unexplained.share == pytest.approx(0.5, abs=0.15)
    assert found.unexplained.low < 0.5 < found.unexplained.high


def test_of_nothing_but_noise_nothing_is_said_to_matter_for_sure():
    found = importance(searched(unit(3), lambda **x: 0.0, 60, noise=1.0))
    assert found.unexplained.high > 0.8
    assert all(effect.low < 0.05 for effect in found.main.values())


def test_intervals_hold_the_truth_in_most_of_twenty_searches():
    # x0 + x1²: variances 1/12 and 4/45; noise of a third of that
    first, second = 1 / 12, 4 / 45
    noise = (first + second) / 3
    truth = {"x0": first, "x1": second, "x2": 0.0}
    held = 0
    for seed in range(20):
        found = importance(searched(unit(3), lambda x0, x1, x2: x0 + x1**2, 20, seed, math.sqrt(noise)))
        for name, part in truth.items():
            share = part / (first + second + noise)
            held += found.main[name].low - 0.01 <= share <= found.main[name].high + 0.01
    assert held >= 51  # of 60; 57 would be 95 %


def test_shares_sum_to_one():
    found = importance(searched(unit(5), lambda x0, x1, x2, x3, x4: x0 * x1 * x2 + x3, 40), pairs=3)
    assert len(found.pairs) == 3
    everything = [*found.main.values(), *found.pairs.values(), found.rest, found.unexplained]
    assert sum(effect.share for effect in everything) == pytest.approx(1.0)
    assert list(found.main.values()) == sorted(found.main.values(), key=lambda effect: -effect.share)


def test_the_order_of_the_trials_does_not_matter():
    space = Space({"o": Choice({"a": Space({"m": Float(0, 1)}), "b": None}), "x": Float(0, 1)})
    rng = np.random.default_rng(0)
    configs = [space.sample(rng) for _ in range(20)]
    values = [config["x"] + config.get("o.a.m", 0.3) for config in configs]
    expected = importance(history_of(space, values, configs))
    order = rng.permutation(20).tolist()
    assert importance(history_of(space, values, configs, order=order)) == expected
    shuffled = history_of(space, [values[k] for k in order], [configs[k] for k in order])
    assert importance(shuffled) == expected


def test_a_hyperparameter_of_a_branch_counts_where_it_is_active():
    space = Space(
        {
            "opt": Choice({"sgd": Space({"momentum": Float(0, 1)}), "adam": Space({"beta": Float(0, 1)})}),
            "x": Float(0, 1),
        }
    )

    def f(**c):
        return c["x"] + (2 * c["opt.sgd.momentum"] if c["opt"] == "sgd" else 1.5)

    # opt: means 1 and 1.5; momentum: 4/12 in half of the space; x: 1/12
    parts = {"opt": 1 / 16, "opt.sgd.momentum": 1 / 6, "x": 1 / 12, "opt.adam.beta": 0.0}
    found = importance(searched(space, f, 60))
    for name, part in parts.items():
        assert found.main[name].share == pytest.approx(part / sum(parts.values()), abs=0.02), name
    assert not any({"opt", "opt.sgd.momentum"} <= set(pair) for pair in found.pairs)
    assert not any({"opt.adam.beta", "opt.sgd.momentum"} <= set(pair) for pair in found.pairs)


def test_where_a_search_looked_most_does_not_matter():
    space, rng = unit(2), np.random.default_rng(0)
    configs = [{"x0": float(rng.beta(4, 1)), "x1": float(rng.beta(1, 3))} for _ in range(60)]
    found = importance(history_of(space, [2 * c["x0"] + c["x1"] for c in configs], configs))
    assert found.main["x0"].share == pytest.approx(0.8, abs=0.02)
    assert found.main["x1"].share == pytest.approx(0.2, abs=0.02)


def test_among_the_best_other_hyperparameters_matter_than_in_the_whole_space():
    # x0 spoils the upper 40 % of its range and is nothing below; x1 decides among the others
    found_at = {
        top: importance(searched(unit(2), lambda x0, x1: 3 * max(x0 - 0.6, 0.0) + (x1 - 0.5) ** 2, 60), top=top).main
        for top in (None, 0.1)
    }
    assert found_at[None]["x0"].share > 0.9
    assert found_at[None]["x1"].share < 0.08
    assert found_at[0.1]["x1"].share > 0.4
    assert found_at[0.1]["x0"].share < 0.2


def test_the_share_of_the_best_part_is_pearsons_divergence():
    # the best fifth is x0 < 0.2, whatever x1: P(best | x0) is 1 or 0, so x0 explains all of it
    # Pearson's divergence of uniform [0, 0.2] from uniform [0, 1] is 4 = share · 0.2 · 0.8 / 0.2²
    found = importance(searched(unit(2), lambda x0, x1: x0, 40), top=0.2)
    assert found.main["x0"].share == pytest.approx(1.0, abs=0.06)  # the edge needs more than 24 polynomials
    assert found.main["x1"].share < 0.02


def test_a_best_part_of_equals_is_as_large_as_they_are():
    space = Space({"a": Choice("p", "q", "r"), "b": Choice(True, False)})
    found = importance(searched(space, lambda a, b: float(a == "p"), 24), top=0.1)
    assert found.main["a"].share == pytest.approx(1.0, abs=0.25)
    assert found.main["b"].share < 0.2
    assert 0.99 < sum(e.share for e in [*found.main.values(), *found.pairs.values(), found.rest]) < 1.1


def test_failed_and_stopped_trials_are_left_out_and_counted():
    space, rng = unit(1), np.random.default_rng(0)
    configs = [space.sample(rng) for _ in range(15)]
    values = ["failed", "failed", "stopped", *(config["x0"] for config in configs[3:])]
    found = importance(history_of(space, values, configs))
    assert found.trials == 12
    assert found.note == "left out: 2 failed; left out: 1 stopped early"
    assert found.main["x0"].share > 0.98


def test_a_value_far_above_the_others_does_not_drown_them():
    space, rng = unit(2), np.random.default_rng(0)
    configs = [space.sample(rng) for _ in range(40)]
    values = [config["x0"] for config in configs]
    values[7] = 1e30
    found = importance(history_of(space, values, configs))
    assert "1 far worse than the others, pulled in" in found.note
    assert max(found.main, key=lambda name: found.main[name].share) == "x0"


@pytest.mark.parametrize(
    ("values", "reason"),
    [([], "0 complete trials"), ([0.1, 0.2], "2 complete trials"), ([0.5] * 12, "all losses are the same")],
)
def test_too_little_is_a_clear_answer(values, reason):
    space, rng = unit(2), np.random.default_rng(0)
    found = importance(history_of(space, values, [space.sample(rng) for _ in values]))
    assert reason in found.note
    assert not found.is_known
    assert not any(effect.is_known for effect in found.main.values())
    assert reason in str(found)


def test_what_was_never_varied_is_unknown():
    space, rng = Space({"x": Float(0, 1), "y": Float(0, 1), "one": Choice("a")}), np.random.default_rng(0)
    configs = [{"x": rng.random(), "y": 0.5, "one": "a"} for _ in range(12)]
    found = importance(history_of(space, [c["x"] for c in configs], configs))
    assert not found.main["y"].is_known
    assert found.main["one"].share == 0.0
    assert "never varied, so unknown: y" in found.note
    still = importance(history_of(space, range(12), [{"x": 0.5, "y": 0.5, "one": "a"}] * 12))
    assert "no hyperparameter was varied" in still.note


def test_each_objective_has_its_own_importance():
    study = Study(unit(2), minimize="loss", maximize="speed", subject_to=["memory <= 1"], strategy="sobol")
    for _ in range(16):
        trial = study.ask()
        x0, x1 = trial.config.values()
        study.tell(trial, loss=x0, speed=x1, memory=x0 * x0)
    assert importance(study).objective == "loss"
    assert importance(study).main["x0"].share > 0.95
    assert importance(study, objective="speed").main["x1"].share > 0.95
    assert importance(study, objective="memory").main["x0"].share > 0.95
    with pytest.raises(UnknownName, match="Did you mean 'speed'"):
        importance(study, objective="sped")


@pytest.mark.parametrize("top", [0.0, 1.0, -0.1, 10])
def test_a_part_that_is_none_is_refused(top):
    with pytest.raises(StudyError, match="0 < top < 1"):
        importance(history_of(unit(1), [], []), top=top)


def test_it_prints_as_a_table():
    lines = str(importance(searched(unit(2), lambda x0, x1: x0, 20))).splitlines()
    assert lines[0] == "importance for loss, from 20 trials"
    assert lines[1].startswith("x0 ")
    assert "%" in lines[1]
    assert lines[-1].startswith("unexplained")


def test_trials_outside_of_a_changed_space_are_left_out():
    study = Study(unit(2), minimize="loss", strategy="sobol")
    for _ in range(60):
        trial = study.ask()
        x0, x1 = trial.config["x0"], trial.config["x1"]
        study.tell(trial, loss=100.0 * (x0 > 0.5) + x1)
    assert importance(study).main["x0"].share > 0.9
    study.change(Space({"x0": Float(0.0, 0.49), "x1": Float(0.0, 1.0)}))
    told = importance(study)
    inside = sum(trial.config["x0"] <= 0.49 for trial in study.trials)
    assert told.trials == inside
    assert told.note == f"left out: {60 - inside} outside of the space as it is now"
    assert told.main["x1"].share > 0.9
