import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.stats import truncnorm

from danlu.errors import SpaceError
from danlu.space import Choice, Float, Int, Space
from danlu.space.belief import FLOOR
from danlu.testing.spaces import dimensions, spaces

LR = Float(1e-5, 1e-1, log=True, likely=(1e-4, 1e-2))
GRID = np.linspace(0.0, 1.0, 2001)


def density(dimension, u):
    """Without the share of the uniform distribution."""
    return (np.exp(dimension.log_belief(np.atleast_1d(np.asarray(u, dtype=float)))) - FLOOR) / (1.0 - FLOOR)


# numbers


def test_a_belief_is_a_normal_about_the_middle_of_what_is_likely_cut_to_the_range():
    expected = truncnorm.pdf(GRID, -2.0, 2.0, loc=0.5, scale=0.25)
    assert np.allclose(density(LR, GRID), expected, rtol=1e-9)


def test_a_belief_at_an_end_is_cut_there():
    dimension = Float(0.0, 1.0, likely=(0.8, 1.0))
    expected = truncnorm.pdf(GRID, -9.0, 1.0, loc=0.9, scale=0.1)
    assert np.allclose(density(dimension, GRID), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dimension", [LR, Float(0.0, 10.0, likely=(1.0, 3.0)), Float(-1.0, 1.0, likely=(-0.1, 0.1))])
def test_about_two_of_three_draws_are_likely(dimension):
    draws = dimension.decode_all(dimension.believed_all((np.arange(4000) + 0.5) / 4000))
    low, high = dimension.likely
    assert 0.66 < np.mean((draws >= low) & (draws <= high)) < 0.75


@given(st.floats(0.001, 0.999), st.floats(0.01, 0.5), st.floats(0.0, 0.999))
def test_quantiles_of_a_belief_are_those_of_the_cut_normal(middle, half, v):
    low, high = max(middle - half, 0.0), min(middle + half, 1.0)
    dimension = Float(0.0, 1.0, likely=(low, high))
    m, s = (low + high) / 2, (high - low) / 2
    expected = truncnorm.ppf(v, -m / s, (1 - m) / s, loc=m, scale=s)
    assert dimension.believed_all(np.array([v]))[0] == pytest.approx(expected, abs=1e-7)


def test_no_value_has_less_than_a_thousandth_of_the_uniform_density():
    narrow = Float(0.0, 1.0, likely=(0.1, 0.11))
    assert narrow.log_belief(np.array([1.0]))[0] == pytest.approx(math.log(FLOOR))


def test_a_single_level_may_be_likely():
    depth = Int(1, 8, likely=(4, 4))
    draws = depth.decode_all(depth.believed_all((np.arange(3000) + 0.5) / 3000))
    assert 0.6 < np.mean(draws == 4) < 0.75
    assert set(draws) >= {3, 4, 5}


def test_what_is_likely_stands_for_what_was_not_said():
    space = Space({"lr": LR, "opt": Choice("sgd", "adam", "lion", likely=("lion", "adam")), "n": Int(1, 9)})
    default = space.default()
    assert default["lr"] == pytest.approx(1e-3)
    assert (default["opt"], default["n"]) == ("lion", 5)


def test_a_default_need_not_be_likely():
    assert Space({"lr": LR.with_default(1e-5)}).default() == {"lr": 1e-5}


@given(dimensions(), st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=8))
def test_draws_from_any_belief_are_values_of_the_dimension(dimension, v):
    u = dimension.believed_all(np.array(v))
    assert all(dimension.contains(dimension.decode(each)) for each in u.tolist())


@settings(suppress_health_check=[HealthCheck.filter_too_much])  # most dimensions come without a belief
@given(dimensions())
def test_any_belief_has_a_density_everywhere_and_a_mean_of_one(dimension):
    assume(dimension.belief is not None)
    u = dimension.believed_all((np.arange(2000) + 0.5) / 2000)
    log_density = dimension.log_belief(np.clip(u, 0.0, 1.0))
    assert np.isfinite(log_density).all()
    assert log_density.min() >= math.log(FLOOR) - 1e-9
    assert log_density.mean() > 0.0  # Kullback-Leibler divergence from the uniform distribution


# choices


