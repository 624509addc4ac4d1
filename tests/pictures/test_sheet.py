import pytest
from tests.pictures.studies import search, told

from danlu.pictures import marks
from danlu.pictures.sheet import sheet_of
from danlu.space import Choice, Float, Int, Space

SPACE = Space({"lr": Float(1e-4, 1e-1, log=True, default=3e-3), "width": Int(16, 256, log=True, default=100)})
CELLS = [{"lr": x, "width": y} for y in (16, 64, 256) for x in (1e-4, 1e-3, 1e-2, 1e-1)]


def sheet(history, *names):
    return sheet_of(history, marks.by_number(history), names)


def values(history, found, place, name):
    return [history.trials[number].config[name] for number, at in found.places.items() if at == place]


def test_a_grid_is_shown_as_it_is_with_columns_rising_to_the_right_and_rows_upwards():
    found = sheet(told(SPACE, CELLS, [0.1 * k for k in range(12)]), "lr", "width")
    assert found.columns == ("1e-4", "0.001", "0.01", "0.1")
    assert found.rows == ("256", "64", "16")
    assert found.places[0] == (0, 2)
    assert found.places[11] == (3, 0)


def test_what_lies_beside_the_grid_has_a_column_of_its_own():
    found = sheet(told(SPACE, [SPACE.default(), *CELLS], [0.5] * 13), "lr", "width")
    assert found.columns[-1] == "beside"
    assert found.places[0] == (4, 0)
    assert found.note == "last column: 1 trial beside the grid"


def test_each_of_a_few_trials_has_a_cell_sorted_by_both_hyperparameters():
    history = search(24)
    found = sheet(history, "lr", "width")
    assert len(set(found.places.values())) == 24
    for column in range(len(found.columns)):
        heights = [values(history, found, (column, row), "width") for row in range(len(found.rows))]
        inside = [height[0] for height in heights if height]
        assert inside == sorted(inside, reverse=True)
    ends = [max(v for r in range(9) for v in values(history, found, (c, r), "lr")) for c in range(len(found.columns))]
    assert ends == sorted(ends)


def test_many_trials_go_into_ranges_with_about_as_many_in_each():
    history = search(400)
    found = sheet(history, "lr", "width")
    columns = [column for column, _ in found.places.values()]
    assert len(found.places) == 400
    assert max(columns.count(c) for c in set(columns)) <= 1.5 * 400 / 8
    low, high = values(history, found, (0, 0), "lr"), values(history, found, (7, 0), "lr")
    assert max(low) < min(high)


def test_equal_values_are_in_one_range():
    history = told(SPACE, [{"lr": 1e-3 if k % 2 else 1e-4 + k * 1e-5, "width": 16 + k} for k in range(80)], [0.1] * 80)
    found = sheet(history, "lr", "width")
    assert len({found.places[k][0] for k in range(80) if k % 2}) == 1


def test_one_hyperparameter_is_sorted_from_left_to_right_and_from_top_to_bottom():
    space = Space({"lr": Float(0.0, 1.0)})
    found = sheet(told(space, [{"lr": v} for v in (0.9, 0.1, 0.5, 0.7)], [0.1] * 4), "lr")
    in_order = sorted(found.places, key=lambda number: found.places[number][::-1])
    assert in_order == [1, 2, 3, 0]


def test_options_stand_in_their_own_order():
    space = Space({"activation": Choice("relu", "gelu"), "optimizer": Choice("sgd", "adam")})
    tried = [{"activation": a, "optimizer": o} for a in ("relu", "gelu") for o in ("sgd", "adam")] * 2
    found = sheet(told(space, tried, [0.1] * 8), "activation", "optimizer")
    assert (found.columns, found.rows) == (("relu", "gelu"), ("sgd", "adam"))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 24, 63, 64, 65, 200])
def test_every_trial_is_somewhere_on_the_sheet(count):
    found = sheet(search(count), "lr", "width")
    assert sorted(found.places) == list(range(count))
    for column, row in found.places.values():
        assert 0 <= column < len(found.columns)
        assert 0 <= row < len(found.rows)


def test_without_a_trial_there_is_one_empty_cell():
    assert (sheet(search(0), "lr", "width").columns, sheet(search(0), "lr", "width").rows) == (("",), ("",))
