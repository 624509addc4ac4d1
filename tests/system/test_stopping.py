"""Early stopping acts, or says why it can't: known curves, and every way to report them wrongly."""

import pytest

from danlu import Float, Space, Status, Study
from danlu.core.stopping import Trials
from danlu.errors import StudyError
from danlu.loop import run
from danlu.runners.inline import Inline
from danlu.strategies.fidelity.asha import ASHA
from danlu.strategies.fidelity.median import Median
from danlu.strategies.random import Random

SPACE = Space({"x": Float(0.0, 1.0)})
TRIALS, STEPS = 20, 12
LEVELS = [1.0 - 0.01 * k if k % 5 < 2 else 2.0 + k for k in range(TRIALS)]
"""Where each trial's curve ends: of every five, two are good and three are hopeless, which is 60 %."""


def loss(number, step):
    return LEVELS[number] + 0.1 / (1 + step)


def every(steps, also=()):
    """Reports the loss at these steps, another metric at others."""

    def train(trial, config):
        for step in sorted({*steps, *also}):
            metrics = {"loss": loss(trial.number, step)} if step in steps else {"learning_rate": 0.1}
            if trial.report(step, **metrics) != "continue":
                return None
        return loss(trial.number, STEPS)

    return train


def studied(train, strategy, trials=TRIALS):
    study = Study(SPACE, minimize="loss", strategy=strategy, steps=STEPS)
    run(study, Inline(train, "loss"), Trials(trials))
    assert study.verify() == []
    return study


REPORTS = {
    "from 1": every(range(1, STEPS + 1)),
    "from 0": every(range(STEPS)),
    "with gaps": every(range(2, STEPS + 1, 5)),
    "with uneven gaps": every((1, 4, 5, 11)),
    "with another metric in between": every(range(2, STEPS + 1, 3), also=range(1, STEPS + 1)),
    "with another metric first": every(range(1, STEPS + 1), also=(0,)),
}


@pytest.mark.parametrize("reports", REPORTS)
def test_the_median_stops_the_hopeless_and_nobody_else(reports):
    study = studied(REPORTS[reports], Median(Random(), peers=3))
    stopped = {trial.number for trial in study.trials if trial.status is Status.STOPPED}
    hopeless = {k for k in range(TRIALS) if k % 5 >= 2}
    assert stopped <= hopeless
    assert len(stopped) >= 0.6 * TRIALS - 3  # the first have no peers yet
    assert study.history.notes == ()


@pytest.mark.parametrize("pauses", [False, True])
@pytest.mark.parametrize("reports", REPORTS)
def test_successive_halving_ends_the_hopeless_early_and_trains_the_best_to_the_end(reports, pauses):
    study = studied(REPORTS[reports], ASHA(Random(), pauses=pauses))
    early = {trial.number for trial in study.trials if trial.status in (Status.STOPPED, Status.PAUSED)}
    assert len(early) >= 0.6 * TRIALS
    hopeless = {k for k in range(TRIALS) if k % 5 >= 2}
    assert len(hopeless - early) <= 2  # the first on a rung go on
    assert study.best.value == pytest.approx(min(loss(k, STEPS) for k in range(TRIALS)))
    assert all(trial.metrics["loss"] == trial.told["loss"] for trial in study.history.completed)


@pytest.mark.parametrize(
    ("steps", "number"), [((3, 2), "step 2 was reported after step 3"), ((3, 3), "step 3 was reported after step 3")]
)
def test_falling_and_repeated_steps_fail_their_trial_with_a_clear_message(steps, number):
    def train(trial, config):
        for step in steps if trial.number == 1 else (1, 2):
            trial.report(step, loss=1.0)

    trial = studied(train, ASHA(Random()), 3).trials[1]
    assert trial.status is Status.FAILED
    assert number in trial.error
    assert "from one process only" in trial.error


def test_a_wrong_name_of_the_metric_in_reports_alone_is_said():
    def train(trial, config):
        for step in trial.steps(STEPS):
            trial.report(step, val_loss=loss(trial.number, step))
        return {"loss": loss(trial.number, STEPS)}

    [note] = studied(train, Median(Random()), 6).history.notes
    assert "none of the first 3 trials has reported 'loss', only val_loss" in note


def test_a_wrong_name_of_the_metric_everywhere_stops_the_study():
    def train(trial, config):
        for step in trial.steps(STEPS):
            trial.report(step, los=1.0)

    with pytest.raises(StudyError, match="Did you mean 'los'"):
        studied(train, ASHA(Random()))


def test_no_report_at_all_is_said():
    [note] = studied(lambda trial, config: 1.0, ASHA(Random()), 6).history.notes
    assert "none of the first 3 trials has reported a step" in note


def test_steps_in_another_unit_are_said():
    """Batches, where steps= is epochs: the rungs are all passed at once."""

    def train(trial, config):
        for epoch in range(1, 4):
            trial.report(epoch, loss=1.0 - trial.number / 10 - epoch / 100)

    [note] = studied(train, ASHA(Random()), 4).history.notes
    assert "ended at step 3, and a full training has 12" in note
