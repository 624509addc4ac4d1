"""Suites: folders of problems.

A folder holds `problems.py`, whose `suite()` returns problems. Each has a name, a list of hyperparameters, conditions,
`sample(rng)`, and `evaluate(config, seed=...)`, a loss.
"""

import importlib.util
import sys
from functools import cache
from pathlib import Path
from typing import Any


@cache
def problems_of(folder: Path) -> dict[str, Any]:
    """The problems of a folder, by name; its module is then known as `problems`."""
    spec = importlib.util.spec_from_file_location("problems", folder / "problems.py")
    if spec is None or spec.loader is None or not (folder / "problems.py").exists():
        raise SystemExit(f"{folder} holds no problems.py. Give --problems FOLDER, or set DANLU_PROBLEMS.")
    module = sys.modules["problems"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {problem.name: problem for problem in module.suite()}
