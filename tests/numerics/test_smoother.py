import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.numerics import smoother as sm
from danlu.numerics.smoother import Smoother, smooth


def sample(n, d, seed=0, missing=0.0):
    """Coordinates and losses; a share of the last coordinate is missing."""
    rng = np.random.default_rng(seed)
    u = rng.random((n, d))
    u[rng.random(n) < missing, -1] = np.nan
    return u, np.sin(5 * u[:, 0]) + 0.1 * rng.normal(size=n)


def kernel(fitted: Smoother, a, b):
    """k(a, b), one hyperparameter at a time, by its definition."""
    product = 1.0
    for h, length in enumerate(fitted.lengths):
        if np.isnan(a[h]) or np.isnan(b[h]):
            both = np.isnan(a[h]) and np.isnan(b[h])
            x, y = (0.5 if np.isnan(v[h]) else v[h] for v in (a, b))
            r = 0.0 if both else 0.5 if fitted.unordered[h] else np.hypot(x - y, 0.5)
        else:
            r = abs(a[h] - b[h])
            r = (0.5 if r > 0 else 0.0) if fitted.unordered[h] else r
        s = np.sqrt(5) * r / length
        product *= (1 + s + s**2 / 3) * np.exp(-s)
    return product


def predicted(fitted: Smoother, at):
    """The mean of the full process at points of all coordinates."""
    k = np.array([[kernel(fitted, a, b) for b in fitted.u] for a in at])
    return fitted.mean + fitted.scale * k @ fitted.alpha


@pytest.mark.parametrize("unordered", [(False, False, False), (False, True, False), (False, False, True)])
@pytest.mark.parametrize("shown", [[0], [1], [2, 0]])
def test_partial_dependence_is_the_average_of_full_predictions(shown, unordered):
    u, losses = sample(12, 3, missing=0.3)
    fitted = smooth(u, losses, unordered)
    at = np.random.default_rng(1).random((4, len(shown)))
    means, _, _ = fitted.partial(shown, at)
    for point, mean in zip(at, means, strict=True):
        everywhere = fitted.u.copy()
        everywhere[:, shown] = point
        assert mean == pytest.approx(predicted(fitted, everywhere).mean(), abs=1e-9)


def test_the_standard_deviation_is_that_of_the_average_of_the_process():
    u, losses = sample(10, 2)
    fitted = smooth(u, losses, [False, False])
    (std,) = fitted.partial([0], np.array([[0.3]]))[1]
    everywhere = fitted.u.copy()
    everywhere[:, 0] = 0.3
    prior = np.array([[kernel(fitted, a, b) for b in everywhere] for a in everywhere])
    across = np.array([[kernel(fitted, a, b) for b in fitted.u] for a in everywhere])
    covariance = prior - across @ fitted.inverse @ across.T
    assert std == pytest.approx(fitted.scale * np.sqrt(fitted.amplitude * covariance.mean()), rel=1e-6)


def test_the_inverse_is_that_of_the_kernel_with_its_noise():
    u, losses = sample(15, 2, missing=0.4)
    fitted = smooth(u, losses, [False, True])
    K = np.array([[kernel(fitted, a, b) for b in u] for a in u]) + fitted.noise * np.eye(15)
    assert K @ fitted.inverse == pytest.approx(np.eye(15), abs=1e-8)


def test_it_goes_through_losses_that_have_no_noise():
    u = np.linspace(0, 1, 12)[:, None]
    fitted = smooth(u, np.cos(4 * u[:, 0]), [False])
    means, stds, explained = fitted.partial([0], u)
    assert means == pytest.approx(np.cos(4 * u[:, 0]), abs=0.02)
    assert explained.min() > 0.99
    assert stds.max() < 0.05


def test_nothing_is_explained_far_from_all_trials_and_the_mean_is_their_own():
    u = np.array([[0.0], [0.01], [0.02], [0.03]])
    fitted = smooth(u, np.array([1.0, 2.0, 3.0, 4.0]), [False], lengths=(0.02,), noise=1e-4)
    (mean,), (std,), (explained,) = fitted.partial([0], np.array([[1.0]]))
    assert explained == pytest.approx(0.0, abs=1e-6)
    assert mean == pytest.approx(2.5, abs=1e-6)
    assert std == pytest.approx(fitted.scale * np.sqrt(fitted.amplitude))


def test_one_trial_is_its_own_mean_everywhere():
    fitted = smooth(np.array([[0.3, np.nan]]), np.array([0.7]), [False, False])
    means, stds, explained = fitted.partial([0], np.array([[0.0], [0.3], [1.0]]))
    assert means == pytest.approx([0.7] * 3)
    assert np.isfinite(stds).all()
    assert explained[1] == explained.max() > 0.6


