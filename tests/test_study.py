import math
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from danlu import Decision, Float, Int, Objective, Space, Status, Study
from danlu.core import event as ev
from danlu.core.event import Changed, Saved
from danlu.core.runner import Failed
from danlu.core.stopping import Never
from danlu.core.strategy import Resume, Start
from danlu.core.trial import Fork, Trial
from danlu.errors import ArtifactError, ObjectiveError, SpaceError, StoreError, StrategyError, StudyError, UnknownName
from danlu.records.checkpoint import write_checkpoint
from danlu.records.definition import read_definition
from danlu.stores.memory import Memory
from danlu.strategies.fidelity.asha import ASHA
from danlu.strategies.gp.gp import GP
from danlu.strategies.inorder import InOrder
from danlu.strategies.quasirandom import Sobol
from danlu.strategies.random import Random

SPACE = Space({"lr": Float(1e-5, 1e-1, log=True, default=1e-3), "depth": Int(1, 8)})


def study(**settings):
    return Study(**({"space": SPACE, "minimize": "loss", "strategy": "random"} | settings))


def test_ask_and_tell_find_the_best():
    searched = study()
    for loss in (0.5, 0.2, 0.9):
        searched.tell(searched.ask(), loss=loss)
    assert searched.best.number == 1
    assert searched.best.value == 0.2
    assert [trial.status for trial in searched.trials] == [Status.COMPLETE] * 3


def test_a_bare_value_is_the_objective():
    searched = study(minimize=None, maximize="accuracy")
    assert searched.tell(searched.ask(), 0.8).metrics == {"accuracy": 0.8}


def test_metrics_may_be_called_anything():
    searched = study(minimize="value")
    trial = searched.ask()
    searched.report(trial, 1, trial=1.0, step=2.0, self=3.0, value=0.5)
    assert searched.tell(trial, value=0.1, trial=2.0).metrics == {"trial": 2.0, "step": 2.0, "self": 3.0, "value": 0.1}


def test_reported_metrics_need_not_be_told_again():
    searched = study()
    trial = searched.ask()
    assert searched.report(trial, 1, loss=0.7) is Decision.CONTINUE
    searched.report(trial, 2, loss=0.4)
    assert searched.tell(trial).value == 0.4


def test_a_trial_out_of_ask_can_report_attach_and_keep_checkpoints_by_itself(tmp_path):
    searched = study(folder=tmp_path)
    trial = searched.ask()
    for step in trial.steps(3):
        trial.report(step, loss=1 / step)
        trial.save({"step": step})
    trial.attach("weights.npy", np.arange(3))
    record = searched.tell(trial)
    assert record.curve.steps.tolist() == [1, 2, 3]
    assert record.checkpoint.step == 3
    assert np.load(tmp_path / record.artifacts[0].path).tolist() == [0, 1, 2]
    assert (tmp_path / "trials/0000/config.json").exists()


def test_a_study_in_memory_keeps_files_until_it_is_closed():
    searched = study()
    trial = searched.ask()
    path = trial.attach("notes.txt", "hello")
    with open(path) as file:
        assert file.read() == "hello"


def test_a_record_of_a_trial_can_not_report():
    searched = study()
    searched.tell(searched.ask(), loss=1.0)
    with pytest.raises(StudyError, match="record"):
        searched.best.report(1, loss=0.5)


def test_a_missing_metric_is_named_with_the_nearest_one_and_the_trial_stays_open():
    searched = study(minimize="val_loss")
    trial = searched.ask()
    with pytest.raises(ObjectiveError, match="Did you mean 'val_los'"):
        searched.tell(trial, val_los=0.3)
    assert searched.tell(trial, val_loss=0.3).status is Status.COMPLETE


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_a_failure_and_never_the_best(value):
    searched = study()
    assert searched.tell(searched.ask(), loss=value).reason == "diverged"
    searched.tell(searched.ask(), loss=3.0)
    assert searched.best.value == 3.0


def test_a_report_that_is_not_finite_ends_the_trial():
    searched = study()
    trial = searched.ask()
    assert searched.report(trial, 1, loss=math.nan) is Decision.STOP
    assert searched.trials[0].status is Status.FAILED


@pytest.mark.parametrize("step", [-1, 1.5, "1", True, None])
def test_a_step_must_be_a_whole_number(step):
    searched = study()
    with pytest.raises(StudyError, match="whole number"):
        searched.report(searched.ask(), step, loss=1.0)


@pytest.mark.parametrize("steps", [(1, 1), (2, 1), (0, 0)])
def test_steps_must_increase(steps):
    searched = study()
    trial = searched.ask()
    searched.report(trial, steps[0], loss=1.0)
    with pytest.raises(StudyError, match="Steps must increase"):
        searched.report(trial, steps[1], loss=1.0)


