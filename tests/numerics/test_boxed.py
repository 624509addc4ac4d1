import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.numerics.boxed import minimize


def rosenbrock(x):
    a, b = x
    value = (1 - a) ** 2 + 100 * (b - a * a) ** 2
    return value, np.array([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)])


def test_the_minimum_of_a_curved_valley_is_found():
    x, value = minimize(rosenbrock, np.array([-1.2, 1.0]), np.full(2, -2.0), np.full(2, 2.0), 200, tolerance=1e-8)
    assert x == pytest.approx([1.0, 1.0], abs=1e-4)
    assert value == pytest.approx(0.0, abs=1e-8)


def test_a_minimum_on_the_bound_is_met_exactly():
    x, _ = minimize(lambda x: (float(x @ x), 2 * x), np.array([1.0, 1.5]), np.array([0.5, -1.0]), np.full(2, 2.0), 50)
    assert x[0] == 0.5
    assert x[1] == pytest.approx(0.0, abs=1e-2)


def test_evaluations_are_counted():
    count = 0

    def f(x):
        nonlocal count
        count += 1
        return rosenbrock(x)

    minimize(f, np.array([-1.2, 1.0]), np.full(2, -2.0), np.full(2, 2.0), 7)
    assert count == 7


def test_a_start_outside_the_box_is_clipped_into_it():
    x, _ = minimize(lambda x: (float(x @ x), 2 * x), np.array([9.0]), np.array([-1.0]), np.array([1.0]), 1)
    assert x.tolist() == [1.0]


def test_where_the_function_is_infinite_it_does_not_go():
    def f(x):
        return (np.inf, np.zeros(1)) if x[0] < 0.3 else (float(x[0]), np.ones(1))

    x, value = minimize(f, np.array([1.0]), np.array([0.0]), np.array([2.0]), 60)
    assert 0.3 <= value < 0.5
    assert x[0] == value


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 8))
def test_a_convex_bowl_is_solved_as_well_as_scipy_does(seed, size):
    from scipy.optimize import lsq_linear

    rng = np.random.default_rng(seed)
    A, b = rng.normal(size=(size + 2, size)), rng.normal(size=size + 2)
    low, high = -rng.random(size), rng.random(size)

    def f(x):
        rest = A @ x - b
        return 0.5 * float(rest @ rest), A.T @ rest

    x, value = minimize(f, np.zeros(size), low, high, 400, tolerance=1e-9)
    best = lsq_linear(A, b, (low, high))
    assert (low <= x).all()
    assert (x <= high).all()
    assert value <= best.cost + 1e-4 * (1 + best.cost)
