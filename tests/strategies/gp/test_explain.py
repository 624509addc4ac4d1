import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu import Choice, Float, Int, Space, Study
from danlu.core.explain import Explains
from danlu.core.history import fold
from danlu.stores.memory import Memory
from danlu.strategies.auto import Auto
from danlu.strategies.gp.explain import back_of
from danlu.strategies.gp.gp import GP
from danlu.strategies.gp.surrogate import Surrogate
from danlu.strategies.gp.view import VIEWS
from danlu.strategies.random import Random
from danlu.strategies.tpe.tpe import TPE

SPACE = Space(
    {
        "x": Float(0.0, 1.0),
        "y": Float(1e-3, 1.0, log=True),
        "n": Int(1, 4),
        "opt": Choice({"sgd": Space({"momentum": Float(0.0, 1.0)}), "adam": None}),
    }
)


def loss(config):
    return (config["x"] - 0.3) ** 2 + 0.2 * (config["opt"] == "adam") + 0.01 * config["n"]


def study_of(trials, strategy="gp", store=None, space=SPACE, told=lambda c: {"loss": loss(c)}, **objectives):
    objectives = objectives or {"minimize": "loss"}
    study = Study(space, strategy=strategy, seed=0, store=store, **objectives)
    for _ in range(trials):
        trial = study.ask()
        study.tell(trial, **told(trial.config))
    return study


STUDY = study_of(30)
EXPLANATION = GP().explain(STUDY.history)


def test_gp_and_auto_explain_themselves_and_random_does_not():
    assert isinstance(GP(), Explains)
    assert isinstance(Auto(), Explains)
    assert not isinstance(Random(), Explains)
    assert Auto().explain(STUDY.history).next == EXPLANATION.next


def test_of_fewer_than_two_trials_there_is_nothing_to_tell():
    assert GP().explain(study_of(1).history) is None


@pytest.mark.parametrize("trials", [3, 9, 14, 40])
def test_it_names_what_makes_the_next_suggestion_and_the_suggestion_is_where_that_is_highest(trials):
    study = study_of(trials, space=Space({"x": Float(0.0, 1.0), "z": Float(0.0, 1.0)}), told=lambda c: {"loss": c["x"]})
    explanation = GP().explain(study.history)
    trial = study.ask()
    assert trial.origin == f"gp: {explanation.next}"
    if explanation.next == explanation.acquires:
        rng = np.random.default_rng(1)
        others = explanation.acquisition([study.history.space.sample(rng) for _ in range(300)])
        assert explanation.acquisition([trial.config])[0] >= others.max() - 0.05


def test_it_predicts_what_the_surrogate_believes_taken_back_to_losses():
    configs = [trial.config for trial in STUDY.trials]
    mean, std = EXPLANATION.predict(configs)
    assert mean == pytest.approx([loss(config) for config in configs], abs=0.02)
    assert (std >= 0).all()
    x = EXPLANATION.layout.vectors(np.array([SPACE.encode(config) for config in configs]))
    mu, sigma = EXPLANATION.surrogates[0].predict(x)
    back = EXPLANATION.backs[0]
    assert mean == pytest.approx(back(mu))
    assert std == pytest.approx((back(mu + sigma) - back(mu - sigma)) / 2)
    assert EXPLANATION.acquisition(configs) == pytest.approx(EXPLANATION.score(x, Surrogate.predict))


def test_what_it_has_not_seen_it_is_less_sure_of():
    rng = np.random.default_rng(0)
    _, near = EXPLANATION.predict([trial.config for trial in STUDY.trials])
    _, far = EXPLANATION.predict([SPACE.sample(rng) for _ in range(100)])
    assert np.median(far) > 3 * np.median(near)


def test_the_loss_does_not_depend_on_what_has_a_long_scale():
    study = study_of(40, "random")
    lengths = GP().explain(study.history).lengths()
    assert list(lengths) == list(SPACE.names)
    assert lengths["y"] > 2 * lengths["x"]


def test_noise_is_that_of_the_training():
    rng = np.random.default_rng(0)
    space = Space({"x": Float(0.0, 1.0)})
    found = [
        GP().explain(study_of(80, "random", None, space, lambda c, s=s: {"loss": c["x"] + s * rng.normal()}).history)
        for s in (0.001, 0.1)
    ]
    assert found[0].noise() < 0.02
    assert 0.05 < found[1].noise() < 0.2