def test_steps_may_begin_at_zero_and_leave_gaps():
    searched = study()
    trial = searched.ask()
    for step in (0, 5, 100):
        searched.report(trial, step, loss=1.0)
    assert searched.trials[0].curve.steps.tolist() == [0, 5, 100]


def test_a_trial_ends_only_once():
    searched = study()
    trial = searched.ask()
    searched.tell(trial, loss=0.5)
    with pytest.raises(StudyError, match="has ended"):
        searched.tell(trial, loss=0.1)
    with pytest.raises(StudyError, match="has ended"):
        searched.report(trial, 1, loss=0.1)
    assert searched.best.value == 0.5


def test_an_unknown_trial_is_refused():
    with pytest.raises(StudyError, match="no trial 7"):
        study().tell(7, loss=1.0)


def test_a_failed_trial_is_data():
    searched = study()
    assert searched.fail(searched.ask(), "the data set is empty").error == "the data set is empty"
    with pytest.raises(StudyError, match="no best yet"):
        _ = searched.best


def test_queue_fills_in_defaults_and_refuses_what_does_not_fit():
    searched = study()
    assert searched.queue({"depth": 3}) == {"lr": 1e-3, "depth": 3}
    with pytest.raises(SpaceError, match="'depth': 9 is not a value"):
        searched.queue({"depth": 9})
    with pytest.raises(UnknownName, match="Did you mean 'depth'"):
        searched.queue({"dept": 3})


def test_a_queued_config_must_satisfy_the_constraints():
    searched = Study(Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0)}), where="a < b", minimize="loss")
    with pytest.raises(SpaceError, match=r"violates 'a < b': a = 0\.9, b = 0\.1"):
        searched.queue({"a": 0.9, "b": 0.1})
    assert searched.history.queue == ()


def test_a_folder_is_resumed_where_it_was(tmp_path):
    first = study(folder=tmp_path)
    first.tell(first.ask(), loss=0.5)
    expected = study()
    expected.tell(expected.ask(), loss=0.5)
    first.close()
    again = study(folder=tmp_path)
    assert again.best.value == 0.5
    assert again.ask().config == expected.ask().config


def test_a_folder_without_a_study_can_not_be_opened(tmp_path):
    with pytest.raises(StudyError, match="no study"):
        Study.open(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"space": Space({"lr": Float(1e-5, 1.0, log=True, default=1e-3), "depth": Int(1, 8)})},
            "lr widened from 1e-5..0.1 log",
        ),
        ({"space": Space({"lr": SPACE["lr"]})}, "depth removed. .* change=True, or --change"),
        ({"where": "depth < 7"}, "in yours: only where 'depth < 7'"),
        ({"minimize": "error"}, "is after minimize loss, not minimize error"),
        ({"seed": 3}, "was opened with seed 0, not 3"),
    ],
)
def test_a_folder_with_another_study_is_refused(tmp_path, settings, message):
    study(folder=tmp_path).close()
    space = settings.pop("space", SPACE)
    with pytest.raises(StudyError, match=message):
        Study(space, **({"minimize": "loss", "folder": tmp_path} | settings))


def test_another_strategy_takes_over_from_where_it_is_named(tmp_path):
    first = study(folder=tmp_path)
    first.ask(), first.ask()
    first.close()
    with study(folder=tmp_path, strategy="sobol") as second:
        assert second.strategy == Sobol()
        assert second.ask().origin == "sobol"
        assert second.verify() == []
    with Study(SPACE, minimize="loss", folder=tmp_path) as third:
        assert third.strategy == Sobol()


def test_an_unknown_strategy_is_refused_with_the_nearest_one():
    with pytest.raises(UnknownName, match="Did you mean 'random'"):
        study(strategy="randon")


def test_an_unknown_setting_of_a_strategy_is_refused():
    with pytest.raises(StrategyError, match="levels"):
        study(strategy={"use": "grid", "level": 3})


def test_two_processes_may_ask_and_tell_on_one_journal():
    store = Memory()
    one = study(store=store)
    other = Study.open(store=store)
    trials = [searched.ask() for searched in (one, other, one, other)]
    assert [trial.number for trial in trials] == [0, 1, 2, 3]
    assert len({trial.config for trial in trials}) == 4
    other.tell(trials[1], loss=0.5)
    one.queue({"depth": 8})
    assert other.ask().config["depth"] == 8
    assert one.refresh().best.number == 1
    assert one.verify() == []


def test_threads_may_share_a_study(tmp_path):
    searched = study(folder=tmp_path)

    def work():
        for _ in range(10):
            trial = searched.ask()
            trial.report(1, loss=1.0)
            searched.tell(trial, loss=float(trial.number))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(searched.trials) == searched.history.count(Status.COMPLETE) == 40
    assert searched.verify() == []


