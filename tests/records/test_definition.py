import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu import Resources
from danlu.errors import SpaceError, StudyError
from danlu.records.definition import Definition, definition_from, definition_text, read_definition, write_definition
from danlu.records.folder import Folder
from danlu.space import Choice, Float, Int, Space
from danlu.study import Study
from danlu.testing.spaces import spaces

FULL = """
train = "train.py:train"
minimize = ["val_loss", "size"]
maximize = "accuracy"
subject_to = ["memory_gb <= 8"]
trials = 50
time = 3600
timeout = 60.5
workers = 2
steps = 30
seed = 7
folder = "runs/mine"
where = ["depth < 7"]
warm_start = ["runs/old", "../other"]
strategy = { use = "grid", levels = 3 }

[space]
lr = "1e-5..1e-1 log default=1e-3"
activation = "relu | gelu | tanh"
depth = { type = "int", low = 1, high = 8 }
where = ["activation != 'tanh' or lr < 1e-2"]
"""


def test_every_key_is_read(tmp_path):
    (tmp_path / "study.toml").write_text(FULL)
    assert read_definition(tmp_path / "study.toml") == Definition(
        train="train.py:train",
        minimize=("val_loss", "size"),
        maximize=("accuracy",),
        subject_to=("memory_gb <= 8",),
        strategy={"use": "grid", "levels": 3},
        space=Space(
            {
                "lr": Float(1e-5, 1e-1, log=True, default=1e-3),
                "activation": Choice("relu", "gelu", "tanh"),
                "depth": Int(1, 8),
            },
            where=["activation != 'tanh' or lr < 1e-2"],
        ),
        where=("depth < 7",),
        warm_start=("runs/old", "../other"),
        trials=50,
        time=3600,
        timeout=60.5,
        workers=2,
        steps=30,
        seed=7,
        folder="runs/mine",
    )


def test_what_is_not_said_is_none():
    assert definition_from({}, "study.toml") == Definition()


def round_trip(study):
    return definition_from(tomllib.loads(definition_text(study.history)), "study.toml")


@given(space=spaces(), seed=st.integers(0, 2**63 - 1))
def test_a_study_is_the_same_after_it_was_written_and_read(space, seed):
    study = Study(space, minimize="loss", strategy="random", seed=seed)
    read = round_trip(study)
    assert read.space == space
    assert (read.minimize, read.maximize, read.seed, read.strategy) == (("loss",), (), seed, "random")


def test_objectives_constraints_steps_and_a_strategy_with_settings_survive():
    study = Study(
        Space({"x": Float(0.0, 1.0)}),
        minimize=["loss", "size"],
        maximize="accuracy",
        subject_to=["memory <= 8.5", "recall >= 0.9"],
        strategy={
            "use": "sequence",
            "parts": [{"use": "grid", "levels": {"x": [0.1]}}, {"use": "random"}],
            "trials": [3],
        },
        steps=30,
    )
    read = round_trip(study)
    again = Study(
        read.space,
        minimize=read.minimize,
        maximize=read.maximize,
        subject_to=read.subject_to,
        strategy=read.strategy,
        steps=read.steps,
        seed=read.seed,
    )
    assert again.history.objectives == study.history.objectives
    assert again.strategy == study.strategy
    assert again.history.steps == 30


def test_the_file_of_a_study_is_written_once(tmp_path):
    study = Study(Space({"x": Float(0.0, 1.0)}), minimize="loss", folder=tmp_path)
    path = tmp_path / "study.toml"
    path.write_text("# my own words\n" + path.read_text())
    write_definition(Folder(tmp_path), study.history)
    assert path.read_text().startswith("# my own words")
    assert read_definition(path).minimize == ("loss",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("minimise = 'loss'", r"no key 'minimise'\. Did you mean 'minimize'"),
        ("trials = 'fifty'", r"trials must be a whole number, got 'fifty'"),
        ("trials = true", r"trials must be a whole number, got True"),
        ("trials = 2.5", r"trials must be a whole number, got 2\.5"),
        ("time = 'long'", r"time must be a whole number or a number, got 'long'"),
        ("train = 3", r"train must be a text, got 3"),
        ("minimize = 3", r"minimize must be a list, got 3"),
        ("where = [3]", r"where must be a text, got 3"),
        ("minimize = [3]", r"minimize must be a text, got 3"),
        ("strategy = ['grid']", r"strategy must be a text or a table"),
        ("space = 'lr'", r"space must be a table"),
        ("minimize = ", r"is not TOML"),
    ],
)
def test_an_error_names_the_file_the_key_and_the_value(tmp_path, text, message):
    path = tmp_path / "study.toml"
    path.write_text(text)
    with pytest.raises(StudyError, match=message) as error:
        read_definition(path)
    assert str(path) in str(error.value)


def test_a_file_that_is_no_text_or_not_there_gives_a_clear_error(tmp_path):
    with pytest.raises(StudyError, match=r"can't read .*study\.toml: No such file"):
        read_definition(tmp_path / "study.toml")
    (tmp_path / "study.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StudyError, match="is not TOML"):
        read_definition(tmp_path / "study.toml")


def test_an_error_in_the_space_names_the_hyperparameter(tmp_path):
    (tmp_path / "study.toml").write_text("[space]\nlr = '0..1 log'\n")
    with pytest.raises(SpaceError, match="lr"):
        read_definition(tmp_path / "study.toml")


def test_the_time_that_one_run_was_given_is_not_said_to_the_next(tmp_path):
    for form in ({"use": "auto", "time": 3.0}, {"use": "gp", "design": 4, "time": 3.0}):
        text = definition_text(Study({"x": Float(0.0, 1.0)}, minimize="loss", strategy=form).history)
        (tmp_path / "study.toml").write_text(text)
        strategy = read_definition(tmp_path / "study.toml").strategy
        assert strategy == ("auto" if form["use"] == "auto" else {"use": "gp", "design": 4})


def test_a_program_may_stand_in_the_place_of_a_function():
    table = {"command": ["python", "train.py"], "program": {"style": "name=value"}}
    assert definition_from(table, "x") == Definition(command=("python", "train.py"), program={"style": "name=value"})
    assert definition_from({"command": "python train.py"}, "x").command == "python train.py"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"command": 3}, "command must be a text or a list, got 3"),
        ({"command": ["python", 3]}, "command must be a text, got 3"),
        ({"command": "a", "train": "b"}, "train and command are both given"),
        ({"program": "a"}, "program must be a table"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(table, message):
    with pytest.raises(StudyError, match=message):
        definition_from(table, "x")


def test_a_runner_and_what_each_trial_gets_are_read():
    said = definition_from(
        {
            "workers": "auto",
            "runner": {"use": "slurm", "partition": "gpu"},
            "resources": {"gpus": 0.5, "custom": {"tpu": 1}},
            "silence": 600,
        },
        "study.toml",
    )
    assert said.workers == "auto"
    assert said.runner == {"use": "slurm", "partition": "gpu"}
    assert said.resources == Resources(gpus=0.5, custom={"tpu": 1})
    assert said.silence == 600


def test_a_resource_of_the_wrong_kind_is_named():
    with pytest.raises(StudyError, match=r"study.toml: resources: .*`\$.gpus`.* What a trial can be given: cpus, gpus"):
        definition_from({"resources": {"gpus": "two"}}, "study.toml")
    with pytest.raises(StudyError, match=r"workers must be a whole number, got 'many'"):
        definition_from({"workers": "many"}, "study.toml")
