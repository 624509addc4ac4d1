import numpy as np
import pytest

from danlu.space import Float, Space
from danlu.strategies.evolution import folding
from danlu.strategies.evolution.folding import folded
from danlu.study import Study

SPACE = Space({"x": Float(0.0, 1.0)})


@pytest.fixture(autouse=True)
def without_memory():
    folding.forget()


def study_of(losses, seed=0, **objectives):
    study = Study(SPACE, strategy="random", seed=seed, **(objectives or {"minimize": "loss"}))
    for loss in losses:
        trial = study.ask()
        study.fail(trial) if loss is None else study.tell(trial, loss=loss)
    return study


class Counting:
    """A fold that remembers the losses, and counts its steps."""

    def __init__(self):
        self.steps = 0

    def __call__(self, state, ended):
        self.steps += 1
        return (*state, ended.losses[0])

    def over(self, study, key="key"):
        return folded(study.history, key, tuple, self)


def test_trials_come_in_order_of_ending():
    study = study_of([])
    first, second, third = (study.ask() for _ in range(3))
    for trial, loss in ((second, 2.0), (third, 3.0), (first, 1.0)):
        study.tell(trial, loss=loss)
    assert Counting().over(study) == (2.0, 3.0, 1.0)


def test_a_history_that_goes_on_costs_only_its_new_trials():
    study, count = study_of([]), Counting()
    for k in range(300):
        study.tell(study.ask(), loss=float(k))
        count.over(study)
        assert count.over(study)[-1] == k
    assert count.steps == 300


def test_the_same_trials_read_again_are_known_by_their_content():
    study, count = study_of([1.0, None, 3.0]), Counting()
    count.over(study)
    again = study_of([1.0, None, 3.0, 4.0])
    assert again.history.arrays().u.base is not study.history.arrays().u.base
    assert count.over(again)[2:] == (3.0, 4.0)
    assert count.steps == 4


@pytest.mark.parametrize(
    ("losses", "seed", "key"), [([1.0, 5.0, 3.0], 0, "key"), ([1.0, 2.0, 3.0], 1, "key"), ([1.0, 2.0, 3.0], 0, "other")]
)
def test_other_trials_and_other_settings_are_not_taken_for_known_ones(losses, seed, key):
    count = Counting()
    count.over(study_of([1.0, 2.0, 3.0]))
    assert count.over(study_of(losses, seed), key) == tuple(losses)
    assert count.steps == 6


def test_who_suggested_a_trial_is_part_of_its_content():
    study, queued, count = study_of([1.0]), study_of([]), Counting()
    queued.queue(study.trials[0].config)
    queued.tell(queued.ask(), loss=1.0)
    count.over(study)
    count.over(queued)
    assert count.steps == 2


def test_a_prefix_of_a_known_history_has_its_own_state():
    study, count = study_of([1.0, 2.0, 3.0, 4.0]), Counting()
    count.over(study)
    histories = list(study.histories())
    assert folded(histories[4].where(lambda t: t.number < 2), "key", tuple, count) == (1.0, 2.0)


def test_losing_the_memo_changes_nothing():
    study, count = study_of([1.0, None, 3.0]), Counting()
    before = count.over(study)
    folding.forget()
    np.testing.assert_array_equal(count.over(study), before)
    assert count.steps == 6


def test_violations_are_shares_of_the_bounds():
    study = Study(
        SPACE, minimize="loss", subject_to=["memory <= 8", "accuracy >= 0.5", "flaws <= 0"], strategy="random"
    )
    told = [
        {"memory": 6.0, "accuracy": 0.7, "flaws": 0.0},
        {"memory": 10.0, "accuracy": 0.4, "flaws": 0.0},
        {"memory": 1.0, "accuracy": 0.5, "flaws": 3.0},
    ]
    for metrics in told:
        study.tell(study.ask(), loss=1.0, **metrics)
    study.fail(study.ask())
    found = folded(study.history, "key", tuple, lambda state, ended: (*state, ended.violation))
    assert found == pytest.approx((0.0, 0.25 + 0.2, 3.0, np.inf))


def test_trials_outside_of_a_space_that_was_changed_are_left_out():
    study = study_of([0.5, 0.2, 0.9, None, 0.4])
    inside = [trial.config["x"] >= 0.4 for trial in study.trials]
    assert 0 < sum(inside) < 5
    counting = Counting()
    counting.over(study)
    study.change(Space({"x": Float(0.4, 1.0)}))
    expected = [loss for loss, there in zip([0.5, 0.2, 0.9, np.nan, 0.4], inside, strict=True) if there]
    assert np.array_equal(counting.over(study, "another space, another key"), expected, equal_nan=True)
    folding.forget()
    assert np.array_equal(counting.over(study, "another space, another key"), expected, equal_nan=True)
