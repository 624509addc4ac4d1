import numpy as np
import pytest

from danlu.space import Float, Space
from danlu.strategies.gp.kernel import JITTER, kernel_of, matern, squares
from danlu.strategies.gp.surrogate import condition, fit
from danlu.strategies.layout import layout_of

LAYOUT = layout_of(Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0)}))
KERNEL = kernel_of(LAYOUT)


def data(n, seed=0, noise=0.0):
    rng = np.random.default_rng(seed)
    x = rng.random((n, 2))
    z = np.sin(5 * x[:, 0]) + x[:, 1] ** 2 + noise * rng.normal(size=n)
    return x, (z - z.mean()) / z.std()


def slow(theta, x, z, extra, at):
    """Mean and variance by the textbook (Rasmussen & Williams, eqs. 2.25 and 2.26)."""
    sf2, sn2 = np.exp(theta[KERNEL.lengths : KERNEL.lengths + 2])

    def k(a, b):
        root = np.sqrt(5 * squares(KERNEL.scaled(theta, KERNEL.features(a)), KERNEL.scaled(theta, KERNEL.features(b))))
        return matern(root, np.exp(-root), sf2)

    inverse = np.linalg.inv(k(x, x) + np.diag(sn2 + extra + JITTER))
    cross = k(at, x)
    return cross @ inverse @ z, sf2 - np.einsum("ij,jk,ik->i", cross, inverse, cross)


def test_it_believes_what_the_textbook_says():
    x, z = data(30)
    theta, extra, at = fit(KERNEL, x, z, None), np.linspace(0, 0.3, 30), np.random.default_rng(1).random((20, 2))
    mean, std = condition(KERNEL, theta, x, z, extra).predict(at)
    expected, variance = slow(theta, x, z, extra, at)
    assert mean == pytest.approx(expected, abs=1e-5)
    assert condition(KERNEL, theta, x, z, extra, at[:3]).mean(at) == pytest.approx(mean, abs=1e-9)
    assert std**2 == pytest.approx(variance, abs=1e-5)


def test_screening_agrees_to_about_two_digits():
    x, z = data(60, noise=0.01)
    surrogate = condition(KERNEL, fit(KERNEL, x, z, None), x, z, np.zeros(60))
    at = np.random.default_rng(1).random((200, 2))
    exact, quick = surrogate.predict(at), surrogate.screen(at)
    assert quick[0] == pytest.approx(exact[0], abs=2e-2)
    assert quick[1] == pytest.approx(exact[1], abs=2e-2)


def test_pending_vectors_take_uncertainty_away_and_leave_the_mean():
    x, z = data(20)
    theta, pending = fit(KERNEL, x, z, None), np.array([[0.3, 0.3], [0.9, 0.1]])
    before, after = (condition(KERNEL, theta, x, z, np.zeros(20), p) for p in (None, pending))
    at = np.random.default_rng(2).random((50, 2))
    assert after.predict(at)[0] == pytest.approx(before.predict(at)[0], abs=1e-9)
    assert (after.predict(at)[1] <= before.predict(at)[1] + 1e-9).all()
    assert (after.predict(pending)[1] < 0.5 * before.predict(pending)[1] + 0.05).all()
    assert after.at_rows() == pytest.approx(before.predict(x)[0], abs=1e-6)


def test_a_fit_finds_which_number_matters():
    rng = np.random.default_rng(3)
    x = rng.random((60, 2))
    z = np.sin(12 * x[:, 0])
    theta = fit(KERNEL, x, (z - z.mean()) / z.std(), None, 60)
    assert theta[0] < np.log(0.5) < theta[1]


def test_a_fit_sees_noise():
    quiet, loud = (fit(KERNEL, *data(80, noise=noise), None, 60)[KERNEL.lengths + 1] for noise in (0.0, 0.5))
    assert loud > np.log(0.05) > np.log(0.01) > quiet


def test_equal_rows_and_constant_targets_do_no_harm():
    x = np.full((10, 2), 0.5)
    surrogate = condition(KERNEL, fit(KERNEL, x, np.zeros(10), None), x, np.zeros(10), np.zeros(10))
    mean, std = surrogate.predict(np.array([[0.1, 0.9]]))
    assert np.isfinite([*mean, *std]).all()


def test_a_trend_is_the_mean_about_which_it_varies():
    """Rasmussen & Williams, eq. 2.38."""
    x, z = data(25)
    theta, extra, at = fit(KERNEL, x, z, None), np.linspace(0, 0.3, 25), np.random.default_rng(1).random((20, 2))
    trend = lambda x: 3.0 + x @ [1.0, -2.0]  # noqa: E731
    surrogate = condition(KERNEL, theta, x, z, extra, at[:3], trend)
    expected, _ = slow(theta, x, z - trend(x), extra, at)
    mean, std = surrogate.predict(at)
    assert mean == pytest.approx(expected + trend(at), abs=1e-5)
    assert std == pytest.approx(condition(KERNEL, theta, x, z, extra, at[:3]).predict(at)[1], abs=1e-9)
    assert surrogate.mean(at) == pytest.approx(mean, abs=1e-9)
    assert surrogate.screen(at)[0] == pytest.approx(mean, abs=2e-2)
    assert surrogate.at_rows() == pytest.approx(surrogate.mean(x), abs=1e-6)
    assert surrogate.at_pending() == pytest.approx(mean[:3], abs=1e-6)
