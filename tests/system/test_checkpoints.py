"""Checkpoints under fire: kills while they are written, forks that read while the parent saves, a small disk."""

import os
import random
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import tests.system.forks  # noqa: F401 - a journal that names its strategy does not import it
from tests.system.test_faults import mount, unmounting

from danlu import open_study
from danlu.core import event as ev
from danlu.core.keeping import kept
from danlu.records.checkpoint import read_checkpoint

HERE = Path(__file__).parent


def start(script, *arguments):
    path = os.pathsep.join(filter(None, [str(HERE.parents[1]), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, str(HERE / script), *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip


def finish(script, *arguments):
    process = start(script, *arguments)
    output = process.communicate(timeout=180)[0].decode()
    assert process.returncode == 0, output


def position_of(folder):
    try:
        with open_study(folder) as study:
            return study.history.position
    except Exception:
        return 0


def check_kept(folder):
    """Every checkpoint that the journal knows is there and whole."""
    with open_study(folder) as study:
        files = {file.path: file.size for file in kept(study.history)}
        assert study.verify() == []
        for trial in study.history.unborn:
            assert trial.parent.path in files
    for path, size in files.items():
        assert (folder / path).stat().st_size == size
        read_checkpoint(folder / path)
    return files


def on_disk(folder):
    return {path.relative_to(folder).as_posix() for path in folder.glob("trials/*/checkpoints/*")}


def test_forks_that_begin_while_their_parents_save_find_whole_checkpoints(tmp_path):
    folder = tmp_path / "study"
    finish("forking.py", folder, 16)
    files = check_kept(folder)
    with open_study(folder) as study:
        assert study.history.count("complete") == 16, [trial.error for trial in study.trials]
        assert sum(trial.parent is not None for trial in study.trials) >= 10
        assert list(files) == [study.best.checkpoint.path]
    assert on_disk(folder) == set(files)


def test_the_coordinator_and_workers_are_killed_while_they_save_and_no_checkpoint_is_half_written(tmp_path):
    rng, folder = random.Random(3), tmp_path / "study"
    for _ in range(8):
        process, before = start("forking.py", folder, 16), position_of(folder)
        while position_of(folder) <= before and process.poll() is None:
            time.sleep(0.005)
        time.sleep(rng.random() * 0.3)
        if rng.random() < 0.5:  # a worker first, in the middle of whatever it does
            with suppress(psutil.NoSuchProcess):  # it may have come to its end, and so may the study
                for worker in psutil.Process(process.pid).children()[:1]:
                    worker.kill()
            time.sleep(rng.random() * 0.2)
        process.kill()
        process.communicate()
        check_kept(folder)
    finish("forking.py", folder, 16)
    assert on_disk(folder) == set(check_kept(folder))  # what the kills left behind was swept
    with open_study(folder) as study:
        assert not any("AssertionError" in trial.error for trial in study.trials)


@pytest.fixture
def small_disk(tmp_path):
    path = tmp_path / "disk"
    path.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=20m", "tmpfs", path):
        pytest.skip("no small disk can be mounted")
    with unmounting(path):
        yield path


def test_a_disk_for_few_checkpoints_is_enough_for_many_paused_trials(small_disk):
    """27 trials pause with 2 MB each on a disk of 20 MB: the least wanted are given up before it is full."""
    folder = small_disk / "study"
    finish("pausing.py", folder, 27)
    check_kept(folder)
    with open_study(folder) as study:
        assert study.history.count("failed") == 0
        assert any("gave up the least wanted checkpoints" in note for note in study.history.notes)
        assert study.best.checkpoint is not None
        removed = [e for entry in study.entries() for e in entry.events if isinstance(e, ev.Removed)]
        assert removed
        assert study.best.step == 9
