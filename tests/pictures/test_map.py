import math

import pytest
from tests.pictures.studies import search, told

from danlu.errors import DanluError, UnknownName
from danlu.pictures.map import Map
from danlu.space import Choice, Float, Int, Space
from danlu.testing.pictures import PictureKit, sampled, study

SPACE = Space({"lr": Float(1e-4, 1e-1, log=True, default=3e-3), "width": Int(16, 256, log=True, default=100)})
CELLS = [{"lr": x, "width": y} for y in (16, 64, 256) for x in (1e-4, 1e-3, 1e-2, 1e-1)]


def kinds(frame):
    return [row["kind"] for row in frame.tables["trials"]]


class TestMap(PictureKit):
    def make(self):
        return Map()


def test_a_full_grid_is_drawn_as_its_own_values():
    frame = Map().frame(told(SPACE, CELLS, [0.1 * k for k in range(12)]))
    assert [row["v"] for row in frame.tables["cells"]] == [round(0.1 * k, 4) for k in range(12)]
    assert frame.tables["surface"] == ()
    assert "each cell: the value of one trial" in frame.notes


def test_cells_meet_and_lie_around_their_levels():
    frame = Map().frame(told(SPACE, CELLS, [0.1] * 12))
    row = frame.tables["cells"][:4]
    assert all(cell["x1"] < cell["x"] < cell["x2"] for cell in row)
    assert [cell["x2"] for cell in row[:-1]] == [cell["x1"] for cell in row[1:]]
    assert (frame.axes["x"].low, frame.axes["x"].high) == (row[0]["x1"], row[-1]["x2"])


def test_the_default_beside_a_grid_is_a_mark_of_its_own():
    frame = Map().frame(told(SPACE, [SPACE.default(), *CELLS], [0.3] + [0.4] * 12))
    assert len(frame.tables["cells"]) == 12
    assert kinds(frame) == ["trial", "default", "best"]


def test_a_cell_of_several_trials_is_their_mean():
    frame = Map().frame(told(SPACE, CELLS * 2, [0.2] * 12 + [0.4] * 12))
    assert {(row["v"], row["trials"]) for row in frame.tables["cells"]} == {(0.3, 2)}
    assert "each cell: the mean of its trials, up to 2" in frame.notes


def test_a_cell_whose_trial_failed_is_empty_but_for_its_cross():
    frame = Map().frame(told(SPACE, CELLS, [0.2] * 5 + ["failed"] + [0.4] * 6))
    assert len(frame.tables["cells"]) == 11
    assert "failed" in kinds(frame)


def test_options_of_two_choices_fill_their_cells():
    space = Space({"activation": Choice("relu", "gelu"), "optimizer": Choice("sgd", "adam")})
    tried = [{"activation": a, "optimizer": o} for a in ("relu", "gelu") for o in ("sgd", "adam")] * 2
    picture = Map()
    chart = picture.spec(picture.frame(told(space, tried, [0.1 * k for k in range(8)]))).to_dict()
    # an offset would turn each rectangle into a small square
    assert not any("xOffset" in layer["encoding"] or "yOffset" in layer["encoding"] for layer in chart["layer"])


def test_other_trials_lie_on_what_a_gaussian_process_believes():
    frame = Map(x="lr", y="width").frame(search(60, failing=False))
    rows = frame.tables["surface"]
    assert (len(rows), len(rows[0]["mean"])) == (30, 40)
    # the valley: small learning rates for wide networks (top row), large ones for narrow ones
    best = [row["mean"].index(min(row["mean"])) for row in (rows[3], rows[-4])]
    assert best[0] < best[1]


def test_the_surface_fades_where_no_trial_is_near():
    space = Space({"x": Float(0.0, 1.0), "y": Float(0.0, 1.0)})
    tried = [{"x": 0.1 + 0.02 * k, "y": 0.1 + 0.013 * (k * 7 % 10)} for k in range(10)]
    rows = Map().frame(told(space, tried, [0.1 * k for k in range(10)])).tables["surface"]
    known_near, known_far = rows[-5]["known"][6], rows[0]["known"][-1]
    assert known_near > 0.8
    assert known_far < 0.02


def test_four_trials_have_no_surface():
    frame = Map().frame(search(4, failing=False))
    assert frame.tables["surface"] == ()
    assert "no estimate from fewer than 5 trials" in frame.notes


@pytest.mark.parametrize(
    ("others", "words"), [(0, "as a"), (1, "mean over the other hyper"), (2, "mean over the other 2")]
)
def test_it_is_said_over_what_the_mean_is_taken(others, words):
    space = Space({name: Float(0.0, 1.0) for name in ("a", "b", "c", "d")[: 2 + others]})
    tried = sampled(space, 12)
    notes = Map().frame(told(space, tried, [config["a"] for config in tried])).notes
    assert any(note.startswith(words) for note in notes)


