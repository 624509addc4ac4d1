"""Danlu (丹炉, the furnace) tunes the hyperparameters of deep learning, keeps all that happened, and shows it."""

import importlib
from typing import Any

__version__ = "0.1.0"

# name -> module; loaded when first used, so that `import danlu` costs next to nothing
_PUBLIC = {
    "Choice": "danlu.space.choice",
    "Config": "danlu.space.space",
    "Cost": "danlu.core.stopping",
    "DanluError": "danlu.errors",
    "Decision": "danlu.core.trial",
    "Float": "danlu.space.numeric",
    "History": "danlu.core.history",
    "Int": "danlu.space.numeric",
    "Interrupted": "danlu.loop",
    "Likely": "danlu.space.belief",
    "Objective": "danlu.core.objective",
    "Plateau": "danlu.core.stopping",
    "Program": "danlu.programs.program",
    "Resources": "danlu.core.resources",
    "Space": "danlu.space.space",
    "Status": "danlu.core.trial",
    "Study": "danlu.study",
    "Target": "danlu.core.stopping",
    "Trial": "danlu.core.trial",
    "importance": "danlu.analysis.importance",
    "open_study": "danlu.tuning",
    "report": "danlu.programs.channel",
    "space_of_parser": "danlu.drafts.parser",
    "tune": "danlu.tuning",
}

__all__ = sorted([*_PUBLIC, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'danlu' has no attribute {name!r}")
    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
