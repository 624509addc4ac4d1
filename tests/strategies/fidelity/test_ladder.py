import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.journeys import BEST, CONSTRAINED, LOSS, journey
from tests.strategies.fidelity.curved import SPACE, curved

from danlu.core.history import fold
from danlu.core.reaching import reaching
from danlu.core.seeds import suggestion_rng
from danlu.core.strategy import Resume
from danlu.core.trial import Decision, Status
from danlu.strategies.combine import Mixture
from danlu.strategies.fidelity.asha import ASHA
from danlu.strategies.fidelity.hyperband import Hyperband, bracket_of
from danlu.strategies.fidelity.ladder import ladder_of, seen_by
from danlu.strategies.fidelity.rungs import highest, reached, rungs, values_at
from danlu.strategies.fidelity.sha import SHA
from danlu.strategies.grid import Grid
from danlu.strategies.manual import Manual
from danlu.strategies.quasirandom import Sobol
from danlu.strategies.random import Random
from danlu.strategies.tpe.tpe import TPE
from danlu.study import Study

LEVELS, LAST = (1, 3), 9
STEPS = (*LEVELS, LAST)
QUICK = settings(max_examples=40, deadline=None)


def best(study, count, step=1):
    ladder = ladder_of(study.history, (step,))
    return ladder.best(0, ladder.top >= 0, count)


def seen(history, levels=LEVELS):
    return seen_by(TPE(), history, levels, 9)


# what is obvious: trial by trial, in no more than one line each -----------------------------------------------------


def obvious_ranks(history, level, numbers):
    """Numbers of the trials on a rung in order of merit, of one objective and at most one constraint."""

    def merit(number):
        loss, *more = values_at(history.trials[number], level, history.objectives)
        return max(*(more[k] - o.bound for k, o in enumerate(history.constraints)), 0.0) if more else 0.0, loss, number

    return sorted((n for n in numbers if history.trials[n].arrival(level) is not None), key=merit)


def obvious_promotion(history, levels, eta, keep):
    for k in range(len(levels) - 1, -1, -1):
        ranks = obvious_ranks(history, levels[k], [t.number for t in history.trials if keep(t.number)])
        for number in ranks[: int(len(ranks) / eta)]:
            if history.trials[number].status is Status.PAUSED and highest(history.trials[number], levels) == k:
                return Resume(number, (*levels, LAST)[k + 1])
    return None


def obvious_decision(history, trial, levels, eta, keep):
    if trial.origin == "default":
        return Decision.CONTINUE
    if trial.budget is not None:
        return (
            Decision.PAUSE if trial.budget in levels and trial.arrival(trial.budget) is not None else Decision.CONTINUE
        )
    k = reached(trial, levels)
    if k is None:
        return Decision.CONTINUE
    ranks = obvious_ranks(history, levels[k], [t.number for t in history.trials if keep(t.number)])
    is_good = len(ranks) < eta or trial.number in ranks[: int(len(ranks) / eta)]
    return Decision.CONTINUE if is_good else Decision.PAUSE


def obvious_round(history, begin, size, eta):
    going = [t.number for t in history.trials[begin : begin + size] if t.origin != "default"]
    for k, level in enumerate(LEVELS):
        ranks = obvious_ranks(history, level, going)
        if any(not history.trials[number].is_finished for number in set(going) - set(ranks)):
            return None
        going = ranks[: max(1, int(size / eta ** (k + 1)))]
        for number in going:
            if history.trials[number].status is Status.PAUSED and highest(history.trials[number], LEVELS) == k:
                return Resume(number, STEPS[k + 1])
    return None


def obvious_level(history):
    for level in reversed(STEPS):
        there = [t for t in history.trials if t.status is Status.COMPLETE or t.arrival(level) is not None]
        if len(there) >= len(history.space) + 1:
            return level
    return STEPS[0]


def moments(data, objectives):
    """Histories on the way of a journey, with their memos; now and then an earlier one again."""
    journal = journey(data.draw, objectives)
    history = fold(journal[:1])
    passed = [history]
    for entry in journal[1:]:
        history = history.apply(entry)
        passed.append(history)
        if data.draw(st.booleans()):
            yield data.draw(st.sampled_from(passed[-3:]))


MEASURED = pytest.mark.parametrize("objectives", [LOSS, CONSTRAINED, BEST], ids=["loss", "constrained", "best"])


