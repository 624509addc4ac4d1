from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu import Choice, Float, Int
from danlu.errors import StudyError, UnknownName
from danlu.programs.arguments import Arguments, as_value, paths_of
from danlu.programs.script import Script, place_of_script, read_script
from danlu.programs.style import Style, checked_booleans, checked_pattern, inferred

ARGPARSE = """
import argparse
p = argparse.ArgumentParser()
p.add_argument("--batch-size", type=int, default=32)
p.add_argument("--amp", action="store_true")
p.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
p.add_argument("--bias", type=bool)
p.add_argument("--no-cuda", action="store_false", dest="cuda")
"""


def placed(command, values, script="", **how):
    paths = paths_of(values, {name: [value] for name, value in values.items()})
    return Arguments(**how).placed(command.split(), values, paths, Script(script))[len(command.split()) :]


@pytest.mark.parametrize(
    ("command", "script", "pattern"),
    [
        ("python train.py", "", "--name value"),
        ("python train.py --epochs 5", "import argparse", "--name value"),
        ("python train.py --config-name=x", "import hydra", "name=value"),
        ("python train.py --epochs=5", "", "--name=value"),
        ("python train.py epochs=5", "", "name=value"),
        ("python train.py +trainer.epochs=5", "", "name=value"),
        ("python train.py", "import hydra\n", "name=value"),
        ("python train.py", "cfg = OmegaConf.from_cli()", "name=value"),
        ("python train.py config/small.py", "exec(open('configurator.py').read())", "--name=value"),
        ("torchrun --nproc_per_node=2 train.py", "import argparse", "--name value"),
        ("python -m pkg.train --epochs=5", "", "--name=value"),
        ("./train", "", "--name value"),
    ],
)
def test_the_style_is_what_the_command_or_the_script_shows(command, script, pattern):
    assert inferred(command.split(), Script(script)) == pattern


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("--name value", ["--lr", "0.1"]),
        ("--name=value", ["--lr=0.1"]),
        ("name=value", ["lr=0.1"]),
        ("++name=value", ["++lr=0.1"]),
        ("-name value", ["-lr", "0.1"]),
        ("--set name=value", ["--set", "lr=0.1"]),
    ],
)
def test_a_style_is_a_pattern(pattern, words):
    assert placed("python train.py", {"lr": 0.1}, style=pattern) == words


@pytest.mark.parametrize("pattern", ["--lr", "name", "--name name=value", "value"])
def test_a_pattern_without_name_and_value_is_refused(pattern):
    with pytest.raises(StudyError, match="the words name and value"):
        checked_pattern(pattern)


def test_an_unknown_way_to_write_truth_values_is_refused():
    with pytest.raises(UnknownName, match="Did you mean 'flag'"):
        checked_booleans("flags")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"amp": True}, ["--amp"]),
        ({"amp": False}, []),
        ({"compile": True}, ["--compile"]),
        ({"compile": False}, ["--no-compile"]),
        ({"bias": True}, ["--bias", "True"]),
        ({"bias": False}, ["--bias", "False"]),
        ({"no_cuda": True}, ["--no-cuda"]),
        ({"batch_size": 16}, ["--batch-size", "16"]),
    ],
)
def test_flags_are_written_as_the_script_declares_them(values, words):
    assert placed("python train.py", values, ARGPARSE) == words


def test_truth_values_have_a_default_and_an_override():
    assert placed("python app.py a=1", {"amp": True}) == ["amp=true"]
    assert placed("python app.py --a=1", {"amp": True}) == ["--amp=True"]
    assert placed("python app.py --a=1", {"amp": False}, booleans="pair") == ["--no-amp"]
    assert placed("python app.py", {"amp": False}, ARGPARSE, booleans="value") == ["--amp", "False"]
    assert placed("python app.py", {"amp": False}, "import tyro") == ["--no-amp"]


def test_a_branch_is_called_by_its_last_name_and_a_path_where_that_is_the_way():
    values = {"optimizer": "sgd", "optimizer.sgd.momentum": 0.9}
    assert placed("python train.py", values) == ["--optimizer", "sgd", "--momentum", "0.9"]
    assert placed("python app.py a=1", values) == ["optimizer=sgd", "optimizer.momentum=0.9"]
    group = {"model.lr": 0.1}
    assert placed("python train.py", group) == ["--lr", "0.1"]
    assert placed("python app.py a=1", group) == ["model.lr=0.1"]
    assert placed("python cli.py", group, "from lightning.pytorch.cli import LightningCLI") == ["--model.lr", "0.1"]
    assert placed("python train.py", group, 'add("--model.lr")') == ["--model.lr", "0.1"]
    assert placed("python train.py", values, names={"optimizer.sgd.momentum": "sgd-m"})[2:] == ["--sgd-m", "0.9"]