def test_a_study_goes_on_with_another_belief_and_its_journal_says_so():
    store = Memory()
    believed = SPACE.with_beliefs({"lr": (1e-4, 1e-3)})
    searched = study(space=believed, store=store, strategy="gp")
    for _ in range(8):
        searched.tell(searched.ask(), loss=1.0)
    again = study(space=SPACE.with_beliefs({"depth": (2, 4)}), store=store, strategy=None)
    for _ in range(6):
        again.tell(again.ask(), loss=2.0)
    assert again.space.beliefs == {"depth": (2, 4)}
    assert sum(isinstance(entry.events[0], Changed) for entry in again.entries()) == 1
    assert Study.open(store=store).space == again.space
    assert again.verify() == []
    assert again.strategy == GP()


def test_the_same_belief_changes_nothing_and_none_takes_it_back():
    store = Memory()
    believed = SPACE.with_beliefs({"lr": (1e-4, 1e-3)})
    study(space=believed, store=store)
    study(space=believed, store=store)
    assert len(list(store.read("study"))) == 1
    assert study(store=store).space == SPACE
    assert len(list(store.read("study"))) == 2


def test_another_range_is_another_study_whatever_is_believed():
    store = Memory()
    study(space=SPACE.with_beliefs({"lr": (1e-4, 1e-3)}), store=store)
    with pytest.raises(StudyError, match=r"another space; in yours: depth widened from 1..8 to 1..9"):
        study(space={"lr": SPACE["lr"], "depth": Int(1, 9)}, store=store)


def test_another_strategy_takes_over_when_asked_to():
    searched = study()
    searched.tell(searched.ask(), loss=1.0)
    searched.change(strategy="sobol")
    searched.change(strategy="sobol")
    assert searched.strategy == Sobol()
    searched.tell(searched.ask(), loss=1.0)
    assert [trial.origin for trial in searched.trials] == ["default", "sobol"]
    assert sum(isinstance(entry.events[0], Changed) for entry in searched.entries()) == 1
    assert searched.verify() == []


def test_a_replay_notices_a_suggestion_that_its_strategy_never_made():
    store = Memory()
    searched = study(store=store)
    for _ in range(3):
        searched.tell(searched.ask(), loss=1.0)
    entry = store._entries["study"][3]
    suggested = entry.events[0]
    forged = type(suggested)(suggested.trial, {"lr": 0.05, "depth": 1}, suggested.origin, suggested.seed)
    store._entries["study"][3] = type(entry)(entry.position, entry.at, (forged, *entry.events[1:]))
    [mismatch] = Study.open(store=store).verify()
    assert mismatch.position == 4
    assert '"lr":0.05' in mismatch.recorded


def test_several_objectives_have_a_front():
    searched = study(minimize=["loss", "size"])
    for loss, size in ((0.5, 1.0), (0.4, 2.0), (0.6, 3.0)):
        searched.tell(searched.ask(), loss=loss, size=size)
    assert [trial.number for trial in searched.front] == [0, 1]
    with pytest.raises(ObjectiveError, match=r"study\.front"):
        _ = searched.best


def test_nothing_is_recommended_where_there_is_no_single_best():
    with pytest.raises(StudyError, match="no best yet"):
        _ = study().recommended
    with pytest.raises(ObjectiveError, match=r"study\.front"):
        _ = study(minimize=["loss", "size"]).recommended


def test_the_best_is_recommended_until_two_trials_of_one_config_differ():
    searched = study()
    for loss in (0.5, 0.1, 0.4, 0.6):
        searched.tell(searched.ask(), loss=loss)
    searched.queue(searched.best.config)
    searched.tell(searched.ask(), loss=0.1)
    assert searched.recommended is searched.best
    searched.queue(searched.best.config)
    searched.tell(searched.ask(), loss=0.9)
    searched.queue(searched.best.config)
    searched.tell(searched.ask(), loss=0.9)
    assert searched.best.number == 1
    assert searched.recommended.number in {0, 2, 3}


def test_objectives_may_be_given_as_objects():
    searched = study(minimize=Objective("loss", at="best"))
    trial = searched.ask()
    searched.report(trial, 1, loss=0.1)
    searched.report(trial, 2, loss=0.9)
    assert searched.tell(trial).value == 0.1


def test_the_strategy_sees_trials_that_are_running():
    class Counting(Random):
        def suggest(self, history, rng):
            seen.append(len(history.pending))
            return super().suggest(history, rng)

    seen = []
    searched = Study(Space({"x": Float(0.0, 1.0)}), minimize="loss", strategy=Counting())
    for _ in range(3):
        searched.ask()
    assert seen == [0, 1, 2]


def test_an_unsafe_name_of_a_file_is_refused():
    with pytest.raises(ArtifactError):
        study().ask().attach("../escape.txt", "hello")


def test_a_live_trial_is_a_trial():
    trial = study().ask()
    assert isinstance(trial, Trial)
    assert trial.config["lr"] == 1e-3
    assert trial.step == 0


