import math

import numpy as np
import pytest

from danlu.numerics.pareto import covering, crowding, hypervolume, non_dominated, ranks

INF = math.inf


def dominates(a, b):
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


def slow_mask(losses):
    return [not any(dominates(other, row) for other in losses) for row in losses]


def slow_ranks(losses):
    found, left, rank = {}, list(range(len(losses))), 0
    while left:
        front = [k for k in left if not any(dominates(losses[j], losses[k]) for j in left)]
        found |= dict.fromkeys(front, rank)
        left, rank = [k for k in left if k not in front], rank + 1
    return [found[k] for k in range(len(losses))]


def samples(m):
    """Clouds, with many ties, with repeats, in one line, on a sphere."""
    rng = np.random.default_rng(m)
    sphere = np.abs(rng.normal(size=(40, m)))
    yield rng.random((60, m))
    yield rng.integers(0, 4, (60, m)).astype(float)
    yield np.repeat(rng.random((9, m)), 3, axis=0)
    yield np.linspace(0, 1, 9)[:, None].repeat(m, axis=1)
    yield sphere / np.linalg.norm(sphere, axis=1, keepdims=True)
    yield rng.choice([0.0, 1.0, INF, -INF], (30, m))
    yield np.full((5, m), 2.0)
    yield np.empty((0, m))


@pytest.mark.parametrize("m", [1, 2, 3, 5])
def test_the_mask_is_that_of_comparing_every_pair(m):
    for losses in samples(m):
        assert non_dominated(losses).tolist() == slow_mask(losses.tolist())


@pytest.mark.parametrize("m", [1, 2, 3, 5])
def test_ranks_are_the_fronts_taken_off_one_after_another(m):
    for losses in samples(m):
        assert ranks(losses).tolist() == slow_ranks(losses.tolist())


def test_the_mask_of_many_vectors_does_not_depend_on_the_blocks_it_is_made_in():
    losses = np.random.default_rng(0).random((3000, 3)).round(2)
    front = losses[non_dominated(losses)]
    assert non_dominated(losses[::-1])[::-1].tolist() == non_dominated(losses).tolist()
    assert all((np.all(front <= row, axis=1)).any() for row in losses)  # every vector has one of the front below it
    assert non_dominated(front).all()


def test_crowding_of_a_worked_example():
    # neighbours of (1, 3): 0 and 3 of a width of 4, 4 and 1 of a width of 4; of (3, 1): 1 and 4, 3 and 0
    losses = np.array([[3.0, 1.0], [0.0, 4.0], [1.0, 3.0], [4.0, 0.0]])
    assert crowding(losses).tolist() == [1.5, INF, 1.5, INF]


def test_crowding_ignores_an_objective_in_which_all_are_equal_and_survives_the_largest_numbers():
    flat = np.array([[0.0, 7.0], [0.5, 7.0], [1.0, 7.0]])
    assert crowding(flat).tolist() == [INF, 1.0, INF]
    assert crowding(np.full((3, 2), 1.0)).tolist() == [0.0, 0.0, 0.0]
    huge = np.array([[-1.7e308, 1.7e308], [0.0, 0.0], [1.7e308, -1.7e308]])
    assert crowding(huge).tolist() == [INF, 2.0, INF]
    assert crowding(np.empty((0, 2))).tolist() == []


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
def test_one_vector_dominates_a_box(m):
    corner = np.arange(m) / 10
    assert hypervolume(corner[None], np.ones(m)) == pytest.approx(math.prod(1 - corner))


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_a_staircase_of_two_objectives_has_a_closed_form(n):
    k = np.arange(1, n + 1) / (n + 1)
    # n strips of width 1 / (n + 1) and heights 1, 2, ... n of (n + 1)
    assert hypervolume(np.column_stack([k, 1 - k]), np.ones(2)) == pytest.approx(n / (2 * (n + 1)))


@pytest.mark.parametrize("m", [2, 3, 4])
def test_unit_vectors_and_the_reference_have_a_closed_form(m):
    # the i-th vector is 0 in objective i and 1/2 elsewhere; any two of them share the box beyond 1/2 everywhere
    losses = 0.5 * (1 - np.eye(m))
    shared = 0.5**m
    assert hypervolume(losses, np.ones(m)) == pytest.approx(m * 0.5 ** (m - 1) - (m - 1) * shared)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_the_volume_is_that_of_inclusion_and_exclusion(m):
    rng = np.random.default_rng(m)
    for losses in (rng.random((8, m)), rng.integers(0, 3, (8, m)) / 3):
        total = 0.0
        for subset in range(1, 2 ** len(losses)):
            rows = losses[[k for k in range(len(losses)) if subset >> k & 1]]
            total -= (-1) ** len(rows) * float(np.prod(1 - rows.max(axis=0)))
        assert hypervolume(losses, np.ones(m)) == pytest.approx(total)


@pytest.mark.parametrize("m", [2, 3, 5])
def test_the_volume_is_the_share_of_random_points_that_are_dominated(m):
    rng = np.random.default_rng(10 + m)
    losses = rng.random((20, m))
    points = rng.random((40_000, m))
    share = np.mean([(losses <= point).all(axis=1).any() for point in points])
    assert hypervolume(losses, np.ones(m)) == pytest.approx(share, abs=4 * 0.5 / math.sqrt(40_000))


def test_what_does_not_dominate_the_reference_adds_nothing():
    losses = np.array([[0.5, 0.5], [0.2, 1.0], [2.0, 0.1], [0.5, 0.5], [0.7, 0.7]])
    assert hypervolume(losses, np.ones(2)) == pytest.approx(0.25)
    assert hypervolume(losses[1:3], np.ones(2)) == 0.0
    assert hypervolume(np.empty((0, 3)), np.ones(3)) == 0.0


# a few vectors that cover much ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [2, 3])
def test_covering_is_the_plain_greedy_choice(m):
    rng = np.random.default_rng(m)
    losses, reference = rng.random((15, m)), np.full(m, 1.05)
    chosen = []
    for _ in range(6):
        volumes = [hypervolume(losses[[*chosen, k]], reference) if k not in chosen else -1.0 for k in range(15)]
        chosen.append(int(np.argmax(volumes)))
    assert covering(losses, 6, reference).tolist() == chosen


def test_covering_leaves_none_out_when_all_are_wanted_and_takes_what_adds_nothing_last():
    losses = np.array([[2.0, 2.0], [0.0, 0.5], [0.5, 0.0], [0.0, 0.5]])
    assert covering(losses, 4, np.ones(2)).tolist()[:2] == [1, 2]
    assert sorted(covering(losses, 4, np.ones(2)).tolist()) == [0, 1, 2, 3]
