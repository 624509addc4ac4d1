import json

import pytest

from danlu import Float, Space, Study
from danlu.cli.importance import bar, register

SPACE = Space({"lr": Float(0.0, 1.0), "decay": Float(0.0, 1.0)})


@pytest.fixture
def typed(capsys):
    """Types `danlu importance ...`, also while the command is in no list."""
    import typer

    app = typer.Typer()
    register(app)
    app.callback()(lambda: None)

    def typed(*words):
        app(args=["importance", *map(str, words)], standalone_mode=False)
        return capsys.readouterr().out

    return typed


def searched(folder, trials=24, metrics=lambda config: {"loss": config["lr"]}, **settings):
    with Study(SPACE, folder=folder, **({"minimize": "loss", "strategy": "sobol"} | settings)) as study:
        for _ in range(trials):
            trial = study.ask()
            study.tell(trial, **metrics(trial.config))


def test_the_hyperparameter_that_matters_has_the_longest_bar(here, typed):
    searched("runs/mine")
    lines = typed("mine").splitlines()
    assert lines[0] == "importance for loss, from 24 trials"
    assert lines[1].startswith("lr ")
    assert lines[1].count("█") >= 39
    assert lines[2].startswith("decay ")
    assert "█" not in lines[2]


def test_json_has_the_same_numbers(here, typed):
    searched("runs/mine")
    found = json.loads(typed("mine", "--json"))
    assert found["objective"] == "loss"
    assert found["main"]["lr"]["share"] > 0.99
    assert found["main"]["lr"]["low"] <= found["main"]["lr"]["share"] <= found["main"]["lr"]["high"]
    assert found["pairs"][0]["names"] == ["lr", "decay"]


def test_another_objective_can_be_asked_for(here, typed):
    searched("runs/two", metrics=lambda c: {"loss": c["lr"], "size": c["decay"]}, minimize=["loss", "size"])
    assert typed("two", "--objective", "size").splitlines()[1].startswith("decay ")


def test_the_best_part_can_be_asked_for(here, typed):
    searched("runs/mine")
    assert "being among the best 20% by loss" in typed("mine", "--top", "0.2")


def test_too_few_trials_are_a_clear_answer(here, typed):
    searched("runs/short", trials=3)
    said = typed("short")
    assert "3 complete trials, at least 10 are needed" in said
    assert said.count("unknown") == 3
    assert json.loads(typed("short", "--json"))["main"] == {"lr": None, "decay": None}


@pytest.mark.parametrize(
    ("share", "letters"), [(0.0, ""), (float("nan"), ""), (1.0, "████"), (0.5, "██"), (0.03125, "▏"), (0.6, "██▍")]
)
def test_a_bar_is_as_long_as_its_share(share, letters):
    assert bar(share, width=4) == letters
