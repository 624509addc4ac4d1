import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.journeys import journey

from danlu.core import event as ev
from danlu.core.hiding import hiding
from danlu.core.history import fold
from danlu.core.objective import Objective
from danlu.core.reaching import reaching
from danlu.core.replay import histories
from danlu.core.trial import Status
from danlu.errors import ObjectiveError, StoreError
from danlu.space import Choice, Config, Float, Int, Space
from danlu.testing.journals import entries, example, opening, suggested

LINE = Space({"x": Float(0.0, 1.0)})


LOSS = (Objective("loss"),)


def study_of(*values, objectives=LOSS):
    """A history in which trial k has config x = k/10 and ended with the k-th metrics; None: it failed."""
    batches = [ev.Opened(LINE.to_dict(), objectives, {"use": "random"}, 0)]
    for k, metrics in enumerate(values):
        batches.append((suggested(k, {"x": k / 10}), ev.Started(k, 1)))
        ended = ev.Finished(k, "failed", error="boom") if metrics is None else ev.Finished(k, "complete", metrics)
        batches.append(ended)
    return fold(entries(*batches))


def test_trials_are_found_by_their_status():
    history = fold(example())
    assert [t.number for t in history.finished] == [0, 1, 2]
    assert [t.number for t in history.completed] == [0]
    assert [t.number for t in history.running] == [3]
    assert history.paused == []
    assert {s: history.count(s) for s in ("complete", "failed", "stopped", "running", "pending", "paused")} == {
        "complete": 1, "failed": 1, "stopped": 1, "running": 1, "pending": 0, "paused": 0,
    }  # fmt: skip


def test_every_prefix_of_a_journal_is_a_history():
    statuses = [[trial.status for trial in history.trials] for history in histories(example())]
    assert statuses[0] == []
    assert statuses[1] == [Status.RUNNING]
    assert statuses[-3] == [Status.COMPLETE, Status.FAILED, Status.STOPPED, Status.PAUSED]
    assert statuses[-2][3] is Status.PENDING


def test_an_earlier_history_does_not_change_when_a_later_one_grows():
    frames = list(histories(example()))
    once = [repr(list(frame.trials)) for frame in frames]
    again = [repr(list(frame.trials)) for frame in histories(example())]
    assert once == again


def test_a_new_attempt_forgets_what_the_old_one_reported_after_its_checkpoint():
    batches = [
        opening(LINE), (suggested(0, {"x": 0.5}), ev.Started(0, 1)),
        ev.Reported(0, 1, {"loss": 3.0}), ev.Saved(0, 1, "c", 1), ev.Reported(0, 2, {"loss": 2.0}),
        ev.Started(0, 2, 1), ev.Reported(0, 2, {"loss": 2.5}),
    ]  # fmt: skip
    [trial] = fold(entries(*batches)).trials
    assert trial.curve["loss"].tolist() == [3.0, 2.5]
    assert trial.attempt == 2


def test_the_best_is_the_lowest_loss_of_a_complete_trial():
    history = study_of({"loss": 0.5}, {"loss": 0.2}, None, {"loss": 0.2})
    assert history.best.number == 1


def test_the_best_of_a_maximised_metric_is_the_highest():
    history = study_of({"a": 0.5}, {"a": 0.9}, {"a": 0.7}, objectives=(Objective("a", "maximize"),))
    assert history.best.number == 1
    assert history.best.loss == -0.9


def test_nothing_is_best_before_a_trial_is_complete():
    assert study_of(None).best is None


def test_a_stopped_trial_is_never_the_best():
    batches = [
        opening(LINE), (suggested(0, {"x": 0.5}), ev.Started(0, 1)),
        (ev.Reported(0, 1, {"loss": -5.0}), ev.Decided(0, "stop"), ev.Finished(0, "stopped")),
    ]  # fmt: skip
    assert fold(entries(*batches)).best is None


def test_the_best_keeps_the_constraints():
    objectives = (Objective("loss"), Objective("memory", bound=8.0))
    history = study_of({"loss": 0.1, "memory": 9.0}, {"loss": 0.3, "memory": 8.0}, objectives=objectives)
    assert history.best.number == 1


