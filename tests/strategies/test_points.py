import numpy as np

from danlu.numerics.sobol import sobol
from danlu.space import Float, Int, Space
from danlu.strategies.points import point

HALF = Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0)}, where="a < b")


def test_without_constraints_they_are_the_points_of_the_sequence():
    space = Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0)})
    for k in (0, 7, 1000):
        assert point(space, 3, k) == space.quantile(sobol(k, 2, 3).tolist())


def test_with_constraints_they_are_those_that_are_allowed_in_their_order():
    expected = [c for c in map(HALF.quantile, sobol(np.arange(2000), 2, 3).tolist()) if c["a"] < c["b"]]
    assert [point(HALF, 3, k) for k in range(900)] == expected[:900]


def test_they_do_not_depend_on_what_was_asked_before():
    late = point(HALF, 11, 500)
    [point(HALF, 11, k) for k in range(10)]
    assert point(HALF, 11, 500) == late


def test_where_there_are_no_more_it_is_the_default():
    space = Space({"a": Int(1, 400), "b": Int(1, 400)}, where=["a == 397", "b == 2"])
    assert point(space, 0, 3) == space.default()
