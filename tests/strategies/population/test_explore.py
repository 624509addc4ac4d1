from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from danlu import Choice, Config, Float, Int, Space
from danlu.strategies.population.explore import moved, perturbed
from danlu.testing.spaces import changes, spaces


def rng(seed=0):
    return np.random.default_rng(seed)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(space=spaces(), seed=st.integers(0, 2**32))
def test_a_hundred_explorations_never_leave_the_space(space, seed):
    draws = rng(seed)
    config = space.sample(draws)
    for _ in range(100):
        config = perturbed(space, config, draws)
        assert space.contains(config)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(both=spaces().flatmap(lambda space: st.tuples(st.just(space), changes(space))), seed=st.integers(0, 2**32))
def test_a_config_from_before_a_change_leads_into_the_space(both, seed):
    was, now = both
    assert now.contains(perturbed(now, was.sample(rng(seed)), rng(seed)))


def test_on_a_log_scale_a_number_is_multiplied():
    space = Space({"lr": Float(1e-4, 1.0, log=True)})
    found = Counter(round(perturbed(space, Config(lr=0.01), rng(k))["lr"], 6) for k in range(200))
    assert set(found) == {0.008, 0.0125}
    assert min(found.values()) > 70


def test_elsewhere_a_tenth_of_the_range_is_added():
    assert moved(Float(-1.0, 1.0), 0.5, 1) == pytest.approx(0.7)
    assert moved(Float(-1.0, 1.0), 0.5, -1) == pytest.approx(0.3)


def test_bounds_hold():
    assert moved(Float(1e-4, 1.0, log=True), 0.9, 1) == 1.0
    assert moved(Float(1e-4, 1.0, log=True), 1.1e-4, -1) == 1e-4
    assert moved(Float(0.0, 1.0), 1.0, 1) == 1.0
    assert moved(Float(2.0, 2.0), 2.0, 1) == 2.0
    assert moved(Int(1, 1), 1, -1) == 1


def test_up_and_down_undo_each_other():
    dimension = Float(1e-6, 1.0, log=True)
    assert moved(dimension, moved(dimension, 0.01, 1), -1) == pytest.approx(0.01)


def test_levels_are_left_by_at_least_one():
    assert moved(Int(1, 4), 2, 1) == 3
    assert moved(Int(1, 4), 2, -1) == 1
    assert moved(Int(8, 512, log=True), 100, 1) == 125
    assert moved(Float(0.0, 10.0, step=5.0), 5.0, -1) == 0.0
    assert moved(Choice("s", "m", "l", ordered=True), "m", 1) == "l"


def test_a_choice_is_drawn_anew_in_a_quarter_of_the_cases():
    space = Space({"act": Choice(*"abcd")})
    kept = sum(perturbed(space, Config(act="a"), rng(k))["act"] == "a" for k in range(2000)) / 2000
    assert kept == pytest.approx(0.75 + 0.25 / 4, abs=0.03)


def test_what_a_redrawn_choice_switches_on_is_drawn_too():
    space = Space({"way": Choice({"a": None, "b": Space({"y": Float(0.0, 1.0)})})})
    drawn = [
        config["way.b.y"] for k in range(200) if "way.b.y" in (config := perturbed(space, Config(way="a"), rng(k)))
    ]
    assert len(drawn) > 10
    assert max(drawn) - min(drawn) > 0.5


def test_where_constraints_allow_nothing_near_the_config_is_kept():
    space = Space({"n": Int(1, 50), "m": Int(1, 50)}, where=["n * m == 2"])
    assert perturbed(space, Config(n=1, m=2), rng()) in (Config(n=1, m=2), Config(n=2, m=1))


def test_a_number_out_of_a_narrowed_range_begins_at_its_bound():
    space = Space({"lr": Float(1e-4, 1e-2, log=True)})
    found = {round(perturbed(space, Config(lr=0.5), rng(k))["lr"], 6) for k in range(20)}
    assert found == {0.008, 0.01}
