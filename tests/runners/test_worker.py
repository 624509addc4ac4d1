import os
import signal
import subprocess
import sys

import pytest

from danlu.core.event import Reported, Started
from danlu.core.runner import Ended, Failed, Job
from danlu.core.trial import Decision
from danlu.errors import StudyError
from danlu.runners.devices import Device
from danlu.runners.parcel import pack
from danlu.runners.pipe import read_message, write_message
from danlu.runners.processes import worker_environment
from danlu.runners.sharing import Share
from danlu.space import Config


class Coordinator:
    """The other end of a worker's line."""

    def __init__(self, train, environment=None):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "danlu.runners.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        write_message(self.process.stdin, (sys.path, pack(train), "loss", "worker 1"))

    def job(self, folder, trial=0):
        write_message(self.process.stdin, Job(trial, Config(x=0.5), seed=1, attempt=1, folder=str(folder)))

    def hear(self, reply=Decision.CONTINUE):
        signal = read_message(self.process.stdout)
        write_message(self.process.stdin, reply)
        return signal

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(timeout=10)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


@pytest.fixture
def hire():
    hired = []

    def hire(train, environment=None):
        hired.append(Coordinator(train, environment))
        return hired[-1]

    yield hire
    for worker in hired:
        worker.process.kill()
        if not worker.process.stdin.closed:
            worker.end()


def test_a_worker_does_one_job_after_another(tmp_path, hire):
    def train(trial, config):
        trial.report(1, loss=config["x"])
        return trial.number

    worker = hire(train)
    for number in (3, 4):
        worker.job(tmp_path, number)
        assert worker.hear() == Started(number, 1, 0, "worker 1")
        assert worker.hear() == Reported(number, 1, {"loss": 0.5})
        assert worker.hear() == Ended(number, {"loss": float(number)})


def test_it_goes_on_only_when_its_report_was_answered(tmp_path, hire):
    def train(trial, config):
        for step in trial.steps(100):
            trial.report(step, loss=1.0)

    worker = hire(train)
    worker.job(tmp_path)
    worker.hear()
    assert worker.hear().step == 1
    assert worker.hear(Decision.STOP).step == 2
    assert worker.hear() == Ended(0)


def test_what_the_study_refuses_is_raised_in_the_training_function(tmp_path, hire):
    worker = hire(lambda trial, config: trial.report(1, loss=1.0))
    worker.job(tmp_path)
    worker.hear()
    worker.hear(StudyError("Steps must increase"))
    end = worker.hear()
    assert (end.reason, end.error) == ("exception", "Steps must increase")


def test_it_ends_when_the_line_breaks_even_in_the_middle_of_a_job(tmp_path, hire):
    def train(trial, config):
        import time

        time.sleep(60)

    worker = hire(train)
    worker.job(tmp_path)
    worker.hear()
    assert worker.end() == (1 if os.name == "nt" else -signal.SIGKILL)


def test_nothing_that_is_printed_gets_onto_the_line(tmp_path, hire):
    def train(trial, config):
        os.write(1, b"raw bytes")
        print("to stdout")
        sys.stdin.read()  # there is nothing to read, and it must not take the coordinator's words
        return 1.0

    worker = hire(train)
    worker.job(tmp_path)
    assert [type(worker.hear()), type(worker.hear())] == [Started, Ended]
    assert sorted((tmp_path / "trials/0000/log.txt").read_text()) == sorted("raw bytesto stdout\n")


def test_a_disk_that_is_full_is_told_apart_from_a_failure_of_the_trial(tmp_path, hire):
    def train(trial, config):
        raise OSError(28, "No space left on device")

    worker = hire(train)
    worker.job(tmp_path)
    worker.hear()
    end = worker.hear()
    assert isinstance(end, Failed)
    assert end.reason == "storage"
    assert "Free some space" in end.error


def test_a_worker_sees_its_share_of_threads_and_its_device(tmp_path, hire):
    def train(trial, config):
        return {"threads": float(os.environ["OMP_NUM_THREADS"]), "device": float(os.environ["CUDA_VISIBLE_DEVICES"])}

    environment = worker_environment(Share((Device("cuda", "7"),), 1.0, 1), [])
    if "OMP_NUM_THREADS" in os.environ:
        environment["OMP_NUM_THREADS"] = "1"
    worker = hire(train, environment)
    worker.job(tmp_path)
    worker.hear()
    assert worker.hear() == Ended(0, {"threads": 1.0, "device": 7.0})


def test_a_worker_finds_danlu_wherever_it_was_started(tmp_path):
    environment = worker_environment(Share((), 1.0, 1), [])
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import danlu; print(danlu.__file__)"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    import danlu

    assert done.stdout.strip() == danlu.__file__
