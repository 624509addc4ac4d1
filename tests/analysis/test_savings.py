import pytest

from danlu.analysis.savings import pace, savings
from danlu.core import event as ev
from danlu.core.history import fold
from danlu.core.objective import Objective
from danlu.core.trial import Fork
from danlu.space import Float, Space
from danlu.testing.journals import entries, suggested

LINE = Space({"x": Float(0.0, 1.0)})


def history(*batches, steps=10):
    """Entries one second apart."""
    return fold(entries(ev.Opened(LINE.to_dict(), (Objective("loss"),), {"use": "asha"}, 0, steps), *batches))


def begun(number):
    return suggested(number, {"x": 0.5}), ev.Started(number, 1)


def reported(number, *steps):
    return [ev.Reported(number, step, {"loss": 1.0}) for step in steps]


STOP = (ev.Decided(0, "stop"), ev.Finished(0, "stopped"))


def test_a_stopped_trial_spares_the_steps_that_it_was_not_trained_for():
    found = savings(history(begun(0), *reported(0, 1, 2, 3), STOP))
    assert (found.trials, found.spared, found.repeated, found.done, found.steps) == (1, 7, 0, 3, 7)
    assert found.seconds == pytest.approx(7.0)
    assert str(found) == "early stopping saved 7 steps (70% of full trainings, 7.0 s): 1 trial stopped or paused"


def test_a_trial_that_was_trained_to_its_end_spares_nothing_and_that_is_said():
    found = savings(history(begun(0), *reported(0, *range(1, 11)), ev.Finished(0, "complete")))
    assert found.steps == 0
    assert str(found) == "early stopping saved nothing (0 trials stopped or paused)"


def test_a_fork_that_goes_on_in_the_place_of_a_stopped_trial_spends_what_that_one_spared():
    config = {"x": 0.5}
    saved = ev.Saved(1, 4, "c.ckpt", 1)
    fork = ev.Suggested(2, config, "pbt", 2, None, Fork(1, 4, "c.ckpt"))
    trials = [begun(0), begun(1), *reported(0, 1, 2, 3, 4), *reported(1, 1, 2, 3, 4), saved]
    found = savings(history(*trials, (fork, *STOP), ev.Started(2, 1, 4), *reported(2, *range(5, 11))))
    assert (found.trials, found.spared, found.done, found.steps) == (1, 0, 14, 0)
    assert found.seconds == pytest.approx(0.0)


def test_a_failed_trial_has_saved_nothing():
    assert savings(history(begun(0), *reported(0, 1), ev.Finished(0, "failed"))).steps == 0


def test_what_was_repeated_is_deducted():
    again = [*reported(0, 1, 2), ev.Decided(0, "pause"), ev.Resumed(0), ev.Started(0, 2, 0), *reported(0, 1, 2, 3)]
    found = savings(history(begun(0), *again, ev.Decided(0, "pause")))
    assert (found.spared, found.repeated, found.done) == (7, 2, 5)
    assert "saved 5 steps" in str(found)
    assert "2 steps done again already deducted" in str(found)


def test_more_repeated_than_spared_is_nothing_saved():
    lost = [*reported(0, *range(1, 10)), ev.Lost(0, "died"), ev.Started(0, 2, 0), *reported(0, *range(1, 11))]
    found = savings(history(begun(0), *lost, ev.Finished(0, "complete")))
    assert found.steps == -9
    assert str(found).startswith("early stopping saved nothing")


def test_time_goes_by_each_trials_own_pace():
    slow = [ev.Reported(1, 1, {"loss": 1.0}), *[ev.Noted("tick")] * 9, ev.Reported(1, 2, {"loss": 1.0})]
    now = history(
        begun(0), *reported(0, 1, 2), STOP, begun(1), *slow, (ev.Decided(1, "stop"), ev.Finished(1, "stopped"))
    )
    assert [pace(trial) for trial in now.trials] == [1.0, 5.5]
    assert savings(now).seconds == pytest.approx(8 * 1.0 + 8 * 5.5)


def test_the_pace_of_a_resumed_trial_counts_each_attempt_from_its_own_start():
    resumed = [
        *reported(0, 1, 2), ev.Saved(0, 2, "c", 1), ev.Decided(0, "pause"), *[ev.Noted("wait")] * 50, ev.Resumed(0),
        ev.Started(0, 2, 2), *reported(0, 3, 4),
    ]  # fmt: skip
    assert pace(history(begun(0), *resumed).trials[0]) == 1.0


def test_without_a_full_training_there_is_nothing_to_count_by():
    assert savings(history(begun(0), *reported(0, 1), STOP, steps=None)) is None


def test_the_strategys_own_idea_of_a_full_training_counts_first():
    now = history(begun(0), *reported(0, 1), ev.Changed({"use": "asha", "last": 5}), STOP)
    assert savings(now).spared == 4


def test_hours_are_written_as_hours():
    now = history(begun(0), *[ev.Noted("tick")] * 7199, *reported(0, 1), STOP, steps=3)
    assert "4.0 hours" in str(savings(now))
