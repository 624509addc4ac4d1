from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("optuna")
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from danlu.integrations.optuna_space import Searched, Shape, dimension_of, is_usable, nearest
from danlu.space import Float, Int

X, N = FloatDistribution(-1.0, 1.0), IntDistribution(1, 9)
OPTIMIZER = CategoricalDistribution(["sgd", "adam", None])


def shaped(*trials: tuple[dict[str, BaseDistribution], dict[str, Any]]) -> Searched:
    shape = Shape()
    for distributions, params in trials:
        shape.add(distributions, params, is_whole=True)
    return shape.searched()


def asked(
    params: dict[str, Any], **distributions: BaseDistribution
) -> tuple[dict[str, BaseDistribution], dict[str, Any]]:
    return distributions, params


def test_parameter_that_comes_with_an_option_is_in_its_branch() -> None:
    searched = shaped(
        asked({"o": "sgd", "m": 0.5, "x": 0.0}, o=OPTIMIZER, m=X, x=X),
        asked({"o": "adam", "b": 3, "x": 0.0}, o=OPTIMIZER, b=N, x=X),
        asked({"o": None, "x": 0.0}, o=OPTIMIZER, x=X),
    )
    assert searched.parents == {"m": ("o", {0}), "b": ("o", {1})}
    assert searched.params(searched.config({"o": "adam", "b": 3, "x": 0.5})) == {"o": "adam", "b": 3, "x": 0.5}
    assert searched.params(searched.config({"o": None, "x": 0.5})) == {"o": None, "x": 0.5}


def test_branch_in_a_branch_hangs_on_the_nearest_choice() -> None:
    kind, nested = CategoricalDistribution(["net", "tree"]), CategoricalDistribution([True, False])
    searched = shaped(
        asked({"k": "net", "drop": True, "p": 0.1}, k=kind, drop=nested, p=X),
        asked({"k": "net", "drop": False}, k=kind, drop=nested),
        asked({"k": "tree", "depth": 3}, k=kind, depth=N),
    )
    assert searched.parents == {"drop": ("k", {0}), "p": ("drop", {0}), "depth": ("k", {1})}
    for params in ({"k": "net", "drop": True, "p": 0.5}, {"k": "net", "drop": False}, {"k": "tree", "depth": 3}):
        assert searched.params(searched.config(params)) == params


def test_parameter_that_comes_with_two_options_is_in_both_branches() -> None:
    searched = shaped(
        asked({"o": "sgd", "m": 0.5}, o=OPTIMIZER, m=X),
        asked({"o": "adam", "m": 0.5}, o=OPTIMIZER, m=X),
        asked({"o": None}, o=OPTIMIZER),
    )
    assert searched.parents == {"m": ("o", {0, 1})}
    assert searched.params(searched.config({"o": "adam", "m": 0.25})) == {"o": "adam", "m": 0.25}


def test_layers_that_an_int_counts_are_hyperparameters_of_all() -> None:
    searched = shaped(
        asked({"n": 1, "w0": 3}, n=N, w0=N),
        asked({"n": 2, "w0": 3, "w1": 7}, n=N, w0=N, w1=N),
    )
    assert searched.parents == {}
    assert searched.params(searched.config({"n": 1, "w0": 3})) == {"n": 1, "w0": 3, "w1": 5}  # its middle


def test_what_a_failed_or_running_trial_lacks_hangs_on_nothing() -> None:
    shape = Shape()
    shape.add({"o": OPTIMIZER}, {"o": "sgd"}, is_whole=False)
    shape.add({"o": OPTIMIZER, "m": X}, {"o": "adam", "m": 0.5}, is_whole=True)
    shape.see({"new": N})
    assert shape.searched().parents == {}
    assert set(shape.searched().names) == {"o", "m", "new"}


def test_space_stays_the_same_object_while_nothing_new_is_said() -> None:
    shape = Shape()
    shape.add({"x": X}, {"x": 0.5}, is_whole=True)
    searched = shape.searched()
    shape.add({"x": FloatDistribution(-1.0, 1.0)}, {"x": 0.25}, is_whole=True)
    shape.see({"x": X})
    assert shape.searched() is searched


def test_range_that_was_changed_once_is_the_last_one_and_one_that_changes_always_is_all() -> None:
    narrow = [IntDistribution(1, 9), IntDistribution(1, 9), IntDistribution(1, 4)]
    assert shaped(*(asked({"n": 1}, n=d) for d in narrow)).distributions == {"n": IntDistribution(1, 4)}
    moving = [IntDistribution(0, high) for high in (3, 7, 2, 5)]
    assert shaped(*(asked({"n": 1}, n=d) for d in moving)).distributions == {"n": IntDistribution(0, 7)}
    settled = [*moving, *[IntDistribution(0, 2)] * 20]
    shape = Shape()
    for distribution in settled:
        shape.add({"n": distribution}, {"n": 1}, is_whole=True)
    assert shape.searched().distributions == {"n": IntDistribution(0, 2)}


def test_what_leaves_no_choice_or_is_no_dimension_is_left_out() -> None:
    assert not is_usable(FloatDistribution(1.0, 1.0))
    assert not is_usable(CategoricalDistribution(["only"]))
    assert not is_usable(IntDistribution(0, 10**14))
    assert shaped(asked({"x": 0.5, "one": 1}, x=X, one=IntDistribution(1, 1))).names == ("x",)


@given(
    st.integers(-20, 20), st.integers(1, 40), st.integers(1, 7), st.booleans(), st.floats(0.0, 1.0, exclude_max=True)
)
def test_values_of_a_dimension_are_values_of_the_distribution(
    low: int, width: int, step: int, is_log: bool, v: float
) -> None:
    made: list[BaseDistribution] = [
        IntDistribution(low, low + width * step, step=step),
        FloatDistribution(low / 10, (low + width * step) / 10, step=step / 10),
        FloatDistribution(low / 10, (low + width) / 10),
    ]
    if is_log:
        made = [
            IntDistribution(21 + low, 21 + low + width, log=True),
            FloatDistribution(21.0 + low, 22.0 + low, log=True),
        ]
    for distribution in made:
        dimension = dimension_of(distribution)
        assert isinstance(dimension, (Float, Int))
        value = distribution.to_external_repr(float(dimension.quantile(v)))
        assert distribution._contains(distribution.to_internal_repr(value))
        assert distribution._contains(distribution.to_internal_repr(nearest(distribution, value * 3 + 1)))


def test_config_of_a_trial_out_of_range_can_be_moved_to_the_bounds() -> None:
    searched = shaped(asked({"x": 0.5}, x=X))
    assert not searched.space.contains(searched.config({"x": 5.0}))
    assert searched.params(searched.config({"x": 5.0}, clipped=True)) == {"x": 1.0}
