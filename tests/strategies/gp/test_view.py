import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from danlu.strategies.gp.view import VIEWS, clipped, powered

LOSSES = st.lists(st.floats(-1e300, 1e300, allow_nan=False), min_size=1, max_size=40)


@pytest.mark.parametrize("view", VIEWS)
@settings(max_examples=200, deadline=None)
@given(losses=LOSSES)
def test_a_view_is_finite_standardised_and_keeps_the_order(view, losses):
    y = np.array(losses)
    z = view(y.copy())
    assert np.isfinite(z).all()
    assert z.mean() == pytest.approx(0.0, abs=1e-6)
    assert z.std() == pytest.approx(1.0, abs=1e-5) or (z == 0.0).all()
    order = np.argsort(y, kind="stable")
    assert (np.diff(z[order]) >= -1e-9).all()


def test_the_power_of_a_lognormal_sample_is_about_its_logarithm():
    y = np.exp(np.random.default_rng(0).normal(size=400))
    assert abs(stats.skew(powered(y))) < 0.15
    assert np.corrcoef(powered(y), np.log(y))[0, 1] > 0.999


def test_the_power_agrees_with_scipys_likelihood():
    y = np.random.default_rng(1).gamma(2.0, size=200)
    _, best = stats.boxcox(y)
    expected = stats.boxcox(y, lmbda=round(best * 10) / 10)
    assert np.corrcoef(powered(y), expected)[0, 1] > 0.99999


def test_clipping_leaves_the_good_half_as_it_is():
    y = np.concatenate([np.linspace(0.0, 1.0, 20), [50.0]])
    z = clipped(y)
    gaps = np.diff(z[:20])
    assert gaps == pytest.approx(np.full(19, gaps[0]))
    assert z[20] < z[19] + 12 * (z[19] - z[0])


def test_one_diverged_loss_does_not_flatten_the_others():
    y = np.append(np.linspace(0.1, 0.2, 30), 1e12)
    for view in VIEWS:
        assert np.ptp(view(y)[:30]) > 0.5
