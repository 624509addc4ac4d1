"""Members: the trials that a population consists of, the steps at which they are compared, and how they stood there.

A level is a multiple of the interval, below the last step. A trial is compared on a level by its first report at or
beyond it, with all that ever got there by training: a fork counts on the levels after its checkpoint only.
"""

from dataclasses import dataclass

import numpy as np

from danlu.core.history import History
from danlu.core.trial import Status, Trial
from danlu.strategies.fidelity.ladder import ladder_of

_GONE = (Status.FAILED, Status.STOPPED)


@dataclass(frozen=True)
class Rules:
    """When members are compared, and who is bottom and top.

    Attributes:
        size: of the population.
        interval: between levels, in steps.
        last: step of a full training.
        quantile: share of those on a level that is bottom, and that is top.
    """

    size: int
    interval: int
    last: int
    quantile: float

    @property
    def enough(self) -> int:
        """How many make a comparison: half of the population, so that nobody waits for a straggler."""
        return max(2, -(-self.size // 2))

    def share(self, count: int) -> int:
        """How many of so many are bottom, or top."""
        return int(count * self.quantile + 1e-9)

    def level(self, step: int) -> int:
        """The highest level up to a step; 0 before the first."""
        return min(step, self.last - 1) // self.interval * self.interval

    def ready(self, trial: Trial) -> int | None:
        """The level that the last report was the first to reach; None if it reached none."""
        before = max(trial.curve.first(len(trial.curve) - 1).step, trial.origin_step)
        level = self.level(trial.curve.step)
        return level if level > before and trial.curve.step < self.last else None

    def ranked(self, history: History, level: int) -> list[int]:
        """Numbers of all that ever got to a level by training, the best first."""
        ladder = ladder_of(history, tuple(range(self.interval, self.last, self.interval)))
        rung = level // self.interval - 1
        trained = np.array([trial.origin_step < level for trial in history.trials], dtype=bool)
        places = ladder.best(rung, trained & (ladder.top >= rung), len(ladder))
        return [int(ladder.numbers[place]) for place in places]

    def is_bottom(self, history: History, trial: Trial, level: int) -> bool | None:
        """Whether a trial is among the worst on a level; None as long as too few got there."""
        there = self.ranked(history, level)
        if level <= trial.origin_step or len(there) < self.enough:
            return None
        return trial.number in there[len(there) - self.share(len(there)) :]

    def comparable(self, history: History) -> int:
        """The highest level at which enough trials stand; 0 if there is none."""
        top = self.level(max((trial.curve.step for trial in history.trials), default=0))
        levels = range(top, 0, -self.interval)
        return next((level for level in levels if len(self.ranked(history, level)) >= self.enough), 0)

    def donors(self, history: History, level: int, but: int | None = None) -> list[Trial]:
        """Members to fork from by their standing on a level: the top share of those that have a checkpoint.

        They are still members, and where one of the bottom is to be replaced (`but`), better than that one. Those of
        the top that have no checkpoint, or were replaced since, make way for the next.
        """
        there = self.ranked(history, level)
        better = there[: there.index(but)] if but in there else there
        trials = (history.trials[number] for number in better)
        usable = [t for t in trials if t.status not in _GONE and t.checkpoint and t.checkpoint.step < self.last]
        return usable[: max(1, self.share(len(there)))]


def members(history: History) -> list[Trial]:
    """The trials that have their place in the population: all but those that failed or were stopped."""
    return [trial for trial in history.trials if trial.status not in _GONE]


def can_rest(trial: Trial, rules: Rules) -> bool:
    """Whether pausing a trial is of use: whether it keeps a checkpoint when it is told to pause.

    One that was begun three times and has none, does not. None is begun more often than it passed levels, and twice
    more, for interruptions that came before a checkpoint: whatever a training does, it gets to its end.
    """
    begun = trial.attempt - trial.lost
    levels = (trial.curve.step - trial.origin_step) // rules.interval
    return begun <= levels + 2 and (trial.checkpoint is not None or begun <= 2)
