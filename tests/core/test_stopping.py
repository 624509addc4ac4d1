import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu import Float, Space, Study
from danlu.core import event as ev
from danlu.core.elapsed import trial_seconds
from danlu.core.history import fold
from danlu.core.stopping import Cost, Elapsed, Never, Plateau, Target, Trials, cost, ending
from danlu.errors import ObjectiveError, StudyError
from danlu.testing.journals import entries, example, opening, suggested

HISTORY = fold(example())  # 4 trials, the last entry 20 s after the first


def test_a_number_of_trials_counts_all_that_were_started():
    assert Trials(5).done(HISTORY) is None
    assert Trials(4).done(HISTORY) == "all 4 trials"


def test_time_counts_from_the_given_moment():
    assert Elapsed(20.0, since=HISTORY.opened).done(HISTORY)
    assert Elapsed(20.1, since=HISTORY.opened).done(HISTORY) is None


def test_rules_compose():
    done, not_done = Trials(4), Trials(5)
    assert (done | not_done).done(HISTORY)
    assert (not_done | not_done).done(HISTORY) is None
    assert (done & not_done).done(HISTORY) is None
    assert (done & done).done(HISTORY) == "all 4 trials and all 4 trials"


def test_a_rule_that_is_never_done_leaves_the_end_to_others():
    assert Never().done(HISTORY) is None
    assert (Never() | Trials(4)).done(HISTORY) == "all 4 trials"


def study_of(losses, **goals):
    """A study whose trials ended with these losses; None is a failure."""
    study = Study(Space({"x": Float(0.0, 1.0)}), strategy="random", **(goals or {"minimize": "loss"}))
    for loss in losses:
        trial = study.ask()
        if loss is None:
            study.fail(trial, "broken")
        else:
            study.tell(trial, **(loss if isinstance(loss, dict) else {"loss": loss}))
    return study


def test_a_target_is_reached_by_the_best_in_the_direction_of_its_objective():
    low = study_of([0.9, 0.5, 0.7]).history
    assert Target(0.5).done(low) == "trial 1 reached the target of loss 0.5"
    assert Target(0.49).done(low) is None
    high = study_of([{"accuracy": 0.8}, {"accuracy": 0.95}], maximize="accuracy").history
    assert Target(0.95).done(high) == "trial 1 reached the target of accuracy 0.95"
    assert Target(0.96).done(high) is None


def test_a_target_is_not_reached_by_a_trial_that_breaks_a_constraint():
    study = study_of([{"loss": 0.1, "gb": 9.0}], minimize="loss", subject_to=["gb <= 8"])
    assert Target(0.5).done(study.history) is None
    study.tell(study.ask(), loss=0.4, gb=7.0)
    assert Target(0.5).done(study.history)


def test_a_target_is_for_one_objective():
    with pytest.raises(ObjectiveError, match=r"one objective, and here are several \(loss, size\)"):
        Target(0.5).done(study_of([], minimize=["loss", "size"]).history)


def test_a_plateau_ends_when_the_last_trials_brought_nothing_better():
    history = study_of([0.9, 0.8, 0.7, 0.6, 0.5, 0.6, 0.7, 0.5]).history
    assert Plateau(3).done(history) == "nothing better in the last 3 trials"
    assert Plateau(4).done(history) is None, "the initial design of five trials does not count"


def test_a_plateau_with_a_tolerance_looks_at_what_its_trials_gained_together():
    creeping = study_of([0.9] * 5 + [0.89, 0.88, 0.87]).history
    assert Plateau(3, tolerance=0.04).done(creeping) == "nothing better by more than 0.04 in the last 3 trials"
    assert Plateau(3, tolerance=0.02).done(creeping) is None


def test_failures_count_for_a_plateau_so_that_a_broken_study_ends():
    assert Plateau(3).done(study_of([0.9, 0.8, 0.7, 0.6, 0.5, None, None, None]).history)
    assert Plateau(3).done(study_of([None] * 8).history), "and one that never had a value"


