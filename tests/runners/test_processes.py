import os
import subprocess
import sys
import threading
import time
from importlib.util import find_spec, module_from_spec, spec_from_file_location

import psutil
import pytest

from danlu import Status, Study, tune
from danlu.core.event import Reported
from danlu.core.resources import Resources
from danlu.core.stopping import Trials
from danlu.errors import RunnerError
from danlu.loop import run
from danlu.runners.processes import Processes, worker_environment
from danlu.runners.sharing import Share
from danlu.testing.runners import SPACE, RunnerKit


class TestProcesses(RunnerKit):
    def make(self, train, timeout=None):
        return Processes(train, "loss", workers=2, timeout=timeout)


def test_threads_are_shared_out_among_workers(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert worker_environment(Share((), 1.0, 4), [])["OMP_NUM_THREADS"] == "4"


def test_a_number_of_threads_that_the_user_set_is_kept(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert worker_environment(Share((), 1.0, 4), [])["OMP_NUM_THREADS"] == "3"


def test_a_function_that_can_not_be_sent_is_refused_before_anything_runs(tmp_path):
    with (tmp_path / "file").open("w") as file, pytest.raises(RunnerError, match="inside the function"):
        Processes(lambda trial, config: file.write("x"), "loss")


@pytest.mark.parametrize("settings", [{"workers": 0}, {"timeout": 0.0}])
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(RunnerError):
        Processes(len, "loss", **settings)


# limits ---------------------------------------------------------------------------------------------------------------


def ran(train, trials=2, folder=None, retries=1, **settings):
    """A study that has ended, on one worker if nothing else is said."""
    study = Study(SPACE, minimize="loss", strategy="random", folder=folder, retries=retries)
    run(study, Processes(train, "loss", **({"workers": 1} | settings)), Trials(trials))
    return study


def is_gone(pid, patience=5.0):
    """Whether a process ends before long: who is killed takes a moment to go."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.01)
    return False


def test_a_trial_that_takes_too_much_memory_is_ended_and_learned_from():
    def train(trial, config):
        held = bytearray(200_000_000 if trial.number == 0 else 1)
        held[::4096] = b"x" * len(held[::4096])
        time.sleep(30 if trial.number == 0 else 0)
        return 1.0

    study = ran(train, resources=Resources(memory=0.15))
    assert [trial.reason for trial in study.trials] == ["out of memory", ""]
    assert "more than the 0.15 GB of each trial" in study.trials[0].error
    assert study.trials[0].lost == 0


def test_memory_of_what_a_trial_starts_is_its_own():
    code = "import time; held = bytearray(b'x') * 200_000_000; time.sleep(30)"

    def train(trial, config):
        if trial.number == 0:
            subprocess.run([sys.executable, "-c", code], start_new_session=True)
        return 1.0

    study = ran(train, resources=Resources(memory=0.15))
    assert [trial.reason for trial in study.trials] == ["out of memory", ""]


def test_a_trial_that_the_system_kills_for_want_of_memory_is_learned_from(monkeypatch, tmp_path):
    counters = tmp_path / "vmstat"
    counters.write_text("nr_free_pages 17\noom_kill 3\n")
    monkeypatch.setattr("danlu.runners.machine._COUNTERS", counters)

    def train(trial, config):
        if trial.number == 0:
            counters.write_text("nr_free_pages 17\noom_kill 4\n")
        os.kill(os.getpid(), 9)

    study = ran(train, retries=0)
    assert [trial.reason for trial in study.trials] == ["out of memory", "died"]


def test_a_silent_trial_is_ended_and_tried_again_once():
    def train(trial, config):
        if trial.number == 0 or trial.attempt == 1:
            time.sleep(30)
        return 1.0

    study = ran(train, silence=1.0)
    assert [trial.reason for trial in study.trials] == ["silent", ""]
    assert [trial.lost for trial in study.trials] == [1, 1]
    assert "nothing was heard of it for" in study.trials[0].error


def test_reports_and_output_are_signs_of_life():
    def train(trial, config):
        for step in trial.steps(12):
            time.sleep(0.2)
            print("still here") if trial.number == 0 else trial.report(step, loss=1.0)
        return 1.0

    study = ran(train, silence=1.5)
    assert [trial.lost for trial in study.trials] == [0, 0]


def test_what_a_trial_has_started_ends_with_it(tmp_path):
    code = "import os, sys, time; print(os.getpid(), flush=True); time.sleep(60)"

    def train(trial, config):
        child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE)
        (tmp_path / f"{trial.number}").write_bytes(child.stdout.readline())
        if trial.number == 0:
            time.sleep(60)
        os._exit(1)  # its child has another parent from now on, and is out of our sight

    study = ran(train, trials=1, timeout=2.0)
    assert [trial.reason for trial in study.trials] == ["timeout"]
    assert is_gone(int((tmp_path / "0").read_text()))


def test_a_process_of_the_same_group_ends_even_when_the_worker_died_by_itself(tmp_path):
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"

    def train(trial, config):
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        (tmp_path / "child").write_bytes(child.stdout.readline())
        os._exit(1)

    ran(train, trials=1, retries=0)
    assert is_gone(int((tmp_path / "child").read_text()))


def test_trials_step_back_for_other_programs():
    study = ran(lambda trial, config: float(os.nice(0)), trials=1, resources=Resources(nice=7))
    assert study.best.value == os.nice(0) + 7


def test_time_in_which_nobody_looked_is_no_silence():
    released = threading.Event()

    def train(trial, config):
        trial.report(1, loss=1.0)
        return 1.0

    study = Study(SPACE, minimize="loss", strategy="random")
    runner = Processes(train, "loss", workers=1, silence=1.0, timeout=2.5)
    real = study.answer

    def slow(signals, attempts):
        if any(isinstance(signal, Reported) for signal in signals) and not released.is_set():
            released.set()
            time.sleep(3.0)  # as if the coordinator had been stopped
        return real(signals, attempts)

    study.answer = slow
    run(study, runner, Trials(1))
    assert (study.trials[0].status, study.trials[0].lost) == (Status.COMPLETE, 0)


# places ---------------------------------------------------------------------------------------------------------------


def who(trial, config):
    return {"loss": float(os.getpid()), "device": float(os.environ.get("CUDA_VISIBLE_DEVICES") or -1)}


def test_a_worker_on_the_cpu_is_kept_for_the_next_trial():
    assert len({trial.value for trial in ran(who, trials=4).trials}) == 1
    assert len({trial.value for trial in ran(who, trials=4, fresh=True).trials}) == 4


def test_a_trial_on_a_device_has_a_process_of_its_own(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    study = ran(who, trials=6, workers=None)
    assert len({trial.value for trial in study.trials}) == 6
    assert {trial.metrics["device"] for trial in study.trials} == {4.0, 6.0}
    assert all(trial.worker.endswith(f" on cuda:{trial.metrics['device']:.0f}") for trial in study.trials)
    assert study.history.notes == ("workers=auto: 2 trials at a time, for 2 devices, 1 for each trial",)
    assert len({trial.value for trial in ran(who, trials=4, fresh=False).trials}) == 1


def test_a_process_of_its_own_ends_as_a_program_does(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")

    def train(trial, config):
        import atexit

        atexit.register((tmp_path / f"{trial.number}").touch)
        return 1.0

    ran(train, trials=3)
    assert {"0", "1"} <= {path.name for path in tmp_path.iterdir()}  # the last one may be ended with the study


def test_trials_without_a_device_see_none(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    study = ran(who, resources=Resources(gpus=0), trials=3)
    assert [trial.metrics["device"] for trial in study.trials] == [-1.0] * 3
    assert len({trial.value for trial in study.trials}) == 1


def test_what_does_not_fit_is_refused_before_anything_runs(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(
        RunnerError, match=r"gpus per trial 2, but this machine has 1 device \(CUDA_VISIBLE_DEVICES=0\)"
    ):
        tune(who, space=SPACE, minimize="loss", workers="auto", resources=Resources(gpus=2), progress=False)


def test_a_place_that_is_avoided_gets_no_more_jobs(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    runner = Processes(who, "loss", workers=None)
    runner.avoid(frozenset({"cuda:0"}))
    assert runner.free() == 1
    study = Study(SPACE, minimize="loss", strategy="random")
    run(study, runner, Trials(3))
    assert [trial.metrics["device"] for trial in study.trials] == [1.0] * 3


def test_a_trial_that_crashed_is_tried_again_elsewhere_if_it_may_be(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")

    def train(trial, config):
        if os.environ["CUDA_VISIBLE_DEVICES"] == "0":
            os._exit(1)
        return 1.0

    study = ran(train, trials=1, workers=2)  # the other device is free
    assert (study.trials[0].status, study.trials[0].attempt) == (Status.COMPLETE, 2)
    assert study.trials[0].worker.endswith(" on cuda:1")


def test_a_trial_waits_until_somebody_else_leaves_room_on_its_device(monkeypatch, tmp_path):
    tool = tmp_path / "nvidia-smi"
    (tmp_path / "memory").write_text("0, GPU-1, 1000, 20\n")
    tool.write_text(f"#!/bin/sh\ncat {tmp_path}/memory\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setattr("danlu.runners.processes._AGAIN", 0.1)
    study = Study(SPACE, minimize="loss", strategy="random")

    running_when_noted = []

    def watch(history):
        if history.notes and not running_when_noted:
            running_when_noted.append(len(history.running))
            (tmp_path / "memory").write_text("0, GPU-1, 1000, 980\n")

    run(study, Processes(who, "loss", workers=1), Trials(2), watch)
    [note] = study.history.notes
    assert note.startswith(
        "cuda:0 is in use by somebody else: 20 MB of 1000 are free on cuda:0, and a trial needs 500."
    )
    assert running_when_noted == [0]
    assert [trial.status for trial in study.trials] == [Status.COMPLETE] * 2


MODULE = '''
import sys, types

class Special(types.ModuleType):
    """What torch.backends.mps and its like are: a module object of a class of its own, with what can't be pickled."""

    def __init__(self, name):
        super().__init__(name)
        self.lock = __import__("threading").Lock()

    ANSWER = 42

sys.modules[__name__] = Special(__name__)
'''

MAIN = """
import package.special
from danlu import Float, Space, tune

def train(trial, config):
    return float(package.special.ANSWER)

if __name__ == "__main__":
    study = tune(train, space=Space({"x": Float(0.0, 1.0)}), minimize="loss", trials=2, workers=2, progress=False)
    print([trial.value for trial in study.trials])
"""

MAIN_TORCH = """
import torch
from danlu import Float, Space, tune

def train(trial, config):
    torch.backends.cudnn.benchmark = torch.backends.mps.is_available()
    return 1.0

if __name__ == "__main__":
    study = tune(train, space=Space({"x": Float(0.0, 1.0)}), minimize="loss", trials=2, workers=2, progress=False)
    print([trial.value for trial in study.trials])
"""


def run_script(folder, text):
    (folder / "script.py").write_text(text)
    done = subprocess.run([sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_function_of_a_script_may_use_a_module_object_of_its_own_class(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").touch()
    (tmp_path / "package/special.py").write_text(MODULE)
    assert run_script(tmp_path, MAIN) == "[42.0, 42.0]"


@pytest.mark.skipif(find_spec("torch") is None, reason="needs torch")
def test_a_function_of_a_script_may_use_the_backends_of_torch(tmp_path):
    assert run_script(tmp_path, MAIN_TORCH) == "[1.0, 1.0]"


def test_a_function_of_a_file_that_no_worker_can_import_is_sent_as_it_is(tmp_path):
    text = "HALF = 0.5\ndef half(x):\n    return HALF * x\ndef train(trial, config):\n    return half(config['x'])\n"
    (tmp_path / "loose.py").write_text(text)
    spec = spec_from_file_location("loose", tmp_path / "loose.py")
    module = sys.modules["loose"] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        study = Study(SPACE, minimize="loss", strategy="random")
        run(study, Processes(module.train, "loss", workers=1), Trials(1))
    finally:
        del sys.modules["loose"]
    assert study.best.value == 0.25


def test_a_silence_far_longer_than_all_pauses_before_it_is_noted_once(monkeypatch):
    monkeypatch.setattr("danlu.runners.pulse._LONG", 1.0)
    monkeypatch.setattr("danlu.runners.pulse._UNUSUAL", 2)  # the first pauses may be long on a busy machine

    def train(trial, config):
        time.sleep(2.5 if trial.number == 3 else 0.05)
        return 1.0

    notes = ran(train, trials=5).history.notes
    assert len(notes) == 1
    assert notes[0].startswith("nothing was heard of trial 3 for ")
    assert "the longest pause of a trial so far was " in notes[0]
