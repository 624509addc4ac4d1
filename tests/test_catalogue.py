import inspect
from dataclasses import dataclass

import pytest

from danlu import catalogue
from danlu.catalogue import load, plain_strategy, strategy_from, table
from danlu.core.strategy import Strategy
from danlu.errors import StrategyError, UnknownName
from danlu.strategies.combine import Mixture, Sequence
from danlu.strategies.grid import Grid
from danlu.strategies.random import Random

ROWS = [(kind, name) for kind in ("strategy", "store", "runner", "picture") for name in table(kind)]


@pytest.mark.parametrize(("kind", "name"), ROWS)
def test_every_row_of_every_table_can_be_loaded(kind, name):
    loaded = load(kind, name)
    assert inspect.isclass(loaded)
    assert loaded.__doc__


@pytest.mark.parametrize("name", table("strategy"))
def test_every_strategy_is_a_frozen_dataclass_with_the_two_methods(name):
    strategy = load("strategy", name)
    assert issubclass(strategy, Strategy)
    assert strategy.__dataclass_params__.frozen
    assert strategy.suggest is not Strategy.suggest


@pytest.mark.parametrize(
    ("kind", "methods"),
    [
        ("store", ("now", "append", "read", "studies", "group", "claim", "release", "close")),
        ("runner", ("can_pause", "free", "submit", "poll", "cancel", "close")),
    ],
)
def test_every_row_has_what_its_kind_needs(kind, methods):
    for name in table(kind):
        missing = [method for method in methods if not hasattr(load(kind, name), method)]
        assert [m for m in missing if m != "now"] == []  # `now` is a clock that each instance is given


def test_an_unknown_name_comes_with_the_nearest_and_all_known_ones():
    with pytest.raises(UnknownName, match=r"no strategy 'randon'\. Did you mean 'random'\? Known: asha, auto, .*sobol"):
        load("strategy", "randon")
    with pytest.raises(UnknownName, match=r"no store 'xyzzy'\. Known: jsonl, memory, postgres, sqlite"):
        load("store", "xyzzy")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package with a strategy of its own."""
    (tmp_path / "my_package.py").write_text(
        "from dataclasses import dataclass\n"
        "from danlu.strategies.random import Random\n"
        "@dataclass(frozen=True)\n"
        "class Mine(Random):\n"
        "    '''My own.'''\n"
        "    eta: int = 3\n"
    )
    info = tmp_path / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[danlu.strategy]\nmine = my_package:Mine\nrandom = my_package:Mine\ngone = my_package:Gone\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    catalogue.table.cache_clear()
    yield
    monkeypatch.undo()
    catalogue.table.cache_clear()


def test_the_entry_point_of_another_package_is_a_row_like_any_other(package):
    mine = strategy_from({"use": "mine", "eta": 4})
    assert type(mine).__name__ == "Mine"
    assert plain_strategy(mine) == {"use": "mine", "eta": 4}
    with pytest.raises(UnknownName, match="Did you mean 'mine'"):
        load("strategy", "mines")


def test_another_package_can_not_take_a_name_of_ours(package):
    assert load("strategy", "random") is Random
    assert table("strategy")["random"] == "danlu.strategies.random:Random"


def test_a_row_that_leads_nowhere_gives_a_clear_error(package):
    with pytest.raises(StrategyError, match=r"can't import 'my_package:Gone'.*Is its module installed"):
        load("strategy", "gone")


@dataclass(frozen=True)
class Local(Strategy):
    """A strategy that no table knows."""

    inner: Strategy
    rungs: tuple[int, ...] = (1, 3)
    weights: dict[str, float] | None = None


@pytest.mark.parametrize(
    "strategy",
    [
        Random(),
        Grid(),
        Grid(levels=7),
        Grid(levels={"x": (0.1, 0.2), "y": 3}),
        Sequence((Grid(levels=2), Random()), trials=(4,)),
        Mixture((Random(), Sequence((Random(),))), weights=(1.0, 2.0)),
        Local(Grid(levels=2)),
        Local(Random(), rungs=(1, 9), weights={"a": 0.5}),
    ],
)
def test_a_strategy_survives_its_plain_form(strategy):
    form = plain_strategy(strategy)
    assert strategy_from(form) == strategy
    assert plain_strategy(strategy_from(form)) == form


def test_the_plain_form_names_what_a_table_knows_and_the_class_of_anything_else():
    assert plain_strategy(Grid(levels=2)) == {"use": "grid", "levels": 2}
    assert plain_strategy(Random()) == {"use": "random"}
    assert plain_strategy(Local(Random())) == {"use": f"{__name__}:Local", "inner": {"use": "random"}}


def test_a_strategy_is_named_given_as_a_form_or_as_itself():
    grid = Grid(levels=3)
    assert strategy_from("random") == Random()
    assert strategy_from({"use": "grid", "levels": 3}) == grid
    assert strategy_from(grid) is grid
    assert strategy_from("danlu.strategies.grid:Grid") == Grid()


@pytest.mark.parametrize("form", [3, None, {}, {"name": "grid"}, ["grid"]])
def test_what_names_no_strategy_is_refused(form):
    with pytest.raises(StrategyError, match="expected a strategy, its name, or a table"):
        strategy_from(form)


def test_a_setting_that_a_strategy_has_not_is_refused_with_those_it_has():
    with pytest.raises(StrategyError, match=r"strategy 'grid' can't take .*Its settings: levels"):
        strategy_from({"use": "grid", "level": 3})
    with pytest.raises(StrategyError, match="Its settings: none"):
        strategy_from({"use": "random", "seed": 3})


def test_a_setting_that_a_strategy_needs_is_asked_for():
    with pytest.raises(StrategyError, match="parts"):
        strategy_from("sequence")


def test_a_class_that_is_no_strategy_is_refused():
    with pytest.raises(StrategyError, match="is no strategy"):
        strategy_from("collections:OrderedDict")
