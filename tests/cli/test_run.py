import json
import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest

from danlu import open_study
from danlu.strategies.grid import Grid


def test_a_function_is_tuned_and_the_best_is_said(here, danlu):
    said = danlu("run", f"{here.script}:train", "--minimize", "val_loss", "--trials", 5, "--strategy", "random")
    assert said.status == 0
    assert f"runs/{here.name}" in said.out
    with open_study(f"runs/{here.name}") as study:
        assert len(study.trials) == 5
        assert f"trial {study.best.number}" in said.out
        assert study.trials[0].config == {"lr": 1e-2, "depth": 2}
    assert (
        len([line for line in said.err.splitlines() if "· trial" in line]) == 5
    )  # a line a trial, as this is no terminal


NOISY = """
from typing import Annotated
from random import Random
from danlu import Float

def train(trial, x: Annotated[float, Float(0.0, 1.0)] = 0.5, y: Annotated[float, Float(0.0, 1.0)] = 0.5):
    return {"loss": (x - 0.3) ** 2 + (y - 0.3) ** 2 + 0.2 * Random(trial.seed).gauss(0.0, 1.0)}
"""


def test_a_noisy_search_ends_with_a_recommendation(here, danlu):
    (here.folder / "noisy_training.py").write_text(NOISY)
    said = danlu("run", "noisy_training.py:train", "--minimize", "loss", "--trials", 40, "--strategy", "gp", "-q")
    with open_study("runs/noisy_training") as study:
        assert study.recommended.number != study.best.number
        assert f"recommended, for training is noisy: trial {study.recommended.number}, loss" in said.out


def test_a_definition_is_run_and_options_outrank_it(here, danlu):
    (here.folder / "study.toml").write_text(
        f'train = "{here.script}"\nminimize = "val_loss"\ntrials = 4\nfolder = "kept"\n'
        '[strategy]\nuse = "grid"\nlevels = 2\n'
    )
    assert danlu("run", "study.toml").status == 0
    with open_study("kept") as study:
        assert len(study.trials) == 4
        assert study.strategy == Grid(2)
    assert danlu("run", "study.toml", "--trials", 3, "--folder", "other", "--maximize", "accuracy", "-q").status == 0
    with open_study("other") as study:
        assert str(study.history.objectives[0]) == "maximize accuracy"
        assert len(study.trials) == 3


def test_the_same_command_goes_on_and_counts_all_trials(here, danlu):
    command = ("run", here.script, "--minimize", "val_loss", "--strategy", "random", "-q")
    danlu(*command, "--trials", 2)
    danlu(*command, "--trials", 4)
    said = danlu(*command, "--trials", 4)
    assert said.status == 0
    assert "4 complete" in said.out


def test_a_study_that_lies_there_need_not_be_told_its_objective_again(here, danlu):
    danlu("run", here.script, "--minimize", "val_loss", "--trials", 2, "-q")
    assert "3 complete" in danlu("run", here.script, "--trials", 3, "-q").out


def test_settings_of_a_strategy_and_a_space_may_be_given_as_options(here, danlu):
    (here.folder / f"plain_{here.name}.py").write_text("def train(trial, config):\n    return config['x']\n")
    said = danlu(
        "run", f"plain_{here.name}.py", "--space", "x=0.0..1.0", "--space", "k=a | b", "--maximize", "score", "-q",
        "--strategy", "grid", "--setting", "levels={x = [0.25, 0.75]}",
    )  # fmt: skip
    assert said.status == 0, said.err
    with open_study(f"runs/plain_{here.name}") as study:
        assert sorted(trial.config["x"] for trial in study.trials) == [0.25, 0.25, 0.75, 0.75]
        assert study.best.value == 0.75


