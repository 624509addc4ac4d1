"""Coordinators side by side in one process: who runs what, who is heard, when each of them ends."""

import threading
import time
from pathlib import Path

import pytest

from danlu import Study
from danlu.coordinator import Alone, Together, coordinator_of
from danlu.core import event as ev
from danlu.core.runner import Ended
from danlu.core.stopping import Elapsed, Never, Trials
from danlu.core.strategy import WAIT, Start, Strategy
from danlu.core.trial import Decision
from danlu.errors import StudyBusy
from danlu.loop import run
from danlu.runners.inline import Inline
from danlu.stores.postgres import Postgres
from danlu.strategies.random import Random
from danlu.testing.runners import SPACE


class Thoughtful(Strategy):
    """Random search that thinks for long."""

    def suggest(self, history, rng):
        time.sleep(0.1)
        return Random().suggest(history, rng)


class OneAtATime(Strategy):
    """Waits for each trial's end before it suggests the next."""

    def suggest(self, history, rng):
        return WAIT if history.pending else Start(history.space.sample(rng), "random")


@pytest.fixture
def make(database, tmp_path):
    made = []

    def make(**settings):
        made.append(
            Study(
                SPACE,
                minimize="loss",
                folder=tmp_path,
                store=f"{database}#study",
                **({"strategy": "random"} | settings),
            )
        )
        return made[-1]

    yield make
    for study in made:
        study.close()


def quick(trial, config):
    for step in trial.steps(2):
        trial.report(step, loss=float(config["x"]))


def test_on_a_shared_store_coordinators_stand_side_by_side(make, tmp_path):
    assert isinstance(coordinator_of(make()), Together)
    assert type(coordinator_of(Study(SPACE, minimize="loss"))) is Alone
    assert type(coordinator_of(Study(SPACE, minimize="loss", folder=tmp_path / "other"))) is Alone


def in_threads(*calls):
    """Runs all at once; raises what one of them raised."""
    errors = []

    def attempt(call):
        try:
            call()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=attempt, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if errors:
        raise errors[0]


def test_the_rule_counts_the_trials_of_all(make):
    studies = [make() for _ in range(4)]
    in_threads(*(lambda study=study: run(study, Inline(quick, "loss"), Trials(30)) for study in studies))
    assert len(studies[0].refresh().trials) == 30
    assert studies[0].history.count("complete") == 30
    assert studies[0].verify() == []


def test_who_thinks_for_long_gets_its_turn_among_those_who_say_much(make):
    slow, fast = make(strategy=Thoughtful()), make()
    for trial in (fast.ask(), fast.ask()):
        assert trial is not None
    slow.refresh()
    over = threading.Event()

    def talk():
        step = 0
        while not over.is_set():
            fast.report(0, step := step + 1, loss=1.0)

    talking = threading.Thread(target=talk)
    talking.start()
    began = time.monotonic()
    job = slow.next_job(Never())
    over.set()
    talking.join()
    assert job is not None
    assert time.monotonic() - began < 2
    assert slow.verify() == []


def test_a_trial_that_another_holds_is_left_alone_and_one_that_nobody_holds_is_not(make, monkeypatch):
    one, other = make(), make()
    first, second = one.next_job(Never()), one.next_job(Never())
    holder, heir = coordinator_of(one), coordinator_of(other)
    holder.begin(frozenset)
    heir.begin(frozenset)
    assert holder.take(first.trial)
    assert not heir.take(first.trial)
    assert list(heir.left()) == []
    monkeypatch.setattr("danlu.coordinator._AGAIN", 0.0)
    assert list(heir.left()) == [
        second.trial
    ]  # it was free at two looks: its coordinator has not just lost a connection
    assert heir.take(second.trial)
    holder.end()
    assert list(heir.left()) == []
    assert list(heir.left()) == [first.trial]
    assert heir.take(first.trial)
    heir.end()


def test_who_comes_first_takes_what_was_left_behind_at_once(make):
    study = make()
    study.next_job(Never())
    first = coordinator_of(make())
    first.begin(frozenset)
    assert list(first.left()) == [0]
    assert first.take(0)
    first.give_back(0)  # its worker has died
    assert list(first.left()) == [0]
    first.end()


