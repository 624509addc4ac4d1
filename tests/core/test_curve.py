import math

from hypothesis import given
from hypothesis import strategies as st

from danlu.core.curve import EMPTY, Curve


def curve_of(*values):
    curve = Curve()
    for step, value in enumerate(values, start=1):
        curve = curve.append(step, step / 10, {"loss": value})
    return curve


def test_an_empty_curve_knows_nothing():
    assert len(EMPTY) == 0
    assert EMPTY.step == 0
    assert EMPTY.last("loss") is None
    assert EMPTY.metrics == ()
    assert EMPTY["loss"].tolist() == []


def test_columns_hold_what_was_appended():
    curve = curve_of(0.9, 0.5, 0.4)
    assert curve.steps.tolist() == [1, 2, 3]
    assert curve["loss"].tolist() == [0.9, 0.5, 0.4]
    assert curve.elapsed.tolist() == [0.1, 0.2, 0.3]
    assert curve.last("loss") == 0.4


def test_a_metric_that_a_report_lacks_is_nan_there():
    curve = curve_of(0.9).append(2, 0.2, {"accuracy": 0.5}).append(3, 0.3, {"loss": 0.4})
    assert curve["accuracy"].tolist()[1] == 0.5
    assert math.isnan(curve["accuracy"][0])
    assert math.isnan(curve["loss"][1])
    assert curve.at(1) == {"accuracy": 0.5}
    assert curve.last("accuracy") == 0.5


def test_an_append_leaves_the_shorter_curve_as_it_was():
    short = curve_of(0.9, 0.5)
    one, other = short.append(3, 0.3, {"loss": 0.1}), short.append(3, 0.3, {"loss": 0.2})
    assert short["loss"].tolist() == [0.9, 0.5]
    assert one["loss"].tolist() == [0.9, 0.5, 0.1]
    assert other["loss"].tolist() == [0.9, 0.5, 0.2]


def test_a_metric_that_only_a_longer_curve_has_is_unknown_to_the_shorter():
    short = curve_of(0.9)
    short.append(2, 0.2, {"loss": 0.5, "accuracy": 0.1})
    assert short.metrics == ("loss",)
    assert short.last("accuracy") is None


def test_until_cuts_behind_a_step_and_can_be_continued():
    curve = curve_of(0.9, 0.5, 0.4)
    cut = curve.until(2)
    assert cut["loss"].tolist() == [0.9, 0.5]
    assert cut.append(3, 0.3, {"loss": 0.6})["loss"].tolist() == [0.9, 0.5, 0.6]
    assert curve["loss"].tolist() == [0.9, 0.5, 0.4]
    assert curve.until(99) is curve


@given(st.lists(st.tuples(st.booleans(), st.floats(-1, 1)), max_size=40))
def test_any_mix_of_forks_equals_plain_lists(moves):
    """Each move appends to the newest curve, or forks from half of it first."""
    curve, plain = Curve(), []
    for fork, value in moves:
        if fork:
            half = len(plain) // 2
            curve, plain = curve.until(plain[half - 1][0] if half else 0), plain[:half]
        step = plain[-1][0] + 1 if plain else 1
        curve, plain = curve.append(step, 0.0, {"loss": value}), [*plain, (step, value)]
    assert list(zip(curve.steps.tolist(), curve["loss"].tolist(), strict=True)) == plain


def test_the_same_report_appended_twice_is_kept_once():
    """A decision is worked out on a curve with the report, which is then recorded: that must not copy the curve."""
    short = curve_of(0.9, 0.5)
    one = short.append(3, 0.3, {"loss": 0.1, "other": math.nan})
    other = short.append(3, 0.3, {"loss": 0.1})
    assert one._columns is other._columns
    assert other["loss"].tolist() == [0.9, 0.5, 0.1]
    assert short.append(3, 0.4, {"loss": 0.1})._columns is not one._columns
