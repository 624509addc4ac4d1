from danlu.strategies.auto import Auto
from danlu.study import Study
from danlu.testing.strategies import MIXED, SMALL, StrategyKit


class TestAuto(StrategyKit):
    def make(self):
        return Auto()


def test_a_small_space_is_tried_whole():
    study = Study(SMALL, minimize="loss")
    assert {study.ask().origin for _ in range(24)} == {"grid"}
    assert study.ask() is None


def test_a_larger_space_is_covered_evenly():
    study = Study(MIXED, minimize="loss")
    assert [study.ask().origin for _ in range(3)] == ["default", "sobol", "sobol"]
