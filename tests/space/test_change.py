import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.errors import SpaceError
from danlu.space import Choice, Config, Float, Int, Space
from danlu.space.change import check_kept, completed, differences
from danlu.testing.spaces import changes, configs, spaces

WAS = Space(
    {
        "lr": Float(1e-5, 1e-1, log=True),
        "optimizer": Choice({"sgd": Space({"momentum": Float(0.0, 0.99)}), "adam": None}),
    }
)
ADAM, SGD = Config(lr=0.01, optimizer="adam"), Config({"lr": 0.01, "optimizer": "sgd", "optimizer.sgd.momentum": 0.5})


def with_members(**members):
    return Space({**WAS.members, **members})


# earlier configs in a later space -------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_an_earlier_config_keeps_its_values_and_has_all_that_is_active_in_the_later_space(data):
    was = data.draw(spaces())
    now, config = data.draw(changes(was)), data.draw(configs(was))
    found = completed(now, config)
    assert {name: found[name] for name in config} == config
    assert all(found[h.name] == h.dimension.default for h in now.hyperparameters if h.name in found.keys() - config)
    active = now.build(lambda h: found[h.name])  # raises if one that is active has no value
    assert active.keys() <= found.keys()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_in_the_same_space_a_config_is_left_as_it_is(data):
    space = data.draw(spaces())
    config = data.draw(configs(space))
    assert completed(space, config) is config
    assert differences(space, space) == ["its hyperparameters come in another order"]
    check_kept(space, space, [config])


def test_what_is_new_takes_its_default_only_where_it_is_active():
    opened = Choice({"sgd": Space({"momentum": Float(0.0, 0.99), "nesterov": Choice(True, False, default=False)})})
    now = with_members(optimizer=opened, decay=Float(0, 1, default=0))
    assert completed(now, SGD) == {**SGD, "optimizer.sgd.nesterov": False, "decay": 0.0}
    assert completed(now, ADAM) == {**ADAM, "decay": 0.0}


def test_what_is_new_needs_a_default_if_an_earlier_config_lacks_it():
    added = {"adam": Space({"beta": Float(0.0, 1.0)}), "sgd": WAS["optimizer"].branches["sgd"]}
    now = with_members(optimizer=Choice(added))
    with pytest.raises(
        SpaceError, match=r"'optimizer\.adam\.beta' is new, and earlier .* Give it a default: the value"
    ):
        completed(now, ADAM)
    assert completed(now, SGD) == SGD


def test_a_branch_that_its_option_no_longer_switches_on_is_none_of_the_space():
    now = with_members(optimizer=Choice("adam", "lion"))
    assert completed(now, SGD) == SGD
    assert not now.contains(SGD)
    assert now.place(SGD).tolist() == [WAS.encode(SGD)[0], 1.25]


def test_a_hyperparameter_goes_only_with_its_option():
    check_kept(WAS, with_members(optimizer=Choice("adam", "lion")), [ADAM, SGD])
    with pytest.raises(
        SpaceError, match=r"'lr' can't be taken out .* such as 0\.01\. Leave it in, narrowed to the one"
    ):
        check_kept(WAS, Space({"optimizer": WAS["optimizer"]}), [ADAM])
    without = with_members(optimizer=Choice("adam", "sgd"))
    check_kept(WAS, without, [ADAM])  # nobody has had it
    with pytest.raises(SpaceError, match=r"'optimizer\.sgd\.momentum' can't be taken out"):
        check_kept(WAS, without, [ADAM, SGD])


def test_a_branch_within_a_branch_goes_with_the_option_above():
    deep = Space({"a": Choice({"on": Space({"b": Choice({"x": Space({"c": Int(1, 2)}), "y": None})}), "off": None})})
    config = Config({"a": "on", "a.on.b": "x", "a.on.b.x.c": 1})
    check_kept(deep, Space({"a": Choice("off")}), [config])
    with pytest.raises(SpaceError, match=r"'a\.on\.b' can't be taken out"):
        check_kept(deep, Space({"a": Choice("on", "off")}), [config])


