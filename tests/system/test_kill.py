"""kill -9 at random moments: nothing acknowledged is lost, nothing doubled, the end is that of an undisturbed run."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from danlu import Study, open_study
from danlu.core import event as ev
from danlu.testing.strategies import outcome

SEARCH = Path(__file__).with_name("search.py")
TRIALS, KILLS = 48, 20


def start(folder, workers):
    (folder.parent / "acknowledged").touch()
    return subprocess.Popen(
        [sys.executable, str(SEARCH), str(folder), str(workers), str(TRIALS), str(folder.parent / "acknowledged")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def finish(folder, workers):
    process = start(folder, workers)
    output = process.communicate(timeout=120)[0].decode()
    assert process.returncode == 0, output


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "study"
    finish(folder, 1)
    with open_study(folder) as study:
        return outcome(study.history)


def check_nothing_lost_or_doubled(folder):
    facts = [json.loads(line) for line in (folder.parent / "acknowledged").read_text().splitlines()]
    with open_study(folder) as study:
        entries = list(study.entries())
        assert study.verify() == []
        for trial in study.trials:
            steps = trial.curve.steps.tolist()
            assert steps == sorted(set(steps))
            for file in trial.artifacts:
                assert (folder / file.path).stat().st_size == file.size
            if trial.checkpoint and not trial.is_finished:
                assert (folder / trial.checkpoint.path).exists()
    events = [event for entry in entries for event in entry.events]
    reported = {(e.trial, e.step, e.metrics["loss"]) for e in events if isinstance(e, ev.Reported)}
    saved = {(e.trial, e.step) for e in events if isinstance(e, ev.Saved)}
    attached = {(e.trial, e.name) for e in events if isinstance(e, ev.Attached)}
    finished = [e.trial for e in events if isinstance(e, ev.Finished)]
    assert len(finished) == len(set(finished))
    for fact in facts:
        if "loss" in fact:
            assert (fact["trial"], fact["step"], fact["loss"]) in reported
        elif "saved" in fact:
            assert (fact["trial"], fact["saved"]) in saved
        else:
            assert (fact["trial"], fact["file"]) in attached
    return len(facts)


def wait_for_life(folder, process, position):
    """Until the journal has grown, so that every kill hits a study that runs."""
    while process.poll() is None:
        try:
            with open_study(folder) as study:
                if study.history.position > position:
                    return
        except Exception:
            time.sleep(0.005)  # not opened yet


def position_of(folder):
    try:
        with open_study(folder) as study:
            return study.history.position
    except Exception:
        return 0


def test_the_coordinator_is_killed_at_twenty_random_moments(tmp_path, undisturbed):
    rng, folder = random.Random(1), tmp_path / "study"
    kills = 0
    for _ in range(KILLS):
        process = start(folder, 2)
        wait_for_life(folder, process, position_of(folder))
        time.sleep(rng.random() * 0.08)
        kills += process.poll() is None
        process.kill()
        process.wait()
        check_nothing_lost_or_doubled(folder)
    finish(folder, 2)
    assert kills == KILLS, "the study was over before all kills: give it more trials"
    assert check_nothing_lost_or_doubled(folder) > TRIALS * 11  # of 12 per trial; a kill may come before the note
    with open_study(folder) as study:
        assert outcome(study.history) == undisturbed


def test_a_worker_is_killed_at_twenty_random_moments(tmp_path, undisturbed):
    rng, folder = random.Random(2), tmp_path / "study"
    process = start(folder, 2)
    wait_for_life(folder, process, 0)
    kills = 0
    while kills < KILLS and process.poll() is None:
        time.sleep(rng.random() * 0.06)
        kills += kill_one_worker(folder)
    output = process.communicate(timeout=120)[0].decode()
    assert process.returncode == 0, output
    assert kills == KILLS, "the study was over before all kills: give it more trials"
    check_nothing_lost_or_doubled(folder)
    with open_study(folder) as study:
        assert sum(trial.lost for trial in study.trials) >= KILLS // 2
        assert outcome(study.history) == undisturbed


def kill_one_worker(folder):
    """Kills the worker of a trial that has not lost one yet: a second loss would fail the trial, as it should."""
    with open_study(folder) as study:
        targets = [trial for trial in study.history.running if trial.lost == 0]
    if not targets:
        return False
    try:
        psutil.Process(int(targets[0].worker.split()[-1])).kill()
    except psutil.NoSuchProcess:
        return False
    while True:  # until the loss is known, so that the same trial is not hit twice
        with open_study(folder) as study:
            trial = study.trials[targets[0].number]
            if trial.lost or trial.is_finished:
                return True
        time.sleep(0.005)


def test_workers_end_with_their_coordinator(tmp_path):
    process = start(tmp_path / "study", 2)
    wait_for_life(tmp_path / "study", process, 3)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert workers
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert not alive


def test_a_killed_study_in_this_process_goes_on_with_ask_and_tell(tmp_path):
    script = (
        "import os; from danlu import Study, Space, Float\n"
        f"study = Study(Space({{'x': Float(0.0, 1.0)}}), minimize='loss', folder={str(tmp_path / 'study')!r})\n"
        "trial = study.ask(); study.report(trial, 1, loss=0.5); study.tell(trial, loss=0.25); study.ask()\n"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    with Study.open(tmp_path / "study") as study:
        assert study.best.value == 0.25
        assert len(study.history.pending) == 1
        assert study.tell(1, loss=0.1).value == 0.1
