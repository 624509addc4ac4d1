import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu import Choice, Float, Int, Space, Study
from danlu.strategies.gp.gp import GP, recommended

PLANE = Space({"x": Float(0.0, 1.0), "y": Float(0.0, 1.0)})


def bowl(config):
    return sum((v - 0.3) ** 2 for v in config.values())


def noisy(trial):
    return bowl(trial.config) + 0.1 * np.random.default_rng(trial.seed).normal()


def jagged(trial):
    """Deterministic, though no smooth surface explains it."""
    return bowl(trial.config) + 0.1 * np.sin(1e4 * trial.config["x"] + 1e3 * trial.config["y"])


def searched(loss, trials, strategy="gp", space=PLANE, seed=0):
    study = Study(space, minimize="loss", strategy=strategy, seed=seed)
    for _ in range(trials):
        trial = study.ask()
        study.tell(trial, loss=loss(trial))
    return study


def repeats(study):
    return [trial for trial in study.trials if "repeat of" in trial.origin]


def test_where_training_is_noisy_leading_configs_are_tried_again_with_other_seeds():
    study = searched(noisy, 60)
    assert 2 <= len(repeats(study)) <= (60 - 16) // 16 + 1
    for trial in repeats(study):
        original = study.trials[int(trial.origin.split("repeat of trial ")[1].split(",")[0])]
        assert original.config == trial.config
        assert original.seed != trial.seed
        assert original.number < trial.number
    assert study.verify() == []


def test_all_else_that_is_tried_is_new():
    study = searched(noisy, 60)
    assert study.history.distinct == 60 - len(repeats(study))


def test_two_equal_repeats_prove_that_training_is_deterministic():
    study = searched(jagged, 80)
    assert len(repeats(study)) == 2
    assert study.recommended is study.best


def test_a_smooth_function_is_never_tried_twice():
    assert not repeats(searched(lambda trial: bowl(trial.config), 40))


def test_one_repeat_that_differs_outweighs_any_that_came_out_the_same():
    study = searched(lambda trial: round(noisy(trial), 1), 90)
    assert len(repeats(study)) > 2


@pytest.mark.parametrize("strategy", [GP(repeats=False), "random"])
def test_who_does_not_want_repeats_gets_none(strategy):
    assert searched(noisy, 40, strategy).history.distinct == 40


def test_a_small_space_is_rather_tried_in_full():
    space = Space({"n": Int(1, 10), "c": Choice("a", "b", "c", "d")})
    rng = np.random.default_rng(0)
    study = searched(lambda trial: rng.normal(), 40, space=space)
    assert study.history.distinct == 40
    assert study.ask() is None


def test_several_objectives_have_no_repeats():
    study = Study(PLANE, minimize=["a", "b"], strategy="gp", seed=0)
    for _ in range(30):
        trial = study.ask()
        study.tell(trial, a=noisy(trial), b=-noisy(trial))
    assert study.history.distinct == 30


def test_eight_workers_do_not_repeat_at_once():
    study = searched(noisy, 40)
    waiting = [study.ask() for _ in range(8)]
    assert sum("repeat of" in trial.origin for trial in waiting) <= 1


def test_what_misses_a_constraint_is_not_tried_again():
    study = Study(PLANE, minimize="loss", subject_to=["c <= 0.5"], strategy="gp", seed=0)
    for _ in range(60):
        trial = study.ask()
        study.tell(trial, loss=noisy(trial) + trial.config["x"], c=1.0 - trial.config["x"])
    assert repeats(study)
    assert all(trial.is_feasible for trial in repeats(study))


def test_an_explanation_says_that_the_next_suggestion_is_a_repeat():
    study = searched(noisy, 60)
    first = repeats(study)[0]
    before = next(h for h in study.histories() if h.asks == first.number and not h.pending)
    assert f"gp: {GP().explain(before).next}" == first.origin


@pytest.mark.parametrize("size", [1e-12, 1e-6])
def test_noise_that_explains_nothing_does_not_outvote_the_losses(size):
    """Sums in another order: not quite deterministic, but the best is the best."""
    study = searched(lambda trial: jagged(trial) + size * np.random.default_rng(trial.seed).normal(), 70)
    assert repeats(study)
    assert study.recommended.config == study.best.config


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), repeated=st.integers(1, 3))
def test_without_noise_the_best_is_recommended_however_often_configs_are_repeated(seed, repeated):
    study = searched(jagged, 12, "random", seed=seed)
    for _ in range(repeated):
        study.queue(study.best.config)
        study.tell(trial := study.ask(), loss=jagged(trial))
    assert recommended(study.history) is study.history.best