class Verdicts(Random):
    """Stops trial 0 and pauses trial 1 after their second report."""

    def suggest(self, history, rng):
        return Resume(1, 4) if history.paused and len(history.trials) > 2 else super().suggest(history, rng)

    def decide(self, history, trial):
        if trial.step != 2 or trial.budget:
            return Decision.CONTINUE
        return {0: Decision.STOP, 1: Decision.PAUSE}.get(trial.number, Decision.CONTINUE)


@pytest.mark.parametrize("report", ["study", "trial"])
def test_steps_end_with_the_verdict_whoever_took_the_report(report):
    searched = study(strategy=Verdicts())
    done = []
    for _ in range(4):
        trial = searched.ask()
        for step in trial.steps(3):
            tell = (
                trial.report if report == "trial" else lambda step, trial=trial, **m: searched.report(trial, step, **m)
            )
            tell(step, loss=1.0)
            done.append((trial.number, step))
        if searched.trials[trial.number].status is Status.RUNNING:
            searched.tell(trial)
    # trial 1 kept no checkpoint, so it begins again
    assert done == [(0, 1), (0, 2), (1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (1, 1), (1, 2), (1, 3)]
    assert [trial.status for trial in searched.trials] == [Status.STOPPED, Status.COMPLETE, Status.COMPLETE]
    assert searched.verify() == []


def test_a_paused_trial_that_is_asked_for_again_goes_on_from_its_checkpoint():
    searched = study(strategy=Verdicts())
    for _ in range(3):
        trial = searched.ask()
        for step in trial.steps(2):
            trial.report(step, loss=1.0)
            trial.save({"at": step})
    resumed = searched.ask()
    assert (resumed.number, resumed.step, resumed.load()) == (1, 2, {"at": 2})
    assert list(resumed.steps(9)) == [3, 4, 5, 6, 7, 8, 9]  # its strategy lets it go beyond its budget


def test_a_clock_that_is_set_back_neither_reorders_the_journal_nor_gives_negative_times():
    times = iter([100.0, 101.0, 50.0, 40.0, 102.0, 30.0, 103.0])
    store = Memory(clock=lambda: next(times))
    searched = study(store=store)
    trial = searched.ask()
    searched.report(trial, 1, loss=1.0)
    searched.report(trial, 2, loss=0.5)
    searched.tell(trial)
    searched.ask()
    assert [entry.at for entry in store.read("study")] == [100.0, 101.0, 101.0, 101.0, 102.0, 102.0]
    assert searched.trials[0].curve.elapsed.tolist() == [0.0, 0.0]
    assert searched.trials[0].seconds == 1.0
    assert searched.verify() == []


def test_an_ask_costs_the_same_however_many_trials_there_are():
    """What a history shares between versions must not be copied: an ask once copied the index of all configs."""
    searched = study()
    for _ in range(300):
        searched.tell(searched.ask(), loss=1.0)
    before = searched.history
    trial = searched.ask()
    searched.report(trial, 1, loss=1.0)
    assert searched.history._tried._shared[1] is before._tried._shared[1]
    before = searched.history.trials[300].curve
    searched.report(trial, 2, loss=1.0)
    assert searched.history.trials[300].curve._columns is before._columns


# another space --------------------------------------------------------------------------------------------------------

WIDER = Space({"lr": Float(1e-6, 1.0, log=True), "depth": Int(1, 16), "decay": Float(0.0, 1.0, default=0.0)})


def told(searched, trials=3):
    for k in range(trials):
        searched.tell(searched.ask(), loss=1.0 - k / 10)
    return searched


def test_a_study_goes_on_in_another_space_and_keeps_its_trials():
    searched = told(study())
    before = [trial.config for trial in searched.trials]
    searched.change(WIDER)
    assert searched.space == WIDER
    assert [trial.config for trial in searched.trials] == [{**config, "decay": 0.0} for config in before]
    assert searched.best.number == 2
    assert [WIDER.contains(searched.ask().config) for _ in range(20)] == [True] * 20
    assert searched.history.notes == (
        "the space was changed: lr widened from 1e-5..0.1 log default=0.001 to 1e-6..1.0 log; "
        "depth widened from 1..8 to 1..16; decay added, 0.0 in earlier trials",
    )
    assert searched.verify() == []


def test_the_same_space_and_strategy_change_nothing():
    searched = told(study())
    position = searched.history.position
    searched.change(SPACE, strategy="random")
    searched.change()
    assert searched.history.position == position


def test_space_and_strategy_change_in_one_entry():
    searched = told(study())
    position = searched.history.position
    searched.change(WIDER, strategy="sobol")
    assert searched.history.position == position + 1
    assert searched.ask().origin == "sobol"
    assert searched.verify() == []


def test_constraints_alone_can_be_changed_and_lifted():
    searched = told(study())
    searched.change(where="depth <= 2")
    assert {searched.ask().config["depth"] for _ in range(20)} <= {1, 2}
    searched.change(where=())
    assert searched.space == SPACE
    assert searched.history.notes[-1] == "the space was changed: no longer where 'depth <= 2'"


def test_a_trial_that_runs_goes_on_and_may_end_outside():
    searched = told(study())
    running = searched.ask()
    searched.change(Space({"lr": Float(0.5, 1.0), "depth": Int(1, 8)}))
    searched.report(running, 1, loss=0.2)
    searched.tell(running, loss=0.1)
    assert searched.best.number == running.number
    assert not searched.history.is_inside(searched.best)


def test_queued_configs_outside_are_dropped_with_a_note():
    searched = study()
    searched.queue({"depth": 8})
    searched.queue({"depth": 2})
    searched.change(Space({"lr": SPACE["lr"], "depth": Int(1, 4)}))
    assert [item.config["depth"] for item in searched.history.queue] == [2]
    assert searched.history.notes[-1] == "1 of 2 queued configs dropped, outside of the changed space"


def test_a_space_that_earlier_trials_have_no_place_in_is_refused_and_nothing_is_recorded():
    searched = told(study())
    with pytest.raises(
        SpaceError, match=r"'depth' can't be taken out of the space: .* Leave it in, narrowed to the one"
    ):
        searched.change({"lr": SPACE["lr"]})
    with pytest.raises(SpaceError, match=r"'decay' is new, and earlier trials .* Give it a default"):
        searched.change(Space({**SPACE.members, "decay": Float(0.0, 1.0)}))
    assert searched.space == SPACE
    assert not searched.history.notes


def test_before_the_first_trial_everything_may_change():
    searched = study()
    searched.change(Space({"width": Int(1, 8)}))
    assert searched.ask().config.keys() == {"width"}


def test_a_strategy_that_can_not_serve_the_changed_space_is_refused_before_anything_is_recorded():
    searched = told(study(strategy={"use": "grid", "levels": {"depth": [1, 8]}}))
    with pytest.raises(StrategyError, match="grid: 8 is not a value of 'depth'"):
        searched.change(Space({"lr": SPACE["lr"], "depth": Int(1, 4)}))
    assert searched.space == SPACE


def test_another_process_takes_over_what_was_changed():
    store = Memory()
    one = told(study(store=store))
    other = Study.open(store=store)
    one.change(WIDER, strategy="sobol")
    trial = other.ask()
    assert trial.origin == "sobol"
    assert WIDER.contains(trial.config)
    assert other.strategy == Sobol()
    assert other.verify() == []


def test_a_folder_goes_on_in_another_space_if_that_is_said(tmp_path):
    told(study(folder=tmp_path)).close()
    with Study(WIDER, minimize="loss", folder=tmp_path, change=True) as changed:
        assert len(changed.trials) == 3
        assert changed.space == WIDER
    with Study(WIDER, minimize="loss", folder=tmp_path) as again:  # from now on it is the study's own
        assert len(again.history.notes) == 1
    with pytest.raises(StudyError, match="is after minimize loss"):
        Study(SPACE, minimize="error", folder=tmp_path, change=True)


def test_the_definition_in_the_folder_follows_but_a_persons_own_is_left_alone(tmp_path):
    searched = told(study(folder=tmp_path))
    searched.change(WIDER)
    assert read_definition(tmp_path / "study.toml").space == WIDER
    (tmp_path / "study.toml").write_text('train = "train.py"\n')
    searched.change(Space({**WIDER.members, "depth": Int(1, 4)}))
    assert (tmp_path / "study.toml").read_text() == 'train = "train.py"\n'


# warm starts ----------------------------------------------------------------------------------------------------------

LINE = {"x": Float(0.0, 1.0)}


def earlier_study(folder=None, trials=4, **goal):
    study = Study(LINE, strategy="random", folder=folder, **(goal or {"minimize": "loss"}))
    for _ in range(trials):
        trial = study.ask()
        study.tell(trial, loss=trial.config["x"])
    return study


def test_a_warm_start_is_in_the_journal_and_outlives_the_earlier_study(tmp_path):
    old = earlier_study(tmp_path / "old")
    study = Study(LINE, minimize="loss", folder=tmp_path / "new", warm_start=tmp_path / "old")
    assert study.ask().origin == "warm start: best of old"
    old.close()
    shutil.rmtree(tmp_path / "old")
    study.close()
    with Study.open(tmp_path / "new") as again:
        assert [(e.name, e.losses.tolist()) for e in again.history.earlier] == [("old", [t.value for t in old.trials])]
        assert again.verify() == []


def test_a_study_with_a_warm_start_is_resumed_with_or_without_naming_it_again(tmp_path):
    earlier_study(tmp_path / "old").close()
    warm = {"minimize": "loss", "folder": tmp_path / "new", "warm_start": [tmp_path / "old"]}
    Study(LINE, **warm).ask()
    shutil.rmtree(tmp_path / "old")
    for settings in (warm, {**warm, "warm_start": ()}):
        study = Study(LINE, **settings)
        study.ask()
        assert len(study.history.earlier) == 1
    assert len(study.trials) == 3


def test_a_warm_start_can_not_be_changed_later(tmp_path):
    earlier_study(tmp_path / "old").close()
    study = Study(LINE, minimize="loss", folder=tmp_path / "cold")
    with pytest.raises(StudyError, match=r"cold had a warm start from nothing, not from old\. Leave warm_start out"):
        Study(LINE, minimize="loss", folder=tmp_path / "cold", warm_start=tmp_path / "old")
    assert study.history.earlier == ()


def test_studies_of_one_name_are_told_apart(tmp_path):
    folders = [tmp_path / "a" / "old", tmp_path / "b" / "old"]
    for folder in folders:
        earlier_study(folder).close()
    study = Study(LINE, minimize="loss", warm_start=folders)
    assert [e.name for e in study.history.earlier] == ["old", "old (2)"]


def test_a_warm_start_that_can_not_be_is_refused_before_anything_is_written(tmp_path):
    old = earlier_study(tmp_path / "old", maximize="loss")
    new = tmp_path / "new"
    for warm, error, message in (
        (tmp_path / "none", StudyError, "no study in"),
        (old, ObjectiveError, r"'old': it was after maximize loss, not minimize loss"),
        ([old, tmp_path / "old"], StudyError, "names '.*old' twice"),
        (3, StudyError, "warm_start takes folders of studies, or studies, got 3"),
    ):
        with pytest.raises(error, match=message):
            Study(LINE, minimize="loss", folder=new, warm_start=warm)
    assert not new.exists()


def test_without_a_warm_start_the_journal_says_nothing_of_one():
    study = Study(LINE, minimize="loss", warm_start=[])
    [entry] = study.entries()
    assert len(entry.events) == 1


# checkpoints ----------------------------------------------------------------------------------------------------------


def checkpoints(folder):
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).glob("trials/*/checkpoints/*"))


