import numpy as np
import pytest

from danlu.analysis.jumps import jumps
from danlu.core import event as ev
from danlu.core.history import fold
from danlu.core.objective import Objective
from danlu.core.trial import Fork
from danlu.space import Float, Space
from danlu.testing.journals import entries

LINE = Space({"x": Float(0.0, 1.0)})


def history(*batches, goal="minimize"):
    opened = ev.Opened(LINE.to_dict(), (Objective("loss", goal),), {"use": "asha"}, 0, 20)
    return fold(entries(opened, *batches))


def falling(rng, steps, noise=0.02):
    return [1 / (1 + 0.3 * step) + noise * rng.standard_normal() for step in steps]


def curve(number, losses, first=1):
    return [ev.Reported(number, first + k, {"loss": loss}) for k, loss in enumerate(losses)]


def begun(number, parent=None):
    return ev.Suggested(number, {"x": 0.5}, "random", number, parent=parent), ev.Started(
        number, 1, parent.step if parent else 0
    )


def peers(rng, count=6):
    return [
        e for k in range(count) for e in (begun(k), *curve(k, falling(rng, range(1, 21))), ev.Finished(k, "complete"))
    ]


def resumed(number, before, after, step=9):
    return [
        begun(number), *curve(number, before), ev.Saved(number, step, "c", 1), ev.Decided(number, "pause"),
        ev.Resumed(number), ev.Started(number, 2, step), *curve(number, after, step + 1),
    ]  # fmt: skip


def test_a_curve_that_goes_on_as_before_has_no_jump():
    rng = np.random.default_rng(0)
    losses = falling(rng, range(1, 21))
    assert jumps(history(*peers(rng), *resumed(6, losses[:9], losses[9:]))) == []


def test_a_loss_that_leaps_up_where_the_trial_went_on_is_found():
    rng = np.random.default_rng(1)
    losses = falling(rng, range(1, 21))
    [jump] = jumps(history(*peers(rng), *resumed(6, [*losses[:8], 0.31], [0.92, *losses[10:]])))
    assert (jump.trial, jump.step, jump.parent, jump.before, jump.after) == (6, 9, None, 0.31, 0.92)
    assert str(jump).startswith("trial 6 jumps from loss 0.31 to 0.92 after it went on at step 9: does")


def test_of_an_objective_to_maximise_a_fall_is_a_jump():
    rng = np.random.default_rng(1)
    risen = [
        ev.Reported(e.trial, e.step, {"loss": -e.metrics["loss"]}) if isinstance(e, ev.Reported) else e
        for e in (*peers(rng), *resumed(6, [*falling(rng, range(1, 9)), 0.31], [0.92]))
    ]
    [jump] = jumps(history(*risen, goal="maximize"))
    assert (jump.before, jump.after) == (-0.31, -0.92)


def test_a_leap_for_the_better_is_none():
    rng = np.random.default_rng(2)
    assert jumps(history(*peers(rng), *resumed(6, falling(rng, range(1, 10)), [0.01]))) == []


def test_where_all_curves_are_wild_a_wild_one_is_no_jump():
    rng = np.random.default_rng(3)
    wild = [e for k in range(6) for e in (begun(k), *curve(k, rng.random(20)), ev.Finished(k, "complete"))]
    assert jumps(history(*wild, *resumed(6, [0.9, *rng.random(8)], [0.95]))) == []


def test_smooth_curves_are_not_reported_for_next_to_nothing():
    def smooth(k):
        return [1 / step for step in range(1, 21)]

    flat = [e for k in range(4) for e in (begun(k), *curve(k, smooth(k)), ev.Finished(k, "complete"))]
    assert jumps(history(*flat, *resumed(4, smooth(4)[:9], [1 / 9 + 0.01]))) == []


@pytest.mark.parametrize(("after", "count"), [(0.27, 0), (0.95, 1)])
def test_a_fork_is_compared_with_its_parent(after, count):
    rng = np.random.default_rng(4)
    saved = [begun(6), *curve(6, falling(rng, range(1, 10))), ev.Saved(6, 9, "c", 1)]
    found = jumps(history(*peers(rng), *saved, begun(7, Fork(6, 9, "c")), *curve(7, [after], 10)))
    assert len(found) == count
    assert all("after it was forked from trial 6" in str(jump) for jump in found)


def test_too_few_ordinary_changes_are_no_ground_to_judge():
    assert jumps(history(*resumed(0, [0.5, 0.4], [9.0], step=2))) == []


def test_false_alarms_are_rare():
    found = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        batches = peers(rng, 4)
        for number in range(4, 12):
            losses = falling(rng, range(1, 21))
            batches += resumed(number, losses[:9], losses[9:])
        found += len(jumps(history(*batches)))
    assert found <= 2  # of 800 resumed trials
