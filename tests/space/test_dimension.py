import math
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from danlu.errors import SpaceError
from danlu.space import Choice, Float, Int, Space
from danlu.testing.spaces import choices, dimensions, floats, ints

shares = st.floats(0, 1, exclude_max=True)


def is_near(one, other, dimension):
    """Equal to 1e-12: of the value on a log scale, of the range's ends on a linear one."""
    size = abs(other) if dimension.log else max(abs(dimension.low), abs(dimension.high))
    return abs(one - other) <= 1e-12 * size


# properties of all dimensions


@given(dimensions(), shares)
def test_decode_undoes_encode(dimension, v):
    value = dimension.quantile(v)

    again = dimension.decode(dimension.encode(value))

    if dimension.kind == "float" and dimension.step is None:
        assert is_near(again, value, dimension)
    else:
        assert (type(again), again) == (type(value), value)


@given(dimensions(), shares)
def test_coordinates_lie_between_0_and_1(dimension, v):
    assert 0 <= dimension.encode(dimension.quantile(v)) <= 1


@given(dimensions(), shares)
def test_quantiles_are_values_of_the_dimension(dimension, v):
    assert dimension.contains(dimension.quantile(v))


@given(dimensions(), st.floats(-0.5, 1.5))
def test_decode_gives_values_of_the_dimension_and_clips(dimension, u):
    value = dimension.decode(u)

    assert dimension.contains(value)
    assert value == dimension.decode(min(max(u, 0), 1))


@given(st.one_of(floats(), ints()))
@example(Float(1e-9, 1.0000000000000003e-9, log=True))
def test_both_bounds_are_met_exactly(dimension):
    assert (dimension.decode(0), dimension.decode(1)) == (dimension.low, dimension.high)
    if dimension.low < dimension.high:
        assert (dimension.encode(dimension.low), dimension.encode(dimension.high)) == (0, 1)


@pytest.mark.parametrize("low", [1e-300, 1e-9, 1.0, 1e9])
def test_a_narrow_log_scale_loses_no_digits_and_is_no_other_scale(low):
    for width in (1e-12, 1e-9, 1e-6, 0.9e-3, 1.1e-3, 1e-2):
        dimension = Float(low, low * (1 + width), log=True)
        for u in (0.0, 0.1, 0.5, 0.9, 1.0):
            # of values that are doubles: of those between so near bounds there are only so many
            assert dimension.encode(dimension.decode(u)) == pytest.approx(u, abs=max(1e-9, 3e-16 / width))
            logarithmic = np.expm1(u * np.log1p(width)) / width
            assert (dimension.decode(u) - low) / (dimension.high - low) == pytest.approx(logarithmic, abs=2e-4)


@given(st.one_of(floats(), ints()), shares, shares)
def test_quantiles_and_coordinates_rise_with_the_value(dimension, v, w):
    below, above = sorted([v, w])

    assert dimension.quantile(below) <= dimension.quantile(above)
    assert dimension.encode(dimension.quantile(below)) <= dimension.encode(dimension.quantile(above))


@given(dimensions(), st.integers(1, 12))
def test_grid_values_are_contained_and_unique(dimension, levels):
    grid = dimension.grid(levels)

    assert all(dimension.contains(value) for value in grid)
    assert len(set(grid)) == len(grid) >= 1
    assert len(grid) <= levels or dimension.kind == "choice"


@given(dimensions())
def test_a_fine_grid_is_all_levels(dimension):
    if dimension.levels is not None:
        assert len(dimension.grid(dimension.levels)) == dimension.levels


@given(st.one_of(floats(), ints()), st.integers(2, 12))
def test_a_grid_begins_and_ends_at_the_bounds(dimension, levels):
    grid = dimension.grid(levels)

    assert (grid[0], grid[-1]) == (dimension.low, dimension.high)


@given(dimensions())
def test_a_declaration_survives_pickle_repr_and_dict(dimension):
    space = Space({"x": dimension})

    assert pickle.loads(pickle.dumps(dimension)) == dimension
    assert eval(repr(dimension), {"Float": Float, "Int": Int, "Choice": Choice}) == dimension
    assert Space.from_dict(space.to_dict()) == space
    assert hash(Space.from_dict(space.to_dict())) == hash(space)


