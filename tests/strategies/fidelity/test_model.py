import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.space import Float, Space
from danlu.strategies.fidelity.model import curve_kernel_of, forecast
from danlu.strategies.gp.kernel import JITTER
from danlu.strategies.layout import layout_of
from danlu.testing.spaces import spaces

LINE = layout_of(Space({"x": Float(0.0, 1.0)}))


def drawn(space, count, seed):
    layout = layout_of(space)
    rng = np.random.default_rng(seed)
    x = layout.vectors(np.array([space.encode(space.sample(rng)) for _ in range(count)]))
    kernel = curve_kernel_of(layout)
    theta = np.clip(kernel.mean + 0.3 * rng.normal(size=len(kernel.mean)), kernel.low, kernel.high)
    return kernel, theta, x, rng.choice([0.0, 0.3, 0.7, 1.0], count), rng.normal(size=count)


@settings(max_examples=30, deadline=None)
@given(space=spaces(), seed=st.integers(0, 2**32))
def test_the_gradient_is_that_of_finite_differences(space, seed):
    kernel, theta, x, tau, z = drawn(space, 9, seed)
    X = kernel.configs.features(x)
    _, gradient = kernel.evidence(theta, X, tau, z)
    for k in [*range(0, len(theta), max(1, len(theta) // 9)), -4, -3, -2, -1]:
        step = np.zeros_like(theta)
        step[k] = 1e-5
        up, down = (kernel.evidence(theta + s * step, X, tau, z)[0] for s in (1, -1))
        assert gradient[k] == pytest.approx((up - down) / 2e-5, rel=2e-3, abs=2e-3)


@settings(max_examples=20, deadline=None)
@given(space=spaces(), seed=st.integers(0, 2**32))
def test_the_evidence_is_that_of_a_normal_distribution_and_its_prior(space, seed):
    from scipy import stats

    kernel, theta, x, tau, z = drawn(space, 7, seed)
    X, g = kernel.configs.features(x), kernel.configs.lengths
    Z = kernel.configs.scaled(theta[:-4], X)
    K = kernel.covariance(theta, Z, Z, tau, tau) + np.diag(np.full(7, np.exp(theta[g + 1]) + JITTER))
    slow = -stats.multivariate_normal(np.zeros(7), K, allow_singular=True).logpdf(z)
    slow += 0.5 * np.sum(((theta - kernel.mean) / kernel.deviation) ** 2)
    assert kernel.evidence(theta, X, tau, z)[0] + 3.5 * np.log(2 * np.pi) == pytest.approx(slow, rel=1e-4, abs=1e-3)


def test_the_later_of_two_values_of_a_curve_says_all():
    kernel = curve_kernel_of(LINE)
    theta = kernel.mean.copy()
    theta[kernel.configs.lengths + 1] = np.log(1e-6)  # no noise
    at = np.array([[0.5]])
    both = forecast(kernel, theta, np.repeat(at, 2, 0), np.array([0.3, 0.7]), np.array([2.0, 1.0]), np.empty((0, 1)))
    late = forecast(kernel, theta, at, np.array([0.7]), np.array([1.0]), np.empty((0, 1)))
    assert both.predict(at)[0] == pytest.approx(late.predict(at)[0], abs=1e-3)
    assert both.predict(at)[1] == pytest.approx(late.predict(at)[1], abs=1e-3)


def test_what_a_training_is_worth_is_surer_the_further_it_is():
    kernel = curve_kernel_of(LINE)
    at = np.array([[0.5]])
    sigma = [
        float(forecast(kernel, kernel.mean, at, np.array([tau]), np.array([0.5]), np.empty((0, 1))).predict(at)[1][0])
        for tau in (0.0, 0.4, 0.8, 1.0)
    ]
    assert sigma == sorted(sigma, reverse=True)
    assert sigma[-1] < 0.1 < sigma[0]


def test_a_pending_trial_leaves_the_mean_and_takes_uncertainty_away():
    kernel = curve_kernel_of(LINE)
    x, tau, z = np.array([[0.1], [0.9]]), np.array([1.0, 0.5]), np.array([1.0, -1.0])
    alone = forecast(kernel, kernel.mean, x, tau, z, np.empty((0, 1)))
    pending = forecast(kernel, kernel.mean, x, tau, z, np.array([[0.4]]))
    grid = np.linspace(0.0, 1.0, 9)[:, None]
    assert pending.predict(grid)[0] == pytest.approx(alone.predict(grid)[0], abs=1e-9)
    assert (pending.predict(grid)[1] <= alone.predict(grid)[1] + 1e-9).all()
    assert pending.predict(np.array([[0.4]]))[1][0] < 0.5 * alone.predict(np.array([[0.4]]))[1][0]


def test_it_learns_from_finished_curves_whether_early_values_mislead():
    rng = np.random.default_rng(0)
    x = np.repeat(rng.random((20, 1)), 2, axis=0)
    tau = np.tile([0.2, 1.0], 20)
    final = np.sin(6 * x[:, 0])
    faithful = np.where(tau < 1.0, final + 1.0, final)
    misleading = np.where(tau < 1.0, np.cos(9 * x[:, 0]), final)
    kernel = curve_kernel_of(LINE)

    def correlation(losses):
        z = (losses - losses.mean()) / losses.std()
        theta = kernel.fit(kernel.configs.features(x), tau, z, 60)
        return forecast(kernel, theta, x, tau, z, np.empty((0, 1))).correlation(0.2)

    assert correlation(faithful) > 0.9
    assert correlation(misleading) < 0.8