# grids ---------------------------------------------------------------------------------------------------------------


def test_a_grid_holds_the_others_at_the_incumbent():
    grid = EXPLANATION.grid("x", "opt", levels=5)
    assert grid.held == STUDY.best.config
    assert grid.axes[1] == ("sgd", "adam")
    rows = [[{**grid.held, "x": x, "opt": opt} for opt in grid.axes[1]] for x in grid.axes[0]]
    if grid.held["opt"] == "sgd":
        for row in rows:
            del row[1]["opt.sgd.momentum"]
    for k, row in enumerate(rows):
        assert grid.columns["mean"][k] == pytest.approx(EXPLANATION.predict(row)[0])
        assert grid.columns["acquisition"][k] == pytest.approx(EXPLANATION.acquisition(row))


def test_a_grid_along_one_finds_the_bowl_and_so_does_its_marginal():
    grid = EXPLANATION.grid("x", levels=21)
    for column in ("mean", "marginal"):
        assert grid.columns[column].shape == (21,)
        assert grid.axes[0][int(np.argmin(grid.columns[column]))] == pytest.approx(0.3, abs=0.1)


def test_what_the_incumbent_does_not_have_is_switched_on():
    assert EXPLANATION.grid("opt.sgd.momentum", levels=4).columns["mean"].shape == (4,)


def test_several_objectives_and_constraints_are_told():
    study = study_of(
        25,
        told=lambda c: {"a": loss(c), "b": 1 - c["x"], "c": c["x"]},
        minimize=["a", "b"],
        subject_to=["c <= 0.6"],
    )
    explanation = GP().explain(study.history)
    assert explanation.next.startswith("hypervolume")
    grid = explanation.grid("x", levels=11, objective=1)
    assert (np.diff(grid.columns["mean"]) < 0).all()
    feasible = grid.columns["feasibility"]
    assert feasible[:6].min() > 0.9
    assert feasible[8:].max() < 0.1


# purity --------------------------------------------------------------------------------------------------------------


def test_any_prefix_of_a_journal_tells_the_same_again():
    store = Memory()
    study_of(16, store=store)
    entries = list(store.read("study"))
    for cut in (8, 20, len(entries)):
        one, other = (GP().explain(fold(entries[:cut])) for _ in range(2))
        if one is not None:
            assert np.array_equal(one.grid("x").columns["acquisition"], other.grid("x").columns["acquisition"])
            assert one.next == other.next


# the way back --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
@settings(max_examples=100, deadline=None)
@given(losses=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_the_way_back_is_monotone_and_exact_at_the_trials(view, losses):
    y = np.array(losses)
    back = back_of(view(y), y)
    assert np.array_equal(back(back.z), back.losses)
    assert set(back.losses.tolist()) <= set(losses)
    assert (np.diff(back(np.linspace(-5, 5, 200))) >= -1e-9 * max(np.abs(y).max(), 1)).all()


def test_beyond_the_trials_it_goes_straight_on():
    back = back_of(np.array([0.0, 1.0, 2.0]), np.array([10.0, 20.0, 40.0]))
    assert back(np.array([-1.0, 0.5, 3.0])).tolist() == [0.0, 15.0, 60.0]


def test_in_a_changed_space_it_tells_of_that_space_and_predicts_earlier_trials_too():
    study = study_of(20, strategy="sobol")
    before = [trial.config for trial in study.trials]
    study.change(Space({**SPACE.members, "x": Float(0.2, 1.0), "opt": Choice("adam", "lion")}))
    for explanation in (GP().explain(study.history), TPE().explain(study.history)):
        assert study.space.contains(explanation.held)
        grid = explanation.grid("x", "opt", levels=5)
        assert (grid.axes[0][0], grid.axes[0][-1], grid.axes[1]) == (0.2, 1.0, ("adam", "lion"))
        assert all(np.isfinite(column).all() for column in grid.columns.values())
    median, _ = GP().explain(study.history).predict(before)
    assert np.corrcoef(median, [loss(config) for config in before])[0, 1] > 0.8