def test_two_hyperparameters_of_one_name_are_refused():
    with pytest.raises(StudyError, match=r"both 'model.width' and 'head.width' .* as 'width'"):
        placed("python train.py", {"model.width": 1, "head.width": 2})
    assert placed("python train.py", {"model.width": 1, "head.width": 2}, names={"head.width": "head"}) == [
        "--width", "1", "--head", "2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "values", "told"),
    [
        ("python train.py --lr 0.5 --epochs 5", {"lr": 0.1}, "python train.py --lr 0.1 --epochs 5"),
        ("python train.py --epochs 5 --lr=0.5", {"lr": 0.1}, "python train.py --epochs 5 --lr=0.1"),
        ("python train.py --batch-size 8", {"batch_size": 4}, "python train.py --batch-size 4"),
        ("python app.py optimizer.lr=0.5 x=1", {"optimizer.lr": 0.1}, "python app.py optimizer.lr=0.1 x=1"),
        ("python app.py +lr=0.5", {"lr": 0.1}, "python app.py +lr=0.1"),
        ("python train.py --amp --epochs 5", {"amp": False}, "python train.py --epochs 5"),
        ("python train.py --amp True --epochs 5", {"amp": False}, "python train.py --amp False --epochs 5"),
        ("python train.py --no-amp", {"amp": True}, "python train.py --amp"),
        ("python train.py --shift -1.5 --x 1", {"shift": -2.5}, "python train.py --shift -2.5 --x 1"),
    ],
)
def test_a_value_takes_the_place_of_the_one_that_the_command_has(command, values, told):
    assert Arguments().placed(command.split(), values, {name: name for name in values}, Script()) == told.split()


@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True),
        st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.text(min_size=1)),
        max_size=4,
    ),
    st.sampled_from(["--name=value", "name=value"]),
)
def test_every_value_comes_back_out_of_the_arguments(values, pattern):
    words = Arguments(style=pattern).placed(["prog"], values, {name: name for name in values}, Script())
    told = dict(word.lstrip("-").split("=", 1) for word in words[1:])
    assert told == {name: repr(v) if isinstance(v, float) else str(v) for name, v in values.items()}


def test_the_script_is_found_behind_whatever_runs_it():
    for command, script in [
        ("python -u train.py --config=x.py", "train.py"),
        ("torchrun --nproc_per_node=2 src/train.py", "src/train.py"),
        ("python -m pkg.train", "pkg.train"),
        ("./train --x 1", "./train"),
        ("./train -m 3", "./train"),
        ("uv run train.py -m 3", "train.py"),
    ]:
        assert command.split()[place_of_script(command.split())] == script


def test_a_script_is_read_with_the_modules_beside_it(tmp_path):
    (tmp_path / "train.py").write_text("from options import parse\n")
    (tmp_path / "options.py").write_text(ARGPARSE)
    script = read_script(["python", "train.py"], tmp_path)
    assert script.default("--batch-size", "batch_size") == 32
    assert script.default("--amp", "amp") is False
    assert read_script(["python", "-m", "train"], tmp_path) == script
    assert read_script(["./no-such"], Path(tmp_path)).text == ""


def test_a_default_is_read_as_a_value_of_its_dimension():
    assert as_value("32", Int(1, 64)) == 32
    assert as_value("1e-3", Float(1e-5, 1.0)) == 1e-3
    assert as_value("true", Choice(True, False)) is True
    assert as_value("sgd", Choice("sgd", "adam")) == "sgd"
    assert as_value("0.5", Choice(0.1, 0.5)) == 0.5
    assert as_value("3.0", Float(0.0, 1.0)) is None
    assert as_value("none", Int(1, 3)) is None


def test_style_writes_floats_so_that_they_come_back():
    assert Style().words("lr", 1e-05) == ["--lr", "1e-05"]
    assert Style().words("n", 3) == ["--n", "3"]
