import numpy as np
import pytest
from tests.pictures.studies import told

from danlu.pictures.map import Map
from danlu.space import Choice, Float, Space

LINE = Space({"x": Float(0.0, 1.0, default=0.5)})


def bowl(count, space=LINE):
    return told(
        space,
        [{"x": k / (count - 1)} for k in range(count)],
        [(k / (count - 1) - 0.3) ** 2 + 0.1 for k in range(count)],
    )


def test_a_space_of_one_hyperparameter_is_drawn_as_a_line_with_a_band():
    frame = Map().frame(bowl(12))
    line = frame.tables["line"]
    assert set(frame.axes) == {"x", "y"}
    assert [row["x"] for row in line] == pytest.approx(np.linspace(0, 1, 120), abs=1e-4)
    assert max(abs(row["y"] - (row["x"] - 0.3) ** 2 - 0.1) for row in line) < 0.03
    assert all(row["low"] <= row["y"] <= row["high"] for row in line)


def test_four_trials_have_no_line():
    frame = Map().frame(bowl(4))
    assert frame.tables["line"] == ()
    assert "no line from fewer than 5 trials" in frame.notes


def test_options_have_no_line_and_trials_beside_each_other():
    space = Space({"x": Choice("a", "b")})
    frame = Map().frame(told(space, [{"x": "ab"[k % 2]} for k in range(10)], [0.1 * k for k in range(10)]))
    rows = frame.tables["trials"]
    assert frame.tables["line"] == ()
    assert len({row["dx"] for row in rows if row["x"] == "a"}) == 5


def test_the_line_stays_on_the_axis():
    frame = Map().frame(bowl(6))
    y = frame.axes["y"]
    assert all(y.low <= row[name] <= y.high for row in frame.tables["line"] for name in ("low", "y", "high"))


def test_of_thousands_an_even_choice_and_the_honours_are_drawn():
    rng = np.random.default_rng(0)
    frame = Map().frame(told(LINE, [{"x": x} for x in rng.random(1500).tolist()], rng.random(1500).tolist()))
    kinds = [row["kind"] for row in frame.tables["trials"]]
    assert kinds.count("trial") == 500
    assert kinds[-1] == "best"


def test_a_failed_trial_is_a_cross_at_the_bad_border():
    history = told(LINE, [{"x": 0.1 * k} for k in range(8)], [0.1, 0.2, "failed", 0.3, 0.4, 0.2, 0.1, 0.5])
    frame = Map().frame(history)
    (cross,) = (row for row in frame.tables["trials"] if row["kind"] == "failed")
    assert (cross["x"], cross["y"]) == (0.2, frame.axes["y"].high)


def test_a_film_keeps_the_lengths_of_its_last_moment():
    last = Map().frame(bowl(20))
    early = Map(like=last).frame(bowl(20).where(lambda trial: trial.number < 8))
    assert early.facts["lengths"] == last.facts["lengths"]
    assert early.axes == last.axes
