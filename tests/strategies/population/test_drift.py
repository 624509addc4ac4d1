import numpy as np
import pytest
from scipy.stats import multivariate_normal

from danlu.strategies.population.drift import Shape, covariance, drifting, evidence


def naive(shape, X, t):
    """The covariance as the module's notation has it, pair by pair."""
    K = np.empty((len(X), len(X)))
    for i in range(len(X)):
        for j in range(len(X)):
            r = np.sqrt(((X[i] - X[j]) ** 2).sum()) / shape.length
            matern = (1 + np.sqrt(5) * r + 5 / 3 * r**2) * np.exp(-np.sqrt(5) * r)
            K[i, j] = matern * (1 - shape.drift) ** (abs(t[i] - t[j]) / 2)
    return K


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return rng.random((12, 2)), rng.integers(1, 6, 12).astype(float), rng.standard_normal(12)


def test_the_covariance_is_what_the_notation_says(rows):
    X, t, _ = rows
    shape = Shape(0.4, 0.1, 0.2)
    assert covariance(shape, X, t, X, t) == pytest.approx(naive(shape, X, t), abs=1e-7)


def test_the_evidence_is_a_normal_density(rows):
    X, t, z = rows
    shape = Shape(0.4, 0.3, 0.2)
    K = naive(shape, X, t) + 0.3 * np.eye(len(X))
    exact = multivariate_normal(np.zeros(len(X)), K).logpdf(z) + 0.5 * len(X) * np.log(2 * np.pi)
    assert evidence(shape, X, t, z) == pytest.approx(exact, abs=1e-6)


def test_a_prediction_is_the_conditional_of_a_normal(rows):
    X, t, z = rows
    pending, at = np.array([[0.2, 0.9]]), np.array([[0.3, 0.3], [0.21, 0.9]])
    model = drifting(X, t, z, pending, 4.0)
    mean, deviation = model.predict(at, 4.0)
    everything = np.concatenate([X, pending, at])
    times = np.concatenate([t, [4.0, 4.0, 4.0]])
    K, n = naive(model.shape, everything, times), len(X)
    noisy = K[: n + 1, : n + 1] + model.shape.noise * np.eye(n + 1)
    exact = K[n + 1 :, :n] @ np.linalg.solve(noisy[:n, :n], z)
    variance = K[n + 1 :, n + 1 :] - K[n + 1 :, : n + 1] @ np.linalg.solve(noisy, K[: n + 1, n + 1 :])
    assert mean == pytest.approx(exact, abs=1e-6)
    assert deviation == pytest.approx(np.sqrt(variance.diagonal()), abs=1e-6)


def test_what_turns_round_is_seen_to_drift_and_what_does_not_is_not():
    rng = np.random.default_rng(1)
    x, t = rng.random((80, 1)), np.repeat(np.arange(8.0), 10)
    steady = np.sin(6 * x[:, 0]) + 0.1 * rng.standard_normal(80)
    turning = np.sin(6 * x[:, 0] + 0.9 * t) + 0.1 * rng.standard_normal(80)
    assert drifting(x, t, steady, x[:0], 8.0).shape.drift == 0.0
    assert drifting(x, t, turning, x[:0], 8.0).shape.drift >= 0.15


def test_drift_makes_what_is_long_ago_uncertain():
    x, t, z = np.array([[0.5]]), np.array([1.0]), np.array([1.0])
    shape = Shape(0.3, 0.1, 0.5)
    near, far = (covariance(shape, x, np.array([s]), x, t)[0, 0] for s in (1.0, 9.0))
    assert (near, far) == pytest.approx((1.0, 0.5**4), abs=1e-6)
    assert len(z) == 1
