import pytest

from danlu import Float, Space
from danlu.core.trial import Decision
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


def trained(study, steps=17, reports=True):
    """Trains what the study asks for, until it has begun 20 trials."""
    while (trial := study.ask()) is not None and trial.number < 20:
        decision = Decision.CONTINUE
        for step in range(trial.step + 1, steps + 1):
            if decision is Decision.CONTINUE and reports and (trial.budget is None or step <= trial.budget):
                decision = study.report(trial, step, loss=trial.config["x"] + 1 / step)
                study_step = step
                if decision is Decision.PAUSE:
                    trial.save(step)
        if decision is Decision.CONTINUE and (not reports or study_step == steps):
            study.tell(trial, loss=trial.config["x"])
    return study


def test_where_a_full_training_has_steps_it_pauses_and_predicts():
    study = trained(Study(NUMBERS, minimize="loss", steps=17))
    assert study.history.count("paused") > 3
    assert study.trials[-1].origin.startswith("curves: ")
    assert study.trials[-1].origin.endswith(", auto, a training has 17 steps")
    assert study.verify() == []


def test_where_the_runner_cannot_pause_nothing_is_paused():
    study = trained(Study(NUMBERS, minimize="loss", strategy=Auto().without_pauses(), steps=17))
    assert study.history.count("paused") == 0
    assert study.history.count("complete") + study.history.count("stopped") == 20


def test_trials_that_report_nothing_are_no_curves():
    study = trained(Study(NUMBERS, minimize="loss", steps=17), reports=False)
    assert study.trials[-1].origin.startswith("gp: ")


def test_with_several_objectives_nothing_is_stopped():
    study = Study(NUMBERS, minimize=["loss", "size"], steps=17)
    trial = study.ask()
    for step in range(1, 18):
        assert study.report(trial, step, loss=1.0, size=1.0) is Decision.CONTINUE


def test_inside_a_strategy_that_stops_trials_it_does_not_stop_them_as_well():
    study = trained(Study(NUMBERS, minimize="loss", strategy="asha", steps=17))
    assert {trial.origin.split(":")[0] for trial in study.trials} == {"gp"}
