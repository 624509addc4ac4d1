import os
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from danlu import Status, open_study
from danlu.programs.settings import program_from
from danlu.records.definition import read_definition

SCRIPTS = Path(__file__).parent.parent / "drafts" / "scripts"
SEED = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--seed', type=int, default=1)\n"
ALL = ["mnist.py", "gpt", "images", "run_glue.py", "hydra_app", "click_app.py", "typer_app.py", "tyro_app.py",
       "absl_app.py", "fire_app.py", "lightning_app.py", "detector"]  # fmt: skip


def script_in(folder, name):
    """A copy of a script in a folder, and how it is called there."""
    if (SCRIPTS / name).is_dir():
        shutil.copytree(SCRIPTS / name, folder, dirs_exist_ok=True)
        return "train_net.py" if name == "detector" else "train.py"
    shutil.copy(SCRIPTS / name, folder)
    return name


@pytest.mark.parametrize("name", ALL)
def test_a_script_is_drafted_without_being_run(here, danlu, name):
    said = danlu("init", script_in(here.folder, name))
    assert said.status == 0, said.err
    found, check, then = said.out.splitlines()
    assert found.startswith("study.toml: drafted from")
    assert check.startswith("check: ")
    assert then == "then:  danlu run study.toml"
    assert tomllib.loads(Path("study.toml").read_text())["space"]
    assert not list(here.folder.rglob("TRAINED"))


def test_a_file_that_is_there_is_kept_unless_it_may_be_replaced(here, danlu):
    name = script_in(here.folder, "mnist.py")
    Path("study.toml").write_text("mine")
    said = danlu("init", name)
    assert said.status == 2
    assert "is there already" in said.err
    assert Path("study.toml").read_text() == "mine"
    assert danlu("init", name, "-o", "mnist.toml").status == 0
    assert danlu("init", name, "--force").status == 0
    assert Path("study.toml").read_text() == Path("mnist.toml").read_text()


def test_the_draft_can_be_printed_alone(here, danlu):
    said = danlu("init", "--stdout", "--most", 2, script_in(here.folder, "mnist.py"))
    assert len(tomllib.loads(said.out)["space"]) == 2
    assert not Path("study.toml").exists()


def test_options_that_are_computed_are_found_by_running_if_asked(here, danlu):
    name = script_in(here.folder, "dynamic.py")
    said = danlu("init", name)
    assert said.status == 2
    assert "danlu init --execute dynamic.py" in said.err
    assert danlu("init", "--execute", name).status == 0
    assert set(tomllib.loads(Path("study.toml").read_text())["space"]) == {"lr", "width"}
    assert not list(here.folder.rglob("TRAINED"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no file"),
        ("def (", "is no Python, line 1"),
        ("print('hello')", "no options were found"),
        ("import sys\nlr = float(sys.argv[1])\n", "-- python train.py {lr}"),
        (SEED, "none that is worth"),
        ("import argparse\np = argparse.ArgumentParser()\np.parse_args()\n", "none of its options"),
    ],
)  # fmt: skip
def test_what_can_not_be_drafted_is_said_in_one_message(here, danlu, text, said):
    if text is not None:
        Path("train.py").write_text(text)
    answer = danlu("init", "train.py")
    assert answer.status == 2
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert not Path("study.toml").exists()


def test_a_place_that_can_not_be_written_is_refused_before_anything_is_read(here, danlu):
    assert "must end in .toml" in danlu("init", "no.py", "-o", "study.yaml").err
    assert "no folder" in danlu("init", "no.py", "-o", "nowhere/study.toml").err


RUNS = """
import argparse, pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1, help="learning rate")
parser.add_argument("--weight-decay", type=float, default=0.0)
parser.add_argument("--act", choices=["relu", "gelu"], default="gelu")
parser.add_argument("--nesterov", action="store_true")
parser.add_argument("--no-bias", action="store_true")
parser.add_argument("--epochs", type=int, default=2)
args = parser.parse_args()
for epoch in range(args.epochs):
    print(f"epoch {epoch}: train loss 1.0, val loss {abs(args.lr - 0.01) + args.nesterov:.5f}")
"""


def test_a_draft_is_run_as_it_is_and_begins_with_what_the_script_does_today(here, danlu):
    Path("train.py").write_text(RUNS)
    assert danlu("init", "train.py").status == 0
    said = danlu("run", "study.toml", "--trials", 3, "--quiet", "--folder", "study")
    assert said.status == 0, said.err
    with open_study("study") as study:
        assert study.trials[0].value == pytest.approx(0.09)
        assert dict(study.trials[0].config) == {
            "lr": 0.1, "weight-decay": 0.0, "act": "gelu", "nesterov": False, "no-bias": False,
        }  # fmt: skip
        assert len(study.trials) == 3


@pytest.mark.parametrize(
    ("name", "package"), [("click_app.py", "click"), ("typer_app.py", "typer"), ("hydra_app", "hydra")]
)
def test_frameworks_take_what_is_drafted(here, danlu, monkeypatch, name, package):
    pytest.importorskip(package)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)  # the python that has them
    assert danlu("init", script_in(here.folder, name)).status == 0
    said = danlu("run", "study.toml", "--trials", 3, "--strategy", "random", "--quiet", "--folder", "study")
    assert said.status == 0, said.err
    with open_study("study") as study:
        assert [trial.status for trial in study.trials] == [Status.COMPLETE] * 3


def test_a_flag_with_one_dash_is_given_as_such(here, danlu):
    Path("train.py").write_text(
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('-lr', type=float, default=0.1)\n"
        "p.add_argument('--mom', type=float, default=0.9)\na = p.parse_args()\nprint(f'val_loss: {a.lr + a.mom}')\n"
    )
    assert danlu("init", "train.py").status == 0
    assert danlu("run", "study.toml", "--trials", 2, "--quiet", "--folder", "study").status == 0
    with open_study("study") as study:
        assert study.trials[0].value == pytest.approx(1.0)


@pytest.mark.parametrize("name", ALL)
def test_danlu_run_understands_what_danlu_init_says(here, danlu, name):
    assert danlu("init", script_in(here.folder, name)).status == 0
    said = read_definition(Path("study.toml"))
    program = program_from(said.command, said.program, here.folder, "study.toml")
    assert said.space.default()
    assert said.minimize or said.maximize
    assert program.command[0] == "python"
