from typing import Annotated

import pytest

from danlu import tune
from danlu.core.stopping import Steps, Trials
from danlu.core.trial import Decision
from danlu.errors import StrategyError
from danlu.loop import run
from danlu.runners.simulated import Simulated
from danlu.space import Float, Space
from danlu.stores.memory import Memory
from danlu.strategies.fidelity.curves import Curves
from danlu.study import Study
from danlu.testing.strategies import StrategyKit

SPACE = Space({"x": Float(0.0, 1.0), "y": Float(0.0, 1.0)})


class TestCurves(StrategyKit):
    searches_all = False  # trials that wait are part of a small space's search

    def make(self):
        return Curves()


class TestStoppingCurves(StrategyKit):
    def make(self):
        return Curves(pauses=False)


def bowl(config):
    return (config["x"] - 0.3) ** 2 + (config["y"] - 0.6) ** 2


def faithful(job):
    for step in range(job.step + 1, 28):
        yield 1.0, {"loss": bowl(job.config) + 1 / step}


def misleading(job):
    """What looks best at first lies elsewhere."""
    x, y = job.config["x"], job.config["y"]
    for step in range(job.step + 1, 28):
        yield 1.0, {"loss": bowl(job.config) if step > 20 else (x - 0.9) ** 2 + (y - 0.1) ** 2}


def played(play, strategy, steps=270, workers=1):
    runner = Simulated(play, workers)
    study = Study(SPACE, minimize="loss", strategy=strategy, steps=27, store=Memory(clock=runner.clock))
    run(study, runner, Steps(steps))
    return study


def test_it_trains_to_the_end_what_is_worth_it_and_little_else():
    study = played(faithful, Curves())
    assert bowl(study.best.config) < 0.005
    assert len(study.trials) > 15  # of the price of ten
    assert study.verify() == []


def test_it_finds_the_best_although_early_values_mislead():
    study = played(misleading, Curves(), steps=540)
    assert bowl(study.best.config) < 0.02
    told = [float(t.origin.rsplit(" ", 1)[1]) for t in study.trials if "tells the end by" in t.origin]
    assert told[-1] < 0.9


def inverted(job):
    """What is good at first is bad in the end, and rungs agree with each other until then."""
    for step in range(job.step + 1, 28):
        yield 1.0, {"loss": bowl(job.config) if step > 20 else -bowl(job.config)}


def test_where_ranks_turn_around_a_trial_of_middling_early_value_is_trained_to_the_end_as_well():
    study = played(inverted, Curves(), steps=270)
    assert bowl(study.best.config) < 0.1
    [note] = [note for note in study.history.notes if "early values mislead" in note]
    assert "rank correlation of step 3 and the end -" in note


def test_it_says_how_well_early_values_tell_the_end():
    study = played(faithful, Curves())
    assert any("step 3 tells the end by 0.9" in trial.origin for trial in study.trials)


def test_several_workers_try_different_configs():
    study = played(faithful, Curves(), workers=8)
    assert len({trial.config for trial in study.trials}) == len(study.trials)
    assert bowl(study.best.config) < 0.02
    assert study.verify() == []


def test_where_it_cannot_pause_it_stops_what_will_not_win():
    runner = Simulated(faithful, can_pause=False)
    strategy = Curves(pauses=False)
    study = Study(SPACE, minimize="loss", strategy=strategy, steps=27, store=Memory(clock=runner.clock))
    run(study, runner, Trials(30))
    assert study.history.count("paused") == 0
    assert study.history.count("stopped") > 5
    assert bowl(study.best.config) < 0.01
    assert Curves().without_pauses() == strategy


def test_a_training_that_saves_nothing_is_stopped_rather_than_begun_again():
    def careless(trial, x: Annotated[float, Float(0.0, 1.0)], y: Annotated[float, Float(0.0, 1.0)]):
        for step in trial.steps(27):
            trial.report(step, loss=bowl({"x": x, "y": y}) + 1 / step)

    study = tune(careless, minimize="loss", steps=27, strategy=Curves(), trials=30, progress=False)
    assert study.history.count("paused") <= 3
    assert study.history.count("stopped") > 5
    assert sum(trial.attempt > 1 for trial in study.trials) <= 3
    assert any("saved no checkpoint" in note for note in study.history.notes)


def test_between_rungs_a_trial_goes_on():
    study = Study(SPACE, minimize="loss", strategy=Curves(first=3), steps=27)
    assert study.report(study.ask(), 2, loss=1.0) is Decision.CONTINUE


def test_it_wants_one_objective_and_a_length():
    with pytest.raises(StrategyError, match="one objective and no constraints"):
        Study(SPACE, minimize=["a", "b"], strategy="curves", steps=27)
    with pytest.raises(StrategyError, match="how many steps is a full training"):
        Study(SPACE, minimize="loss", strategy="curves")
