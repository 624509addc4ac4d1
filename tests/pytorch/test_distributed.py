import pytest
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from danlu import Float, Space, Status, Study
from danlu.core.stopping import Trials
from danlu.errors import RunnerError
from danlu.loop import run
from danlu.pytorch.checkpoint import restore, state_of
from danlu.pytorch.distributed import Shared, launch
from danlu.runners.inline import Inline
from danlu.testing.runners import NonePaused, PauseOnce, StopLate

SPACE = Space({"x": Float(0.001, 0.01, default=0.005)})


def work(trial, config):
    """Two ranks, each with its half of the data."""
    torch.set_num_threads(1)
    torch.manual_seed(trial.seed)
    model = DistributedDataParallel(torch.nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=config["x"], momentum=0.9)
    x = torch.randn(32, 4, generator=torch.Generator().manual_seed(1))[dist.get_rank() :: 2]
    parts = {"model": model, "optimizer": optimizer}
    restore(trial.load(), **parts)
    done = torch.zeros(1)
    for step in trial.steps(6):
        loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        trial.report(step, loss=loss.item())
        trial.save(state_of(**parts))
        done += 1
    dist.all_reduce(done)
    return {"loss": loss.item(), "done": done.item()} if trial.step == 6 else None


def distributed(trial, config):
    return launch(work, trial, config, ranks=2)


def studied(train, strategy="random", rule=None, trials=2):
    study = Study(SPACE, minimize="loss", strategy=strategy)
    run(study, Inline(train, "loss"), rule or Trials(trials))
    return study


def test_all_ranks_train_and_rank_0_reports():
    [trial] = studied(distributed, trials=1).trials
    assert trial.status is Status.COMPLETE, trial.error
    assert trial.curve.steps.tolist() == [1, 2, 3, 4, 5, 6]
    assert trial.metrics["done"] == 12


def test_an_early_stop_ends_all_ranks():
    """`StopLate` stops trial 1 after its third report; a rank that went on would wait for the other for ever."""
    study = studied(distributed, StopLate())
    assert [trial.status for trial in study.trials] == [Status.COMPLETE, Status.STOPPED]
    assert len(study.trials[1].curve) == 3


def test_a_paused_trial_goes_on_on_all_ranks_with_the_curve_of_one_that_never_paused():
    whole = studied(distributed, trials=2).trials[1]
    paused = studied(distributed, PauseOnce(), Trials(2) & NonePaused()).trials[1]
    assert paused.attempt == 2
    assert paused.curve["loss"].tolist() == whole.curve["loss"].tolist()


def refused(trial, config):
    trial.report(1, loss=1.0)
    if config["x"] != 0.005:
        trial.report(1, loss=1.0)
    return 1.0


def test_what_the_study_refuses_is_raised_on_all_ranks():
    study = studied(lambda trial, config: launch(refused, trial, config, ranks=2))
    assert study.trials[0].status is Status.COMPLETE
    assert "Steps must increase" in study.trials[1].error


def dies(trial, config):
    if dist.get_rank() == 1 and config["x"] != 0.005:
        raise ValueError("no data on this rank")
    trial.report(1, loss=1.0)
    return 1.0


def test_a_rank_that_fails_fails_the_trial_and_says_which():
    study = studied(lambda trial, config: launch(dies, trial, config, ranks=2))
    assert study.trials[1].status is Status.FAILED
    assert "rank 1 failed (exit status 1): " in study.trials[1].error
    assert "ValueError: no data on this rank" in study.trials[1].error


@pytest.fixture
def alone(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_rank_0_must_have_the_trial(alone):
    from danlu.errors import StudyError

    with pytest.raises(StudyError, match="rank 0 was given no trial: rank 0, in the process"):
        Shared(None)


def test_a_process_group_is_needed():
    with pytest.raises(RunnerError, match="init_process_group first"):
        Shared(None)
