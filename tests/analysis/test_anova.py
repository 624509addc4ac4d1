import math

import numpy as np
import pytest

from danlu.analysis.anova import Form, covariances, draws, evidence, fit, posterior, spectrum, sum_of_threes
from danlu.analysis.basis import basis_of
from danlu.space import Float

FLAT = Form((True, True, False, True), ((), (), (), ()))
BRANCHED = Form((True, True, False, True), ((2,), (), (0, 3), (2,)))


def features(n, seed=0):
    rng = np.random.default_rng(seed)
    phi = [basis_of(Float(0.0, 1.0), 5).at(rng.random(n)) for _ in range(4)]
    phi[2] = phi[2][:, :2]
    return phi


def theta_at(form, seed=0):
    return form.beliefs[0] + 0.3 * np.random.default_rng(seed).standard_normal(len(form.beliefs[0]))


@pytest.mark.parametrize("form", [FLAT, BRANCHED])
def test_the_gradient_of_the_evidence_is_its_slope(form):
    phi, theta = features(15), theta_at(form)
    y = np.random.default_rng(3).standard_normal(15)
    slopes = [
        (evidence(form, theta + step, phi, y)[0] - evidence(form, theta - step, phi, y)[0]) / 2e-5
        for step in 1e-5 * np.eye(len(theta))
    ]
    assert evidence(form, theta, phi, y)[1] == pytest.approx(slopes, abs=1e-5)


@pytest.mark.parametrize("form", [FLAT, BRANCHED])
def test_the_covariance_is_the_sum_over_sets_written_out(form):
    phi, theta, d = features(8), theta_at(form), 4
    (m, v, tau, nu), g = np.exp(theta[:-2]).reshape(4, d), np.exp(theta[-2])
    k = [(x * spectrum(tau[h], nu[h], x.shape[1], form.smooth[h])[0]) @ x.T for h, x in enumerate(phi)]
    expected = 1.0 + sum(m[h] * k[h] for h in range(d))
    for a in range(d):
        for b in range(a + 1, d):
            if b in form.related[a]:
                continue
            expected = expected + v[a] * v[b] * k[a] * k[b]
            for c in range(b + 1, d):
                if c not in form.related[a] and c not in form.related[b]:
                    expected = expected + g * v[a] * v[b] * v[c] * k[a] * k[b] * k[c]
    found = covariances(form, theta, phi, phi)
    assert found.whole == pytest.approx(expected)
    assert sum_of_threes(form, theta, phi) == pytest.approx(found.threes.diagonal())


def test_a_spectrum_sums_to_one_and_its_slopes_are_right():
    s, by_tau, by_nu = spectrum(0.7, 2.0, 6, True)
    assert s.sum() == pytest.approx(1.0)
    up, down = math.exp(1e-6), math.exp(-1e-6)
    assert by_tau == pytest.approx(
        (spectrum(0.7 * up, 2.0, 6, True)[0] - spectrum(0.7 * down, 2.0, 6, True)[0]) / 2e-6, abs=1e-6
    )
    assert by_nu == pytest.approx(
        (spectrum(0.7, 2.0 * up, 6, True)[0] - spectrum(0.7, 2.0 * down, 6, True)[0]) / 2e-6, abs=1e-6
    )


def test_drawn_functions_have_the_mean_and_variance_of_the_process():
    form = Form((True, True), ((), ()))
    rng = np.random.default_rng(0)
    u, at = rng.random((12, 2)), rng.random((5, 2))
    phi, points = ([basis_of(Float(0.0, 1.0), 6).at(x) for x in (a[:, 0], a[:, 1])] for a in (u, at))
    y = np.sin(5 * u[:, 0]) + u[:, 1]
    theta = form.beliefs[0]
    K = covariances(form, theta, phi, phi).whole + np.exp(theta[-1]) * np.eye(12)
    cross = covariances(form, theta, points, phi).whole
    mean = cross @ np.linalg.solve(K, y)
    variance = covariances(form, theta, points, points).whole - cross @ np.linalg.solve(K, cross.T)
    drawn = posterior(form, theta, phi, y, 4000, rng).values(points)
    assert drawn.mean(axis=1) == pytest.approx(mean, abs=0.03)
    assert drawn.var(axis=1) == pytest.approx(variance.diagonal(), rel=0.12, abs=1e-3)


def test_draws_of_the_scales_are_wider_where_less_is_known():
    form = Form((True,), ((),))

    def spread(n):
        u = np.random.default_rng(1).random(n)
        phi = [basis_of(Float(0.0, 1.0), 6).at(u)]
        y = np.sin(9 * u) + 0.3 * np.random.default_rng(2).standard_normal(n)
        theta = fit(form, phi, (y - y.mean()) / y.std())
        return draws(form, theta, phi, 200, np.random.default_rng(0))[:, -1].std()

    assert spread(12) > 1.5 * spread(120)
