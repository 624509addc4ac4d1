"""Specimens: one of every strategy in the catalogue, for tests that all of them must pass."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from danlu.catalogue import load, strategy_from, table
from danlu.core.strategy import Strategy

_GIVEN: Mapping[str, Mapping[str, Any]] = {
    "inner": {"use": "tpe", "start": 3},
    "parts": [{"use": "gp", "design": 3}, {"use": "sobol"}],  # type: ignore[dict-item]
}
"""What a setting without a default is given, by its name."""

_CHOSEN: Mapping[str, Mapping[str, Any]] = {
    "cmaes": {"population": 4},
    "gp": {"design": 3},
    "grid": {"levels": 2},
    "inorder": {"lag": 32},
    "manual": {"inner": {"use": "tpe", "start": 3}},
    "nsga2": {"population": 4},
    "pb2": {"interval": 1},
    "pbt": {"interval": 1},
    "schedule": {"segments": [{"step": 0}, {"step": 1, "config": {}}], "repeats": 2},  # of whatever space: its defaults
    "sequence": {"trials": [4]},
    "tpe": {"start": 3},
}
"""Settings with which a strategy is soon past its beginning, and serves up to 32 workers."""


def specimen(name: str) -> Strategy:
    """A strategy of the catalogue, with settings that suit any space."""
    needed = [
        field.name
        for field in dataclasses.fields(load("strategy", name))
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    unknown = [setting for setting in needed if setting not in _GIVEN and setting not in _CHOSEN.get(name, {})]
    if unknown:
        raise LookupError(f"strategy {name!r} needs {', '.join(unknown)}: say in {__name__} what tests should give it.")
    given = {setting: _GIVEN[setting] for setting in needed if setting in _GIVEN}
    return strategy_from({"use": name} | given | dict(_CHOSEN.get(name, {})))


NAMES: tuple[str, ...] = tuple(sorted(table("strategy")))
"""Of all strategies."""
