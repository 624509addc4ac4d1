"""What each part of the Gaussian process buys: regret without it.

    python benchmarks/ablation.py run --problems FOLDER
    python benchmarks/ablation.py table

FOLDER is that of `regret.py`. A part is removed by replacing functions and constants of `danlu.strategies.gp` while a
run lasts (`PARTS` says which); nothing in the product can be switched. Problems "… failing" are made of others:
training fails where two hyperparameters are together large. `run` adds to a file of results, one line a run, and passes
over what is there; `table` makes the table. All variants run with the same seeds; differences are taken seed by seed.
"""

import argparse
import dataclasses
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from contestants import config_of, space_of
from judging import MARKS, Judged, interval, judged_of, random_summary, shown
from runs import Parser, Run, add, commands, load, missing, only, seeds_of
from suites import problems_of

from danlu import Study
from danlu.strategies.gp import candidates, gp, hyperparameters, kernel, posterior, search, view

RESULTS = Path(__file__).parent / "results" / "ablation.jsonl"
WHOLE = "nothing"

Replacement = tuple[object, str, Any]
"""Where, which name, by what."""


# parts ----------------------------------------------------------------------------------------------------------------


def _views(*views: Callable[..., Any]) -> list[Replacement]:
    return [(posterior, "VIEWS", views), (hyperparameters, "VIEWS", views)]


def _goal_knowing(known: Callable[[int, int], tuple[int, int]]) -> list[Replacement]:
    """Told other numbers of trials since real progress, when acquisitions change, and since any, when beta grows."""
    goal = gp._goal
    return [
        (gp, "_goal", lambda surrogate, means, turn, since, *rest: goal(surrogate, means, turn, known(*since), *rest))
    ]


def _without_switches(layout: Any) -> Any:
    made = kernel.kernel_of(layout)
    count, g = len(made.switches), made.lengths
    if not count:
        return made
    left = np.r_[0 : g - count, g : len(made.mean)]
    return dataclasses.replace(
        made, switches=(), group=made.group[:-count], mean=made.mean[left], deviation=made.deviation[left],
        low=made.low[left], high=made.high[left],
    )  # fmt: skip


PARTS: dict[str, Callable[[], list[Replacement]]] = {
    WHOLE: list,
    "warping": lambda: [(kernel, "_WARP", (0.0, 0.5, 0.0, 0.0))],
    "power view": lambda: _views(view.clipped, view.clipped),
    "clip view": lambda: _views(view.powered, view.powered),
    "both views": lambda: _views(view.standardised, view.standardised),
    "changing acquisitions": lambda: _goal_knowing(lambda stuck, stale: (0, stale)),
    "growing beta": lambda: _goal_knowing(lambda stuck, stale: (stuck, 0)),
    "tpe when stuck": lambda: [(gp, "_OTHERS", 0.0)],
    "all three when stuck": lambda: [*_goal_knowing(lambda stuck, stale: (0, 0)), (gp, "_OTHERS", 0.0)],
    "improvement first": lambda: [(gp, "_EARLY", 0)],
    "bounds": lambda: [(candidates, "_JUMP", 0.0), (candidates.Pool, "_spread", _settled_uniform)],
    "local candidates": lambda: [(search, "_NEAR", 0)],
    "children": lambda: [(search, "_GENERATIONS", 0)],
    "activity columns": lambda: [(gp, "kernel_of", _without_switches)],
    "feasibility": lambda: [(gp, "with_feasibility", lambda kernel, rows, score: score)],
}
"""Part -> what is replaced where it is removed."""


def _settled_uniform(pool: Any, count: int) -> Any:
    return pool.layout.settled(pool._uniform(count))


@contextmanager
def without(part: str) -> Iterator[None]:
    """The product without a part, while the context lasts."""
    replaced = [(where, name, getattr(where, name), value) for where, name, value in PARTS[part]()]
    _forget()
    try:
        for where, name, _, value in replaced:
            setattr(where, name, value)
        yield
    finally:
        for where, name, before, _ in replaced:
            setattr(where, name, before)
        _forget()


def _forget() -> None:
    """Drops what was worked out with other parts."""
    kernel.kernel_of.cache_clear()
    hyperparameters._MEMO.clear()


# problems that fail ---------------------------------------------------------------------------------------------------

EDGES = {
    "lcbench": ("learning_rate", "momentum"),  # where it diverges; the best are near both ends
    "hartmann6": ("x0", "x1"),
    "ackley10": ("x0", "x1"),
}
_TOGETHER = 1.2  # of two numbers in [0, 1]: a third of the space fails


