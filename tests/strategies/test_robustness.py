"""Whatever the space, the values and the pending trials: every strategy goes on, by the same rules."""

import math
import time
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from danlu import Choice, Float, Int, Space, Study
from danlu.core.history import fold
from danlu.core.origin import fallback_in
from danlu.core.seeds import suggestion_rng
from danlu.core.strategy import Start
from danlu.errors import StrategyError
from danlu.stores.memory import Memory
from danlu.strategies.gp import gp
from danlu.testing.specimens import NAMES, specimen

TRIALS = 12
BOUND = 20.0  # seconds of one suggestion, which is a thousand times what any takes: only what hangs is caught


def nested(depth):
    inner = {"a": nested(depth - 1), "b": Space({"x": Float(0.0, 1.0)}), "c": None} if depth else {"a": None, "b": None}
    return Space({"x": Float(1e-3, 1.0, log=True), "n": Int(1, 3), "way": Choice(inner)})


SPACES = {
    "one option": Space({"only": Choice("a")}),
    "one level": Space({"n": Int(3, 3)}),
    "one value": Space({"x": Float(2.0, 2.0)}),
    "what varies beside what does not": Space({"x": Float(2.0, 2.0), "only": Choice("a"), "y": Float(0.0, 1.0)}),
    "two hundred dimensions": Space(
        {f"x{k}": (Float(0.0, 1.0), Int(1, 9), Choice("a", "b", "c"))[k % 3] for k in range(200)}
    ),
    "choices only": Space({f"c{k}": Choice("a", "b", "c", "d") for k in range(8)}),
    "very many options": Space({"c": Choice(*range(300)), "x": Float(0.0, 1.0)}),
    "branches five deep": nested(5),
    "constraints": Space(
        {"a": Float(0.0, 1.0), "b": Float(0.0, 1.0), "c": Choice("u", "v")},
        where=["a + b <= 0.3", "c == 'u' or a < 0.1"],
    ),
    "hardly anything allowed": Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0)}, where=["a * a + b * b <= 4e-4"]),
    "ten configs allowed": Space({"n": Int(1, 50), "m": Int(1, 50)}, where=["n * m == 48"]),
    "huge ranges": Space(
        {
            "x": Float(-1e300, 1e299),
            "y": Float(1e-300, 1e300, log=True),
            "n": Int(0, 10**13),
            "m": Int(1, 10**9, log=True),
        }
    ),
}

NUMBERS = [0.0, 1.0, -1.0, 1e300, -1e300, 1.7e308, -1.7e308, 5e-324, 1.0 + 1e-16, math.nan, math.inf, -math.inf]
"""Values that trainings may end with; NaN and infinite ones fail a trial."""

VALUES = {
    "equal": lambda k: 0.0,
    "large": lambda k: 1e300,
    "far below": lambda k: -1e300,
    "both": lambda k: 1e300 * (-1) ** k,
    "one far off": lambda k: 1e308 if k == 4 else float(k % 5),
    "tiny": lambda k: 5e-324 * k,
    "NaN": lambda k: math.nan,
    "infinite": lambda k: math.inf if k % 2 else -math.inf,
    "all failed": lambda k: None,
    "one finished": lambda k: 1.0 if k == 0 else None,
    "ordinary": lambda k: math.sin(k),
}
"""Number of a trial -> its value; None for a failure."""


def searched(strategy, space, value, pending=0, trials=TRIALS, seed=0, store=None):
    """A study in which so many trials are always pending; each suggestion is checked."""
    study = Study(space, minimize="loss", strategy=strategy, seed=seed, steps=9, store=store or Memory())
    running = []
    while len(study.trials) < trials:
        begin = time.perf_counter()
        trial = study.ask()
        assert time.perf_counter() - begin < BOUND
        if trial is not None:
            assert space.contains(trial.config)
            assert space.allows(trial.config)
            running.append(trial)
        elif not running:
            assert study.is_exhausted
            break
        while running and (trial is None or len(running) > pending):
            end(study, running.pop(0), value)
            trial = study.trials[-1]
    return study


def end(study, trial, value):
    loss = value(trial.number)
    study.fail(trial, "boom") if loss is None else study.tell(trial, loss=loss)


