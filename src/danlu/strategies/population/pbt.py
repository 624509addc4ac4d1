"""Population based training: members that fall behind go on with the weights of the best, and a config near to theirs.

What comes out is not a config but a schedule of configs along the line of forks (`danlu.core.lineage`).

    trial 0  lr 0.3     ━━━━┓ bottom at step 4: stopped, and its place taken by trial 8
    trial 1  lr 0.01    ━━━━┻━━━━┳━━━━ top at step 4
    trial 8  lr 0.0125           ┗━━━━ from trial 1's checkpoint

A member pauses at each multiple of the interval, with a checkpoint, and the least advanced goes on first: one worker
advances a population in turn, and with many nobody waits for a straggler, for a member is compared as soon as half of
the population was at its step. All that failed or diverged is replaced as well.

Nothing is forked from a checkpoint that isn't there. Where a training keeps none, or the runner can't pause and the
training keeps none of itself, a few of the bottom (as many as a quantile of the population) are replaced by their
explored config from step 0, whose origin says so; the others go on as they are.

Source: Jaderberg, Dalibard, Osindero, Czarnecki, Donahue, Razavi, Vinyals, Green, Dunning, Simonyan, Fernando &
Kavukcuoglu (2017), "Population based training of neural networks", arXiv 1711.09846: truncation selection.

Differs from the paper in that members are compared by what they reported at one and the same step, which is fair where
some are ahead; and in that the default config is never replaced, for what a search has won is told by comparison with
it.
"""

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import ClassVar

import numpy as np

from danlu.core.history import History
from danlu.core.origin import afresh
from danlu.core.strategy import EXHAUSTED, WAIT, Resume, Start, Strategy, Suggestion
from danlu.core.trial import Decision, Fork, Status, Trial
from danlu.errors import StrategyError
from danlu.space import Config
from danlu.strategies.fidelity.asha import check_inner
from danlu.strategies.fidelity.rungs import full_training
from danlu.strategies.population.explore import perturbed
from danlu.strategies.population.members import Rules, can_rest, members
from danlu.strategies.quasirandom import Sobol

_INTERVALS = 10  # of a training, if the user does not say
_FAILURES = 3  # times the population: so many failures are replaced, more are no config's fault


