import copy
import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.errors import SpaceError, UnknownName
from danlu.space import Choice, Config, Float, Int, Space
from danlu.testing.spaces import configs, spaces

SPACE = Space(
    {
        "lr": Float(1e-5, 1e-1, log=True, default=1e-3),
        "optimizer": Choice(
            {"sgd": Space({"momentum": Float(0, 0.99)}), "adam": Space({"beta2": Float(0.9, 0.9999)}), "lion": None}
        ),
        "model": Space({"width": Int(16, 512, log=True), "depth": Int(1, 8)}),
    }
)


@st.composite
def spaces_with_config(draw):
    space = draw(spaces())
    return space, draw(configs(space))


# properties


@given(spaces_with_config())
def test_a_config_comes_back_from_its_coordinates(pair):
    space, config = pair

    again = space.decode(space.encode(config))

    assert list(again) == list(config)
    for name, value in config.items():
        if space[name].kind == "float":
            size = abs(value) if space[name].log else max(abs(space[name].low), abs(space[name].high))
            assert abs(again[name] - value) <= 1e-12 * size
        else:
            assert again[name] == value


@given(spaces_with_config())
def test_coordinates_are_nan_exactly_where_inactive(pair):
    space, config = pair
    u = space.encode(config)

    assert u.shape == (len(space),)
    assert [name for name, at in zip(space.names, u, strict=True) if not math.isnan(at)] == list(config)
    assert np.nanmin(u) >= 0
    assert np.nanmax(u) <= 1


@given(spaces_with_config())
def test_a_drawn_config_is_contained_and_complete(pair):
    space, config = pair

    assert space.contains(config)
    assert space.config(config) == config


@given(spaces())
def test_plain_form_survives_json(space):
    assert Space.from_dict(json.loads(json.dumps(space.to_dict()))) == space


@given(spaces())
def test_equal_spaces_have_equal_hashes_also_after_pickle(space):
    again = pickle.loads(pickle.dumps(space))

    assert again == space
    assert hash(again) == hash(space)


@given(spaces())
def test_the_default_is_a_config_and_the_same_every_time(space):
    assert space.contains(space.default())
    assert space.default() == space.default()


@given(spaces())
def test_parents_stand_before_their_children(space):
    seen = set()
    for h in space.hyperparameters:
        assert h.parent is None or h.parent in seen
        seen.add(h.name)


# one space, looked at


def test_names_are_dotted_paths_in_the_order_of_declaration():
    assert SPACE.names == (
        "lr",
        "optimizer",
        "optimizer.sgd.momentum",
        "optimizer.adam.beta2",
        "model.width",
        "model.depth",
    )


def test_a_branch_is_active_only_under_its_option():
    assert "optimizer.sgd.momentum" in SPACE.config({"optimizer": "sgd"})
    assert "optimizer.sgd.momentum" not in SPACE.config({"optimizer": "adam"})
    assert not any(name.startswith("optimizer.") for name in SPACE.config({"optimizer": "lion"}))


def test_missing_names_take_their_defaults_or_the_middle():
    config = SPACE.config({"optimizer": "sgd", "model.depth": 2})

    assert config["lr"] == 1e-3
    assert config["optimizer.sgd.momentum"] == pytest.approx(0.495)
    assert config["model.depth"] == 2


def test_values_are_adopted():
    config = SPACE.config({"lr": np.float64(0.01), "model.depth": np.int64(3), "model.width": 64.0})

    assert (type(config["lr"]), type(config["model.depth"]), type(config["model.width"])) == (float, int, int)


def test_a_default_given_as_int_is_a_float_in_the_config():
    assert type(Space({"x": Float(0, 2, default=1)}).default()["x"]) is float


def test_a_value_outside_is_refused_with_the_nearest_one():
    with pytest.raises(SpaceError, match=r"'lr': 1.0 is not a value of .*The nearest is 0.1"):
        SPACE.config({"lr": 1.0})


def test_a_value_without_meaning_is_refused_with_its_condition():
    with pytest.raises(SpaceError, match=r"'optimizer.sgd.momentum' .* 'adam': it needs optimizer = 'sgd'"):
        SPACE.config({"optimizer": "adam", "optimizer.sgd.momentum": 0.5})


def test_an_unknown_name_is_refused_with_the_nearest_one():
    with pytest.raises(UnknownName, match=r"no hyperparameter 'model.widht'. Did you mean 'model.width'"):
        SPACE.config({"model.widht": 64})


