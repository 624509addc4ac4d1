"""Judging: what runs were worth, on one scale for all problems.

Normalised regret is (shown − lowest) / (middle − lowest): shown, the loss of the config that is the best at a mark,
measured anew with other seeds where training is noisy; lowest, the lowest that any run has shown; middle, the median of
random configs. Before logarithms are taken it is raised to a floor: what is left is of no use to anybody.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from runs import Key, Run

Floats = NDArray[np.float64]
MARKS = (25, 50, 100)
FRESH = 40  # trainings by which a shown config is measured anew; the same seeds for all configs
RANDOM = 1000  # configs of which the middle is the median


# measuring ------------------------------------------------------------------------------------------------------------


def is_noisy(problem: Any) -> bool:
    """Whether two trainings of one config differ, for any of a few configs: one that breaks down never does."""
    rng = np.random.default_rng(0)
    configs = [problem.sample(rng) for _ in range(5)]
    pairs = ([problem.evaluate(config, seed=seed) for seed in range(2)] for config in configs)
    return any(one != other for one, other in pairs if math.isfinite(one) and math.isfinite(other))


def measured_anew(problem: Any, config: Any, known: dict[str, float]) -> float:
    """Mean loss of a config over trainings that no contestant has seen; those in `known` were measured before."""
    key = json.dumps(config, sort_keys=True)
    if key not in known:
        known[key] = float(np.mean([problem.evaluate(config, seed=90_000_000 + k) for k in range(FRESH)]))
    return known[key]


def random_losses(problem: Any) -> list[float]:
    """Losses of random configs."""
    rng = np.random.default_rng(12345)
    return [problem.evaluate(problem.sample(rng), seed=k) for k in range(min(RANDOM, problem.random_sample))]


def middle_and_lowest(losses: Sequence[float], noisy: bool = False) -> dict[str, float]:
    """The median of random configs' losses, and the lowest, which says nothing where training is noisy."""
    valued = [loss for loss in losses if math.isfinite(loss)]
    return {"middle": float(np.median(valued)), "lowest": math.inf if noisy else min(valued)}


def shown(problem: Any, configs: Sequence[Any], losses: Sequence[float]) -> dict[str, float]:
    """Loss of the best of the first trials that ended, at each mark; NaN and infinite losses are failures."""
    found: dict[str, float] = {}
    known: dict[str, float] = {}
    noisy = is_noisy(problem)
    for mark in MARKS:
        ended = [loss if math.isfinite(loss) else math.inf for loss in losses[:mark]]
        best = int(np.argmin(ended))
        anew = noisy and math.isfinite(ended[best])
        found[str(mark)] = rounded(measured_anew(problem, configs[best], known) if anew else ended[best])
    return found


def rounded(value: float) -> float:
    """To seven digits, as files keep it."""
    return float(f"{value:.7g}")


def best_at(losses: Sequence[float], marks: Sequence[int]) -> dict[float, float]:
    """The lowest of the first losses, at each mark."""
    return {mark: min(losses[:mark]) for mark in marks}


def random_summary(problem: Any) -> dict[str, float]:
    """Middle and lowest loss of random configs that don't fail, as files keep them."""
    found = middle_and_lowest(random_losses(problem), is_noisy(problem))
    return {name: rounded(value) for name, value in found.items()}


# judging --------------------------------------------------------------------------------------------------------------