def test_of_several_objectives_a_plateau_is_where_none_comes_to_the_front():
    corner = [{"a": k, "b": 5 - k} for k in range(6)]
    goals = {"minimize": ["a", "b"]}
    assert Plateau(2).done(study_of([*corner, {"a": 9, "b": 9}, {"a": 9, "b": 8}], **goals).history)
    assert Plateau(2).done(study_of([*corner, {"a": 9, "b": 9}, {"a": -1, "b": 9}], **goals).history) is None


@given(st.lists(st.none() | st.floats(-3, 3), min_size=1, max_size=25), st.integers(1, 6), st.sampled_from([0.0, 0.5]))
def test_a_plateau_is_what_its_definition_says_at_every_moment(losses, trials, tolerance):
    study, rule = study_of([]), Plateau(trials, tolerance)
    for k, loss in enumerate(losses, start=1):
        study.fail(study.ask()) if loss is None else study.tell(study.ask(), loss=loss)
        before, after = ([x for x in losses[:n] if x is not None] for n in (max(k - trials, 0), k))
        gain = min(before, default=math.inf) - min(after, default=math.inf)
        assert bool(rule.done(study.history)) == (k - trials >= 5 and not gain > tolerance)


def test_money_counts_every_attempt_of_every_trial():
    config = {"lr": 0.001, "layers": 4, "optimizer": "adam"}
    history = fold(
        [
            ev.Entry(k, at, events)
            for k, (at, *events) in enumerate(
                [
                    (0.0, opening()),
                    (0.0, suggested(0, config), ev.Started(0, 1)),
                    (0.0, suggested(1, config), ev.Started(1, 1)),
                    (1800.0, ev.Lost(1, "its worker died")),  # half an hour
                    (3600.0, ev.Reported(0, 1, {"loss": 1.0}), ev.Decided(0, "pause")),  # an hour
                    (3600.0, ev.Started(1, 2)),
                    (7200.0, ev.Reported(1, 1, {"loss": 1.0})),  # an hour, and then the machine was off for a night
                    (99_999.0, ev.Started(1, 3)),
                    (99_999.0, ev.Resumed(0, 2)),
                    (99_999.0, ev.Started(0, 2, 1)),
                    (99_999.0 + 3600, ev.Finished(0, "complete", {"loss": 1.0})),  # two hours, of two trials
                ],
                start=1,
            )
        ]
    )
    assert trial_seconds(history) == 4.5 * 3600
    assert cost(history, 2.0) == 9.0
    assert Cost(9.0, price=2.0).done(history) == "the budget of 9 is spent (9.00)"
    assert Cost(9.1, price=2.0).done(history) is None


def test_an_attempt_that_a_crash_cut_off_before_its_first_report_costs_nothing():
    config = {"lr": 0.001, "layers": 4, "optimizer": "adam"}
    begun = (suggested(0, config), ev.Started(0, 1))
    assert trial_seconds(fold(entries(opening(), begun, ev.Noted("a while"), ev.Started(0, 2)))) == 0.0


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda: Cost(0, 1), "budget must be an amount"),
        (lambda: Cost(1, math.nan), "price must be an amount"),
        (lambda: Target(math.nan), "target must be a number"),
        (lambda: Plateau(0), "at least 1 trial"),
        (lambda: Plateau(3, -1), "tolerance of a plateau must be at least 0"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule, message):
    with pytest.raises(StudyError, match=message):
        rule()


def test_the_end_is_told_in_the_words_of_the_rule_that_held():
    history = study_of([0.9, 0.5]).history
    assert ending(Trials(9) | Target(0.5), history) == "trial 1 reached the target of loss 0.5"
    assert ending(Trials(2), history) == "all 2 trials"
    assert ending(Never(), history) == "the strategy has nothing more to suggest"