def test_trials_without_a_value_for_an_axis_are_left_out_and_counted():
    history = study("with branches")
    frame = Map(x="lr", y="optimizer.sgd.momentum").frame(history)
    inactive = sum("optimizer.sgd.momentum" not in trial.config for trial in history.trials)
    assert any(note.startswith(f"{inactive} trials left out, where optimizer.sgd.momentum") for note in frame.notes)
    assert len([kind for kind in kinds(frame) if kind == "trial"]) == 30 - inactive


def test_one_axis_that_is_named_is_joined_by_what_matters_most():
    names = Map(x="dropout").frame(search(60)).facts["names"]
    assert names == ("dropout", "lr")
    assert Map(y="dropout").frame(search(60)).facts["names"] == ("lr", "dropout")


def test_unknown_names_and_the_same_name_twice_are_refused():
    with pytest.raises(UnknownName, match="Did you mean 'width'"):
        Map(x="widht").frame(search(5))
    with pytest.raises(DanluError, match="'lr' twice"):
        Map(x="lr", y="lr").frame(search(5))


def test_thousands_are_counted_and_the_best_hundred_drawn():
    frame = Map(x="lr", y="width").frame(study("thousands"))
    assert kinds(frame).count("trial") == 100
    assert sum(row["trials"] for row in frame.tables["density"]) == 2000
    assert len(frame.tables["density"]) <= 48 * 32


def test_trials_carry_their_numbers_while_there_are_few():
    frame = Map().frame(search(30))
    x, y = frame.axes["x"], frame.axes["y"]
    labels = {row["text"]: (x.share(row["x"]), y.share(row["y"])) for row in frame.tables["labels"]}
    at = {str(row["trial"]): (x.share(row["x"]), y.share(row["y"])) for row in frame.tables["trials"]}
    assert len(at) == 30
    for number in at.keys() - labels.keys():  # where another one's number stands already
        assert any(abs(at[number][0] - a) < 0.03 and abs(at[number][1] - b) < 0.04 for a, b in labels.values())
    assert Map().frame(search(50)).tables["labels"] == ()


def test_of_numbers_on_top_of_each_other_the_best_trials_stays():
    history = search(30)
    frame = Map().frame(history)
    x, y = frame.axes["x"], frame.axes["y"]
    places = [(x.share(row["x"]), y.share(row["y"])) for row in frame.tables["labels"]]
    for k, (a, b) in enumerate(places):
        assert all(abs(a - c) > 0.01 or abs(b - d) > 0.01 for c, d in places[:k])
    assert str(history.best.number) in [row["text"] for row in frame.tables["labels"]]


def test_the_colours_are_not_spent_on_a_few_bad_trials():
    tried = sampled(SPACE, 40)
    frame = Map().frame(told(SPACE, tried, [0.5 + 0.01 * k for k in range(38)] + [100.0, 200.0]))
    assert frame.axes["value"].high < 1.0
    assert any(note.startswith("colours end at") and "worse" in note for note in frame.notes)


def test_what_lies_on_one_option_is_faded_on_another():
    space = Space({"x": Float(0.0, 1.0), "option": Choice("a", "b")})
    tried = [{"x": k / 11, "option": "a"} for k in range(12)]
    rows = Map().frame(told(space, tried, [math.sin(k) for k in range(12)])).tables["surface"]
    assert max(max(row["known"]) for row in rows) > 0.9
    assert min(max(row["known"]) for row in rows) == 0.0


def test_a_film_keeps_names_grid_and_lengths_of_its_last_moment():
    history = search(30)
    last = Map().frame(history)
    early = Map(like=last).frame(history.where(lambda trial: trial.number < 12))
    assert {name: early.facts[name] for name in ("names", "grid", "lengths", "noise")} == {
        name: last.facts[name] for name in ("names", "grid", "lengths", "noise")
    }


def test_trials_outside_of_a_changed_space_are_left_out_and_counted_but_teach_the_estimate():
    from danlu.testing.pictures import study

    frame = Map("lr", "activation").frame(history := study("in a changed space"))
    on = [
        t for t in history.trials if history.space["lr"].contains(t.config["lr"]) and t.config["activation"] != "relu"
    ]
    assert 0 < len(on) < 30
    assert len([row for row in frame.tables["trials"] if row["kind"] == "trial"]) == len(on)
    assert f"{30 - len(on)} trials left out, outside of the space as it is now" in frame.notes
    assert frame.axes["y"].options == ("gelu", "tanh", "swish")