class Judged:
    """The regrets of all runs.

    Attributes:
        problems, contestants: in order of appearance.
        floor: of regrets of which logarithms are taken.
    """

    def __init__(
        self, shown: Mapping[Key, Mapping[float, float]], random: Mapping[str, Mapping[str, float]], floor: float = 1e-3
    ) -> None:
        """Of the losses shown by runs, by mark, and the "middle" and the "lowest" of random configs by problem."""
        self.floor, self._shown = floor, shown
        self.problems = list(dict.fromkeys(problem for problem, _, _ in shown))
        self.contestants = list(dict.fromkeys(contestant for _, contestant, _ in shown))
        self.middle = {problem: random[problem]["middle"] for problem in self.problems}
        self.lowest = {problem: random[problem]["lowest"] for problem in self.problems}
        for (problem, _, _), losses in shown.items():
            self.lowest[problem] = min(self.lowest[problem], *losses.values())

    def regret(self, problem: str, contestant: str, mark: float) -> dict[int, float]:
        """Seed -> normalised regret; 1, that of the middle, where nothing was found."""
        return {
            seed: self._normalised(problem, losses[mark])
            for (p, c, seed), losses in self._shown.items()
            if p == problem and c == contestant
        }

    def mean(self, problem: str, contestant: str, mark: float) -> float:
        """Mean regret over seeds."""
        return float(np.mean([*self.regret(problem, contestant, mark).values()]))

    def means(self, contestant: str, mark: float, problems: Sequence[str] | None = None) -> float:
        """Mean over problems, all if not given, of the mean regrets."""
        return float(np.mean([self.mean(p, contestant, mark) for p in problems or self.problems]))

    def shared(self, contestants: Sequence[str]) -> list[str]:
        """Problems that all of these contestants have run on."""
        runs = {(problem, contestant) for problem, contestant, _ in self._shown}
        return [p for p in self.problems if all((p, c) in runs for c in contestants)]

    def won(self, one: str, other: str, mark: float) -> Floats:
        """Of each problem that both have run on, the share of pairs of runs that one wins; ties count half."""
        found = []
        for p in self.shared([one, other]):
            a, b = (np.array([*self.regret(p, c, mark).values()]) for c in (one, other))
            found.append(((a[:, None] < b) + 0.5 * (a[:, None] == b)).mean())
        return np.array(found)

    def won_by_seed(self, one: str, other: str, mark: float) -> Floats:
        """As `won`, of pairs with the same seed."""
        found = []
        for p in self.shared([one, other]):
            ours, theirs = self.regret(p, one, mark), self.regret(p, other, mark)
            found.append(np.mean([(v < theirs[s]) + 0.5 * (v == theirs[s]) for s, v in ours.items() if s in theirs]))
        return np.array(found)

    def seeds(self, one: str, other: str) -> str:
        """How many seeds two of them share on a problem: "5", or "5 to 10"."""
        counts = {len(found) for found in self.differences(one, other, MARKS[0]).values()}
        return " to ".join(str(count) for count in sorted({min(counts), max(counts)}))

    def differences(self, one: str, other: str, mark: float) -> dict[str, Floats]:
        """Problem -> log10 of the regrets of one minus those of another, seed by seed."""
        found = {}
        for problem in self.problems:
            a, b = self.regret(problem, one, mark), self.regret(problem, other, mark)
            if common := sorted(a.keys() & b.keys()):
                found[problem] = np.array([self._log(a[seed]) - self._log(b[seed]) for seed in common])
        return found

    def log_regret(self, problem: str, loss: float) -> float:
        """log10 of the normalised regret of a loss."""
        return self._log(self._normalised(problem, loss))

    def _normalised(self, problem: str, loss: float) -> float:
        low, middle = self.lowest[problem], self.middle[problem]
        return (loss - low) / (middle - low) if math.isfinite(loss) else 1.0

    def _log(self, regret: float) -> float:
        return math.log10(max(regret, self.floor))


def judged_of(runs: Sequence[Run], floor: float) -> Judged:
    """Of runs that keep what was shown at each mark, and not each loss."""
    random = {run["problem"]: run["shown"] for run in runs if run["contestant"] == "baseline"}
    told = [run for run in runs if run["contestant"] != "baseline"]
    shown = {(r["problem"], r["contestant"], r["seed"]): {float(m): v for m, v in r["shown"].items()} for r in told}
    return Judged(shown, random, floor)


# telling --------------------------------------------------------------------------------------------------------------


def interval(values: Floats, draws: int = 2000) -> tuple[float, float]:
    """95 % interval of the mean, by resampling problems."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (draws, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def share(values: Floats) -> str:
    """Mean of shares, and its interval: "74 % [65, 83]"."""
    low, high = interval(values)
    return f"{100 * values.mean():.0f} % [{100 * low:.0f}, {100 * high:.0f}]"