def test_constraints_are_kept_and_may_be_given_as_options_or_in_the_definition(here, danlu):
    said = danlu(
        "run", here.script, "--minimize", "val_loss", "--trials", 8, "--strategy", "random", "-q",
        "--where", "depth * lr <= 0.05", "--where", "depth != 3",
    )  # fmt: skip
    assert said.status == 0, said.err
    with open_study(f"runs/{here.name}") as study:
        assert study.space.where == ("depth * lr <= 0.05", "depth != 3")
        assert all(t.config["depth"] * t.config["lr"] <= 0.05 and t.config["depth"] != 3 for t in study.trials)
    (here.folder / "study.toml").write_text(
        f'train = "{here.script}"\nminimize = "val_loss"\ntrials = 2\nfolder = "kept"\nwhere = ["depth <= 2"]\n'
    )
    assert danlu("run", "study.toml", "-q").status == 0
    with open_study("kept") as study:
        assert study.space.where == ("depth <= 2",)


def test_earlier_studies_are_given_by_folder_or_name_as_options_or_in_the_definition(here, danlu):
    command = ("run", here.script, "--minimize", "val_loss", "--strategy", "random", "-q")
    assert danlu(*command, "--trials", 3, "--folder", "runs/first").status == 0
    assert danlu(*command, "--trials", 4, "--folder", "second").status == 0
    said = danlu(*command, "--trials", 2, "--folder", "third", "--warm-start", "first", "--warm-start", "second")
    assert said.status == 0, said.err
    with open_study("third") as study:
        assert [(e.name, len(e)) for e in study.history.earlier] == [("first", 3), ("second", 4)]
    assert "warm start from first (3 trials), second (4 trials)" in danlu("show", "third").out
    assert "warm start from second: 4 trials" in danlu("replay", "third").out
    (here.folder / "sub").mkdir()
    (here.folder / "sub" / "study.toml").write_text(
        f'train = "../{here.script}"\nminimize = "val_loss"\ntrials = 2\nfolder = "kept"\nwarm_start = "../second"\n'
    )
    for _ in range(2):
        assert danlu("run", "sub/study.toml", "-q").status == 0
    with open_study("sub/kept") as study:
        assert [e.name for e in study.history.earlier] == ["second"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "add --minimize METRIC"),
        (("--minimize", "val_loss", "--warm-start", "nothing"), "no study in 'nothing'"),
        (("--minimize", "val_loss", "--where", "depht < 3"), "no hyperparameter 'depht'. Did you mean 'depth'"),
        (("--minimize", "val_loss", "--where", "depth < 2"), "the default config violates 'depth < 2': depth = 2"),
        (("--minimize", "val_loss", "--strategy", "randon"), "Did you mean 'random'"),
        (("--minimize", "val_loss", "--strategy", "grid", "--setting", "level=3"), "Its settings: levels"),
        (("--minimize", "val_loss", "--setting", "levels=3"), "add --strategy NAME"),
        (("--minimize", "val_loss", "--space", "lr=1..0"), "low must not exceed high"),
        (
            ("--minimize", "val_loss", "--workers", "few"),
            "takes a whole number from 1 on, or auto; got 'few'",
        ),
        (("--minimize", "val_loss", "--address", "auto"), "address belongs to a runner: add --runner NAME"),
        (("--minimize", "val_loss", "--resource", "tpu"), "--resource takes NAME=VALUE"),
        (("--minimize", "val_loss", "--resource", "tpu=big"), "--resource takes NAME=AMOUNT, such as tpu=1"),
        (("--minimize", "val_loss", "--nice", "30"), "nice must be from 0 to 19"),
    ],
)
def test_bad_usage_is_refused_before_anything_is_written(here, danlu, words, message):
    said = danlu("run", here.script, *words)
    assert said.status == 2
    assert message in said.err.replace("\n", " ")
    assert not (here.folder / "runs").exists()


def test_a_definition_with_a_wrong_key_names_the_file_and_the_nearest_key(here, danlu):
    (here.folder / "study.toml").write_text('trian = "x.py"\n')
    said = danlu("run", "study.toml")
    assert said.status == 2
    assert "study.toml" in said.err
    assert "Did you mean 'train'" in said.err