def test_the_front_holds_what_nothing_dominates():
    objectives = (Objective("loss"), Objective("speed", "maximize"))
    values = [(1.0, 1.0), (0.5, 0.5), (1.0, 2.0), (0.4, 0.1), (0.4, 0.1), (0.9, 0.4)]
    history = study_of(*({"loss": a, "speed": b} for a, b in values), objectives=objectives)
    assert [t.number for t in history.front] == [1, 2, 3, 4]


def test_several_objectives_have_no_single_best():
    with pytest.raises(ObjectiveError, match=r"study\.front"):
        _ = study_of(objectives=(Objective("a"), Objective("b"))).best


def test_arrays_hold_losses_in_order_of_finishing_and_nan_for_failures():
    arrays = study_of({"loss": 0.5}, None, {"loss": 0.2}).arrays()
    assert arrays.numbers.tolist() == [0, 1, 2]
    assert arrays.losses[:, 0].tolist()[::2] == [0.5, 0.2]
    assert math.isnan(arrays.losses[1, 0])
    assert arrays.u[:, 0].tolist() == pytest.approx([0.0, 0.1, 0.2])


def test_arrays_hold_by_how_much_a_constraint_is_broken():
    objectives = (Objective("loss"), Objective("recall", "maximize", bound=0.9))
    arrays = study_of({"loss": 0.5, "recall": 0.8}, {"loss": 1.0, "recall": 0.95}, objectives=objectives).arrays()
    assert arrays.bounds[:, 0].tolist() == pytest.approx([0.1, -0.05])


def test_a_chosen_history_knows_only_the_chosen_trials():
    history = study_of({"loss": 0.1}, {"loss": 0.2}, None, {"loss": 0.15})
    chosen = history.where(lambda trial: trial.number in (1, 2, 3))
    assert [t.number for t in chosen.trials] == [1, 2, 3]
    assert chosen.best.number == 3
    assert chosen.arrays().losses[:, 0].tolist()[::2] == [0.2, 0.15]
    assert history.best.number == 0


def test_at_a_step_the_curves_alone_count():
    batches = [opening(LINE)]
    for k, losses in enumerate(([0.9, 0.1], [0.5, 0.6], [0.3])):
        batches.append((suggested(k, {"x": k / 10}), ev.Started(k, 1)))
        batches += [ev.Reported(k, step, {"loss": loss}) for step, loss in enumerate(losses, start=1)]
        batches.append(ev.Finished(k, "complete"))
    history = fold(entries(*batches))
    assert history.best.number == 0
    assert history.at_step(1).best.number == 2
    assert [t.status for t in history.at_step(2).trials] == [Status.COMPLETE, Status.COMPLETE, Status.STOPPED]


def test_where_an_objective_reads_the_curve_is_its_own_choice():
    def value(at):
        batches = [
            ev.Opened(LINE.to_dict(), (Objective("loss", at=at),), {"use": "random"}, 0),
            (suggested(0, {"x": 0.5}), ev.Started(0, 1)),
            *(ev.Reported(0, step, {"loss": loss}) for step, loss in ((1, 0.9), (2, 0.1), (3, 0.4))),
            ev.Finished(0, "complete"),
        ]
        return fold(entries(*batches)).best.value

    assert (value("last"), value("best"), value(1)) == (0.4, 0.1, 0.9)


def test_a_gap_in_the_journal_gives_a_clear_error():
    whole = example()
    with pytest.raises(StoreError, match="skips from entry 4 to 6"):
        fold(whole[:4] + whole[5:])


def test_an_empty_journal_gives_a_clear_error():
    with pytest.raises(StoreError, match="opening"):
        fold([])


def test_a_trial_that_ends_twice_gives_a_clear_error():
    batches = [opening(LINE), suggested(0, {"x": 0.5}), ev.Finished(0, "complete"), ev.Finished(0, "complete")]
    with pytest.raises(StoreError, match="twice"):
        fold(entries(*batches))


@pytest.mark.parametrize(
    "event",
    [
        ev.Reported(7, 1, {"loss": 1.0}),
        ev.Suggested(1, {"x": 0.5}, "queued", 1, queued=99),
        ev.Reported(0, 1, {"loss": "abc"}),
    ],
)
def test_an_entry_that_does_not_follow_from_those_before_it_gives_a_clear_error(event):
    batches = [opening(LINE), (suggested(0, {"x": 0.5}), ev.Started(0, 1)), event]
    with pytest.raises(StoreError, match=r"entry 3 .*doctor --repair"):
        fold(entries(*batches))


