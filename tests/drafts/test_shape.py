import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu import Choice, Float, Int, Space
from danlu.drafts.advice import advice
from danlu.drafts.knowledge import TUNED
from danlu.drafts.option import Option
from danlu.drafts.shape import Between, Counted, Doubled, Levels, Listed, Scaled, Switched
from danlu.space.text import format_dimension, parse_dimension

FLOATS = st.floats(-1e12, 1e12, allow_nan=False)
INTS = st.integers(-(10**9), 10**9)
NUMERIC = [rule.shape for rule in TUNED if isinstance(rule.shape, (Scaled, Between, Levels, Doubled, Counted))]


@given(st.sampled_from(NUMERIC), st.one_of(FLOATS, INTS))
def test_whatever_the_default_the_dimension_holds_it(shape, default):
    kind = "int" if isinstance(default, int) else "float"
    dimension = shape.of(Option("x", kind, default))
    if dimension is not None:
        assert dimension.default == default
        assert type(dimension.default) is type(default)
        assert dimension.contains(dimension.default)
        assert parse_dimension("x", format_dimension(dimension)) == dimension


@given(st.sampled_from(NUMERIC), st.floats(1e-8, 1e6), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_no_value_lies_outside_of_what_the_script_accepts(shape, default, below, above):
    option = Option("x", "float", default, low=default * below, high=default * (1 + above))
    dimension = shape.of(option)
    if dimension is not None:
        values = dimension.options if isinstance(dimension, Choice) else (dimension.low, dimension.high)
        assert option.low <= min(values) <= default <= max(values) <= option.high


@given(
    st.sampled_from(
        ["lr", "weight_decay", "dropout", "width", "n_layer", "batch_size", "foo", "momentum", "warmup_steps"]
    ),
    st.one_of(FLOATS, INTS, st.booleans(), st.none(), st.text(max_size=5)),
)
def test_any_default_of_any_name_gives_a_sound_space_or_none(name, default):
    kind = {bool: "bool", int: "int", float: "float"}.get(type(default), "text")
    item = advice(Option(name, kind, default))
    if item.dimension is not None:
        assert Space({name: item.dimension}).default()[name] == default


def test_a_learning_rate_has_two_decades_to_either_side():
    assert advice(Option("lr", "float", 1e-3)).dimension == Float(1e-5, 1e-1, log=True, default=1e-3)


def test_a_scale_does_not_go_far_beyond_what_ever_made_sense():
    assert Scaled(100, 100, ceiling=1.0).of(Option("lr", "float", 0.1)) == Float(1e-3, 1.0, log=True, default=0.1)
    assert Scaled(100, 100, ceiling=1.0).of(Option("lr", "float", 1.0)) == Float(1e-2, 10.0, log=True, default=1.0)


def test_an_interval_goes_on_where_the_default_is_at_its_end():
    assert Between(0.0, 0.5).of(Option("p", "float", 0.5)) == Float(0.0, 0.75, default=0.5)
    assert Between(0.8, 1.0).of(Option("p", "float", 1.0)) == Float(0.8, 1.0, default=1.0)
    assert Between(0.1, 1.0).of(Option("g", "float", 0.1)) == Float(0.05, 1.0, default=0.1)


def test_zero_has_no_place_on_a_log_scale_but_stays_the_default():
    shape = Scaled(near_zero=(1e-4, 1e-2))
    assert shape.of(Option("wd", "float", 0.0)) == Choice(0.0, 1e-4, 1e-2, ordered=True, default=0.0)
    assert Scaled().of(Option("x", "float", 0.0)) is None


def test_sizes_are_halved_and_doubled_as_long_as_they_stay_whole():
    assert Doubled(2, 1).of(Option("n", "int", 12)).options == (3, 6, 12, 24)
    assert Doubled(2, 1).of(Option("n", "int", 2)).options == (1, 2, 4)
    assert Doubled(2, 2).of(Option("n", "int", 7)).options == (7, 14, 28)


def test_counts_begin_at_one_and_are_logarithmic_where_that_is_wide():
    assert Counted(4, 4).of(Option("n", "int", 3)) == Int(1, 12, default=3)
    assert Counted(4, 4).of(Option("n", "int", 2000)) == Int(500, 8000, log=True, default=2000)
    assert Counted(4, 4, from_zero=5).of(Option("n", "int", 0)) == Int(0, 5, default=0)


def test_choices_are_those_of_the_script():
    option = Option("act", "text", "relu", choices=("relu", "gelu"))
    assert Listed().of(option) == Choice("relu", "gelu", default="relu")
    assert Listed().of(Option("k", "int", 3, choices=(3, 5, 7))) == Choice(3, 5, 7, ordered=True, default=3)
    assert Listed().of(Option("act", "text", "tanh", choices=("relu", "gelu"))).default == "tanh"
    assert Listed(most=3).of(Option("arch", "text", "a", choices=tuple("abcd"))) is None


def test_a_switch_is_true_or_false():
    assert Switched().of(Option("amsgrad", "bool", False)) == Choice(True, False, default=False)


@pytest.mark.parametrize("default", [math.inf, 1e308, 10**400, -(10**400)])
def test_numbers_beyond_all_scales_are_refused_not_fatal(default):
    for shape in NUMERIC:
        dimension = shape.of(Option("x", "float" if isinstance(default, float) else "int", default))
        assert dimension is None or dimension.default != default or dimension.contains(default)
