import numpy as np
import pytest

from danlu import Choice, Float, Int, Space, Study
from danlu.strategies.gp.belief import belief_tilt, is_wrong, likely_candidates
from danlu.strategies.layout import layout_of
from danlu.strategies.rows import rows_of

AT = (0.83, 0.83, 0.83, 0.83, 0.83, 0.83)
BARE = Space({f"x{k}": Float(0.0, 1.0) for k in range(6)})
GOOD = BARE.with_beliefs(dict.fromkeys(BARE.names, (0.7, 0.95)))
WRONG = BARE.with_beliefs(dict.fromkeys(BARE.names, (0.0, 0.2)))


def loss(config):
    return sum((v - at) ** 2 for v, at in zip(config.values(), AT, strict=True))


def searched(space, trials, seed, fails=lambda config: False):
    study = Study(space, minimize="loss", strategy="gp", seed=seed)
    for _ in range(trials):
        trial = study.ask()
        study.fail(trial, "boom") if fails(trial.config) else study.tell(trial, loss=loss(trial.config))
    return study


def tilt(study, design=6):
    layout = layout_of(study.space)
    return belief_tilt(study.history, layout, rows_of(study.history, layout), design), layout


def test_a_good_belief_is_worth_many_trials():
    with_belief, without = (np.median([searched(s, 12, seed).best.value for seed in range(3)]) for s in (GOOD, BARE))
    assert with_belief < 0.5 * without


def test_a_wrong_belief_is_given_up_and_the_trials_say_so():
    study = searched(WRONG, 40, 0)
    assert study.trials[-1].origin.endswith(", belief given up")
    assert study.best.value < 0.2  # the middle of what is likely has 3.2
    assert study.verify() == []


def test_the_belief_counts_less_with_every_trial():
    study = searched(GOOD, 8, 0)
    early, layout = tilt(study)
    for _ in range(8):
        study.tell(trial := study.ask(), loss=loss(trial.config))
    late, _ = tilt(study)
    x = np.array([[0.8] * 6, [0.1] * 6])
    expected = GOOD.log_belief(layout.units(x)) * 10.0
    assert np.allclose(early(x), expected / 8)
    assert np.allclose(late(x), expected / 16)
    assert early.words == ", belief 1.2"


def test_without_a_belief_nothing_is_added():
    study = searched(BARE, 8, 0)
    nothing, _ = tilt(study)
    assert nothing(np.full((3, 6), 0.5)).tolist() == [0.0] * 3
    assert nothing.words == ""


def test_half_of_the_design_is_drawn_from_the_belief_the_first_from_its_middle():
    studies = [Study(GOOD, minimize="loss", strategy="gp", seed=seed) for seed in range(8)]
    designs = np.array([[list(study.ask().config.values()) for _ in range(6)] for study in studies])
    assert np.allclose(designs[:, 0], 0.825)
    assert np.mean(np.abs(designs[:, 2::2] - 0.825) < 0.25) > 0.9
    assert abs(designs[:, 1::2].mean() - 0.5) < 0.1


def with_rows(losses_likely, losses_rest, failed_likely=0):
    study = Study(Space({"x": Float(0.0, 1.0, likely=(0.8, 1.0))}), minimize="loss", strategy="manual")
    for k, value in enumerate(losses_likely):
        study.queue({"x": 0.85 + 0.01 * k})
        study.tell(study.ask(), loss=value)
    for k, value in enumerate(losses_rest):
        study.queue({"x": 0.1 + 0.01 * k})
        study.tell(study.ask(), loss=value)
    for k in range(failed_likely):
        study.queue({"x": 0.95 + 0.01 * k})
        study.fail(study.ask(), "boom")
    layout = layout_of(study.space)
    return layout, rows_of(study.history, layout)


@pytest.mark.parametrize(
    ("likely", "rest", "failed", "expected"),
    [
        ([3.5, 9.0], [1.0, 2.0, 5.0], 0, True),
        ([1.5, 9.0], [1.0, 2.0, 5.0], 0, False),
        ([3.0, 9.0], [], 0, False),
        ([], [1.0, 2.0], 2, True),
        ([], [1.0, 2.0], 0, False),
        ([], [], 2, False),
    ],
)
def test_a_belief_is_wrong_if_the_best_there_is_worse_than_half_of_the_others(likely, rest, failed, expected):
    assert is_wrong(*with_rows(likely, rest, failed)) is expected


def test_where_all_that_is_likely_fails_the_search_goes_elsewhere():
    study = searched(WRONG, 30, 1, fails=lambda config: config["x0"] < 0.4)
    assert study.trials[-1].origin.endswith(", belief given up")
    assert study.best.value < 0.1


def test_candidates_are_drawn_from_the_belief_and_allowed():
    space = Space(
        {"n": Int(1, 64, log=True, likely=(8, 16)), "act": Choice("a", "b", "c", likely="b"), "x": Float(0.0, 1.0)},
        where=["n <= 12"],
    )
    layout = layout_of(space)
    configs = [layout.config(x) for x in likely_candidates(layout, np.random.default_rng(0))]
    assert 30 < len(configs) < 128
    assert all(space.contains(config) for config in configs)
    assert np.mean([config["act"] == "b" for config in configs]) > 0.6
    assert np.mean([config["n"] >= 7 for config in configs]) > 0.6


@pytest.mark.parametrize(
    "objectives", [{"minimize": ["loss", "size"]}, {"minimize": "loss", "subject_to": ["size <= 1"]}]
)
def test_fronts_and_constraints_follow_the_belief_too(objectives):
    study = Study(GOOD, strategy="gp", **objectives)
    for _ in range(16):
        trial = study.ask()
        study.tell(trial, loss=loss(trial.config), size=trial.config["x0"])
    assert all(", belief " in trial.origin for trial in study.trials[6:])
    assert study.verify() == []
