import math
from itertools import pairwise

import msgspec
import pytest

from danlu.core.history import fold
from danlu.core.objective import objectives_from
from danlu.core.trial import Status, Trial
from danlu.pictures import marks
from danlu.pictures.axis import Axis
from danlu.space import Config, Float, Space
from danlu.testing.pictures import journal, study

SPACE = Space({"x": Float(0.0, 1.0, default=0.5)})


LOSS = objectives_from("loss")


def history(*endings, objectives=LOSS, **more):
    configs = [{"x": k / 100} for k in range(len(endings))]
    told = [{"loss": end} if isinstance(end, float) else end for end in endings]
    return fold(journal(SPACE, configs, told, objectives, **more))


def test_every_trial_has_a_kind():
    bounded = objectives_from("loss", subject_to=["gb <= 8"])
    endings = ({"loss": 1.0, "gb": 4}, {"loss": 1.0, "gb": 9}, "failed", {"loss": math.nan, "gb": 1}, None)
    kinds = [marks.kind_of(trial) for trial in history(*endings, objectives=bounded).trials]
    assert kinds == ["trial", "breaks a bound", "failed", "failed", "running"]
    (stopped,) = history("stopped").trials
    assert marks.kind_of(stopped) == "stopped early"
    assert marks.kind_of(msgspec.structs.replace(stopped, status=Status.PAUSED)) == "paused"
    assert marks.kind_of(Trial(0, Config(x=0.1), status=Status.PAUSED)) == "running"  # it has no value yet


def test_the_best_is_the_first_of_equals_by_number_however_they_ended():
    told = history(0.5, 0.3, 0.3, "failed", order=[2, 3, 1, 0])
    assert marks.best_of(told).number == 1


def test_there_is_no_best_where_nothing_counts():
    assert marks.best_of(history("failed", None, "stopped")) is None


def test_the_best_of_several_objectives_goes_by_the_first():
    two = objectives_from(["loss", "time"])
    told = history({"loss": 0.5, "time": 1.0}, {"loss": 0.4, "time": 9.0}, objectives=two)
    assert marks.best_of(told).number == 1
    assert [kind for kind, _ in marks.honours(told)] == ["on the front", "on the front", "default", "best"]


def test_the_best_is_drawn_on_top_and_a_cross_on_top_of_the_default():
    rows = [{"kind": kind} for kind in ("best", "failed", "default", "trial", "running")]
    assert [row["kind"] for row in marks.layered(rows)] == ["trial", "running", "default", "failed", "best"]


def test_the_summary_says_how_many_and_how_good():
    assert marks.summary(history()) == "no trial yet"
    assert marks.summary(history(0.5)) == "1 trial · best 0.5 (trial 0)"
    assert marks.summary(history("failed", "failed")) == "2 trials · none with a value that counts"
    assert marks.summary(history(None)) == "1 trial"


def test_it_is_said_that_other_objectives_are_not_shown():
    two = objectives_from(["loss", "time"])
    notes = marks.notes_on(history({"loss": 0.5, "time": 1.0}, objectives=two))
    assert notes[1] == "shown is the first of 2 objectives, loss; not time"


def test_it_is_said_what_does_not_count_and_why():
    trials = history(0.5, "failed", "failed", "stopped", None).trials
    assert marks.notes_on_rest(list(trials), " at the upper border", "the line") == [
        "1 without a value yet at the upper border",
        "2 failed trials at the upper border, left out of the line",
        "1 stopped early, left out of the line",
    ]


def test_a_trial_without_a_good_value_stands_at_the_bad_border():
    low_is_good = Axis("loss", 0.0, 1.0, sign=1.0, is_cut=True)
    high_is_good = Axis("accuracy", 0.0, 1.0, sign=-1.0, is_cut=True)
    (failed,), (far,), (fine,) = (history(end).trials for end in ("failed", 50.0, 0.25))
    assert marks.height("failed", failed, low_is_good) == ("failed", 1.0)
    assert marks.height("failed", failed, high_is_good) == ("failed", 0.0)
    assert marks.height("trial", far, low_is_good) == ("worse than the axis", 1.0)
    assert marks.height("trial", fine, low_is_good) == ("trial", 0.25)
    assert marks.beyond([far, fine], low_is_good) == 1


def test_of_many_an_even_choice_is_kept_with_both_ends():
    trials = list(study("thousands").trials)
    chosen = [trial.number for trial in marks.thinned(trials, 5)]
    assert chosen == [0, 500, 1000, 1499, 1999]
    assert marks.thinned(trials[:3], 5) == trials[:3]


def test_trials_of_one_option_are_spread_evenly():
    places = sorted(marks.spread(number) for number in range(100))
    gaps = [b - a for a, b in pairwise(places)]
    assert -0.7 <= places[0] <= places[-1] <= 0.7
    assert max(gaps) < 3 * 1.4 / 100


@pytest.mark.parametrize(("count", "words"), [(0, "0 trials"), (1, "1 trial"), (2000, "2,000 trials")])
def test_words_agree_with_their_number(count, words):
    assert marks.plural(count, "trial") == words
