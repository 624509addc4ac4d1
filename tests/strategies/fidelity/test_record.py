import numpy as np
import pytest

from danlu.space import Float, Space
from danlu.strategies.fidelity.record import how_far, record_of
from danlu.strategies.layout import layout_of
from danlu.strategies.random import Random
from danlu.study import Study

LINE = Space({"x": Float(0.0, 1.0)})
STEPS = (1, 3, 9)


def studied(*curves):
    """A study of trials with such reports, {step: loss}; one that has the last step is told."""
    study = Study(LINE, minimize="loss", strategy=Random(), steps=9)
    for curve in curves:
        trial = study.ask()
        for step, loss in curve.items():
            study.report(trial, step, loss=loss)
        if 9 in curve:
            study.tell(trial)
    return study


def rows(study):
    record = record_of(study.history, layout_of(LINE), STEPS)
    return [(int(n), round(t, 3), float(v)) for n, t, v in zip(record.numbers, record.tau, record.losses, strict=True)]


def test_each_rung_that_a_trial_stands_on_is_a_row():
    study = studied({1: 0.9, 2: 0.8, 3: 0.7}, {1: 0.5, 9: 0.3})
    one, three, nine = (round(how_far(step, 9), 3) for step in STEPS)
    assert rows(study) == [(0, one, 0.9), (0, three, 0.7), (1, one, 0.5), (1, three, 0.3), (1, nine, 0.3)]


def test_how_far_a_training_is_goes_from_0_to_1_and_the_first_steps_count_most():
    assert how_far(0, 52) == 0.0
    assert how_far(52, 52) == 1.0
    assert how_far(10, 52) > 0.5


def test_a_failed_trial_counts_as_the_worst_of_all_at_the_end():
    study = studied({1: 0.9}, {1: 0.5})
    study.fail(study.ask(), "boom")
    assert rows(study)[-1] == (2, 1.0, 0.9)


def test_what_was_only_told_counts_at_the_end():
    study = studied()
    study.tell(study.ask(), loss=0.4)
    assert rows(study) == [(0, 1.0, 0.4)]


def test_nothing_but_failures_is_no_record():
    study = studied()
    study.fail(study.ask(), "boom")
    assert rows(study) == []


def test_it_is_the_same_without_what_was_remembered():
    study = studied({1: 0.9, 3: 0.7}, {1: 0.5})
    before = rows(study)
    trial = study.history.trials[1]
    study.report(trial, 3, loss=0.2)
    after = rows(study)
    assert len(after) == len(before) + 1
    study.history.memos.clear()
    assert rows(study) == after


def test_vectors_are_those_of_the_configs():
    study = studied({1: 0.9, 3: 0.7}, {1: 0.5})
    record = record_of(study.history, layout_of(LINE), STEPS)
    assert record.x[:, 0] == pytest.approx([study.trials[k].config["x"] for k in (0, 0, 1)])
    assert np.array_equal(record.rows(slice(1, 3)).numbers, [0, 1])


@pytest.mark.parametrize(("sign", "expected"), [(1, 1.0), (-1, -1.0)])
def test_first_and_last_values_agree_as_far_as_they_rank_trials_alike(sign, expected):
    study = studied(*({1: sign * k + 10.0, 9: float(k)} for k in range(6)))
    assert record_of(study.history, layout_of(LINE), STEPS).agreement(how_far(1, 9), 6) == expected


def test_of_few_trials_nothing_is_said():
    study = studied(*({1: float(k), 9: float(k)} for k in range(5)), {1: 0.5})
    assert record_of(study.history, layout_of(LINE), STEPS).agreement(how_far(1, 9), 6) is None