@given(dimensions())
def test_the_middle_and_the_default_are_values(dimension):
    dimension.check("x")

    assert dimension.contains(dimension.middle())


# the uniform distribution


@given(ints().filter(lambda dimension: not dimension.log))
def test_every_level_of_an_int_is_equally_likely(dimension):
    n = dimension.levels

    drawn = Counter(dimension.quantile((k + 0.5) / (4 * n)) for k in range(4 * n))

    assert set(drawn.values()) == {4}
    assert len(drawn) == n


def test_a_cell_of_an_int_begins_at_its_share():
    dimension = Int(0, 3)

    assert [dimension.quantile(k / 4) for k in range(4)] == [0, 1, 2, 3]


def test_every_option_of_a_choice_is_equally_likely():
    choice = Choice("a", "b", "c")

    assert [choice.quantile(v) for v in (0, 0.33, 0.34, 0.66, 0.67, 0.99)] == ["a", "a", "b", "b", "c", "c"]


def test_log_levels_are_likely_in_proportion_to_their_cells():
    dimension = Int(1, 4, log=True)
    drawn = Counter(dimension.quantile((k + 0.5) / 10_000) for k in range(10_000))

    for level in range(1, 5):
        expected = math.log((level + 0.5) / (level - 0.5)) / math.log(4.5 / 0.5)
        assert drawn[level] / 10_000 == pytest.approx(expected, abs=2e-4)


def test_a_log_range_gives_each_decade_the_same_share():
    dimension = Float(1e-5, 1e-1, log=True)

    assert [dimension.quantile(k / 4) for k in range(4)] == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2])
    assert dimension.decode(0.5) == pytest.approx(1e-3)


def test_samples_come_from_the_generator_alone():
    assert Float(0, 1).sample(np.random.default_rng(0)) == np.random.default_rng(0).random()


# values


def test_steps_are_decimal_numbers():
    assert Float(0, 1, step=0.1).grid(20) == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


@pytest.mark.parametrize("step", [1 / 3, 1 / 3 + 5e-17, 1 / 7, 1 / 49])
def test_the_last_of_rounded_steps_is_the_bound(step):
    dimension = Float(0, 1, step=step)

    assert dimension.decode(1) == dimension.quantile(0.999999) == dimension.grid(100)[-1] == 1


def test_values_have_the_type_of_their_dimension():
    assert type(Float(0, 2).decode(0.5)) is float
    assert type(Float(0, 2).decode(0.0)) is float
    assert type(Float(0, 2, step=1).decode(1.0)) is float
    assert type(Int(0, 2).decode(0.5)) is int


@pytest.mark.parametrize(
    ("dimension", "value"),
    [
        (Float(0, 1), True),
        (Float(0, 1), "0.5"),
        (Float(0, 1), 1.1),
        (Float(0, 1), float("nan")),
        (Float(0, 1, step=0.25), 0.3),
        (Int(0, 8), 2.0),
        (Int(0, 8), True),
        (Int(0, 8, step=2), 3),
        (Choice(1, 2), 1.0),
        (Choice(1, 2), True),
        (Choice("a"), ["a"]),
    ],
)
def test_what_is_not_a_value_is_not_contained(dimension, value):
    assert not dimension.contains(value)


@pytest.mark.parametrize(
    ("dimension", "given", "adopted"),
    [
        (Float(0, 8), 3, 3.0),
        (Float(0, 8), np.float32(0.5), 0.5),
        (Int(0, 8), np.int64(3), 3),
        (Int(0, 8), 3.0, 3),
        (Int(0, 8), 3.5, 3.5),
        (Choice("a", "b"), np.str_("a"), "a"),
        (Choice(True, False), np.bool_(True), True),
    ],
)
def test_values_of_other_libraries_are_adopted(dimension, given, adopted):
    assert dimension.adopt(given) == adopted
    assert type(dimension.adopt(given)) is type(adopted)


