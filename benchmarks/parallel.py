"""What it costs that trials run at once: regret after 100 trials, 1, 2, 8 or 32 of which are always pending.

    python benchmarks/parallel.py run --problems FOLDER
    python benchmarks/parallel.py table

FOLDER is that of `regret.py`. So many trials are kept pending until 100 were begun; which of them ends next is drawn at
random, so a trial is told after as many others as are pending, on average. `run` adds to a file of results, one line a
run, and passes over what is there; `table` makes the table: geometric means of the regrets' ratios to those of the same
strategy that runs one trial after the other, with intervals by resampling problems.
"""

import argparse
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
from contestants import config_of, space_of
from judging import MARKS, Judged, interval, judged_of, random_summary, shown
from regret import RESULTS as REGRET
from runs import Parser, Run, add, commands, load, missing, only, seeds_of
from suites import problems_of

RESULTS = Path(__file__).parent / "results" / "parallel.jsonl"
PENDING = (1, 2, 8, 32)


# running --------------------------------------------------------------------------------------------------------------


def run_one(problem: Any, strategy: str, pending: int, seed: int, trials: int) -> Run:
    """One search, with so many trials pending."""
    from danlu import Study

    study = Study(space_of(problem), minimize="loss", strategy=strategy, seed=seed)
    rng = np.random.default_rng([seed, pending])
    running: list[Any] = []
    configs: list[Any] = []
    losses: list[float] = []
    while len(losses) < trials:
        while len(running) < pending and len(study.trials) < trials:
            running.append(study.ask())
        trial = running.pop(int(rng.integers(len(running))))
        config = config_of(problem, trial.config)
        loss = problem.evaluate(config, seed=10_000 * (seed + 1) + trial.number)
        study.tell(trial, loss=loss)
        configs.append(config)
        losses.append(loss)
    return {
        "problem": problem.name,
        "contestant": f"{strategy}@{pending}",
        "seed": seed,
        "shown": shown(problem, configs, losses),
    }


def _work(job: tuple[Path, str, str, int, int]) -> Run:
    folder, name, contestant, seed, trials = job
    problem = problems_of(folder)[name]
    if contestant == "baseline":
        return {"problem": name, "contestant": contestant, "seed": 0, "shown": random_summary(problem)}
    strategy, _, pending = contestant.partition("@")
    return run_one(problem, strategy, int(pending), seed, trials)


def run_all(args: argparse.Namespace) -> None:
    """Adds the runs that are missing to the file of results."""
    names = only(problems_of(args.problems), args.only)
    contestants = [f"{strategy}@{pending}" for strategy in args.strategies for pending in args.pending]
    wanted = [(name, "baseline", 0) for name in names]
    wanted += [(n, c, s) for s in seeds_of(args) for c in contestants for n in names]
    jobs = [(args.problems, *key, args.trials) for key in missing(args.output, wanted)]
    add(args.output, _work, jobs, args.processes)


# telling --------------------------------------------------------------------------------------------------------------


def tables(judged: Judged) -> Iterator[str]:
    """The report, line by line, as Markdown."""
    for strategy in dict.fromkeys(c.partition("@")[0] for c in judged.contestants):
        pending = sorted(int(c.partition("@")[2]) for c in judged.contestants if c.startswith(f"{strategy}@"))
        yield f"## {strategy}, {len(judged.problems)} problems"
        yield ""
        yield (
            "| pending | seeds | "
            + " | ".join(f"ratio @{m}" for m in MARKS)
            + " | "
            + " | ".join(f"regret @{m}" for m in MARKS)
            + " |"
        )
        yield "|---" * (2 * len(MARKS) + 2) + "|"
        for q in pending:
            name = f"{strategy}@{q}"
            cells = [_ratio(judged, name, f"{strategy}@1", mark) for mark in MARKS]
            means = [judged.means(name, m) for m in MARKS]
            cells = [judged.seeds(name, f"{strategy}@1"), *cells]
            yield f"| {q} | " + " | ".join(cells) + " | " + " | ".join(f"{mean:.3f}" for mean in means) + " |"
        yield ""


def _ratio(judged: Judged, one: str, other: str, mark: int) -> str:
    """Geometric mean of the ratios of the regrets, and its 95 % interval."""
    return _told(np.array([d.mean() for d in judged.differences(one, other, mark).values()]))


def _told(means: NDArray[np.float64]) -> str:
    low, high = interval(means)
    return f"{10 ** means.mean():.2f} [{10**low:.2f}, {10**high:.2f}]"


def stopped(judged: Judged, trials: Sequence[int]) -> Iterator[str]:
    """What delay alone would cost: `auto`, one trial after the other, stopped early, against itself after 100.

    From the losses that `regret.py` has kept, of problems without noise.
    """
    found: dict[int, dict[str, list[float]]] = {n: {} for n in trials}
    for run in load(REGRET):
        if run["contestant"] == "danlu:auto" and "anew" not in run and run["problem"] in judged.problems:
            for n, by_problem in found.items():
                early, late = (judged.log_regret(run["problem"], min(run["losses"][:k])) for k in (n, MARKS[-1]))
                by_problem.setdefault(run["problem"], []).append(early - late)
    yield "| stopped after | ratio to 100 |"
    yield "|---|---|"
    for n, by_problem in found.items():
        yield f"| {n} | {_told(np.array([np.mean(ratios) for ratios in by_problem.values()]))} |"


def parser() -> Parser:
    """The command line."""
    made, run, table = commands(__doc__, RESULTS, seeds=5)
    run.add_argument("--strategies", nargs="+", default=["auto", "tpe"])
    run.add_argument("--pending", nargs="+", type=int, default=PENDING)
    run.add_argument("--trials", type=int, default=100)
    table.add_argument("--floor", type=float, default=1e-3, help="smaller regrets count as so much")
    table.add_argument("--stopped", nargs="*", type=int, default=(), help="also tell of fewer trials without delay")
    return made


def main() -> None:
    args = parser().parse_args()
    if args.command == "run":
        run_all(args)
        return
    judged = judged_of(load(args.output), args.floor)
    print("\n".join(itertools.chain(tables(judged), stopped(judged, args.stopped) if args.stopped else ())))


if __name__ == "__main__":
    main()
