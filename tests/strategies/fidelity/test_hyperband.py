from collections import Counter

from danlu.core.stopping import Trials
from danlu.loop import run
from danlu.runners.simulated import Simulated
from danlu.space import Float, Space
from danlu.stores.memory import Memory
from danlu.strategies.fidelity.hyperband import BOHB, Hyperband, bracket_of
from danlu.strategies.random import Random
from danlu.strategies.tpe.tpe import TPE
from danlu.study import Study
from danlu.testing.strategies import StrategyKit

SPACE = Space({"x": Float(0.0, 1.0)})


class TestHyperband(StrategyKit):
    def make(self):
        return Hyperband(Random(), pauses=True)


class TestBOHB(StrategyKit):
    def make(self):
        return BOHB(TPE(start=3))


def test_a_round_has_as_many_trials_in_each_bracket_as_the_paper_says():
    # Li et al. (2018), table 1: R = 81, η = 3; its last bracket is that of full trainings
    assert [Counter(bracket_of(k, 5, 3) for k in range(143))[s] for s in range(5)] == [81, 34, 15, 8, 5]


def test_rounds_follow_each_other():
    length = sum(Counter(bracket_of(k, 4, 3) for k in range(49)).values())
    assert [bracket_of(k, 4, 3) for k in range(length)] == [bracket_of(k + length, 4, 3) for k in range(length)]


def test_careful_brackets_save_a_config_that_begins_badly():
    def play(job):
        late = job.config["x"] < 0.3  # the best configs are the worst before step 9
        for step in range(job.step + 1, 28):
            yield 1.0, {"loss": 2.0 if late and step < 9 else job.config["x"]}

    runner = Simulated(play)
    strategy = Hyperband(Random(), pauses=True)
    study = Study(SPACE, minimize="loss", strategy=strategy, steps=27, store=Memory(clock=runner.clock))
    run(study, runner, Trials(60))
    assert study.best.config["x"] < 0.3
    daring = [t for t in study.history.completed if bracket_of(t.number, 3, 3) == 0]
    assert daring
    assert all(trial.config["x"] >= 0.3 for trial in daring[2:])
