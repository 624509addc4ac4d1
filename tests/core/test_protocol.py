import math
from dataclasses import dataclass

import numpy as np
import pytest

from danlu.core import event as ev
from danlu.core import protocol
from danlu.core.history import fold
from danlu.core.objective import Objective
from danlu.core.runner import CRASHES, LOSSES, Ended, Failed
from danlu.core.strategy import EXHAUSTED, WAIT, Resume, Start, Strategy
from danlu.core.trial import Decision, Fork, Status
from danlu.errors import ObjectiveError, SpaceError, StrategyError, StudyError
from danlu.space import Config, Float, Space
from danlu.strategies.random import Random
from danlu.testing.journals import entries, opening, suggested

LINE = Space({"x": Float(0.0, 1.0)})
STARTED = (suggested(0, {"x": 0.5}), ev.Started(0, 1))
PAUSED = (ev.Reported(0, 1, {"loss": 0.5}), ev.Decided(0, "pause"))


def history(*batches, metric="loss"):
    return fold(entries(opening(LINE, metric=metric), *batches))


@dataclass(frozen=True)
class Says(Strategy):
    """Suggests and decides what it is told to."""

    suggestion: object = WAIT
    decision: Decision = Decision.CONTINUE

    def suggest(self, history, rng):
        return self.suggestion

    def decide(self, history, trial):
        return self.decision


def test_a_fallback_is_noted_the_first_time_only():
    first = suggested(0, {"x": 0.5}, "gp: random, ill-conditioned")
    [noted] = protocol.warning(history(), first)
    assert noted.text.startswith("the search had to fall back: gp: random, ill-conditioned (first in trial 0")
    assert noted.trial == 0
    after = history((first, noted))
    chosen = suggested(1, {"x": 0.5}, "gp: random, ill-conditioned, auto, fewer than 2,000 trials")
    assert protocol.warning(after, chosen) == ()
    assert len(protocol.warning(after, suggested(1, {"x": 0.5}, "gp: random, all candidates tried"))) == 1
    assert protocol.warning(after, suggested(1, {"x": 0.5}, "gp: design")) == ()
    assert protocol.warning(after, ev.Resumed(0, 3)) == ()


def test_a_start_becomes_a_suggestion_with_a_seed_of_its_own():
    start = Start(Config(x=0.25), "mine: because", budget=3)
    (event,), suggestion = protocol.ask(history(), Says(start))
    assert suggestion is start
    assert (event.trial, event.config, event.origin) == (0, {"x": 0.25}, "mine: because")
    assert (event.budget, event.parent) == (3, None)
    (other,), _ = protocol.ask(history(STARTED), Says(start))
    assert other.trial == 1
    assert other.seed != event.seed


FORK = Fork(0, 1, "trials/0000/checkpoints/step_000001.ckpt")
SAVED = (ev.Reported(0, 1, {"loss": 0.5}), ev.Saved(0, 1, FORK.path, 10))


def test_a_fork_begins_after_the_step_of_its_parents_checkpoint():
    asked, _ = protocol.ask(history(STARTED, SAVED), Says(Start(Config(x=0.25), "mine", parent=FORK)))
    started = protocol.start_asked(history(STARTED, SAVED), asked)
    assert started == (ev.Started(1, 1, 1),)
    now = history(STARTED, SAVED, (*asked, *started))
    assert (now.trials[1].parent, now.trials[1].step, now.steps_done) == (FORK, 1, 1)
    with pytest.raises(StudyError, match="trial 1: step 1 was reported after step 1"):
        protocol.report(now, 0.0, Says(), 1, 1, {"loss": 0.1})
    events, _ = protocol.report(now, 0.0, Says(), 1, 3, {"loss": 0.1})
    later = history(STARTED, SAVED, (*asked, *started), events)
    assert later.steps_done == 1 + 2
    assert protocol.start(later, 1) == (ev.Started(1, 2, 1),)


@pytest.mark.parametrize("parent", [Fork(0, 1, "elsewhere"), Fork(0, 2, FORK.path)])
def test_nothing_is_forked_from_what_is_no_checkpoint(parent):
    with pytest.raises(StrategyError, match="not the checkpoint of that trial"):
        protocol.ask(history(STARTED, SAVED), Says(Start(Config(x=0.25), "mine", parent=parent)))


