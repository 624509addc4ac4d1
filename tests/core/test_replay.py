import pytest

from danlu.core import event as ev
from danlu.core.history import fold
from danlu.core.replay import histories, verify
from danlu.errors import StoreError
from danlu.stores.memory import Memory
from danlu.study import Study, resolve_strategy
from danlu.testing.journals import SPACE, example
from danlu.testing.strategies import StopsAndPauses, outcome


def told(strategy="random", trials=4):
    """The journal of a study with reports, a stop, a pause, a queued config and a change of strategy."""
    store = Memory()
    study = Study(SPACE, minimize="loss", strategy=strategy, store=store)
    for k in range(trials):
        if k == 2:
            study.queue({"layers": 8})
        trial = study.ask()
        study.report(trial, 1, loss=1.0 + k)
        study.tell(trial, loss=float(k))
    return list(store.read("study"))


def mismatches(entries):
    return [(position, mismatch) for position, mismatch in verify(entries, resolve_strategy) if mismatch]


def test_there_is_a_history_after_each_entry():
    frames = list(histories(example()))
    assert [frame.position for frame in frames] == list(range(1, len(example()) + 1))
    assert outcome(frames[-1]) == outcome(fold(example()))


def test_every_suggestion_and_every_report_is_checked():
    entries = told()
    checked = [position for position, _ in verify(entries, resolve_strategy)]
    kinds = {entry.position: type(entry.events[0]) for entry in entries}
    assert checked == [k for k, kind in kinds.items() if kind in (ev.Suggested, ev.Reported)]
    assert mismatches(entries) == []


def test_an_empty_journal_can_not_be_replayed():
    with pytest.raises(StoreError, match="empty"):
        list(histories([]))


def forged(entry, event):
    return ev.Entry(entry.position, entry.at, (event, *entry.events[1:]))


def test_a_forged_config_is_found_where_it_stands():
    entries = told()
    at = next(k for k, entry in enumerate(entries) if isinstance(entry.events[0], ev.Suggested) and k > 1)
    was = entries[at].events[0]
    entries[at] = forged(entries[at], ev.Suggested(was.trial, {**was.config, "layers": 1}, was.origin, was.seed))
    [(position, mismatch)] = mismatches(entries)
    assert position == at + 1
    assert str(mismatch).startswith(f"entry {at + 1}: the journal says [")
    assert '"layers":1' in mismatch.recorded
    assert '"layers":1,' not in mismatch.recomputed


def test_a_forged_seed_is_found():
    entries = told()
    was = entries[1].events[0]
    entries[1] = forged(entries[1], ev.Suggested(was.trial, was.config, was.origin, was.seed + 1))
    assert [position for position, _ in mismatches(entries)] == [2]


def test_a_suggestion_that_came_before_its_time_is_found():
    """Suggestions draw from numbered streams: one too many shifts all that follow."""
    entries = told()
    extra = ev.Entry(2, entries[0].at, (ev.Suggested(0, {"lr": 0.05, "layers": 2, "optimizer": "adam"}, "random", 1),))
    assert [position for position, _ in mismatches([entries[0], extra])] == [2]


def test_a_decision_that_the_strategy_would_not_have_made_is_found():
    store = Memory()
    study = Study(SPACE, minimize="loss", strategy="random", store=store)
    trial = study.ask()
    entries = list(store.read("study"))
    stop = (ev.Reported(trial.number, 1, {"loss": 1.0}), ev.Decided(0, "stop"), ev.Finished(0, "stopped"))
    [(position, mismatch)] = mismatches([*entries, ev.Entry(3, entries[-1].at, stop)])
    assert position == 3
    assert '"decided"' in mismatch.recorded
    assert '"decided"' not in mismatch.recomputed


def test_decisions_of_a_strategy_that_stops_and_pauses_are_recomputed():
    store = Memory()
    study = Study(SPACE, minimize="loss", strategy=StopsAndPauses(resolve_strategy({"use": "random"})), store=store)
    for _ in range(4):
        trial = study.ask()
        for step in trial.steps(3):
            study.report(trial, step, loss=1.0 / step)
        if study.trials[trial.number].status == "running":
            study.tell(trial)
    kinds = [type(event) for entry in store.read("study") for event in entry.events]
    assert kinds.count(ev.Decided) == 2
    assert kinds.count(ev.Resumed) == 1
    assert study.verify() == []


def test_after_a_change_of_strategy_the_new_one_is_asked():
    store = Memory()
    Study(SPACE, minimize="loss", strategy="random", store=store).ask()
    study = Study(SPACE, minimize="loss", strategy="sobol", store=store)
    study.ask()
    assert [trial.origin for trial in study.trials] == ["default", "sobol"]
    assert mismatches(store.read("study")) == []


def test_a_suggestion_of_a_strategy_that_had_nothing_to_suggest_is_found():
    entries = told()
    queue = Study(SPACE, minimize="loss", strategy="manual").history.strategy
    opening = entries[0].events[0]
    silent = ev.Opened(opening.space, opening.objectives, queue, opening.seed)
    found = mismatches([forged(entries[0], silent), *entries[1:]])
    assert found
    assert {mismatch.recomputed for _, mismatch in found} == {"nothing to suggest"}
