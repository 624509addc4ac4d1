import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from danlu import Choice, Float, Int, Space, Study
from danlu.strategies.gp.gp import GP, _plan
from danlu.strategies.gp.recommendation import lowest_mean, recommended
from danlu.strategies.gp.surrogate import Surrogate
from danlu.strategies.gp.tilt import LEVEL
from danlu.strategies.layout import layout_of
from danlu.strategies.rows import rows_of
from danlu.testing.spaces import spaces
from danlu.testing.strategies import StrategyKit


class TestGP(StrategyKit):
    def make(self):
        return GP(design=3)


def best(strategy, space, loss, trials, seed):
    study = Study(space, minimize="loss", strategy=strategy, seed=seed)
    for _ in range(trials):
        trial = study.ask()
        study.tell(trial, loss=loss(trial.config))
    return study.best.value


def test_a_mixed_conditional_space_is_searched_far_better_than_at_random():
    space = Space(
        {
            "lr": Float(1e-5, 1.0, log=True),
            "layers": Int(1, 8),
            "act": Choice("relu", "gelu", "tanh"),
            "opt": Choice({"sgd": Space({"momentum": Float(0.0, 1.0)}), "adam": Space({"beta": Float(0.0, 1.0)})}),
        }
    )

    def loss(c):
        rest = (c["opt.sgd.momentum"] - 0.9) ** 2 if c["opt"] == "sgd" else 0.1 + (c["opt.adam.beta"] - 0.5) ** 2
        return (np.log10(c["lr"]) + 3) ** 2 / 10 + abs(c["layers"] - 3) / 10 + 0.3 * (c["act"] != "gelu") + rest

    gp, random = (np.median([best(s, space, loss, 40, seed) for seed in range(3)]) for s in ("gp", "random"))
    assert gp < random / 5


def test_an_optimum_on_the_bounds_is_met_exactly():
    space = Space({f"x{k}": Float(0.0, 1.0) for k in range(3)})
    assert best("gp", space, lambda c: sum(c.values()), 30, 0) == 0.0


def failing_beyond(edge, loss, seed=0):
    study = Study(Space({"x": Float(0.0, 1.0), "y": Float(0.0, 1.0)}), minimize="loss", strategy="gp", seed=seed)
    for _ in range(40):
        trial = study.ask()
        if trial.config["x"] > edge:
            study.fail(trial, "diverged")
        else:
            study.tell(trial, loss=loss(**trial.config))
    return study


def test_regions_in_which_training_fails_are_left_alone():
    studies = [failing_beyond(0.6, lambda x, y: (x - 0.4) ** 2 + (y - 0.5) ** 2, seed) for seed in range(4)]
    failures = [sum(trial.config["x"] > 0.6 for trial in study.trials[20:]) for study in studies]
    assert max(failures) <= 5  # of 20; 8 by chance
    assert np.mean(failures) < 5


def test_an_optimum_at_the_edge_of_failure_is_closed_in_on():
    study = failing_beyond(0.6, lambda x, y: -x + (y - 0.5) ** 2)
    assert study.best.value < -0.59
    assert study.best.config["x"] > 0.59


@pytest.mark.parametrize("value", [1e300, -1e300, 0.0, 1e-300])
def test_losses_of_any_size_are_taken(value):
    study = Study(Space({"x": Float(0.0, 1.0), "n": Int(1, 3)}), minimize="loss", strategy="gp", seed=0)
    for k in range(14):
        study.tell(study.ask(), loss=value * (1.0 + k % 3) if k % 2 else 0.5)


