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
    none = np.empty((0, 1))
    rows = Rows(rng.random((count, 1)), rng.random((count, 1)), np.empty((count, 0)), np.zeros(count), none, none)
    [good], [others] = TPE()._split(layout, rows, groups_of(layout), rng)
    assert len(good.mu) == 26
    assert len(others.mu) == 501
