"""Conformance kit for strategies: what every way to search must do, on any space."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from danlu.catalogue import plain_strategy, strategy_from
from danlu.core.history import History, fold
from danlu.core.replay import verify
from danlu.core.seeds import suggestion_rng
from danlu.core.stopping import Trials
from danlu.core.strategy import Exhausted, Start, Strategy
from danlu.core.trial import Trial
from danlu.errors import StrategyError
from danlu.loop import run
from danlu.runners.inline import Inline
from danlu.space import Choice, Float, Int, Space
from danlu.stores.memory import Memory
from danlu.study import Study, resolve_strategy
from danlu.testing.spaces import spaces

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

_QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def bowl(trial: Trial, config: Mapping[str, Any]) -> float:
    """A training that is over at once: five reports, deterministic, a fifth of the configs diverge."""
    value = sum(float(v) % 1.0 if isinstance(v, (int, float)) else len(v) / 10 for v in config.values())
    for step in trial.steps(5):
        trial.report(step, loss=value + 1 / step)
    if trial.seed % 5 == 0:
        raise FloatingPointError("diverged")
    return value


class StrategyKit:
    """Subclass it and say how to make the strategy.

    Attributes:
        searches_all: whether the strategy tries every config of a finite space, each once.
    """

    searches_all = True

    def make(self) -> Strategy:
        """The strategy, with settings that suit any space."""
        raise NotImplementedError

    def study(self, space: Space, seed: int = 0) -> tuple[Study, Memory]:
        """A study in memory with this strategy, and its store."""
        store = Memory()
        try:
            return Study(space, minimize="loss", strategy=self.make(), seed=seed, store=store), store
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
        run(study, Inline(bowl, "loss"), Trials(6))
        checked = list(verify(store.read("study"), resolve_strategy))
        assert len(checked) >= len(study.trials)
        assert [mismatch for _, mismatch in checked if mismatch] == []

    @pytest.mark.parametrize("space", [SMALL, MIXED], ids=["small", "mixed"])
    def test_a_study_cut_after_any_entry_goes_on_to_the_same_end(self, space: Space) -> None:
        study, store = self.study(space)
        run(study, Inline(bowl, "loss"), Trials(7))
        whole = list(store.read("study"))
        for cut in range(1, len(whole)):
            rest = Memory()
            for entry in whole[:cut]:
                rest.append("study", entry)
            resumed = Study.open(store=rest)
            run(resumed, Inline(bowl, "loss"), Trials(7))
            assert outcome(resumed.history) == outcome(study.history), f"cut after entry {cut}"
            assert resumed.verify() == []

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


def outcome(history: History) -> list[tuple[object, ...]]:
    """What came of a study, without times and attempts: config, seed, status, value and curve of each trial."""
    return [
        (t.number, t.config, t.seed, t.origin, t.status, t.value, tuple((s, tuple(m.items())) for s, m in t.curve))
        for t in history.trials
    ]


def _suggestion(strategy: Strategy, history: History) -> Start | Exhausted | object:
    return strategy.suggest(history, suggestion_rng(history.seed, history.asks))
