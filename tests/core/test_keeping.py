import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.core import event as ev
from danlu.core.history import fold
from danlu.core.keeping import crowded, kept, lost, may_free, thinned, unwanted
from danlu.core.objective import Objective
from danlu.core.trial import Fork
from danlu.space import Float, Space
from danlu.testing.journals import entries

LINE = Space({"x": Float(0.0, 1.0)})


def history(*batches, keep=5, goals=("loss",)):
    opened = ev.Opened(LINE.to_dict(), tuple(Objective(goal) for goal in goals), {"use": "random"}, 0, keep=keep)
    return fold(entries(opened, *batches))


def begun(trial, parent=None):
    return ev.Suggested(trial, {"x": 0.5}, "random", trial, parent=parent), ev.Started(trial, 1)


def saved(trial, step, size=10):
    return ev.Reported(trial, step, {"loss": 1.0 / (1 + trial)}), ev.Saved(trial, step, f"{trial}/{step}", size)


def ended(trial, status="complete", **metrics):
    return ev.Finished(trial, status, metrics)


def paused(trial, loss, step=1, size=10):
    return (
        ev.Reported(trial, step, {"loss": loss}), ev.Decided(trial, "pause"),
        ev.Saved(trial, step, f"{trial}/{step}", size),
    )  # fmt: skip


def paths(removed):
    return [event.path for event in removed]


def test_of_a_running_trial_the_last_checkpoint_is_wanted():
    assert paths(unwanted(history(begun(0), saved(0, 1), saved(0, 2), saved(0, 3)))) == ["0/1", "0/2"]


def test_a_checkpoint_that_was_saved_twice_is_one():
    now = history(begun(0), saved(0, 1), ev.Saved(0, 1, "0/1", 11))
    assert unwanted(now) == ()
    assert now.trials[0].checkpoint.size == 11


def test_of_a_paused_trial_and_of_one_that_lost_its_worker_it_is_wanted_too():
    assert unwanted(history(begun(0), paused(0, 0.5), begun(1), saved(1, 1), ev.Lost(1, "died"))) == ()


@pytest.mark.parametrize("status", ["stopped", "failed"])
def test_of_a_trial_that_was_stopped_or_failed_none_is_wanted(status):
    assert paths(unwanted(history(begun(0), saved(0, 1), ended(0, status)))) == ["0/1"]


def test_of_those_that_are_complete_the_best_keep_theirs():
    batches = [(begun(k), saved(k, 1), ended(k, loss=abs(2.5 - k))) for k in range(5)]
    flat = [event for batch in batches for event in batch]
    assert paths(unwanted(history(*flat, keep=2))) == ["0/1", "1/1", "4/1"]
    assert paths(unwanted(history(*flat, keep=0))) == ["0/1", "1/1", "3/1", "4/1"]  # the best's always stays
    assert unwanted(history(*flat, keep=9)) == ()
    assert paths(unwanted(history(*flat, ev.Changed(keep=1)))) == ["0/1", "1/1", "3/1", "4/1"]


def test_those_without_a_checkpoint_take_no_place():
    now = history(begun(0), ended(0, loss=0.1), begun(1), saved(1, 1), ended(1, loss=0.9), keep=1)
    assert unwanted(now) == ()


def test_of_several_objectives_all_on_the_front_keep_theirs():
    values = [(1.0, 3.0), (2.0, 2.0), (3.0, 1.0), (3.0, 3.0)]
    flat = [e for k, (a, b) in enumerate(values) for e in (begun(k), saved(k, 1), ended(k, a=a, b=b))]
    assert paths(unwanted(history(*flat, keep=0, goals=("a", "b")))) == ["3/1"]


def test_a_fork_needs_its_parents_until_it_has_its_own_or_has_ended():
    forked = [begun(0), saved(0, 1), begun(1, Fork(0, 1, "0/1")), saved(0, 2)]
    assert unwanted(history(*forked)) == ()
    assert unwanted(history(*forked, ended(0, "stopped"))) == (ev.Removed(0, "0/2"),)
    assert paths(unwanted(history(*forked, ev.Lost(1, "died")))) == []
    assert paths(unwanted(history(*forked, saved(1, 2)))) == ["0/1"]
    assert paths(unwanted(history(*forked, ended(1, "failed")))) == ["0/1"]


