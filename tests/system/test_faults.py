"""Faults as they come: each ends in a clear error or a recorded failure, nothing acknowledged is lost, and the study
opens afterwards, agrees with its strategy, and goes on to its end."""

import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import torch

from danlu import Float, Space, Status, Study, open_study, tune
from danlu.core import event as ev
from danlu.core.stopping import Trials
from danlu.errors import StoreError, StudyBusy, StudyError
from danlu.loop import run
from danlu.runners.inline import Inline
from danlu.runners.processes import Processes
from danlu.stores.repair import repair
from danlu.study import KEY
from danlu.testing.strategies import check_consistent

HERE = Path(__file__).parent
LINE = Space({"x": Float(0.0, 1.0)})


def check_healthy(folder):
    """Opens a study, checks all that can be checked, and returns its history."""
    with open_study(folder) as study:
        assert study.verify() == []
        check_consistent(study.history)
        for trial in study.trials:
            for file in trial.artifacts:
                assert (folder / file.path).stat().st_size == file.size
        return study.history


# a full disk ----------------------------------------------------------------------------------------------------------


class Disk:
    """A disk of 2 MB if one can be mounted, else a folder and a limit to the size of each file."""

    def __init__(self, path, mounted):
        self.path, self.mounted = path, mounted

    def run(self, workers, trials, what, full):
        limit = [] if self.mounted or not full else ["400000"]
        arguments = [self.path / "study", workers, trials, self.path.parent / "acknowledged", what, *limit]
        return subprocess.run(
            [sys.executable, str(HERE / "filling.py"), *map(str, arguments)], capture_output=True, text=True, timeout=60
        )

    def grow(self):
        if self.mounted:
            mount("-o", "remount,size=64m", self.path)


def mount(*arguments):
    return subprocess.run(["mount", *map(str, arguments)], capture_output=True).returncode == 0


@contextmanager
def unmounting(path):
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
def small_disk(tmp_path):
    path = tmp_path / "disk"
    path.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=2m", "tmpfs", path):
        yield Disk(path, mounted=False)
        return
    with unmounting(path):
        yield Disk(path, mounted=True)


def acknowledged(folder):
    return {tuple(map(int, line.split())) for line in (folder / "acknowledged").read_text().splitlines()}


def reported(folder):
    with open_study(folder) as study:
        events = [event for entry in study.entries() for event in entry.events]
    return {(event.trial, event.step) for event in events if isinstance(event, ev.Reported)}


@pytest.mark.skipif(os.name == "nt", reason="needs mount or RLIMIT_FSIZE")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("what", ["reports", "artifact", "checkpoint", "log"])
def test_a_full_disk_stops_the_study_which_goes_on_when_there_is_space(tmp_path, small_disk, workers, what):
    done = small_disk.run(workers, 6, what, full=True)
    assert done.returncode == 1
    assert "StoreError" in done.stderr.splitlines()[-1]
    assert "Free some space" in done.stderr.splitlines()[-1]
    folder = small_disk.path / "study"
    history = check_healthy(folder)  # the disk is still full
    assert history.count(Status.FAILED) == 0
    assert set() < acknowledged(tmp_path) <= reported(folder)
    small_disk.grow()
    done = small_disk.run(workers, 6, what, full=False)
    assert done.returncode == 0, done.stderr
    assert check_healthy(folder).count(Status.COMPLETE) == 6
    assert acknowledged(tmp_path) <= reported(folder)
    assert list(folder.rglob(".*noise*")) == []  # what was cut off was cleaned up


# a read-only medium ---------------------------------------------------------------------------------------------------


@contextmanager
def read_only(folder):
    """The folder on a medium that can't be written, whoever we are."""
    if os.geteuid() != 0:
        folder.chmod(0o555)
        try:
            yield
        finally:
            folder.chmod(0o755)
    else:
        assert mount("--bind", folder, folder)
        with unmounting(folder):
            assert mount("-o", "remount,ro,bind", folder)
            yield


