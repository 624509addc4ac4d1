"""Names: what a string such as "random" or "sqlite" stands for. Modules are imported when they are asked for.

Adding a strategy, a store, a runner or a picture is one file and one line here; the command line, TOML files, the
conformance tests and the documentation follow. Other packages add theirs by entry points: group "danlu.strategy",
name "mine", object "my_package.module:Mine".
"""

import importlib
import sys
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from danlu.core.strategy import Strategy
from danlu.errors import NotImported, StrategyError, UnknownName

_TABLES: dict[str, dict[str, str]] = {
    "strategy": {
        "asha": "danlu.strategies.fidelity.asha:ASHA",
        "auto": "danlu.strategies.auto:Auto",
        "bohb": "danlu.strategies.fidelity.hyperband:BOHB",
        "cmaes": "danlu.strategies.evolution.cmaes:CMAES",
        "curves": "danlu.strategies.fidelity.curves:Curves",
        "gp": "danlu.strategies.gp.gp:GP",
        "grid": "danlu.strategies.grid:Grid",
        "hyperband": "danlu.strategies.fidelity.hyperband:Hyperband",
        "inorder": "danlu.strategies.inorder:InOrder",
        "manual": "danlu.strategies.manual:Manual",
        "median": "danlu.strategies.fidelity.median:Median",
        "mixture": "danlu.strategies.combine:Mixture",
        "nsga2": "danlu.strategies.evolution.nsga2:NSGA2",
        "pb2": "danlu.strategies.population.pb2:PB2",
        "pbt": "danlu.strategies.population.pbt:PBT",
        "random": "danlu.strategies.random:Random",
        "schedule": "danlu.strategies.schedule:Schedule",
        "sequence": "danlu.strategies.combine:Sequence",
        "sha": "danlu.strategies.fidelity.sha:SHA",
        "sobol": "danlu.strategies.quasirandom:Sobol",
        "tpe": "danlu.strategies.tpe.tpe:TPE",
    },
    "store": {
        "jsonl": "danlu.stores.jsonl:JSONLines",
        "memory": "danlu.stores.memory:Memory",
        "postgres": "danlu.stores.postgres:Postgres",
        "sqlite": "danlu.stores.sqlite:SQLite",
    },
    "runner": {
        "inline": "danlu.runners.inline:Inline",
        "processes": "danlu.runners.processes:Processes",
        "ray": "danlu.runners.ray:Ray",
        "simulated": "danlu.runners.simulated:Simulated",
        "slurm": "danlu.runners.slurm:Slurm",
    },
    "picture": {
        "gallery": "danlu.pictures.gallery:Gallery",
        "map": "danlu.pictures.map:Map",
        "progress": "danlu.pictures.progress:Progress",
    },
}


@cache
def table(kind: str) -> dict[str, str]:
    """name -> "module:object" of all that is known of a kind, entry points of other packages included."""
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=f"danlu.{kind}")} | _TABLES[kind]


def load(kind: str, name: str) -> Any:
    """The object that a name stands for.

    Args:
        kind: "strategy", "store", "runner" or "picture".
        name: a row of the table.

    Raises:
        UnknownName: no such row.
    """
    path = _TABLES[kind].get(name) or table(kind).get(name)
    if path is None:
        raise UnknownName(kind, name, list(table(kind)))
    return _object(path)


def strategy_from(form: str | Mapping[str, Any] | Strategy, imports: bool = True) -> Strategy:
    """A strategy from its name, from its plain form {"use": name, setting: value, ...}, or as it is.

    Args:
        form: what stands for it.
        imports: whether a "module:object" that it names may be imported. What a journal names may not, for journals
            come from anywhere: of Danlu's own, of an installed package's entry points, or imported by now, it must be.

    Raises:
        UnknownName: no such strategy.
        NotImported: it is of a module that is not imported, and must not be.
        StrategyError: it has no such setting.
    """
    if isinstance(form, Strategy):
        return form
    form = {"use": form} if isinstance(form, str) else form
    if not isinstance(form, Mapping) or "use" not in form:
        raise StrategyError(f"expected a strategy, its name, or a table with use = 'name', got {form!r}.")
    name = form["use"]
    if not isinstance(name, str):
        raise StrategyError(f"expected a strategy's name as use, got {name!r}.")
    if ":" in name and not imports and not _is_imported(name):
        raise NotImported(name)
    kind = _object(name) if ":" in name else load("strategy", name)
    if not isinstance(kind, type) or not issubclass(kind, Strategy):  # a journal must not call just anything
        raise StrategyError(f"{name!r} is no strategy: expected a subclass of danlu.core.strategy.Strategy.")
    settings = {key: _unplain(value, imports) for key, value in form.items() if key != "use"}
    try:
        return kind(**settings)
    except TypeError as error:
        known = ", ".join(field.name for field in fields(kind)) or "none"
        raise StrategyError(f"strategy {name!r} can't take {settings}: {error}. Its settings: {known}.") from None


def plain_strategy(strategy: Strategy) -> dict[str, Any]:
    """The plain form of a strategy: what the journal and study.toml say of it."""
    path = f"{type(strategy).__module__}:{type(strategy).__qualname__}"
    names = {value: name for name, value in table("strategy").items()}
    return {"use": names.get(path, path)} | {key: _plain(value) for key, value in strategy.settings().items()}


def _object(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise StrategyError(f"can't import {path!r}: {error}. Is its module installed, or on the path?") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Strategy):
        return plain_strategy(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _unplain(value: Any, imports: bool) -> Any:
    if isinstance(value, Mapping):
        if "use" in value:
            return strategy_from(value, imports)
        return {key: _unplain(item, imports) for key, item in value.items()}
    return tuple(_unplain(item, imports) for item in value) if isinstance(value, (list, tuple)) else value


def _is_imported(path: str) -> bool:
    module = path.partition(":")[0]
    return module in sys.modules or path in table("strategy").values()