def test_what_was_removed_is_no_longer_kept_and_no_longer_unwanted():
    now = history(begun(0), saved(0, 1), saved(0, 2), ev.Removed(0, "0/1"))
    assert unwanted(now) == ()
    assert paths(kept(now)) == ["0/2"]
    after = history(begun(0), saved(0, 1), ended(0, "stopped"), ev.Removed(0, "0/1"))
    assert (kept(after), after.trials[0].checkpoint, after.spare) == ([], None, [])


def test_only_a_checkpoint_an_end_and_a_change_can_make_one_unwanted():
    assert not may_free(begun(0))
    assert not may_free([ev.Reported(0, 1, {"loss": 1.0}), ev.Decided(0, "pause")])
    assert may_free(saved(0, 1))
    assert may_free([ended(0)])


def test_where_space_is_short_the_ended_go_first_then_the_worst_that_wait():
    now = history(
        begun(0), saved(0, 1), ended(0, loss=0.2), begun(1), saved(1, 1), ended(1, loss=0.1),
        begun(2), paused(2, 0.9), begun(3), paused(3, 0.05), begun(4), paused(4, 0.5), begun(5), saved(5, 1),
    )  # fmt: skip
    order = ["0/1", "2/1", "4/1"]  # not the best's, not the leader's of those that wait, not that of one that runs
    assert [paths(thinned(now, size)) for size in (1, 11, 21, 99)] == [order[:1], order[:2], order, order]


def test_what_a_fork_needs_is_not_spared_and_a_fork_itself_has_no_start_to_begin_from():
    now = history(
        begun(0), paused(0, 0.9), begun(1, Fork(0, 1, "0/1")), begun(2), paused(2, 0.1),
        begun(3, Fork(2, 1, "2/1")), paused(3, 0.8, step=2),
    )  # fmt: skip
    assert thinned(now, 99) == ()


def test_that_nothing_can_be_spared_is_said_once():
    now = history(begun(0), saved(0, 1))
    [note] = crowded(now, (), 3_000_000)
    assert note.text.startswith("the disk is nearly full (3 MB free), and no checkpoint can be spared")
    assert crowded(history(note), (), 2_000_000) == ()


def test_what_was_given_up_is_named():
    removed = (ev.Removed(3, "3/1"), ev.Removed(3, "3/2"), ev.Removed(5, "5/1"))
    assert "gave up the least wanted checkpoints (trials 3, 5)" in crowded(history(), removed, 0)[-1].text
    assert "checkpoints are gone from the folder (trial 3)" in lost(removed[:1])[-1].text
    assert lost(()) == ()


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["save", "pause", "end", "fork"])), max_size=25))
def test_however_a_study_goes_what_an_attempt_would_load_is_there(moves):
    """Trials save, pause, end and fork in any order; what is unwanted goes at once, as in a study."""
    batches, steps = [], {}
    for trial in range(4):
        batches.append(begun(trial))
    for trial, move in moves:
        now = history(*batches, keep=1)
        last = now.trials[trial]
        if move == "fork" and last.checkpoint and not last.is_finished:
            batches.append(begun(len(now.trials), Fork(trial, last.checkpoint.step, last.checkpoint.path)))
        if last.is_finished or move == "fork":
            continue
        steps[trial] = steps.get(trial, 0) + 1
        if move == "save":
            batches.append(saved(trial, steps[trial]))
        elif move == "pause":
            batches.append((ev.Reported(trial, steps[trial], {"loss": 1.0}), ev.Decided(trial, "pause")))
        else:
            batches.append((ended(trial, loss=1.0),))
        if removed := unwanted(history(*batches, keep=1)):
            batches.append(removed)
    now = history(*batches, keep=1)
    there = {event.path for batch in batches for event in batch if isinstance(event, ev.Saved)}
    there -= {event.path for batch in batches for event in batch if isinstance(event, ev.Removed)}
    assert there == {file.path for file in kept(now)}
    for trial in (*now.pending, *now.paused):
        source = trial.checkpoint or trial.parent
        assert source is None or source.path in there
    assert len(there) <= len(now.pending) + len(now.paused) + len(now.unborn) + 1
