import pytest

from danlu import Choice, Decision, Float, Space, Status, Study
from danlu.core.lineage import line, schedule
from danlu.core.stopping import Never
from danlu.errors import StrategyError
from danlu.loop import run
from danlu.runners.inline import Inline
from danlu.strategies.schedule import Schedule
from danlu.testing.strategies import StrategyKit

SPACE = Space({"x": Float(0.0, 1.0, default=0.5), "act": Choice("a", "b")})
SEGMENTS = ({"step": 0, "config": {"x": 0.1}}, {"step": 2, "config": {"x": 0.2, "act": "b"}}, {"step": 5, "config": {}})


class TestSchedule(StrategyKit):
    searches_all = False

    def make(self):
        return Schedule(({"step": 0, "config": {}},), repeats=12)


def train(trial, config):
    seen = trial.load() or []
    for step in trial.steps(8):
        seen.append(config["x"])
        if trial.report(step, loss=sum(seen)) is Decision.PAUSE:
            trial.save(seen)


def replayed(train=train, space=SPACE, segments=SEGMENTS, **settings):
    study = Study(space, minimize="loss", strategy=Schedule(segments, **settings), steps=8)
    run(study, Inline(train, "loss"), Never())
    return study


def test_each_segment_goes_on_from_the_weights_of_the_one_before():
    study = replayed()
    [_, last] = study.history.completed  # the default comes first
    assert last.value == pytest.approx(2 * 0.1 + 3 * 0.2 + 3 * 0.5)
    assert [trial.origin_step for trial in line(study.history, last.number)] == [0, 2, 5]
    assert [trial.status for trial in study.trials[1:]] == [Status.STOPPED, Status.STOPPED, Status.COMPLETE]
    assert [s.config["x"] for s in schedule(study.history, last.number)] == [0.1, 0.2, 0.5]
    assert study.verify() == []


def test_it_is_repeated_with_other_seeds():
    study = replayed(repeats=3)
    ends = study.history.completed[1:]
    assert len(ends) == 3
    assert len({line(study.history, trial.number)[0].seed for trial in ends}) == 3
    assert study.is_exhausted


def test_a_training_that_saves_nothing_can_not_follow():
    def careless(trial, config):
        for step in trial.steps(8):
            trial.report(step, loss=1.0)

    with pytest.raises(StrategyError, match="was to go on from a checkpoint after step 2, and has left none"):
        replayed(careless)


def test_a_failed_segment_ends_its_training_and_not_the_others():
    def fragile(trial, config):
        if config["x"] == 0.2 and trial.number < 3:
            raise RuntimeError("boom")
        return train(trial, config)

    study = replayed(fragile, repeats=2)
    assert study.history.count("failed") == 1
    assert study.history.count("complete") == 2


@pytest.mark.parametrize(
    ("segments", "why"),
    [
        ((), "segments must be tables of a step and a config"),
        (({"step": 1, "config": {}},), "the steps ascending from 0"),
        (({"step": 0}, {"step": 0}), "the steps ascending from 0"),
        (("x",), "segments must be tables"),
        (({"step": 0, "config": {"y": 1}},), "segment 0: no hyperparameter 'y'"),
        (({"step": 0, "config": {"x": 2.0}},), "segment 0: 'x': 2.0 is not a value"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(segments, why):
    with pytest.raises(StrategyError, match=f"schedule: .*{why}"):
        Study(SPACE, minimize="loss", strategy=Schedule(segments), steps=8)
    with pytest.raises(StrategyError, match="repeats must be at least 1"):
        Study(SPACE, minimize="loss", strategy=Schedule(SEGMENTS, repeats=0), steps=8)
