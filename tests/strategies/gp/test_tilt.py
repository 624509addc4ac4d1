import numpy as np

from danlu.strategies.gp.tilt import LEVEL, Tilt


def test_summands_add_up_and_so_do_their_words():
    both = Tilt((lambda x: x[:, 0],), ", a") + LEVEL + Tilt((lambda x: 2.0 * x[:, 1],), ", b")
    assert both(np.array([[1.0, 2.0], [0.0, 0.5]])).tolist() == [5.0, 1.0]
    assert both.words == ", a, b"


def test_level_is_zero():
    assert LEVEL(np.ones((2, 3))).tolist() == [0.0, 0.0]
