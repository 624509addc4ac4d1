from danlu.programs.reading import Reading
from danlu.programs.steps import Steps, count, parted


def test_metric_that_comes_once_an_epoch_is_told_by_epochs() -> None:
    steps = Steps()
    assert [steps.step("val", {"epoch": e, "step": 100 * e}) for e in (1, 2, 3)] == [1, 2, 3]


def test_metric_that_comes_twice_in_an_epoch_is_told_by_the_smaller_count_from_then_on() -> None:
    steps = Steps()
    counts = [(1, 100), (1, 200), (2, 300), (3, 400)]
    assert [steps.step("val", {"epoch": e, "step": s}) for e, s in counts] == [1, 200, 300, 400]


def test_count_that_begins_again_in_each_epoch_is_counted_on() -> None:
    steps = Steps()
    counts = [(1, 50), (1, 100), (2, 50), (2, 100), (3, 50)]
    told = [steps.step("loss", {"epoch": e, "batch": b}) for e, b in counts]
    assert told == [1, 100, 150, 200, 250]


def test_each_metric_has_its_own_unit() -> None:
    steps = Steps()
    assert steps.readings({"step": 10}, {"loss": 1.0}) == [Reading(10, {"loss": 1.0})]
    assert steps.readings({"epoch": 1}, {"val": 2.0}) == [Reading(1, {"val": 2.0})]
    assert steps.readings({"step": 20, "epoch": 2}, {"loss": 1.0, "val": 2.0}) == [
        Reading(20, {"loss": 1.0}),
        Reading(2, {"val": 2.0}),
    ]


def test_epochs_from_zero_are_told_from_one_and_steps_as_they_are() -> None:
    steps = Steps()
    assert [steps.step("val", {"epoch": e}) for e in (0, 1, 2)] == [1, 2, 3]
    assert [steps.step("loss", {"step": s}) for s in (0, 10)] == [0, 10]


def test_fraction_of_an_epoch_is_no_step_and_none_comes_after_it() -> None:
    steps = Steps()
    assert [steps.step("val", {"epoch": e}) for e in (0.5, 1.0, 1.5)] == [None, None, None]


def test_without_a_count_there_is_no_step() -> None:
    assert Steps().readings({}, {"loss": 1.0}) == [Reading(None, {"loss": 1.0})]


def test_counts_are_known_by_their_last_part() -> None:
    assert count("trainer/global_step") == "global_step"
    assert count("Epoch") == "epoch"
    assert count("step_size") is None
    assert parted({"epoch": 1, "val/loss": 0.5}) == ({"epoch": 1}, {"val_loss": 0.5})
