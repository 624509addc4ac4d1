from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from danlu.pictures.grid import grid_of, is_on

FULL = [(x, y) for y in (16, 64, 256) for x in (0.001, 0.01, 0.1, 1.0)]


def test_a_full_grid_has_its_values_as_levels():
    assert grid_of(FULL) == ((0.001, 0.01, 0.1, 1.0), (16, 64, 256))


def test_the_order_of_trials_does_not_matter():
    assert grid_of(FULL[::-1]) == grid_of(FULL)


def test_a_grid_may_lack_a_few_cells_and_have_a_trial_beside_it():
    pairs = [*FULL[:5], *FULL[6:], (0.003, 100)]
    grid = grid_of(pairs)
    assert grid == grid_of(FULL)
    assert not is_on(grid, (0.003, 100))


def test_half_a_grid_is_none():
    assert grid_of([(x, y) for x, y in product(range(6), repeat=2) if (x + y) % 2]) is None


def test_random_values_are_no_grid():
    assert grid_of([(k * 0.618 % 1, k * 0.367 % 1) for k in range(50)]) is None
    assert grid_of([]) is None


def test_one_row_is_no_grid():
    assert grid_of([(x, 16) for x in (1, 2, 3, 1, 2, 3)]) is None


def test_options_keep_their_own_order():
    pairs = list(product(("relu", "gelu"), ("sgd", "adam"))) * 2
    assert grid_of(pairs, (("relu", "gelu", "tanh"), ("sgd", "adam"))) == (("relu", "gelu"), ("sgd", "adam"))


@given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 3))
def test_every_full_grid_is_found_however_often_it_was_run(columns, rows, times):
    pairs = list(product(range(columns), range(rows))) * times
    assert grid_of(pairs) == (tuple(range(columns)), tuple(range(rows)))
