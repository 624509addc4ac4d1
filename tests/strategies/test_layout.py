import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from danlu.space import Choice, Float, Int, Space
from danlu.strategies.layout import IDLE, layout_of
from danlu.study import Study
from danlu.testing.spaces import spaces

BOOSTER = Space(
    {
        "booster": Choice(
            {
                "linear": None,
                "tree": Space({"eta": Float(0.01, 1.0, log=True), "depth": Int(1, 8)}),
                "dart": Space({"eta": Float(0.01, 1.0, log=True), "depth": Int(1, 16), "drop": Float(0.0, 1.0)}),
            }
        ),
        "rounds": Int(7, 2981, log=True),
    }
)


@settings(max_examples=60, deadline=None)
@given(space=spaces(), seed=st.integers(0, 2**32))
def test_a_config_comes_back_from_its_vector(space, seed):
    layout = layout_of(space)
    rng = np.random.default_rng(seed)
    for _ in range(5):
        config = space.sample(rng)
        [x] = layout.vectors(space.encode(config)[None, :])
        found = layout.config(x)
        for name, value in config.items():
            assert found[name] == value or abs(found[name] - value) <= 1e-9 * abs(value)


@settings(max_examples=60, deadline=None)
@given(space=spaces(), seed=st.integers(0, 2**32))
@example(space=Space({"x": Float(999999627.0, 999999628.0, log=True)}), seed=0)
def test_a_settled_vector_is_that_of_its_config(space, seed):
    layout = layout_of(space)
    x = np.random.default_rng(seed).random((5, len(layout)))
    options = np.array([slot.options for slot in layout.slots])
    x = layout.settled(np.where(layout.is_choice, np.floor(x * options), x))
    configs = [layout.config(row) for row in x]
    assert [space.contains(config) for config in configs] == layout.allowed(x).tolist()
    again = layout.vectors(np.array([space.encode(config) for config in configs]))
    assert np.allclose(again, x, atol=1e-9)
    assert np.array_equal(layout.settled(x), x)
    assert np.allclose(layout.units(x), [space.encode(config) for config in configs], atol=1e-9, equal_nan=True)


def test_branches_share_what_has_the_same_name_and_the_same_dimension():
    layout = layout_of(BOOSTER)
    slot = dict(zip(BOOSTER.names, layout.slot_of.tolist(), strict=True))
    assert slot["booster.tree.eta"] == slot["booster.dart.eta"]
    assert slot["booster.tree.depth"] != slot["booster.dart.depth"]
    assert len(layout) == len(BOOSTER) - 1
    assert layout.slots[slot["booster.tree.eta"]].under == (1, 2)


def test_a_move_to_another_branch_keeps_what_they_share():
    layout = layout_of(BOOSTER)
    config = BOOSTER.config({"booster": "tree", "booster.tree.eta": 0.3, "booster.tree.depth": 3})
    [x] = layout.vectors(BOOSTER.encode(config)[None, :])
    x[0] = 2.0
    assert abs(layout.config(x)["booster.dart.eta"] - 0.3) < 1e-9


def test_what_is_inactive_is_idle():
    layout = layout_of(BOOSTER)
    x = layout.settled(np.full((1, len(layout)), 0.9) * [[0, 1, 1, 1, 1, 1]])
    assert x[0, 0] == 0.0
    assert x[0, 1:5].tolist() == [IDLE] * 4
    assert layout.active(x).tolist() == [[True, False, False, False, False, True]]


def test_levels_of_a_log_scale_are_met_exactly():
    layout = layout_of(BOOSTER)
    last = len(layout) - 1
    x = np.full((200, len(layout)), 0.0)
    x[:, last] = np.linspace(0.0, 1.0, 200)
    values = [layout.config(row)["rounds"] for row in layout.settled(x)]
    assert values[0] == 7
    assert values[-1] == 2981
    assert all(isinstance(value, int) for value in values)


def test_an_ordered_choice_may_open_branches():
    space = Space(
        {
            "size": Choice(
                {"s": None, "m": Space({"u": Float(0.0, 1.0)}), "l": Space({"u": Float(0.0, 1.0)})}, ordered=True
            )
        }
    )
    layout = layout_of(space)
    configs = [space.config({"size": "s"}), space.config({"size": "m", "size.m.u": 0.25}),
               space.config({"size": "l", "size.l.u": 0.75})]  # fmt: skip
    x = layout.vectors(np.array([space.encode(config) for config in configs]))
    assert layout.active(x).tolist() == [[True, False], [True, True], [True, True]]
    assert [layout.config(row) for row in x] == configs
    assert layout.settled(x).tolist() == x.tolist()


@pytest.mark.parametrize("name", ["auto", "cmaes", "gp", "nsga2", "tpe"])
def test_strategies_search_below_an_ordered_choice(name):
    inner = Space({"u": Float(0.0, 1.0)})
    space = Space({"size": Choice({"s": None, "m": inner, "l": inner}, ordered=True)})
    study = Study(space, minimize="loss", strategy=name)
    for _ in range(16):
        trial = study.ask()
        u = next((v for v in trial.config.values() if isinstance(v, float)), 1.0)
        study.tell(trial, loss=u + (trial.config["size"] == "s"))
    assert study.best.value < 0.4
    assert study.verify() == []
