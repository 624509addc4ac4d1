import os
import time

import pytest

from danlu import Status, Study
from danlu.core.stopping import Trials
from danlu.errors import StudyFailed
from danlu.loop import run
from danlu.runners.inline import Inline
from danlu.runners.processes import Processes
from danlu.testing.runners import SPACE
from danlu.testing.strategies import check_consistent


@pytest.fixture
def two_devices(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")


def ran(train, trials, **settings):
    study = Study(SPACE, minimize="loss", strategy="random")
    run(study, Processes(train, "loss", workers=None, fresh=False, **settings), Trials(trials))
    assert study.verify() == []
    check_consistent(study.history)
    return study


def place(trial):
    return trial.worker.rpartition(" on ")[2]


def test_a_device_on_which_everything_fails_is_set_aside_and_its_trials_are_tried_elsewhere(two_devices):
    def train(trial, config):
        if os.environ["CUDA_VISIBLE_DEVICES"] == "1":
            raise RuntimeError("CUDA error: uncorrectable ECC error encountered")
        time.sleep(0.02)
        return float(config["x"])

    study = ran(train, 30)
    failed = [trial for trial in study.trials if trial.status is Status.FAILED]
    assert {place(trial) for trial in failed} == {"cuda:1"}
    assert 3 <= len(failed) <= 9
    [note] = [note for note in study.history.notes if "set aside" in note]
    assert note.startswith("cuda:1 is set aside, for the last")
    assert "uncorrectable ECC error" in note
    again = [trial for trial in study.trials if trial.origin.startswith("queued: trial")]
    assert {trial.config for trial in failed[:3]} <= {trial.config for trial in again}
    assert {trial.status for trial in again} == {Status.COMPLETE}


def test_a_bad_device_does_not_end_the_study_while_the_first_good_trials_still_run(two_devices):
    def train(trial, config):
        if os.environ["CUDA_VISIBLE_DEVICES"] == "1":
            raise RuntimeError("CUDA error")
        time.sleep(1.5 if trial.number < 2 else 0.01)
        return 1.0

    study = ran(train, 20)
    assert study.history.count(Status.COMPLETE) >= 10
    assert study.history.count(Status.FAILED) <= 9


def test_where_all_devices_are_bad_the_study_stops_with_the_first_error(two_devices):
    def train(trial, config):
        raise RuntimeError("no driver")

    with pytest.raises(StudyFailed, match=r"the first \d+ trials all failed.*no driver"):
        ran(train, 50)


def test_a_device_that_works_again_is_used_again(two_devices, tmp_path):
    def train(trial, config):
        if os.environ["CUDA_VISIBLE_DEVICES"] == "1" and len(list(tmp_path.iterdir())) < 8:
            (tmp_path / f"{trial.number}").touch()
            raise RuntimeError("CUDA error")
        while len(list(tmp_path.iterdir())) < 7:  # it is quick to fail
            time.sleep(0.01)
        return 1.0

    study = ran(train, 200)
    assert len([note for note in study.history.notes if "set aside" in note]) == 1
    assert "cuda:1 is in use again: a trial ended well there" in study.history.notes
    assert any(place(trial) == "cuda:1" for trial in study.trials[-100:])


def test_errors_of_the_system_without_an_end_stop_a_study_that_went_well():
    def train(trial, config):
        if trial.number >= 10:
            raise OSError(5, "Input/output error", f"data/{trial.number}.bin")
        return 1.0

    study = Study(SPACE, minimize="loss", strategy="random")
    with pytest.raises(StudyFailed, match=r"the last 20 trials all failed alike.*trial 10: exception: OSError"):
        run(study, Inline(train, "loss"), Trials(1000))
    assert len(study.trials) == 30
