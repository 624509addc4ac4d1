import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from danlu import Decision, Study, open_study
from danlu.core.stopping import Trials
from danlu.core.strategy import WAIT, Strategy
from danlu.errors import StudyBusy
from danlu.loop import run
from danlu.runners.inline import Inline
from danlu.strategies.population.pbt import PBT
from danlu.strategies.random import Random
from danlu.testing.runners import SPACE

SCRIPT = """
import sys, time
from typing import Annotated
from danlu import Float, tune

def train(trial, x: Annotated[float, Float(0.0, 1.0)] = 0.5):
    for step in trial.steps(10):
        time.sleep(0.05)
        trial.report(step, loss=x + step)

tune(train, minimize="loss", trials=40, strategy="random", workers=int(sys.argv[2]), folder=sys.argv[1])
"""


def test_what_is_paused_is_a_sign_of_hope():
    def train(trial, config):
        if trial.number < 5:
            return None if trial.report(1, loss=1.0) is Decision.PAUSE else 1.0
        raise RuntimeError("boom")

    study = Study(SPACE, minimize="loss", strategy=PBT(interval=1, population=10), steps=5)
    run(study, Inline(train, "loss"), Trials(10))
    assert study.history.count("failed") == 5


def test_every_change_is_shown():
    shown = []
    study = Study(SPACE, minimize="loss", strategy="random")
    run(
        study,
        Inline(lambda trial, config: 1.0, "loss"),
        Trials(3),
        watch=lambda history: shown.append(history.position),
    )
    assert shown == sorted(shown)
    assert shown[-1] == study.history.position


def test_a_strategy_that_waits_with_nothing_running_ends_the_loop():
    class Waits(Strategy):
        def suggest(self, history, rng):
            return WAIT if len(history.trials) >= 2 else Random().suggest(history, rng)

    study = Study(SPACE, minimize="loss", strategy=Waits())
    run(study, Inline(lambda trial, config: 1.0, "loss"), Trials(10))
    assert len(study.trials) == 2


def test_a_study_is_run_by_one_process_at_a_time(tmp_path):
    one = Study(SPACE, minimize="loss", strategy="random", folder=tmp_path)
    one.store.claim("study", "coordinator", "somebody")
    with pytest.raises(StudyBusy, match=rf"somebody \(process {os.getpid()}"):
        run(Study.open(tmp_path), Inline(lambda trial, config: 1.0, "loss"), Trials(1))


def test_trials_of_a_process_that_is_gone_go_first():
    study = Study(SPACE, minimize="loss", strategy="random")
    study.ask(), study.ask()
    order = []
    run(study, Inline(lambda trial, config: order.append((trial.number, trial.attempt)) or 1.0, "loss"), Trials(3))
    assert order == [(0, 2), (1, 2), (2, 1)]


def test_a_config_queued_while_it_runs_comes_next():
    study = Study(SPACE, minimize="loss", strategy="random")

    def train(trial, config):
        if trial.number == 1:
            study.queue({"x": 0.125})
        return 1.0

    run(study, Inline(train, "loss"), Trials(4))
    assert study.trials[2].config == {"x": 0.125}


@pytest.fixture
def running(tmp_path, request):
    def start(workers):
        script = tmp_path / "script.py"
        script.write_text(SCRIPT)
        process = subprocess.Popen(
            [sys.executable, str(script), str(tmp_path / "study"), str(workers)], stderr=subprocess.PIPE, text=True
        )
        request.addfinalizer(process.kill)
        while not finished(tmp_path / "study"):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        return process

    return start


def finished(folder: Path) -> int:
    if not (folder / "journal.db").exists():
        return 0
    try:
        with open_study(folder) as study:
            return len(study.history.finished)
    except Exception:
        return 0  # it is being made


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_once_lets_running_trials_end(tmp_path, running, workers):
    process = running(workers)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=20)
    assert process.returncode != 0
    assert "Interrupted" in error
    with open_study(tmp_path / "study") as study:
        assert study.history.pending == []
        assert 1 < len(study.trials) < 40


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_twice_stops_at_once_and_nothing_is_lost(tmp_path, running, workers):
    process = running(workers)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    with open_study(tmp_path / "study") as study:
        assert 1 <= len(study.history.pending) <= workers  # one may have ended between the presses
        before = [trial.config for trial in study.trials]
    run_on = Study.open(tmp_path / "study")
    run(run_on, Inline(lambda trial, config: config["x"], "loss"), Trials(len(before)))
    assert [trial.config for trial in run_on.trials] == before
    assert run_on.history.pending == []