def test_a_trial_that_has_ended_meanwhile_is_not_run_again(make):
    one, other = make(), make()
    job = one.next_job(Never())
    other.refresh()
    one.answer(
        [
            ev.Started(job.trial, 1),
        ]
    )
    one.answer([Ended(job.trial, {"loss": 1.0})])
    heir = coordinator_of(other)
    assert not heir.take(job.trial)
    Postgres(other.store._session._url).claim("study", "trial-0", "another")  # and its lease was given back


def test_late_words_of_an_attempt_that_was_taken_over_do_not_count(make):
    sleeper, heir = make(), make()
    job = sleeper.next_job(Never())
    sleeper.answer([ev.Started(0, 1)], {0: job.attempt})
    heir.refresh()
    heir.answer([ev.Started(0, heir.job(0).attempt)], {0: 2})
    late = [ev.Reported(0, 1, {"loss": 9.0}), Ended(0, {"loss": 9.0})]
    assert sleeper.answer(late, {0: 1}) == [Decision.STOP] * 2
    assert heir.answer([ev.Reported(0, 1, {"loss": 1.0})], {0: 2}) == [Decision.CONTINUE]
    heir.answer([Ended(0)], {0: 2})
    assert sleeper.refresh().trials[0].value == 1.0


def once():
    """Gives each lease, whoever holds it, but only once."""
    given = set()

    def claim(study, key, worker):
        if key in given:
            raise StudyBusy(key)
        given.add(key)

    return claim


def test_of_two_that_both_begin_the_second_attempt_one_is_heard(make):
    """Its worker is told so, and what it says nevertheless does not count either."""
    one, other = make(), make()
    one.next_job(Never())
    one.answer([ev.Started(0, 1)])
    other.refresh()
    started = threading.Barrier(2)
    heard = {}

    def train(name):
        def train(trial, config):
            heard[name] = True
            trial.report(1, loss=1.0)
            return 1.0

        return train

    class Late(Inline):
        """Has its job before either has begun."""

        def submit(self, job):
            super().submit(job)
            started.wait(60)

    for study in (one, other):
        study.store.claim = once()
    in_threads(
        lambda: run(one, Late(train("one"), "loss"), Trials(1)),
        lambda: run(other, Late(train("other"), "loss"), Trials(1)),
    )
    assert len(heard) == 1
    events = [event for entry in one.entries() for event in entry.events]
    assert [event.attempt for event in events if isinstance(event, ev.Started)] == [1, 2]
    assert sum(isinstance(event, ev.Finished) for event in events) == 1


def test_a_coordinator_with_nothing_to_do_waits_for_what_others_make_possible(make):
    one, other = make(strategy=OneAtATime()), make(strategy=OneAtATime())

    def slowly(trial, config):
        time.sleep(0.3)
        return 1.0

    in_threads(
        lambda: run(one, Inline(slowly, "loss"), Trials(4)),
        lambda: run(other, Inline(slowly, "loss"), Trials(4)),
    )
    assert one.refresh().count("complete") == other.refresh().count("complete") == 4


def test_when_its_time_is_up_it_waits_for_nobody(make):
    one, other = make(), make()
    job = one.next_job(Never())
    one.store.claim(one.key, f"trial-{job.trial}", "me")
    began = time.monotonic()
    run(other, Inline(quick, "loss"), Elapsed(0.0, since=0.0))
    assert time.monotonic() - began < 2
    assert len(other.history.live) == 1


def orphan(folder: Path) -> Path:
    path = folder / "trials" / "0000" / "checkpoints" / "step_000009.ckpt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("half written")
    return path


def test_only_the_first_tidies_up(make, tmp_path):
    one, other = coordinator_of(make()), coordinator_of(make())
    path = orphan(tmp_path)
    one.begin(frozenset)
    assert not path.exists()
    orphan(tmp_path)
    other.begin(frozenset)
    assert path.exists()
    one.end()
    other.end()
    coordinator_of(make()).begin(frozenset)
    assert not path.exists()


def test_a_study_that_somebody_has_for_himself_is_busy(make, monkeypatch):
    monkeypatch.setattr("danlu.coordinator._OPENING", 0.2)
    one, other = make(), make()
    one.store.claim(one.key, "coordinator", "danlu copy")
    with pytest.raises(StudyBusy, match="danlu copy"):
        run(other, Inline(quick, "loss"), Trials(1))
