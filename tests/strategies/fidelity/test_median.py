import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.journeys import journey

from danlu.core.history import fold
from danlu.core.trial import Decision, Status
from danlu.errors import StrategyError
from danlu.space import Float, Space
from danlu.strategies.fidelity.median import Median
from danlu.strategies.random import Random
from danlu.study import Study
from danlu.testing.strategies import StrategyKit

SPACE = Space({"x": Float(0.0, 1.0)})


class TestMedian(StrategyKit):
    def make(self):
        return Median(Random(), peers=2)


def study_of(*curves, **settings):
    study = Study(SPACE, minimize="loss", strategy=Median(Random(), **settings))
    for curve in curves:
        trial = study.ask()
        for step, loss in enumerate(curve, 1):
            study.report(trial, step, loss=loss)
    return study


def test_a_trial_whose_best_is_worse_than_the_median_of_averages_is_stopped():
    study = study_of([1.0, 0.0], [1.0, 0.4], [1.0, 0.8], peers=3)  # averages 0.5, 0.7, 0.9
    for loss, decision in ((0.69, Decision.CONTINUE), (0.71, Decision.STOP)):
        trial = study.ask()
        assert study.report(trial, 1, loss=5.0) is Decision.CONTINUE
        assert study.report(trial, 2, loss=loss) is decision
        study.history.trials[trial.number].is_finished or study.fail(trial, "to leave three")


def test_nobody_is_stopped_during_the_grace_or_with_too_few_peers():
    study = study_of([0.1, 0.1], [0.1, 0.1], peers=2, grace=2)
    assert study.report(study.ask(), 2, loss=9.0) is Decision.CONTINUE
    study = study_of([0.1, 0.1], peers=2)
    assert study.report(study.ask(), 2, loss=9.0) is Decision.CONTINUE


def test_its_settings_are_checked():
    with pytest.raises(StrategyError, match="peers at least 1, got 1 and 0"):
        Study(SPACE, minimize="loss", strategy=Median(Random(), peers=0))
    with pytest.raises(StrategyError, match="several objectives have no median"):
        Study(SPACE, minimize=["a", "b"], strategy=Median(Random()))


def obvious(history, trial, grace, peers):
    """The verdict by a look at every trial."""
    step = trial.curve.step
    averages = []
    for other in history.trials:
        losses = [v for v in other.curve.until(step)["loss"].tolist() if v == v]
        if other.number != trial.number and other.status is not Status.FAILED and other.curve.step >= step and losses:
            averages.append(sum(losses) / len(losses))
    mine = [v for v in trial.curve["loss"].tolist() if v == v]
    may_stop = step > grace and trial.origin != "default" and len(averages) >= peers and mine
    is_told = trial.curve["loss"][-1:].tolist() == mine[-1:]
    return Decision.STOP if may_stop and is_told and min(mine) > np.median(averages) else Decision.CONTINUE


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_who_is_stopped_is_whom_a_look_at_every_trial_stops(data):
    journal = journey(data.draw)
    history = fold(journal[:1])
    passed = [history]
    for entry in journal[1:]:
        history = history.apply(entry)
        passed.append(history)
        if data.draw(st.booleans()):
            moment = data.draw(st.sampled_from(passed[-3:]))
            for trial in moment.running:
                assert Median(Random(), peers=2).decide(moment, trial) is obvious(moment, trial, 1, 2)
