import numpy as np

from danlu import Float, Space, Study
from danlu.core import event as ev
from danlu.strategies.layout import layout_of
from danlu.strategies.population.gains import ROWS, gains_of
from danlu.strategies.population.members import Rules
from danlu.strategies.random import Random

SPACE = Space({"x": Float(0.0, 1.0)})
RULES = Rules(size=4, interval=2, last=10, quantile=0.25)


def told(*curves):
    """A study whose trials reported these losses, step by step."""
    study = Study(SPACE, minimize="loss", strategy=Random(), steps=10)
    for losses in curves:
        trial = study.ask()
        for step, loss in enumerate(losses, start=1):
            study.report(trial, step, loss=loss)
    return study


def gains(study):
    return gains_of(study.history, layout_of(SPACE), RULES)


def test_there_are_none_before_a_trial_has_come_from_one_level_to_the_next():
    assert len(gains(told([5, 4, 3]))) == 0
    assert len(gains(told([5, 4, 3, 2]))) == 1


def test_the_larger_one_of_a_level_is_the_higher():
    found = gains(told([5, 4, 3, 2], [5, 4, 4, 4]))
    assert found.time.tolist() == [2.0, 2.0]
    assert found.gain[0] == -found.gain[1] > 0


def test_levels_are_compared_each_in_itself():
    early, late = [9, 8, 6, 4, 3.9, 3.8], [9, 8, 7, 5, 4.5, 4.0]
    found = gains(told(early, late))
    assert found.time.tolist() == [2.0, 2.0, 3.0, 3.0]
    assert found.gain[0] > found.gain[1]
    assert found.gain[2] < found.gain[3]


def test_whoever_begins_worse_does_not_seem_better_for_it():
    # all lose half of what is left, but one a little more
    found = gains(told([8, 8, 8, 4.0], [4, 4, 4, 1.8], [2, 2, 2, 1.0], [1, 1, 1, 0.5]))
    assert int(np.argmax(found.gain)) == 1


def test_a_fork_gains_from_where_its_parent_was():
    study = told([5, 4, 3, 2])
    with study._lock:  # a fork as a population makes it
        study._append(lambda history, at: ((ev.Saved(0, 2, "here", 0),), None))
        fork = ev.Suggested(1, {"x": 0.5}, "pbt", 0, None, ev.Fork(0, 2, "here"))
        study._append(lambda history, at: ((fork, ev.Started(1, 1, 2)), None))
    for step, loss in ((3, 3.5), (4, 1.0)):
        study.report(1, step, loss=loss)
    found = gains(study)
    assert found.time.tolist() == [2.0, 2.0]
    assert found.gain[1] > found.gain[0]


def test_the_latest_are_kept():
    curve = [1 / step for step in range(1, 10)]
    study = told(*[curve] * 120)
    found = gains(study)
    assert len(found) == ROWS < 3 * 120
    assert found.time.min() == 2.0
    assert (found.time == 4.0).sum() == 120
