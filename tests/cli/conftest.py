"""A home for studies, a script to tune, and a way to type commands."""

from types import SimpleNamespace

import pytest

from danlu import Choice, Float, Int, Space, Study
from danlu.cli.main import main

SCRIPT = """
from typing import Annotated
from danlu import Float, Int

def train(trial, lr: Annotated[float, Float(1e-4, 1e-1, log=True)] = 1e-2, depth: Annotated[int, Int(1, 4)] = 2):
    print("depth is", depth)
    for epoch in trial.steps(3):
        trial.report(epoch, val_loss=abs(lr - 0.03) + depth / epoch, accuracy=epoch / 10)
"""
SPACE = Space(
    {"lr": Float(1e-4, 1e-1, log=True, default=1e-2), "depth": Int(1, 4), "act": Choice("relu", "gelu", True)}
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder with a training script, in which commands are typed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DANLU_HOME", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")
    name = f"script_{abs(hash(str(tmp_path)))}"  # a module is imported once per process
    (tmp_path / f"{name}.py").write_text(SCRIPT)
    return SimpleNamespace(folder=tmp_path, script=f"{name}.py", name=name)


@pytest.fixture
def danlu(capsys):
    """Types a command; gives its exit status and what it printed."""

    def typed(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return SimpleNamespace(status=ended.value.code or 0, out=out, err=err)

    return typed


@pytest.fixture
def make_study(here):
    """Makes a study below the folder in which commands are typed."""
    return _make_study


def _make_study(folder: str, trials=6, space=SPACE, **settings) -> Study:
    """A study in which every fourth trial fails."""
    study = Study(space, folder=folder, **({"minimize": "loss", "strategy": "random"} | settings))
    for k in range(trials):
        trial = study.ask()
        trial.report(1, loss=2.0)
        trial.report(2, loss=1.0 + k)
        if k % 4 == 3:
            study.fail(trial, "the data are gone")
        else:
            study.tell(trial, loss=1.0 - k / 10)
    return study
