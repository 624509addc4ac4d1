import numpy as np
import pytest
from scipy.stats import truncnorm

from danlu.space import Choice, Float, Int, Space
from danlu.strategies.evolution.distribution import begin, truncated_normal, variables_of, within
from danlu.strategies.layout import layout_of

SPACE = Space(
    {
        "fixed": Int(3, 3),
        "narrow": Float(2.0, 2.0),
        "depth": Int(1, 5),
        "lr": Float(1e-4, 1.0, log=True),
        "flag": Choice(True, False),
        "half": Float(0.0, 1.0, step=1.0),
        "branch": Choice({"a": Space({"k": Float(0.0, 1.0)}), "b": None}),
    }
)


def variables():
    return variables_of(layout_of(SPACE))


def test_what_has_one_value_is_no_variable_and_what_has_two_is_a_choice():
    found = variables()
    names = np.array(SPACE.names)
    assert names[found.numbers].tolist() == ["lr", "branch.a.k", "depth"]
    assert found.continuous == 2
    assert names[found.choices].tolist() == ["flag", "half", "branch"]
    assert [values.tolist() for values in found.values] == [[0.0, 1.0]] * 3


def test_draws_have_the_mean_and_the_spread_that_were_asked_for():
    space = Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0), "c": Choice("x", "y", "z")})
    distribution = begin(variables_of(layout_of(space)), np.array([0.4, 0.6]), 0.05, 8)
    rng = np.random.default_rng(0)
    x = np.array([distribution.draw(rng) for _ in range(4000)])
    assert x[:, :2].mean(axis=0) == pytest.approx([0.4, 0.6], abs=0.004)
    assert x[:, :2].std(axis=0) == pytest.approx([0.05, 0.05], rel=0.05)
    assert np.bincount(x[:, 2].astype(int)) / 4000 == pytest.approx([1 / 3] * 3, abs=0.03)


def test_a_generation_gives_another_distribution_and_leaves_this_one_as_it_was():
    first = begin(variables(), np.full(3, 0.5), 0.2, 8)
    rng = np.random.default_rng(0)
    x = np.array([first.draw(rng) for _ in range(8)])
    mean, draw = first.mean.copy(), first.draw(np.random.default_rng(1))
    second = first.after(x[np.argsort(x[:, 3])], np.random.default_rng(2))
    third = first.after(x[np.argsort(x[:, 3])], np.random.default_rng(2))
    assert second.mean[0] < mean[0]  # lr is the first number, slot 3
    np.testing.assert_array_equal(first.mean, mean)
    np.testing.assert_array_equal(first.draw(np.random.default_rng(1)), draw)
    np.testing.assert_array_equal(second.mean, third.mean)


def test_a_sample_lies_in_the_cell_that_its_config_was_cut_to():
    layout = layout_of(SPACE)
    x = np.array([layout.vectors(SPACE.encode(config)[None])[0] for config in (
        SPACE.config({"depth": 1, "lr": 1.0, "branch": "a", "branch.a.k": 0.25}),
        SPACE.config({"depth": 3, "lr": 0.01, "branch": "b"}),
    )])  # fmt: skip
    low, high = variables().cells(x)
    np.testing.assert_allclose(low, [[1.0, 0.25, -np.inf], [0.5, -np.inf, 0.375]])
    np.testing.assert_allclose(high, [[np.inf, 0.25, 0.125], [0.5, np.inf, 0.625]])


def test_an_inactive_hyperparameter_neither_moves_nor_narrows_the_distribution():
    space = Space({"c": Choice({"a": Space({"k": Float(0.0, 1.0)}), "b": None}), "y": Float(0.0, 1.0)})
    distribution = begin(variables_of(layout_of(space)), np.array([0.3, 0.5]), 0.1, 200)
    rng = np.random.default_rng(0)
    x = np.array([distribution.draw(rng) for _ in range(200)])
    x[:, 0], x[:, 1] = 1.0, 0.5  # all of them in branch b, where k is idle
    after = distribution.after(x, rng)
    assert after.mean[0] == pytest.approx(0.3, abs=0.02)
    assert after.optimiser._C[0, 0] == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize(
    ("low", "high"), [(-1.0, 2.0), (-np.inf, 0.3), (1.5, np.inf), (5.0, 5.1), (-9.0, -8.5), (-np.inf, np.inf)]
)
def test_quantiles_of_a_truncated_normal_are_those_of_scipy(low, high):
    uniform = np.array([0.01, 0.4, 0.99])
    found = truncated_normal(np.full(3, low), np.full(3, high), uniform)
    assert found == pytest.approx(truncnorm.ppf(uniform, low, high), rel=1e-6)


def test_a_truncated_normal_far_out_stays_within_its_bounds():
    low, high = np.array([50.0, -np.inf, 1e3, -np.inf]), np.array([np.inf, -50.0, 1e3 + 1, np.inf])
    assert truncated_normal(low, high, np.array([0.5, 0.5, 0.0, 0.0])).tolist() == [50.0, -50.0, 1e3, 0.0]


def test_what_is_known_stays_and_what_is_not_is_drawn_given_it():
    C = np.array([[1.0, 0.8, 0.3], [0.8, 2.0, 0.1], [0.3, 0.1, 0.5]])
    low, high = np.full((20_000, 3), -np.inf), np.full((20_000, 3), np.inf)
    low[:, 1] = high[:, 1] = 1.5
    y = within(low, high, C, np.random.default_rng(0).random(low.shape))
    # Rasmussen & Williams (2006), eq. A.6: mean C_ab C_bb⁻¹ 1.5, covariance C_aa − C_ab C_bb⁻¹ C_ba
    rest, b = [0, 2], C[[0, 2], 1]
    assert (y[:, 1] == 1.5).all()
    assert y[:, rest].mean(axis=0) == pytest.approx(b / 2.0 * 1.5, abs=0.02)
    np.testing.assert_allclose(np.cov(y[:, rest].T), C[np.ix_(rest, rest)] - np.outer(b, b) / 2.0, atol=0.02)


def test_samples_within_bounds_stay_within_them_also_where_the_covariance_is_singular():
    B = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    C = B @ np.diag([0.0, 1e-18, 1.0]) @ B.T
    low, high = np.array([[0.2, -np.inf, 3.0]] * 5), np.array([[0.4, -2.0, 3.0]] * 5)
    y = within(low, high, C, np.random.default_rng(1).random((5, 3)))
    assert ((low - 1e-12 <= y) & (y <= high + 1e-12)).all()
    assert np.isfinite(y).all()


def test_each_vector_may_have_other_coordinates_that_are_known():
    low = np.array([[1.0, -np.inf], [-np.inf, 2.0], [0.5, 0.7], [-np.inf, -np.inf]])
    y = within(low, np.where(np.isfinite(low), low, np.inf), np.eye(2), np.full((4, 2), 0.975))
    np.testing.assert_allclose(y, [[1.0, 1.959964], [1.959964, 2.0], [0.5, 0.7], [1.959964, 1.959964]], rtol=1e-6)