def test_a_new_trial_may_take_the_place_of_a_paused_one_which_is_stopped():
    says = Says(Start(Config(x=0.25), "mine", replaces=0))
    asked, _ = protocol.ask(history(STARTED, PAUSED), says)
    now = history(STARTED, PAUSED, asked)
    assert [trial.status for trial in now.trials] == [Status.STOPPED, Status.PENDING]
    with pytest.raises(StrategyError, match="replaces trial 0, which is running"):
        protocol.ask(history(STARTED), says)


def test_that_early_values_mislead_is_noted_once_however_much():
    first = suggested(0, {"x": 0.5}, "curves: early values mislead, step 3 tells the end by 0.12")
    [noted] = protocol.warning(history(), first)
    assert "early values mislead" in noted.text
    assert "step 3 tells the end by 0.12" in noted.text
    again = suggested(1, {"x": 0.5}, "curves: early values mislead, step 3 tells the end by 0.11")
    assert protocol.warning(history((first, noted)), again) == ()


@pytest.mark.parametrize("nothing", [WAIT, EXHAUSTED])
def test_no_suggestion_is_no_event(nothing):
    assert protocol.ask(history(), Says(nothing)) == ((), nothing)


@pytest.mark.parametrize("config", [{"x": 2.0}, {}, {"x": 0.5, "y": 1.0}, {"x": "a"}])
def test_a_config_outside_the_space_is_the_strategys_fault(config):
    with pytest.raises(StrategyError, match="not a config of the space"):
        protocol.ask(history(), Says(Start(Config(config), "mine")))


def test_only_a_paused_trial_can_be_resumed():
    assert protocol.ask(history(STARTED, PAUSED), Says(Resume(0, 9)))[0] == (ev.Resumed(0, 9),)
    with pytest.raises(StrategyError, match="resumes trial 0, which is running"):
        protocol.ask(history(STARTED), Says(Resume(0, 9)))


def test_the_same_history_gives_the_same_events():
    assert protocol.ask(history(STARTED), Random()) == protocol.ask(history(STARTED), Random())


def test_a_queued_config_is_filled_in_and_checked():
    assert protocol.queue(history(), {}, "why not") == (ev.Queued({"x": 0.5}, "why not"),)
    with pytest.raises(SpaceError, match="'x': 3 is not a value"):
        protocol.queue(history(), {"x": 3})


def test_an_attempt_starts_from_the_last_checkpoint():
    saved = ev.Saved(0, 4, "trials/0000/checkpoints/step_000004.ckpt", 9)
    assert protocol.start(history(STARTED), 0, "me") == (ev.Started(0, 2, 0, "me"),)
    assert protocol.start(history(STARTED, saved), 0) == (ev.Started(0, 2, 4),)


def test_a_report_and_the_decision_that_it_leads_to_are_one_append():
    def report(decision):
        return protocol.report(history(STARTED), 0.0, Says(decision=decision), 0, 1, {"loss": 0.5})

    reported = ev.Reported(0, 1, {"loss": 0.5})
    assert report(Decision.CONTINUE) == ((reported,), Decision.CONTINUE)
    assert report(Decision.PAUSE) == ((reported, ev.Decided(0, "pause")), Decision.PAUSE)
    assert report(Decision.STOP) == (
        (reported, ev.Decided(0, "stop"), ev.Finished(0, "stopped")),
        Decision.STOP,
    )


def test_the_strategy_sees_the_report_that_it_decides_on():
    class Looks(Strategy):
        def decide(self, history, trial):
            seen.append((trial.step, trial.curve.last("loss"), history.trials[0] is trial, history.at))
            return Decision.CONTINUE

    seen = []
    protocol.report(history(STARTED), 42.0, Looks(), 0, 3, {"loss": 0.5})
    assert seen == [(3, 0.5, True, 42.0)]