def test_a_run_in_which_everything_fails_has_status_1_and_shows_the_first_error(here, danlu):
    (here.folder / f"fails_{here.name}.py").write_text("def train(trial, config):\n    raise OSError('no data')\n")
    said = danlu("run", f"fails_{here.name}.py", "--space", "x=0.0..1.0", "--minimize", "loss", "-q")
    assert said.status == 1
    assert "no data" in said.err
    assert "Traceback" not in said.err


SLOW = """
import time
from typing import Annotated
from danlu import Float

def train(trial, x: Annotated[float, Float(0.0, 1.0)] = 0.5):
    for step in trial.steps(20):
        time.sleep(0.05)
        trial.report(step, loss=x / step)
"""


def test_ctrl_c_in_a_terminal_ends_with_status_130_and_the_same_command_goes_on(here):
    (here.folder / "slow.py").write_text(SLOW)
    command = [
        f"{sys.prefix}/bin/danlu",
        "run",
        "slow.py",
        "--minimize",
        "loss",
        "--workers",
        "2",
        "--strategy",
        "random",
    ]
    main, other = pty.openpty()
    process = subprocess.Popen([*command, "--trials", "6"], stdin=other, stdout=other, stderr=other, close_fds=True)
    os.close(other)
    shown = _until(main, "running")
    process.send_signal(signal.SIGINT)
    shown += _until(main, None)
    assert process.wait(timeout=30) == 130
    assert "/6 trials" in shown
    assert "nothing is lost" in shown
    with open_study("runs/slow") as study:
        assert 0 < len(study.trials) < 6
        assert not study.history.pending
    done = subprocess.run([*command, "--trials", "3", "-q"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    with open_study("runs/slow") as study:
        assert len(study.history.completed) == 3
        assert study.verify() == []


def _until(terminal, text):
    """What the terminal shows until a text comes, or its end."""
    shown, end = "", time.monotonic() + 30
    while time.monotonic() < end:
        try:
            shown += os.read(terminal, 4096).decode(errors="replace")
        except OSError:
            break
        if text and text in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown):
            break
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)


def test_the_json_of_a_study_that_was_run_holds_its_trials(here, danlu):
    danlu("run", here.script, "--minimize", "val_loss", "--trials", 3, "-q")
    facts = json.loads(danlu("show", here.name, "--json").out)
    assert [row["status"] for row in facts["trials"]] == ["complete"] * 3


def test_another_space_is_refused_with_the_way_to_go_on_in_it(here, danlu):
    settings = ("--minimize", "val_loss", "--strategy", "random", "-q", "--folder", "runs/mine")
    assert danlu("run", here.script, "--trials", 3, *settings).status == 0
    (here.folder / f"{here.name}_b.py").write_text(
        (here.folder / here.script)
        .read_text()
        .replace("Float(1e-4, 1e-1", "Float(1e-3, 1.0")
        .replace("Int(1, 4)", "Int(1, 8)")
    )
    refused = danlu("run", f"{here.name}_b.py", "--trials", 6, *settings)
    assert refused.status == 2
    assert "has another space; in yours: lr moved from 0.0001..0.1 log" in refused.err
    assert "--change" in refused.err
    assert danlu("run", f"{here.name}_b.py", "--trials", 6, *settings, "--change").status == 0
    with open_study("runs/mine") as study:
        assert len(study.trials) == 6
        assert study.space["depth"].high == 8
    note = (
        "note: the space was changed: lr moved from 0.0001..0.1 log default=0.01 to 0.001..1.0 log default=0.01; depth"
    )
    assert note in danlu("show", "mine").out
    told = danlu("replay", "mine").out
    assert "goes on in another space: lr, depth" in told
    assert "none came out otherwise" in danlu("replay", "mine", "--verify").out
    assert danlu("doctor", "mine").status == 0


