import numpy as np

from danlu.space import Float, Space
from danlu.strategies.random import Random
from danlu.study import Study
from danlu.testing.strategies import SMALL, StrategyKit


class TestRandom(StrategyKit):
    def make(self):
        return Random()


def test_draws_are_uniform_on_the_scale_of_the_hyperparameter():
    study = Study(Space({"lr": Float(1e-4, 1e0, log=True)}), minimize="loss", strategy="random")
    exponents = [np.log10(study.ask().config["lr"]) for _ in range(400)]
    counts, _ = np.histogram(exponents, bins=4, range=(-4, 0))
    assert counts.min() > 70  # 100 expected, standard deviation 9


def test_another_seed_gives_other_configs():
    one, other = (Study(SMALL, minimize="loss", strategy="random", seed=seed) for seed in (0, 1))
    assert [one.ask().config for _ in range(5)] != [other.ask().config for _ in range(5)]


def test_a_repeat_in_a_space_with_one_config_left_never_happens():
    study = Study(SMALL, minimize="loss", strategy="random")
    trials = [study.ask() for _ in range(24)]
    assert not any("repeat" in trial.origin for trial in trials)
