"""How close estimated importances are to true ones, side by side with Optuna's evaluators.

    pip install -r requirements/benchmark.txt scikit-learn
    python benchmarks/importance.py [--seeds 10] [--output benchmarks/results/importance.md]

Problems whose shares of variance are known: in closed form (Ishigami; Sobol's g-function) or from 200,000 random
configs (the others, and all of `top`). Every contestant sees the same random trials. The error is the mean absolute
difference between estimated and true shares of the main effects, in percentage points: once as they are (a share of the
variance of the losses, noise included), once scaled to sum to 1, which is how Optuna shows them. Of `top`, being among
the best tenth, only the latter: PED-ANOVA's numbers have no scale. Times are medians, one thread.
"""

import argparse
import math
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # before numpy is loaded

import numpy as np  # noqa: E402

from danlu import Choice, Float, History, Int, Space, Study  # noqa: E402
from danlu.analysis.importance import importance  # noqa: E402
from danlu.numerics.smoother import smooth  # noqa: E402

Config = Mapping[str, Any]
Shares = dict[str, float]
TRIALS = (50, 100, 200)
TOP = 0.1


# problems -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """A function of configs, and the share of noise in the variance of the losses."""

    name: str
    space: Space
    f: Callable[[Config], float]
    noise: float = 0.0


def ishigami(c: Config) -> float:
    a, b, d = (math.pi * (2 * c[name] - 1) for name in ("x0", "x1", "x2"))
    return float(math.sin(a) + 7 * math.sin(b) ** 2 + 0.1 * d**4 * math.sin(a))


_G = (0.0, 1.0, 4.5, 9.0, 99.0, 99.0)


def g_function(c: Config) -> float:
    return float(math.prod((abs(4 * v - 2) + a) / (1 + a) for v, a in zip(c.values(), _G, strict=True)))


def mixed(c: Config) -> float:
    act = {"relu": 0.0, "gelu": 0.1, "tanh": 0.5}[c["act"]]
    lr = math.log10(c["lr"]) + 3
    interplay = 0.3 * c["dropout"] * math.log2(c["width"] / 16)
    return float(0.3 * (lr + 0.5 * act) ** 2 + act + 0.1 * abs(c["depth"] - 5) + interplay)


def kinks(c: Config) -> float:
    return float((c["x0"] > 0.3) + 0.5 * (c["x1"] > 0.6) + abs(c["x0"] - c["x2"]))


def unit(d: int) -> Space:
    return Space({f"x{k}": Float(0.0, 1.0) for k in range(d)})


MIXED = Space(
    {
        "lr": Float(1e-5, 1e-1, log=True), "act": Choice("relu", "gelu", "tanh"), "depth": Int(1, 8),
        "width": Int(16, 512, log=True), "dropout": Float(0.0, 0.6), "decay": Float(1e-6, 1e-2, log=True),
        "momentum": Float(0.5, 0.99), "clip": Choice(True, False),
    }
)  # fmt: skip

PROBLEMS = (
    Problem("Ishigami", unit(3), ishigami),
    Problem("Ishigami, 20 % noise", unit(3), ishigami, 0.2),
    Problem("g-function, d = 6", unit(6), g_function),
    Problem("mixed, d = 8", MIXED, mixed),
    Problem("mixed, d = 8, 20 % noise", MIXED, mixed, 0.2),
    Problem("steps and kinks, d = 4", unit(4), kinks),
)


@dataclass(frozen=True)
class Truth:
    """What is true of a problem: shares of main effects, of f and of being among the best tenth; the variance of f."""

    main: Shares
    top: Shares
    variance: float


def truth(problem: Problem, count: int = 200_000, cells: int = 50) -> Truth:
    """By random configs: the variance of the means over cells of one hyperparameter, less what chance adds to it."""
    rng = np.random.default_rng(12345)
    v = rng.random((count, len(problem.space)))
    values = np.array([problem.f(problem.space.quantile(row)) for row in v.tolist()])
    good = (values <= np.quantile(values, TOP)).astype(float)

    def shares(y: Any) -> Shares:
        found = {}
        for k, name in enumerate(problem.space.names):
            levels = problem.space[name].levels
            parts = levels if levels is not None and levels <= cells else cells
            cell = (v[:, k] * parts).astype(int)
            inner = np.bincount(cell, y, parts) / np.bincount(cell, minlength=parts)
            mean = y.mean()
            between = float(np.mean((inner - mean) ** 2)) - (float(y.var()) - float(inner.var())) * parts / count
            found[name] = max(between, 0.0) / float(y.var())
        return found

    return Truth(known(problem) or shares(values), shares(good), float(values.var()))


def known(problem: Problem) -> Shares | None:
    """The shares of main effects in closed form, where there is one."""
    if problem.f is ishigami:
        first, second = 0.5 * (1 + 0.1 * math.pi**4 / 5) ** 2, 49 / 8
        whole = first + second + 0.01 * math.pi**8 * (1 / 18 - 1 / 50)
        return {"x0": first / whole, "x1": second / whole, "x2": 0.0}
    if problem.f is g_function:
        parts = [1 / 3 / (1 + a) ** 2 for a in _G]
        whole = math.prod(1 + part for part in parts) - 1
        return {f"x{k}": part / whole for k, part in enumerate(parts)}
    return None


# contestants ----------------------------------------------------------------------------------------------------------


def ours(history: History) -> Shares:
    return {name: effect.share for name, effect in importance(history).main.items()}


def ours_top(history: History) -> Shares:
    return {name: effect.share for name, effect in importance(history, top=TOP).main.items()}