def test_numpy_numbers_can_declare_a_dimension():
    dimension = Float(np.float64(0.1), np.float64(0.5), step=np.float32(0.5) - np.float32(0.1), default=np.float64(0.1))

    assert Float(np.float64(0), np.float64(1), default=np.float32(0.5)) == Float(0, 1, default=0.5)
    assert Int(np.int64(1), np.int32(8), default=np.int64(4)).to_dict() == Int(1, 8, default=4).to_dict()
    assert Choice(np.int64(1), np.int64(2)) == Choice(1, 2)
    assert type(dimension.low) is type(dimension.step) is float


def test_ordered_options_reach_from_0_to_1():
    sizes = Choice("small", "medium", "large", ordered=True)

    assert [sizes.encode(option) for option in sizes.options] == [0, 0.5, 1]


def test_unordered_options_lie_in_the_middle_of_their_cells():
    assert [Choice("a", "b").encode(option) for option in "ab"] == [0.25, 0.75]


def test_true_and_1_are_different_options():
    assert Choice(True, False) != Choice(1, 0)


def test_an_empty_branch_is_none():
    assert Choice({"sgd": Space({"momentum": Float(0, 1)}), "adam": Space({})}) == Choice(
        {"sgd": Space({"momentum": Float(0, 1)}), "adam": None}
    )


@given(choices())
def test_another_default_changes_nothing_else(choice):
    other = choice.with_default(choice.options[-1])

    assert (other.options, other.branches, other.ordered) == (choice.options, choice.branches, choice.ordered)
    assert other.default == choice.options[-1]


def test_another_default_hides_no_repeated_option():
    with pytest.raises(SpaceError, match="twice"):
        Choice("a", "a").with_default("a").check("x")


# bad declarations: each error names the hyperparameter, the value and the remedy