@pytest.mark.parametrize(
    ("options", "likely", "weights"),
    [
        (("a", "b"), ("a",), [3 / 4, 1 / 4]),
        (("a", "b", "c"), ("a", "c"), [3 / 7, 1 / 7, 3 / 7]),
        (("a", "b", "c", "d", "e"), ("b",), [1 / 16, 3 / 4, 1 / 16, 1 / 16, 1 / 16]),
    ],
)
@pytest.mark.parametrize("ordered", [False, True])
def test_likely_options_share_three_quarters_and_each_is_three_times_another(options, likely, weights, ordered):
    choice = Choice(*options, likely=likely, ordered=ordered)
    u = np.array([choice.encode(option) for option in options])
    assert np.allclose(density(choice, u), len(options) * np.array(weights))
    draws = choice.decode_all(choice.believed_all((np.arange(2100) + 0.5) / 2100))
    assert np.allclose([np.mean(draws == option) for option in options], weights, atol=1e-3)


def test_a_single_option_may_stand_for_itself():
    assert Choice("a", "b", likely="b") == Choice("a", "b", likely=["b"])


# spaces

BRANCHED = Space(
    {
        "lr": LR,
        "opt": Choice({"sgd": Space({"momentum": Float(0.0, 1.0, likely=(0.8, 1.0))}), "adam": None}, likely="adam"),
        "model": Space({"width": Int(16, 512, log=True, likely=(64, 128))}),
    }
)


def test_the_density_of_a_config_is_a_product_in_which_inactive_ones_count_nothing():
    adam = BRANCHED.encode(BRANCHED.config({"opt": "adam", "lr": 1e-3}))
    sgd = BRANCHED.encode(BRANCHED.config({"opt": "sgd", "lr": 1e-3}))
    one, other = BRANCHED.log_belief(np.array([adam, sgd]))
    lr = LR.log_belief(np.array([0.5]))[0]
    width = BRANCHED["model.width"].log_belief(adam[-1:])[0]
    momentum = BRANCHED["opt.sgd.momentum"].log_belief(sgd[2:3])[0]
    assert one == pytest.approx(lr + width + math.log(0.999 * 1.5 + 0.001))
    assert other == pytest.approx(lr + width + math.log(0.999 * 0.5 + 0.001) + momentum)


@given(spaces(), st.integers(0, 2**32))
def test_a_space_draws_from_its_beliefs(space, seed):
    u = space.believed(np.random.default_rng(seed).random((4, len(space))))
    configs = [space.decode(row) for row in u]
    assert [space.contains(config) for config in configs] == [space.allows(config) for config in configs]
    assert np.isfinite(space.log_belief(np.array([space.encode(config) for config in configs]))).all()


@given(spaces())
def test_beliefs_can_be_taken_away_and_given_back(space):
    bare = space.with_beliefs({})
    assert bare.beliefs == {}
    assert bare.names == space.names
    assert bare.with_beliefs(space.beliefs) == space
    u = np.random.default_rng(0).random((5, len(space)))
    assert bare.log_belief(u).tolist() == [0.0] * 5


# what is refused

REFUSED = [
    (Float(0.0, 1.0, likely=(0.5, 0.2)), r"the first of likely must not exceed the second, got \(0.5, 0.2\). Swap"),
    (Float(0.0, 1.0, likely=(0.5, 1.2)), r"likely=\(0.5, 1.2\) reaches beyond the range 0.0 to 1.0. Widen the range"),
    (Float(0.0, 1.0, likely=(0.5, 0.5)), r"is a single value. .* or say default=0.5"),
    (Float(0.0, 1.0, likely=0.5), r"likely must be two numbers, .* such as \(0.0, 1.0\); got 0.5"),
    (Float(0.0, 1.0, likely=(0.1, 0.2, 0.3)), r"likely must be two numbers"),
    (Float(0.0, 1.0, likely=(0.1, math.nan)), r"likely must be two numbers"),
    (Float(0.0, 1.0, likely=("a", "b")), r"likely must be two numbers"),
    (Int(1, 8, likely=(2.5, 4)), r"likely of an Int must be two whole numbers, got \(2.5, 4\)"),
    (Choice("sgd", "adam", likely=("adamw",)), r"the likely option 'adamw' is not an option. Choose of 'sgd', 'adam'"),
    (Choice("sgd", "adam", likely=("sgd", "adam")), r"some of the options, each once, and not all of them"),
    (Choice("a", "b", "c", likely=("a", "a")), r"each once"),
    (Choice("a", "b", likely=()), r"likely must name some of the options"),
    (Choice(True, False, likely=1), r"the likely option 1 is not an option"),
]


@pytest.mark.parametrize(("dimension", "message"), REFUSED)
def test_what_makes_no_sense_is_refused_by_name(dimension, message):
    with pytest.raises(SpaceError, match=rf"'x': .*{message}"):
        Space({"x": dimension})
