"""A population of real networks: what is forked begins with its parent's weights, and nothing else."""

import pytest

from danlu import Decision, Float, Space, tune
from danlu.core.lineage import strategy_form

torch = pytest.importorskip("torch")

SPACE = Space({"lr": Float(1e-3, 1.0, log=True)})
STEPS = 8


def train(trial, config):
    """A line through noisy points; reports a digest of the weights before and after each step."""
    torch.manual_seed(trial.seed)
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=config["lr"], momentum=0.9)
    if (state := trial.load()) is not None:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    for group in optimizer.param_groups:
        group["lr"] = config["lr"]
    x = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    y = x @ torch.tensor([[1.0], [-2.0], [0.5]])
    for step in trial.steps(STEPS):
        before = digest(model)
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        if trial.report(step, loss=loss.item(), before=before, after=digest(model)) is Decision.PAUSE:
            trial.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    return torch.nn.functional.mse_loss(model(x), y).item()


def digest(model):
    return sum(((k + 1) * p.detach().double().sum()).item() for k, p in enumerate(model.parameters()))


def tuned(tmp_path, **settings):
    strategy = {"use": "pbt", "interval": 2} | settings
    return tune(train, space=SPACE, minimize="loss", strategy=strategy, steps=STEPS, folder=tmp_path, progress=False)


@pytest.mark.parametrize("use", ["pbt", "pb2"])
def test_a_fork_begins_with_its_parents_weights(tmp_path, use):
    with tuned(tmp_path, use=use) as study:
        forks = [trial for trial in study.trials if trial.parent]
        assert len(forks) >= 4
        for trial in forks:
            parent = study.trials[trial.parent.trial]
            left = parent.curve.first(parent.curve.place(trial.origin_step) + 1).last("after")
            assert trial.curve.at(0)["before"] == left
            assert trial.seed != parent.seed
        assert study.history.count("complete") == 8


def test_a_schedule_trains_again_what_a_population_found(tmp_path):
    with tuned(tmp_path / "one") as study:
        form = strategy_form(study.schedule(), repeats=2)
    again = tune(
        train, space=SPACE, minimize="loss", strategy=form, steps=STEPS, folder=tmp_path / "again", progress=False
    )
    assert again.history.count("complete") == 2
    for trial in again.history.completed:
        assert again.schedule(trial) == study.schedule()
    again.close()
