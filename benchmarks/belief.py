"""What a rough belief is worth: `likely=` that is good, vague or wrong, beside none.

    python benchmarks/belief.py run --problems FOLDER --seeds 10
    python benchmarks/belief.py table

FOLDER is that of `regret.py`. The beliefs are made from a config that a long search found: u is its coordinate on a
hyperparameter's own scale, from 0 to 1, and z a normal number, drawn anew for each hyperparameter and seed.

| belief | of a number: likely between | of a choice |
| --- | --- | --- |
| good | u + .1 z ± .15 | the best option |
| vague | u + .2 z ± .35 | the best option and, of three or more, another one |
| wrong | .3 from the end that is furthest from u | an option that is not the best |
| none | | |

Regret is normalised: (best − b) / (m − b), b the lowest loss that anybody found, m the median of random configs.
"""

import argparse
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from contestants import config_of, space_of
from judging import Judged, best_at, middle_and_lowest, random_losses, share
from runs import Parser, Run, add, commands, load, missing, only, seeds_of
from suites import problems_of

from danlu import Space, Study

MARKS = (10, 25, 50)
BELIEFS = ("none", "good", "vague", "wrong")
PROBLEMS = (
    "hartmann6", "ackley10", "lcbench-3945", "lcbench-167104", "lcbench-189862", "xgboost-40981", "xgboost-12",
    "rpart-1040", "boosting-diabetes",
)  # fmt: skip
RESULTS = Path(__file__).parent / "results" / "belief.jsonl"


# beliefs --------------------------------------------------------------------------------------------------------------


def believing(space: Space, best: dict[str, Any], kind: str, seed: int) -> Space:
    """The space with a belief about each hyperparameter that the best config has, by the last part of its name."""
    rng = np.random.default_rng([seed, BELIEFS.index(kind)])
    values = {name.rsplit(".", 1)[-1]: value for name, value in best.items()}
    beliefs = {}
    for h in space.hyperparameters:
        leaf, dimension = h.name.rsplit(".", 1)[-1], h.dimension
        if kind == "none" or leaf not in values or not dimension.contains(values[leaf]):
            continue
        likely = _options(dimension, values[leaf], kind, rng) if dimension.kind == "choice" else None
        beliefs[h.name] = likely or _range(dimension, dimension.encode(values[leaf]), kind, float(rng.normal()))
    return space.with_beliefs({name: likely for name, likely in beliefs.items() if likely})


def _range(dimension: Any, u: float, kind: str, z: float) -> tuple[Any, Any] | None:
    if dimension.kind == "choice":
        return None
    match kind:
        case "good":
            low, high = u + 0.1 * z - 0.15, u + 0.1 * z + 0.15
        case "vague":
            low, high = u + 0.2 * z - 0.35, u + 0.2 * z + 0.35
        case _:
            low, high = (0.7, 1.0) if u < 0.5 else (0.0, 0.3)
    low, high = min(max(low, 0.0), 0.95), max(min(high, 1.0), 0.05)
    return dimension.decode(low), dimension.decode(high)


def _options(dimension: Any, best: Any, kind: str, rng: np.random.Generator) -> list[Any]:
    others = [option for option in dimension.options if option != best]
    if kind == "wrong":
        return [others[int(rng.integers(len(others)))]] if others else []
    more = [others[int(rng.integers(len(others)))]] if kind == "vague" and len(others) > 1 else []
    return [best, *more] if others else []


# running --------------------------------------------------------------------------------------------------------------


def search(problem: Any, space: Space, strategy: str, seed: int, trials: int) -> tuple[list[float], Any]:
    """Losses of a search, and the config of the lowest."""
    study, losses = Study(space, minimize="loss", strategy=strategy, seed=seed), []
    for k in range(trials):
        if (trial := study.ask()) is None:
            break
        losses.append(problem.evaluate(config_of(problem, trial.config), seed=10_000 * (seed + 1) + k))
        study.tell(trial, loss=losses[-1])
    return losses, dict(study.best.config)


