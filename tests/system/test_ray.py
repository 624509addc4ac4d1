"""The coordinator of a study in a Ray cluster is killed, and a raylet too: nothing acknowledged is lost or doubled."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import psutil
import pytest

pytest.importorskip("ray")

from danlu import open_study
from danlu.core import event as ev

pytestmark = pytest.mark.xdist_group("ray")

TRIALS = 8
SCRIPT = """
import json, os, time
from danlu import Float

def train(trial, x: Float(0.0, 1.0)):
    total = trial.load() or 0.0
    for step in trial.steps(6):
        total += x
        trial.report(step, loss=total)
        with open({acknowledged!r}, "a") as file:  # only after the study has answered
            file.write(json.dumps([trial.number, step, total]) + "\\n")
        trial.save(total)
        time.sleep(0.05)
    return total
"""


def danlu(*arguments, **settings):
    return subprocess.Popen(
        [sys.executable, "-c", "from danlu.cli.main import main; main()", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **settings,
    )  # fmt: skip


def wait_for_reports(acknowledged, count, process):
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if acknowledged.exists() and len(acknowledged.read_text().splitlines()) >= count:
            return
        time.sleep(0.02)
    raise AssertionError(f"{process.poll()}: no {count} reports came")


def test_coordinator_and_raylet_are_killed_and_the_study_comes_to_its_end(tmp_path, ray_cluster):
    node = ray_cluster.add_node(num_cpus=1, object_store_memory=80_000_000)
    acknowledged, folder, script = tmp_path / "acknowledged", tmp_path / "study", tmp_path / "script.py"
    script.write_text(SCRIPT.format(acknowledged=str(acknowledged)))
    command = [
        "run", f"{script}:train", "--minimize", "loss", "--trials", TRIALS, "--strategy", "tpe", "--workers", "auto",
        "--gpus-per-trial", 0, "--runner", "ray", "--address", ray_cluster.address, "--folder", folder,
    ]  # fmt: skip
    for reports in (4, 16):
        process = danlu(*command)
        wait_for_reports(acknowledged, reports, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process = danlu(*command)
    wait_for_reports(acknowledged, 24, process)
    os.kill(node.all_processes["raylet"][0].process.pid, signal.SIGKILL)
    ray_cluster.worker_nodes.discard(node)
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 0, output
    assert "(raylet)" not in output

    facts = [json.loads(line) for line in acknowledged.read_text().splitlines()]
    with open_study(folder) as study:
        assert [trial.status for trial in study.trials] == ["complete"] * TRIALS
        events = [event for entry in study.entries() for event in entry.events]
        reported = {(e.trial, e.step, e.metrics["loss"]) for e in events if isinstance(e, ev.Reported)}
        finished = [e.trial for e in events if isinstance(e, ev.Finished)]
        assert sorted(finished) == list(range(TRIALS))
        assert {tuple(fact) for fact in facts} <= reported
        for trial in study.trials:
            assert trial.curve.steps.tolist() == [1, 2, 3, 4, 5, 6]
        assert study.load(study.best) == study.best.value
    verified = danlu("replay", folder, "--verify")
    output, _ = verified.communicate(timeout=60)
    assert verified.returncode == 0, output


def test_a_cluster_of_its_own_ends_with_its_coordinator_even_if_that_is_killed(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    temporary = tempfile.mkdtemp(prefix="ray-")
    monkeypatch.setenv("RAY_TMPDIR", temporary)
    acknowledged, script = tmp_path / "acknowledged", tmp_path / "script.py"
    script.write_text(SCRIPT.format(acknowledged=str(acknowledged)))
    agents = []
    process = danlu("run", f"{script}:train", "--minimize", "loss", "--runner", "ray", "--folder", tmp_path / "study")
    try:
        wait_for_reports(acknowledged, 1, process)
        started = psutil.Process(process.pid).children(recursive=True)
        assert any("raylet" in child.name() for child in started)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        # those of Ray's agents that only serve raylets take a minute to notice
        agents = [child for child in started if "Agent" in child.name()]
        _, alive = psutil.wait_procs([child for child in started if child not in agents], timeout=30)
        assert alive == []
    finally:
        process.kill()
        for child in agents:
            child.kill()
        shutil.rmtree(temporary, ignore_errors=True)
