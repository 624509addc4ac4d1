import pytest

from danlu import Float, Space
from danlu.errors import StrategyError
from danlu.stores.memory import Memory
from danlu.strategies.auto import Auto
from danlu.study import Study
from danlu.testing.strategies import MIXED, SMALL, StrategyKit

NUMBERS = Space({"x": Float(0.0, 1.0), "y": Float(0.0, 1.0)})


class TestAuto(StrategyKit):
    def make(self):
        return Auto()


def test_the_default_comes_first_and_the_origin_says_who_suggested_and_why():
    study = Study(MIXED, minimize="loss")
    origins = [study.ask().origin for _ in range(3)]
    assert origins == ["default", *["gp: design, auto, fewer than 2,000 trials"] * 2]


def test_eight_workers_on_a_space_of_24_try_24_different_configs_first():
    study = Study(SMALL, minimize="loss")
    running = [study.ask() for _ in range(8)]
    while len(study.trials) < 24:
        study.tell(running.pop(0), loss=1.0)
        running.append(study.ask())
    assert len({trial.config for trial in study.trials}) == 24
    assert study.ask() is None


def test_the_time_there_is_is_passed_on_and_checked():
    store = Memory(clock=iter(range(10_000)).__next__)
    study = Study(NUMBERS, minimize="loss", strategy=Auto(time=500.0), store=store)
    for k in range(12):
        trial = study.ask()
        for _ in range(2 ** (k % 4)):
            store.now()
        study.tell(trial, loss=float(k))
    assert ", per second^" in study.ask().origin
    with pytest.raises(StrategyError, match=r"time must be seconds > 0, got -1"):
        Study(NUMBERS, minimize="loss", strategy=Auto(time=-1))


@pytest.mark.parametrize(
    ("space", "objectives", "expected"),
    [
        (NUMBERS, ["loss"], {"gp", "cmaes"}),
        (MIXED, ["loss"], {"gp", "tpe"}),
        (NUMBERS, ["loss", "size"], {"gp", "nsga2"}),
    ],
)
def test_of_very_many_trials_cheaper_methods_take_part(space, objectives, expected, monkeypatch):
    monkeypatch.setattr("danlu.strategies.auto._MANY", 12)
    study = Study(space, minimize=objectives)
    for k in range(32):
        study.tell(study.ask(), **{metric: float(k % 5) for metric in objectives})
    assert {trial.origin.split(":")[0] for trial in study.trials[13:]} == expected
