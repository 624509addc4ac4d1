import numpy as np

from danlu.space.column import column, inactive_where, is_active


def test_numbers_and_truth_values_are_floats_and_others_objects():
    assert column([1, 2.5, True]).tolist() == [1.0, 2.5, 1.0]
    assert column(["a", 16, True]).tolist() == ["a", 16, True]
    assert column(["a", 16]).dtype == object


def test_what_is_inactive_is_marked_in_both():
    for values in ([1.0, None, 3.0], ["a", None, "c"]):
        assert is_active(column(values)).tolist() == [True, False, True]
    for values in ([1.0, 2.0], ["a", "b"]):
        assert is_active(inactive_where(np.array([True, False]), column(values))).tolist() == [False, True]