@lru_cache
def reference(folder: Path, name: str) -> dict[str, Any]:
    """The best config of two long searches, which no contestant shares a seed with."""
    problem = problems_of(folder)[name]
    found = [search(problem, space_of(problem), "gp", seed, 120) for seed in (1001, 1002)]
    return min(found, key=lambda each: min(each[0]))[1]  # type: ignore[no-any-return]


def _work(job: tuple[Path, str, str, int, Any]) -> Run:
    folder, name, contestant, seed, best = job
    problem = problems_of(folder)[name]
    if contestant == "baseline":
        return {"problem": name, "contestant": contestant, "seed": 0, "losses": random_losses(problem)}
    if contestant == "reference":
        return {"problem": name, "contestant": contestant, "seed": 0, "losses": [], "best": reference(folder, name)}
    strategy, kind = contestant.split()
    space = believing(space_of(problem), best, kind, seed)
    losses, _ = search(problem, space, strategy, seed, MARKS[-1])
    return {"problem": name, "contestant": contestant, "seed": seed, "losses": losses}


def run_all(args: argparse.Namespace) -> None:
    """Adds the runs that are missing to the file of results."""
    names = only(PROBLEMS, args.only)
    firsts = missing(args.output, [(n, c, 0) for n in names for c in ("baseline", "reference")])
    add(args.output, _work, [(args.problems, *key, None) for key in firsts], args.processes)
    best = {run["problem"]: run["best"] for run in load(args.output) if run["contestant"] == "reference"}
    contestants = [f"{s} {kind}" for s in args.strategies for kind in BELIEFS]
    wanted = [(n, c, s) for s in seeds_of(args) for c in contestants for n in names]
    jobs = [(args.problems, *key, best[key[0]]) for key in missing(args.output, wanted)]
    add(args.output, _work, jobs, args.processes)


# telling --------------------------------------------------------------------------------------------------------------


def judged(runs: list[Run]) -> Judged:
    """The regrets of all runs."""
    random = {r["problem"]: middle_and_lowest(r["losses"]) for r in runs if r["contestant"] == "baseline"}
    told = [r for r in runs if r["contestant"] not in ("baseline", "reference")]
    return Judged({(r["problem"], r["contestant"], r["seed"]): best_at(r["losses"], MARKS) for r in told}, random)


def tables(judged: Judged) -> Iterator[str]:
    """The report, line by line, as Markdown."""
    problems, contestants = judged.problems, judged.contestants
    seeds = len(judged.regret(problems[0], contestants[0], MARKS[0]))
    yield f"Mean regret over {len(problems)} problems and {seeds} seeds; beside it the share of problems and seeds in"
    yield "which the belief is better than none (ties count half; 95 % interval over problems)."
    yield ""
    yield "| strategy, belief | " + " | ".join(f"regret @{m} | better @{m}" for m in MARKS) + " |"
    yield "|---" * (1 + 2 * len(MARKS)) + "|"
    for c in contestants:
        none = c.split()[0] + " none"
        better = ["–" if c == none else share(judged.won_by_seed(c, none, mark)) for mark in MARKS]
        cells = [f"{judged.means(c, mark):.3f} | {won}" for mark, won in zip(MARKS, better, strict=True)]
        yield f"| {c} | " + " | ".join(cells) + " |"
    yield ""
    yield f"Mean regret by problem at {' / '.join(map(str, MARKS))} trials:"
    for strategy in dict.fromkeys(c.split()[0] for c in contestants):
        yield ""
        yield f"| {strategy} | " + " | ".join(BELIEFS) + " |"
        yield "|---" * (1 + len(BELIEFS)) + "|"
        for p in problems:
            cells = [
                " / ".join(f"{judged.mean(p, f'{strategy} {kind}', mark):.3f}" for mark in MARKS) for kind in BELIEFS
            ]
            yield f"| {p} | " + " | ".join(cells) + " |"


def parser() -> Parser:
    """The command line."""
    made, run, _ = commands(__doc__, RESULTS)
    run.add_argument("--strategies", nargs="+", default=["gp", "tpe", "random"])
    return made


def main() -> None:
    args = parser().parse_args()
    if args.command == "run":
        run_all(args)
    else:
        print("\n".join(tables(judged(load(args.output)))))


if __name__ == "__main__":
    main()