def test_pending_trials_are_kept_apart():
    study = Study(Space({"x": Float(0.0, 1.0), "y": Float(0.0, 1.0)}), minimize="loss", strategy="gp", seed=0)
    for _ in range(15):
        trial = study.ask()
        study.tell(trial, loss=np.sin(15 * trial.config["x"]) + np.cos(11 * trial.config["y"]))
    waiting = np.array([list(study.ask().config.values()) for _ in range(8)])
    gaps = np.sqrt(((waiting[:, None] - waiting[None]) ** 2).sum(axis=-1))[np.triu_indices(8, 1)]
    assert gaps.min() > 1e-3
    assert np.median(gaps) > 0.05


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(space=spaces(), seed=st.integers(0, 1000))
def test_any_mixture_of_endings_is_searched_on(space, seed):
    rng = np.random.default_rng(seed)
    study = Study(space, minimize="loss", strategy=GP(design=2), seed=seed)
    for _ in range(14):
        trial = study.ask()
        if trial is None:
            break
        match rng.integers(4):
            case 0:
                study.fail(trial, "boom")
            case 1:
                pass  # it goes on running
            case 2:
                study.tell(trial, loss=float(rng.normal()))
            case _:
                study.tell(trial, loss=1.0)
    assert study.verify() == []


def test_in_many_dimensions_it_still_suggests():
    study = Study(Space({f"x{k}": Float(0.0, 1.0) for k in range(200)}), minimize="loss", strategy=GP(design=4), seed=0)
    for k in range(8):
        study.tell(study.ask(), loss=float(k % 3))
    assert all(trial.origin.startswith("gp") for trial in study.trials)


# the trial that is recommended ---------------------------------------------------------------------------------------


def noisy_bowl(trials, noise, seed, strategy="random", again=0):
    """Searched, and the best tried again."""
    study = Study(Space({"x": Float(0.0, 1.0), "y": Float(0.0, 1.0)}), minimize="loss", strategy=strategy, seed=seed)
    rng = np.random.default_rng(seed)
    for k in range(trials + again):
        if k >= trials:
            study.queue(study.best.config)
        trial = study.ask()
        study.tell(trial, loss=bowl(trial.config) + noise * rng.normal())
    return study


def bowl(config):
    return sum((v - 0.3) ** 2 for v in config.values())


def test_where_training_is_noisy_the_recommended_trial_is_better_than_the_luckiest():
    studies = [noisy_bowl(60, 0.1, seed, again=1) for seed in range(9)]
    luckiest = np.median([bowl(study.best.config) for study in studies])
    assert np.median([bowl(recommended(study.history).config) for study in studies]) < 0.7 * luckiest


def test_noise_that_was_not_seen_is_not_believed_in():
    study = noisy_bowl(60, 0.1, 0)
    assert recommended(study.history) is study.best


def test_without_noise_the_best_is_recommended():
    study = noisy_bowl(30, 0.0, 0, "gp", again=2)
    assert recommended(study.history) is study.best


def test_nothing_is_recommended_where_nothing_is_complete_and_the_only_trial_where_there_is_one():
    study = Study(Space({"x": Float(0.0, 1.0)}), minimize="loss", strategy="gp")
    assert recommended(study.history) is None
    study.fail(study.ask())
    assert recommended(study.history) is None
    study.tell(study.ask(), loss=1.0)
    assert recommended(study.history).number == 1


def test_the_trial_of_lowest_mean_keeps_the_constraints():
    study = Study(Space({"x": Float(0.0, 1.0)}), minimize="loss", subject_to=["c <= 1"], strategy="gp")
    assert lowest_mean(study.history) is None
    for k in range(9):
        study.tell(study.ask(), loss=float(k), c=2.0 if k < 4 else 0.0)
    assert lowest_mean(study.history).metrics["c"] == 0.0


# another space --------------------------------------------------------------------------------------------------------


def searching(space, loss, trials, strategy="gp", seed=0):
    study = Study(space, minimize="loss", strategy=strategy, seed=seed)
    return goes_on(study, loss, trials)


def goes_on(study, loss, trials):
    for _ in range(trials):
        trial = study.ask()
        study.tell(trial, loss=loss(trial.config))
    return study


def plane(low, high):
    return Space({"x": Float(low, high), "y": Float(0.0, 1.0)})


def test_after_widening_the_model_goes_on_and_no_design_is_made_again():
    study = searching(plane(0.5, 1.0), lambda c: (c["x"] - 0.3) ** 2 + (c["y"] - 0.5) ** 2, 12)
    study.change(Space({**plane(0.0, 1.0).members, "z": Float(0.0, 1.0, default=0.5)}))
    first = study.ask()
    assert first.origin == "gp: expected improvement"
    assert first.config["x"] < 0.5  # where the trend leads
    study.tell(first, loss=0.01)
    assert not any("design" in study.ask().origin for _ in range(5))


