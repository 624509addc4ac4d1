"""The slurm runner on a real cluster of two nodes, which the fixture starts on this machine."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.programs.saving import check_paused

from danlu.core.history import History
from danlu.core.runner import Runner
from danlu.core.stopping import Trials
from danlu.core.trial import Status, Trial
from danlu.errors import DanluError, RunnerError
from danlu.loop import Interrupted, run
from danlu.runners.slurm import Slurm
from danlu.space import Config, Float, Space
from danlu.study import Study
from danlu.testing import slurm as slurm_cluster
from danlu.testing.slurm import Cluster

SPACE = Space({"x": Float(0.0, 1.0, default=0.5)})


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if why := slurm_cluster.missing():
        pytest.skip(why)
    before = os.environ.get("SLURM_CONF")
    with tempfile.TemporaryDirectory(prefix="danlu-slurm-") as folder, slurm_cluster.running(Path(folder)) as cluster:
        os.environ["SLURM_CONF"] = str(cluster.folder / "slurm.conf")
        yield cluster
        os.environ.pop("SLURM_CONF")
        if before is not None:
            os.environ["SLURM_CONF"] = before


def count(trial: Trial, config: Config) -> float:
    """Eight steps, each with a checkpoint; the loss tells how many steps were done in all, lost ones left aside."""
    done = trial.load() or 0
    for step in trial.steps(8):
        time.sleep(0.05)
        done += 1
        trial.report(step, loss=float(done))
        trial.save(done)
    return float(done)


def dawdle(trial: Trial, config: Config) -> float:
    """As `count`, but the first attempt takes its time: it is to be disturbed."""
    done = trial.load() or 0
    for step in trial.steps(8):
        time.sleep(0.7 if trial.attempt == 1 and trial.number == 0 and step > 3 else 0.05)
        done += 1
        trial.report(step, loss=float(done))
        trial.save(done)
    return float(done)


def slurm(train: Callable[..., Any] = count, **settings: Any) -> Runner:
    return Slurm(train, "loss", **{"workers": 2, "look": 0.3, **settings})


def new_study(folder: Path) -> Study:
    return Study(SPACE, minimize="loss", strategy="random", folder=folder)


class Once:
    """Does something when a trial has come to a step, for the first time."""

    def __init__(self, action: Callable[[Trial], None], step: int = 3) -> None:
        self.trial: Trial | None = None
        self._action, self._step = action, step

    def __call__(self, history: History) -> None:
        if self.trial is None and history.trials and history.trials[0].step >= self._step:
            self.trial = history.trials[0]
            self._action(self.trial)


def job_of(trial: Trial) -> str:
    return trial.worker.split()[1]


def assert_counted(study: Study, trials: int) -> None:
    """All is there, and nothing twice."""
    assert [t.status for t in study.trials] == [Status.COMPLETE] * trials
    for trial in study.trials:
        assert trial.curve.steps.tolist() == list(range(1, 9))
        assert trial.curve["loss"].tolist() == [float(step) for step in range(1, 9)]
    assert study.verify() == []


def test_a_study_ends_with_as_many_trials_as_were_asked_for_and_leaves_no_job(cluster: Cluster, tmp_path: Path) -> None:
    study = new_study(tmp_path)
    run(study, slurm(), Trials(5))
    assert_counted(study, 5)
    assert {t.worker.split(" on ")[1] for t in study.trials} <= {"n1", "n2"}
    assert len({job_of(t) for t in study.trials}) == 2
    assert list((tmp_path / "slurm/jobs").iterdir()) == []
    deadline = time.monotonic() + 10
    while cluster.jobs() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert cluster.jobs() == {}


def test_a_pack_runs_its_trials_side_by_side_in_one_job(cluster: Cluster, tmp_path: Path) -> None:
    study = new_study(tmp_path)
    run(study, slurm(workers=4, pack=2), Trials(4))
    assert_counted(study, 4)
    by_job = {job_of(t): [o for o in study.trials if job_of(o) == job_of(t)] for t in study.trials}
    assert sorted(map(len, by_job.values())) == [2, 2]
    for one, other in by_job.values():
        assert max(one.started, other.started) < min(one.ended, other.ended)


def test_a_trial_goes_on_from_its_checkpoint_when_its_job_is_cancelled(cluster: Cluster, tmp_path: Path) -> None:
    study = new_study(tmp_path)
    cancelled = Once(lambda trial: cluster.told("scancel", job_of(trial)) and None)
    run(study, slurm(dawdle, workers=1), Trials(2), cancelled)
    assert_counted(study, 2)
    assert study.trials[0].attempt == 2
    assert study.trials[0].restarts[0] >= 3
    assert study.trials[0].excused == 1
    assert job_of(study.trials[0]) != job_of(cancelled.trial)


def test_a_trial_goes_on_from_its_checkpoint_when_its_job_is_requeued(cluster: Cluster, tmp_path: Path) -> None:
    study = new_study(tmp_path)
    requeued = Once(lambda trial: cluster.told("scontrol", "requeue", job_of(trial)) and None)
    run(study, slurm(dawdle, workers=1, options={"requeue": True}), Trials(2), requeued)
    assert_counted(study, 2)
    assert study.trials[0].attempt == 2
    assert study.trials[0].restarts[0] >= 3


def test_trials_make_way_for_a_more_urgent_job_and_come_back(cluster: Cluster, tmp_path: Path) -> None:
    study = new_study(tmp_path)
    urgent = ["sbatch", "--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap=sleep 1"]
    run(study, slurm(dawdle, partition="main"), Trials(2), Once(lambda trial: cluster.told(*urgent) and None))
    assert_counted(study, 2)
    assert max(t.attempt for t in study.trials) == 2


def test_a_trial_is_told_to_pause_when_the_time_of_its_job_is_nearly_over(cluster: Cluster, tmp_path: Path) -> None:
    def train(trial: Trial, config: Config) -> float:
        done = trial.load() or 0
        for step in trial.steps(8):
            time.sleep(0.05)
            done += 1
            trial.report(step, loss=float(done))
        trial.save(done)  # only here: it must be told to come here
        return float(done)

    study = new_study(tmp_path)
    warned = Once(lambda trial: cluster.told("scancel", "--batch", "--signal=USR2", job_of(trial)) and None)
    run(study, slurm(train, workers=1), Trials(1), warned)
    assert study.trials[0].attempt == 2
    assert study.trials[0].restarts[0] >= 3


def test_a_trial_that_saves_nothing_in_the_whole_time_of_its_job_has_failed(cluster: Cluster, tmp_path: Path) -> None:
    def train(trial: Trial, config: Config) -> float:
        for step in trial.steps(40):
            time.sleep(0.05)
            trial.report(step, loss=1.0)
        return 1.0

    study = new_study(tmp_path)
    warned = Once(lambda trial: cluster.told("scancel", "--batch", "--signal=USR2", job_of(trial)) and None)
    run(study, slurm(train, workers=1, minutes=5), Trials(1), warned)
    assert study.trials[0].reason == "timeout"
    assert "minutes=" in study.trials[0].error


COORDINATOR = """
import sys
from pathlib import Path
from danlu.core.stopping import Trials
from danlu.loop import run
from tests.runners.test_slurm import new_study, slurm
run(new_study(Path(sys.argv[1])), slurm(), Trials(6))
"""


def test_a_coordinator_that_was_killed_finds_its_jobs_again(cluster: Cluster, tmp_path: Path) -> None:
    def coordinate() -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-c", COORDINATOR, str(tmp_path)])

    first = coordinate()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        time.sleep(0.05)
        with suppress(DanluError):  # it has yet to be opened
            study = Study.open(tmp_path)
            if study.trials and study.trials[0].step >= 3:
                break
    first.send_signal(signal.SIGKILL)
    first.wait()
    jobs = set(cluster.jobs())
    time.sleep(0.5)
    second = coordinate()
    assert second.wait(30) == 0
    study = Study.open(tmp_path)
    assert_counted(study, 6)
    assert [t.attempt for t in study.trials] == [1] * 6  # no worker has noticed
    assert {job_of(t) for t in study.trials} <= jobs


def test_when_it_is_interrupted_twice_no_job_is_left(cluster: Cluster, tmp_path: Path) -> None:
    def interrupt(trial: Trial) -> None:
        raise KeyboardInterrupt

    study = new_study(tmp_path)
    with pytest.raises(Interrupted):
        run(study, slurm(), Trials(6), Once(interrupt))
    deadline = time.monotonic() + 10
    while cluster.jobs() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert cluster.jobs() == {}
    run(study, slurm(), Trials(3))
    assert_counted(study, 3)


def test_programs_run_in_jobs_are_paused_and_go_on(cluster: Cluster, tmp_path: Path) -> None:
    study = check_paused(tmp_path, workers=2, runner={"use": "slurm", "look": 0.3})
    assert {t.worker.split(" on ")[1] for t in study.trials} <= {"n1", "n2"}


def test_an_unknown_partition_is_refused_in_the_words_of_sbatch(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="invalid partition specified: gpus"):
        run(new_study(tmp_path), slurm(partition="gpus"), Trials(1))


def test_jobs_that_can_not_begin_to_work_stop_the_study_with_what_they_wrote(cluster: Cluster, tmp_path: Path) -> None:
    broken = slurm(setup="echo no module named cuda >&2; exit 3", workers=1)
    with pytest.raises(RunnerError, match=r"3 jobs in a row.*no module named cuda"):
        run(new_study(tmp_path), broken, Trials(1))