def trained(searched, loss, steps=3):
    trial = searched.ask()
    for step in trial.steps(steps):
        trial.report(step, loss=loss + 1 / step)
        trial.save({"trial": trial.number, "step": step})
    return searched.tell(trial, loss=loss)


def test_the_checkpoints_of_the_best_are_kept_and_no_others(tmp_path):
    searched = study(folder=tmp_path, keep=2)
    for loss in (0.5, 0.3, 0.4, 0.1, 0.2):
        trained(searched, loss)
    assert checkpoints(tmp_path) == [f"trials/000{k}/checkpoints/step_000003.ckpt" for k in (3, 4)]
    assert [trial.number for trial in searched.trials if trial.checkpoint] == [3, 4]
    assert searched.load(searched.best) == {"trial": 3, "step": 3}
    with pytest.raises(StudyError, match=r"no checkpoint of trial 0 is kept: those of the best 2 are"):
        searched.load(0)
    assert searched.verify() == []


def test_how_many_are_kept_is_part_of_the_study_and_can_be_changed_when_it_goes_on(tmp_path):
    with study(folder=tmp_path, keep=3) as searched:
        for loss in (0.5, 0.3, 0.4, 0.1):
            trained(searched, loss)
    with study(folder=tmp_path) as again:
        assert again.history.keep == 3
    with study(folder=tmp_path, keep=1):
        assert checkpoints(tmp_path) == ["trials/0003/checkpoints/step_000003.ckpt"]
    with pytest.raises(StudyError, match="keep must be at least 0, got -1"):
        study(keep=-1)


