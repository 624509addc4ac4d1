import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from danlu.numerics.even import even_choice


@given(n=st.integers(0, 300), count=st.integers(2, 300))
def test_it_is_spread_over_all_items_with_no_gap_longer_than_another_by_more_than_one(n, count):
    items = np.arange(n)
    chosen = even_choice(items, count)
    assert len(chosen) == min(n, count)
    if n > 1:
        assert (chosen[0], chosen[-1]) == (0, n - 1)
        gaps = np.diff(chosen)
        assert 0 < gaps.min() <= gaps.max() <= gaps.min() + 1


def test_none_and_one_of_many():
    assert even_choice(np.arange(7), 0).tolist() == []
    assert even_choice(np.arange(7), 1).tolist() == [0]
