"""Savings: what stopping trials early has spared, in steps and in time, less what it has cost.

    spared    the steps that trials which were stopped, or are paused, would still have had to a full training
    repeated  the steps that were done again, because an attempt began before where the last one had come to

A fork goes on in the place of another trial, so what it still has to a full training was not spared: a population that
is trained to its end has saved nothing.

Time is counted by each trial's own pace, for a config with a large network saves more than one with a small one.
"""

from dataclasses import dataclass
from statistics import median

from danlu.core.history import History
from danlu.core.trial import Status, Trial


@dataclass(frozen=True)
class Savings:
    """What was saved.

    Attributes:
        trials: how many were stopped or are paused.
        spared: steps that they were not trained for, nor forks in their place.
        repeated: steps that were done more than once.
        done: steps that were done in all, repeated ones included.
        seconds: what `spared` would have taken, less what `repeated` took.
    """

    trials: int
    spared: int
    repeated: int
    done: int
    seconds: float

    @property
    def steps(self) -> int:
        """Steps that were saved on balance; negative if more were repeated than spared."""
        return self.spared - self.repeated

    def __str__(self) -> str:
        again = f", {self.repeated} steps done again already deducted" if self.repeated else ""
        trials = f"{self.trials} trial{'s' * (self.trials != 1)} stopped or paused{again}"
        if self.steps <= 0:
            return f"early stopping saved nothing ({trials})"
        share = self.steps / (self.steps + self.done)
        return (
            f"early stopping saved {self.steps} steps ({share:.0%} of full trainings, {_time(self.seconds)}): {trials}"
        )


def savings(history: History) -> Savings | None:
    """What stopping has saved so far; None if nobody has said how many steps a full training has."""
    if history.full is None:
        return None
    full = history.full
    early = [trial for trial in history.trials if trial.status in (Status.STOPPED, Status.PAUSED)]
    # a trial whose steps count from 0 has done one more than its last one says; that is not worth telling apart
    spared = {trial.number: max(full - trial.step, 0) for trial in early}
    repeated = history.steps_done - sum(trial.step - trial.origin_step for trial in history.trials)
    paces = {trial.number: found for trial in history.trials if (found := pace(trial)) is not None}
    usual = median(paces.values()) if paces else 0.0
    spent = sum(full - trial.origin_step for trial in history.trials if trial.parent is not None)
    seconds = sum(steps * paces.get(number, usual) for number, steps in spared.items()) - (spent + repeated) * usual
    return Savings(len(early), sum(spared.values()) - spent, repeated, history.steps_done, seconds)


def pace(trial: Trial) -> float | None:
    """Seconds that a step of a trial takes: the median over its reports; None if it has reported none."""
    if not len(trial.curve):
        return None
    # each attempt counts its seconds from its own start
    begins = {trial.origin_step, *trial.restarts}
    found, step, elapsed = [], trial.origin_step, 0.0
    for now, seconds in zip(trial.curve.steps.tolist(), trial.curve.elapsed.tolist(), strict=True):
        since = 0.0 if step in begins else elapsed
        if now > step:
            found.append(max(seconds - since, 0.0) / (now - step))
        step, elapsed = now, seconds
    return median(found) if found else None


def _time(seconds: float) -> str:
    hours = seconds / 3600
    if hours >= 1:
        return f"{hours:.1f} hours"
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.1f} s"
