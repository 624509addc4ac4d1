import numpy as np
import pytest

from danlu.core.stopping import Trials
from danlu.core.trial import Decision, Status
from danlu.errors import StrategyError
from danlu.loop import run
from danlu.runners.simulated import Faults, Simulated
from danlu.space import Float, Space
from danlu.stores.memory import Memory
from danlu.strategies.fidelity.asha import ASHA
from danlu.strategies.random import Random
from danlu.study import Study
from danlu.testing.strategies import StrategyKit

SPACE = Space({"x": Float(0.0, 1.0)})


class TestASHA(StrategyKit):
    def make(self):
        return ASHA(Random())


class TestPausingASHA(StrategyKit):
    def make(self):
        return ASHA(Random(), pauses=True)


def play(job):
    """Better from the first step on, the smaller x is."""
    for step in range(job.step + 1, 28):
        yield 1.0, {"loss": job.config["x"] + 1 / step}


def played(strategy, trials=54, workers=4, faults=None):
    runner = Simulated(play, workers, faults)
    study = Study(SPACE, minimize="loss", strategy=strategy, steps=27, store=Memory(clock=runner.clock))
    run(study, runner, Trials(trials))
    return study, runner


def asked(*losses, **settings):
    """What becomes of trials that report these losses at step 1, in turn."""
    study = Study(SPACE, minimize="loss", strategy=ASHA(Random(), **settings), steps=27)
    return [study.report(study.ask(), 1, loss=loss) for loss in losses]


def test_a_trial_goes_on_where_it_is_among_the_best_third_of_its_rung():
    go, stop = Decision.CONTINUE, Decision.STOP
    assert asked(0.5, 0.6, 0.7, 0.4, 0.45, 0.44, 0.3) == [go, go, stop, go, stop, go, go]


def test_where_it_pauses_the_others_wait():
    assert asked(0.5, 0.6, 0.7, pauses=True)[-1] is Decision.PAUSE


def test_between_rungs_everybody_goes_on():
    study = Study(SPACE, minimize="loss", strategy=ASHA(Random()), steps=27)
    for loss in (0.1, 0.2, 0.3):
        study.report(study.ask(), 3, loss=loss)
    late = study.ask()
    assert study.report(late, 1, loss=0.0) is Decision.CONTINUE
    assert study.report(late, 2, loss=9.0) is Decision.CONTINUE
    assert study.report(late, 3, loss=9.0) is Decision.STOP


def test_a_paused_trial_is_promoted_when_more_have_come_below_it():
    study = Study(SPACE, minimize="loss", strategy=ASHA(Random(), pauses=True), steps=27)
    for loss in (0.1, 0.2, 0.3):
        study.report(study.ask(), 1, loss=loss)
    assert study.trials[2].status is Status.PAUSED
    for loss in (0.9, 0.8):
        assert study.report(study.ask(), 1, loss=loss) is Decision.PAUSE
    assert study.ask().number == 5
    for loss in (0.95, 0.96, 0.97, 0.98):
        study.report(study.ask(), 1, loss=loss)
    promoted = study.ask()
    assert (promoted.number, promoted.budget) == (2, 3)


def test_most_trials_end_early_and_the_best_is_trained_to_the_end():
    for strategy in (ASHA(Random()), ASHA(Random(), pauses=True)):
        study, _ = played(strategy)
        xs = sorted(trial.config["x"] for trial in study.trials)
        assert study.best.config["x"] == xs[0]
        assert study.best.step == 27
        assert study.history.steps_done < 54 * 27 / 3
        assert study.verify() == []


def test_the_default_is_trained_to_the_end_whatever_it_promises():
    runner = Simulated(play)
    space = Space({"x": Float(0.0, 1.0, default=1.0)})
    study = Study(space, minimize="loss", strategy=ASHA(Random()), steps=27, store=Memory(clock=runner.clock))
    run(study, runner, Trials(12))
    assert study.trials[0].status is Status.COMPLETE


def test_promotions_go_on_when_no_more_trials_are_started():
    study, _ = played(ASHA(Random(), pauses=True), trials=27, workers=27)
    assert len(study.trials) == 27
    assert study.history.count("complete") >= 1


def test_a_straggler_holds_nobody_up():
    quick, quick_runner = played(ASHA(Random(), pauses=True), trials=81, workers=9)
    slow, slow_runner = played(ASHA(Random(), pauses=True), trials=81, workers=9, faults=Faults(slow=0.05, factor=20.0))
    begun = [trial.suggested for trial in slow.trials]
    assert begun[60] < 3 * quick.trials[60].suggested
    assert slow.best.value == pytest.approx(quick.best.value, abs=0.05)
    assert slow_runner.clock() > quick_runner.clock()


def test_without_pauses_it_is_the_stopping_form():
    assert ASHA(Random(), pauses=True).without_pauses() == ASHA(Random())


def test_inner_must_be_a_strategy():
    with pytest.raises(StrategyError, match="asha: inner must be a strategy, got 'tpe'"):
        Study(SPACE, minimize="loss", strategy=ASHA("tpe"), steps=27)


@pytest.mark.parametrize("pauses", [False, True])
def test_of_several_objectives_those_are_stopped_whose_curves_are_dominated(pauses):
    """Every x is as good as any other, in its own way; whatever y adds is worse in both."""

    def play(job):
        x, y = job.config["x"], job.config["y"]
        for step in range(job.step + 1, 10):
            yield 1.0, {"error": x + y + 1 / step, "size": 1 - x + y + 1 / step}

    plane = Space({"x": Float(0.0, 1.0), "y": Float(0.0, 1.0)})
    runner = Simulated(play)
    strategy = ASHA(Random(), pauses=pauses)
    store = Memory(clock=runner.clock)
    study = Study(plane, minimize=["error", "size"], strategy=strategy, steps=9, store=store)
    run(study, runner, Trials(60))
    ended = [trial.config["y"] for trial in study.history.completed]
    early = [trial.config["y"] for trial in study.trials if trial.status in ("stopped", "paused")]
    assert len(early) > len(ended) > 3
    assert np.median(ended) < 0.5 * np.median(early)
    assert np.median([trial.config["y"] for trial in study.front]) < np.median(early)
    assert study.verify() == []