def test_a_diverged_report_ends_the_trial_without_asking_the_strategy():
    events, decision = protocol.report(history(STARTED), 0.0, Says(decision=None), 0, 2, {"loss": math.nan})
    assert decision is Decision.STOP
    assert events[0].metrics == {"loss": "nan"}
    assert (events[1].status, events[1].reason, events[1].error) == ("failed", "diverged", "loss is nan at step 2")


def test_another_metric_may_be_nan():
    events, decision = protocol.report(history(STARTED), 0.0, Says(), 0, 1, {"loss": 1.0, "auc": math.nan})
    assert decision is Decision.CONTINUE
    assert len(events) == 1


def test_a_report_without_a_metric_is_refused():
    with pytest.raises(ObjectiveError, match="step 1 without a metric"):
        protocol.report(history(STARTED), 0.0, Says(), 0, 1, {})


def test_a_paused_trial_takes_neither_reports_nor_an_end_until_it_is_resumed():
    paused = history(STARTED, PAUSED)
    with pytest.raises(StudyError, match="trial 0 is paused since step 1"):
        protocol.report(paused, 0.0, Says(), 0, 2, {"loss": 0.5})
    with pytest.raises(StudyError, match="needs no tell"):
        protocol.tell(paused, 0, {"loss": 0.5})
    resumed = history(STARTED, PAUSED, ev.Resumed(0, 9), ev.Started(0, 2, 0))
    assert protocol.tell(resumed, 0, {"loss": 0.5}) == (ev.Finished(0, "complete", {"loss": 0.5}),)


def test_the_end_of_a_trial_takes_scalars_of_any_kind():
    [event] = protocol.tell(history(STARTED), 0, {"loss": np.float32(0.5), "epochs": 3})
    assert event.metrics == {"loss": 0.5, "epochs": 3.0}
    assert type(event.metrics["epochs"]) is float


def test_the_end_of_a_trial_needs_every_objective_and_every_constraint():
    both = fold(
        entries(
            ev.Opened(LINE.to_dict(), (Objective("loss"), Objective("memory", bound=8.0)), {"use": "random"}, 0),
            STARTED,
        )
    )
    with pytest.raises(ObjectiveError, match="never gave the objective: no metric 'memory'"):
        protocol.tell(both, 0, {"loss": 1.0})
    with pytest.raises(ObjectiveError, match="ended without a metric; expected 'loss'"):
        protocol.tell(both, 0, {})
    assert protocol.tell(both, 0, {"loss": 1.0, "memory": 3})[0].status == "complete"


def test_a_worker_that_dies_once_is_forgiven_and_then_not():
    assert protocol.fail(history(STARTED), 0, "killed", "died") == (ev.Lost(0, "killed"),)
    [event] = protocol.fail(history(STARTED, ev.Lost(0, "killed")), 0, "killed again", "died")
    assert (event.status, event.reason, event.error) == ("failed", "died", "killed again")


@pytest.mark.parametrize("reason", sorted(CRASHES))
def test_a_trial_that_crashes_is_tried_again_as_often_as_the_study_says(reason):
    patient = history(ev.Changed(retries=2), STARTED)
    for _ in range(2):
        [event] = protocol.fail(patient, 0, "gone", reason)
        assert event == ev.Lost(0, "gone", reason)
        patient = patient.apply(ev.Entry(patient.position + 1, 9.0, (event, ev.Started(0, 2))))
    assert protocol.fail(patient, 0, "gone", reason) == (ev.Finished(0, "failed", reason=reason, error="gone"),)
    never = history(ev.Changed(retries=0), STARTED)
    assert isinstance(protocol.fail(never, 0, "gone", reason)[0], ev.Finished)


@pytest.mark.parametrize("reason", sorted(LOSSES))
def test_a_lost_node_never_counts_against_a_config_and_yet_not_for_ever(reason):
    now = history(STARTED, ev.Lost(0, "killed"), ev.Started(0, 2))
    for count in range(20):
        assert (now.trials[0].lost, now.trials[0].excused) == (count + 1, count)
        [event] = protocol.fail(now, 0, "no node", reason)
        assert isinstance(event, ev.Lost)
        now = now.apply(ev.Entry(now.position + 1, 9.0, (event, ev.Started(0, 2))))
    assert isinstance(protocol.fail(now, 0, "no node", reason)[0], ev.Finished)


