import pytest

from danlu.core import event as ev
from danlu.core.elapsed import elapsed
from danlu.core.history import fold
from danlu.testing.journals import example, opening, suggested

CONFIG = {"lr": 0.001, "layers": 4, "optimizer": "adam"}


def history(*events):
    """Of events at given times."""
    entries = [ev.Entry(1, 0.0, (opening(),))]
    entries += [ev.Entry(k, at, (event,)) for k, (at, event) in enumerate(events, start=2)]
    return fold(entries)


def started(number, at):
    return [(at, suggested(number, CONFIG)), (at, ev.Started(number, 1))]


def test_time_passes_while_trials_run_and_not_in_between():
    night = history(
        *started(0, 10.0), (15.0, ev.Finished(0, "complete", {"loss": 1.0})),
        *started(1, 9000.0), (9001.0, ev.Finished(1, "failed", {}, "timeout")),
    )  # fmt: skip
    assert elapsed(night) == 6.0


def test_trials_at_the_same_time_count_once():
    both = history(*started(0, 10.0), *started(1, 12.0), (15.0, ev.Finished(0, "stopped")), *started(2, 17.0))
    assert elapsed(both) == 7.0  # trial 1 runs on, up to the last entry


def test_one_within_another_adds_nothing():
    end = ev.Finished(1, "complete", {"loss": 1.0})
    within = history(
        *started(0, 0.0), *started(1, 2.0), (3.0, end), (8.0, ev.Finished(0, "complete", {"loss": 1.0}))
    )  # fmt: skip
    assert elapsed(within) == 8.0


def test_a_paused_trial_counts_up_to_its_last_report():
    report, pause = ev.Reported(0, 1, {"loss": 1.0}), ev.Decided(0, "pause")
    rests = history(*started(0, 0.0), (4.0, report), (4.5, pause), (100.0, ev.Noted("the next morning")))
    assert elapsed(rests) == pytest.approx(4.0)


def test_nothing_has_run_in_an_empty_journal_and_something_in_the_example():
    assert elapsed(history()) == 0.0
    assert 0.0 < elapsed(fold(example())) <= 20.0