def test_after_narrowing_it_predicts_from_trials_outside():
    def loss(c):
        return float(np.sin(5 * c["x"]) + (c["y"] - 0.5) ** 2)

    study = searching(plane(0.0, 1.0), loss, 25, strategy="sobol")
    xs = sorted(trial.config["x"] for trial in study.trials)
    gap = max(range(24), key=lambda k: xs[k + 1] - xs[k])
    study.change(plane(xs[gap] + 1e-6, xs[gap + 1] - 1e-6), strategy="gp")
    assert not any(study.history.is_inside(trial) for trial in study.trials)
    explanation = GP().explain(study.history)
    corners = [{"x": x, "y": y} for x in (study.space["x"].low, study.space["x"].high) for y in (0.0, 0.5, 1.0)]
    median, _ = explanation.predict(corners)
    assert median == pytest.approx([loss(c) for c in corners], abs=0.08)
    assert study.space.contains(explanation.held)
    best = goes_on(study, loss, 4)
    inside = [trial.value for trial in best.trials if best.history.is_inside(trial)]
    assert min(inside) < min(loss(c) for c in corners) + 0.01


def test_what_was_best_outside_is_neither_a_centre_nor_a_threshold():
    def loss(c):
        return (c["x"] - 0.1) ** 2 + (c["y"] - 0.5) ** 2

    study = searching(plane(0.0, 1.0), loss, 20)
    assert study.best.value < 1e-3
    goes_on_in = plane(0.4, 1.0)
    study.change(goes_on_in)
    goes_on(study, loss, 4)
    new = [trial for trial in study.trials if trial.number >= 20]
    assert all(goes_on_in.contains(trial.config) for trial in new)
    assert min(trial.value for trial in new) < 0.09 + 5e-3  # the best that there is inside is 0.09
    assert study.best.number < 20
    layout = layout_of(study.space)
    plan = _plan(study.history, layout, rows_of(study.history, layout), LEVEL, np.random.default_rng(0))
    inside = [layout.vectors(study.space.place(t.config)[None])[0] for t in study.trials if study.history.is_inside(t)]
    assert all(any(np.array_equal(centre, x) for x in inside) for centre in plan.centres)
    # far below what was seen inside, there is nothing to gain: the threshold is the best inside, not the best of all
    [gain] = plan.score(np.array([[0.0, 0.5]]), Surrogate.predict)
    assert gain > -6


def test_trials_of_a_removed_option_tell_where_it_is_good_with_the_others():
    def space(*options):
        return Space({"lr": Float(1e-5, 1.0, log=True), "act": Choice(*options)})

    def loss(c):
        return (np.log10(c["lr"]) + 2) ** 2 + {"a": 0.0, "b": 0.3, "new": 0.2}[c["act"]]

    study = searching(space("a"), loss, 12)
    study.change(space("b", "new"))
    first, second = (goes_on(study, loss, 1).trials[-1] for _ in range(2))
    assert abs(np.log10(first.config["lr"]) + 2) < 0.3
    assert abs(np.log10(second.config["lr"]) + 2) < 0.3


@pytest.mark.parametrize("strategy", ["gp", "tpe"])
def test_several_objectives_and_constraints_go_on_in_a_narrowed_space(strategy):
    study = Study(plane(0.0, 1.0), minimize=["a", "b"], subject_to=["c <= 0.6"], strategy=strategy)

    def trials(count):
        for _ in range(count):
            trial = study.ask()
            x, y = trial.config["x"], trial.config["y"]
            study.tell(trial, a=x, b=(1 - x) ** 2 + y, c=x * y)

    trials(15)
    study.change(Space({"x": Float(0.6, 0.9), "y": Int(0, 1)}))
    trials(4)
    assert all(study.space.contains(trial.config) for trial in study.trials[15:])
    assert study.verify() == []
