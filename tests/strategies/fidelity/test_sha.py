from danlu.core.stopping import Trials
from danlu.core.strategy import WAIT
from danlu.core.trial import Status
from danlu.loop import run
from danlu.runners.simulated import Simulated
from danlu.space import Float, Space
from danlu.stores.memory import Memory
from danlu.strategies.fidelity.asha import ASHA
from danlu.strategies.fidelity.sha import SHA
from danlu.strategies.random import Random
from danlu.study import Study
from danlu.testing.strategies import StrategyKit

SPACE = Space({"x": Float(0.0, 1.0)})


class TestSHA(StrategyKit):
    searches_all = False  # a full round waits for its trials

    def make(self):
        return SHA(Random(), size=3)


def play(job):
    for step in range(job.step + 1, 28):
        yield 1.0, {"loss": job.config["x"] + 1 / step}


def played(trials, workers=1):
    runner = Simulated(play, workers)
    study = Study(SPACE, minimize="loss", strategy=SHA(Random()), steps=27, store=Memory(clock=runner.clock))
    run(study, runner, Trials(trials))
    return study


def test_a_round_keeps_exactly_the_best_third_of_each_rung():
    for workers in (1, 5, 27):
        study = played(27, workers)
        order = [t.number for t in sorted(study.trials, key=lambda t: t.config["x"])]
        steps = [study.trials[number].step for number in order]
        assert steps == [27] + [9] * 2 + [3] * 6 + [1] * 18
        assert study.trials[order[0]].status is Status.COMPLETE
        assert study.history.steps_done == 27 + 2 * 9 + 6 * 3 + 18
        assert study.verify() == []


def test_the_next_round_begins_when_the_first_is_over():
    study = played(54, workers=9)
    assert study.history.count("complete") == 2


def test_a_failed_trial_does_not_hold_its_round_up():
    study = Study(SPACE, minimize="loss", strategy=SHA(Random(), size=3), steps=27)
    trials = [study.ask() for _ in range(3)]
    study.report(trials[0], 1, loss=0.3)
    study.report(trials[1], 1, loss=0.2)
    study.fail(trials[2], "boom")
    assert study.ask().number == 1
    study.fail(1, "boom")
    assert study.ask().number == 0  # the next best takes its place


def test_a_full_round_waits():
    study = Study(SPACE, minimize="loss", strategy=SHA(Random(), size=3), steps=27)
    trials = [study.ask() for _ in range(3)]
    assert study.ask() is None
    assert study.strategy.suggest(study.history, None) is WAIT
    for trial, loss in zip(trials, (0.3, 0.1, 0.2), strict=True):
        study.report(trial, 1, loss=loss)
    assert (study.ask().number, study.trials[1].budget) == (1, 3)


def test_without_pauses_it_is_asynchronous():
    assert SHA(Random(), first=3).without_pauses() == ASHA(Random(), first=3)
