import numpy as np
import pytest

from danlu.strategies.evolution.variation import polynomial, simulated_binary


def children(a, b, eta, count=4000):
    rng = np.random.default_rng(0)
    return np.array([simulated_binary(np.array([a]), np.array([b]), eta, rng)[0] for _ in range(count)])


@pytest.mark.parametrize(("a", "b"), [(0.4, 0.6), (0.6, 0.4), (0.0, 1.0), (0.1, 0.11), (0.0, 0.3)])
def test_children_stay_within_the_range(a, b):
    found = children(a, b, 2.0)
    assert found.min() >= 0.0
    assert found.max() <= 1.0


def test_half_of_the_numbers_come_from_the_first_parent_as_they_are():
    assert np.mean(children(0.4, 0.6, 20.0) == 0.4) == pytest.approx(0.5, abs=0.04)


def test_the_others_lie_about_both_parents_alike():
    found = children(0.4, 0.6, 20.0)
    crossed = found[found != 0.4]
    assert crossed.mean() == pytest.approx(0.5, abs=0.01)
    assert np.mean(crossed < 0.5) == pytest.approx(0.5, abs=0.05)


def test_the_spread_has_the_distribution_of_the_paper():
    # far from the bounds P(β ≤ t) = t^(η+1) / 2 for t ≤ 1, 1 − t^−(η+1) / 2 beyond (Deb & Agrawal 1995)
    found = children(0.49, 0.51, 3.0)
    beta = np.abs(found[found != 0.49] - 0.5) / 0.01
    for t in (0.7, 0.9, 1.0, 1.2, 2.0):
        assert np.mean(beta <= t) == pytest.approx(t**4 / 2 if t <= 1 else 1 - t**-4 / 2, abs=0.04)


def test_equal_parents_have_children_like_themselves():
    assert set(children(0.25, 0.25, 20.0, 20)) == {0.25}


def test_mutation_far_from_the_bounds_has_the_quantiles_of_the_paper():
    # δ = (2u)^(1/(η+1)) − 1 below u = 1/2, 1 − (2 (1 − u))^(1/(η+1)) above (Deb et al. 2002), bounds out of reach
    u = np.array([0.05, 0.3, 0.5, 0.7, 0.95])
    delta = np.where(u < 0.5, (2 * u) ** (1 / 21) - 1, 1 - (2 * (1 - u)) ** (1 / 21))
    assert polynomial(np.full(5, 0.5), 20.0, u) - 0.5 == pytest.approx(delta, abs=1e-6)


def test_mutation_spans_the_range_and_never_leaves_it():
    ends = polynomial(np.array([0.0, 0.0, 0.3, 0.3, 1.0]), 20.0, np.array([0.2, 1.0 - 1e-16, 0.0, 1.0 - 1e-16, 0.9]))
    assert ends.tolist() == pytest.approx([0.0, 1.0, 0.0, 1.0, 1.0], abs=0.2)
    assert ((ends >= 0) & (ends <= 1)).all()
