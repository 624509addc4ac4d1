"""Suites: folders of problems.

A folder holds `problems.py`, whose `suite()` returns problems. Each has a name, a list of hyperparameters, conditions,
`sample(rng)`, and `evaluate(config, seed=...)`, a loss.
"""

import importlib.util
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any


@cache
def problems_of(folder: Path) -> dict[str, Any]:
    """The problems of a folder, by name."""
    return {problem.name: problem for problem in _module(folder).suite()}


@cache
def further_curves(folder: Path) -> dict[str, Any]:
    """The data sets of LCBench that a folder's surrogate knows and its suite leaves out, by name.

    The folder's module makes the problem of a data set by `lcbench(task)`, and data/lcbench/encoding.json lists them.
    """
    tasks = json.loads((folder / "data/lcbench/encoding.json").read_text())["OpenML_task_id"]
    problems = [_module(folder).lcbench(task) for task in sorted(tasks) if task.isdecimal()]
    return {problem.name: problem for problem in problems if problem.name not in problems_of(folder)}


@cache
def _module(folder: Path) -> Any:
    """A folder's module, which is then known as `problems`."""
    spec = importlib.util.spec_from_file_location("problems", folder / "problems.py")
    if spec is None or spec.loader is None or not (folder / "problems.py").exists():
        raise SystemExit(f"{folder} holds no problems.py. Give --problems FOLDER, or set DANLU_PROBLEMS.")
    module = sys.modules["problems"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