def test_a_definition_that_was_edited_goes_on_with_change(here, danlu):
    toml = here.folder / "study.toml"
    toml.write_text(
        f'train = "{here.script}:tuned"\nminimize = "loss"\ntrials = 3\nfolder = "kept"\nstrategy = "grid"\n'
        '[space]\nact = "relu | gelu"\n'
    )
    with (here.folder / here.script).open("a") as script:
        script.write("\ndef tuned(trial, config):\n    return float(len(config['act']))\n")
    assert danlu("run", toml, "-q").status == 0
    toml.write_text(toml.read_text().replace("relu | gelu", "gelu | swish | x"))
    assert danlu("run", toml, "-q").status == 2
    assert danlu("run", toml, "-q", "--change", "--trials", 9).status == 0
    with open_study("kept") as study:
        assert [trial.config["act"] for trial in study.trials] in (
            [*two, *more] for two in (["relu", "gelu"], ["gelu", "relu"]) for more in (["swish", "x"], ["x", "swish"])
        )
    shown = danlu("show", "kept").out
    assert "note: the space was changed: act without 'relu', with 'swish' and 'x'" in shown


def test_how_many_checkpoints_are_kept_may_be_given_as_an_option_or_in_the_definition(here, danlu):
    command = ("run", here.script, "--minimize", "val_loss", "--strategy", "random", "-q", "--trials", 2)
    assert danlu(*command, "--folder", "one", "--keep", 0).status == 0
    (here.folder / "study.toml").write_text(
        f'train = "{here.script}"\nminimize = "val_loss"\ntrials = 2\nfolder = "two"\nkeep = 9\n'
    )
    assert danlu("run", "study.toml", "-q").status == 0
    for folder, keep in (("one", 0), ("two", 9)):
        with open_study(folder) as study:
            assert study.history.keep == keep
        assert f"keep = {keep}" in (here.folder / folder / "study.toml").read_text()


PLACED = """
import os
from typing import Annotated
from danlu import Float

def train(trial, x: Annotated[float, Float(0.0, 1.0)] = 0.5):
    if trial.number == 0 and trial.attempt < 3:
        os._exit(1)
    return {"loss": x, "device": float(os.environ["CUDA_VISIBLE_DEVICES"]), "process": float(os.getpid())}
"""


