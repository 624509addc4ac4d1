from dataclasses import dataclass, field

import numpy as np
import pytest

from danlu.core.history import fold
from danlu.core.strategy import EXHAUSTED, WAIT, Exhausted, Resume, Start, Strategy, Wait
from danlu.core.trial import Decision
from danlu.space import Config
from danlu.testing.journals import example


@dataclass(frozen=True)
class Mine(Strategy):
    eta: int
    first: int = 1
    parts: tuple[str, ...] = field(default=())


def test_settings_are_the_fields_that_differ_from_their_defaults():
    assert Mine(3).settings() == {"eta": 3}
    assert Mine(eta=3, first=2, parts=("a",)).settings() == {"eta": 3, "first": 2, "parts": ("a",)}


def test_a_strategy_is_a_value():
    assert Mine(3) == Mine(3, first=1)
    assert len({Mine(3), Mine(3), Mine(4)}) == 2
    with pytest.raises(AttributeError):
        Mine(3).eta = 4


def test_a_strategy_that_says_nothing_lets_trials_go_on_and_suits_any_study():
    history = fold(example())
    assert Mine(3).decide(history, history.trials[3]) is Decision.CONTINUE
    Mine(3).check(history)


def test_a_strategy_must_suggest():
    with pytest.raises(NotImplementedError):
        Mine(3).suggest(fold(example()), np.random.default_rng(0))


def test_suggestions_are_values():
    assert Start(Config(x=1), "a") == Start(Config(x=1), "a")
    assert Start(Config(x=1), "a") != Start(Config(x=1), "a", budget=3)
    assert Resume(1, 9) == Resume(1, 9)
    assert (Wait(), Exhausted()) == (WAIT, EXHAUSTED)
    assert WAIT != EXHAUSTED
