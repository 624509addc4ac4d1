import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu import Float, Space, Study
from danlu.core.history import fold
from danlu.stores.memory import Memory
from danlu.strategies.layout import layout_of
from danlu.strategies.rows import Rows, incumbent_of, inside_rows_of, leading, rows_of, since_progress, violations
from danlu.testing.spaces import changes, spaces

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
    x, inside = np.zeros((n, 1)), np.ones(n, dtype=bool)
    return Rows(np.arange(n), x, np.array(goals), np.empty((n, 0)), np.array(violation), none, none, inside)


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


@settings(max_examples=30, deadline=None)
@given(both=spaces().flatmap(lambda space: st.tuples(st.just(space), changes(space))), seed=st.integers(0, 2**32))
def test_rows_inside_are_those_of_a_study_that_never_had_the_others(both, seed):
    was, now = both
    study = Study(was, minimize="loss", strategy="random", seed=seed)
    for k in range(8):
        if (trial := study.ask()) is not None and k != 4:
            study.fail(trial) if k % 3 == 2 else study.tell(trial, loss=float(k))
    study.change(now)
    history, layout = study.history, layout_of(study.space)  # `now`, or if only the order differs, `was`
    all_of_them, inside = rows_of(history, layout), inside_rows_of(history, layout)
    alone = rows_of(history.where(history.is_inside), layout)
    for name in ("x", "goals", "bounds", "violation", "failed", "pending", "inside"):
        assert getattr(inside, name).tobytes() == getattr(alone, name).tobytes()
    assert inside.x.tobytes() == all_of_them.x[all_of_them.inside].tobytes()
    assert len(all_of_them) + len(all_of_them.failed) + len(all_of_them.pending) == len(study.trials)
    assert np.isfinite(all_of_them.x).all()
    if len(all_of_them):
        nearest = layout.nearest(all_of_them.x)
        assert nearest[all_of_them.inside].tobytes() == layout.settled(inside.x).tobytes()
        for x in nearest:
            config = layout.config(x)
            assert now.contains(config) or not now.allows(config)


def test_the_incumbent_is_inside_where_any_trial_is():
    study = Study(SPACE, minimize="loss", strategy="random")
    study.queue({"x": 0.1}), study.queue({"x": 0.8}), study.queue({"x": 0.9})
    for loss in (0.0, 3.0, 2.0):
        study.tell(study.ask(), loss=loss)

    def incumbent(low, high):
        study.change(Space({"x": Float(low, high)}))
        return incumbent_of(study.history, rows_of(study.history, layout_of(study.space)))

    assert incumbent(0.0, 1.0) == {"x": 0.1}
    assert incumbent(0.5, 1.0) == {"x": 0.9}
    assert incumbent(0.3, 0.5) == {"x": 0.3}  # none: what is nearest to the best


def test_losses_near_the_largest_number_are_compared_as_others_are():
    losses = np.array([1.7e308, 1.7e308, 1.6e308, 1.65e308, -1.7e308, 1.0])
    assert since_progress(losses) == since_progress(losses / 1e308) == (1, 1)


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
