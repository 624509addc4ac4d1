import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.strategies.gp.kernel import kernel_of
from danlu.strategies.layout import layout_of
from danlu.testing.spaces import spaces


def drawn(space, count, seed):
    layout = layout_of(space)
    rng = np.random.default_rng(seed)
    x = layout.vectors(np.array([space.encode(space.sample(rng)) for _ in range(count)]))
    kernel = kernel_of(layout)
    theta = np.clip(kernel.mean + 0.3 * rng.normal(size=len(kernel.mean)), kernel.low, kernel.high)
    return kernel, theta, x, rng


@settings(max_examples=40, deadline=None)
@given(space=spaces(), seed=st.integers(0, 2**32))
def test_the_gradient_is_that_of_finite_differences(space, seed):
    kernel, theta, x, rng = drawn(space, 9, seed)
    X, z, extra = kernel.features(x), rng.normal(size=9), 0.1 * rng.random(9)
    _, gradient = kernel.evidence(theta, X, z, extra)
    for k in range(0, len(theta), max(1, len(theta) // 12)):
        step = np.zeros_like(theta)
        step[k] = 1e-5
        up, down = (kernel.evidence(theta + s * step, X, z, extra)[0] for s in (1, -1))
        assert gradient[k] == pytest.approx((up - down) / 2e-5, rel=2e-3, abs=2e-3)


@settings(max_examples=40, deadline=None)
@given(space=spaces(), seed=st.integers(0, 2**32))
def test_the_evidence_is_that_of_a_normal_distribution_and_its_prior(space, seed):
    from scipy import stats

    from danlu.strategies.gp.kernel import JITTER, matern, squares

    kernel, theta, x, rng = drawn(space, 7, seed)
    X, z, extra = kernel.features(x), rng.normal(size=7), 0.1 * rng.random(7)
    Z = kernel.scaled(theta, X)
    root = np.sqrt(5 * squares(Z, Z))
    np.fill_diagonal(root, 0.0)
    sf2, sn2 = np.exp(theta[kernel.lengths : kernel.lengths + 2])
    K = matern(root, np.exp(-root), sf2) + np.diag(sn2 + extra + JITTER)
    slow = -stats.multivariate_normal(np.zeros(7), K, allow_singular=True).logpdf(z)
    slow += 0.5 * np.sum(((theta - kernel.mean) / kernel.deviation) ** 2)
    fast, _ = kernel.evidence(theta, X, z, extra)
    assert fast + 3.5 * np.log(2 * np.pi) == pytest.approx(slow, rel=1e-5, abs=1e-4)


def test_two_options_are_at_distance_one_and_two_inactive_branches_at_none():
    from danlu.space import Choice, Float, Space

    space = Space({"c": Choice({"a": Space({"u": Float(0.0, 1.0)}), "b": None, "d": None})})
    kernel = kernel_of(layout_of(space))
    X = kernel.features(np.array([[1.0, 0.5], [2.0, 0.5], [0.0, 0.5]]))
    gap = ((X[:, None] - X[None]) ** 2).sum(axis=-1)
    assert gap[0, 1] == pytest.approx(1.0)
    assert gap[0, 2] == pytest.approx(1.5)  # another option, and its branch is switched on


@settings(max_examples=40, deadline=None)
@given(space=spaces(), seed=st.integers(0, 2**32))
def test_the_gradient_is_that_of_finite_differences_for_rows_outside_of_the_space_too(space, seed):
    kernel, theta, x, rng = drawn(space, 9, seed)
    options = np.array([slot.options for slot in kernel.layout.slots])
    away = rng.random(x.shape) < 0.3
    x = np.where(away, np.where(options > 0, options, rng.uniform(-10.0, 11.0, x.shape)), x)
    X, z, extra = kernel.features(x), rng.normal(size=9), 0.1 * rng.random(9)
    _, gradient = kernel.evidence(theta, X, z, extra)
    for k in range(0, len(theta), max(1, len(theta) // 12)):
        step = np.zeros_like(theta)
        step[k] = 1e-5
        up, down = (kernel.evidence(theta + s * step, X, z, extra)[0] for s in (1, -1))
        assert gradient[k] == pytest.approx((up - down) / 2e-5, rel=2e-3, abs=2e-3)


def test_the_warp_goes_on_as_a_straight_line_outside_of_the_space():
    from danlu.space import Float, Space

    kernel = kernel_of(layout_of(Space({"x": Float(0.0, 1.0)})))
    theta = kernel.mean.copy()
    theta[0], theta[-2:] = 0.0, (0.7, -0.4)
    w = kernel.scaled(theta, np.array([[-2.0], [-0.5], [0.0], [1.0], [1.5], [3.0]]))[:, 0]
    assert w == pytest.approx([-2.0, -0.5, 0.0, 1.0, 1.5, 3.0], abs=1e-3)


def test_a_removed_option_is_as_far_from_one_option_as_from_another_and_switches_nothing_on():
    from danlu.space import Choice, Float, Space

    space = Space({"c": Choice({"a": Space({"u": Float(0.0, 1.0)}), "b": None})})
    layout = layout_of(space)
    x = layout.vectors(np.array([space.place({"c": c}) for c in ("removed", "a", "b")]))
    assert layout.active(x).tolist() == [[True, False], [True, True], [True, False]]
    X = kernel_of(layout).features(x)[:, 1:3]
    assert ((X[0] - X[1:]) ** 2).sum(axis=1) == pytest.approx([0.5, 0.5])
