import numpy as np
import pytest
from scipy import integrate, stats

from danlu.strategies.gp import acquisition


@pytest.mark.parametrize("z", [3.0, 0.5, 0.0, -0.7, -1.0, -1.5, -4.0, -7.0])
def test_expected_improvement_is_the_integral_that_defines_it(z):
    mu, sigma = 0.4, 1.7
    best = mu + z * sigma
    slow, _ = integrate.quad(
        lambda f: (best - f) * stats.norm.pdf(f, mu, sigma), mu - 12 * sigma, best, epsabs=0, limit=200
    )
    [fast] = acquisition.log_expected_improvement(np.array([mu]), np.array([sigma]), best)
    assert fast == pytest.approx(np.log(slow), abs=1e-5)


def test_expected_improvement_neither_underflows_nor_loses_its_order():
    sigma = np.ones(2000)
    values = acquisition.log_expected_improvement(np.linspace(0.0, 1e5, 2000), sigma, 0.0)
    assert np.isfinite(values).all()
    assert (np.diff(values) < 0).all()


def test_it_is_smooth_where_its_forms_meet():
    mu = np.linspace(0.999, 1.001, 201)
    values = acquisition.log_expected_improvement(mu, np.ones(201), 0.0)
    assert np.abs(np.diff(values, 2)).max() < 1e-8


def test_probability_of_improvement_is_that_of_the_normal():
    mu, sigma = np.array([0.0, 1.0, 3.0]), np.array([1.0, 0.5, 2.0])
    expected = stats.norm.logcdf((0.2 - 0.01 - mu) / sigma)
    assert acquisition.log_probability_of_improvement(mu, sigma, 0.2) == pytest.approx(expected)


def test_a_larger_beta_likes_the_unknown_more():
    mu, sigma = np.array([0.0, 0.5]), np.array([0.1, 1.0])
    assert np.argmax(acquisition.confidence(mu, sigma, 0.1)) == 0
    assert np.argmax(acquisition.confidence(mu, sigma, 2.0)) == 1
