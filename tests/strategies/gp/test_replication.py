from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu import Choice, Decision, Float, Int, Space, Status, Study
from danlu.strategies.gp.gp import GP
from danlu.strategies.gp.posterior import kept_of
from danlu.strategies.gp.recommendation import recommended
from danlu.strategies.gp.replication import is_noisy, reach_of
from danlu.strategies.layout import layout_of
from danlu.strategies.random import Random
from danlu.strategies.rows import Rows, rows_of

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


def test_where_training_looks_noisy_a_leading_config_is_tried_again_with_another_seed():
    study = searched(noisy, 40)
    [again] = repeats(study)  # it came out otherwise, so noise is known
    original = study.trials[int(again.origin.split("repeat of trial ")[1].split(",")[0])]
    assert original.config == again.config
    assert original.seed != again.seed
    assert original.number < again.number
    assert study.history.distinct == 39
    assert study.verify() == []


def test_two_equal_repeats_prove_that_training_is_deterministic():
    study = searched(jagged, 50)
    assert len(repeats(study)) == 2
    assert study.recommended is study.best


def test_a_smooth_function_is_never_tried_twice():
    assert not repeats(searched(lambda trial: bowl(trial.config), 40))


def test_a_repeat_that_failed_proves_nothing():
    def loss(trial):
        return float("nan") if "repeat of" in trial.origin else noisy(trial)

    assert len(repeats(searched(loss, 40))) > 2


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


def test_many_workers_repeat_no_more_than_the_test_takes():
    [first] = repeats(searched(noisy, 40))
    study = searched(noisy, first.number)
    waiting = [study.ask() for _ in range(32)]
    assert [k for k, trial in enumerate(waiting) if "repeat of" in trial.origin] == [0, 8]
    assert len({trial.config for trial in waiting}) == 32


def test_what_misses_a_constraint_is_not_tried_again():
    study = Study(PLANE, minimize="loss", subject_to=["c <= 0.5"], strategy="gp", seed=0)
    for _ in range(40):
        trial = study.ask()
        study.tell(trial, loss=noisy(trial) + trial.config["x"], c=1.0 - trial.config["x"])
    assert repeats(study)
    assert all(trial.is_feasible for trial in repeats(study))


def test_an_explanation_says_that_the_next_suggestion_is_a_repeat():
    study = searched(noisy, 30)
    first = repeats(study)[0]
    before = next(h for h in study.histories() if h.asks == first.number and not h.pending)
    assert f"gp: {GP().explain(before).next}" == first.origin


def rows_with(x, losses):
    n = len(x)
    none = np.empty((0, x.shape[1]))
    return Rows(np.arange(n), x, losses[:, None], np.empty((n, 0)), np.zeros(n), none, none, np.ones(n, dtype=bool))


def test_a_difference_counts_as_noise_up_to_a_quantile_of_the_deviation_within_configs():
    study = Study(Space({"x": Float(0.0, 1.0)}), minimize="loss", strategy="manual")
    for x, loss in ((0.0, 0.0), (0.5, 5.0), (0.0, 2.0), (0.5, 5.0), (1.0, 9.0)):
        study.queue({"x": x})
        study.tell(study.ask(), loss=loss)
    reach = reach_of(study.history, rows_of(study.history, layout_of(study.space)))
    assert reach == pytest.approx(22.327, rel=1e-4)  # t of 2 degrees at 0.999; the variance is 1 + 1 over 2


def test_a_trial_that_was_stopped_early_is_no_evidence_of_noise():
    @dataclass(frozen=True)
    class Stopping(Random):
        def decide(self, history, trial):
            return Decision.STOP if trial.number == 1 else Decision.CONTINUE

    study = Study(PLANE, minimize="loss", strategy=Stopping())
    study.tell(study.ask(), loss=0.1)
    study.queue(study.best.config)
    study.report(study.ask(), 1, loss=0.9)
    assert study.trials[1].status is Status.STOPPED
    assert not is_noisy(study.history, rows_of(study.history, layout_of(PLANE)))


def test_a_config_is_one_row_of_the_surrogate_in_a_long_study_too():
    rng = np.random.default_rng(0)
    x = rng.random((700, 2))
    x[500:] = x[rng.integers(0, 500, 200)]
    rows = rows_with(x, rng.normal(size=700))
    kept = kept_of(rows)
    assert len(np.unique(x[kept], axis=0)) == len(kept) <= 400
    assert set(rows.same.first[rows.best_first()[:100]]) <= set(kept)


@pytest.mark.parametrize("size", [1e-12, 1e-6])
def test_noise_that_explains_nothing_does_not_outvote_the_losses(size):
    """Sums in another order: not quite deterministic, but the best is the best."""
    study = searched(lambda trial: jagged(trial) + size * np.random.default_rng(trial.seed).normal(), 50)
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