def test_where_trials_run_and_how_often_they_are_tried_again_stands_in_the_definition(here, danlu, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    (here.folder / "placed.py").write_text(PLACED)
    (here.folder / "study.toml").write_text(
        'train = "placed.py"\nminimize = "loss"\ntrials = 4\nfolder = "placed"\nworkers = "auto"\nretries = 2\n'
        'strategy = "random"\n[runner]\nuse = "processes"\nfresh = false\n[resources]\ngpus = 0.5\nmemory = 2\n'
    )
    said = danlu("run", "study.toml")
    assert said.status == 0, said.err
    assert "note: workers=auto: 2 trials at a time, for 1 device, 0.5 for each trial" in said.err
    with open_study("placed") as study:
        assert study.history.retries == 2
        assert [trial.metrics["device"] for trial in study.trials] == [3.0] * 4
        assert study.trials[0].lost == 2
        assert len({trial.metrics["process"] for trial in study.trials}) < 4


def test_what_this_machine_does_not_have_is_refused(here, danlu, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    said = danlu("run", here.script, "--minimize", "val_loss", "--gpus-per-trial", 3)
    assert said.status != 0
    assert "gpus per trial 3, but this machine has 2 devices (CUDA_VISIBLE_DEVICES=0,1)" in " ".join(said.err.split())


PAUSING = """
import os
from typing import Annotated
from danlu import Float

def train(trial, x: Annotated[float, Float(0.0, 1.0)] = 0.5):
    trial.load()
    for step in trial.steps(9):
        trial.report(step, loss=x + 1 / step)
        trial.save(os.urandom(50_000))
"""


def test_a_budget_in_steps_may_be_said_on_the_command_line_and_in_the_file(here, danlu):
    (here.folder / "saving.py").write_text(PAUSING)
    command = ("run", "saving.py", "--minimize", "loss", "--steps", 9, "--strategy", "random", "-q")
    assert danlu(*command, "--total-steps", 20, "--folder", "one").status == 0
    (here.folder / "study.toml").write_text(
        'train = "saving.py"\nminimize = "loss"\nstrategy = "random"\ntotal_steps = 20\nfolder = "two"\n'
    )
    assert danlu("run", "study.toml", "-q").status == 0
    for folder in ("one", "two"):
        with open_study(folder) as study:
            assert study.history.steps_done == 27


def test_what_early_stopping_saved_and_what_is_kept_is_said_at_the_end_and_in_show(here, danlu):
    (here.folder / "pausing.py").write_text(PAUSING)
    said = danlu(
        "run", "pausing.py", "--minimize", "loss", "--trials", 9, "--steps", 9,
        "--strategy", "asha", "--setting", "pauses=true",
    )  # fmt: skip
    assert said.status == 0
    saved, kept = said.err.splitlines()[-2:]
    assert re.fullmatch(
        r"early stopping saved \d+ steps \(\d+% of full trainings, .* s\): \d trials stopped or paused", saved
    )
    assert re.fullmatch(r"\d checkpoints kept, 0\.\d+ MB in all", kept)
    shown = danlu("show", "pausing").out
    assert saved in shown
    assert kept in shown
    facts = json.loads(danlu("show", "pausing", "--json").out)
    assert facts["saved"]["steps"] > 0
    assert facts["checkpoints"]["count"] == len(list((here.folder / "runs").rglob("*.ckpt")))
    assert facts["jumps"] == []


def test_a_run_says_which_rule_ended_it_and_what_it_cost(here, danlu):
    flags = ("--minimize", "val_loss", "--strategy", "random", "--seed", 0, "--price", 3600)
    said = danlu("run", f"{here.script}:train", *flags, "--target", 1e9)
    assert "stopped: trial 0 reached the target of val_loss 1e+09" in said.err
    assert "hours of trials at 3600 each" in said.err
    said = danlu("run", f"{here.script}:train", *flags, "--plateau", 2, "--tolerance", 100)
    assert "stopped: nothing better by more than 100 in the last 2 trials" in said.err
    assert "cost" in danlu("show", here.name, "--price", 2.5).out
    assert "cost" not in danlu("show", here.name).out
    assert danlu("run", f"{here.script}:train", *flags[:2], "--budget", 5).status == 2


def test_the_rules_that_end_a_study_stand_in_toml(here, danlu):
    lines = [f'train = "{here.script}:train"', 'minimize = "val_loss"', 'strategy = "random"', "target = 0.5"]
    lines += ["plateau = 2", "tolerance = 1e6", "price = 1", "budget = 1e9"]
    (here.folder / "own.toml").write_text("\n".join(lines))
    assert "stopped: " in (said := danlu("run", "own.toml")).err
    assert said.status == 0


def test_notifications_are_asked_for_on_the_command_line_and_in_toml(here, danlu):
    flags = ("--minimize", "val_loss", "--strategy", "random", "--trials", 1)
    (here.folder / "told.py").write_text("import sys; open('told', 'a').write(sys.stdin.read() + chr(10))")
    command = f"'{sys.executable}' told.py"
    assert danlu("run", f"{here.script}:train", *flags, "--notify", command, "--notify-on", "end").status == 0
    assert len((here.folder / "told").read_text().splitlines()) == 1
    lines = [f'train = "{here.script}:train"', 'minimize = "val_loss"', "trials = 2", "[[notify]]", 'on = ["end"]']
    (here.folder / "own.toml").write_text("\n".join([*lines, f'to = ["{sys.executable}", "told.py"]']))
    assert danlu("run", "own.toml").status == 0
    assert len((here.folder / "told").read_text().splitlines()) == 2
    assert danlu("run", f"{here.script}:train", *flags, "--notify-on", "end").status == 2
