import contextlib
import errno

import numpy as np
import pytest
import torch

from danlu.core.event import Reported, Started
from danlu.core.runner import Ended, Failed, Job
from danlu.core.trial import Decision
from danlu.errors import ArtifactError, ObjectiveError, StoreError, StudyError
from danlu.records.log import captured
from danlu.runners.work import reason_of, work
from danlu.space import Config


def signals_of(folder, train, metric="loss", answer=lambda signal: Decision.CONTINUE):
    """What a worker says while it does a job; `answer` may raise what a study refuses."""
    said = []

    def send(signal):
        said.append(signal)
        return answer(signal)

    job = Job(5, Config(x=0.5), seed=1, attempt=2, folder=str(folder), step=3)
    with contextlib.suppress(KeyboardInterrupt):
        work(train, job, send, "me", metric, captured)
    return said


def end_of(folder, train, **settings):
    return signals_of(folder, train, **settings)[-1]


def raising(error):
    def train(trial, config):
        raise error

    return train


def test_the_start_comes_before_everything_and_the_end_after(tmp_path):
    def train(trial, config):
        trial.report(4, loss=config["x"])
        return 0.25

    assert signals_of(tmp_path, train) == [
        Started(5, 2, 3, "me"),
        Reported(5, 4, {"loss": 0.5}),
        Ended(5, {"loss": 0.25}),
    ]


@pytest.mark.parametrize(
    ("returned", "metrics"),
    [
        (None, {}),
        (1, {"loss": 1.0}),
        (torch.tensor(0.5), {"loss": 0.5}),
        (np.float32(0.5), {"loss": 0.5}),
        ({"loss": 1, "accuracy": torch.tensor(0.5)}, {"loss": 1.0, "accuracy": 0.5}),
        ({}, {}),
    ],
)
def test_a_function_returns_nothing_a_number_or_metrics_by_name(tmp_path, returned, metrics):
    assert end_of(tmp_path, lambda trial, config: returned) == Ended(5, metrics)


@pytest.mark.parametrize("returned", ["0.5", [0.1, 0.2], torch.ones(2), {"loss": None}])
def test_what_is_no_metric_fails_the_trial(tmp_path, returned):
    end = end_of(tmp_path, lambda trial, config: returned)
    assert (end.reason, "must be one number" in end.error) == ("metric", True)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("x"), "exception"),
        (MemoryError(), "out of memory"),
        (torch.OutOfMemoryError("CUDA out of memory"), "out of memory"),
        (SystemExit(2), "exception"),
        (OSError(errno.ENOENT, "no such file"), "exception"),
        (ArtifactError("wrong shape"), "artifact"),
        (ObjectiveError("not a number"), "metric"),
        (StudyError("Steps must increase"), "exception"),
        (AssertionError(), "exception"),
    ],
)
def test_every_failure_has_its_reason(tmp_path, error, reason):
    end = end_of(tmp_path, raising(error))
    assert isinstance(end, Failed)
    assert end.reason == reason


def test_the_error_says_where_it_happened_and_the_log_has_the_traceback(tmp_path):
    end = end_of(tmp_path, raising(ValueError("no such optimizer")))
    assert end.error.startswith("ValueError: no such optimizer (test_work.py, line ")
    log = (tmp_path / "trials/0005/log.txt").read_text()
    assert log.startswith("Traceback (most recent call last):")
    assert "raise error" in log


def test_a_device_that_this_machine_lacks_fails_the_trial_with_its_message(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    end = end_of(tmp_path, lambda trial, config: torch.zeros(1, device="cuda").sum())
    assert end.reason == "exception"
    assert any(word in end.error for word in ("CUDA", "NVIDIA"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_no_fault_of_the_trial(tmp_path, number):
    with pytest.raises(StoreError, match=r"trial 5: .*Free some space"):
        signals_of(tmp_path, raising(OSError(number, "full")))


def test_what_the_study_can_not_write_ends_the_work(tmp_path):
    def answer(signal):
        if isinstance(signal, Reported):
            raise StoreError("the disk is full")
        return Decision.CONTINUE

    with pytest.raises(StoreError, match="the disk is full"):
        signals_of(tmp_path, lambda trial, config: trial.report(4, loss=1.0), answer=answer)


def test_ctrl_c_is_not_a_failure_of_the_trial(tmp_path):
    said = signals_of(tmp_path, raising(KeyboardInterrupt()))
    assert said == [Started(5, 2, 3, "me")]


def test_memory_errors_of_any_library_are_known_by_their_name():
    class OutOfMemoryError(Exception):
        pass

    assert reason_of(OutOfMemoryError()) == "out of memory"
    assert reason_of(RuntimeError("out of memory")) == "exception"