@MEASURED
@QUICK
@given(data=st.data())
def test_a_ladder_says_of_each_trial_where_it_stands_now(objectives, data):
    for history in moments(data, objectives):
        ladder = ladder_of(history, STEPS)
        assert ladder.numbers.tolist() == [trial.number for trial in history.trials]
        for trial, top, paused, ended, complete, default in zip(
            history.trials, ladder.top, ladder.paused, ladder.ended, ladder.complete, ladder.default, strict=True
        ):
            assert top == highest(trial, STEPS)
            assert (paused, ended) == (trial.status is Status.PAUSED, trial.is_finished)
            assert (complete, default) == (trial.status is Status.COMPLETE, trial.origin == "default")
            for k in range(top + 1):
                loss, *more = values_at(trial, STEPS[k], objectives)
                missed = [max(value - o.bound, 0.0) / o.bound for value, o in zip(more, objectives[1:], strict=True)]
                assert ladder.losses[k][trial.number].tolist() == [loss]
                assert ladder.violation[k][trial.number] == sum(missed)


@MEASURED
@QUICK
@given(data=st.data())
def test_promotions_and_decisions_are_those_that_a_look_at_every_trial_gives(objectives, data):
    eta = data.draw(st.sampled_from([2, 3]))
    levels = rungs(1, LAST, eta)
    asha = ASHA(Random(), last=LAST, eta=eta, pauses=True)
    hyperband = Hyperband(Random(), last=LAST, eta=eta, pauses=True)
    for history in moments(data, objectives):
        promoted = obvious_promotion(history, levels, eta, lambda number: True)
        suggestion = asha.suggest(history, suggestion_rng(0, 0))
        assert suggestion == promoted if promoted else not isinstance(suggestion, Resume)
        in_turn = [
            obvious_promotion(history, levels[b:], eta, lambda n, b=b: bracket_of(n, len(levels), eta) == b)
            for b in range(len(levels))
        ]
        suggestion = hyperband.suggest(history, suggestion_rng(0, 0))
        promoted = next(filter(None, in_turn), None)
        assert suggestion == promoted if promoted else not isinstance(suggestion, Resume)
        for trial in history.running:
            assert asha.decide(history, trial) is obvious_decision(history, trial, levels, eta, lambda number: True)
            b = bracket_of(trial.number, len(levels), eta)
            keep = [bracket_of(n, len(levels), eta) == b for n in range(len(history.trials))]
            assert hyperband.decide(history, trial) is obvious_decision(
                history, trial, levels[b:], eta, keep.__getitem__
            )


@QUICK
@given(st.data())
def test_rounds_are_those_that_a_look_at_every_trial_gives(data):
    size = data.draw(st.integers(2, 5))
    sha = SHA(Random(), size=size, last=LAST)
    for history in moments(data, LOSS):
        begins = range(0, len(history.trials) - size + 1, size)
        promoted = next(filter(None, (obvious_round(history, begin, size, 3) for begin in begins)), None)
        suggestion = sha.suggest(history, suggestion_rng(0, 0))
        assert suggestion == promoted if promoted else not isinstance(suggestion, Resume)


@QUICK
@given(st.data())
def test_what_a_model_is_shown_is_that_of_the_highest_rung_with_enough_trials(data):
    for history in moments(data, LOSS):
        level = obvious_level(history)
        shown = seen(history)
        assert {t.number for t in shown.completed} == {
            t.number for t in history.trials
            if t.status is not Status.FAILED and (t.arrival(level) is not None or t.status is Status.COMPLETE)
        }  # fmt: skip
        assert all(t.arrival(level) in (None, len(t.curve) - 1) for t in shown.completed)
        assert shown.steps is None


@pytest.mark.parametrize("inside", [ASHA, Hyperband, SHA])
@QUICK
@given(data=st.data())
def test_without_its_memos_a_history_leads_to_the_same(inside, data):
    strategy = inside(TPE(start=3))
    journal = journey(data.draw)
    history = fold(journal[:1])
    for cut, entry in enumerate(journal[1:], start=2):
        history = history.apply(entry)
        if data.draw(st.integers(0, 3)) == 0:
            new = fold(journal[:cut])
            assert strategy.suggest(history, suggestion_rng(0, cut)) == strategy.suggest(new, suggestion_rng(0, cut))
            decisions = [strategy.decide(history, trial) for trial in history.running]
            assert decisions == [strategy.decide(new, trial) for trial in new.running]


