import math

import numpy as np
import pytest

from danlu.errors import SpaceError
from danlu.space import Choice, Config, Float, Int, Space

SPACE = Space(
    {
        "lr": Float(1e-5, 1e-1, log=True),
        "layers": Int(1, 32),
        "width": Int(16, 512, log=True),
        "optimizer": Choice({"sgd": Space({"momentum": Float(0.0, 0.99)}), "adam": None}),
        "norm": Choice(True, False),
        "batch": Choice("auto", 16, 32),
        "weight decay": Float(-1.0, 1.0),
        "size": Choice(1, 2, 4),
    }
)


def test_what_makes_configs_keeps_to_the_constraints():
    space = SPACE.with_where(["layers * width <= 1024", "optimizer != 'sgd' or lr < 0.01"])
    rng = np.random.default_rng(0)

    for config in (space.default(), *(space.sample(rng) for _ in range(200))):
        assert config["layers"] * config["width"] <= 1024
        assert config["optimizer"] != "sgd" or config["lr"] < 0.01
        assert space.contains(config)


def test_masks_agree_with_the_configs_that_they_are_of():
    space = SPACE.with_where(
        ["layers * width <= 1024", "optimizer.sgd.momentum < 0.5 or norm", "batch == 'auto' or size > 1"]
    )
    at = np.random.default_rng(0).random((500, len(space)))

    for mask, config_at in ((space.allowed(at), space.decode), (space.allowed_quantiles(at), space.quantile)):
        assert mask.tolist() == [space.allows(config_at(row)) for row in at.tolist()]
        assert 50 < mask.sum() < 450


def test_without_constraints_all_is_allowed():
    at = np.random.default_rng(0).random((5, len(SPACE)))

    assert SPACE.allowed(at).all()
    assert SPACE.allowed_quantiles(at).all()
    assert SPACE.violated(SPACE.default()) is None


def test_a_config_that_violates_one_is_refused_with_the_constraint_and_the_values():
    space = SPACE.with_where("layers * width <= 1024")

    assert not space.contains({**SPACE.default(), "layers": 32, "width": 64})
    with pytest.raises(
        SpaceError, match=r"violates 'layers \* width <= 1024': layers = 32, width = \d+\. Change one of these"
    ):
        space.config({"layers": 32, "width": 64})


def test_the_default_goes_to_the_nearest_allowed_values_where_the_user_gave_none():
    space = Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0), "c": Float(0.0, 1.0)}, where="a + b <= 0.8")
    config = space.default()

    assert config == space.default() == Space(space.members, space.where).default() == space.config({})
    assert config["c"] == 0.5
    assert 0.7 < config["a"] + config["b"] <= 0.8
    assert abs(config["a"] - config["b"]) < 0.2


def test_a_default_that_the_user_gave_stays_and_the_others_make_room():
    space = Space({"a": Float(0.0, 1.0, default=0.75), "b": Float(0.0, 1.0)}, where="a + b <= 0.8")

    assert space.default()["a"] == 0.75
    assert space.default()["b"] <= 0.05


def test_a_default_that_violates_a_constraint_is_refused_with_the_constraint_and_the_values():
    with pytest.raises(
        SpaceError, match=r"the default config violates 'a \+ b <= 0.8': a = 0.75, b = 0.25. Change these defaults"
    ):
        Space({"a": Float(0.0, 1.0, default=0.75), "b": Float(0.0, 1.0, default=0.25)}, where="a + b <= 0.8")


def test_a_constraint_that_excludes_everything_is_named():
    members = {"a": Float(0.0, 1.0), "b": Float(0.0, 1.0)}

    with pytest.raises(SpaceError, match=r"'a > 2'.*no config among 65,600 satisfies it\. Loosen it"):
        Space(members, where=["a < b", "a > 2", "b < 0.1"])
    with pytest.raises(SpaceError, match=r"'a < 0.3': .*satisfies it together with 'a > b', 'a \+ b > 0.7'"):
        Space(members, where=["a > b", "a + b > 0.7", "a < 0.3", "b < 0.9"])
    with pytest.raises(SpaceError, match="leave one out and compute it in your own code"):
        Space(members, where=["a + b == 1"])