def test_seconds_count_from_the_start_of_the_attempt():
    batches = [
        opening(LINE), suggested(0, {"x": 0.5}), ev.Started(0, 1), ev.Noted("a second"),
        ev.Reported(0, 1, {"loss": 1.0}), ev.Finished(0, "complete"),
    ]  # fmt: skip
    [trial] = fold(entries(*batches)).trials
    assert trial.curve.elapsed.tolist() == [2.0]
    assert trial.seconds == 3.0


# another space --------------------------------------------------------------------------------------------------------

GRID = Space({"n": Int(1, 4), "act": Choice("relu", "gelu")})


def grid_study(*changes):
    """Trials of n = 1, 3, 4 with relu, of which the last runs, and one of n = 2 that is queued; then other events."""
    return fold(grid_entries(*changes))


def grid_entries(*changes):
    batches = [opening(GRID)]
    for k, n in enumerate((1, 3, 4)):
        batches.append((suggested(k, {"n": n, "act": "relu"}), ev.Started(k, 1)))
        batches += [ev.Finished(k, "complete", {"loss": float(n)})] if n < 4 else []
    return entries(*batches, ev.Queued({"n": 2, "act": "relu"}), *changes)


def changed(space):
    return ev.Changed(space=space.to_dict())


def test_only_configs_of_the_space_as_it_is_count_as_tried():
    history = grid_study(changed(Space({"n": Int(2, 4), "act": Choice("relu")})))
    assert history.space.size == 3
    assert history.distinct == 2
    assert history.tried(history.trials[0].config) is None
    assert history.tried(history.trials[1].config).number == 1
    assert [history.is_inside(trial) for trial in history.trials] == [False, True, True]
    assert history.arrays().inside.tolist() == [False, True]
    assert history.arrays().u[:, 0].tolist() == [-0.5, 0.5]
    assert history.best.number == 0  # a fact, wherever it lies


def test_what_is_new_takes_its_default_in_all_trials_and_in_the_queue():
    history = grid_study(changed(Space({**GRID.members, "norm": Choice(True, False, default=False)})))
    assert [trial.config["norm"] for trial in history.trials] == [False] * 3
    assert history.queue[0].config == {"n": 2, "act": "relu", "norm": False}
    assert history.tried(Config({"n": 1, "act": "relu", "norm": False})).number == 0
    assert history.distinct == 3


def test_a_queued_config_outside_is_gone_and_a_strategy_may_stay():
    history = grid_study(changed(Space({"n": Int(3, 4), "act": Choice("relu")})))
    assert history.queue == ()
    assert history.strategy == {"use": "random"}
    assert grid_study(ev.Changed({"use": "sobol"})).space == GRID


def test_trials_that_were_outside_are_inside_again_where_the_space_is_widened():
    narrow, wide = Space({"n": Int(3, 4), "act": Choice("relu")}), Space({"n": Int(1, 8), "act": Choice("relu")})
    history = grid_study(changed(narrow), changed(wide))
    assert history.distinct == 3
    assert history.arrays().u[:, 0].tolist() == [0.0, 2 / 7]


def test_a_new_trial_after_a_change_is_inside():
    history = grid_study(changed(Space({"n": Int(3, 4), "act": Choice("relu")})))
    asked = ev.Entry(history.position + 1, history.at, (suggested(3, {"n": 3, "act": "relu"}),))
    assert history.apply(asked).is_inside(history.apply(asked).trials[3])
    assert history.apply(asked).distinct == 2


@pytest.mark.parametrize(
    "view",
    [lambda h: h.where(lambda t: t.number < 2), lambda h: h.at_step(1), lambda h: hiding(h, 2)],
)
def test_views_of_a_history_know_which_of_its_trials_are_outside(view):
    history = view(grid_study(changed(Space({"n": Int(2, 4), "act": Choice("relu")}))))
    assert [history.is_inside(trial) for trial in history.trials][:2] == [False, True]
    assert history.tried(history.trials[0].config) is None
    assert history.tried(history.trials[1].config).number == 1