@pytest.fixture(autouse=True)
def _no_silent_overflow():
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of NumPy: a number has left its range, or a NaN has come about
        yield


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
@pytest.mark.parametrize("name", NAMES)
def test_any_space_is_searched(name, space):
    try:
        searched(specimen(name), space, VALUES["ordinary"], pending=2)
    except StrategyError as error:
        if name != "grid":
            raise
        pytest.skip(f"refused before anything runs: {error}")


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("name", NAMES)
def test_any_values_are_borne(name, value):
    for space in (SPACES["huge ranges"], SPACES["constraints"], nested(1)):
        searched(specimen(name), space, value)


@pytest.mark.parametrize("name", NAMES)
def test_any_number_of_trials_may_be_pending(name):
    for pending in (1, 7, TRIALS):
        searched(specimen(name), nested(2), VALUES["ordinary"], pending)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_order_of_ends_and_values_leads_to_one_legal_suggestion(name, data):
    space = data.draw(st.sampled_from([nested(2), SPACES["constraints"], SPACES["ten configs allowed"]]))
    store = Memory()
    try:
        seed = data.draw(st.integers(0, 99))
        study = Study(space, minimize="loss", strategy=specimen(name), seed=seed, steps=9, store=store)
    except StrategyError:
        reject()
    running = []
    for begins in data.draw(st.lists(st.booleans(), max_size=16)):
        if begins:
            trial = study.ask()
            running += [trial] if trial is not None else []
        elif running:
            trial = running.pop(data.draw(st.integers(0, len(running) - 1)))
            end(study, trial, lambda _: data.draw(st.none() | st.sampled_from(NUMBERS)))
    one, other = suggestion(name, study.history), suggestion(name, fold(store.read("study")))
    assert one == other
    if isinstance(one, Start):
        assert space.contains(one.config)
        assert space.allows(one.config)


def suggestion(name, history):
    return specimen(name).suggest(history, suggestion_rng(history.seed, history.asks))


@pytest.mark.parametrize("name", sorted({*NAMES} - {"schedule"}))  # which is told what to try
def test_one_seed_gives_one_search_and_another_seed_another(name):
    one, again, other = (
        [t.config for t in searched(specimen(name), nested(1), VALUES["ordinary"], 3, seed=seed).trials]
        for seed in (1, 1, 2)
    )
    assert one == again
    assert one != other


def test_where_the_kernel_has_no_cholesky_factor_the_search_goes_on_and_says_so_once(monkeypatch):
    def refuses(*_):
        raise gp.IllConditioned

    monkeypatch.setattr(gp, "_plan", refuses)
    for strategy in ("gp", "auto"):
        study = searched(strategy, Space({"x": Float(0.0, 1.0)}), VALUES["ordinary"])
        assert study.trials[-1].origin.startswith("gp: random, ill-conditioned")
        assert [note for note in study.history.notes if "fall back" in note] == [
            "the search had to fall back: gp: random, ill-conditioned "
            "(first in trial 5; the origin of each such trial says so)",
        ]
        assert study.verify() == []


@pytest.mark.parametrize(
    ("name", "space"),
    [
        ("cmaes", SPACES["one option"]),
        ("tpe", SPACES["hardly anything allowed"]),
        ("gp", SPACES["hardly anything allowed"]),
    ],
)
def test_a_note_is_written_if_and_only_if_a_strategy_fell_back(name, space):
    study = searched(specimen(name), space, VALUES["ordinary"], trials=30)
    fallbacks = list(dict.fromkeys(f for t in study.trials if (f := fallback_in(t.origin))))
    assert len(study.history.notes) == len(fallbacks)
    assert all(f in note for f, note in zip(fallbacks, study.history.notes, strict=True))


def test_a_value_that_cannot_vary_is_tried_once():
    study = searched("gp", SPACES["one value"], VALUES["ordinary"])
    assert [dict(trial.config) for trial in study.trials] == [{"x": 2.0}]
    assert study.history.notes == ()


def test_numbers_of_all_sizes_leave_a_surrogate_finite():
    study = searched(specimen("gp"), nested(1), lambda k: NUMBERS[k % 9], trials=20)
    explanation = study.strategy.explain(study.history)
    grid = explanation.grid("x", "n")
    assert all(np.isfinite(column).all() for column in grid.columns.values())
