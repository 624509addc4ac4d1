from danlu.core.strategy import EXHAUSTED
from danlu.strategies.manual import Manual
from danlu.strategies.random import Random
from danlu.study import Study
from danlu.testing.strategies import MIXED, SMALL, StrategyKit


class TestManual(StrategyKit):
    searches_all = False

    def make(self):
        return Manual(Random())


def test_the_default_config_is_the_first_trial():
    study = Study(MIXED, minimize="loss", strategy="random")
    trial = study.ask()
    assert trial.origin == "default"
    assert trial.config == MIXED.default()


def test_a_space_without_defaults_has_no_default_trial():
    assert Study(SMALL, minimize="loss", strategy="random").ask().origin == "random"


def test_what_was_queued_comes_in_its_order_before_the_strategy():
    study = Study(SMALL, minimize="loss", strategy="random")
    study.queue({"width": 2})
    study.queue({"width": 3}, note="a hunch")
    trials = [study.ask() for _ in range(3)]
    assert [trial.origin for trial in trials] == ["queued", "queued: a hunch", "random"]
    assert [trial.config["width"] for trial in trials[:2]] == [2, 3]
    assert study.history.queue == ()


def test_alone_it_ends_with_the_queue():
    study = Study(SMALL, minimize="loss", strategy="manual")
    study.queue({"width": 2})
    assert study.ask().config["width"] == 2
    assert study.ask() is None
    assert Manual().suggest(study.history, None) is EXHAUSTED