def test_how_often_a_crash_is_tried_again_is_kept_and_can_be_changed(tmp_path):
    with study(folder=tmp_path, retries=0) as searched:
        number = searched.next_job(Never()).trial
        searched.answer([ev.Started(number, 1), Failed(number, "died", "killed")])
        assert searched.trials[number].reason == "died"
    with study(folder=tmp_path, retries=2) as searched:
        number = searched.next_job(Never()).trial
        for attempt in (1, 2, 3):
            searched.answer([ev.Started(number, attempt), Failed(number, "silent", "nothing heard")])
        assert (searched.trials[number].reason, searched.trials[number].lost) == ("silent", 2)
    with study(folder=tmp_path) as again:
        assert again.history.retries == 2
    assert "retries = 2" in (tmp_path / "study.toml").read_text()
    with pytest.raises(StudyError, match="retries must be at least 0, got -1"):
        study(retries=-1)


def test_a_trial_keeps_one_checkpoint_while_it_runs(tmp_path):
    searched = study(folder=tmp_path)
    trial = searched.ask()
    for step in trial.steps(9):
        trial.report(step, loss=1.0)
        trial.save(step)
        assert checkpoints(tmp_path) == [f"trials/0000/checkpoints/step_{step:06d}.ckpt"]


def test_a_checkpoint_goes_only_when_the_journal_says_so(tmp_path, monkeypatch):
    searched = study(folder=tmp_path)
    trial = searched.ask()
    trial.report(1, loss=1.0)
    trial.save("one")
    trial.report(2, loss=1.0)
    monkeypatch.setattr(searched.store, "append", lambda key, entry: (_ for _ in ()).throw(StoreError("disk full")))
    with pytest.raises(StoreError):
        trial.save("two")
    assert "trials/0000/checkpoints/step_000001.ckpt" in checkpoints(tmp_path)