@pytest.mark.parametrize("value", [0.0, -3.5, 1e9])
def test_equal_losses_give_a_flat_line(value):
    u, _ = sample(20, 2)
    fitted = smooth(u, np.full(20, value), [False, False])
    means, stds, _ = fitted.partial([1], np.linspace(0, 1, 9)[:, None])
    assert means == pytest.approx(np.full(9, value))
    assert stds.max() < 1e-5
    assert fitted.main_effects() == pytest.approx([0.0, 0.0])


def test_a_hyperparameter_without_effect_is_found_to_have_none():
    rng = np.random.default_rng(0)
    u = rng.random((60, 3))
    effects = smooth(u, 3 * u[:, 1] ** 2, [False] * 3).main_effects()
    assert effects[1] == effects.max() > 0.1
    assert effects[[0, 2]].max() < 0.01 * effects[1]


def test_the_effect_of_a_choice_is_the_variance_of_its_options_means():
    u = np.array([[(k % 3 + 0.5) / 3] for k in range(60)])
    values = np.array([[0.0, 1.0, 5.0][k % 3] for k in range(60)])
    effect = smooth(u, values, [True]).main_effects()[0]
    assert effect == pytest.approx(np.var([0.0, 1.0, 5.0]), rel=0.02)


def test_a_hyperparameter_with_one_value_has_no_effect():
    u, losses = sample(20, 2)
    u[:, 1] = 0.5
    assert smooth(u, losses, [False, False]).main_effects()[1] == 0.0


def test_noise_is_told_from_a_signal():
    rng = np.random.default_rng(0)
    u = rng.random((80, 1))
    clean = smooth(u, np.sin(3 * u[:, 0]), [False])
    noisy = smooth(u, np.sin(3 * u[:, 0]) + rng.normal(size=80), [False])
    assert clean.noise == min(sm.NOISES)
    assert noisy.noise == max(sm.NOISES)


def test_lengths_and_noise_that_are_given_are_taken():
    u, losses = sample(20, 2)
    fitted = smooth(u, losses, [False, False], lengths=(0.1, 4.0), noise=0.5)
    assert (fitted.lengths, fitted.noise) == ((0.1, 4.0), 0.5)


def test_of_many_trials_the_best_are_among_those_that_are_used():
    u, losses = sample(1000, 2)
    fitted = smooth(u, losses, [False, False])
    used = {tuple(row) for row in fitted.u}
    assert len(used) == 320
    assert all(tuple(u[k]) in used for k in np.argsort(losses)[:80])


def test_the_same_trials_give_the_same_process():
    u, losses = sample(30, 3, missing=0.2)
    one, other = (smooth(u.copy(), losses.copy(), [False, False, True]) for _ in range(2))
    at = np.linspace(0, 1, 7)[:, None]
    for a, b in zip(one.partial([0], at), other.partial([0], at), strict=True):
        assert np.array_equal(a, b)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 25))
def test_the_order_of_trials_does_not_matter(seed, n):
    u, losses = sample(n, 2, seed, missing=0.3)
    order = np.random.default_rng(seed).permutation(n)
    at = np.linspace(0, 1, 5)[:, None]
    one = smooth(u, losses, [False, False], lengths=(0.4, 0.8), noise=1e-2).partial([0], at)
    other = smooth(u[order], losses[order], [False, False], lengths=(0.4, 0.8), noise=1e-2).partial([0], at)
    for a, b in zip(one, other, strict=True):
        assert a == pytest.approx(b, abs=1e-7)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    unordered=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    lengths=st.tuples(*[st.sampled_from(sm.LENGTHS)] * 3),
)
def test_the_kernel_is_positive_definite_with_inactive_values_and_options(seed, unordered, lengths):
    rng = np.random.default_rng(seed)
    u = np.round(rng.random((20, 3)) * 3) / 3  # many equal values
    u[rng.random((20, 3)) < 0.3] = np.nan
    K = np.ones((20, 20))
    for h, length in enumerate(lengths):
        K *= sm._kernel(sm._apart(u[:, h], u[:, h], unordered[h]), length)
    assert np.array_equal(K, K.T)
    assert np.diag(K) == pytest.approx(np.ones(20))
    assert np.linalg.eigvalsh(K).min() > -1e-9


@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=12),
    seed=st.integers(0, 1000),
)
def test_no_losses_are_too_large_too_small_or_too_alike(values, seed):
    u, _ = sample(len(values), 2, seed, missing=0.3)
    fitted = smooth(u, np.array(values), [False, True])
    for table in fitted.partial([0], np.linspace(0, 1, 5)[:, None]):
        assert np.isfinite(table).all()
