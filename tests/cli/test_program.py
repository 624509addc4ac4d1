"""`danlu run` of a program as it is: its command after `--`, or in a study.toml."""

import sys

import pytest

from danlu import open_study

SCRIPT = """
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--epochs", type=int, default=2)
args = parser.parse_args()
for epoch in range(1, args.epochs + 1):
    print(f"epoch {epoch}: val_loss={abs(args.lr - 0.03) + 1 / epoch} note={os.environ.get('NOTE')}")
"""
SPACE = ("--space", "lr=1e-4..1e-1 log")
COMMAND = (sys.executable, "-S", "fit.py")


@pytest.fixture(autouse=True)
def script(here):
    (here.folder / "fit.py").write_text(SCRIPT)


def log(folder, trial=0):
    return (folder / f"trials/{trial:04}/log.txt").read_text()


def test_a_command_is_tuned_and_its_study_has_the_name_of_the_script(here, danlu):
    said = danlu("run", *SPACE, "--minimize", "val_loss", "--trials", 3, "-q", "--", *COMMAND, "--epochs", "3")
    assert said.status == 0
    assert "3 complete · runs/fit" in said.out
    with open_study("runs/fit") as study:
        assert study.trials[0].config == {"lr": 0.01}
        assert study.trials[0].curve.steps.tolist() == [1, 2, 3]
    assert "epoch 3: val_loss=0.3533" in danlu("show", "fit", "0").out


def test_a_definition_holds_a_command_with_its_settings(here, danlu):
    (here.folder / "sub").mkdir()
    (here.folder / "sub/fit.py").write_text(SCRIPT)
    (here.folder / "sub/study.toml").write_text(
        f"command = [{sys.executable!r}, '-S', 'fit.py']\nminimize = 'val_loss'\ntrials = 2\nfolder = 'out'\n"
        "[space]\nlr = '1e-4..1e-1 log'\n[program]\nstyle = '--name=value'\nenv = { NOTE = 'trial {trial}' }\n"
    )
    assert danlu("run", "sub/study.toml", "-q").status == 0
    folder = here.folder / "sub/out"
    assert "fit.py --lr=0.01\n" in log(folder)
    assert "note=trial 0" in log(folder)
    said = danlu("run", "sub/study.toml", "-q", "--folder", "other", "--style", "--name value", "--env", "NOTE=x")
    assert said.status == 0
    assert "fit.py --lr 0.01\n" in log(here.folder / "other")
    assert "note=x" in log(here.folder / "other")


def test_a_command_may_be_one_text_and_may_take_the_place_of_a_definitions(here, danlu):
    (here.folder / "study.toml").write_text(
        f"command = '{sys.executable} -S fit.py --epochs 1'\nminimize = 'val_loss'\ntrials = 1\n"
        "[space]\nlr = '1e-4..1e-1 log'\n"
    )
    danlu("run", "study.toml", "-q", "--folder", "one")
    danlu("run", "study.toml", "-q", "--folder", "two", "--", *COMMAND, "--epochs", "2")
    assert [len(log(here.folder / name).splitlines()) for name in ("one", "two")] == [2, 3]


def test_the_same_command_goes_on(here, danlu):
    words = ("run", *SPACE, "--minimize", "val_loss", "-q")
    danlu(*words, "--trials", 1, "--", *COMMAND)
    assert "2 complete" in danlu(*words, "--trials", 2, "--", *COMMAND).out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--minimize", "x"), "say what to run"),
        (("--minimize", "x", "--"), "there is no command after --"),
        (("fit.py:train", "--", "python", "fit.py"), "are both given"),
        (("--minimize", "x", "--", *COMMAND), "there is nothing to tune"),
        ((*SPACE, "--", *COMMAND), "a study needs an objective"),
        ((*SPACE, "--minimize", "x", "--style", "--x", "--", *COMMAND), "the words name and value"),
        ((*SPACE, "--minimize", "x", "--env", "A", "--", *COMMAND), "--env takes NAME=VALUE; got 'A'"),
        ((*SPACE, "--minimize", "x", "--", "no-such-program"), "'no-such-program' is not found"),
        (("fit.py", "--minimize", "x", "--style", "--name value"), "style is of a program"),
    ],
)
def test_what_makes_no_sense_is_one_message(here, danlu, words, message):
    said = danlu("run", *words)
    assert said.status == 2
    assert message in said.err.replace("\n", " ")


def test_the_help_says_how(here, danlu):
    said = danlu("run", "--help").out
    assert "[-- COMMAND...]" in said
    assert "-- python train.py" in said
    assert "--template" in said