def product_kernel(history: History) -> Shares:
    """The smoother of the pictures: a Gaussian process with a product kernel, main effects over the trials."""
    arrays, space = history.arrays(), history.space
    losses = arrays.losses[:, 0]
    effects = smooth(arrays.u, losses, [not space[name].ordered for name in space.names]).main_effects()
    return dict(zip(space.names, (effects / losses.var()).tolist(), strict=True))


def optuna_study(history: History) -> Any:
    """The same trials as a study of Optuna."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    kinds: dict[str, Any] = {}
    for name in history.space.names:
        dimension = history.space[name]
        if isinstance(dimension, Choice):
            kinds[name] = optuna.distributions.CategoricalDistribution(dimension.options)
        elif isinstance(dimension, Int):
            kinds[name] = optuna.distributions.IntDistribution(dimension.low, dimension.high, log=dimension.log)
        else:
            kinds[name] = optuna.distributions.FloatDistribution(dimension.low, dimension.high, log=dimension.log)
    study = optuna.create_study()
    study.add_trials(
        [
            optuna.trial.create_trial(params=dict(trial.config), distributions=kinds, value=trial.value)
            for trial in history.completed
        ]
    )
    return study


def fanova(study: Any, seed: int) -> Shares:
    from optuna.importance import FanovaImportanceEvaluator

    return dict(FanovaImportanceEvaluator(seed=seed).evaluate(study))


def ped(study: Any) -> Shares:
    from optuna.importance import PedAnovaImportanceEvaluator

    return dict(PedAnovaImportanceEvaluator(target_quantile=TOP).evaluate(study))


# the comparison -------------------------------------------------------------------------------------------------------


def searched(problem: Problem, trials: int, seed: int, variance: float) -> History:
    """A random search; noise of the problem's share."""
    study = Study(problem.space, minimize="loss", strategy="random", seed=seed)
    rng = np.random.default_rng(seed)
    scale = math.sqrt(variance * problem.noise / (1 - problem.noise))
    for _ in range(trials):
        trial = study.ask()
        assert trial is not None
        study.tell(trial, loss=problem.f(trial.config) + scale * float(rng.standard_normal()))
    return study.history


def scaled(shares: Shares) -> Shares:
    """The shares, to sum to 1."""
    whole = sum(shares.values())
    return {name: share / whole for name, share in shares.items()} if whole > 0 else shares


def error(found: Shares, expected: Shares) -> float:
    """Mean absolute difference, in percentage points."""
    return 100 * statistics.fmean(abs(found[name] - share) for name, share in expected.items())


@dataclass(frozen=True)
class Score:
    """Of one contestant on one search: errors in percentage points, and seconds."""

    contestant: str
    plain: float
    scaled: float
    seconds: float


def scores(problem: Problem, true: Truth, trials: int, seed: int) -> list[Score]:
    """All contestants on the same trials."""
    history = searched(problem, trials, seed, true.variance)
    peer = optuna_study(history)
    with_noise = {name: share * (1 - problem.noise) for name, share in true.main.items()}
    contestants: tuple[tuple[str, Callable[[], Shares], Shares], ...] = (
        ("danlu", lambda: ours(history), with_noise),
        ("product kernel", lambda: product_kernel(history), with_noise),
        ("optuna fANOVA", lambda: fanova(peer, seed), with_noise),
        ("danlu, top", lambda: ours_top(history), true.top),
        ("optuna PED-ANOVA", lambda: ped(peer), true.top),
    )
    found = []
    for contestant, estimate, expected in contestants:
        begin = time.perf_counter()
        shares = estimate()
        seconds = time.perf_counter() - begin
        plain = math.nan if "PED" in contestant else error(shares, expected)
        found.append(Score(contestant, plain, error(scaled(shares), scaled(expected)), seconds))
    return found


def covered(problem: Problem, true: Truth, trials: int, seeds: int) -> float:
    """Share of main effects whose 95 % interval, a point wider on each side, holds the truth."""
    held = []
    for seed in range(seeds):
        found = importance(searched(problem, trials, seed, true.variance)).main
        for name, share in true.main.items():
            held.append(found[name].low - 0.01 <= share * (1 - problem.noise) <= found[name].high + 0.01)
    return statistics.fmean(held)


def table(seeds: int) -> str:
    """The results as Markdown."""
    lines = [
        "| problem | trials | contestant | error, points | error, scaled | ms | 95 % intervals that hold |",
        "|---|---|---|---|---|---|---|",
    ]
    for problem in PROBLEMS:
        true = truth(problem)
        for trials in TRIALS:
            found = [score for seed in range(seeds) for score in scores(problem, true, trials, seed)]
            for contestant in dict.fromkeys(score.contestant for score in found):
                own = [score for score in found if score.contestant == contestant]
                plain = statistics.fmean(score.plain for score in own)
                cells = [
                    problem.name,
                    str(trials),
                    contestant,
                    "–" if math.isnan(plain) else f"{plain:.1f}",
                    f"{statistics.fmean(score.scaled for score in own):.1f}",
                    f"{1e3 * statistics.median(score.seconds for score in own):.0f}",
                    f"{covered(problem, true, trials, seeds):.0%}" if contestant == "danlu" else "",
                ]
                lines.append("| " + " | ".join(cells) + " |")
                print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    from importlib.metadata import version

    versions = f"optuna {version('optuna')}, scikit-learn {version('scikit-learn')}, Python {platform.python_version()}"
    text = f"{versions}; random trials, means over {args.seeds} seeds, one thread\n\n{table(args.seeds)}\n"
    print(text)
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        head = (__doc__ or "").split("\n\n")[2].strip()
        args.output.write_text(
            f"# Importance\n\n`python benchmarks/importance.py --seeds {args.seeds}`\n\n{head}\n\n{text}"
        )


if __name__ == "__main__":
    main()
