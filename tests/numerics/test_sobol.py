import timeit

import numpy as np
import pytest

from danlu.numerics.sobol import MAX_DIMENSIONS, sobol, unscrambled_sobol


def scipy_qmc():
    return pytest.importorskip("scipy.stats").qmc


@pytest.mark.parametrize("dimensions", [1, 2, 3, 10, MAX_DIMENSIONS])
def test_unscrambled_points_are_those_of_scipy(dimensions):
    theirs = scipy_qmc().Sobol(dimensions, scramble=False, bits=32).random(2**10)

    ours = unscrambled_sobol(np.arange(2**10), dimensions)

    np.testing.assert_array_equal(ours, theirs)


def test_a_late_unscrambled_point_is_that_of_scipy():
    theirs = scipy_qmc().Sobol(MAX_DIMENSIONS, scramble=False, bits=32).fast_forward(123_456_789).random(1)[0]

    np.testing.assert_array_equal(unscrambled_sobol(123_456_789, MAX_DIMENSIONS), theirs)


@pytest.mark.parametrize("seed", [0, 1, 2**70])
@pytest.mark.parametrize("m", [1, 4, 9])
def test_first_2_to_the_m_points_hit_each_interval_of_every_coordinate_once(seed, m):
    points = sobol(np.arange(2**m), MAX_DIMENSIONS, seed)

    cells = np.sort(np.floor(points * 2**m).astype(int), axis=0)

    np.testing.assert_array_equal(cells, np.repeat(np.arange(2**m)[:, None], MAX_DIMENSIONS, axis=1))


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("split", range(9))
def test_scrambled_points_of_two_coordinates_are_a_net_of_quality_0(seed, split):
    # Sobol (1967): t = 0 in two dimensions, so that every dyadic box of volume 2^-8 holds one of 2^8 points
    points = sobol(np.arange(2**8), 2, seed)

    boxes = np.floor(points * [2**split, 2 ** (8 - split)]).astype(int)

    assert len({tuple(box) for box in boxes}) == 2**8


def test_every_later_block_of_2_to_the_m_points_is_a_net_too():
    points = sobol(np.arange(3 * 64, 4 * 64), 5, seed=3)

    assert all(len(set(column)) == 64 for column in np.floor(points * 64).astype(int).T)


@pytest.mark.parametrize("dimensions", [2, 5, 10])
def test_64_points_are_spread_far_more_evenly_than_random_ones(dimensions):
    discrepancy = scipy_qmc().discrepancy
    rng = np.random.default_rng(0)

    ours = np.mean([discrepancy(sobol(np.arange(64), dimensions, seed)) for seed in range(10)])
    random = np.mean([discrepancy(rng.random((64, dimensions))) for _ in range(10)])

    assert ours < {2: 0.15, 5: 0.4, 10: 0.7}[dimensions] * random


def test_scrambling_is_as_even_as_that_of_scipy():
    qmc = scipy_qmc()

    ours = np.mean([qmc.discrepancy(sobol(np.arange(64), 5, seed)) for seed in range(30)])
    theirs = np.mean([qmc.discrepancy(qmc.Sobol(5, rng=seed).random(64)) for seed in range(30)])

    assert ours < 1.15 * theirs


def test_a_point_is_the_same_alone_and_among_others():
    indices = np.array([900, 3, 3, 0, 2**32 - 1])

    together = sobol(indices, 70, seed=5)

    np.testing.assert_array_equal(together, [sobol(int(k), 70, seed=5) for k in indices])


def test_a_coordinate_does_not_depend_on_how_many_there_are():
    np.testing.assert_array_equal(sobol(77, 80, seed=1)[:3], sobol(77, 3, seed=1))
    np.testing.assert_array_equal(sobol(77, 80, seed=1)[:70], sobol(77, 70, seed=1))


def test_another_seed_gives_other_points():
    assert not np.any(sobol(5, 10, seed=0) == sobol(5, 10, seed=1))


def test_each_scrambled_point_is_uniform_over_seeds():
    first = np.array([sobol(0, 3, seed) for seed in range(2000)])

    # mean of n uniforms: standard deviation 1 / sqrt(12 n) = 0.0065; correlations of independent ones: 0.022
    np.testing.assert_allclose(first.mean(axis=0), 0.5, atol=0.03)
    np.testing.assert_allclose(np.corrcoef(first.T), np.eye(3), atol=0.1)


def test_coordinates_beyond_the_table_are_uniform_and_uncorrelated():
    points = sobol(np.arange(4096), MAX_DIMENSIONS + 4, seed=2)[:, MAX_DIMENSIONS - 1 :]

    assert points.min() >= 0
    assert points.max() < 1
    np.testing.assert_allclose(points.mean(axis=0), 0.5, atol=0.02)
    np.testing.assert_allclose(np.corrcoef(points.T), np.eye(5), atol=0.07)


def test_values_lie_below_1_at_every_index():
    points = sobol(np.array([0, 1, 2**31, 2**32 - 1]), MAX_DIMENSIONS, seed=0)

    assert points.min() >= 0
    assert points.max() < 1


def test_no_indices_give_no_points():
    assert sobol(np.array([], dtype=int), 3, seed=0).shape == (0, 3)


def test_a_single_point_takes_microseconds():
    sobol(0, 10, seed=0)

    seconds = min(timeit.repeat(lambda: sobol(1_000_003, 10, seed=0), number=200, repeat=5)) / 200

    assert seconds < 300e-6  # 20 µs when nothing else runs
