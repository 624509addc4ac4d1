import json
import os
import pickle
import random

import numpy as np
import pytest
import torch

from danlu.core.event import Attached, Reported, Saved
from danlu.core.runner import Job
from danlu.core.trial import Decision
from danlu.errors import StudyError
from danlu.records.bench import Bench
from danlu.space import Config


class Desk:
    """The study's end of the line: keeps what was sent, and what lay in the folder at that moment."""

    def __init__(self, folder, reply=Decision.CONTINUE):
        self.folder, self.reply, self.signals, self.seen = folder, reply, [], []

    def __call__(self, signal):
        self.signals.append(signal)
        self.seen.append(sorted(path.name for path in self.folder.rglob("*.ckpt")))
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


def bench(folder, desk, **job):
    return Bench(
        Job(**({"trial": 7, "config": Config(x=0.5), "seed": 3, "attempt": 1, "folder": str(folder)} | job)), desk
    )


def test_a_trial_at_the_bench_knows_its_job(tmp_path):
    trial = bench(tmp_path, Desk(tmp_path), budget=9, attempt=2).trial()
    assert (trial.number, trial.config, trial.seed, trial.budget, trial.attempt) == (7, {"x": 0.5}, 3, 9, 2)
    assert trial.step == 0


def test_a_report_goes_to_the_study_and_its_decision_comes_back(tmp_path):
    desk = Desk(tmp_path, Decision.STOP)
    trial = bench(tmp_path, desk).trial()
    assert trial.report(3, loss=torch.tensor(0.5), wild=float("inf")) is Decision.STOP
    assert desk.signals == [Reported(7, 3, {"loss": 0.5, "wild": "inf"})]
    assert trial.step == 3
    assert list(trial.steps(10)) == [4]  # the step in which it learns that it is to stop


def test_what_the_study_refuses_is_raised_where_it_was_done(tmp_path):
    trial = bench(tmp_path, Desk(tmp_path, StudyError("Steps must increase"))).trial()
    with pytest.raises(StudyError, match="Steps must increase"):
        trial.report(1, loss=0.5)
    assert trial.step == 0


def test_a_checkpoint_is_in_place_before_the_study_hears_of_it_and_older_ones_are_the_studys_to_remove(tmp_path):
    desk = Desk(tmp_path)
    work = bench(tmp_path, desk)
    work.save("one", 1)
    work.save("two", 2)
    assert desk.seen == [["step_000001.ckpt"], ["step_000001.ckpt", "step_000002.ckpt"]]
    assert len(list(tmp_path.rglob("*.ckpt"))) == 2
    assert [(s.step, s.path) for s in desk.signals if isinstance(s, Saved)] == [
        (1, "trials/0007/checkpoints/step_000001.ckpt"),
        (2, "trials/0007/checkpoints/step_000002.ckpt"),
    ]


def test_a_trial_that_was_stopped_writes_no_checkpoint(tmp_path):
    desk = Desk(tmp_path, Decision.STOP)
    trial = bench(tmp_path, desk).trial()
    trial.report(1, loss=0.5)
    trial.save("state")
    assert list(tmp_path.rglob("*.ckpt")) == []


def test_a_trial_that_was_paused_does(tmp_path):
    trial = bench(tmp_path, Desk(tmp_path, Decision.PAUSE)).trial()
    trial.report(1, loss=0.5)
    trial.save("state")
    assert len(list(tmp_path.rglob("*.ckpt"))) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_report_from_another_process_is_refused_there(tmp_path):
    """As rank 1 of a training that was forked would make it; it would read the answer to somebody else."""
    desk = Desk(tmp_path)
    trial = bench(tmp_path, desk).trial()
    read, write = os.pipe()
    if os.fork() == 0:
        try:
            trial.report(1, loss=0.5)
        except StudyError as error:
            os.write(write, str(error).encode())
        os._exit(0)
    os.wait()
    assert "trial 7: report was called in another process than the trial's. Only" in os.read(read, 1000).decode()
    assert desk.signals == []


def test_a_live_trial_is_not_sent_to_another_process(tmp_path):
    with pytest.raises(StudyError, match="can't be sent to another process"):
        pickle.dumps(bench(tmp_path, Desk(tmp_path)).trial())


def test_if_the_study_can_not_record_a_checkpoint_the_older_one_stays(tmp_path):
    desk = Desk(tmp_path)
    work = bench(tmp_path, desk)
    work.save("one", 1)
    desk.reply = StudyError("the journal is full")
    with pytest.raises(StudyError):
        work.save("two", 2)
    assert "step_000001.ckpt" in {path.name for path in tmp_path.rglob("*.ckpt")}


def test_a_checkpoint_of_the_same_step_replaces_the_first(tmp_path):
    work = bench(tmp_path, Desk(tmp_path))
    work.save("one", 1)
    work.save("other", 1)
    again = bench(tmp_path, Desk(tmp_path), checkpoint="trials/0007/checkpoints/step_000001.ckpt", step=1)
    assert again.load() == "other"


def test_the_next_attempt_begins_behind_the_checkpoint(tmp_path):
    bench(tmp_path, Desk(tmp_path)).save({"w": torch.ones(2)}, 4)
    trial = bench(tmp_path, Desk(tmp_path), checkpoint="trials/0007/checkpoints/step_000004.ckpt", step=4).trial()
    assert trial.load()["w"].tolist() == [1.0, 1.0]
    assert list(trial.steps(6)) == [5, 6]


def test_a_fresh_start_has_nothing_to_load(tmp_path):
    assert bench(tmp_path, Desk(tmp_path)).trial().load() is None


def test_an_artifact_is_in_place_before_the_study_hears_of_it(tmp_path):
    desk = Desk(tmp_path)
    path = bench(tmp_path, desk).trial().attach("samples/a.txt", "hello")
    assert path == str(tmp_path / "trials/0007/samples/a.txt")
    assert desk.signals == [Attached(7, "samples/a.txt", "trials/0007/samples/a.txt", 5)]


def test_beginning_writes_the_config_and_seeds_every_global_generator(tmp_path):
    def draws():
        bench(tmp_path, Desk(tmp_path)).begin()
        return random.random(), np.random.random(), torch.rand(1).item()  # noqa: NPY002

    assert draws() == draws()
    assert json.loads((tmp_path / "trials/0007/config.json").read_text()) == {"config": {"x": 0.5}, "seed": 3}


def test_the_seed_of_a_trial_decides_what_is_drawn(tmp_path):
    bench(tmp_path, Desk(tmp_path), seed=3).begin()
    one = random.random()
    bench(tmp_path, Desk(tmp_path), seed=4).begin()
    assert random.random() != one