def test_of_signals_that_are_written_together_nothing_goes_before_all_are_written(tmp_path, monkeypatch):
    searched = study(folder=tmp_path)
    searched.ask(), searched.ask()
    first = []
    for number in (0, 1):
        for step in (1, 2):
            path = f"trials/000{number}/checkpoints/step_00000{step}.ckpt"
            write_checkpoint(tmp_path / path, step)
            first.append(Saved(number, step, path, 10))
    searched.answer(first[::2])
    group, there = searched.store.group, []

    @contextmanager
    def watched():
        with group():
            yield
            there.extend(checkpoints(tmp_path))

    monkeypatch.setattr(searched.store, "group", watched)
    searched.answer(first[1::2])
    assert len(there) == 4
    assert checkpoints(tmp_path) == [first[1].path, first[3].path]


def test_what_comes_after_the_end_of_a_trial_is_not_kept(tmp_path):
    searched = study(folder=tmp_path)
    trial = searched.ask()
    searched.report(trial, 1, loss=0.5)
    searched.tell(trial)
    path = "trials/0000/checkpoints/step_000002.ckpt"
    write_checkpoint(tmp_path / path, "late")
    assert searched.answer([Saved(0, 2, path, 4)]) == [Decision.STOP]
    assert checkpoints(tmp_path) == []


class ForksOnce(Random):
    """Trial 1 is forked from trial 0."""

    def suggest(self, history, rng):
        if len(history.trials) != 1:
            return super().suggest(history, rng)
        checkpoint = history.trials[0].checkpoint
        return Start(history.space.sample(rng), "fork", parent=Fork(0, checkpoint.step, checkpoint.path))


def test_a_fork_finds_its_parents_checkpoint_though_the_parent_has_saved_later_ones_and_ended(tmp_path):
    searched = study(folder=tmp_path, strategy=ForksOnce(), keep=0)
    parent = searched.ask()
    parent.report(1, loss=1.0)
    parent.save("of step 1")
    fork = searched.ask()
    for step in (2, 3):
        parent.report(step, loss=1.0)
        parent.save(f"of step {step}")
    searched.fail(parent, "the data are gone")
    assert checkpoints(tmp_path) == ["trials/0000/checkpoints/step_000001.ckpt"]
    assert (fork.load(), fork.step) == ("of step 1", 1)
    fork.report(2, loss=0.5)
    fork.save("its own")
    assert checkpoints(tmp_path) == ["trials/0001/checkpoints/step_000002.ckpt"]
    assert searched.verify() == []


def test_a_fork_that_is_asked_for_goes_on_after_its_parents_step():
    searched = study(strategy=ForksOnce())
    parent = searched.ask()
    parent.report(2, loss=1.0)
    parent.save("of step 2")
    fork = searched.ask()
    assert fork.step == 2
    assert list(fork.steps(4)) == [3, 4]


class PausesAtTwo(Random):
    def decide(self, history, trial):
        return Decision.PAUSE if trial.step == 2 and not trial.budget else Decision.CONTINUE

    def suggest(self, history, rng):
        return Resume(0, 3) if len(history.trials) == 4 else super().suggest(history, rng)


def test_where_the_disk_is_nearly_full_the_least_wanted_goes_first_and_a_note_says_so(tmp_path, monkeypatch):
    size = write_checkpoint(tmp_path / "elsewhere", bytes(2_000))

    def free():
        return int(5.5 * size) - sum(path.stat().st_size for path in tmp_path.rglob("*.ckpt"))

    monkeypatch.setattr("danlu.study.free_space", lambda folder: free())
    searched = study(folder=tmp_path, strategy=PausesAtTwo())
    for loss in (0.9, 0.1, 0.5, 0.7):
        trial = searched.ask()
        for step in trial.steps(2):
            trial.report(step, loss=loss)
            trial.save(bytes(2_000))
        assert free() >= 2 * size
    assert [trial.number for trial in searched.trials if trial.checkpoint] == [1, 2, 3]
    assert "gave up the least wanted checkpoints (trial 0)" in searched.history.notes[0]
    assert len(checkpoints(tmp_path)) == 3
    resumed = searched.ask()
    assert (resumed.number, resumed.load(), list(resumed.steps(3))) == (0, None, [1, 2, 3])
    assert searched.verify() == []


