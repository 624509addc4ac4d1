import numpy as np
from tests.pictures.studies import search, told

from danlu.pictures.progress import Progress
from danlu.space import Float, Space
from danlu.testing.pictures import PictureKit, study

SPACE = Space({"x": Float(0.0, 1.0, default=0.5)})


def frame(values, **more):
    return Progress().frame(told(SPACE, [{"x": k / 100} for k in range(len(values))], values, **more))


def best_so_far(drawn):
    return [(row["x"], row["y"]) for row in drawn.tables["steps"] if row["kind"] == "best"]


class TestProgress(PictureKit):
    def make(self):
        return Progress()


def test_the_line_falls_at_every_trial_that_is_the_best_so_far_and_ends_at_the_last_trial():
    assert best_so_far(frame([0.5, 0.8, 0.3, 0.4, 0.2, 0.9])) == [(0, 0.5), (2, 0.3), (4, 0.2), (5, 0.2)]


def test_the_line_goes_by_number_however_the_trials_ended():
    values = [0.5, 0.8, 0.3, 0.4]
    assert best_so_far(frame(values, order=[3, 2, 1, 0])) == best_so_far(frame(values))


def test_failed_stopped_and_running_trials_are_left_out_of_the_line():
    assert best_so_far(frame([0.5, "failed", "stopped", None, 0.4])) == [(0, 0.5), (4, 0.4), (4, 0.4)]


def test_a_maximised_objective_rises():
    drawn = Progress().frame(search(30, maximise=True))
    heights = [y for _, y in best_so_far(drawn)]
    assert heights == sorted(heights)
    assert "accuracy (higher is better)" in drawn.axes["y"].title


def test_the_default_is_a_level_to_beat():
    (level,) = (row for row in frame([0.5, 0.3]).tables["steps"] if row["kind"] == "default")
    assert level["y"] == 0.5
    assert not [row for row in frame(["failed", 0.3]).tables["steps"] if row["kind"] == "default"]


def test_failed_trials_are_crosses_at_the_upper_border_and_said_to_be_left_out():
    drawn = frame([0.5, "failed", 0.3])
    (cross,) = (row for row in drawn.tables["trials"] if row["kind"] == "failed")
    assert cross["y"] == drawn.axes["y"].high
    assert "1 failed trial at the upper border, left out of the line" in drawn.notes


def test_a_few_far_worse_trials_are_cut_off_and_counted():
    drawn = frame([0.2 + 0.01 * k for k in range(40)] + [1e6])
    assert [row["trial"] for row in drawn.tables["trials"] if row["kind"] == "worse than the axis"] == [40]
    assert any("1 worse trial at the upper border" in note for note in drawn.notes)


def test_values_that_are_nearly_alike_are_told_apart():
    values = [0.99310 + 1e-5 * k for k in range(10)]
    heights = {row["y"] for row in frame(values).tables["trials"]}
    assert len(heights) == 10


def test_thousands_are_drawn_as_density_and_the_best_hundred():
    drawn = Progress().frame(study("thousands"))
    assert [row["kind"] for row in drawn.tables["trials"]].count("trial") == 100
    assert "drawn as density, the best 100 as dots" in drawn.notes
    measured = [t for t in study("thousands").trials if t.status in ("complete", "stopped")]
    shown = sum(row["count"] for row in drawn.tables["density"])
    assert shown == len([t for t in measured if not drawn.axes["y"].is_beyond(t.value)])


def test_the_best_is_labelled_on_the_side_where_there_is_room():
    assert frame([0.5, 0.4, 0.3, 0.2, 0.1]).tables["labels"][0]["align"] == "right"
    assert frame([0.1, 0.4, 0.3, 0.2, 0.5]).tables["labels"][0]["align"] == "left"


def test_a_film_puts_a_value_at_the_same_height_in_all_frames():
    history = search(30)
    last = Progress().frame(history)
    early = Progress(like=last).frame(history.where(lambda trial: trial.number < 10))
    at = {row["trial"]: row["y"] for row in last.tables["trials"]}
    assert all(row["y"] == at[row["trial"]] for row in early.tables["trials"])
    assert np.isfinite(list(at.values())).all()
