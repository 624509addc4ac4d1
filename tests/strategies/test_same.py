import numpy as np
import pytest

from danlu import Choice, Float, Space
from danlu.strategies.gp.kernel import kernel_of
from danlu.strategies.gp.surrogate import condition
from danlu.strategies.layout import layout_of
from danlu.strategies.same import same_of

X = np.array([[0.1, 0.0], [0.5, 1.0], [0.1, 0.0], [0.1, 1.0], [0.5, 1.0], [0.1, 0.0]])


def test_the_first_row_of_a_config_stands_for_all_of_it():
    same = same_of(X)
    assert same.first.tolist() == [0, 1, 0, 3, 1, 0]
    assert same.distinct.tolist() == [0, 1, 3]
    assert same.again.tolist() == [2, 4, 5]
    assert same.count.tolist() == [3, 2, 3, 1, 2, 3]
    np.testing.assert_allclose(same.mean(np.array([1.0, 5.0, 2.0, 7.0, 9.0, 6.0])), [3.0, 7.0, 3.0, 7.0, 7.0, 3.0])


def test_without_repeats_losses_stay_as_they_are_to_the_last_bit():
    losses = np.random.default_rng(0).normal(size=3)
    assert same_of(X[[0, 1, 3]]).mean(losses).tobytes() == losses.tobytes()


def test_no_rows_are_no_trouble():
    assert not len(same_of(np.empty((0, 2))).mean(np.empty(0)))


@pytest.mark.parametrize("noise", [1e-3, 0.1, 1.0])
def test_the_mean_of_repeats_tells_a_surrogate_all_that_they_do(noise):
    """A posterior is the same after r losses of noise σ² at one place, and after their mean of noise σ²/r."""
    kernel = kernel_of(layout_of(Space({"x": Float(0.0, 1.0), "c": Choice("a", "b")})))
    theta = kernel.mean.copy()
    theta[kernel.lengths + 1] = np.log(noise)
    same, z = same_of(X), np.array([0.3, -1.0, 0.5, 1.2, -0.7, -0.4])
    kept = same.distinct
    each = condition(kernel, theta, X, z, np.zeros(len(z)))
    less = noise / same.count[kept] - noise
    merged = condition(kernel, theta, X[kept], same.mean(z)[kept], less)
    asked = np.array([[0.1, 0.0], [0.3, 1.0], [0.9, 0.0]])
    for one, other in zip(each.predict(asked), merged.predict(asked), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
