import os
import random
import signal

import numpy as np
import pytest
import torch

from danlu import Float, Space, Status, Study
from danlu.core.stopping import Trials
from danlu.errors import ArtifactError
from danlu.loop import run
from danlu.pytorch.checkpoint import restore, state_of
from danlu.runners.inline import Inline
from danlu.runners.processes import Processes
from danlu.testing.runners import NonePaused, PauseOnce

SPACE = Space({"x": Float(0.001, 0.01, default=0.005)})


def model_of(lr):
    model = torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.ReLU(), torch.nn.Dropout(0.3), torch.nn.Linear(16, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    return model, optimizer, torch.optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.7)


def train(trial, config):
    """Dropout, momentum, a schedule, shuffled data, and noise from all three global generators."""
    torch.set_num_threads(1)
    data = torch.Generator().manual_seed(5)
    x = torch.randn(64, 6, generator=data)
    y = (x**2).sum(1, keepdim=True)
    model, optimizer, schedule = model_of(config["x"])
    order = torch.Generator().manual_seed(trial.seed)
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule, "order": order}
    restore(trial.load(), **parts)
    for step in trial.steps(6):
        total = 0.0
        for batch in torch.randperm(64, generator=order).split(16):
            noise = random.gauss(0.0, 0.01) + np.random.normal(0.0, 0.01)  # noqa: NPY002
            loss = ((model(x[batch]) - y[batch] + noise) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        schedule.step()
        trial.report(step, loss=total)
        trial.save(state_of(**parts))
        if trial.number == 0 and step == 4 and trial.attempt == 1 and config["x"] == 0.005 and os.environ.get("KILLED"):
            os.kill(os.getpid(), signal.SIGKILL)


def curves(runner, strategy, rule, folder):
    study = Study(SPACE, minimize="loss", strategy=strategy, folder=folder)
    for x in (0.003, 0.007):
        study.queue({"x": x})
    run(study, runner, rule)
    assert {trial.status for trial in study.trials} == {Status.COMPLETE}, [trial.error for trial in study.trials]
    return study, [(trial.config, trial.curve.steps.tolist(), trial.curve["loss"].tolist()) for trial in study.trials]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return curves(Inline(train, "loss"), "random", Trials(3), tmp_path_factory.mktemp("undisturbed"))[1]


@pytest.mark.parametrize("make", [lambda: Inline(train, "loss"), lambda: Processes(train, "loss", 2)])
def test_a_trial_that_paused_and_went_on_has_the_curve_of_one_that_did_not_bit_for_bit(tmp_path, undisturbed, make):
    study, found = curves(make(), PauseOnce(), Trials(3) & NonePaused(), tmp_path)
    assert [trial.attempt for trial in study.trials] == [1, 2, 2]
    assert found == undisturbed


def test_so_has_one_whose_worker_was_killed(tmp_path, undisturbed, monkeypatch):
    monkeypatch.setenv("KILLED", "1")
    study, found = curves(Processes(train, "loss", 1), "random", Trials(3), tmp_path)
    assert (study.trials[0].attempt, study.trials[0].lost) == (2, 1)
    assert found == undisturbed


def test_a_fresh_start_restores_nothing():
    model, optimizer, _ = model_of(0.1)
    before = [parameter.clone() for parameter in model.parameters()]
    restore(None, model=model, optimizer=optimizer)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_every_global_generator_goes_on_where_it_was():
    def draws():
        return random.random(), np.random.random(), torch.rand(1).item()  # noqa: NPY002

    state = state_of()
    once = draws()
    restore(state)
    assert draws() == once


def test_parts_must_be_those_that_were_saved_and_have_a_state():
    model, optimizer, _ = model_of(0.1)
    with pytest.raises(ArtifactError, match="the checkpoint has model, and model, optimizer are to be restored"):
        restore(state_of(model=model), model=model, optimizer=optimizer)
    with pytest.raises(ArtifactError, match="'epoch': a int has no state_dict"):
        state_of(epoch=3)
    with pytest.raises(ArtifactError, match="expected a checkpoint of state_of"):
        restore({"model": model.state_dict()}, model=model)