@dataclass(frozen=True)
class PBT(Strategy):
    """Population based training by truncation selection.

    Attributes:
        population: how many trainings there are at a time.
        interval: steps between comparisons; a tenth of a full training if not given.
        quantile: share of the population that is replaced at each comparison, and that is copied.
        pauses: whether members pause to be compared, each with a checkpoint; else those that are replaced are stopped,
            and what checkpoints there are serve.
        last: steps of a full training; the study's if not given.
        trials: how many trials there may be, forks included; the members then go on as they are. None: no limit.
        inner: strategy that suggests the first configs.
    """

    name: ClassVar[str] = "pbt"
    ends: ClassVar[bool] = True

    population: int = 8
    interval: int | None = None
    quantile: float = 0.25
    pauses: bool = True
    last: int | None = None
    trials: int | None = None
    inner: Strategy = field(default_factory=Sobol)

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        rules = self._rules(history)
        if self._has_room(history) and len(members(history)) < rules.size:
            filled = self._filled(history, rules, rng)
            if filled is not None:
                return filled
        waiting = sorted(history.paused, key=lambda trial: (rules.level(trial.curve.step), trial.number))
        for level, group in groupby(waiting, key=lambda trial: rules.level(trial.curve.step)):
            there = {trial: rules.is_bottom(history, trial, level) for trial in group}
            # forks first: the checkpoints of the top are still those of this level
            for trial in (trial for trial, is_bottom in there.items() if is_bottom):
                if fork := self._replaced(history, rules, trial, level, rng):
                    return fork
            for trial, is_bottom in there.items():
                if is_bottom is not None or not history.pending:  # else those that run will get there
                    return Resume(trial.number)
        return WAIT if history.pending else EXHAUSTED

    def decide(self, history: History, trial: Trial) -> Decision:
        rules = self._rules(history)
        level = rules.ready(trial)
        if level is None or not self._has_room(history):
            return Decision.CONTINUE
        is_bottom = rules.is_bottom(history, trial, level)
        if self.pauses and can_rest(trial, rules):
            is_saved = trial.checkpoint is not None and trial.checkpoint.step == trial.curve.step
            return Decision.CONTINUE if is_saved and is_bottom is False else Decision.PAUSE
        if not is_bottom or trial.origin == "default":
            return Decision.CONTINUE
        is_worth_it = bool(rules.donors(history, level, trial.number)) or self._may_begin_afresh(history, rules)
        return Decision.STOP if is_worth_it else Decision.CONTINUE

    def check(self, history: History) -> None:
        check_inner(self.name, self.inner, history)
        last = full_training(history, self.last, self.name)
        if self.population < 2:
            raise StrategyError(f"{self.name}: population must be at least 2, got {self.population}.")
        if self.interval is not None and not 1 <= self.interval <= last:
            raise StrategyError(
                f"{self.name}: interval must be from 1 to the steps of a full training, {last}; got {self.interval}."
            )
        if not 0.0 < self.quantile <= 0.5:
            raise StrategyError(f"{self.name}: quantile must be above 0 and at most 0.5, got {self.quantile}.")
        if self.trials is not None and self.trials < 1:
            raise StrategyError(f"{self.name}: trials must be at least 1, got {self.trials}.")

    def within(self, time: float | None, trials: int | None) -> Strategy:
        return self if trials is None else replace(self, trials=trials)

    def without_pauses(self) -> Strategy:
        return replace(self, pauses=False)

    def explored(self, history: History, donor: Trial, step: int, rng: np.random.Generator) -> tuple[Config, str]:
        """A config to go on with from a donor's checkpoint at a step, and how it came about, in words."""
        return perturbed(history.space, donor.config, rng), "explored"

    def _rules(self, history: History) -> Rules:
        last = full_training(history, self.last, self.name)
        size = self.population if self.trials is None else min(self.population, self.trials)
        return Rules(size, self.interval or -(-last // _INTERVALS), last, self.quantile)

    def _has_room(self, history: History) -> bool:
        return self.trials is None or len(history.trials) < self.trials

    def _filled(self, history: History, rules: Rules, rng: np.random.Generator) -> Suggestion | None:
        """What takes a free place: of one that failed or was stopped, or at the beginning."""
        failed = history.count(Status.FAILED)
        begun = sum(trial.parent is None for trial in history.trials) - self._begun_afresh(history)
        if begun >= rules.size:
            if failed > _FAILURES * rules.size:
                return None
            level = rules.comparable(history)
            if level and (donors := rules.donors(history, level)):
                return self._fork(history, donors[int(rng.integers(len(donors)))], rng)
            if level and self._may_begin_afresh(history, rules):
                return self._afresh(history, rules, level, rng)
        if begun >= rules.size + failed:
            return None
        first = self.inner.suggest(history, rng)
        return first if isinstance(first, Start) else None

    def _replaced(
        self, history: History, rules: Rules, trial: Trial, level: int, rng: np.random.Generator
    ) -> Start | None:
        """What takes the place of a paused member of the bottom; None where it is to go on."""
        if trial.origin == "default" or not self._has_room(history):
            return None
        if donors := rules.donors(history, level, trial.number):
            fork = self._fork(history, donors[int(rng.integers(len(donors)))], rng)
            return replace(fork, replaces=trial.number)
        if self._may_begin_afresh(history, rules):
            return replace(self._afresh(history, rules, level, rng), replaces=trial.number)
        return None

    def _fork(self, history: History, donor: Trial, rng: np.random.Generator) -> Start:
        checkpoint = donor.checkpoint
        assert checkpoint is not None
        config, how = self.explored(history, donor, checkpoint.step, rng)
        origin = f"{self.name}: {how} from trial {donor.number} at step {checkpoint.step}"
        return Start(config, origin, parent=Fork(donor.number, checkpoint.step, checkpoint.path))

    def _may_begin_afresh(self, history: History, rules: Rules) -> bool:
        """Whether a training from step 0 may stand in for a fork: where none keeps checkpoints, and only for few.

        Where some do, those of the top are being written, and there will be another time.
        """
        is_unsaved = all(trial.checkpoint is None for trial in history.trials)
        return is_unsaved and self._begun_afresh(history) < max(1, rules.share(rules.size))

    def _begun_afresh(self, history: History) -> int:
        return sum(trial.origin.startswith(afresh(self.name, "")) for trial in history.trials)

    def _afresh(self, history: History, rules: Rules, level: int, rng: np.random.Generator) -> Start:
        there = rules.ranked(history, level)
        top = there[: max(1, rules.share(len(there)))]
        donor = history.trials[top[int(rng.integers(len(top)))]]
        config, _ = self.explored(history, donor, 0, rng)
        return Start(config, afresh(self.name, "there is no checkpoint to fork from; save one when told to pause"))
