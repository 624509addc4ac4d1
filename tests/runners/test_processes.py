import os

import pytest

from danlu.errors import RunnerError
from danlu.runners.processes import Processes, visible_devices, worker_environment
from danlu.testing.runners import RunnerKit


class TestProcesses(RunnerKit):
    def make(self, train, timeout=None):
        return Processes(train, "loss", workers=2, timeout=timeout)


def test_threads_are_shared_out_among_workers(monkeypatch):
    monkeypatch.setattr("danlu.runners.processes._cpus", lambda: 16)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert worker_environment(0, 4, [])["OMP_NUM_THREADS"] == "4"
    assert worker_environment(0, 32, [])["OMP_NUM_THREADS"] == "1"


def test_a_number_of_threads_that_the_user_set_is_kept(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert worker_environment(0, 4, [])["OMP_NUM_THREADS"] == "3"


def test_each_worker_sees_one_device_in_turn():
    seen = [worker_environment(slot, 3, ["0", "1"])["CUDA_VISIBLE_DEVICES"] for slot in range(3)]
    assert seen == ["0", "1", "0"]


@pytest.mark.parametrize(("given", "devices"), [("0,2", ["0", "2"]), ("", []), ("-1", []), ("GPU-5a3f", ["GPU-5a3f"])])
def test_devices_that_the_user_allows_are_the_only_ones(monkeypatch, given, devices):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert visible_devices() == devices


def test_devices_are_asked_of_the_driver(monkeypatch, tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 0\necho 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_devices() == ["0", "1"]


def test_a_function_that_can_not_be_sent_is_refused_before_anything_runs(tmp_path):
    with (tmp_path / "file").open("w") as file, pytest.raises(RunnerError, match="inside the function"):
        Processes(lambda trial, config: file.write("x"), "loss")


@pytest.mark.parametrize("settings", [{"workers": 0}, {"timeout": 0.0}])
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(RunnerError):
        Processes(len, "loss", **settings)
