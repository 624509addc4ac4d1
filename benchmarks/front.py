"""Several objectives and constraints beside Optuna, on problems whose best is known in closed form.

    python benchmarks/front.py run --runs FILE --seeds 5
    python benchmarks/front.py table --runs FILE --output benchmarks/results/front.md

`run` adds to a file of runs, one line each, and passes over what is there; Optuna's samplers need `pip install optuna
torch`, and GPSampler, which takes up to a second a trial, gets `--slow` seeds only.

What is told is a shortfall, 0 being best: of two objectives 1 − hypervolume / hypervolume of the true front; of one
with a constraint (best feasible − lowest) / (median of random feasible − lowest), 1 where nothing is feasible.
"""

import argparse
import itertools
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
from contestants import config_of, space_of
from judging import share
from runs import Run, add, load, missing, only, seeds_of

from danlu.numerics.pareto import hypervolume, non_dominated

Floats = NDArray[np.float64]
Params = list[tuple[Any, ...]]
MARKS = (25, 50, 100)
CONTESTANTS = (
    "danlu:gp", "danlu:tpe", "danlu:nsga2", "danlu:random", "optuna:gp", "optuna:tpe", "optuna:nsga2",
)  # fmt: skip
SLOW = ("optuna:gp",)


# problems -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """Something to minimise.

    Attributes:
        name: of the problem.
        params: ("float" | "int", name, low, high, log) or ("cat", name, choices).
        evaluate: the losses of a config, and by how much it exceeds each bound.
        best: losses on the true front, shape (n, m); of one objective the lowest feasible one, shape (1, 1).
        reference: of the hypervolume, shape (m,).
    """

    name: str
    params: Params
    evaluate: Callable[[Mapping[str, Any]], tuple[list[float], list[float]]]
    best: Floats
    reference: Floats

    @property
    def when(self) -> dict[str, Any]:
        """What switches hyperparameters on: nothing."""
        return {}


def cube(count: int) -> Params:
    """Numbers in [0, 1]."""
    return [("float", f"x{k}", 0.0, 1.0, False) for k in range(count)]


def zdt1(config: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Zitzler, Deb & Thiele (2000): the front lies on bounds of the space."""
    first, *rest = config.values()
    g = 1 + 9 * sum(rest) / len(rest)
    return [first, g * (1 - math.sqrt(first / g))], []


