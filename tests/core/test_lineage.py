from danlu import Config, Float, Space, Study
from danlu.catalogue import strategy_from
from danlu.core import event as ev
from danlu.core.lineage import Segment, line, line_curve, schedule, strategy_form
from danlu.core.trial import Fork
from danlu.strategies.random import Random

SPACE = Space({"x": Float(0.0, 1.0)})


def forked():
    """Trial 0 of 6 steps; trial 1 forked from it after step 2; trial 2 from trial 1 after step 4, with its config."""
    study = Study(SPACE, minimize="loss", strategy=Random(), steps=6)
    append(study, ev.Suggested(0, {"x": 0.1}, "random", 0), ev.Started(0, 1))
    for step in range(1, 7):
        study.report(0, step, loss=float(step))
        if step == 2:
            append(study, ev.Saved(0, 2, "a", 1))
    append(study, ev.Suggested(1, {"x": 0.2}, "pbt", 0, None, Fork(0, 2, "a")), ev.Started(1, 1, 2))
    for step in range(3, 6):
        study.report(1, step, loss=10.0 * step)
        if step == 4:
            append(study, ev.Saved(1, 4, "b", 1))
    append(study, ev.Suggested(2, {"x": 0.2}, "pbt", 0, None, Fork(1, 4, "b")), ev.Started(2, 1, 4))
    study.report(2, 5, loss=500.0)
    return study


def append(study, *events):
    study._append(lambda history, at: (events, None))


def test_a_line_begins_with_the_trial_that_began_at_step_0():
    history = forked().history
    assert [trial.number for trial in line(history, 2)] == [0, 1, 2]
    assert [trial.number for trial in line(history, 0)] == [0]


def test_a_schedule_says_from_which_step_on_each_config_holds():
    history = forked().history
    assert schedule(history, 1) == (Segment(0, Config(x=0.1)), Segment(2, Config(x=0.2)))
    assert schedule(history, 0) == (Segment(0, Config(x=0.1)),)


def test_a_fork_with_the_config_of_its_parent_is_no_new_segment():
    history = forked().history
    assert schedule(history, 2) == schedule(history, 1)


def test_a_schedule_has_the_form_of_a_strategy_that_trains_it_again():
    form = strategy_form(schedule(forked().history, 1), repeats=3)
    assert form["segments"] == [{"step": 0, "config": {"x": 0.1}}, {"step": 2, "config": {"x": 0.2}}]
    assert strategy_from(form).repeats == 3


def test_the_curve_of_a_line_has_what_each_reported_up_to_its_fork():
    curve = line_curve(forked().history, 2)
    assert curve.steps.tolist() == [1, 2, 3, 4, 5]
    assert curve["loss"].tolist() == [1.0, 2.0, 30.0, 40.0, 500.0]
    assert (curve.elapsed[1:] >= curve.elapsed[:-1]).all()


def test_a_study_tells_the_schedule_of_its_best():
    study = forked()
    study.tell(1)
    assert study.schedule() == schedule(study.history, 1)
    assert study.schedule(0) == schedule(study.history, 0)