def test_a_moment_is_seen_from_a_later_space():
    first = changed(Space({**GRID.members, "norm": Choice(True, False, default=True)}))
    # the default may go later: what earlier trials had is in the journal
    second = changed(Space({"n": Int(2, 4), "act": Choice("relu"), "norm": Choice(True, False)}))
    moments = [moment for moment in histories(grid_entries(first, second)) if moment.trials]
    last = moments[-1]
    seen = [moment.seen_from(last) for moment in moments]
    assert all(moment.space is last.space for moment in seen)
    assert [moment.trials[0].config for moment in seen] == [last.trials[0].config] * len(moments)
    assert [len(moment.finished) for moment in seen] == [len(moment.finished) for moment in moments]
    assert last.seen_from(last) is last


def test_a_journal_in_which_a_new_hyperparameter_has_no_default_is_refused():
    with pytest.raises(StoreError, match=r"does not follow .* is new"):
        grid_study(changed(Space({**GRID.members, "norm": Choice(True, False)})))


def random_journal(draw):
    """Batches of a few trials that start, report, pause, attach and end in any order."""
    batches = [ev.Opened(LINE.to_dict(), LOSS, {"use": "random"}, 0)]
    states = []
    for _ in range(draw(st.integers(1, 40))):
        k = draw(st.integers(0, len(states)))
        if k == len(states):
            batches.append(suggested(k, {"x": draw(st.integers(0, 9)) / 10}))
            states.append("pending")
        elif states[k] == "pending":
            batches.append(ev.Started(k, 1))
            states[k] = "running"
        elif states[k] == "running":
            value = float(draw(st.integers(0, 5)))
            batches.append(
                draw(st.sampled_from([
                    ev.Reported(k, len(batches), {"loss": value}), ev.Finished(k, "complete", {"loss": value}),
                    ev.Finished(k, "failed", error="boom"), ev.Attached(k, "a.txt", "a.txt", 1),
                ]))
            )  # fmt: skip
            states[k] = "ended" if isinstance(batches[-1], ev.Finished) else "running"
        elif draw(st.integers(0, 4)) == 0:
            batches.append(ev.Attached(k, "late.txt", "late.txt", 1))
    return entries(*batches)


def told(history):
    """All that can be known of a history, as plain values."""
    arrays = history.arrays()
    return (
        [msgspec.structs.astuple(trial) for trial in history.trials],
        [trial.number for trial in history.finished], [trial.number for trial in history.pending],
        [trial.number for trial in history.paused], history.best and history.best.number, history.distinct,
        {word: history.count(word) for word in ("random", "pending", "running", "complete", "failed")},
        arrays.numbers.tolist(), str(arrays.losses.tolist()), history.position, history.asks, history.at,
    )  # fmt: skip


@given(st.data())
def test_hiding_in_a_history_that_goes_on_is_as_hiding_in_a_new_one(data):
    journal = random_journal(data.draw)
    history = fold(journal[:1])
    histories = [(history, 1)]
    for k, entry in enumerate(journal[1:], start=2):
        history = history.apply(entry)
        histories.append((history, k))
        if data.draw(st.booleans()):
            continue
        older, cut = data.draw(st.sampled_from(histories[-3:]))
        number = data.draw(st.integers(-1, len(older.trials)))
        assert told(hiding(older, number)) == told(hiding(fold(journal[:cut]), number))


def test_hiding_in_forks_shows_each_its_own_suggestions():
    history = study_of({"loss": 1.0})
    at, number = history.position + 1, len(history.trials)
    one, other = (history.apply(ev.Entry(at, 0.0, (suggested(number, {"x": x}),))) for x in (0.25, 0.75))
    for fork, x in ((one, 0.25), (other, 0.75), (one, 0.25)):
        hidden = hiding(fork, 1)
        assert hidden.trials[number].config == {"x": x}
        assert hidden.tried(fork.trials[number].config).number == number
        assert hidden.distinct == 2


