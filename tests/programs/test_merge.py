import math

import pytest

from danlu.errors import ProgramMute
from danlu.programs.merge import Merge
from danlu.programs.reading import Reading


def reports(readings, goals=("loss",), step=None, others=()):
    merge = Merge(goals, step, others)
    return [report for reading in readings for report in merge.take([Reading(*reading)])] + merge.end()


def test_metrics_of_one_step_are_one_report():
    said = [(1, {"acc": 0.5}), (1, {"loss": 3.0}), (2, {"acc": 0.6}), (2, {"loss": 2.0})]
    assert reports(said) == [(1, {"acc": 0.5, "loss": 3.0}), (2, {"acc": 0.6, "loss": 2.0})]


def test_a_step_is_reported_as_soon_as_its_objective_is_there():
    merge = Merge(["loss"])
    assert merge.take([Reading(1, {"loss": 3.0})]) == [(1, {"loss": 3.0})]


def test_several_objectives_are_waited_for_but_no_constraint():
    said = [(1, {"loss": 3.0}), (1, {"acc": 0.5}), (1, {"memory": 1.0})]
    assert reports(said, ("loss", "acc"), others=["memory"]) == [(1, {"loss": 3.0, "acc": 0.5})]


def test_steps_without_the_objective_are_reported_when_it_comes_again():
    said = [(0, {"loss": 3.0}), (10, {"train": 1.0}), (20, {"train": 0.9}), (30, {"loss": 2.0})]
    assert reports(said) == [(0, {"loss": 3.0}), (10, {"train": 1.0}), (20, {"train": 0.9}), (30, {"loss": 2.0})]


def test_other_metrics_may_be_told_in_another_unit():
    said = [(1, {"train": 9.0}), (256, {"train": 8.0}), (1, {"loss": 3.0}), (512, {"train": 7.0}), (2, {"loss": 2.0})]
    assert reports(said) == [(1, {"train": 8.0, "loss": 3.0}), (2, {"train": 7.0, "loss": 2.0})]


def test_objectives_without_a_step_are_counted():
    assert reports([(None, {"loss": 3.0}), (None, {"loss": 2.0})]) == [(1, {"loss": 3.0}), (2, {"loss": 2.0})]
    told = reports([(None, {"acc": 0.1, "loss": 3.0}), (None, {"loss": 2.0}), (None, {"acc": 0.2})])
    assert told == [(1, {"acc": 0.1, "loss": 3.0}), (2, {"loss": 2.0})]


def test_an_objective_without_a_step_belongs_to_the_step_that_has_begun():
    said = [(1, {"train": 1.0}), (None, {"loss": 3.0}), (2, {"train": 0.9}), (None, {"loss": 2.0})]
    assert reports(said) == [(1, {"train": 1.0, "loss": 3.0}), (2, {"train": 0.9, "loss": 2.0})]


def test_an_objective_that_comes_again_in_its_step_counts_with_its_last_value():
    said = [(1, {"loss": 9.0}), (1, {"loss": 8.0}), (2, {"loss": 7.0}), (2, {"loss": 6.0}), (3, {"loss": 5.0})]
    assert reports(said) == [(1, {"loss": 9.0}), (2, {"loss": 6.0}), (3, {"loss": 5.0})]


def test_what_no_report_has_is_told_at_the_end():
    merge = Merge(["loss"])
    merge.take([Reading(1, {"loss": 9.0}), Reading(1, {"loss": 8.0, "time": 3.0})])
    merge.end()
    assert merge.untold() == {"loss": 8.0, "time": 3.0}


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([1, 2, 3, 1, 2, 3], [1, 2, 3, 4, 5, 6]),
        ([0, 1, 0, 1, 0, 1], [0, 1, 2, 3, 4, 5]),
        ([100, 200, 100, 200], [100, 200, 300, 400]),
        ([10, 30, 20, 40], [10, 30, 40]),
        ([5, 5, 5], [5]),
    ],
    ids=["folds", "folds from 0", "counter of each epoch", "one is late", "the same"],
)
def test_steps_increase_whatever_the_program_says(steps, told):
    assert [step for step, _ in reports([(step, {"loss": 1.0}) for step in steps])] == told


def test_a_program_that_goes_on_is_not_heard_before_it_is_further_than_it_was():
    said = [(4, {"loss": 3.0}), (5, {"loss": 3.0}), (6, {"loss": 2.0})]
    assert reports(said, step=5) == [(6, {"loss": 2.0})]


def test_the_place_that_gives_the_objective_first_counts_the_steps():
    merge = Merge(["loss"])
    assert merge.take([Reading(400, {"train": 1.0})], 0) == []
    assert merge.take([Reading(1, {"loss": 3.0})], 1) == [(1, {"loss": 3.0})]
    assert merge.take([Reading(800, {"train": 0.5, "loss": 9.0})], 0) == []
    assert merge.take([Reading(2, {"loss": 2.0})], 1) == [(2, {"train": 0.5, "loss": 2.0})]


def test_what_came_before_the_first_objective_is_reported_with_it():
    merge = Merge(["loss"])
    assert merge.take([Reading(1, {"train": 1.0}), Reading(2, {"train": 0.9})]) == []
    assert merge.take([Reading(3, {"loss": 3.0})]) == [(1, {"train": 1.0}), (2, {"train": 0.9}), (3, {"loss": 3.0})]


def test_the_objective_may_have_a_like_name_in_the_program():
    assert reports([(1, {"val_loss": 3.0})]) == [(1, {"val_loss": 3.0, "loss": 3.0})]
    assert reports([(1, {"val_acc": 0.5})], ["validation accuracy"])[0][1]["validation accuracy"] == 0.5


def test_an_objective_that_could_be_two_metrics_is_refused():
    with pytest.raises(ProgramMute, match=r"'loss' could be any of train_loss, val_loss"):
        reports([(1, {"train_loss": 3.0}), (1, {"val_loss": 3.0})])


def test_an_objective_that_diverges_is_reported_as_it_is():
    [(step, metrics)] = reports([(1, {"loss": math.nan})])
    assert step == 1
    assert math.isnan(metrics["loss"])


def test_where_nothing_is_looked_for_all_is_reported():
    said = [(1, {"a": 1.0}), (1, {"b": 2.0}), (2, {"a": 3.0})]
    assert reports(said, ()) == [(1, {"a": 1.0, "b": 2.0}), (2, {"a": 3.0})]
    assert reports([(None, {"a": 1.0}), (None, {"b": 2.0}), (None, {"a": 3.0})], ()) == [
        (1, {"a": 1.0, "b": 2.0}),
        (2, {"a": 3.0}),
    ]


def test_where_files_are_named_one_objective_of_the_output_is_no_lead():
    merge = Merge(["loss"], has_files=True)
    assert merge.take([Reading(None, {"loss": 0.1})], 0) == []
    assert merge.take([Reading(1, {"loss": 0.9}), Reading(2, {"loss": 0.1})], 1) == [
        (1, {"loss": 0.9}),
        (2, {"loss": 0.1}),
    ]
    assert merge.end() == []


def test_where_named_files_have_none_the_output_leads_from_its_second_objective_on_or_at_the_end():
    merge = Merge(["loss"], has_files=True)
    assert merge.take([Reading(1, {"loss": 0.9})], 0) == []
    assert merge.take([Reading(2, {"loss": 0.5})], 0) == [(1, {"loss": 0.9}), (2, {"loss": 0.5})]
    single = Merge(["loss"], has_files=True)
    single.take([Reading(3, {"loss": 0.5})], 0)
    assert single.end() == [(3, {"loss": 0.5})]
    assert single.last == {"loss": 0.5}