@pytest.mark.parametrize(
    "config",
    [
        {},
        {**SPACE.default(), "extra": 1},
        {name: value for name, value in SPACE.default().items() if name != "lr"},
        {**SPACE.default(), "lr": 5.0},
        {**SPACE.default(), "optimizer": "adam"},
    ],
)
def test_incomplete_wrong_or_additional_values_are_not_contained(config):
    assert not SPACE.contains(config)


def test_size_counts_branches_where_they_are_active():
    space = Space({"a": Choice({"x": Space({"n": Int(1, 3)}), "y": None}), "g": Space({"m": Int(0, 1)})})

    assert space.size == (3 + 1) * 2
    assert SPACE.size is None


def test_cross_gives_every_combination_once():
    space = Space({"a": Choice({"x": Space({"n": Int(1, 3)}), "y": None}), "m": Int(0, 1)})

    found = list(space.cross({name: space[name].grid(9) for name in space.names}))

    assert len(set(found)) == len(found) == space.size
    assert all(space.contains(config) for config in found)


def test_has_defaults_tells_whether_the_user_gave_one_that_counts():
    assert SPACE.has_defaults
    assert not Space({"x": Float(0, 1)}).has_defaults
    assert not Space({"c": Choice({"a": None, "b": Space({"x": Float(0, 1, default=0.5)})})}).has_defaults


def test_order_of_members_is_part_of_a_space():
    assert Space({"a": Int(0, 1), "b": Int(0, 1)}) != Space({"b": Int(0, 1), "a": Int(0, 1)})


# configs


def test_a_config_can_not_be_changed():
    config = Config({"lr": 0.1})

    for change in (
        lambda: config.__setitem__("lr", 1),
        lambda: config.update(lr=1),
        lambda: config.pop("lr"),
        config.clear,
        lambda: config.setdefault("x", 1),
        lambda: config.__delitem__("lr"),
    ):
        with pytest.raises(TypeError, match="make another"):
            change()
    assert config == {"lr": 0.1}


def test_equal_configs_have_equal_hashes_in_any_order():
    assert hash(Config({"a": 1, "b": 2})) == hash(Config({"b": 2, "a": 1}))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda config: pickle.loads(pickle.dumps(config))])
def test_a_config_survives_copying(copied):
    config = Config({"lr": 0.1, "optimizer": "sgd"})
    hash(config)

    assert copied(config) == config
    assert type(copied(config)) is Config
    assert hash(copied(config)) == hash(config)


# bad declarations


@pytest.mark.parametrize(
    ("members", "name", "remedy"),
    [
        ({"a.b": Int(0, 1)}, "'a.b'", "nest a Space"),
        ({"": Int(0, 1)}, "''", "use a string without"),
        ({3: Int(0, 1)}, "3", "use a string"),
        ({"a=b": Int(0, 1)}, "'a=b'", "without '.' and '='"),
        ({"lr": 0.1}, "'lr'", "expected Float, Int, Choice or Space, got 0.1"),
        ({"c": Choice({"a": 3})}, "'c'", "must be a Space or None, got 3"),
        ({"c": Choice({0.5: Space({"x": Int(0, 1)})})}, "'c'", "must not hold a '.'"),
    ],
)
def test_a_bad_member_is_refused_with_name_and_remedy(members, name, remedy):
    with pytest.raises(SpaceError) as error:
        Space(members)

    assert name in str(error.value)
    assert remedy in str(error.value)


@given(spaces_with_config())
def test_a_config_of_a_space_is_translated_to_itself(pair):
    space, config = pair
    assert space.translated(config) == config


def test_a_config_of_another_space_is_met_half_way_or_has_no_place():
    adam = {"lr": 1e-4, "optimizer": "adam", "optimizer.adam.beta2": 0.95, "model.width": 33.4, "gone": 1}
    assert SPACE.translated(adam) == {
        "lr": 1e-4, "optimizer": "adam", "optimizer.adam.beta2": 0.95, "model.width": 33, "model.depth": 5
    }  # fmt: skip
    assert SPACE.translated({"optimizer": "lion", "optimizer.sgd.momentum": 0.5})["lr"] == 1e-3
    assert SPACE.translated({"lr": 0.2}) is None
    assert SPACE.translated({"lr": float("nan")}) is None
    assert SPACE.translated({"optimizer": "adamw"}) is None
    assert SPACE.with_where("lr * model.depth < 1e-2").translated({"lr": 1e-2}) is None