def test_memos_are_shared_by_a_history_and_those_that_go_on_from_it_but_not_by_forks():
    history = study_of({"loss": 1.0})
    history.memos["key"] = "worked out"
    at = history.position
    history = history.apply(ev.Entry(at + 1, 0.0, (suggested(1, {"x": 0.5}), ev.Started(1, 1))))
    one, other = (
        history.apply(ev.Entry(at + 2, 0.0, (ev.Finished(1, "complete", {"loss": loss}),))) for loss in (2.0, 3.0)
    )
    assert one.memos == {"key": "worked out"}
    assert other.memos == {}
    assert (one.arrays().losses[1, 0], other.arrays().losses[1, 0]) == (2.0, 3.0)


@given(st.data())
def test_what_reached_a_step_in_a_history_that_goes_on_is_as_in_a_new_one(data):
    journal = journey(data.draw)
    history = fold(journal[:1])
    histories = [(history, 1)]
    for k, entry in enumerate(journal[1:], start=2):
        history = history.apply(entry)
        histories.append((history, k))
        if data.draw(st.booleans()):
            older, cut = data.draw(st.sampled_from(histories[-3:]))
            step, number = data.draw(st.sampled_from([1, 3])), data.draw(st.sampled_from([None, 1, 4]))
            views = [h if number is None else hiding(h, number) for h in (older, fold(journal[:cut]))]
            assert told(reaching(views[0], step)) == told(reaching(views[1], step))


@given(st.data())
def test_trials_reach_a_step_in_the_order_of_the_reports(data):
    journal = journey(data.draw)
    history = fold(journal)
    when = {}
    for entry in journal:
        for event in entry.events:
            match event:
                case ev.Started(number, _, step) if when.get(number, (0, 0))[1] > step:
                    del when[number]
                case ev.Reported(number, step, {"loss": float()}) if number not in when and step >= 3:
                    when[number] = entry.position, step
                case ev.Finished(number, status):
                    if status == "failed" or (status == "complete" and number not in when):
                        when[number] = entry.position, 0
    shown = reaching(history, 3)
    assert [trial.number for trial in shown.finished] == sorted(when, key=when.__getitem__)
    assert {trial.number for trial in shown.pending} == set(range(len(history.trials))) - set(when)


def test_what_was_worked_out_of_trials_that_reached_a_step_is_kept_while_more_do():
    opened = ev.Opened(LINE.to_dict(), LOSS, {"use": "random"}, 0)
    history = fold(entries(opened, suggested(0, {"x": 0.1}), ev.Started(0, 1), ev.Reported(0, 3, {"loss": 1.0})))
    memos = reaching(history, 3).memos
    for number in range(1, 5):
        for event in (
            suggested(number, {"x": number / 9}),
            ev.Started(number, 1),
            ev.Reported(number, 4, {"loss": 2.0}),
        ):
            history = history.apply(ev.Entry(history.position + 1, 0.0, (event,)))
        assert reaching(history, 3).memos is memos
        assert len(reaching(history, 3).arrays().numbers) == number + 1


def test_rows_of_what_reached_a_step_outlast_a_trial_that_fails_later():
    opened = ev.Opened(LINE.to_dict(), LOSS, {"use": "random"}, 0)
    begun = [event for k in range(3) for event in (suggested(k, {"x": k / 9}), ev.Started(k, 1))]
    history = fold(entries(opened, *begun, *(ev.Reported(k, 1, {"loss": float(k)}) for k in range(3))))
    assert reaching(history, 1).arrays().losses[:, 0].tolist() == [0.0, 1.0, 2.0]
    assert reaching(history, 1).best.number == 0
    history = history.apply(ev.Entry(history.position + 1, 0.0, (ev.Finished(0, "failed", error="boom"),)))
    shown = reaching(history, 1)
    assert shown.arrays().numbers.tolist() == [1, 2, 0]
    assert str(shown.arrays().losses[:, 0].tolist()) == "[1.0, 2.0, nan]"
    assert shown.arrays().u[:, 0].tolist() == [1 / 9, 2 / 9, 0.0]
    assert shown.best.number == 1


@given(st.data())
def test_hidden_trials_reach_a_step_in_the_order_of_their_numbers(data):
    history = hiding(fold(journey(data.draw)), 5)
    numbers = [trial.number for trial in reaching(history, 3).finished]
    assert numbers == sorted(numbers)
