import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from danlu import Float, Int, Space, Study
from danlu.strategies.gp.constraints import Constraints, constraints_of
from danlu.strategies.gp.hyperparameters import theta_of
from danlu.strategies.gp.kernel import kernel_of
from danlu.strategies.gp.surrogate import Surrogate
from danlu.strategies.gp.view import BOUND_VIEWS, bilogged
from danlu.strategies.layout import layout_of

SQUARE = Space({"x": Float(0.0, 6.0), "y": Float(0.0, 6.0)})
KERNEL = kernel_of(layout_of(SQUARE))
RNG = np.random.default_rng(0)
X = RNG.random((40, 2))
ALL, NONE = np.ones(40, dtype=bool), np.empty((0, 2))


def gardner(config):
    """Gardner et al. (2014), section 5: simulation 1, whose lowest feasible value is −2; 70 % is feasible."""
    x, y = config["x"], config["y"]
    return math.cos(2 * x) * math.cos(y) + math.sin(x), math.cos(x + y)


def tiny(config):
    """The same, simulation 2: 2 % is feasible, in two places, of which one is better; lowest 0.2533."""
    x, y = config["x"], config["y"]
    return math.sin(x) + y, math.sin(x) * math.sin(y)


def searched(problem, bound, strategy, trials, seed):
    study = Study(SQUARE, minimize="loss", subject_to=[f"c <= {bound}"], strategy=strategy, seed=seed)
    for _ in range(trials):
        trial = study.ask()
        loss, c = problem(trial.config)
        study.tell(trial, loss=loss, c=c)
    return study


# the view ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", BOUND_VIEWS)
@settings(max_examples=200, deadline=None)
@given(c=st.lists(st.floats(-1e300, 1e300, allow_nan=False), min_size=1, max_size=40))
def test_a_view_is_standardised_and_keeps_the_side_of_the_bound(view, c):
    c = np.array(c)
    z, level = view(c)
    assert np.isfinite([*z, level]).all()
    assert ((z <= level + 1e-9) | (c > 0)).all()
    assert ((z >= level - 1e-9) | (c <= 0)).all()
    assert z.std() == pytest.approx(1.0, abs=1e-6) or (z == 0.0).all()


def test_a_hundredfold_excess_does_not_flatten_what_is_near_the_bound():
    c = np.concatenate([np.linspace(-1.0, 1.0, 21), [100.0]])
    z, level = bilogged(c)
    assert z[15] - level > 0.2
    assert np.argmin(np.abs(z - level)) == 10


# the probability -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", [0, 1])
def test_the_probability_is_that_of_the_normal_and_a_product_over_constraints(turn):
    bounds = np.stack([X[:, 0] - 0.5, 0.3 - X[:, 1]], axis=1)
    made = constraints_of(KERNEL, X, bounds, ALL, NONE, turn)
    at = RNG.random((30, 2))
    expected = np.ones(30)
    for surrogate, level in zip(made.surrogates, made.levels, strict=True):
        m, s = surrogate.predict(at)
        expected *= stats.norm.cdf(level, m, s)
    assert np.exp(made.log_probability(at, Surrogate.predict)) == pytest.approx(expected, abs=1e-9)
    inside = (at[:, 0] < 0.45) & (at[:, 1] > 0.35)
    outside = (at[:, 0] > 0.55) | (at[:, 1] < 0.25)
    assert made.likely(at)[inside].all()
    assert not made.likely(at)[outside].any()


@pytest.mark.parametrize("turn", [0, 1])
def test_unknown_values_are_left_out_and_a_constraint_without_any_is_no_constraint(turn):
    bounds = np.stack([X[:, 0] - 0.5, np.full(40, np.nan)], axis=1)
    bounds[::3, 0] = np.nan
    made = constraints_of(KERNEL, X, bounds, ALL, NONE, turn)
    assert len(made) == 1
    assert made.surrogates[0].z.shape == (26,)


def test_without_constraints_an_acquisition_stays_as_it_is():
    score = object()
    assert Constraints((), ()).weighing(score) is score
    assert Constraints((), ()).likely(X).all()


def test_the_same_numbers_as_losses_and_as_a_constraint_have_each_their_own_theta():
    numbers = (X[:, 0] - 0.3) ** 2 + 0.1 * X[:, 1] - 0.2
    thetas = [theta_of(KERNEL, X, numbers, turn) for turn in range(4)]
    again = [theta_of(KERNEL, X, numbers, turn) for turn in (3, 2, 1, 0)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(thetas, again, strict=True))
    assert len({theta.tobytes() for theta in thetas}) == 4


# the search ----------------------------------------------------------------------------------------------------------


def test_the_best_feasible_trial_is_far_better_than_at_random_and_few_late_suggestions_miss_the_constraint():
    ours, others = ([searched(gardner, 0.5, s, 40, seed) for seed in range(3)] for s in ("gp", "random"))
    gap, random_gap = (statistics.median(2.0 + s.best.value for s in found) for found in (ours, others))
    assert gap < random_gap / 5
    missed = [sum(not trial.is_feasible for trial in study.trials[25:]) for study in ours]
    assert statistics.median(missed) <= 5


def test_a_feasible_part_of_a_fiftieth_is_found_although_nothing_was_feasible_at_first():
    study = searched(tiny, -0.95, "gp", 50, 0)
    assert "gp: feasibility" in [trial.origin for trial in study.trials]
    assert study.best.value == pytest.approx(0.2533, abs=0.01)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_any_mixture_of_values_is_searched_on(seed):
    rng = np.random.default_rng(seed)
    space = Space({"x": Float(0.0, 1.0), "n": Int(1, 5)})
    study = Study(space, minimize="loss", subject_to=["c <= 1", "e >= 0"], strategy="gp", seed=seed)
    for _ in range(12):
        trial = study.ask()
        c = float(rng.normal()) * 10.0 ** int(rng.integers(-3, 200))
        study.fail(trial) if rng.random() < 0.2 else study.tell(trial, loss=1.0, c=c, e=-1.0)
    assert study.verify() == []