# places ---------------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_configs_of_the_space_are_placed_where_they_are_encoded_to_the_last_bit(data):
    space = data.draw(spaces())
    config = data.draw(configs(space))
    assert space.place(config).tobytes() == space.encode(config).tobytes()


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_every_earlier_config_has_a_place_near_the_later_space(data):
    was = data.draw(spaces())
    now, config = data.draw(changes(was)), data.draw(configs(was))
    config = completed(now, config)
    u = now.place(config)
    for h, at in zip(now.hyperparameters, u.tolist(), strict=True):
        if not math.isnan(at):
            assert -10.0 <= at <= 11.0
            assert 0.0 <= at <= 1.0 or not h.dimension.contains(config[h.name])
    if now.contains(config):
        assert u.tobytes() == now.encode(config).tobytes()


@pytest.mark.parametrize(
    ("dimension", "value", "place"),
    [
        (Float(0.0, 2.0), 3.0, 1.5),
        (Float(0.0, 2.0), -1.0, -0.5),
        (Float(0.0, 1.0), 1e9, 11.0),
        (Float(1e-4, 1e-2, log=True), 1e-5, -0.5),
        (Float(1e-4, 1e-2, log=True), 0.0, -10.0),
        (Float(1e-4, 1e-2, log=True), -3.0, -10.0),
        (Int(0, 10), 2.5, 0.25),
        (Float(0.3, 0.3), 0.3, 0.5),
        (Float(0.3, 0.3), 0.1, -0.5),
        (Float(0.3, 0.3), 0.4, 1.5),
        (Int(0, 10), "many", 1.5),
        (Int(0, 10), True, 1.5),
        (Choice("relu", "gelu"), "tanh", 1.25),
        (Choice(1, 2), True, 1.25),
        (Choice("relu"), 0.5, 1.5),
        (Choice("s", "m", "l", ordered=True), "m", 0.5),
        (Choice("s", "m", "l", ordered=True), "xl", 1.5),
    ],
)
def test_a_value_that_a_dimension_lacks_has_a_place_outside(dimension, value, place):
    assert dimension.place(value) == pytest.approx(place)


# in words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (with_members(lr=Float(1e-4, 1e-2, log=True)), "lr narrowed from 1e-5..0.1 log to 0.0001..0.01 log"),
        (with_members(lr=Float(1e-6, 1.0, log=True)), "lr widened from 1e-5..0.1 log to 1e-6..1.0 log"),
        (with_members(lr=Float(1e-3, 1.0, log=True)), "lr moved from 1e-5..0.1 log to 0.001..1.0 log"),
        (with_members(lr=Float(1e-5, 1e-1)), "lr changed from 1e-5..0.1 log to 1e-5..0.1"),
        (with_members(optimizer=Choice("adam", "lion")), "optimizer without 'sgd', with 'lion'"),
        (with_members(decay=Float(0.0, 1.0, default=0.0)), "decay added, 0.0 in earlier trials"),
        (with_members(act=Choice({"a": Space({"b": Int(1, 2)})}, default="a")), "act added, 'a' in earlier trials"),
        (WAS.with_where("lr < 0.05"), "only where 'lr < 0.05'"),
    ],
)
def test_what_sets_two_spaces_apart_is_said_in_a_few_words(now, words):
    said = differences(WAS, now)
    assert words in said
    assert not any("momentum" in line for line in said)  # it went with its option


def test_orders_defaults_and_constraints_are_named_too():
    was = Space({"act": Choice("relu", "gelu", default="relu"), "n": Int(1, 9)}, where="n > 2")
    now = Space({"act": Choice("gelu", "relu", default="gelu"), "n": Int(1, 9, step=2)}, where="n > 4")
    assert differences(was, now) == [
        "act ordered as 'gelu', 'relu'", "act with default 'gelu'", "n changed from 1..9 to 1..9 step=2",
        "no longer where 'n > 2'", "only where 'n > 4'",
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_change_is_never_passed_over_in_silence(data):
    was = data.draw(spaces())
    now = data.draw(changes(was))
    if was.to_dict() != now.to_dict():
        assert "its hyperparameters come in another order" not in differences(was, now)
    assert len(np.unique(differences(was, now))) == len(differences(was, now))


def test_another_belief_is_told_as_it_is_written():
    was = Space({"lr": Float(1e-5, 1e-1, log=True), "act": Choice("relu", "gelu", "tanh", likely="relu")})
    now = was.with_beliefs({"lr": (1e-4, 1e-2)})
    assert differences(was, now) == ["lr likely 0.0001..0.01", "act without a belief"]
    assert differences(now, was) == ["lr without a belief", "act likely relu"]
    assert differences(was, was.with_beliefs({"act": ("gelu", "tanh")})) == ["act likely gelu | tanh"]
