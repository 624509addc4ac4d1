"""Conformance kit for strategies: what every way to search must do, on any space."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, reject, settings
from hypothesis import strategies as st

from danlu.catalogue import plain_strategy, strategy_from
from danlu.core.history import History, fold
from danlu.core.replay import verify
from danlu.core.seeds import suggestion_rng
from danlu.core.stopping import Trials
from danlu.core.strategy import Exhausted, Resume, Start, Strategy, Suggestion
from danlu.core.trial import Decision, Status, Trial
from danlu.errors import StrategyError, StudyFailed
from danlu.loop import run
from danlu.runners.inline import Inline
from danlu.space import Choice, Float, Int, Space
from danlu.stores.memory import Memory
from danlu.study import Study, resolve_strategy
from danlu.testing.spaces import changes, spaces

SMALL = Space({"width": Int(1, 4), "activation": Choice("relu", "gelu", "tanh"), "norm": Choice(True, False)})
"""24 configs."""

MIXED = Space(
    {
        "lr": Float(1e-5, 1e-1, log=True, default=1e-3),
        "layers": Int(1, 8),
        "optimizer": Choice({"sgd": Space({"momentum": Float(0.0, 0.99)}), "adam": None}),
    }
)
"""A float on a log scale, an int, and a choice with a branch; with a default."""

CONSTRAINED = MIXED.with_where(
    ["layers * lr <= 0.002", "optimizer != 'sgd' or lr < 1e-2", "optimizer.sgd.momentum >= 0.5 or layers > 2"]
)
"""MIXED with constraints of numbers, of a choice and of its branch; two fifths of it are allowed."""

SPARSE = Space(
    {"n": Int(1, 8), "m": Int(1, 8), "activation": Choice("relu", "gelu")},
    where=["n * m == 12", "activation == 'relu' or n < m"],
)
"""6 allowed configs among 128."""

_OVERLAPPING = Space({"norm": Choice(False), "width": Int(3, 6), "activation": Choice("swish", "gelu")})
"""Four of its configs are of SMALL."""

_CHANGED = spaces().flatmap(lambda space: st.tuples(st.just(space), changes(space)))
"""A space, and one in which a study of it may go on."""

_QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def bowl_value(config: Mapping[str, Any]) -> float:
    """A number for any config: the sum over its values, each taken to [0, 1)."""
    return sum(float(v) % 1.0 if isinstance(v, (int, float)) else len(v) / 10 for v in config.values())


def bowl(trial: Trial, config: Mapping[str, Any]) -> float:
    """A training that is over at once: five reports, deterministic, a fifth of the configs diverge."""
    value = bowl_value(config)
    for step in trial.steps(5):
        trial.report(step, loss=value + 1 / step)
    if trial.seed % 5 == 0:
        raise FloatingPointError("diverged")
    return value


def resting(trial: Trial, config: Mapping[str, Any]) -> float:
    """As `bowl`, in three steps, and with a checkpoint where it is told to pause."""
    value = bowl_value(config)
    for step in trial.steps(3):
        if trial.report(step, loss=value + 1 / step) is Decision.PAUSE:
            trial.save(step)
            return value
    if trial.seed % 5 == 0:
        raise FloatingPointError("diverged")
    return value


@dataclass(frozen=True)
class StopsAndPauses(Strategy):
    """Of three trials one runs to its end, one is stopped after two steps, one is paused there and resumed at once."""

    inner: Strategy

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        paused = history.paused
        return Resume(paused[0].number, budget=3) if paused else self.inner.suggest(history, rng)

    def decide(self, history: History, trial: Trial) -> Decision:
        if trial.step != 2 or trial.budget is not None:
            return Decision.CONTINUE
        return (Decision.CONTINUE, Decision.STOP, Decision.PAUSE)[trial.number % 3]

    def check(self, history: History) -> None:
        self.inner.check(history)


class StrategyKit:
    """Subclass it and say how to make the strategy.

    Attributes:
        searches_all: whether the strategy tries every config of a finite space, each once.
    """

    searches_all = True

    def make(self) -> Strategy:
        """The strategy, with settings that suit any space."""
        raise NotImplementedError

    def study(
        self, space: Space, seed: int = 0, wrap: Callable[[Strategy], Strategy] = lambda strategy: strategy
    ) -> tuple[Study, Memory]:
        """A study in memory with this strategy, perhaps wrapped in another, and its store."""
        store = Memory()
        try:
            return Study(space, minimize="loss", strategy=wrap(self.make()), seed=seed, steps=5, store=store), store
        except StrategyError:
            reject()  # a strategy may say before anything runs that a space is not for it

    def test_its_plain_form_makes_it_again(self) -> None:
        strategy = self.make()
        assert strategy_from(plain_strategy(strategy)) == strategy

    @_QUICK
    @given(space=spaces(), seed=st.integers(0, 2**32))
    def test_suggests_configs_of_the_space(self, space: Space, seed: int) -> None:
        study, _ = self.study(space, seed)
        for _ in range(12):
            trial = study.ask()
            if trial is None:
                break
            assert space.contains(trial.config)
            study.tell(trial, loss=float(trial.number % 3))

    @_QUICK
    @given(space=spaces(), seed=st.integers(0, 2**32))
    def test_the_same_history_gives_the_same_suggestion(self, space: Space, seed: int) -> None:
        study, store = self.study(space, seed)
        for k in range(6):
            trial = study.ask()
            if trial is not None and k % 2:
                study.tell(trial, loss=float(k))
        again = fold(store.read("study"))
        assert _suggestion(self.make(), study.history) == _suggestion(self.make(), again)

    @_QUICK
    @given(space=spaces(), seed=st.integers(0, 2**32))
    def test_a_replay_of_its_journal_agrees(self, space: Space, seed: int) -> None:
        study, store = self.study(space, seed)
        with suppress(StudyFailed):  # of one seed in 3,000 the first five trials fail
            run(study, Inline(bowl, "loss"), Trials(6))
        checked = list(verify(store.read("study"), resolve_strategy))
        assert len(checked) >= len(study.trials)
        assert [mismatch for _, mismatch in checked if mismatch] == []

    @settings(_QUICK, max_examples=10)
    @given(both=_CHANGED, seed=st.integers(0, 2**32))
    @example(both=(MIXED, CONSTRAINED), seed=0)
    @example(both=(SMALL, _OVERLAPPING), seed=0)
    def test_goes_on_in_a_space_that_was_changed(self, both: tuple[Space, Space], seed: int) -> None:
        was, now = both
        study, store = self.study(was, seed)
        for k in range(8):
            trial = study.ask()
            if trial is not None and k != 5:  # which is still running
                study.fail(trial, "boom") if k % 4 == 3 else study.tell(trial, loss=bowl_value(trial.config))
        try:
            study.change(now)
        except StrategyError:
            reject()
        for k in range(6):
            again = Study.open(store=store)
            assert _suggestion(again.strategy, again.history) == _suggestion(self.make(), study.history)
            trial = study.ask()
            if trial is None:
                break
            assert now.contains(trial.config)
            study.fail(trial, "boom") if k % 4 == 3 else study.tell(trial, loss=bowl_value(trial.config))
        assert [mismatch for _, mismatch in verify(store.read("study"), resolve_strategy) if mismatch] == []
        assert outcome(fold(store.read("study"))) == outcome(study.history)

    @settings(_QUICK, max_examples=2)
    @given(space=spaces(), seed=st.integers(0, 2**32))
    @example(space=SMALL, seed=0)
    @example(space=MIXED, seed=1)
    def test_a_study_cut_after_any_entry_is_healthy_and_goes_on_to_the_same_end(self, space: Space, seed: int) -> None:
        study, store = self.study(space, seed, wrap=StopsAndPauses)
        run(study, Inline(resting, "loss"), Trials(4))
        whole = list(store.read("study"))
        for cut in range(1, len(whole)):
            rest = Memory()
            for entry in whole[:cut]:
                rest.append("study", entry)
            resumed = Study.open(store=rest)
            check_consistent(resumed.history)
            assert resumed.verify() == []
            run(resumed, Inline(resting, "loss"), Trials(4))
            assert outcome(resumed.history) == outcome(study.history), f"cut after entry {cut}"
            assert resumed.verify() == []
            resumed.close()
        study.close()

    def test_pending_trials_are_not_suggested_again_in_a_small_space(self) -> None:
        if not self.searches_all:
            pytest.skip("this strategy does not search finite spaces completely")
        study, _ = self.study(SMALL)
        configs = [trial.config for _ in range(24) if (trial := study.ask()) is not None]
        assert len(set(configs)) == 24

    def test_a_small_space_is_exhausted_when_all_of_it_was_tried(self) -> None:
        if not self.searches_all:
            pytest.skip("this strategy does not search finite spaces completely")
        study, _ = self.study(SMALL)
        for _ in range(24):
            study.tell(study.ask(), loss=1.0)  # type: ignore[arg-type]
        assert study.ask() is None
        assert study.is_exhausted

    def test_no_config_that_violates_a_constraint_is_suggested(self) -> None:
        study, store = self.study(CONSTRAINED)
        for k in range(40):
            trial = study.ask()
            if trial is None:
                break
            assert CONSTRAINED.violated(trial.config) is None
            study.fail(trial, "boom") if k % 7 == 6 else study.tell(trial, loss=bowl_value(trial.config))
        assert not any("repeat" in trial.origin for trial in study.trials)
        assert [mismatch for _, mismatch in verify(store.read("study"), resolve_strategy) if mismatch] == []

    def test_what_few_configs_constraints_leave_are_all_tried_and_no_others(self) -> None:
        if not self.searches_all:
            pytest.skip("this strategy does not search finite spaces completely")
        study, _ = self.study(SPARSE)
        tried = []
        while (trial := study.ask()) is not None:
            tried.append(trial.config)
            study.tell(trial, loss=float(trial.number))
        assert len(tried) == len(set(tried)) == SPARSE.size == 6
        assert study.is_exhausted

    def test_says_in_the_origin_what_it_is(self) -> None:
        study, _ = self.study(MIXED)
        origins = {trial.origin.split(":")[0] for _ in range(6) if (trial := study.ask()) is not None}
        assert "" not in origins
        assert origins & {"default"}

    def test_failed_trials_do_not_disturb_it(self) -> None:
        study, _ = self.study(MIXED)
        for k in range(8):
            trial = study.ask()
            if trial is not None:
                study.fail(trial, "boom") if k % 2 else study.tell(trial, loss=float(k))
        assert study.history.count("failed") == 4


def check_consistent(history: History) -> None:
    """Asserts that what a history counts and lists agrees with its trials."""
    statuses = [trial.status for trial in history.trials]
    assert {status: history.count(status) for status in Status} == {s: statuses.count(s) for s in Status}
    assert [t.number for t in history.pending] == [k for k, s in enumerate(statuses) if s in ("pending", "running")]
    assert [t.number for t in history.paused] == [k for k, s in enumerate(statuses) if s is Status.PAUSED]
    assert sorted(t.number for t in history.finished) == [k for k, s in enumerate(statuses) if s.is_final]
    assert [trial.number for trial in history.trials] == list(range(len(statuses)))


def outcome(history: History) -> list[tuple[object, ...]]:
    """What came of a study, without times and attempts: config, seed, status, value and curve of each trial."""
    return [
        (t.number, t.config, t.seed, t.origin, t.status, t.value, tuple((s, tuple(m.items())) for s, m in t.curve))
        for t in history.trials
    ]


def _suggestion(strategy: Strategy, history: History) -> Start | Exhausted | object:
    return strategy.suggest(history, suggestion_rng(history.seed, history.asks))
