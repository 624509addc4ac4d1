import numpy as np

from danlu.space import Choice, Float, Int, Space
from danlu.strategies.gp.candidates import Pool
from danlu.strategies.layout import layout_of

LAYOUT = layout_of(
    Space(
        {
            "a": Float(0.0, 1.0),
            "b": Float(0.0, 1.0),
            "n": Int(1, 5),
            "c": Choice("x", "y", "z"),
            "e": Float(1e-4, 1.0, log=True),
        }
    )
)


def pool(seed=0):
    return Pool(LAYOUT, np.random.default_rng(seed))


def test_all_candidates_are_settled():
    made = pool()
    parents = made.spread(10)
    for x in (made.spread(200), made.around(parents[:5], 200), made.children(parents, 200, 3)):
        assert np.array_equal(LAYOUT.settled(x), x)
        assert len(x) == 200


def test_bounds_are_reached_exactly():
    made = pool()
    numbers = ~LAYOUT.is_choice
    for x in (made.spread(400)[200:], made.around(made.spread(5), 400)):
        on_bound = np.isin(x[:, numbers], (0.0, 1.0)).mean(axis=0)
        assert (on_bound > 0.05).all()


def test_later_generations_stay_nearer_to_their_parents():
    made = pool()
    parents = np.full((8, len(LAYOUT)), 0.5)
    parents = LAYOUT.settled(np.where(LAYOUT.is_choice, 1.0, parents))
    far = [
        np.median(np.abs(made.children(parents, 500, g)[:, 0] - 0.5)[made.children(parents, 500, g)[:, 0] != 0.5])
        for g in (0, 5)
    ]
    assert far[1] < far[0]


def test_a_move_of_an_int_is_at_least_one_level():
    made = pool()
    centre = LAYOUT.settled(np.array([[0.5, 0.5, 0.5, 1.0, 0.5]]))
    x = made.children(centre, 500, 5)
    moved = np.unique(x[:, 2])
    assert set(moved.tolist()) >= {0.25, 0.5, 0.75}


def test_all_candidates_are_allowed():
    layout = layout_of(LAYOUT.space.with_where(["a < b", "c != 'x' or n > 2"]))
    made = Pool(layout, np.random.default_rng(0))
    parents = made.spread(10)
    for x in (made.spread(200), made.around(parents[:5], 200), made.children(parents, 200, 3)):
        assert len(x) == 200
        assert layout.allowed(x).all()


def test_where_no_child_is_allowed_there_are_the_parents():
    layout = layout_of(
        Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0)}, where="abs(a - b) < 0.0005 and 0.1 < a < 0.9")
    )
    parents = np.array([[0.25, 0.25]])
    assert np.array_equal(Pool(layout, np.random.default_rng(0)).children(parents, 4, 0), parents)
