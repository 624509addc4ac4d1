import json
import shlex
import subprocess
import sys
import time
from dataclasses import replace

import cloudpickle
import psutil
import pytest
from tests.programs.saving import check_paused, program

from danlu import Choice, Decision, Float, Int, Space, Status, Study, open_study, tune
from danlu.core.strategy import Strategy
from danlu.errors import StudyError, StudyFailed
from danlu.programs.arguments import Arguments
from danlu.programs.program import Program
from danlu.programs.resumption import Resumption
from danlu.programs.settings import program_from
from danlu.programs.watch import Watch
from danlu.strategies.random import Random

SPACE = Space({"lr": Float(1e-5, 1.0, log=True, default=0.1)})
PYTHON = (sys.executable, "-S", "-u")  # without site packages it is there at once


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes a script; gives the program that runs it."""
    monkeypatch.chdir(tmp_path)

    def of(body, *words, **settings):
        (tmp_path / "train.py").write_text(f"import json, os, signal, sys, time\n{body}\n")
        return Program((*PYTHON, "train.py", *words), folder=str(tmp_path), **({"grace": 0.5} | settings))

    return of


@pytest.fixture
def tuned(tmp_path):
    def of(program, space=SPACE, trials=1, minimize="loss", **settings):
        return tune(
            program, space=space, minimize=minimize, trials=trials, strategy=settings.pop("strategy", "random"),
            folder=tmp_path / "study", progress=False, **settings,
        )  # fmt: skip

    return of


def log(study, trial=0):
    return (study.folder / f"trials/{trial:04}/log.txt").read_text()


SAY = "print('epoch 1 loss 0.5', sys.argv[1:])"


class StopAtOnce(Strategy):
    """Random search that stops every trial at its first report."""

    def suggest(self, history, rng):
        return Random().suggest(history, rng)

    def decide(self, history, trial):
        return Decision.STOP


# values go in ---------------------------------------------------------------------------------------------------------


def test_what_is_run_and_what_it_says_is_in_the_log(written, tuned):
    study = tuned(written(f"{SAY}\nprint('to stderr', file=sys.stderr)", "--epochs", "5"))
    [first, said, other] = log(study).splitlines()
    assert first == f"$ {shlex.join(PYTHON)} train.py --epochs 5 --lr 0.1"
    assert said == "epoch 1 loss 0.5 ['--epochs', '5', '--lr', '0.1']"
    assert other == "to stderr"
    assert study.best.value == 0.5


def test_values_go_in_by_placeholders_and_by_the_environment(written, tuned):
    body = "print('loss', os.environ['LR'], os.environ['DANLU_TRIAL'], os.environ['DANLU_FOLDER']); print(sys.argv[1:])"
    space = Space({"lr": Float(0.0, 1.0, default=0.25), "n": Int(1, 9, default=3), "on": Choice(True, False)})
    study = tuned(
        written(body, "-n{n}", "{{n}}", "on={on}", "{folder}/{trial}-{seed}", environment={"LR": "{lr}"}), space
    )
    folder, seed = study.folder / "trials/0000", study.trials[0].seed
    assert f"loss 0.25 0 {folder}" in log(study)
    assert str(["-n3", "{n}", "on=True", f"{folder}/0-{seed}"]) in log(study)


def test_a_config_file_is_written_for_each_trial(written, tuned, tmp_path):
    (tmp_path / "config.yaml").write_text("# mine\noptimizer:\n  lr: 0.5\nname: x\n")
    program = written(
        "text = open(sys.argv[2]).read(); print('loss 1'); print(repr(text), sys.argv[2])",
        "--config", "./config.yaml", templates=("config.yaml",),
    )  # fmt: skip
    study = tuned(program, Space({"lr": Float(0.0, 1.0)}), trials=2)
    assert study.trials[0].config == {"lr": 0.5}  # its own value is the default
    for trial in study.trials:
        path = study.folder / f"trials/{trial.number:04}/input/config.yaml"
        assert path.read_text() == f"# mine\noptimizer:\n  lr: {trial.config['lr']!r}\nname: x\n"
        assert str(path) in log(study, trial.number)
    assert (tmp_path / "config.yaml").read_text() == "# mine\noptimizer:\n  lr: 0.5\nname: x\n"


def test_a_template_may_be_json_only_once_it_is_filled(written, tuned, tmp_path):
    (tmp_path / "c.json").write_text('{"lr": {lr}, "out": "{folder}", "depth": 2}')
    space = Space({"lr": Float(0.0, 1.0, default=0.25), "depth": Int(1, 9)})
    study = tuned(written(SAY, "{config}", templates=("c.json",)), space)
    read = json.loads((study.folder / "trials/0000/input/c.json").read_text())
    assert read == {"lr": 0.25, "out": str(study.folder / "trials/0000"), "depth": 2}


def test_an_argument_of_the_command_outranks_a_template(written, tuned, tmp_path):
    (tmp_path / "config.json").write_text('{"lr": 0.5, "depth": 2}')
    program = written(SAY, "{config}", "--lr", "0.25", templates=("config.json",))
    study = tuned(program, Space({"lr": Float(0.0, 1.0), "depth": Int(1, 9)}))
    assert study.trials[0].config == {"lr": 0.25, "depth": 2}
    assert "--lr 0.25" in log(study)
    assert json.loads((study.folder / "trials/0000/input/config.json").read_text()) == {"lr": 0.5, "depth": 2}


def test_the_default_config_is_what_the_script_does_today(written, tuned):
    body = (
        "import argparse; p = argparse.ArgumentParser(); p.add_argument('--lr', type=float, default=0.03)\n"
        "p.add_argument('--width', type=int, default=7); p.add_argument('--amp', action='store_true')\n"
        "p.add_argument('--far', type=float, default=99.0); print('loss', p.parse_args().lr)"
    )
    space = Space({"lr": Float(0.0, 1.0), "width": Int(1, 9), "amp": Choice(True, False), "far": Float(0.0, 1.0)})
    study = tuned(written(body, "--width", "5"), space)
    assert study.trials[0].config == {"lr": 0.03, "width": 5, "amp": False, "far": 0.5}


def test_no_shell_is_ever_used(written, tuned):
    space = Space({"lr": Choice("$(touch pwned)", "; touch pwned", default="$(touch pwned)")})
    study = tuned(written(SAY, "a b", "`touch pwned`", "{lr}"), space)
    assert str(["a b", "`touch pwned`", "$(touch pwned)"]) in log(study)
    assert not (study.folder.parent / "pwned").exists()


# what is said before anything runs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "settings", "message"),
    [
        (["{lrr}"], {}, r"placeholder \{lrr\} names nothing.*Did you mean 'lr'"),
        ([], {"environment": {"A": "{x}"}}, r"placeholder \{x\} names nothing"),
        (["--seed", "{seed}", "{trial}"], {"arguments": Arguments(style="")}, "'lr' goes nowhere"),
        (["--config", "{config}"], {"templates": ("c.yaml",)}, "'lr' goes nowhere.*Known: depth, rate"),
        ([], {"templates": ("none.yaml",)}, "can't read the template"),
    ],
)
def test_what_goes_nowhere_is_refused(written, tuned, tmp_path, words, settings, message):
    (tmp_path / "c.yaml").write_text("rate: 1\ndepth: 2\n")
    with pytest.raises(StudyError, match=message):
        tuned(written(SAY, *words, **settings))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["no-such-program"], "'no-such-program' is not found"),
        (["./train.py"], "'./train.py' is not executable.*python train.py"),
        (["train.py"], "'train.py' is not found.*There is ./train.py"),
        ([], "the command is empty"),
    ],
)
def test_a_program_that_cannot_run_is_refused(written, tuned, command, message):
    with pytest.raises(StudyError, match=message):
        tuned(replace(written(SAY), command=command))


def test_a_space_is_asked_for(written, tuned):
    with pytest.raises(StudyError, match="--space"):
        tuned(written(SAY), None)


# what goes wrong ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reason", "message"),
    [
        ("print('oh dear'); sys.exit(3)", "exception", "'train' ended with exit status 3: oh dear"),
        ("sys.exit(1)", "exception", "exit status 1"),
        ("import no_such_module", "exception", f"exit status 1 (its Python is {sys.executable}): ModuleNotFoundError"),
        ("raise MemoryError", "out of memory", "MemoryError"),
        ("print('torch.OutOfMemoryError: CUDA out of memory.'); sys.exit(1)", "out of memory", "CUDA out of memory"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "died", "killed by SIGKILL, which the system does when memory"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "exception", "killed by SIGSEGV"),
        ("print('epoch 1 loss nan')", "diverged", "loss is nan at step 1"),
    ],
)
def test_a_program_that_ends_badly_is_data(written, tuned, body, reason, message):
    study = tuned(written(f"if sys.argv[2] == '0.1':\n    {body}\n{SAY}"), trials=2)
    failed, other = study.trials
    assert failed.attempt == (2 if reason == "died" else 1)
    assert (failed.status, failed.reason) == (Status.FAILED, reason)
    assert message in failed.error
    assert log(study).count("Traceback") == ("raise" in body or "import" in body)
    assert other.status is Status.COMPLETE


def test_a_program_without_a_metric_stops_the_study_and_says_what_was_seen(written, tuned):
    with pytest.raises(StudyFailed, match=r"never gave 'los'.*seen in its output.*loss.*Did you mean 'loss'"):
        tuned(written("print('epoch 1 loss 0.5')"), minimize="los")


def test_a_program_that_says_nothing_is_shown_what_to_do(written, tuned):
    with pytest.raises(
        StudyFailed, match=r"no metric was found in its output.*epoch 3 score 0.25(.|\n)*nothing to see"
    ):
        tuned(written("print('nothing to see')"), minimize="score")


# metrics come out -----------------------------------------------------------------------------------------------------


def test_metrics_of_a_step_on_several_lines_and_in_files_are_one_report(written, tuned):
    body = (
        "out = open(os.environ['DANLU_FOLDER'] + '/metrics.csv', 'w', 1); out.write('epoch,acc\\n')\n"
        "for e in (1, 2, 3):\n"
        "    print(f'epoch {e} train_loss {2 / e}'); out.write(f'{e},{e / 10}\\n'); time.sleep(0.3)\n"
        "    print(f'epoch {e} val_loss {1 / e}')"
    )
    study = tuned(written(body), minimize="val_loss")
    curve = study.trials[0].curve
    assert curve.steps.tolist() == [1, 2, 3]
    assert curve["train_loss"].tolist() == [2 / e for e in (1, 2, 3)]
    assert curve["val_loss"].tolist() == [1 / e for e in (1, 2, 3)]
    assert study.trials[0].metrics["acc"] == 0.3


def test_a_program_may_report_itself(written, tuned):
    body = "sys.path[:0] = os.environ['PATHS'].split(':')\nimport danlu\nfor e in (1, 2): danlu.report(e, loss=1 / e)"
    study = tuned(replace(written(body), environment={"PATHS": ":".join(sys.path)}))
    assert study.trials[0].curve["loss"].tolist() == [1.0, 0.5]


def test_a_pattern_says_what_counts(written, tuned):
    program = written(
        "print('loss 9'); print('### 7 -> 0.25')", watch=Watch(pattern=r"### (?P<step>\d+) -> (?P<loss>\S+)")
    )
    study = tuned(program)
    assert study.trials[0].curve.steps.tolist() == [7]
    assert study.best.value == 0.25


def test_an_early_stop_happens_within_a_second_of_the_line(written, tuned):
    body = (
        "signal.signal(signal.SIGTERM, lambda *_: (print('told', time.time()), sys.exit(0)))\n"
        "print('epoch 1 loss 0.5', time.time(), flush=True)\ntime.sleep(60)"
    )
    study = tuned(written(body), strategy=StopAtOnce())
    assert study.trials[0].status is Status.STOPPED
    begun, told = (float(line.split()[-1]) for line in log(study).splitlines()[1:])
    assert told - begun < 1


def test_a_program_whose_output_is_closed_is_still_followed(written, tuned):
    body = (
        "os.close(1); os.close(2); time.sleep(0.3)\n"
        "open(os.environ['DANLU_FOLDER'] + '/m.jsonl', 'w').write('{\"step\": 4, \"loss\": 0.25}\\n')"
    )
    study = tuned(written(body))
    assert study.trials[0].curve.steps.tolist() == [4]


def test_a_flood_of_output_is_no_obstacle(written, tuned):
    body = "for k in range(3000): print('\\rstep', k, '█' * 50, end='')\nprint(); print('loss 0.5')"
    study = tuned(written(body))
    assert study.best.value == 0.5
    assert len(log(study)) < 3000


def test_trials_at_a_time_must_not_share_a_file_of_metrics(written, tuned):
    program = written(SAY, watch=Watch(csv=["logs/m.csv"]))
    with pytest.raises(StudyError, match=r"all trials would write to 'logs/m.csv'.*\{folder\}"):
        tuned(program, workers=2)
    tuned(replace(program, watch=Watch(csv=["{folder}/m.csv"])), workers=2)


# where it runs --------------------------------------------------------------------------------------------------------


def test_it_can_be_sent_to_workers_and_cannot_pause(written, tuned):
    program = written("for e in (1, 2, 3): print('epoch', e, 'loss', float(sys.argv[2]) + 1 / e)")
    assert cloudpickle.loads(cloudpickle.dumps(program)) == program
    study = tuned(program, trials=4, workers=2, strategy={"use": "asha", "pauses": True}, steps=3)
    assert {trial.status for trial in study.trials} <= {Status.COMPLETE, Status.STOPPED}
    assert any("can't be paused" in note for note in study.history.notes)


def test_it_can_be_called_by_who_owns_the_loop(written, tmp_path):
    study = Study(SPACE, minimize="loss", strategy="random", folder=tmp_path / "study")
    trial = study.ask()
    study.tell(trial, **written("for e in (1, 2): print('epoch', e, 'loss', e)")(trial, trial.config))
    assert study.trials[0].curve["loss"].tolist() == [1.0, 2.0]


def test_of_pauses_that_would_never_come_nothing_is_said(written, tuned):
    assert tuned(written(SAY), strategy="auto").history.notes == ()


def test_a_trial_that_takes_too_long_leaves_nothing_behind(written, tuned, tmp_path):
    body = f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(100)"
    study = tuned(written(body), timeout=3.0)
    assert study.trials[0].reason == "timeout"
    assert soon_gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("workers", [1, 2])
def test_programs_die_with_a_coordinator_that_is_killed(written, tmp_path, workers):
    program = written(
        f"signal.signal(signal.SIGTERM, signal.SIG_IGN); os.fork()\n"
        f"open({str(tmp_path / 'pids')!r}, 'a').write(str(os.getpid()) + chr(10)); time.sleep(100)"
    )
    words = ["--space", "lr=0.0..1.0", "--minimize", "loss", "--workers", str(workers), "--grace", "0.3", "--"]
    danlu = [sys.executable, "-c", "from danlu.cli.main import main; main()"]
    coordinator = subprocess.Popen([*danlu, "run", *words, *program.command], cwd=tmp_path, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(pids := numbers(tmp_path / "pids")) < 2 * workers:
        time.sleep(0.02)
    assert len(pids) == 2 * workers
    coordinator.kill()
    coordinator.wait()
    assert all(map(soon_gone, pids))
    with open_study(tmp_path / "runs/train") as study:
        assert study.verify() == []


def numbers(path):
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def soon_gone(pid):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


# pausing, for programs that can go on ---------------------------------------------------------------------------------


def test_a_program_that_saves_can_be_paused_and_goes_on(tmp_path):
    check_paused(tmp_path / "study")


def test_a_population_of_programs_is_forked_from_their_files(tuned):
    study = tuned(
        program("--resume={checkpoint}"), trials=6, strategy={"use": "pbt", "population": 4, "interval": 2}, steps=6
    )
    forks = [trial for trial in study.trials if trial.parent is not None]
    assert forks
    for trial in forks:
        assert f"from {trial.parent.step}" in log(study, trial.number)


# the table that says it -----------------------------------------------------------------------------------------------


def test_a_table_says_all_of_it(tmp_path):
    table = {
        "checkpoint": "{folder}/x", "resume": "-r {checkpoint}",
        "style": "--name=value", "booleans": "pair", "names": {"a.b": "c"}, "template": "c.yaml", "env": {"N": 1},
        "grace": 3, "pattern": "x", "csv": "{folder}/m.csv", "tensorboard": ["tb", "tb2"],
    }  # fmt: skip
    program = program_from("python 'my train.py' --x 1", table, tmp_path, "study.toml: program")
    assert program == Program(
        ("python", "my train.py", "--x", "1"), Arguments("--name=value", "pair", {"a.b": "c"}), ("c.yaml",),
        {"N": "1"}, str(tmp_path), 3.0, Watch("x", ("{folder}/m.csv",), (), ("tb", "tb2")),
        Resumption("{folder}/x", ("-r", "{checkpoint}")),
    )  # fmt: skip
    assert program.name == "my train"


@pytest.mark.parametrize(
    ("command", "table", "message"),
    [
        ("python x", {"styl": "a"}, "study.toml: no key 'styl'. Did you mean 'style'"),
        ("python x", {"style": "a"}, "the words name and value"),
        ("python x", {"grace": -1}, "grace must be a number of seconds from 0 on, got -1"),
        ("python x", {"csv": [1]}, "csv must be a text, got 1"),
        ("python x", {"names": "a"}, "names must be a table of texts"),
        ("python x", {"resume": "--resume {checkpoint}"}, "checkpoint and resume belong together"),
        ("python x", {"resume": "--resume", "checkpoint": "x"}, "where the checkpoint's path goes"),
        ("python 'x", {}, "can't split the command"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(tmp_path, command, table, message):
    with pytest.raises((StudyError, LookupError), match=message):
        program_from(command, table, tmp_path, "study.toml")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python src/train.py", "train"), ("python -m pkg.train -x", "train"), ("./fit", "fit"),
        ("torchrun --x=1 run.py", "run"), ("bash go.sh", "go"), ("fit", "fit"),
    ],
)  # fmt: skip
def test_a_study_is_called_as_the_script(command, name):
    assert Program(command.split()).name == name
