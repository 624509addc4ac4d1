import numpy as np

from danlu import Float, Space, Study
from danlu.strategies.layout import layout_of
from danlu.strategies.rows import Rows, rows_of, since_progress, violations

SPACE = Space({"x": Float(0.0, 1.0)})


def told(values, **objectives):
    study = Study(SPACE, strategy="random", **objectives)
    for metrics in values:
        trial = study.ask()
        study.fail(trial) if metrics is None else study.tell(trial, **metrics)
    return study.history


def rows(history):
    return rows_of(history, layout_of(SPACE))


def made(goals, violation):
    n = len(goals)
    none = np.empty((0, 1))
    return Rows(np.arange(n), np.zeros((n, 1)), np.array(goals), np.empty((n, 0)), np.array(violation), none, none)


def test_each_row_knows_its_trial_its_losses_and_its_bounds():
    history = told(
        [{"a": 1.0, "b": 5.0, "m": 9.0}, None, {"a": 2.0, "b": 4.0, "m": 7.0}],
        minimize="a", maximize="b", subject_to=["m <= 8"],
    )  # fmt: skip
    found = rows(history)
    assert found.numbers.tolist() == [0, 2]
    assert found.goals.tolist() == [[1.0, -5.0], [2.0, -4.0]]
    assert found.bounds.tolist() == [[1.0], [-1.0]]
    assert found.feasible.tolist() == [False, True]
    assert len(found.failed) == 1


def test_violations_are_summed_in_shares_of_their_bounds_and_infinite_where_unknown():
    history = told([], minimize="a", subject_to=["m <= 8", "z >= 0"])
    excess = np.array([[4.0, -1.0], [-1.0, 0.25], [8.0, 1.0], [np.nan, -1.0]])
    assert violations(excess, history.constraints).tolist() == [0.5, 0.25, 2.0, np.inf]


def test_the_order_is_by_loss_then_by_violation():
    found = made([[3.0], [0.0], [1.0], [0.5], [9.0]], [0.0, 2.0, 0.0, np.inf, 1.0])
    assert found.best_first().tolist() == [2, 0, 4, 1, 3]


def test_of_several_objectives_it_is_by_front_and_crowding():
    goals = [[5.0, 5.0], [0.0, 4.0], [1.0, 2.9], [1.1, 2.8], [4.0, 0.0], [0.0, 0.0]]
    found = made(goals, [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]).best_first().tolist()
    assert set(found[:2]) == {1, 4}
    assert set(found[2:4]) == {2, 3}
    assert found[4:] == [0, 5]


def test_losses_near_the_largest_number_are_compared_as_others_are():
    losses = np.array([1.7e308, 1.7e308, 1.6e308, 1.65e308, -1.7e308, 1.0])
    assert since_progress(losses) == since_progress(losses / 1e308) == (1, 1)
