import numpy as np
import pytest

from danlu import Float, Space, Study
from danlu.strategies.tpe.tpe import TPE
from danlu.testing.strategies import StrategyKit


class TestTPE(StrategyKit):
    def make(self):
        return TPE(start=3)


def test_it_learns_where_it_is_good():
    def best(strategy, seed):
        study = Study(
            Space({f"x{k}": Float(0.0, 1.0) for k in range(4)}), minimize="loss", strategy=strategy, seed=seed
        )
        for _ in range(60):
            trial = study.ask()
            study.tell(trial, loss=sum((v - 0.3) ** 2 for v in trial.config.values()))
        return study.best.value

    tpe, random = (np.median([best(strategy, seed) for seed in range(7)]) for strategy in ("tpe", "random"))
    assert tpe < random / 3


def test_failed_trials_count_as_bad():
    shares = []
    for seed in range(5):
        study = Study(Space({"x": Float(0.0, 1.0)}), minimize="loss", strategy=TPE(start=5), seed=seed)
        for _ in range(40):
            trial = study.ask()
            x = trial.config["x"]
            study.fail(trial, "diverged") if x > 0.5 else study.tell(trial, loss=(x - 0.3) ** 2)
        shares.append(np.mean([trial.config["x"] > 0.5 for trial in study.trials[20:]]))
    assert np.mean(shares) < 0.35


@pytest.mark.parametrize("count", [600, 1500])
def test_of_many_trials_a_bounded_number_is_looked_at(count):
    from danlu.strategies.layout import layout_of
    from danlu.strategies.rows import Rows
    from danlu.strategies.tpe.parzen import groups_of

    layout = layout_of(Space({"x": Float(0.0, 1.0)}))
    rng = np.random.default_rng(0)
    x, losses, none = rng.random((count, 1)), rng.random((count, 1)), np.empty((0, 1))
    rows = Rows(
        np.arange(count), x, losses, np.empty((count, 0)), np.zeros(count), none, none, np.ones(count, dtype=bool)
    )
    [good], [others] = TPE()._split(layout, rows, groups_of(layout), rng)
    assert len(good.mu) == 26
    assert len(others.mu) == 501


def test_what_keeps_the_constraints_counts_as_good():
    shares = []
    for seed in range(3):
        space = Space({"x": Float(0.0, 1.0), "y": Float(0.0, 1.0)})
        study = Study(space, minimize="loss", subject_to=["c <= 0.2"], strategy="tpe", seed=seed)
        for _ in range(50):
            trial = study.ask()
            study.tell(trial, loss=-trial.config["x"], c=trial.config["x"] * trial.config["y"])
        shares.append(np.mean([trial.is_feasible for trial in study.trials[25:]]))
        assert study.best.config["x"] > 0.8
    assert np.median(shares) > 0.5


def test_of_several_objectives_it_dominates_more_than_random_search():
    from danlu.numerics.pareto import hypervolume

    def dominated(strategy, seed):
        space = Space({f"x{k}": Float(0.0, 1.0) for k in range(4)})
        study = Study(space, minimize=["a", "b"], strategy=strategy, seed=seed)
        for _ in range(80):
            trial = study.ask()
            first, *rest = trial.config.values()
            far = sum((v - 0.3) ** 2 for v in rest)
            study.tell(trial, a=first**2 + far, b=(1 - first) ** 2 + far)
        return hypervolume(np.array([trial.values for trial in study.trials]), np.array([1.1, 1.1]))

    tpe, random = (np.median([dominated(s, seed) for seed in range(5)]) for s in ("tpe", "random"))
    assert tpe > random + 0.03


def test_where_no_candidate_is_allowed_it_says_that_it_is_random():
    space = Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0)}, where="abs(a - b) < 0.0001")
    study = Study(space, minimize="loss", strategy=TPE(start=2, candidates=1), seed=0)
    for _ in range(12):
        study.tell(study.ask(), loss=0.0)
    assert "tpe: random, no candidate is allowed" in {trial.origin for trial in study.trials}
