"""Judging: what a run of a search was worth, on one scale for all problems.

Normalised regret is (shown − lowest) / (middle − lowest): shown, the loss of the config that is the best at a mark,
measured anew with other seeds where training is noisy; lowest, the lowest that any run has shown; middle, the median of
random configs. Before logarithms are taken it is raised to a floor: what is left is of no use to anybody.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from runs import Run

Floats = NDArray[np.float64]
MARKS = (25, 50, 100)
FRESH = 10  # trainings by which a shown config is measured anew
RANDOM = 1000  # configs of which the middle is the median


def shown(problem: Any, configs: Sequence[Any], losses: Sequence[float]) -> dict[str, float]:
    """Loss of the best of the first trials that ended, at each mark; NaN and infinite losses are failures."""
    found = {}
    for mark in MARKS:
        ended = [loss if math.isfinite(loss) else math.inf for loss in losses[:mark]]
        best = int(np.argmin(ended))
        anew = is_noisy(problem) and math.isfinite(ended[best])
        found[str(mark)] = _rounded(_measured_anew(problem, configs[best]) if anew else ended[best])
    return found


def baseline(problem: Any) -> dict[str, float]:
    """Median and lowest loss of random configs that don't fail."""
    rng = np.random.default_rng(12345)
    count = min(RANDOM, problem.random_sample)
    losses = np.array([problem.evaluate(problem.sample(rng), seed=k) for k in range(count)])
    losses = losses[np.isfinite(losses)]
    lowest = math.inf if is_noisy(problem) else float(losses.min())
    return {"middle": _rounded(float(np.median(losses))), "lowest": _rounded(lowest)}


def is_noisy(problem: Any) -> bool:
    """Whether two trainings of one config differ."""
    rng = np.random.default_rng(0)
    configs = [problem.sample(rng) for _ in range(20)]
    works = next(config for config in configs if math.isfinite(problem.evaluate(config, seed=0)))
    return len({problem.evaluate(works, seed=seed) for seed in range(3)}) > 1


def _measured_anew(problem: Any, config: Any) -> float:
    """Mean loss of a config over trainings that no search has seen."""
    return float(np.mean([problem.evaluate(config, seed=90_000_000 + k) for k in range(FRESH)]))


def _rounded(value: float) -> float:
    return float(f"{value:.7g}")


class Judged:
    """The regrets of all runs.

    Attributes:
        problems, contestants: in order of appearance.
        floor: of regrets of which logarithms are taken.
    """

    def __init__(self, runs: Sequence[Run], floor: float = 1e-3) -> None:
        self.floor = floor
        self._random = {run["problem"]: run["shown"] for run in runs if run["contestant"] == "baseline"}
        self._runs = {
            (run["problem"], run["contestant"], run["seed"]): run["shown"]
            for run in runs
            if run["contestant"] != "baseline"
        }
        self.problems = list(dict.fromkeys(problem for problem, _, _ in self._runs))
        self.contestants = list(dict.fromkeys(contestant for _, contestant, _ in self._runs))
        self._lowest = {p: self._random[p]["lowest"] for p in self.problems}
        for (problem, _, _), losses in self._runs.items():
            self._lowest[problem] = min(self._lowest[problem], *losses.values())

    def regret(self, problem: str, contestant: str, mark: int) -> dict[int, float]:
        """Seed -> normalised regret, which a search that has found nothing at all takes from the middle."""
        low, middle = self._lowest[problem], self._random[problem]["middle"]
        return {
            seed: (min(losses[str(mark)], middle) - low) / (middle - low)
            for (p, c, seed), losses in self._runs.items()
            if p == problem and c == contestant
        }

    def log_regret(self, problem: str, loss: float) -> float:
        """log10 of the normalised regret of a loss."""
        low, middle = self._lowest[problem], self._random[problem]["middle"]
        return self._log((loss - low) / (middle - low))

    def seeds(self, one: str, other: str) -> str:
        """How many seeds two of them share on a problem: "5", or "5 to 10"."""
        counts = {len(found) for found in self.differences(one, other, MARKS[0]).values()}
        return " to ".join(str(count) for count in sorted({min(counts), max(counts)}))

    def differences(self, one: str, other: str, mark: int) -> dict[str, Floats]:
        """Problem -> log10 of the regrets of one minus those of another, seed by seed."""
        found = {}
        for problem in self.problems:
            a, b = self.regret(problem, one, mark), self.regret(problem, other, mark)
            common = sorted(a.keys() & b.keys())
            if common:
                found[problem] = np.array([self._log(a[seed]) - self._log(b[seed]) for seed in common])
        return found

    def _log(self, regret: float) -> float:
        return math.log10(max(regret, self.floor))
