import numpy as np
import pytest

from danlu.analysis.basis import basis_of, uniform
from danlu.space import Choice, Float, Int, Space

DIMENSIONS = [
    Float(0.0, 1.0), Float(1e-4, 1.0, log=True), Float(0.0, 1.0, step=0.1), Int(1, 8), Int(1, 30, log=True),
    Int(1, 5000, log=True), Choice("a", "b", "c"), Choice("s", "m", "l", ordered=True), Choice(True, False),
]  # fmt: skip


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=str)
def test_the_functions_are_orthonormal_and_of_mean_zero_under_the_uniform_measure(dimension):
    basis = basis_of(dimension, 6)
    v = (np.arange(60_000) + 0.5) / 60_000
    F = basis.at(basis.coordinates(v))
    assert F.mean(axis=0) == pytest.approx(np.zeros(basis.size), abs=1e-3)
    assert F.T @ F / len(v) == pytest.approx(np.eye(basis.size), abs=5e-3)


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=str)
def test_coordinates_are_those_of_the_quantiles(dimension):
    v = np.random.default_rng(0).random(50)
    quantiles = [dimension.encode(dimension.quantile(float(x))) for x in v]
    found = basis_of(dimension, 6).coordinates(v)
    assert np.mean(np.abs(found - quantiles) < 0.003) > 0.95  # a cell's edge may round to its neighbour


@pytest.mark.parametrize(
    ("dimension", "size"),
    [(Float(0, 1), 9), (Int(1, 3), 2), (Choice("a", "b", "c", "d"), 3), (Choice("a"), 0), (Int(2, 2), 0)],
)
def test_there_are_no_more_functions_than_values_allow(dimension, size):
    assert basis_of(dimension, 9).size == size


def test_an_inactive_value_has_no_function():
    assert basis_of(Float(0.0, 1.0), 4).at(np.array([np.nan, 0.3]))[0].tolist() == [0.0] * 4


def test_uniform_configs_are_those_of_the_space():
    space = Space(
        {
            "o": Choice({"a": Space({"p": Choice({"x": Space({"q": Float(0, 1)}), "y": None})}), "b": None}),
            "n": Int(0, 3),
        }
    )
    v = np.random.default_rng(1).random((40, len(space)))
    expected = np.array([space.encode(space.quantile(row.tolist())) for row in v])
    assert uniform(space, v) == pytest.approx(expected, nan_ok=True)
