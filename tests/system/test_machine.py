"""One machine, through the command line: as many workers as fit, and what is left of a study whose plug is pulled."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from danlu import Status, open_study

SCRIPT = """
import os, subprocess, sys, time
from typing import Annotated
from danlu import Float

def train(trial, x: Annotated[float, Float(0.0, 1.0)] = 0.5):
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    for step in trial.steps(4):
        time.sleep(0.05)
        trial.report(step, loss=x)
    helper.kill()
    helper.wait()
    return {"loss": x, "device": float(os.environ.get("CUDA_VISIBLE_DEVICES") or -1)}
"""


@pytest.fixture
def danlu(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    started = []

    def start(*arguments, devices="0,1"):
        command = [
            sys.executable,
            "-c",
            "from danlu.cli.main import main; main()",
            "run",
            "train.py:train",
            "--minimize",
            "loss",
        ]
        command += ["--folder", "study", "--strategy", "random", *map(str, arguments)]
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": devices}
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ended(folder):
    try:
        with open_study(folder) as study:
            return len(study.history.finished)
    except Exception:
        return 0  # it is being made


def is_alive(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_as_many_trials_as_were_asked_for_over_a_restart_and_nothing_runs_on(tmp_path, danlu):
    folder = tmp_path / "study"
    process = danlu("--workers", "auto", "--trials", 6)
    while ended(folder) < 3:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    below = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 10
    while any(map(is_alive, below)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process = danlu("--workers", "auto", "--trials", 6)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    with open_study(folder) as study:
        assert len(study.trials) == study.history.count(Status.COMPLETE) == 6
        assert study.history.notes == ("workers=auto: 2 trials at a time, for 2 devices, 1 for each trial",)
        assert {trial.metrics["device"] for trial in study.trials} == {0.0, 1.0}
        assert study.verify() == []