def zdt3(config: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """The same: a front in five pieces."""
    first, *rest = config.values()
    g = 1 + 9 * sum(rest) / len(rest)
    return [first, g * (1 - math.sqrt(first / g) - first / g * math.sin(10 * math.pi * first))], []


def dtlz2(config: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Deb, Thiele, Laumanns & Zitzler (2002), its optimum moved off the centre of the space, to 0.4."""
    first, *rest = config.values()
    r = 1 + sum((v - 0.4) ** 2 for v in rest)
    return [r * math.cos(first * math.pi / 2), r * math.sin(first * math.pi / 2)], []


def fonseca(config: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Fonseca & Fleming (1995), in four numbers of [−4, 4]: hardly any slope where most configs are."""
    v = np.array([*config.values()])
    return [1 - math.exp(-float(((v - s / 2) ** 2).sum())) for s in (1, -1)], []


def mixed_dtlz2(config: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """DTLZ2 whose distance to the front is made of two numbers, two ints and two choices."""
    far = (config["a"] - 0.4) ** 2 + (math.log10(config["b"]) + 3) ** 2 / 16
    far += ((config["n"] - 5) / 10) ** 2 + (math.log2(config["m"] / 32) / 8) ** 2
    far += {"u": 0.4, "v": 0.0, "w": 0.2, "x": 0.6}[config["c"]] + 0.3 * (config["c"] == "v") * (config["d"] == "p")
    angle = config["t"] * math.pi / 2
    return [(1 + far) * math.cos(angle), (1 + far) * math.sin(angle)], []


def network(config: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Error and size of a make-believe network: a best learning rate for each depth, an activation that matters."""
    size = config["depth"] * math.log2(config["width"] / 8) / 48
    error = 0.1 + 0.9 * math.exp(-4 * size)
    error += 0.1 * (math.log10(config["lr"]) + 2 + config["depth"] / 4) ** 2 + 0.1 * (config["act"] == "tanh")
    return [error + 0.05 * (config["norm"] == "none") * (config["depth"] > 3), size], []


def constr(config: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """CONSTR (Deb 2001): constraints make a part of the front; the lines y + 9x ≥ 6 and 9x − y ≥ 1."""
    x, y = config["x"], config["y"]
    return [x, (1 + y) / x], [6 - y - 9 * x, 1 + y - 9 * x]


def branin_disc(config: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Branin within a disc (Gelbart, Snoek & Adams 2014), which keeps two of the three minima out."""
    x, y = config["x"], config["y"]
    a = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return [a * a + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10], [(x - 2.5) ** 2 + (y - 7.5) ** 2 - 50]


def gardner(config: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Gardner et al. (2014), simulation 2: 1.4 % of the space is feasible, in two places."""
    x, y = config["x"], config["y"]
    return [math.sin(x) + y], [math.sin(x) * math.sin(y) + 0.95]


def _lowest_of_gardner() -> float:
    x = np.linspace(math.pi, 2 * math.pi, 200_001)[1:-1]
    inside = np.sin(x) <= -0.95
    y = np.arcsin(0.95 / -np.sin(x[inside]))  # on the bound, for the loss rises with y
    return float((np.sin(x[inside]) + y).min())


def suite() -> list[Problem]:
    """All problems."""
    t = np.linspace(0, 1, 20_001)
    arc = np.stack([np.cos(t * math.pi / 2), np.sin(t * math.pi / 2)], axis=1)
    waves = np.stack([t, 1 - np.sqrt(t) - t * np.sin(10 * math.pi * t)], axis=1)
    v = (2 * t - 1) / 2
    bells = np.stack([1 - np.exp(-4 * (v - 0.5) ** 2), 1 - np.exp(-4 * (v + 0.5) ** 2)], axis=1)
    networks: Params = [
        ("int", "depth", 1, 8, False), ("int", "width", 16, 512, True), ("float", "lr", 1e-6, 1.0, True),
        ("cat", "act", ("relu", "gelu", "tanh")), ("cat", "norm", ("none", "layer")),
    ]  # fmt: skip
    sizes = [
        network({"depth": d, "width": w, "lr": 10 ** -(2 + d / 4), "act": "relu", "norm": "layer"})[0]
        for d in range(1, 9)
        for w in range(16, 513)
    ]
    x = np.linspace(7 / 18, 1, 20_001)
    cut = np.stack([x, (1 + np.maximum(0, 6 - 9 * x)) / x], axis=1)
    mixed: Params = [
        ("float", "t", 0.0, 1.0, False), ("float", "a", 0.0, 1.0, False), ("float", "b", 1e-5, 1e-1, True),
        ("int", "n", 1, 12, False), ("int", "m", 8, 256, True), ("cat", "c", ("u", "v", "w", "x")),
        ("cat", "d", ("p", "q")),
    ]  # fmt: skip
    plane: Params = [("float", "x", 0.0, 6.0, False), ("float", "y", 0.0, 6.0, False)]
    ones, one = np.array([1.1, 1.1]), np.zeros(1)
    return [
        Problem("zdt1", cube(6), zdt1, np.stack([t, 1 - np.sqrt(t)], axis=1), ones),
        Problem("zdt3", cube(6), zdt3, waves, ones),
        Problem("dtlz2", cube(6), dtlz2, arc, ones),
        Problem("fonseca", [("float", f"x{k}", -4.0, 4.0, False) for k in range(4)], fonseca, bells, ones),
        Problem("mixed-dtlz2", mixed, mixed_dtlz2, arc, ones),
        Problem("network", networks, network, np.array(sizes), ones),
        Problem(
            "constr", [("float", "x", 0.1, 1.0, False), ("float", "y", 0.0, 5.0, False)], constr, cut,
            np.array([1.1, 10.0]),
        ),
        Problem(
            "branin-disc", [("float", "x", -5.0, 10.0, False), ("float", "y", 0.0, 15.0, False)], branin_disc,
            np.array([[0.39788735772973816]]), one,
        ),
        Problem("gardner", plane, gardner, np.array([[_lowest_of_gardner()]]), one),
    ]  # fmt: skip


def random_median(problem: Problem, count: int = 20_000) -> float:
    """Median loss of random feasible configs, of the first objective."""
    space, rng = space_of(problem), np.random.default_rng(12345)
    found = [problem.evaluate(config_of(problem, space.sample(rng))) for _ in range(count)]
    return float(np.median([losses[0] for losses, excess in found if max(excess, default=0.0) <= 0]))


# contestants ----------------------------------------------------------------------------------------------------------


class Danlu:
    """One of our strategies."""

    def __init__(self, problem: Problem, seed: int, strategy: str) -> None:
        from danlu import Study

        m, c = problem.best.shape[1], len(problem.evaluate(_some(problem))[1])
        self.problem = problem
        self.study = Study(
            space_of(problem), minimize=[f"f{k}" for k in range(m)], subject_to=[f"c{k} <= 0" for k in range(c)],
            strategy=strategy, seed=seed,
        )  # fmt: skip
        self.trial: Any = None

    def ask(self) -> Mapping[str, Any]:
        self.trial = self.study.ask()
        return config_of(self.problem, self.trial.config)

    def tell(self, losses: Sequence[float], excess: Sequence[float]) -> None:
        metrics = {f"f{k}": v for k, v in enumerate(losses)} | {f"c{k}": v for k, v in enumerate(excess)}
        self.study.tell(self.trial, **metrics)


class Optuna:
    """Optuna with one of its samplers, at its defaults."""

    def __init__(self, problem: Problem, seed: int, sampler: str) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore")
        samplers = optuna.samplers
        made = {"tpe": samplers.TPESampler, "gp": samplers.GPSampler, "nsga2": samplers.NSGAIISampler}[sampler]
        self.problem = problem
        self.study = optuna.create_study(directions=["minimize"] * problem.best.shape[1], sampler=made(seed=seed))
        self.trial: Any = None

    def ask(self) -> Mapping[str, Any]:
        self.trial = self.study.ask()
        return {name: self._value(kind, name, *rest) for kind, name, *rest in self.problem.params}

    def _value(self, kind: str, name: str, *rest: Any) -> Any:
        if kind == "cat":
            return self.trial.suggest_categorical(name, list(rest[0]))
        suggest = self.trial.suggest_int if kind == "int" else self.trial.suggest_float
        return suggest(name, rest[0], rest[1], log=rest[2])

    def tell(self, losses: Sequence[float], excess: Sequence[float]) -> None:
        for k, value in enumerate(excess):
            self.trial.set_constraint(f"c{k}", value)
        self.study.tell(self.trial, list(losses))


def _some(problem: Problem) -> Mapping[str, Any]:
    return config_of(problem, space_of(problem).default())


# running --------------------------------------------------------------------------------------------------------------


def run_one(job: tuple[str, str, int, int]) -> Run:
    """One contestant on one problem."""
    name, contestant, seed, trials = job
    problem = next(p for p in suite() if p.name == name)
    family, _, kind = contestant.partition(":")
    opponent = Danlu(problem, seed, kind) if family == "danlu" else Optuna(problem, seed, kind)
    told, spent = [], 0.0
    for _ in range(trials):
        begin = time.process_time()
        config = opponent.ask()
        spent += time.process_time() - begin
        losses, excess = problem.evaluate(config)
        begin = time.process_time()
        opponent.tell(losses, excess)
        spent += time.process_time() - begin
        told.append([*losses, max(excess, default=0.0)])
    return {"problem": name, "contestant": contestant, "seed": seed, "told": told, "ms": 1e3 * spent / trials}


def run_all(args: argparse.Namespace) -> None:
    """Adds the runs that are missing to the file of runs."""
    names = only([p.name for p in suite()], args.only)
    wanted = [(n, c, s) for s in seeds_of(args) for c in args.contestants for n in names]
    wanted = [(n, c, s) for n, c, s in wanted if c not in SLOW or s < args.first + args.slow]
    jobs = [(*key, args.trials) for key in missing(args.runs, wanted)]
    add(args.runs, run_one, jobs, args.processes)


# telling --------------------------------------------------------------------------------------------------------------


class Results:
    """Shortfalls of all runs: by problem and contestant, one row a seed, one column a mark."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.problems = {p.name: p for p in suite() if p.name in {r["problem"] for r in runs}}
        self.contestants = [c for c in CONTESTANTS if c in {r["contestant"] for r in runs}]
        self.ms = {c: float(np.median([r["ms"] for r in runs if r["contestant"] == c])) for c in self.contestants}
        self.missed = {
            (p, c): float(np.mean([float(np.mean(np.array(r["told"])[-50:, -1] > 0)) for r in _of(runs, p, c)]))
            for p in self.problems
            for c in self.contestants
        }
        self.shortfalls: dict[tuple[str, str], Floats] = {}
        for name, problem in self.problems.items():
            measure = _measure(problem)
            for c in self.contestants:
                rows = [[measure(np.array(run["told"][:mark])) for mark in MARKS] for run in _of(runs, name, c)]
                self.shortfalls[name, c] = np.array(rows).reshape(-1, len(MARKS))

    def ranks(self, mark: int) -> dict[str, float]:
        """Mean rank of the mean shortfall over the problems."""
        table = np.array([[self.shortfalls[p, c][:, mark].mean() for c in self.contestants] for p in self.problems])
        ranks = np.array([[(row < v).sum() + ((row == v).sum() + 1) / 2 for v in row] for row in table])
        return dict(zip(self.contestants, ranks.mean(axis=0).tolist(), strict=True))

    def wins(self, one: str, other: str, mark: int) -> Floats:
        """By problem: the share of pairs of runs, of any two seeds, in which the one falls less short."""
        found = []
        for p in self.problems:
            a, b = self.shortfalls[p, one][:, mark], self.shortfalls[p, other][:, mark]
            found.append(((a[:, None] < b) + 0.5 * (a[:, None] == b)).mean())
        return np.array(found)


def _of(runs: Sequence[Run], problem: str, contestant: str) -> list[Run]:
    return [r for r in runs if r["problem"] == problem and r["contestant"] == contestant]


def _measure(problem: Problem) -> Callable[[Floats], float]:
    """The shortfall of trials, rows of losses and the largest excess."""
    if problem.best.shape[1] == 1:
        lowest, middle = float(problem.best[0, 0]), random_median(problem)

        def regret(told: Floats) -> float:
            feasible = told[told[:, 1] <= 0, 0]
            return min(max(float(feasible.min() - lowest) / (middle - lowest), 0.0), 1.0) if len(feasible) else 1.0

        return regret
    whole = hypervolume(problem.best[non_dominated(problem.best)], problem.reference)
    return lambda told: 1.0 - hypervolume(told[told[:, -1] <= 0, :-1], problem.reference) / whole


def tables(results: Results, ours: str) -> Iterator[str]:
    """The report, line by line, as Markdown."""
    seeds = ", ".join(
        f"{c} {min(len(results.shortfalls[p, c]) for p in results.problems)}" for c in results.contestants
    )
    yield "# Several objectives and constraints"
    yield ""
    yield "Made by `benchmarks/front.py`, which says what is measured. Optuna 5.0.0 with its samplers' defaults."
    yield "What gp and tpe do about fronts and constraints was chosen on other seeds of these problems, so their lead"
    yield "there is a little flattered. Few seeds: go by the intervals, over problems."
    yield ""
    yield f"Shortfall, 0 is best, at {' / '.join(map(str, MARKS))} trials, mean over seeds: {seeds}."
    yield ""
    yield "| | " + " | ".join(f"rank @{m}" for m in MARKS) + " | ms per trial |"
    yield "|---" * (len(MARKS) + 2) + "|"
    ranks = [results.ranks(k) for k in range(len(MARKS))]
    for c in sorted(results.contestants, key=lambda c: ranks[-1][c]):
        yield f"| {c} | " + " | ".join(f"{rank[c]:.2f}" for rank in ranks) + f" | {results.ms[c]:.3g} |"
    yield ""
    yield f"Pairs of runs that {ours} wins (95 % interval over the {len(results.problems)} problems):"
    yield ""
    yield "| against | " + " | ".join(f"@{m}" for m in MARKS) + " |"
    yield "|---" * (len(MARKS) + 1) + "|"
    for c in results.contestants:
        if c != ours:
            won = [results.wins(ours, c, k) for k in range(len(MARKS))]
            yield f"| {c} | " + " | ".join(map(share, won)) + " |"
    yield ""
    yield from _by_problem(results)


def _by_problem(results: Results) -> Iterator[str]:
    yield "| shortfall | " + " | ".join(results.contestants) + " |"
    yield "|---" * (len(results.contestants) + 1) + "|"
    for p in results.problems:
        means = [results.shortfalls[p, c].mean(axis=0) for c in results.contestants]
        yield f"| {p} | " + " | ".join(" / ".join(f"{v:.3f}" for v in mean) for mean in means) + " |"
    constrained = [p for p in results.problems if any(results.missed[p, c] for c in results.contestants)]
    yield ""
    yield "| infeasible among the last 50 | " + " | ".join(results.contestants) + " |"
    yield "|---" * (len(results.contestants) + 1) + "|"
    for p in constrained:
        yield f"| {p} | " + " | ".join(f"{100 * results.missed[p, c]:.0f} %" for c in results.contestants) + " |"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = made.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run what is missing")
    run.add_argument("--contestants", nargs="+", default=CONTESTANTS)
    run.add_argument("--only", nargs="*", help="words of problems' names")
    run.add_argument("--seeds", type=int, default=5)
    run.add_argument("--first", type=int, default=20, help="first seed; 0 to 7 are those that constants were chosen on")
    run.add_argument("--slow", type=int, default=2, help="seeds of what takes a second a trial")
    run.add_argument("--trials", type=int, default=MARKS[-1])
    run.add_argument("--processes", type=int, default=1)
    tell = commands.add_parser("table", help="tell what came out")
    tell.add_argument("--ours", default="danlu:gp")
    tell.add_argument("--output", type=Path, help="file of the report; else it is printed")
    for command in (run, tell):
        command.add_argument("--runs", type=Path, required=True, help="file of runs")
    return made


def main() -> None:
    args = parser().parse_args()
    if args.command == "run":
        run_all(args)
        return
    report = "\n".join(itertools.chain(tables(Results(load(args.runs)), args.ours))) + "\n"
    args.output.write_text(report) if args.output else print(report, end="")


if __name__ == "__main__":
    main()
