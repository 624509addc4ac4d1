import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from danlu import Float, Space, Study
from danlu.core.history import fold
from danlu.stores.memory import Memory
from danlu.strategies.layout import layout_of
from danlu.strategies.rows import Rows, leading, rows_of, since_progress, violations

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


@given(st.lists(st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=150), st.data())
def test_rows_and_the_best_of_a_history_that_goes_on_are_those_of_a_new_one(values, data):
    store = Memory()
    study = Study(SPACE, minimize="a", subject_to=["m <= 5"], strategy="random", store=store)
    seen = data.draw(st.sets(st.integers(0, len(values)), max_size=4))
    histories = []
    for k, metrics in enumerate([*values, None]):
        if k in seen or k == len(values):
            rows(study.history)
            leading(study.history, rows(study.history), 25)
            histories.append(study.history)
        trial = study.ask()
        study.fail(trial) if metrics is None else study.tell(trial, a=float(metrics[0]), m=float(metrics[1]))
    for history in data.draw(st.permutations(histories)):
        anew = fold([entry for entry in store.read("study") if entry.position <= history.position])
        one, other = rows(history), rows(anew)
        for name in ("numbers", "x", "goals", "bounds", "violation", "failed", "pending"):
            assert getattr(one, name).tolist() == getattr(other, name).tolist()
        assert leading(history, one, 25).tolist() == other.best(25).tolist() == one.best_first()[:25].tolist()


def slow_since_progress(losses):
    """The naive form: a look at each loss in turn."""
    least = 0.005 * (float(np.median(losses)) - min(losses))
    best = reference = losses[0]
    real = any_ = 0
    for k, loss in enumerate(losses):
        if loss < reference - least:
            reference, real = loss, k
        if loss < best:
            best, any_ = loss, k
    return len(losses) - 1 - real, len(losses) - 1 - any_


@given(st.lists(st.floats(-1, 1) | st.floats(-1e-3, 1e-3) | st.integers(-2, 2), min_size=1, max_size=60))
def test_progress_is_what_a_look_at_each_loss_finds(losses):
    assert since_progress(np.array(losses, dtype=float)) == slow_since_progress([float(loss) for loss in losses])
