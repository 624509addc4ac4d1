import random
import time

import pytest

from danlu import Study, tune
from danlu.core.trial import Decision
from danlu.errors import StrategyError
from danlu.strategies.fidelity.asha import ASHA
from danlu.strategies.fidelity.curves import Curves
from danlu.strategies.fidelity.hyperband import Hyperband
from danlu.strategies.fidelity.median import Median
from danlu.strategies.fidelity.sha import SHA
from danlu.strategies.inorder import InOrder
from danlu.strategies.random import Random
from danlu.strategies.tpe.tpe import TPE
from danlu.testing.specimens import NAMES, specimen
from danlu.testing.strategies import MIXED, StrategyKit, outcome


class TestInOrder(StrategyKit):
    def make(self):
        return InOrder(TPE(start=3), lag=24)


def searched(strategy, lag, workers, seed, trials=24):
    """A study whose trials run on so many workers and end in a random order."""
    study = Study(MIXED, minimize="loss", strategy=InOrder(strategy, lag), steps=9)
    rng, running = random.Random(seed), []
    while len(study.history.finished) < trials:
        while len(running) < workers and len(study.trials) < trials:
            trial = study.ask()
            if trial is None:
                break
            running.append(trial)
        if not running:
            break  # a grid has fewer cells
        trial = running.pop(rng.randrange(len(running)))
        loss = trial.config["lr"] + trial.config["layers"]
        study.fail(trial, "diverged") if trial.number % 5 == 4 else study.tell(trial, loss=loss)
    return study


@pytest.mark.parametrize("name", NAMES)
def test_any_number_of_workers_up_to_the_lag_gives_the_same_study(name):
    expected = outcome(searched(specimen(name), lag=8, workers=1, seed=0).history)
    for workers in (2, 8):
        for seed in range(2):
            study = searched(specimen(name), lag=8, workers=workers, seed=seed)
            assert outcome(study.history) == expected
    assert study.verify() == []


def trained(strategy, lag, workers, seed, trials=24):
    """A study whose trials report nine steps each, on so many workers that are fast and slow at random."""
    study = Study(MIXED, minimize="loss", strategy=InOrder(strategy, lag), steps=9)
    rng, running = random.Random(seed), []
    while True:
        while len(running) < workers and len(study.trials) < trials and (trial := study.ask()) is not None:
            running.append(trial)
        if not running:
            return study
        trial = running[rng.randrange(len(running))]
        step = study.trials[trial.number].step + 1
        decision = study.report(trial, step, loss=trial.config["lr"] + trial.config["layers"] + 1 / step)
        if decision is Decision.CONTINUE and step == 9:
            study.tell(trial)
        if decision is not Decision.CONTINUE or step == 9:
            running.remove(trial)


EARLY = [ASHA(Random()), ASHA(Random(), pauses=True), Hyperband(Random()), Median(Random()), SHA(Random()), Curves()]


@pytest.mark.parametrize("strategy", EARLY, ids=lambda s: type(s).__name__)
def test_so_it_does_with_a_strategy_that_stops_trials_early(strategy):
    expected = trained(strategy, lag=4, workers=1, seed=0)
    for workers in (2, 4):
        assert outcome(trained(strategy, lag=4, workers=workers, seed=workers).history) == outcome(expected.history)
    assert expected.verify() == []
    assert expected.history.count("paused") == 0
    assert 0 < expected.history.count("stopped") < 20


def test_without_it_the_order_of_ending_matters():
    def free(workers):
        study = Study(MIXED, minimize="loss", strategy=TPE(start=3))
        running = []
        while len(study.history.finished) < 24:
            while len(running) < workers and len(study.trials) < 24:
                running.append(study.ask())
            trial = running.pop()
            study.tell(trial, loss=trial.config["lr"] + trial.config["layers"])
        return outcome(study.history)

    assert free(1) != free(4)


def test_it_waits_for_a_straggler():
    study = Study(MIXED, minimize="loss", strategy=InOrder(Random(), lag=2))
    straggler, quick = study.ask(), study.ask()
    study.tell(quick, loss=1.0)
    assert study.ask() is None
    assert not study.is_exhausted
    study.tell(straggler, loss=1.0)
    assert study.ask().number == 2


def train(trial, config):
    time.sleep((trial.seed % 7) / 100)
    return config["lr"] * config["layers"]


def test_real_workers_give_the_same_study():
    alone, several = (
        tune(train, space=MIXED, minimize="loss", trials=14, strategy="tpe", workers=w, lag=3, progress=False)
        for w in (1, 3)
    )
    assert outcome(alone.history) == outcome(several.history)


def test_more_workers_than_the_lag_are_refused():
    with pytest.raises(StrategyError, match="Use lag=8"):
        tune(train, space=MIXED, minimize="loss", workers=8, lag=2)


@pytest.mark.parametrize(
    ("settings", "message"), [({"lag": 0}, "at least 1"), ({"inner": "random"}, "must be a strategy")]
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(StrategyError, match=message):
        Study(MIXED, minimize="loss", strategy=InOrder(**({"inner": Random()} | settings)))