BAD = {
    "low above high": (Float(2, 1), "low=2", "Swap"),
    "log from 0": (Float(0.0, 0.1, log=True), "low=0.0", "Float(0.0001, 0.1, log=True)"),
    "int log from 0": (Int(0, 8, log=True), "low=0", "Int(1, 8, log=True)"),
    "infinite bound": (Float(0, math.inf), "inf", "Write Float"),
    "nan bound": (Float(math.nan, 1), "nan", "Write Float"),
    "huge integer as bound": (Float(0, 10**400), "1000", "Write Float"),
    "text as bound": (Float("0", 1), "'0'", "Write Float"),
    "truth value as bound": (Int(False, 1), "False", "Write Int"),
    "range that overflows": (Float(-1.5e308, 1.5e308), "1.5e+308", "log scale"),
    "step of 0": (Float(0, 1, step=0), "step=0", "Leave it out"),
    "negative step": (Int(0, 8, step=-1), "step=-1", "Leave it out"),
    "step that misses high": (Float(0, 1, step=0.3), "0.3", "high=0.9"),
    "int step that misses high": (Int(1, 10, step=4), "4", "high=9"),
    "step too small": (Float(0, 1, step=1e-320), "1e-320", "Leave it out"),
    "fractional bound of an int": (Int(0.5, 8), "0.5", "Use Float"),
    "fractional step of an int": (Int(0, 8, step=0.5), "0.5", "Use Float"),
    "int beyond a double": (Int(0, 2**60), str(2**60), "smaller bounds"),
    "default outside": (Float(0, 1, default=2.0), "2.0", "choose a default in it"),
    "default off the steps": (Int(0, 8, step=2, default=3), "3", "choose a default in it"),
    "no options": (Choice(), "none", "at least one"),
    "same option twice": (Choice("a", "b", "a"), "'a'", "Remove"),
    "option that is an object": (Choice(len), "len", "Use a name"),
    "option that is None": (Choice("a", None), "None", "Use a name"),
    "infinite option": (Choice(1.0, math.inf), "inf", "string"),
    "unknown default": (Choice("a", "b", default="c"), "'c'", "Choose one of 'a', 'b'"),
    "branches of 1 and '1'": (Choice({1: Space({"x": Int(0, 1)}), "1": None}), "1", "Rename"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_declaration_is_refused_with_name_value_and_remedy(case):
    dimension, value, remedy = BAD[case]

    with pytest.raises(SpaceError) as error:
        Space({"lr": dimension})

    assert str(error.value).startswith("'lr': ")
    assert value in str(error.value)
    assert remedy in str(error.value)


@pytest.mark.parametrize(
    ("form", "value", "remedy"),
    [
        ({"type": "float", "low": 0}, "{'type': 'float', 'low': 0}", "needs low and high"),
        ({"type": "float", "low": 0, "high": 1, "lags": 1}, "'lags'", "Known: default, high"),
        ({"type": "choice"}, "None", "options = [...]"),
        ({"type": "choice", "options": ["a", "a"]}, "'a'", "Remove"),
        ({"type": "choice", "options": ["a"], "branches": {"b": {}}}, "'b'", "Options: 'a'"),
        ({"type": "choice", "options": ["a"], "branches": 3}, "3", "a table of spaces"),
        (3, "3", "expected a table"),
    ],
)
def test_a_bad_plain_form_is_refused_with_name_value_and_remedy(form, value, remedy):
    with pytest.raises(SpaceError) as error:
        Space.from_dict({"lr": form})

    assert "'lr': " in str(error.value)
    assert value in str(error.value)
    assert remedy in str(error.value)


# columns


@given(dimensions(), st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=20))
def test_a_column_holds_the_values_of_its_coordinates(dimension, u):
    inside = [min(max(number, 0.0), 0.999) for number in u]
    for found, expected in (
        (dimension.decode_all(np.array(u)), [dimension.decode(number) for number in u]),
        (dimension.quantile_all(np.array(inside)), [dimension.quantile(number) for number in inside]),
    ):
        same = [a == b or abs(a - b) <= 1e-12 * abs(b) for a, b in zip(found.tolist(), expected, strict=True)]
        assert all(same)


def test_levels_of_a_column_are_exact():
    tenths = Float(0.0, 1.0, step=0.1)

    assert tenths.decode_all(np.linspace(0.0, 1.0, 11)).tolist() == tenths.grid(99)
    assert Int(1, 10**6, log=True).decode_all(np.array([0.0, 0.5, 1.0])).tolist() == [1, 1000, 10**6]


@pytest.mark.parametrize(
    ("dimension", "kinds", "equal", "never"),
    [
        (Int(1, 8), {"number"}, [3, 100, 2.5], ["3", True]),
        (Float(0, 1), {"number"}, [0.5], ["a", False]),
        (Choice("a", "b"), {"text"}, ["a"], ["c", 1, True]),
        (Choice(1, 2), {"number"}, [1, 2.0], [3, True, "1"]),
        (Choice(True, False), {"truth"}, [True], [1, 0.0, "True"]),
        (Choice("auto", 16), {"text", "number"}, ["auto", 16.0], [17, "16"]),
    ],
)
def test_a_dimension_says_what_its_values_can_be_compared_with(dimension, kinds, equal, never):
    assert dimension.kinds == kinds
    assert all(map(dimension.can_equal, equal))
    assert not any(map(dimension.can_equal, never))


def test_a_number_between_equal_bounds_has_one_value():
    assert Float(2.0, 2.0).levels == Float(2.0, 2.0, log=True).levels == Int(2, 2).levels == 1
    assert Float(2.0, 3.0).levels is None


@given(dimensions(), st.floats(0, 1))
def test_a_value_is_nearest_to_itself(dimension, u):
    value = dimension.decode(u)
    assert dimension.near(value) == value
    assert type(dimension.near(value)) is type(value)


def test_numbers_between_levels_go_to_the_nearer_one_and_others_nowhere():
    assert Float(0.0, 1.0, step=0.25).near(0.3) == 0.25
    assert Int(1, 9).near(3.6) == 4
    assert Int(1, 9).near(9.2) is None
    assert Float(0.0, 1.0).near(1) == 1.0
    for value in (-0.1, math.inf, math.nan, True, "0.5", None, 10**400):
        assert Float(0.0, 1.0).near(value) is None
    assert Choice("a", 1).near(1) == 1
    assert Choice("a", 1).near(True) is None
    assert Choice("a", 1).near("b") is None
