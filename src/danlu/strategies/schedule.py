"""Schedule: a training whose config changes on its way, trained again. What a population has found, on its own.

    {"use": "schedule", "segments": [{"step": 0, "config": {"lr": 0.1}}, {"step": 8, "config": {"lr": 0.02}}]}

Each segment is a trial of its own, forked from the checkpoint that the one before left when it was told to pause, so
that any training function can follow a schedule: it need not know of one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from danlu.core.history import History
from danlu.core.lineage import line
from danlu.core.strategy import EXHAUSTED, WAIT, Resume, Start, Strategy, Suggestion
from danlu.core.trial import Decision, Fork, Trial
from danlu.errors import SpaceError, StrategyError, UnknownName
from danlu.space import Config, Space

_ATTEMPTS = 3  # at a segment that leaves no checkpoint


@dataclass(frozen=True)
class Schedule(Strategy):
    """Trains a schedule from its beginning to its end, several times if asked for, each with seeds of its own.

    Attributes:
        segments: the stretches in order, each a table of the `step` after which it begins, the first 0, and the
            `config` that it has; hyperparameters that are not named take their defaults.
        repeats: how many times.
    """

    ends: ClassVar[bool] = True

    segments: tuple[Mapping[str, Any], ...]
    repeats: int = 1

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        for trial in history.paused:
            k = self._segment(history, trial)
            if k is not None and k + 1 < len(self.segments):
                return self._next(history, trial, k + 1)
        begun = sum(is_ours(trial) and trial.parent is None for trial in history.trials)
        if begun < self.repeats:
            return Start(self._config(history.space, 0), f"schedule: {begun + 1} of {self.repeats}")
        return WAIT if history.pending else EXHAUSTED

    def decide(self, history: History, trial: Trial) -> Decision:
        k = self._segment(history, trial)
        if k is None or k + 1 == len(self.segments) or trial.curve.step < self._step(k + 1):
            return Decision.CONTINUE
        return Decision.PAUSE

    def check(self, history: History) -> None:
        steps = [segment.get("step") if isinstance(segment, Mapping) else None for segment in self.segments]
        are_whole = all(isinstance(step, int) and not isinstance(step, bool) for step in steps)
        if not steps or not are_whole or steps[0] != 0 or steps != sorted(set(steps)):  # type: ignore[type-var]
            raise StrategyError(
                f"schedule: segments must be tables of a step and a config, the steps ascending from 0, "
                f"got {list(self.segments)!r}. `danlu export STUDY best.json --what schedule` writes them."
            )
        if self.repeats < 1:
            raise StrategyError(f"schedule: repeats must be at least 1, got {self.repeats}.")
        for k in range(len(steps)):
            try:
                self._config(history.space, k)
            except (SpaceError, UnknownName) as error:
                raise StrategyError(f"schedule: segment {k}: {error}") from error

    def _step(self, k: int) -> int:
        return int(self.segments[k]["step"])

    def _config(self, space: Space, k: int) -> Config:
        return space.config(self.segments[k].get("config", {}))

    def _segment(self, history: History, trial: Trial) -> int | None:
        """Which segment a trial is; None if it is none of ours."""
        trials = line(history, trial.number)
        return len(trials) - 1 if all(map(is_ours, trials)) else None

    def _next(self, history: History, trial: Trial, k: int) -> Suggestion:
        checkpoint = trial.checkpoint
        if checkpoint is not None and checkpoint.step >= self._step(k):
            fork = Fork(trial.number, checkpoint.step, checkpoint.path)
            origin = f"schedule: segment {k + 1} of {len(self.segments)}"
            return Start(self._config(history.space, k), origin, parent=fork, replaces=trial.number)
        if trial.attempt - trial.lost < _ATTEMPTS:  # it may have been cut off before it could save
            return Resume(trial.number)
        raise StrategyError(
            f"schedule: trial {trial.number} was to go on from a checkpoint after step {self._step(k)}, and has left "
            f"none. Save one when told to pause: if trial.report(...) is Decision.PAUSE: trial.save(state)."
        )


def is_ours(trial: Trial) -> bool:
    """Whether a schedule made a trial."""
    return trial.origin.startswith("schedule: ")
