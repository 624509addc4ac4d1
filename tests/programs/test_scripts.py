"""Scripts in the style of public ones, tuned as they are by `danlu run` in a process of its own."""

import math
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from danlu import open_study
from danlu.core.trial import Status

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture
def tuned(tmp_path):
    """Types `danlu run` in a folder with the scripts; gives the study, and what was printed."""
    shutil.copytree(SCRIPTS, tmp_path / "scripts")

    def typed(folder, *words, **variables):
        command = [sys.executable, "-c", "from danlu.cli.main import main; main()", "run", *map(str, words)]
        environment = os.environ | {"COLUMNS": "160", "OMP_NUM_THREADS": "1", **variables}
        done = subprocess.run(
            command, cwd=tmp_path / "scripts" / folder, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        [place] = (tmp_path / "scripts" / folder / "runs").iterdir()
        with open_study(place) as study:
            return SimpleNamespace(study=study, folder=place, printed=done.stdout + done.stderr)

    return typed


def needs(package):
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


def log(said, trial):
    return (said.folder / f"trials/{trial:04}/log.txt").read_text()


def test_the_mnist_example_of_pytorch(tuned):
    needs("torch")
    said = tuned(
        ".", "--space", "lr=0.01..2.0 log", "--space", "gamma=0.5..0.99", "--space", "batch_size=32 | 64 | 128",
        "--maximize", "accuracy", "--trials", 2, "--strategy", "random", "--",
        "python", "mnist.py", "--epochs", "3", "--log-interval", "4",
    )  # fmt: skip
    assert said.folder.name == "mnist"
    assert said.study.trials[0].config == {"lr": 1.0, "gamma": 0.7, "batch_size": 64}  # its own defaults
    for trial in said.study.trials:
        assert trial.status is Status.COMPLETE
        assert trial.curve.steps.tolist() == [1, 2, 3]
        assert log(said, trial.number).count("Test set: Average loss") == 3
    assert "--lr 1.0 --gamma 0.7 --batch-size 64" in log(said, 0)
    assert said.study.best.value > 0.5


def test_a_gpt_in_the_style_of_nanogpt_with_early_stopping(tuned):
    needs("torch")
    said = tuned(
        "gpt", "--space", "learning_rate=1e-5..1e-1 log", "--space", "bias=true | false", "--minimize", "val loss",
        "--trials", 4, "--strategy", "asha", "--setting", "first=10", "--steps", 30, "--",
        "python", "train.py", "config/short.py", "--out_dir={folder}",
    )  # fmt: skip
    assert said.study.trials[0].config == {"learning_rate": 6e-4, "bias": False}
    assert "--learning_rate=0.0006 --bias=False" in log(said, 0)
    stopped = [trial for trial in said.study.trials if trial.status is Status.STOPPED]
    assert stopped
    for trial in stopped:
        assert trial.curve.step < 30
        assert "step 30" not in log(said, trial.number)
    [complete, *_] = [trial for trial in said.study.trials if trial.status is Status.COMPLETE]
    assert complete.curve.steps.tolist()[-1] == 30
    assert (said.folder / f"trials/{complete.number:04}/ckpt.pt").exists()


def test_a_hydra_application_with_groups(tuned):
    needs("hydra")
    said = tuned(
        "hydra_app", "--space", "optimizer=sgd | adam", "--space", "optimizer.sgd.lr=1e-3..1.0 log",
        "--space", "optimizer.sgd.nesterov=true | false", "--space", "optimizer.adam.lr=1e-5..1e-1 log",
        "--space", "model.width=1..8", "--minimize", "val_loss", "--trials", 4, "--strategy", "random", "--workers", 2,
        "--", "python", "app.py", "hydra.run.dir={folder}/hydra",
    )  # fmt: skip
    assert [trial.status for trial in said.study.trials] == [Status.COMPLETE] * 4
    for trial in said.study.trials:
        assert trial.curve.steps.tolist() == [1, 2, 3, 4]
        words = log(said, trial.number).splitlines()[0].split()
        assert f"optimizer={trial.config['optimizer']}" in words
        lr = trial.config[f"optimizer.{trial.config['optimizer']}.lr"]
        assert f"optimizer.lr={lr}" in words
        assert f"working in {said.folder.resolve()}/trials/{trial.number:04}/hydra" in log(said, trial.number)


@pytest.mark.parametrize(("logger", "trials"), [("csv", 2), ("tensorboard", 1)])
def test_a_lightning_module(tuned, logger, trials):
    needs("lightning")
    said = tuned(
        ".", "--space", "learning_rate=1e-4..1e-1 log", "--space", "hidden_dim=4..32 log", "--minimize", "val_loss",
        "--trials", trials, "--strategy", "random", f"--{logger}", "{folder}/lightning_logs", "--",
        "python", "lightning_app.py", "--max_epochs=3", f"--logger={logger}", "--log_dir={folder}",
    )  # fmt: skip
    for trial in said.study.trials:
        assert trial.status is Status.COMPLETE
        values = [value for value in trial.curve["val_loss"].tolist() if not math.isnan(value)]
        assert len(values) == 3
        assert trial.value == values[-1]


def test_a_keras_script_on_the_torch_backend(tuned):
    needs("keras")
    needs("torch")
    said = tuned(
        ".", "--space", "units=2..16 log default=8", "--space", "rate=1e-4..1e-1 log default=1e-2",
        "--minimize", "val_loss", "--trials", 2, "--strategy", "random", "--env", "KERAS_BACKEND=torch", "--",
        "python", "keras_app.py", "{units}", "{rate}",
    )  # fmt: skip
    assert [trial.status for trial in said.study.trials] == [Status.COMPLETE] * 2
    assert said.study.trials[0].curve.steps.tolist() == [1, 2, 3]
    assert "\r" not in log(said, 0)
