import numpy as np

from danlu.space import Float, Space
from danlu.strategies.quasirandom import Sobol
from danlu.study import Study
from danlu.testing.strategies import StrategyKit


class TestSobol(StrategyKit):
    def make(self):
        return Sobol()


def test_sixteen_points_fall_into_sixteen_slices_of_every_hyperparameter():
    study = Study(Space({name: Float(0.0, 1.0) for name in "abc"}), minimize="loss", strategy="sobol", seed=3)
    points = np.array([list(study.ask().config.values()) for _ in range(16)])
    for column in points.T:
        assert sorted((column * 16).astype(int)) == list(range(16))


def test_queued_trials_leave_no_hole_in_the_sequence():
    space = Space({"a": Float(0.0, 1.0)})
    plain, disturbed = (Study(space, minimize="loss", strategy="sobol") for _ in range(2))
    disturbed.queue({"a": 0.123})
    disturbed.ask()
    assert [plain.ask().config for _ in range(4)] == [disturbed.ask().config for _ in range(4)]


def test_what_constraints_exclude_is_left_out_without_wasting_time():
    space = Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0)}, where="abs(a - b) < 0.01")
    study = Study(space, minimize="loss", strategy="sobol")
    configs = [study.ask().config for _ in range(100)]
    assert len(set(configs)) == 100
    assert sorted(int(config["a"] * 10) for config in configs).count(3) == 10  # still evenly spread
