import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.fidelity.curved import SPACE, curved

from danlu.core.objective import Objective
from danlu.strategies.fidelity.rungs import highest, reached, rungs, values_at
from danlu.strategies.random import Random
from danlu.study import Study


def test_rungs_are_powers_below_the_end():
    assert rungs(1, 52, 3) == (1, 3, 9, 27)
    assert rungs(1, 27, 3) == (1, 3, 9)
    assert rungs(4, 30, 2) == (4, 8, 16)
    assert rungs(9, 9, 3) == ()


@given(first=st.integers(1, 20), more=st.integers(0, 200), eta=st.floats(1.05, 10.0))
def test_rungs_rise_from_the_first_and_stay_below_the_last(first, more, eta):
    found = rungs(first, first + more, eta)
    assert all(a < b for a, b in itertools.pairwise(found))
    assert all(first <= level < first + more for level in found)
    assert bool(found) == (more > 0)


def test_a_trial_stands_on_a_rung_from_its_first_report_at_or_beyond_it():
    study = curved([0.9, None, 0.7, 0.6])
    [trial] = study.trials
    assert values_at(trial, 1, study.history.objectives) == (0.9,)
    assert values_at(trial, 2, study.history.objectives) == (0.7,)
    assert values_at(trial, 4, study.history.objectives) == (0.6,)
    assert values_at(trial, 5, study.history.objectives) is None
    assert highest(trial, (1, 3, 9)) == 1


def test_a_rung_is_reached_by_one_report_only():
    study = curved([0.9, 0.8, 0.7, 0.6])
    [trial] = study.trials
    assert reached(trial, (1, 3, 9)) is None
    assert reached(trial, (1, 4, 9)) == 1
    assert reached(trial, (3, 4)) == 1


def test_where_the_best_report_counts_the_rung_has_the_best_so_far():
    study = curved([0.5, 0.9, 0.7], minimize=Objective("loss", at="best"))
    assert values_at(study.trials[0], 3, study.history.objectives) == (0.5,)


def test_eta_must_reduce(tmp_path):
    from danlu.errors import StrategyError
    from danlu.strategies.fidelity.asha import ASHA

    with pytest.raises(StrategyError, match="eta must be more than 1, got 1"):
        Study(SPACE, minimize="loss", strategy=ASHA(Random(), eta=1), steps=9)
    with pytest.raises(StrategyError, match="first must be from 1 to the steps of a full training, 9; got 10"):
        Study(SPACE, minimize="loss", strategy=ASHA(Random(), first=10), steps=9)
    with pytest.raises(StrategyError, match="how many steps is a full training"):
        Study(SPACE, minimize="loss", strategy="asha")
