import numpy as np
import pytest

from danlu import Choice, Float, Space, Study
from danlu.core.stopping import Never
from danlu.runners.simulated import Simulated
from danlu.stores.memory import Memory
from danlu.strategies.population.pb2 import PB2, REACH
from danlu.strategies.population.pbt import PBT
from danlu.testing.strategies import StrategyKit

SPACE = Space({"x": Float(0.0, 1.0), "way": Choice("good", "bad")})
STEPS = 40


class TestPB2(StrategyKit):
    searches_all = False

    def make(self):
        return PB2(interval=1)


def falling(job):
    """The loss that is left falls by a share that is the larger, the nearer x is to 0.8 and if the way is good."""
    loss = 1.0
    for step in range(1, STEPS + 1):
        loss *= 0.97 - 0.08 * (1 - abs(job.config["x"] - 0.8)) * (job.config["way"] == "good")
        if step > job.step:
            yield 1.0, {"loss": loss}


class Lines:
    """As `falling`, but a fork goes on from what its parent left."""

    def __init__(self):
        self.left = {}

    def __call__(self, job):
        loss = 1.0 if job.checkpoint is None else self.left[job.checkpoint]
        for step in range(job.step + 1, STEPS + 1):
            loss *= 0.97 - 0.08 * (1 - abs(job.config["x"] - 0.8)) * (job.config["way"] == "good")
            self.left[f"trials/{job.trial:04d}/checkpoints/{step}"] = loss
            yield 1.0, {"loss": loss}


def played(strategy, seed=0, workers=1):
    runner = Simulated(Lines(), workers)
    store = Memory(clock=runner.clock)
    study = Study(SPACE, minimize="loss", strategy=strategy, steps=STEPS, seed=seed, store=store)
    run_all(study, runner)
    return study


def run_all(study, runner):
    from danlu.loop import run

    run(study, runner, Never())


def test_its_settings_are_those_of_pbt():
    assert PB2().settings() == PBT().settings()


def test_new_configs_come_from_a_model_once_there_are_gains():
    study = played(PB2(interval=4))
    origins = [trial.origin for trial in study.trials if trial.parent]
    assert origins[0].startswith("pb2: explored, too little known, from trial")
    assert sum(origin.startswith("pb2: upper confidence bound from trial") for origin in origins) >= 10
    assert study.verify() == []


def test_no_config_leaps():
    study = played(PB2(interval=4), workers=3)
    for trial in study.trials:
        if trial.parent:
            assert abs(trial.config["x"] - study.trials[trial.parent.trial].config["x"]) <= REACH + 1e-12


def test_it_learns_where_gains_are_large():
    late, early = [], []
    for seed in range(6):
        study = played(PB2(interval=4), seed)
        forks = [trial for trial in study.trials if trial.parent]
        early += [trial.config["x"] for trial in study.trials[:8]]
        late += [trial.config["x"] for trial in forks[-6:]]
        assert sum(trial.config["way"] == "good" for trial in forks[-6:]) >= 4
    assert np.abs(np.array(late) - 0.8).mean() < 0.6 * np.abs(np.array(early) - 0.8).mean()


def test_it_ends_lower_than_chance_does():
    model = np.mean([played(PB2(interval=4), seed).best.value for seed in range(8)])
    chance = np.mean([played(PBT(interval=4), seed).best.value for seed in range(8)])
    assert model < chance * 1.02


def test_inactive_hyperparameters_and_constraints_are_borne():
    space = Space(
        {"x": Float(0.0, 1.0), "way": Choice({"good": Space({"y": Float(0.0, 1.0)}), "bad": None})},
        where=["way == 'bad' or x <= 0.9"],
    )
    runner = Simulated(falling)
    store = Memory(clock=runner.clock)
    study = Study(space, minimize="loss", strategy=PB2(interval=4), steps=STEPS, store=store)
    run_all(study, runner)
    assert all(space.contains(trial.config) for trial in study.trials)
    assert sum("confidence" in trial.origin for trial in study.trials) >= 5


@pytest.mark.parametrize("workers", [1, 8])
def test_the_same_seed_gives_the_same_study(workers):
    one, other = (played(PB2(interval=4), 3, workers) for _ in range(2))
    assert [trial.config for trial in one.trials] == [trial.config for trial in other.trials]
