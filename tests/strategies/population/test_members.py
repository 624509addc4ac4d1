import pytest

from danlu import Float, Space, Study
from danlu.core import event as ev
from danlu.core.trial import Fork
from danlu.strategies.population.members import Rules, can_rest, members
from danlu.strategies.random import Random

SPACE = Space({"x": Float(0.0, 1.0)})
RULES = Rules(size=4, interval=3, last=12, quantile=0.25)


def told(*curves, save=()):
    """A study whose trials reported these losses, step by step; those named keep a checkpoint after their last one."""
    study = Study(SPACE, minimize="loss", strategy=Random(), steps=12)
    for losses in curves:
        trial = study.ask()
        for step, loss in enumerate(losses, start=1):
            study.report(trial, step, loss=loss)
    for number in save:
        append(study, ev.Saved(number, len(curves[number]), f"{number}", 1))
    return study


def append(study, *events):
    study._append(lambda history, at: (events, None))


@pytest.mark.parametrize(("step", "level"), [(0, 0), (2, 0), (3, 3), (5, 3), (11, 9), (12, 9), (20, 9)])
def test_levels_are_multiples_of_the_interval_below_the_last_step(step, level):
    assert RULES.level(step) == level


def test_a_trial_is_ready_at_its_first_report_at_or_beyond_a_level():
    study = told([1, 1, 1, 1])
    at = {}
    for history in study.histories():
        for trial in history.trials:
            at[trial.curve.step] = RULES.ready(trial)
    assert at == {0: None, 1: None, 2: None, 3: 3, 4: None}


def test_a_training_at_its_end_is_compared_no_more():
    assert RULES.ready(told([1] * 12).trials[0]) is None


def test_a_fork_is_ready_on_the_levels_after_its_checkpoint_only():
    study = told([1, 1, 1], save=[0])
    append(study, ev.Suggested(1, {"x": 0.5}, "pbt", 0, None, Fork(0, 3, "0")), ev.Started(1, 1, 3))
    study.report(1, 4, loss=0.5)
    assert RULES.ready(study.trials[1]) is None
    assert len(RULES.ranked(study.history, 3)) == 1
    study.report(1, 6, loss=0.5)
    assert RULES.ready(study.trials[1]) == 6
    assert len(RULES.ranked(study.history, 6)) == 1


def test_half_of_the_population_makes_a_comparison():
    study = told([1, 1, 1])
    assert RULES.is_bottom(study.history, study.trials[0], 3) is None
    study = told([1, 1, 1], [2, 2, 2])
    assert RULES.is_bottom(study.history, study.trials[1], 3) is False  # a quarter of two is nobody


def test_the_worst_quarter_is_bottom_and_of_equals_the_later():
    study = told([1, 1, 3], [1, 1, 2], [1, 1, 3], [1, 1, 1])
    assert [RULES.is_bottom(study.history, trial, 3) for trial in study.trials] == [False, False, True, False]


def test_donors_are_the_best_that_have_a_checkpoint_and_their_place():
    curves = [[1, 1, k] for k in range(8)]
    rules = Rules(size=8, interval=3, last=12, quantile=0.25)
    study = told(*curves, save=range(8))
    assert [t.number for t in rules.donors(study.history, 3, but=7)] == [0, 1]
    append(study, ev.Finished(0, "stopped"))
    assert [t.number for t in rules.donors(study.history, 3, but=7)] == [1, 2]
    assert [t.number for t in rules.donors(told(*curves, save=[5]).history, 3, but=7)] == [5]
    assert rules.donors(told(*curves, save=[5]).history, 3, but=4) == []  # nobody copies what is worse


def test_a_checkpoint_of_the_end_is_nothing_to_go_on_from():
    study = told([1] * 12, [2] * 12, save=[0])
    assert RULES.donors(study.history, 9, but=1) == []


def test_who_failed_or_was_stopped_has_no_place():
    study = told([1], [1], [1])
    study.fail(0, "boom")
    append(study, ev.Finished(1, "stopped"))
    assert [trial.number for trial in members(study.history)] == [2]


def test_where_a_training_has_left_no_checkpoint_twice_pauses_are_of_no_use():
    study = told([1, 1, 1])
    for attempt, rests in ((2, True), (3, False)):
        append(study, ev.Started(0, attempt))
        for step in (1, 2, 3):
            study.report(0, step, loss=1)
        assert can_rest(study.trials[0], RULES) is rests
    append(study, ev.Saved(0, 3, "there", 1))
    assert can_rest(study.trials[0], RULES)


def test_no_trial_pauses_for_ever():
    study = told([1, 1, 1], save=[0])
    for attempt in range(2, 6):
        assert can_rest(study.trials[0], RULES) is (attempt <= 4)
        append(study, ev.Started(0, attempt, 2))
        study.report(0, 3, loss=1)
