"""Every prefix of a journal of trainings that pause and go on is a healthy study, which comes to the same end."""

import pickle

import pytest

from danlu.core import event as ev
from danlu.core.stopping import Trials
from danlu.core.trial import Decision
from danlu.loop import run
from danlu.runners.inline import Inline
from danlu.stores.memory import Memory
from danlu.strategies.fidelity.asha import ASHA
from danlu.strategies.fidelity.curves import Curves
from danlu.strategies.fidelity.hyperband import BOHB, Hyperband
from danlu.strategies.fidelity.median import Median
from danlu.strategies.fidelity.sha import SHA
from danlu.strategies.random import Random
from danlu.strategies.tpe.tpe import TPE
from danlu.study import Study
from danlu.testing.strategies import MIXED, bowl_value, check_consistent, outcome

STRATEGIES = {
    "asha": ASHA(Random()),
    "asha with pauses": ASHA(Random(), pauses=True),
    "sha": SHA(Random(), size=4),
    "hyperband with pauses": Hyperband(Random(), pauses=True),
    "bohb with pauses": BOHB(TPE(start=2), pauses=True),
    "median": Median(Random(), peers=2),
    "curves": Curves(),
}


def train(trial, config):
    """A training whose state is its step, saved when it is told to pause; a fifth of the configs diverge."""
    done = trial.load() or 0
    for step in trial.steps(9):
        assert step == done + 1  # it goes on where it was
        done = step
        if trial.seed % 5 == 0:
            raise FloatingPointError("diverged")
        if trial.report(step, loss=bowl_value(config) + 1 / step) is Decision.PAUSE:
            trial.save(step)


def searched(strategy, folder, entries=()):
    """The study after these entries, run to its end; in a folder, where checkpoints are."""
    store = Memory()
    for entry in entries:
        store.append("study", entry)
    study = Study(MIXED, minimize="loss", strategy=strategy, steps=9, seed=2, store=store, folder=folder)
    if entries:
        check_consistent(study.history)
        assert study.verify() == []
    run(study, Inline(train, "loss"), Trials(9 if isinstance(strategy, Curves) else 14))
    return study, list(store.read("study"))


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_study_that_is_cut_after_any_entry_goes_on_to_the_same_end(name, tmp_path):
    study, whole = searched(STRATEGIES[name], tmp_path / "whole")
    assert study.history.count("stopped") + study.history.count("paused") > 0
    for cut in range(1, len(whole)):
        # the files of a run that was cut are those of the whole one up to there: what came later was never written
        resumed, _ = searched(STRATEGIES[name], copied(whole[:cut], tmp_path / f"{cut}"), whole[:cut])
        assert resumed.verify() == []
        if not isinstance(whole[cut - 1].events[-1], ev.Decided):  # else a checkpoint was lost, and it begins again
            assert outcome(resumed.history) == outcome(study.history), f"cut after entry {cut}"
        assert not resumed.history.pending
        resumed.close()
    study.close()


def copied(entries, folder):
    """A folder with the checkpoints that these entries tell of."""
    removed = {event.path for entry in entries for event in entry.events if isinstance(event, ev.Removed)}
    for entry in entries:
        for event in entry.events:
            if isinstance(event, ev.Saved) and event.path not in removed:
                path = folder / event.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(pickle.dumps(event.step))
    return folder
