"""Epochs: what a search spends on learning curves, and what a user would be shown for it.

What a user would be shown, by one rule for all: of the configs that were trained to the last epoch the one with the
lowest final loss; as long as there is none, the config whose last loss is the lowest, by its loss at the last epoch.
"""

import math
import time
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from contestants import Config
from suites import further_curves, problems_of


def curved(folder: Path, further: bool = False) -> dict[str, Any]:
    """The problems of a folder that have learning curves, by name; or those that its suite leaves out."""
    if further:
        return further_curves(folder)
    return {name: problem for name, problem in problems_of(folder).items() if problem.epochs}


class Ledger:
    """Trains, counts the epochs, and keeps what a user would be shown after each of them.

    Attributes:
        problem: what is trained.
        budget: epochs that count; later ones are trained, and change nothing.
        spent: epochs so far.
        trail: (epochs, final loss of the config that is shown from then on), where that changed.
        complete: epochs spent when the first training had come to its end; None before.
        begun, ended: how many trainings were begun, and came to their end.
        seconds: CPU time of the trainings.
    """

    def __init__(self, problem: Any, budget: int) -> None:
        self.problem, self.budget = problem, budget
        self.spent, self.begun, self.ended, self.seconds = 0, 0, 0, 0.0
        self.trail: list[tuple[int, float]] = []
        self.complete: int | None = None
        self._configs: dict[Hashable, Config] = {}
        self._steps: dict[Hashable, int] = {}
        self._losses: dict[Hashable, float] = {}
        self._shown: Hashable = None

    @property
    def is_spent(self) -> bool:
        return self.spent >= self.budget

    def epoch(self, key: Hashable, config: Config, epoch: int) -> float:
        """The loss of a training after one more epoch; `key` names the training."""
        loss = self.loss(config, epoch)
        if not self.is_spent:
            self.spent += 1
            self.begun += key not in self._configs
            self._configs[key], self._steps[key], self._losses[key] = config, epoch, loss
            self._show(key, loss)
        return loss

    def train(self, key: Hashable, config: Config, until: int) -> float:
        """The loss of a training at an epoch; those that it has had already are not paid again."""
        loss = math.nan
        for epoch in range(self._steps.get(key, 0) + 1, until + 1):
            loss = self.epoch(key, config, epoch)
        return self.loss(config, until) if math.isnan(loss) else loss

    def _show(self, key: Hashable, loss: float) -> None:
        if self._steps[key] == self.problem.epochs:
            self.ended += 1
            if self.complete is None or loss < self.trail[-1][1]:
                self.trail.append((self.spent, loss))
            self.complete = self.spent if self.complete is None else self.complete
        elif self.complete is None and (leading := min(self._losses, key=self._losses.__getitem__)) != self._shown:
            self._shown = leading
            self.trail.append((self.spent, self.loss(self._configs[leading], self.problem.epochs)))

    def loss(self, config: Config, epoch: int) -> float:
        """The loss of a config after so many epochs, which nobody pays for."""
        begin = time.process_time()
        loss = float(self.problem.evaluate(config, epoch=epoch))
        self.seconds += time.process_time() - begin
        return loss


def shown_at(trail: list[tuple[int, float]], spent: float) -> float:
    """Final loss of what is shown after so many epochs; infinite before the first."""
    return next((loss for begin, loss in reversed(trail) if begin <= spent), math.inf)


def reached_at(trail: list[tuple[int, float]], complete: int | None, goal: float) -> float:
    """Epochs until a config that was trained to its end is at least as good as `goal`; infinite if none ever is."""
    if complete is None:
        return math.inf
    return next((begin for begin, loss in trail if begin >= complete and loss <= goal), math.inf)
