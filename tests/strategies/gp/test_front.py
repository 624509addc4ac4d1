import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu import Choice, Float, Space, Study
from danlu.numerics.pareto import hypervolume
from danlu.strategies.gp.front import Front, directions, far_front, near_front

CUBE = Space({name: Float(0.0, 1.0) for name in "abcd"})


def zdt1(config):
    """Zitzler, Deb & Thiele (2000); front f2 = 1 − √f1, of hypervolume 0.877 before (1.1, 1.1)."""
    first, *rest = config.values()
    g = 1 + 9 * sum(rest) / len(rest)
    return first, g * (1 - math.sqrt(first / g))


def dtlz2(config):
    """Deb, Thiele, Laumanns & Zitzler (2002); front f1² + f2² = 1, of hypervolume 0.425 before (1.1, 1.1)."""
    first, *rest = config.values()
    r = 1 + sum((v - 0.4) ** 2 for v in rest)  # of 0.5 in the paper, where the centre of the space is on the front
    return r * math.cos(first * math.pi / 2), r * math.sin(first * math.pi / 2)


def searched(problem, strategy, trials, seed, **more):
    study = Study(CUBE, minimize=["f1", "f2"], strategy=strategy, seed=seed, **more)
    for _ in range(trials):
        trial = study.ask()
        f1, f2 = problem(trial.config)
        study.tell(trial, f1=f1, f2=f2, **({"c": 0.6 - f1} if more else {}))
    return study


def dominated(study):
    return hypervolume(np.array([trial.values for trial in study.front]), np.array([1.1, 1.1]))


# the gain ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [2, 3])
def test_where_nothing_is_uncertain_the_gain_is_in_proportion_to_the_added_hypervolume(m):
    rng = np.random.default_rng(0)
    reached = near_front(rng.random((12, m)))
    at = rng.random((40, m))
    sure = np.full_like(at, 1e-9)
    gain = np.exp(reached.log_gain(at, sure, directions(40_000, m, rng), rng.standard_normal((40_000, m))))
    before = hypervolume(reached.points, reached.reference)
    added = np.array([hypervolume(np.vstack([reached.points, y]), reached.reference) - before for y in at])
    # Golovin & Zhang (2020), lemma 5: hypervolume = c_m E_λ max s_λ, c_m = π^(m/2) / (2^m Γ(m/2 + 1))
    c = math.pi ** (m / 2) / (2**m * math.gamma(m / 2 + 1))
    assert c * gain == pytest.approx(added, abs=0.02)


def test_from_afar_the_best_of_an_objective_must_be_beaten_by_more_than_a_hair():
    rng = np.random.default_rng(0)
    means = np.array([[0.0, 1.0], [1.0, 0.0], [9.0, 9.0]])
    lambdas, draws = directions(500, 2, rng), rng.standard_normal((500, 2))
    at = np.array([[-0.02, 1.0], [-0.2, 1.0]])
    near, far = (front(means).log_gain(at, np.full_like(at, 1e-9), lambdas, draws) for front in (near_front, far_front))
    assert (near > -10).all()
    assert (far > -15).tolist() == [False, True]  # a draw lowers the other objective by a billionth


def test_what_is_dominated_and_sure_gains_nothing_but_keeps_an_order():
    rng = np.random.default_rng(1)
    reached = Front(np.array([[0.0, 0.0]]), np.array([1.0, 1.0]))
    at = np.array([[0.1, 0.1], [0.5, 0.5], [2.0, 2.0]])
    gain = reached.log_gain(at, np.full_like(at, 1e-6), directions(64, 2, rng), rng.standard_normal((64, 2)))
    assert (gain <= -1000.0).all()
    assert (np.diff(gain) < 0).all()


def test_the_unknown_may_gain_where_the_known_does_not():
    rng = np.random.default_rng(2)
    reached = Front(np.array([[0.0, 0.0]]), np.array([1.0, 1.0]))
    at, sigma = np.full((2, 2), 0.1), np.array([[0.5, 0.5], [0.001, 0.001]])
    known = reached.log_gain(at, sigma, directions(64, 2, rng), rng.standard_normal((64, 2)))
    assert known[0] > -10 > known[1]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), m=st.integers(1, 5))
def test_references_are_worse_than_the_front_and_the_far_one_than_all(seed, m):
    rng = np.random.default_rng(seed)
    means = rng.integers(0, 4, (int(rng.integers(1, 12)), m)).astype(float)
    near, far = near_front(means), far_front(means)
    assert (near.points < near.reference).all()
    assert (means <= far.reference).all()
    assert (near.reference <= far.reference).all()


def test_directions_are_positive_and_of_length_one():
    drawn = directions(500, 3, np.random.default_rng(0))
    assert (drawn > 0).all()
    assert np.linalg.norm(drawn, axis=1) == pytest.approx(np.ones(500))


# the search ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("problem", "least"), [(zdt1, 0.8), (dtlz2, 0.3)])
def test_it_dominates_far_more_than_random_search_and_nsga2(problem, least):
    gp, random, nsga2 = (
        statistics.median(dominated(searched(problem, s, 60, seed)) for seed in range(3))
        for s in ("gp", "random", "nsga2")
    )
    assert gp > least
    assert gp > 1.3 * random
    assert gp > 1.3 * nsga2


def test_constraints_cut_a_part_of_the_front_off():
    study = searched(zdt1, "gp", 40, 0, subject_to=["c <= 0"])
    assert min(trial.values[0] for trial in study.front) == pytest.approx(0.6, abs=0.1)
    assert min(trial.values[1] for trial in study.front) < 0.2
    assert sum(trial.is_feasible for trial in study.trials[20:]) > 10


def test_three_objectives_choices_branches_failures_and_pending_trials_are_fine():
    space = Space({"x": Float(0.0, 1.0), "c": Choice({"p": Space({"z": Float(0.0, 1.0)}), "q": None})})
    study = Study(space, minimize=["a", "b"], maximize="d", strategy="gp", seed=0)
    for k in range(25):
        trial = study.ask()
        if k % 7 == 3:
            study.fail(trial)
        elif k % 7 != 5:
            x = trial.config["x"]
            study.tell(trial, a=x, b=1.0 - x + (trial.config["c"] == "q"), d=trial.config.get("c.p.z", 1e300))
    assert study.verify() == []
    assert {trial.origin for trial in study.trials[12:]} <= {
        "gp: hypervolume, far reference",
        "gp: hypervolume, near reference",
    }


def test_a_finite_space_is_searched_to_its_end():
    space = Space({"c": Choice("x", "y", "z"), "d": Choice(1, 2, 3)})
    study = Study(space, minimize=["a", "b"], strategy="gp")
    while (trial := study.ask()) is not None:
        study.tell(trial, a=float(trial.config["d"]), b=float(-trial.config["d"]))
    assert len(study.trials) == 9