def test_what_a_crash_left_is_swept_and_what_is_gone_is_said_when_the_study_is_run_again(tmp_path):
    with study(folder=tmp_path, keep=1) as searched:
        trained(searched, 0.5)
        for step, trial in enumerate([searched.ask(), searched.ask()], 1):
            trial.report(step, loss=1.0)
            trial.save("state")
    orphans = [tmp_path / f"trials/0001/checkpoints/{name}" for name in ("step_000009.ckpt", ".step_000010.x1.ckpt")]
    for path in orphans:
        path.write_bytes(b"half")
    (tmp_path / "trials/0002/checkpoints/step_000002.ckpt").unlink()
    with Study.open(tmp_path) as again:
        again.tidy()
        assert not any(path.exists() for path in orphans)
        assert again.history.notes == (
            "checkpoints are gone from the folder (trial 2): what goes on begins from its start",
        )
        assert (again.job(1).checkpoint, again.job(2).checkpoint) == ("trials/0001/checkpoints/step_000001.ckpt", None)
        again.tidy()
        assert len(again.history.notes) == 1
        assert again.verify() == []


# notes on what early stopping can't do --------------------------------------------------------------------------------


def judged(*curves, steps=4, **settings):
    """The notes of a study that would stop early, whose trials reported these and returned a loss."""
    searched = study(strategy=ASHA(Random()), steps=steps, **settings)
    for curve in curves:
        trial = searched.ask()
        for step, metrics in curve:
            if not searched.trials[trial.number].is_finished:
                trial.report(step, **{name: value / (1 + trial.number) for name, value in metrics.items()})
        if not searched.trials[trial.number].is_finished:
            searched.tell(trial, loss=1.0)
    return searched.history.notes


def reports(*steps, metric="loss"):
    return [(step, {metric: 1.0}) for step in steps]


@pytest.mark.parametrize(
    ("curve", "said"),
    [
        (reports(), "none of the first 3 trials has reported a step: call trial.report(step, loss=...) after each"),
        (reports(1, 2, 3, 4, metric="los"), "none of the first 3 trials has reported 'loss', only los: call"),
        (reports(4), "each of the first 3 trials has reported 'loss' once only"),
        (reports(1, 2), "the first 3 trials ended at step 2, and a full training has 4"),
    ],
)
def test_that_nothing_can_be_stopped_early_is_said_once(curve, said):
    [note] = judged(*[curve] * 5)
    assert note.startswith("asha stops trials early by their reports, but ")
    assert said in note


def test_nothing_is_said_where_trials_report_every_step_from_0_or_1():
    assert judged(*[reports(1, 2, 3, 4)] * 3) == ()
    assert judged(*[reports(0, 1, 2, 3)] * 3) == ()


def test_nothing_is_said_of_a_strategy_that_stops_nothing():
    searched = told(study(), 5)
    assert searched.history.notes == ()


def test_a_trial_that_goes_on_without_a_checkpoint_is_noted_once():
    searched = study(strategy=Verdicts())
    for _ in range(4):
        trial = searched.ask()
        for step in trial.steps(2):
            trial.report(step, loss=1.0)
    assert searched.history.notes == (
        "paused trials begin again from their start where they have saved no checkpoint: call trial.save(state) "
        "after each step (first in trial 1)",
    )
    assert searched.verify() == []


def test_a_trial_that_counts_steps_from_0_may_begin_again_without_a_checkpoint():
    searched = study(strategy=Verdicts())
    for _ in range(3):
        trial = searched.ask()
        for step in range(3):
            if searched.report(trial, step, loss=1.0) is not Decision.CONTINUE:
                break
    again = searched.ask()
    assert again.number == 1
    for step in range(3):
        searched.report(again, step, loss=1.0)
    assert searched.trials[1].curve.steps.tolist() == [0, 1, 2]


def test_a_search_without_pauses_takes_over_for_a_runner_that_can_not_pause():
    searched = study(strategy=InOrder(ASHA(Random(), pauses=True), 1), steps=9)
    searched.forgo_pauses()
    searched.forgo_pauses()
    assert searched.strategy == InOrder(ASHA(Random()), 1)
    assert searched.history.notes == ("trials can't be paused here: where the strategy would pause one, it is stopped",)
    told(searched)
    assert searched.verify() == []


def test_one_that_would_not_have_paused_says_nothing_of_it():
    searched = study(strategy="auto")
    searched.forgo_pauses()
    assert searched.history.notes == ()


def test_who_waits_for_a_trial_of_another_process_asks_with_what_that_one_has_told(tmp_path):
    first = Study(
        SPACE, minimize="loss", strategy={"use": "inorder", "inner": {"use": "random"}, "lag": 1}, folder=tmp_path
    )
    trial = first.ask()
    other = Study.open(tmp_path)
    assert other.ask() is None
    first.tell(trial, loss=1.0)
    assert other.ask().number == 1
    first.close()
    other.close()
