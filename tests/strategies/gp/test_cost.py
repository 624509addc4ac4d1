import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from danlu import Choice, Float, Int, Space, Study
from danlu.core.replay import verify
from danlu.errors import StrategyError
from danlu.stores.memory import Memory
from danlu.strategies.gp.cost import cost_tilt, costs, model_of
from danlu.strategies.gp.gp import GP
from danlu.strategies.inorder import InOrder
from danlu.strategies.layout import layout_of
from danlu.study import resolve_strategy
from danlu.testing.spaces import spaces

SPACE = Space({"width": Int(16, 1024, log=True), "x": Float(0.0, 1.0), "act": Choice("relu", "gelu")})


class Clock:
    """A time that stands still until somebody moves it."""

    def __init__(self):
        self.time = 1e9

    def __call__(self):
        return self.time


def searched(strategy, seconds, trials, space=SPACE, loss=lambda config: (config["x"] - 0.3) ** 2, seed=0):
    clock = Clock()
    study = Study(space, minimize="loss", strategy=strategy, seed=seed, store=Memory(clock=clock))
    for _ in range(trials):
        trial = study.ask()
        clock.time += seconds(trial.config)
        study.tell(trial, loss=loss(trial.config))
    return study


def by_width(config):
    return config["width"] / 100


def tilt(study, time):
    layout = layout_of(study.space)
    return cost_tilt(study.history, layout, time), layout


@pytest.mark.parametrize("trials", [10, 30])
def test_the_model_learns_what_costs_more(trials):
    study = searched("random", by_width, trials)
    layout = layout_of(study.space)
    x, y = costs(study.history, layout)
    assert np.allclose(np.exp(y), [by_width(trial.config) for trial in study.trials])
    at = np.array([study.space.encode(study.space.config({"width": width})) for width in (16, 128, 1024)])
    small, middle, large = model_of(layout, x, y)(layout.vectors(at))
    truth = np.log([0.16, 1.28, 10.24]) - y.mean()
    tolerance = 0.8 if trials < 15 else 0.15
    assert np.allclose([small, middle, large], truth, atol=tolerance)


def test_candidates_lose_the_expected_log_of_their_cost_by_the_share_of_time_that_is_left():
    study = searched("random", by_width, 20)
    spent = sum(by_width(trial.config) for trial in study.trials)
    found, layout = tilt(study, 4.0 * spent)
    x = layout.vectors(np.array([study.space.encode(trial.config) for trial in study.trials[:5]]))
    expected = model_of(layout, *costs(study.history, layout))(x)
    assert np.allclose(found(x), -0.75 * expected)
    assert found.words == ", per second^0.75"


@pytest.mark.parametrize(
    ("seconds", "trials", "time"),
    [
        (by_width, 20, None),  # time is not what is short
        (by_width, 20, 1e-6),  # none is left
        (by_width, 3, 1e6),  # too few trials
        (lambda config: 1.0 + 0.1 * config["x"], 20, 1e6),  # all cost about the same
        (lambda config: 1e-6 * config["width"], 20, 1e6),  # too short to tell
    ],
)
def test_costs_count_only_where_they_are_known_to_differ_and_time_is_short(seconds, trials, time):
    found, _ = tilt(searched("random", seconds, trials), time)
    assert found.parts == ()
    assert found.words == ""


def test_more_cheap_trials_are_run_in_the_same_time():
    def median_width(strategy):
        study = searched(strategy, by_width, 30)
        return np.median([trial.config["width"] for trial in study.trials[10:]])

    assert median_width(GP(time=500.0)) < 0.5 * median_width(GP())


def test_the_design_prefers_cheap_points_once_costs_are_known():
    def mean_width(strategy):
        studies = [searched(strategy, by_width, 10, seed=seed) for seed in range(4)]
        return np.mean([np.log(trial.config["width"]) for study in studies for trial in study.trials[4:]])

    assert mean_width(GP(design=10, time=500.0)) < mean_width(GP(design=10)) - 0.5


def test_failures_and_timeouts_say_what_they_cost():
    study = searched("random", by_width, 4)
    study.store.now.time += 1.0
    trial = study.ask()
    study.store.now.time += 60.0
    study.fail(trial, "timeout")
    x, y = costs(study.history, layout_of(SPACE))
    assert len(x) == 5
    assert np.exp(y[-1]) == pytest.approx(60.0)


def test_what_was_never_started_has_no_cost():
    study = Study(SPACE, minimize="loss", strategy="random")
    assert len(costs(study.history, layout_of(SPACE))[0]) == 0


def test_with_lag_durations_change_nothing():
    def configs(seconds):
        study = searched(InOrder(GP(time=1e4), lag=2), seconds, 14)
        return [trial.config for trial in study.trials]

    assert configs(by_width) == configs(lambda config: 10.0 / config["width"])


def test_trials_that_take_no_different_times_are_the_same_with_and_without_a_time():
    aware, plain = (searched(strategy, lambda config: 2.0, 20) for strategy in (GP(time=1e3), GP()))
    assert [trial.config for trial in aware.trials] == [trial.config for trial in plain.trials]


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(space=spaces(), seed=st.integers(0, 1000))
def test_any_durations_are_searched_on_and_replayed_exactly(space, seed):
    rng = np.random.default_rng(seed)
    clock = Clock()
    store = Memory(clock=clock)
    study = Study(space, minimize="loss", strategy=GP(design=2, time=200.0), seed=seed, store=store)
    for _ in range(12):
        trial = study.ask()
        if trial is None:
            break
        assert space.contains(trial.config)
        clock.time += float(rng.choice([0.0, 1e-3, 1.0, 20.0]))
        match rng.integers(4):
            case 0:
                study.fail(trial, "boom")
            case 1:
                pass  # it goes on running
            case _:
                study.tell(trial, loss=float(rng.normal()))
    assert [mismatch for _, mismatch in verify(store.read("study"), resolve_strategy) if mismatch] == []


def test_a_time_that_makes_no_sense_is_refused():
    with pytest.raises(StrategyError, match="time must be seconds > 0, got 0"):
        Study(SPACE, minimize="loss", strategy=GP(time=0))
