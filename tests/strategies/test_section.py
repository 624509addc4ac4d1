import numpy as np
import pytest

from danlu.errors import UnknownName
from danlu.space import Choice, Float, Int, Space
from danlu.strategies.layout import layout_of
from danlu.strategies.section import section_of

SPACE = Space(
    {
        "lr": Float(1e-4, 1.0, log=True),
        "n": Int(1, 4),
        "opt": Choice({"sgd": Space({"momentum": Float(0.0, 1.0)}), "adam": None}),
        "act": Choice("x", "y", "z"),
    }
)
LAYOUT = layout_of(SPACE)


def vectors(*configs):
    return LAYOUT.vectors(np.array([SPACE.encode(SPACE.config(c)) for c in configs]))


def test_it_moves_what_it_is_along_and_holds_the_others():
    section = section_of(LAYOUT, ("lr", "act"), 5)
    assert section.shape == (5, 3)
    assert section.axes[0] == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1.0])
    held = {"lr": 1e-2, "n": 3, "opt": "adam", "act": "x"}
    expected = [held | {"lr": lr, "act": act} for lr in section.axes[0] for act in section.axes[1]]
    assert section.through(vectors(held)) == pytest.approx(vectors(*expected))


def test_choices_are_set_so_that_it_is_active():
    section = section_of(LAYOUT, ("opt.sgd.momentum",), 3)
    moved = [LAYOUT.config(x) for x in section.through(vectors({"opt": "adam"}))]
    assert [config["opt"] for config in moved] == ["sgd"] * 3
    assert [config["opt.sgd.momentum"] for config in moved] == [0.0, 0.5, 1.0]


def test_along_a_choice_and_its_branch_the_inactive_part_is_flat():
    section = section_of(LAYOUT, ("opt", "opt.sgd.momentum"), 3)
    x = section.through(vectors({"opt": "adam"})).reshape(2, 3, -1)
    assert len(np.unique(x[1], axis=0)) == 1
    assert len(np.unique(x[0], axis=0)) == 3


def test_several_vectors_are_moved_point_by_point():
    section = section_of(LAYOUT, ("n",), 10)
    x = section.through(vectors({"lr": 1e-3}, {"lr": 1e-1}))
    assert x.shape == (8, len(LAYOUT))
    assert [LAYOUT.config(row)["n"] for row in x] == [1, 1, 2, 2, 3, 3, 4, 4]


def test_an_unknown_name_is_refused():
    with pytest.raises(UnknownName):
        section_of(LAYOUT, ("lrr",), 5)
