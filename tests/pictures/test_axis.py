import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.core.objective import Objective
from danlu.pictures.axis import Axis, axis_of, brief, edges, log_ticks, number_axis, rounded, shown, value_axis
from danlu.space import Choice, Float, Int
from danlu.testing.spaces import dimensions

LOSS, ACCURACY = Objective("loss"), Objective("accuracy", "maximize")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-5, "1e-5"), (0.00123456, "0.001235"), (0.2, "0.2"), (12345.6, "12350"), (1e9, "1e9"), (0.0, "0"),
        (64, "64"), (-2.5e-7, "-2.5e-7"), ("relu", "relu"), (True, "True"), (1_500_000, "1.5e6"),
    ],
)  # fmt: skip
def test_values_are_written_as_people_write_them(value, text):
    assert brief(value) == text


def test_numbers_keep_so_many_significant_digits():
    assert [rounded(0.123456), rounded(123456.0), rounded(0.123456, 2)] == [0.1235, 123500.0, 0.12]


def test_an_axis_keeps_the_digits_that_it_can_show():
    assert Axis("loss", 0.0, 2.0).rounded(0.123456) == 0.123
    assert Axis("accuracy", 0.9931, 0.9934).rounded(0.99325678) == 0.9932568
    assert Axis("lr", 1e-5, 1e-1, log=True).rounded(0.000123456) == 0.0001235
    assert Axis("big", 1e9, 1e9 + 1000).rounded(1e9 + 123.456) == 1e9 + 123


def test_a_log_axis_goes_by_ratios():
    axis = Axis("lr", 1e-4, 1e-2, log=True)
    assert axis.share(1e-3) == pytest.approx(0.5)
    assert axis.at(0.5) == pytest.approx(1e-3)


def test_options_stand_in_the_middle_of_their_own_places():
    axis = axis_of("activation", Choice("relu", "gelu"))
    assert [axis.share("relu"), axis.share("gelu")] == [0.25, 0.75]
    assert [axis.at(0.1), axis.at(0.9), axis.at(1.0)] == ["relu", "gelu", "gelu"]


def test_options_of_the_same_look_are_told_apart():
    axis = axis_of("size", Choice(1, "1", True))
    assert axis.options == ("1", "'1'", "True")
    assert [shown(axis, value) for value in (1, "1", True)] == ["1", "'1'", "True"]


def test_a_hyperparameter_has_its_own_scale_ends_and_steps():
    axis = axis_of("lr", Float(1e-5, 1e-1, log=True))
    assert (axis.low, axis.high, axis.log) == (1e-5, 1e-1, True)
    assert axis.ticks == (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
    assert axis_of("depth", Int(1, 4)).ticks == (1, 2, 3, 4)
    assert axis_of("dropout", Float(0.0, 0.6)).ticks == ()


@pytest.mark.parametrize("dimension", [Float(2.0, 2.0), Int(3, 3), Float(1e18, 1e18), Float(5.0, 5.0, log=True)])
def test_a_hyperparameter_with_one_value_has_it_in_the_middle(dimension):
    assert axis_of("a", dimension).share(dimension.low) == pytest.approx(0.5)


@settings(max_examples=100, deadline=None)
@given(dimensions(), st.floats(0, 1, exclude_max=True))
def test_every_value_of_a_dimension_lies_on_its_axis(dimension, v):
    axis = axis_of("a", dimension)
    share = axis.share(shown(axis, dimension.quantile(v)))
    assert -1e-3 <= share <= 1 + 1e-3
    assert axis.low < axis.high


def test_ticks_are_powers_of_ten_or_of_two_in_their_own_units():
    assert log_ticks(1e-4, 1e-2) == (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2)
    assert log_ticks(16, 256, whole=True) == (16, 32, 64, 128, 256)
    assert log_ticks(3.1, 3.2) == (3.1, 3.2)
    assert len(log_ticks(1e-150, 1e150)) <= 12


def test_the_axis_of_values_holds_all_of_them_with_room():
    axis = value_axis(LOSS, np.array([0.3, 0.5, 0.9]))
    assert axis.low < 0.3
    assert axis.high > 0.9
    assert not axis.log
    assert not axis.is_cut


def test_values_over_more_than_two_decades_are_on_a_log_axis():
    axis = value_axis(LOSS, np.array([1e-3, 1e-2, 0.5]))
    assert axis.log
    assert 0 < axis.low < 1e-3
    assert not value_axis(LOSS, np.array([-1e-3, 1e-2, 5.0])).log


def test_rewards_below_zero_are_on_a_linear_axis():
    axis = value_axis(ACCURACY, np.array([1.0, 10.0, 500.0]))  # losses: the values are -1, -10 and -500
    assert not axis.log
    assert axis.low < -500 < -1 < axis.high


def test_a_few_far_worse_values_are_left_beyond_the_axis():
    losses = np.array([0.2 + 0.01 * k for k in range(40)] + [50.0])
    axis = value_axis(LOSS, losses)
    assert axis.is_cut
    assert axis.high < 1.0
    assert axis.is_beyond(50.0)
    assert not axis.is_beyond(0.3)


def test_what_is_large_is_at_the_good_end_if_it_is_maximised():
    axis = value_axis(ACCURACY, -np.array([0.7, 0.8, 0.9]))
    assert axis.low < 0.7 < 0.9 < axis.high
    assert axis.bad == axis.low
    assert axis.title == "accuracy (higher is better)"


def test_without_a_value_the_axis_is_unknown():
    assert value_axis(LOSS, np.array([math.nan, math.inf])).is_unknown
    assert not value_axis(LOSS, np.array([1.0])).is_unknown


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30), st.sampled_from([LOSS, ACCURACY]))
def test_the_axis_of_any_values_has_two_finite_ends(losses, objective):
    axis = value_axis(objective, np.array(losses, dtype=float))
    assert axis.low < axis.high
    assert all(map(math.isfinite, (axis.low, axis.high, axis.share(axis.at(0.3)))))
    for loss in losses:
        if math.isfinite(loss):
            assert 0 <= axis.share(axis.clip(objective.loss(loss))) <= 1


def test_trial_numbers_have_whole_ticks():
    assert number_axis(4).ticks == (0, 1, 2, 3)
    assert number_axis(0).low < 0 < number_axis(0).high
    assert number_axis(2000).low == -39.98


def test_cells_meet_half_way_between_their_levels():
    assert edges([1, 2, 4], Axis("a", 1, 4)) == [0.5, 1.5, 3.0, 5.0]
    assert edges([0.01, 0.1], Axis("a", 0.01, 0.1, log=True)) == pytest.approx([10**-2.5, 10**-1.5, 10**-0.5], rel=1e-4)
