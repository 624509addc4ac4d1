"""Runs: a file with one line for each run of a contestant on a problem, to which what is missing is added."""

import json
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Run = dict[str, Any]
Job = TypeVar("Job")


def load(path: Path) -> list[Run]:
    """The runs that a file holds."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def done(path: Path) -> set[tuple[str, str, int]]:
    """Problem, contestant and seed of the runs that a file holds."""
    return {(run["problem"], run["contestant"], run["seed"]) for run in load(path)}


def add(path: Path, work: Callable[[Job], Run], jobs: Sequence[Job], processes: int) -> None:
    """Does the jobs and adds each run to the file as soon as it has ended, so that an interrupted benchmark goes on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with multiprocessing.get_context("spawn").Pool(processes) as pool, path.open("a") as file:
        for k, run in enumerate(pool.imap_unordered(work, jobs), start=1):
            file.write(json.dumps(run) + "\n")
            file.flush()
            print(f"{k}/{len(jobs)} {run['problem']} {run['contestant']} {run['seed']}", file=sys.stderr)


def interval(values: NDArray[np.float64], draws: int = 2000) -> tuple[float, float]:
    """95 % interval of the mean, by resampling problems."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (draws, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
