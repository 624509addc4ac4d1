from danlu.analysis.closing import closing
from danlu.core import event as ev
from danlu.core.history import fold
from danlu.core.objective import Objective
from danlu.space import Float, Space
from danlu.testing.journals import entries, suggested


def history(*batches):
    opened = ev.Opened(Space({"x": Float(0.0, 1.0)}).to_dict(), (Objective("loss"),), {"use": "asha"}, 0, 10)
    return fold(entries(opened, (suggested(0, {"x": 0.5}), ev.Started(0, 1)), *batches))


SAVED = (ev.Reported(0, 1, {"loss": 1.0}), ev.Saved(0, 1, "c", 2_500_000))


def test_what_was_saved_and_what_is_kept_are_said_even_if_it_is_nothing():
    complete = history(SAVED, ev.Finished(0, "complete"))
    assert closing(complete, judges=True) == [
        "early stopping saved nothing (0 trials stopped or paused)", "1 checkpoint kept, 2.5 MB in all"
    ]  # fmt: skip
    assert closing(complete, judges=False) == ["1 checkpoint kept, 2.5 MB in all"]


def test_of_a_study_that_stops_nothing_and_keeps_nothing_there_is_nothing_to_say():
    assert closing(history(ev.Finished(0, "complete", {"loss": 1.0})), judges=False) == []


def test_what_another_strategy_stopped_before_still_counts():
    stopped = history(SAVED[0], (ev.Decided(0, "stop"), ev.Finished(0, "stopped")))
    assert closing(stopped, judges=False)[0].startswith("early stopping saved 9 steps (90% of full trainings")


def test_jumps_are_named_three_of_them_at_most():
    smooth = [ev.Reported(0, step, {"loss": 1 / step}) for step in range(1, 10)]
    batches = [*smooth, ev.Finished(0, "complete")]
    for number in range(1, 6):
        batches += [
            (suggested(number, {"x": 0.5}), ev.Started(number, 1)),
            *[ev.Reported(number, step, {"loss": 1 / step}) for step in (1, 2, 3)],
            ev.Saved(number, 3, f"{number}", 1), ev.Started(number, 2, 3), ev.Reported(number, 4, {"loss": 9.0}),
        ]  # fmt: skip
    lines = closing(history(*batches), judges=False)
    assert [line.split(" jumps")[0] for line in lines[1:4]] == ["trial 1", "trial 2", "trial 3"]
    assert lines[4] == "2 more trials jump where they went on"


def test_what_it_cost_is_told_where_the_price_is_known():
    done = history(ev.Noted("later"), ev.Finished(0, "complete", {"loss": 1.0}))  # two entries, two seconds
    assert closing(done, judges=False, price=3600.0) == ["cost 2.00: 0.00056 hours of trials at 3600 each"]
    assert closing(done, judges=False) == []
