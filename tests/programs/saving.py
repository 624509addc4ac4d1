"""A program that saves and can go on, tuned by a strategy that pauses two of its trials; on any runner."""

import sys
from pathlib import Path

import pytest

from danlu import Float, Space, Status, tune
from danlu.programs.program import Program
from danlu.programs.resumption import Resumption
from danlu.testing.runners import PauseOnce

SCRIPT = Path(__file__).parent / "scripts/saving.py"
SPACE = Space({"lr": Float(1e-5, 1.0, log=True, default=0.1)})


def program(*resume):
    """The script, and how it is told to go on."""
    # without site packages it is there at once
    command = (sys.executable, "-S", "-u", str(SCRIPT), "--out", "{folder}")
    return Program(command, grace=0.5, resumption=Resumption("{folder}/*.ckpt", resume or ("--resume", "{checkpoint}")))


def check_paused(folder, **settings):
    """Four trials of it, of which two are paused and go on, come to their ends with whole curves, logs and files."""
    study = tune(
        program(),
        space=SPACE,
        minimize="loss",
        trials=4,
        strategy=PauseOnce(),
        folder=folder,
        progress=False,
        **settings,
    )
    assert [trial.status for trial in study.trials] == [Status.COMPLETE] * 4
    assert [trial.attempt for trial in study.trials] == [1, 2, 2, 1]
    for trial in study.trials:
        assert trial.curve.steps.tolist() == [1, 2, 3, 4, 5, 6]
        sums = [trial.config["lr"] * epoch * (epoch + 1) / 2 for epoch in range(1, 7)]
        assert trial.curve["loss"].tolist() == pytest.approx(sums)
        said = (study.folder / f"trials/{trial.number:04}/log.txt").read_text().splitlines()
        assert [line for line in said if line.startswith("from")] == (
            ["from 0", "from 2"] if trial.attempt == 2 else ["from 0"]
        )
        assert study.load(trial)["name"] == "6.ckpt"
    assert study.verify() == []
    return study
