import sys

import pytest

from danlu.cli.training import load_train
from danlu.errors import StudyError


def test_a_function_of_a_file(here):
    assert load_train(f"{here.script}:train").__name__ == "train"
    assert load_train(here.script) is load_train(f"{here.script}:train")


def test_a_file_is_looked_for_beside_the_definition_that_names_it(here):
    (here.folder / "deep").mkdir()
    (here.folder / "deep" / f"deep_{here.name}.py").write_text("def train(trial, x=1):\n    return 1.0\n")
    assert load_train(f"deep_{here.name}.py", here.folder / "deep")(None) == 1.0


def test_a_function_of_a_module(here):
    assert load_train("danlu.tuning:tune").__module__ == "danlu.tuning"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nowhere.py:train", "there is no file 'nowhere.py'"),
        ("no.such.module:train", "can't import no.such.module: ModuleNotFoundError"),
        ("{script}:trian", r"no function 'trian'. Did you mean 'train'\?"),
        ("broken.py", r"can't import broken.py: ZeroDivisionError: .*\(broken.py, line 2\)"),
        ("quits.py", "SystemExit: bye.*__main__"),
        ("two-words.py", "no Python identifier"),
        ("json.py", "has the name of another module"),
    ],
)
def test_what_can_not_be_loaded_is_explained_without_a_traceback(here, target, message):
    import json  # so that its name is taken

    assert sys.modules["json"] is json
    for name, text in {
        "broken.py": "\n1 / 0\n",
        "quits.py": "raise SystemExit('bye')",
        "two-words.py": "",
        "json.py": "",
    }.items():
        (here.folder / name).write_text(text)
    with pytest.raises(StudyError, match=message):
        load_train(target.format(script=here.script))


PROGRAM = """
import argparse
def train(args, model): ...
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    train(parser.parse_args(), None)
"""


def test_a_program_is_told_from_a_training_function_before_anything_of_it_runs(here):
    (here.folder / "program.py").write_text(f"open('RUN', 'w')\n{PROGRAM}")
    with pytest.raises(
        StudyError, match=r"options of its own \(argparse\).* danlu init program.py.* -- python program.py"
    ):
        load_train("program.py")
    assert not (here.folder / "RUN").exists()


def test_a_function_of_a_program_can_be_named(here):
    (here.folder / f"named_{here.name}.py").write_text(PROGRAM)
    assert load_train(f"named_{here.name}.py:train").__name__ == "train"


def test_a_script_with_options_and_a_function_for_trials_is_no_mere_program(here):
    (here.folder / f"both_{here.name}.py").write_text(PROGRAM.replace("args, model", "trial, lr=0.1"))
    assert load_train(f"both_{here.name}.py").__name__ == "train"
