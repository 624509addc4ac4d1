import numpy as np
import pytest
from scipy import integrate

from danlu import Choice, Float, Space, Study
from danlu.core.explain import Explains
from danlu.strategies.layout import layout_of
from danlu.strategies.rows import rows_of
from danlu.strategies.tpe.tpe import TPE

SPACE = Space({"x": Float(0.0, 1.0), "c": Choice({"a": Space({"z": Float(0.0, 1.0)}), "b": None})})


def study_of(trials, space=SPACE):
    study = Study(space, minimize="loss", strategy="tpe", seed=0)
    for _ in range(trials):
        trial = study.ask()
        study.tell(trial, loss=(trial.config["x"] - 0.7) ** 2 + 0.1 * (trial.config.get("c") == "b"))
    return study


def test_it_explains_itself_once_there_are_two_trials():
    assert isinstance(TPE(), Explains)
    assert TPE().explain(study_of(1).history) is None


def test_densities_integrate_to_one():
    explanation = TPE().explain(study_of(25, Space({"x": Float(0.0, 1.0)})).history)
    for which in (0, 1):
        total, _ = integrate.quad(lambda x: np.exp(explanation.log_densities([{"x": x}])[which][0]), 0, 1, limit=200)  # noqa: B023
        assert total == pytest.approx(1.0, abs=1e-4)


def test_good_trials_are_dense_where_it_is_good():
    grid = TPE().explain(study_of(40).history).grid("x", levels=21)
    assert grid.axes[0][int(np.argmax(grid.columns["good"]))] == pytest.approx(0.7, abs=0.15)
    assert grid.columns["score"] == pytest.approx(grid.columns["good"] - grid.columns["others"])


def test_the_score_is_what_candidates_are_ranked_by():
    history = study_of(30).history
    layout = layout_of(SPACE)
    ranked = TPE().ranked(history, layout, rows_of(history, layout), np.random.default_rng(0))
    good, others = TPE().explain(history).log_densities([layout.config(x) for x in ranked])
    assert (np.diff(good - others) <= 1e-9).all()


def test_a_grid_may_go_through_a_branch():
    grid = TPE().explain(study_of(30).history).grid("c", "c.a.z", levels=5)
    assert grid.columns["good"].shape == (2, 5)
    assert np.ptp(grid.columns["good"][1]) == 0.0