def test_one_config_in_a_hundred_thousand_is_found_where_all_can_be_counted():
    space = Space({"a": Int(1, 400), "b": Int(1, 400)}, where=["a == 397", "b == 2"])

    assert space.size == 1
    assert space.default() == space.sample(np.random.default_rng(0)) == {"a": 397, "b": 2}
    with pytest.raises(SpaceError, match="the default config violates 'a == 397'"):
        Space({"a": Int(1, 400, default=3), "b": Int(1, 400)}, where=["a == 397", "b == 2"])


def test_size_is_the_number_of_allowed_configs():
    inner = Choice({"x": Space({"n": Int(1, 3)}), "y": None})
    space = Space({"a": inner, "m": Int(1, 3)}, where=["a.x.n <= m"])

    assert space.combinations == 12
    allowed = [c for c in space.cross({n: space[n].grid(9) for n in space.names}) if space.allows(c)]
    assert space.size == len(allowed) == 9


def test_size_is_an_upper_bound_where_there_are_too_many_to_count():
    space = Space({"a": Int(1, 1000), "b": Int(1, 1000)}, where=["a <= b"])

    assert space.size == space.combinations == 1_000_000
    assert Space({"a": Float(0.0, 1.0)}, where=["a < 0.5"]).size is None


def test_groups_and_branches_have_constraints_of_their_own():
    model = Space({"layers": Int(1, 8), "width": Int(8, 64)}, where=["layers * width <= 64"])
    sgd = Space({"m": Float(0.0, 1.0), "n": Float(0.0, 1.0)}, where=["m < n"])
    space = Space(
        {"model": model, "opt": Choice({"sgd": sgd, "adam": None})}, where=["opt == 'adam' or opt.sgd.m > 0.1"]
    )
    rng = np.random.default_rng(0)

    assert [str(constraint) for constraint in space.constraints] == [
        "\"opt == 'adam' or opt.sgd.m > 0.1\"", "'layers * width <= 64' of 'model'", "'m < n' of 'opt.sgd'",
    ]  # fmt: skip
    for config in (space.sample(rng) for _ in range(100)):
        assert config["model.layers"] * config["model.width"] <= 64
        assert config["opt"] == "adam" or 0.1 < config["opt.sgd.m"] < config["opt.sgd.n"]
    with pytest.raises(SpaceError, match=r"violates 'm < n' of 'opt.sgd': opt.sgd.m = 0.9, opt.sgd.n = 0.1"):
        space.config({"opt": "sgd", "opt.sgd.m": 0.9, "opt.sgd.n": 0.1})


def test_constraints_are_part_of_what_a_space_is():
    members = {"a": Int(1, 9), "b": Int(1, 9)}
    one, other, none = Space(members, "a < b"), Space(members, ["a < b", "a > 1"]), Space(members)

    assert len({one, other, none, Space(members, ("a < b",)), none.with_where("a < b")}) == 3
    assert repr(one) == "Space({'a': Int(1, 9, step=1), 'b': Int(1, 9, step=1)}, where=['a < b'])"
    assert one.to_dict()["where"] == ["a < b"]
    assert "where" not in none.to_dict()
    assert Space.from_dict(other.to_dict()) == other
    assert none.with_where(()) is none


def test_a_hyperparameter_may_be_called_where_but_not_beside_constraints():
    space = Space({"where": Int(1, 9), "group": Space({"where": Int(1, 2)})})

    assert Space.from_dict(space.to_dict()) == space
    with pytest.raises(SpaceError, match="can't have a member of that name"):
        space.with_where("where < 3")
    assert Space({"g": space}, where="g.where < 3").contains(Config({"g.where": 2, "g.group.where": 1}))


def test_a_draw_is_uniform_on_what_is_allowed():
    space = Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0)}, where="a < b")
    rng = np.random.default_rng(0)

    a = [space.sample(rng)["a"] for _ in range(2000)]

    assert np.mean(a) == pytest.approx(1 / 3, abs=0.02)  # of a triangle
    assert math.sqrt(np.var(a)) == pytest.approx(math.sqrt(1 / 18), abs=0.02)


def test_a_thin_region_is_met_too():
    space = Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0)}, where="abs(a - b) < 0.0002")
    rng = np.random.default_rng(0)

    found = {space.sample(rng) for _ in range(20)}

    assert len(found) == 20
    assert all(abs(config["a"] - config["b"]) < 0.0002 for config in found)
