import pytest

from danlu.core.stopping import Elapsed, Steps, Trials
from danlu.core.trial import Status
from danlu.errors import RunnerError
from danlu.loop import run
from danlu.runners.simulated import Faults, Simulated
from danlu.space import Float, Space
from danlu.stores.memory import Memory
from danlu.strategies.fidelity.asha import ASHA
from danlu.strategies.random import Random
from danlu.study import Study
from danlu.testing.strategies import outcome

SPACE = Space({"x": Float(0.0, 1.0)})


def play(job):
    """Nine steps of two seconds each."""
    for step in range(job.step + 1, 10):
        yield 2.0, {"loss": job.config["x"] + 1 / step}


def played(strategy=None, workers=1, until=None, **kwargs):
    runner = Simulated(play, workers, **kwargs)
    study = Study(SPACE, minimize="loss", strategy=strategy or Random(), steps=9, store=Memory(clock=runner.clock))
    run(study, runner, until or Trials(6))
    return study, runner


def test_a_training_takes_the_time_of_its_steps_and_no_time_of_ours():
    study, runner = played(until=Trials(1))
    [trial] = study.trials
    assert (trial.started, trial.ended) == (0.0, 18.0)
    assert trial.curve.elapsed.tolist() == [2.0 * k for k in range(1, 10)]
    assert runner.clock() == runner.busy == 18.0


def test_workers_share_the_trials():
    study, runner = played(workers=3)
    assert runner.clock() == 36.0
    assert sorted(trial.ended for trial in study.trials) == [18.0] * 3 + [36.0] * 3


def test_the_time_of_a_study_can_be_limited_in_simulated_seconds():
    study, _ = played(workers=2, until=Elapsed(30.0, since=0.0))
    assert len(study.trials) == 4
    assert study.history.at == 36.0  # what has begun is let to its end


def test_a_straggler_takes_longer():
    study, runner = played(faults=Faults(slow=1.0, factor=5.0), until=Trials(1))
    assert study.trials[0].seconds == runner.busy == 90.0


def test_a_trial_whose_worker_dies_begins_again():
    study, _ = played(faults=Faults(death=0.05, seed=3), until=Trials(20))
    lost = [trial for trial in study.trials if trial.lost]
    assert lost
    assert all(trial.attempt == trial.lost + 1 or trial.status is Status.FAILED for trial in lost)
    assert study.history.count("complete") + study.history.count("failed") == 20


def test_a_paused_trial_goes_on_from_its_checkpoint():
    study, runner = played(ASHA(Random(), pauses=True), until=Trials(9))
    resumed = [trial for trial in study.trials if trial.attempt > 1]
    assert resumed
    for trial in resumed:
        assert trial.curve.steps.tolist() == list(range(1, trial.step + 1))
    assert study.history.steps_done == runner.busy / 2.0  # no step was done twice


def test_where_it_cannot_pause_trials_are_stopped_instead():
    study, runner = played(ASHA(Random(), pauses=True), until=Trials(9), can_pause=False)
    assert study.history.count("stopped") > 0
    assert all(trial.attempt == 1 for trial in study.trials)
    assert study.history.steps_done == runner.busy / 2.0


def test_a_budget_in_steps_ends_a_study():
    study, _ = played(workers=2, until=Steps(40))
    assert 40 <= study.history.steps_done <= 40 + 2 * 9


@pytest.mark.parametrize("workers", [1, 4])
def test_the_same_faults_strike_the_same_trials_whatever_happens_elsewhere(workers):
    faults = Faults(slow=0.3, death=0.02, seed=1)
    once, _ = played(workers=workers, faults=faults, until=Trials(12))
    again, _ = played(workers=workers, faults=faults, until=Trials(12))
    other, _ = played(workers=5 - workers, faults=faults, until=Trials(12))
    assert outcome(once.history) == outcome(again.history)
    assert [trial.lost for trial in once.trials] == [trial.lost for trial in other.trials]


def test_no_workers_are_refused():
    with pytest.raises(RunnerError, match="workers must be at least 1, got 0"):
        Simulated(play, 0)
