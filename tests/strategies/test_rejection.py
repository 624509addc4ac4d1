import numpy as np

from danlu.space import Float, Space
from danlu.strategies.layout import layout_of
from danlu.strategies.rejection import allowed_draws


def drawn(where, count):
    """Draws, and how many each call was asked for."""
    layout = layout_of(Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0)}, where))
    rng, asked = np.random.default_rng(0), []

    def draw(size):
        asked.append(size)
        return rng.random((size, 2))

    return allowed_draws(layout, count, draw), asked


def test_without_constraints_one_draw_is_enough():
    x, asked = drawn((), 64)
    assert (x.shape, asked) == ((64, 2), [64])


def test_as_many_as_are_wanted_are_found_and_all_are_allowed():
    x, asked = drawn("a < b / 8", 64)
    assert x.shape == (64, 2)
    assert (x[:, 0] < x[:, 1] / 8).all()
    assert asked == [64 << max(k - 1, 0) for k in range(len(asked))]


def test_of_a_thin_region_there_are_fewer_after_a_bounded_number_of_draws():
    x, asked = drawn("abs(a - b) < 0.001", 64)
    assert len(x) < 20
    assert sum(asked) == 64 * 32