class Failing:
    """A problem that fails where two hyperparameters are together large."""

    def __init__(self, problem: Any, one: str, other: str) -> None:
        self._problem, self.name = problem, f"{problem.name} failing"
        self._scales = {p[1]: p[2:] for p in problem.params if p[1] in (one, other)}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._problem, name)

    def evaluate(self, config: Any, seed: int = 0) -> float:
        at = sum(_place(config[name], *scale) for name, scale in self._scales.items())
        return math.nan if at > _TOGETHER else float(self._problem.evaluate(config, seed=seed))


def _place(value: float, low: float, high: float, log: bool) -> float:
    if log:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def all_problems(folder: Path) -> dict[str, Any]:
    """The problems of a folder, and the failing ones that are made of them."""
    found = dict(problems_of(folder))
    for name in list(found):
        edge = next((edge for word, edge in EDGES.items() if name.startswith(word)), None)
        if edge is not None:
            failing = Failing(found[name], *edge)
            found[failing.name] = failing
    return found


# running --------------------------------------------------------------------------------------------------------------


def run_one(problem: Any, part: str, seed: int, trials: int) -> Run:
    """One search without a part."""
    configs, losses = [], []
    with without(part), Study(space_of(problem), minimize="loss", strategy="gp", seed=seed) as study:
        for k in range(trials):
            trial = study.ask()
            if trial is None:
                break
            config = config_of(problem, trial.config)
            loss = problem.evaluate(config, seed=10_000 * (seed + 1) + k)
            study.tell(trial, loss=loss)
            configs.append(config)
            losses.append(loss)
    return {"problem": problem.name, "contestant": part, "seed": seed, "shown": shown(problem, configs, losses)}


def _work(job: tuple[Path, str, str, int, int]) -> Run:
    folder, name, part, seed, trials = job
    problem = all_problems(folder)[name]
    if part == "baseline":
        return {"problem": name, "contestant": part, "seed": 0, "shown": random_summary(problem)}
    return run_one(problem, part, seed, trials)


def run_all(args: argparse.Namespace) -> None:
    """Adds the runs that are missing to the file of results."""
    problems = all_problems(args.problems)
    names = only(problems, args.only)
    wanted = [(name, "baseline", 0) for name in names]
    wanted += [
        (n, part, s) for s in seeds_of(args) for part in args.parts for n in names if concerns(part, problems[n])
    ]
    jobs = [(args.problems, *key, args.trials) for key in missing(args.output, wanted)]
    add(args.output, _work, jobs, args.processes)


def concerns(part: str, problem: Any) -> bool:
    """Whether a part could make a difference to a problem; the failing ones are for one part only."""
    if isinstance(problem, Failing) or part == "feasibility":
        return isinstance(problem, Failing) and part in (WHOLE, "feasibility")
    return part != "activity columns" or bool(problem.when)


# telling --------------------------------------------------------------------------------------------------------------


def tables(judged: Judged) -> Iterator[str]:
    """The report, line by line, as Markdown."""
    yield (
        "| without | problems | seeds | " + " | ".join(f"log10 regret @{m}" for m in MARKS) + " | worse / better @100 |"
    )
    yield "|---" * (len(MARKS) + 4) + "|"
    for part in judged.contestants:
        if part == WHOLE:
            continue
        differences = [judged.differences(part, WHOLE, mark) for mark in MARKS]
        count = len(differences[0])
        if not count:
            continue
        cells = [_mean(np.array([d.mean() for d in found.values()])) for found in differences]
        last = [surely(d) for d in differences[-1].values()]
        yield (
            f"| {part} | {count} | {judged.seeds(part, WHOLE)} | "
            + " | ".join(cells)
            + f" | {last.count(1)} / {last.count(-1)} |"
        )


def _mean(means: Any) -> str:
    low, high = interval(means)
    mark = " *" if low > 0 or high < 0 else ""
    return f"{means.mean():+.2f} [{low:+.2f}, {high:+.2f}]{mark}"


def surely(differences: Any) -> int:
    """1 where regret is larger by more than two standard errors, −1 where it is smaller by as much, else 0."""
    error = differences.std(ddof=1) / math.sqrt(len(differences)) if len(differences) > 1 else math.inf
    return 0 if abs(differences.mean()) <= 2 * error else int(np.sign(differences.mean()))


def parser() -> Parser:
    """The command line."""
    made, run, table = commands(__doc__, RESULTS, seeds=5)
    run.add_argument("--parts", nargs="+", default=[*PARTS], choices=[*PARTS])
    run.add_argument("--trials", type=int, default=100)
    table.add_argument("--floor", type=float, default=1e-3, help="smaller regrets count as so much")
    return made


def main() -> None:
    args = parser().parse_args()
    if args.command == "run":
        run_all(args)
        return
    print("\n".join(tables(judged_of(load(args.output), args.floor))))


if __name__ == "__main__":
    main()