@pytest.mark.parametrize("reason", ["exception", "out of memory", "timeout", "artifact"])
def test_what_is_the_fault_of_the_config_is_not_tried_again(reason):
    assert isinstance(protocol.fail(history(STARTED), 0, "no", reason)[0], ev.Finished)


def test_retries_change_with_an_event_only_if_they_are_others():
    now = history()
    assert protocol.change(now, now.space, now.strategy, retries=now.retries) == ()
    assert protocol.change(now, now.space, now.strategy, retries=3) == (ev.Changed(retries=3),)


def test_a_failure_that_is_told_says_so():
    assert protocol.fail(history(STARTED), 0, "no data") == (ev.Finished(0, "failed", reason="told", error="no data"),)


def test_nothing_can_be_added_to_a_trial_that_has_ended():
    ended = history(STARTED, ev.Finished(0, "failed", reason="exception", error="boom"))
    for call in (
        lambda: protocol.tell(ended, 0, {"loss": 1.0}),
        lambda: protocol.fail(ended, 0, "x"),
        lambda: protocol.start(ended, 0),
        lambda: protocol.report(ended, 0.0, Says(), 0, 1, {"loss": 1.0}),
    ):
        with pytest.raises(StudyError, match=r"trial 0 has ended \(failed\) \(exception: boom\)"):
            call()


AGAIN = (*STARTED, ev.Started(0, 2))


@pytest.mark.parametrize(
    "signal",
    [
        ev.Reported(0, 1, {"loss": 0.5}),
        ev.Saved(0, 1, "trials/0000/checkpoints/step_000001.ckpt", 9),
        ev.Attached(0, "a.txt", "trials/0000/a.txt", 9),
        Ended(0, {"loss": 0.5}),
        Failed(0, "died", "gone"),
        Failed(0, "exception", "boom"),
        ev.Started(0, 2),
    ],
)
def test_an_attempt_that_was_taken_over_is_told_to_stop_and_leaves_nothing(signal):
    attempt = 2 if isinstance(signal, ev.Started) else 1  # two may both have meant to begin the second
    assert protocol.answer(history(AGAIN), 0.0, Says(), signal, attempt) == ((), Decision.STOP)


def test_the_attempt_that_runs_is_heard():
    now = history(AGAIN)
    reported = ev.Reported(0, 1, {"loss": 0.5})
    assert protocol.answer(now, 0.0, Says(), reported, 2) == ((reported,), Decision.CONTINUE)
    assert protocol.answer(now, 0.0, Says(), ev.Started(0, 3, worker="me"), 3)[0] == (ev.Started(0, 3, 0, "me"),)
    assert isinstance(protocol.answer(now, 0.0, Says(), Ended(0, {"loss": 0.5}), 2)[0][0], ev.Finished)


def test_an_attempt_whose_beginning_the_one_before_has_left_behind_does_not_begin():
    """Its checkpoint may be gone, and its first report would be of a step that was reported before."""
    saved = [ev.Saved(0, step, f"trials/0000/checkpoints/step_00000{step}.ckpt", 9) for step in (1, 2)]
    gone_on = history((*STARTED, ev.Reported(0, 2, {"loss": 0.5}), *saved))
    assert protocol.answer(gone_on, 0.0, Says(), ev.Started(0, 2, 1), 2) == ((), Decision.STOP)
    assert protocol.answer(gone_on, 0.0, Says(), ev.Started(0, 2, 2), 2)[0] == (ev.Started(0, 2, 2),)


def test_a_worker_that_dies_before_it_has_begun_is_heard():
    [lost] = protocol.answer(history(STARTED), 0.0, Says(), Failed(0, "died", "gone"), 2)[0]
    assert lost == ev.Lost(0, "gone")


def test_where_there_is_one_coordinator_attempts_need_not_be_told():
    reported = ev.Reported(0, 1, {"loss": 0.5})
    assert protocol.answer(history(AGAIN), 0.0, Says(), reported) == ((reported,), Decision.CONTINUE)
