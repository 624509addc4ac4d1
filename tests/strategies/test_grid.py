import threading

import pytest

from danlu.errors import StrategyError, UnknownName
from danlu.space import Choice, Float, Int, Space
from danlu.strategies.grid import Grid
from danlu.study import Study
from danlu.testing.strategies import MIXED, SMALL, StrategyKit


class TestGrid(StrategyKit):
    def make(self):
        return Grid(levels=8)


PLANE = Space({"x": Float(0.0, 1.0), "y": Float(1e-4, 1.0, log=True)})


def configs(study):
    found = []
    while (trial := study.ask()) is not None:
        found.append(trial.config)
    return found


def test_every_cell_is_tried_once_and_then_it_is_exhausted():
    study = Study(PLANE, minimize="loss", strategy=Grid(levels={"x": 3, "y": 5}))
    found = configs(study)
    assert len(found) == len(set(found)) == 15
    assert {c["x"] for c in found} == {0.0, 0.5, 1.0}
    assert sorted({c["y"] for c in found}) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1.0])
    assert study.is_exhausted


def test_values_can_be_given_by_hand():
    study = Study(PLANE, minimize="loss", strategy=Grid(levels={"x": [0.1, 0.7], "y": (0.01, 0.5, 1)}))
    assert {(c["x"], c["y"]) for c in configs(study)} == {(x, y) for x in (0.1, 0.7) for y in (0.01, 0.5, 1.0)}


def test_what_was_done_before_is_skipped():
    study = Study(PLANE, minimize="loss", strategy=Grid(levels={"x": [0.0, 0.5], "y": [0.01, 1.0]}))
    study.queue({"x": 0.5, "y": 0.01})
    assert len(configs(study)) == 4


def test_the_default_counts_as_done_if_it_is_a_cell():
    space = Space({"x": Float(0.0, 1.0, default=0.5), "n": Int(1, 2, default=1)})
    study = Study(space, minimize="loss", strategy=Grid(levels={"x": 3}))
    assert len(configs(study)) == 6


def test_the_first_quarter_of_the_cells_covers_the_plane_coarsely():
    for seed in range(5):
        study = Study(PLANE, minimize="loss", strategy=Grid(levels=8), seed=seed)
        cells = [PLANE.encode(study.ask().config) for _ in range(16)]
        quarters = {(int(x > 0.5), int(y > 0.5)) for x, y in cells[:4]}
        assert len(quarters) == 4
        assert len({(int(min(x, 0.999) * 4), int(min(y, 0.999) * 4)) for x, y in cells}) >= 14


def test_the_order_depends_on_the_seed_and_on_nothing_else():
    orders = [configs(Study(PLANE, minimize="loss", strategy=Grid(levels=4), seed=seed)) for seed in (0, 0, 1)]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert set(orders[0]) == set(orders[2])


def test_a_branch_counts_only_under_its_option():
    space = Space({"opt": Choice({"sgd": Space({"momentum": Float(0.0, 1.0)}), "adam": None}), "n": Int(1, 2)})
    assert len(configs(Study(space, minimize="loss", strategy=Grid(levels=3)))) == 2 * (3 + 1)


def test_cells_that_violate_a_constraint_are_skipped():
    space = PLANE.with_where("x >= y")
    found = configs(Study(space, minimize="loss", strategy=Grid(levels={"x": 5, "y": 9})))
    every = configs(Study(PLANE, minimize="loss", strategy=Grid(levels={"x": 5, "y": 9})))
    assert found == [c for c in every if c["x"] >= c["y"]]
    assert 20 < len(found) < 45


def test_a_grid_of_which_no_cell_is_allowed_is_refused_before_anything_runs():
    space = PLANE.with_where("x > 0.1 and x < 0.4")
    with pytest.raises(StrategyError, match=r"no cell satisfies 'x > 0\.1 and x < 0\.4'\. Give more levels"):
        Study(space, minimize="loss", strategy=Grid(levels=3))


def test_two_grids_in_sequence_refine_each_other():
    coarse, fine = {"use": "grid", "levels": 3}, {"use": "grid", "levels": 5}
    study = Study(PLANE, minimize="loss", strategy={"use": "sequence", "parts": [coarse, fine], "trials": [9]})
    assert len(configs(study)) == 25


def test_a_value_outside_the_range_is_refused_before_anything_runs():
    with pytest.raises(StrategyError, match=r"1\.5 is not a value of 'x'"):
        Study(PLANE, minimize="loss", strategy=Grid(levels={"x": [0.5, 1.5]}))


def test_an_unknown_hyperparameter_is_refused_with_the_nearest_one():
    with pytest.raises(UnknownName, match=r"Known: .*momentum"):
        Study(MIXED, minimize="loss", strategy=Grid(levels={"learning_rate": 3}))


def test_a_grid_too_large_to_run_is_refused():
    space = Space({name: Float(0.0, 1.0) for name in "abcdefghij"})
    with pytest.raises(StrategyError, match="fewer levels"):
        Study(space, minimize="loss", strategy="grid")


def test_a_finite_space_with_enough_levels_is_searched_whole():
    assert len(configs(Study(SMALL, minimize="loss", strategy=Grid(levels=4)))) == 24


def test_a_new_option_reopens_an_exhausted_grid_for_what_it_adds_alone():
    study = Study(SMALL, minimize="loss", strategy="grid")
    assert len(configs(study)) == 24
    study.change(Space({**SMALL.members, "activation": Choice("relu", "gelu", "tanh", "swish")}))
    assert not study.is_exhausted
    found = configs(study)
    assert len(set(found)) == len(found) == 8
    assert {config["activation"] for config in found} == {"swish"}


def test_a_narrowed_grid_is_exhausted_when_what_is_left_of_it_was_tried():
    study = Study(SMALL, minimize="loss", strategy="grid")
    [study.ask() for _ in range(12)]
    narrow = Space({**SMALL.members, "width": Int(1, 2)})
    done = {trial.config for trial in study.trials if narrow.contains(trial.config)}
    study.change(narrow)
    found = configs(study)
    assert len(found) == 12 - len(done)
    assert done.isdisjoint(found)
    assert study.is_exhausted


def test_studies_in_several_threads_may_search_equal_grids():
    space = Space({f"n{k}": Int(1, 5) for k in range(4)})
    together, found = threading.Barrier(4), []

    def cells():
        together.wait(10)
        found.append(list(Grid().cells(space, 7)))

    threads = [threading.Thread(target=cells) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(cells == found[0] for cells in found)
    assert len(set(found[0])) == 625


def test_an_older_history_and_a_fork_are_told_the_cells_that_they_did_not_try():
    study = Study(PLANE, minimize="loss", strategy=Grid(levels=4), seed=0)
    histories = [study.history]
    for k in range(10):
        study.tell(study.ask(), loss=float(k))
        histories.append(study.history)
    suggested = [Grid(levels=4).suggest(history, None).config for history in reversed(histories)]
    cells = list(Grid(levels=4).cells(PLANE, 0))
    assert suggested == cells[10::-1]
    fork = histories[3]
    assert Grid(levels=4).suggest(fork, None).config == cells[3]