def can_mount(tmp_path_factory):
    probe = tmp_path_factory.mktemp("probe")
    return mount("-t", "tmpfs", "tmpfs", probe) and subprocess.run(["umount", str(probe)]).returncode == 0


@pytest.fixture(params=["closed", "crashed", "being written"])
def kept(request, tmp_path, tmp_path_factory):
    """The folder of a study with three trials: at rest, as a crash left it, or while its coordinator lives."""
    if os.name == "nt" or (os.geteuid() == 0 and not can_mount(tmp_path_factory)):
        pytest.skip("root can't be kept from writing here")
    folder = tmp_path / "study"
    study = Study(LINE, minimize="loss", folder=folder)
    for loss in (0.5, 0.2, 0.9):
        study.tell(study.ask(), loss=loss)
    if request.param == "crashed":
        shutil.copytree(folder, tmp_path / "copy")
        shutil.rmtree(folder)
        (tmp_path / "copy").rename(folder)
        (folder / "journal.db-shm").unlink()
        assert (folder / "journal.db-wal").stat().st_size > 0
    elif request.param == "closed":
        study.close()
    yield folder
    study.close()


def test_a_study_on_a_read_only_medium_can_be_looked_at(kept):
    with read_only(kept), open_study(kept) as study:
        assert study.best.value == 0.2
        assert study.verify() == []
        assert study.refresh().position == 7
        assert study.store.studies() == [KEY]


def test_a_study_on_a_read_only_medium_can_not_be_run_and_says_why(kept):
    with read_only(kept), open_study(kept) as study:
        with pytest.raises(StoreError, match="Make the folder writable"):
            study.ask()
        with pytest.raises(StoreError, match="Make the folder writable"):
            run(study, Inline(lambda trial, config: 1.0, "loss"), Trials(9))
        assert study.history.position == 7
    with open_study(kept) as study:
        run(study, Inline(lambda trial, config: 1.0, "loss"), Trials(4))
    assert check_healthy(kept).count(Status.COMPLETE) == 4


def test_a_study_can_not_begin_on_a_read_only_medium(tmp_path, tmp_path_factory):
    if os.name == "nt" or (os.geteuid() == 0 and not can_mount(tmp_path_factory)):
        pytest.skip("root can't be kept from writing here")
    with read_only(tmp_path), pytest.raises(StoreError, match="Choose a folder that can be written"):
        tune(lambda trial, config: 1.0, space=LINE, minimize="loss", folder=tmp_path / "study", progress=False)


# a damaged journal ----------------------------------------------------------------------------------------------------


def overwrite(path, share, data):
    with path.open("r+b") as file:
        file.seek(int(path.stat().st_size * share))
        file.write(data)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: os.truncate(path, path.stat().st_size // 2),
        lambda path: overwrite(path, 0.5, os.urandom(4096)),
        lambda path: overwrite(path, 0.7, b"\xff" * 300),
    ],
    ids=["truncated", "noise in the middle", "some bytes"],
)
@pytest.mark.parametrize("has_tail", [False, True])
def test_a_damaged_study_goes_on(tmp_path, damage, has_tail):
    with Study(LINE, minimize="loss", strategy="random", folder=tmp_path) as study:
        for _ in range(150):
            study.tell(study.ask(), loss=0.5)
        configs = [trial.config for trial in study.trials]
    journal = tmp_path / "journal.db"
    damage(journal)
    if has_tail:
        assert check_healthy(tmp_path).count(Status.COMPLETE) == 150
    else:  # as it was with earlier versions, and as it is far from the end
        journal.with_name("journal.db-tail").unlink()
        with pytest.raises(StoreError, match="doctor --repair"):
            open_study(tmp_path)
        assert 1 < repair(journal, KEY).kept < 301
        check_healthy(tmp_path)
    with open_study(tmp_path) as study:
        run(study, Inline(lambda trial, config: 0.5, "loss"), Trials(151))
        assert [trial.config for trial in study.trials][:150] == configs
    assert check_healthy(tmp_path).count(Status.COMPLETE) == 151
    assert repair(journal, KEY).damaged is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the journal is empty.*Restore it from a copy"),
        (b"<html>404 not found</html>" * 500, "not a database.*doctor --repair"),
        (bytes(16384), "doctor --repair|the journal is empty"),
    ],
)
def test_what_is_no_journal_gives_a_clear_error(tmp_path, content, message):
    (tmp_path / "journal.db").write_bytes(content)
    with pytest.raises(StoreError, match=message):
        open_study(tmp_path)


