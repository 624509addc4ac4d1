import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from danlu import Choice, Float, Space, Study
from danlu.catalogue import table
from danlu.strategies.portfolio import portfolio
from danlu.testing.spaces import spaces
from danlu.testing.strategies import MIXED, bowl_value

PLANE = Space({"x": Float(0.0, 1.0), "y": Float(0.0, 1.0)})


def told(space, loss, trials=30, seed=0):
    study = Study(space, minimize="loss", strategy="random", seed=seed)
    for _ in range(trials):
        trial = study.ask()
        if trial is None:
            break
        study.tell(trial, loss=loss(trial.config))
    return study


def bowl_at(x, y):
    return lambda c: (c["x"] - x) ** 2 + (c["y"] - y) ** 2


def test_the_best_of_each_earlier_study_comes_first_in_turn():
    old = [told(PLANE, bowl_at(0.2, 0.2)), told(PLANE, bowl_at(0.8, 0.8), seed=1)]
    picks = portfolio(Study(PLANE, minimize="loss", warm_start=old).history)
    assert [pick.config for pick in picks[:2]] == [study.best.config for study in old]
    assert [pick.origin for pick in picks] == [
        "warm start: best of a study in memory",
        "warm start: best of a study in memory (2)",
        "warm start: among the best of a study in memory",
    ]


def test_further_ones_are_good_and_far_from_those_before():
    two_valleys = lambda c: min(bowl_at(0.1, 0.1)(c), bowl_at(0.9, 0.9)(c) + 0.01)  # noqa: E731
    old = told(PLANE, two_valleys, trials=100)
    picks = portfolio(Study(PLANE, minimize="loss", warm_start=old).history)
    at = np.array([list(pick.config.values()) for pick in picks])
    assert np.linalg.norm(at[0] - at[1]) > 0.8
    good = np.sort([trial.value for trial in old.trials])[10]
    assert max(two_valleys(pick.config) for pick in picks) <= good


def test_no_config_comes_twice():
    old = told(PLANE, bowl_at(0.2, 0.2))
    again = told(PLANE, bowl_at(0.2, 0.2))
    picks = portfolio(Study(PLANE, minimize="loss", warm_start=[old, again]).history)
    assert len({pick.config for pick in picks}) == len(picks) == 3


@pytest.mark.parametrize("strategy", sorted({*table("strategy")} - {"inorder", "mixture", "schedule", "sequence"}))
def test_default_and_queue_come_before_it_and_any_strategy_after_it(strategy):
    old = told(MIXED, bowl_value)
    study = Study(MIXED, minimize="loss", strategy=strategy, steps=3, warm_start=old)
    study.queue({"layers": 7})
    picks = portfolio(study.history)
    for _ in range(8):
        trial = study.ask()
        if trial is not None:
            study.tell(trial, loss=1.0 + trial.number)
    words = [trial.origin.split(":")[0] for trial in study.trials]
    assert words[:2] == ["default", "queued"]
    assert [trial.config for trial in study.trials[2:5]] == [pick.config for pick in picks]
    assert words.count("warm start") == 3
    assert "warm start" not in words[5:]
    assert study.verify() == []


def test_what_was_tried_already_is_passed_over():
    old = told(PLANE, bowl_at(0.2, 0.2))
    study = Study(PLANE, minimize="loss", strategy="random", warm_start=old)
    study.queue(old.best.config)
    origins = [study.ask().origin for _ in range(4)]
    assert origins == ["queued", *["warm start: among the best of a study in memory"] * 2, "random"]


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(old=spaces(), more=spaces(), same=st.booleans(), seed=st.integers(0, 100))
def test_any_two_spaces_that_overlap_give_legal_suggestions(old, more, same, seed):
    new = old if same else Space({**more.members, **old.members})
    first = told(old, bowl_value, trials=12, seed=seed)
    study = Study(new, minimize="loss", seed=seed, strategy={"use": "gp", "design": 4}, warm_start=first)
    assert len(study.history.earlier) == 1
    for k in range(9):
        trial = study.ask()
        if trial is None:
            break
        assert new.contains(trial.config)
        study.fail(trial) if k == 5 else study.tell(trial, loss=bowl_value(trial.config))
    assert study.verify() == []


def test_options_count_as_one_step_apart():
    space = Space({"act": Choice(*"abcdefgh"), "x": Float(0.0, 1.0)})
    old = told(space, lambda c: c["x"] * 0.001 + (c["act"] != "a"), trials=200)
    picks = portfolio(Study(space, minimize="loss", warm_start=old).history)
    assert {pick.config["act"] for pick in picks} == {"a"}
    assert picks[1].config["x"] > 0.6
