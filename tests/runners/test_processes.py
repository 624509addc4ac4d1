import os
import subprocess
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location

import pytest

from danlu import Study
from danlu.core.stopping import Trials
from danlu.errors import RunnerError
from danlu.loop import run
from danlu.runners.processes import Processes, visible_devices, worker_environment
from danlu.testing.runners import SPACE, RunnerKit


class TestProcesses(RunnerKit):
    def make(self, train, timeout=None):
        return Processes(train, "loss", workers=2, timeout=timeout)


def test_threads_are_shared_out_among_workers(monkeypatch):
    monkeypatch.setattr("danlu.runners.processes._cpus", lambda: 16)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert worker_environment(0, 4, [])["OMP_NUM_THREADS"] == "4"
    assert worker_environment(0, 32, [])["OMP_NUM_THREADS"] == "1"


def test_a_number_of_threads_that_the_user_set_is_kept(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert worker_environment(0, 4, [])["OMP_NUM_THREADS"] == "3"


def test_each_worker_sees_one_device_in_turn():
    seen = [worker_environment(slot, 3, ["0", "1"])["CUDA_VISIBLE_DEVICES"] for slot in range(3)]
    assert seen == ["0", "1", "0"]


@pytest.mark.parametrize(("given", "devices"), [("0,2", ["0", "2"]), ("", []), ("-1", []), ("GPU-5a3f", ["GPU-5a3f"])])
def test_devices_that_the_user_allows_are_the_only_ones(monkeypatch, given, devices):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert visible_devices() == devices


def test_devices_are_asked_of_the_driver(monkeypatch, tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 0\necho 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_devices() == ["0", "1"]


def test_a_function_that_can_not_be_sent_is_refused_before_anything_runs(tmp_path):
    with (tmp_path / "file").open("w") as file, pytest.raises(RunnerError, match="inside the function"):
        Processes(lambda trial, config: file.write("x"), "loss")


@pytest.mark.parametrize("settings", [{"workers": 0}, {"timeout": 0.0}])
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(RunnerError):
        Processes(len, "loss", **settings)


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