# several at once ------------------------------------------------------------------------------------------------------


def start(tmp_path, workers, trials):
    (tmp_path / "acknowledged").touch()
    arguments = [tmp_path / "study", workers, trials, tmp_path / "acknowledged"]
    return subprocess.Popen(
        [sys.executable, str(HERE / "search.py"), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def history_of(folder):
    """What is known of a study that may not have begun yet."""
    try:
        with open_study(folder) as study:
            return study.history
    except Exception:
        return None


def wait_until(process, holds):
    """Until something holds of the study that a process runs."""
    while True:
        history = history_of(Path(process.args[2]))
        if history is not None and holds(history):
            return history
        if process.poll() is not None:
            raise AssertionError(process.stderr.read().decode())
        time.sleep(0.01)


@pytest.fixture
def running(tmp_path):
    started = []

    def begin(workers, trials):
        started.append(start(tmp_path, workers, trials))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def end_of(process):
    _, error = process.communicate(timeout=60)
    assert process.returncode == 0, error.decode()


def check_all_ran_once(folder, trials):
    history = check_healthy(folder)
    assert [(t.status, t.attempt) for t in history.trials] == [(Status.COMPLETE, 1)] * trials


def test_a_second_coordinator_is_refused_and_the_first_goes_on_unharmed(tmp_path, running):
    first = running(2, 10)
    wait_until(first, lambda history: len(history.running) > 0)
    psutil.Process(first.pid).suspend()  # so that it can't be over before the second has begun
    second = running(2, 10)
    _, error = second.communicate(timeout=30)
    psutil.Process(first.pid).resume()
    assert second.returncode == 1
    assert f"(process {first.pid} on " in error.decode()
    assert "StudyBusy" in error.decode()
    end_of(first)
    check_all_ran_once(tmp_path / "study", 10)


ASK_AND_TELL = """
import sys
from danlu import Float, Space, Study
study = Study(Space({"x": Float(0.0, 1.0)}), minimize="loss", strategy="random", folder=sys.argv[1])
for _ in range(25):
    trial = study.ask()
    study.report(trial, 1, loss=trial.config["x"])
    study.tell(trial, loss=trial.config["x"])
    print(trial.number, flush=True)
"""


def test_three_processes_and_two_threads_ask_and_tell_on_one_folder(tmp_path):
    folder = tmp_path / "study"
    study = Study(LINE, minimize="loss", strategy="random", folder=folder)
    command = [sys.executable, "-c", ASK_AND_TELL, str(folder)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    ours = []

    def ask_and_tell():
        for _ in range(25):
            trial = study.ask()
            study.tell(trial, loss=trial.config["x"])
            ours.append(trial.number)

    threads = [threading.Thread(target=ask_and_tell) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    theirs = [int(word) for process in processes for word in process.communicate(timeout=60)[0].split()]
    study.close()
    assert sorted(ours + theirs) == list(range(125))
    history = check_healthy(folder)
    assert history.count(Status.COMPLETE) == 125
    assert history.distinct == 125
    assert [t.value for t in history.trials] == [t.config["x"] for t in history.trials]


# signals --------------------------------------------------------------------------------------------------------------


def test_a_worker_that_is_suspended_for_a_while_goes_on(tmp_path, running):
    process = running(2, 24)
    history = wait_until(process, lambda history: len(history.running) == 2)
    worker = psutil.Process(int(history.running[0].worker.split()[-1]))
    worker.suspend()
    finished = len(history_of(tmp_path / "study").finished)
    wait_until(process, lambda history: len(history.finished) >= finished + 2)  # the other one works meanwhile
    worker.resume()
    end_of(process)
    check_all_ran_once(tmp_path / "study", 24)


def test_a_coordinator_that_is_suspended_for_a_while_goes_on(tmp_path, running):
    process = running(2, 24)
    wait_until(process, lambda history: len(history.finished) >= 2)
    coordinator = psutil.Process(process.pid)
    coordinator.suspend()
    position = history_of(tmp_path / "study").position
    time.sleep(0.2)
    assert history_of(tmp_path / "study").position == position  # nothing happens behind its back
    coordinator.resume()
    end_of(process)
    check_all_ran_once(tmp_path / "study", 24)


@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_ends_the_workers_too_and_the_study_goes_on_later(tmp_path, running, workers):
    process = running(workers, 24)
    wait_until(process, lambda history: len(history.finished) >= 2)
    children = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    process.wait(timeout=10)
    assert process.returncode == -signal.SIGTERM
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []
    cut_off = check_healthy(tmp_path / "study")
    assert len(cut_off.pending) <= workers
    end_of(running(workers, 24))
    history = check_healthy(tmp_path / "study")
    assert history.count(Status.COMPLETE) == 24
    assert [t.config for t in history.trials][: len(cut_off.trials)] == [t.config for t in cut_off.trials]


# faults of the training function --------------------------------------------------------------------------------------


def faulty(trial, config):
    """Of six trials, four go wrong, each in its own way."""
    match trial.number:
        case 1:
            return math.nan
        case 2:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
        case 3:
            return float(torch.zeros(1, device="cuda").sum())
        case 4:
            trial.attach("sample.png", torch.zeros(2, 3, 8, 8))
    return config["x"]


@pytest.mark.parametrize("make", [Inline, Processes])
def test_faults_of_the_training_function_are_recorded_and_the_others_go_on(tmp_path, make):
    with Study(LINE, minimize="loss", strategy="random", folder=tmp_path) as study:
        run(study, make(faulty, "loss"), Trials(6))
    history = check_healthy(tmp_path)
    has_cuda = torch.cuda.is_available()
    assert [t.reason for t in history.trials] == [
        "", "diverged", "exception", "" if has_cuda else "exception", "artifact", "",
    ]  # fmt: skip
    assert "cannot be multiplied" in history.trials[2].error
    assert has_cuda or any(word in history.trials[3].error for word in ("CUDA", "NVIDIA"))
    assert "(2, 3, 8, 8)" in history.trials[4].error
    assert "Traceback" in (tmp_path / "trials/0002/log.txt").read_text()
    assert history.best.value == min(history.trials[k].value for k in (0, 5))


def test_a_metric_of_another_name_stops_the_study_at_once_and_it_goes_on_when_that_is_mended(tmp_path):
    with Study(LINE, minimize="val_loss", strategy="random", folder=tmp_path) as study:
        with pytest.raises(StudyError, match=r"no metric 'val_loss'\. Did you mean 'val_los'"):
            run(study, Inline(lambda trial, config: {"val_los": 1.0}, "val_loss"), Trials(5))
        run(study, Inline(lambda trial, config: {"val_loss": 1.0}, "val_loss"), Trials(5))
    history = check_healthy(tmp_path)
    assert [t.reason for t in history.trials] == ["metric", "", "", "", ""]


def test_two_coordinators_in_one_process_are_told_apart(tmp_path):
    with Study(LINE, minimize="loss", folder=tmp_path) as one, open_study(tmp_path) as other:

        def train(trial, config):
            with pytest.raises(StudyBusy):
                run(other, Inline(lambda trial, config: 1.0, "loss"), Trials(9))
            return 1.0

        run(one, Inline(train, "loss"), Trials(2))
    assert check_healthy(tmp_path).count(Status.COMPLETE) == 2