def test_a_trial_that_began_again_stands_lower_and_with_what_it_reports_then():
    from danlu.core import event as ev
    from danlu.testing.journals import entries, suggested

    def reported(*losses, begin=1):
        return [ev.Reported(0, step, {"loss": loss}) for step, loss in enumerate(losses, begin)]

    opened = ev.Opened(SPACE.to_dict(), LOSS, {"use": "random"}, 0, 9)
    history = fold(entries(opened, suggested(0, {"x": 0.5}), ev.Started(0, 1), *reported(0.9, 0.8, 0.7)))
    assert ladder_of(history, STEPS).top.tolist() == [1]
    for event in (ev.Lost(0, "died"), ev.Started(0, 2, 0)):
        history = history.apply(ev.Entry(history.position + 1, 0.0, (event,)))
    assert ladder_of(history, STEPS).top.tolist() == [-1]
    for event in reported(0.5):
        history = history.apply(ev.Entry(history.position + 1, 0.0, (event,)))
    assert ladder_of(history, STEPS).losses[0].tolist() == [[0.5]]


def test_a_ladder_looks_only_at_trials_that_changed(monkeypatch):
    study = curved(*[[0.9, 0.8, 0.7]] * 300)
    ladder_of(study.history, STEPS)
    looked = []
    monkeypatch.setattr(
        "danlu.strategies.fidelity.ladder.loss_at", lambda trial, k, objective: looked.append(trial.number) or 0.0
    )
    study.report(study.trials[17], 9, loss=0.6)
    study.report(study.ask(), 1, loss=0.5)
    ladder_of(study.history, STEPS)
    assert looked == [17, 300]


def test_strategies_that_learn_nothing_are_shown_the_study_as_it_is():
    history = curved([0.9, 0.8, 0.7], [0.6, 0.5], [0.3]).history
    for inner in (Random(), Sobol(), Grid(), Mixture((Random(), Sobol())), Manual(Grid()), Manual()):
        assert seen_by(inner, history, LEVELS, 9).trials is history.trials
    for inner in (TPE(), Mixture((Random(), TPE())), Manual(TPE())):
        assert seen_by(inner, history, LEVELS, 9).trials is not history.trials


@pytest.mark.parametrize("inner", [Random(), Sobol(), Grid(levels=8)])
@QUICK
@given(data=st.data())
def test_what_they_suggest_is_what_they_would_if_results_were_hidden(inner, data):
    for history in moments(data, LOSS):
        shown = reaching(history, obvious_level(history)).without_steps()
        rng = (suggestion_rng(0, len(history.trials)) for _ in range(2))
        assert inner.suggest(history.without_steps(), next(rng)) == inner.suggest(shown, next(rng))


def test_the_best_of_a_rung_are_by_loss_then_by_number():
    study = curved([0.3], [0.1], [0.2], [0.1])
    assert best(study, 3) == [1, 3, 2]


def test_with_a_constraint_those_that_keep_it_are_before_the_others():
    study = curved(
        [{"loss": 0.1, "gb": 9.0}], [{"loss": 0.5, "gb": 4.0}], [{"loss": 0.2, "gb": 20.0}],
        minimize="loss", subject_to=["gb <= 8"],
    )  # fmt: skip
    assert best(study, 3) == [1, 0, 2]


def test_several_objectives_are_ranked_by_fronts():
    values = [(0.5, 0.5), (0.1, 0.9), (0.9, 0.1), (0.6, 0.6), (0.95, 0.95)]
    study = curved(*([{"a": a, "b": b}] for a, b in values), minimize=["a", "b"])
    found = best(study, 5)
    assert set(found[:3]) == {0, 1, 2}
    assert found[3:] == [3, 4]


def test_inner_strategies_are_shown_the_highest_rung_with_enough_trials():
    study = curved([0.9, 0.8, 0.7], [0.6, 0.5, 0.4], [0.3])
    shown = seen(study.history)
    assert [trial.value for trial in shown.completed] == [0.7, 0.4]
    assert [trial.number for trial in shown.pending] == [2]
    assert shown.tried(study.trials[2].config) is not None
    assert seen(curved([0.9, 0.8, 0.7], [0.3]).history).completed[0].value == 0.9


def test_a_complete_trial_without_reports_is_shown_as_it_is():
    study = Study(SPACE, minimize="loss", strategy=Random(), steps=9)
    for k in range(3):
        study.tell(study.ask(), loss=float(k))
    assert [trial.value for trial in seen(study.history).completed] == [0.0, 1.0, 2.0]


def test_an_empty_rung_has_nobody():
    study = curved([0.3])
    ladder = ladder_of(study.history, (3,))
    nobody = ladder.top >= 0
    assert ladder.best(0, nobody, 5) == []
    assert ladder.first(0, nobody, nobody, 5) is None
