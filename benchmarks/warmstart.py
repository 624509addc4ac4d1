"""What a warm start gains where earlier studies are related, and what it costs where they mislead.

    python benchmarks/warmstart.py run --problems FOLDER --seeds 10
    python benchmarks/warmstart.py table

FOLDER is that of `regret.py`. A target is one of a family: one network or model on several data sets (LCBench, XGBoost;
YAHPO Gym's surrogates), or a test function shifted and stretched. Its earlier studies are 60 trials of `auto` on others
of its family; a misleading one was told their losses with the opposite sign, so its best are the worst there are.

| contestant | what it knows |
| --- | --- |
| cold | nothing |
| warm:1, warm:3 | one, or three, related studies |
| portfolio:3 | the same three, but of them only the configs that are tried first |
| naive:1, naive:3 | the same studies, their trials counted as the target's own |
| wrong, naive:wrong | one misleading study |
| mixed | two related studies and a misleading one |

Regret is normalised as in `regret.py`: 0 is the best that anybody found, 1 the median of random configs.
"""

import argparse
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from contestants import config_of, space_of
from regret import baseline, problems_of
from runs import Run, add, done, interval, load

from danlu import Study
from danlu.strategies.portfolio import portfolio

MARKS = (5, 10, 25, 50)
EARLIER = 60  # trials of an earlier study
RESULTS = Path(__file__).parent / "results" / "warmstart.jsonl"
CONTESTANTS = ("cold", "warm:1", "warm:3", "portfolio:3", "naive:1", "naive:3", "wrong", "naive:wrong", "mixed")
FAMILIES = ("lcbench", "xgboost", "hartmann6")


# problems -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shifted:
    """A test function elsewhere, and on another scale."""

    inner: Any
    number: int

    @property
    def name(self) -> str:
        return f"{self.inner.name}-{self.number}"

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "inner"), name)

    def evaluate(self, config: dict[str, float], seed: int = 0) -> float:
        rng = np.random.default_rng(self.number)
        shift, scale = 0.08 * rng.standard_normal(len(config)), 10.0 ** rng.uniform(-2, 2)
        moved = {name: min(max(x + d, 0.0), 1.0) for (name, x), d in zip(config.items(), shift, strict=True)}
        return float(scale * self.inner.evaluate(moved, seed=seed))


@lru_cache(maxsize=1)
def families(folder: Path) -> dict[str, list[Any]]:
    """Problems that are related, by the name of their family."""
    found = problems_of(folder)
    made = {name: [p for key, p in found.items() if key.startswith(name)] for name in FAMILIES}
    made["hartmann6"] = [Shifted(p, k) for p in made["hartmann6"] for k in range(4)]
    return made


def family_of(folder: Path, target: str) -> list[Any]:
    """The target, and those related to it."""
    family = next(found for found in families(folder).values() if target in [p.name for p in found])
    at = [p.name for p in family].index(target)
    return family[at:] + family[:at]


# running --------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def earlier(folder: Path, name: str, sign: float, seed: int) -> Study:
    """A study that came before, in memory."""
    problem = family_of(folder, name)[0]
    study = Study(space_of(problem), minimize="loss", seed=1000 + seed)
    for k in range(EARLIER):
        trial = study.ask()
        assert trial is not None
        study.tell(trial, loss=sign * problem.evaluate(config_of(problem, trial.config), seed=500_000 * (seed + 1) + k))
    return study


def study_of(folder: Path, target: str, contestant: str, seed: int) -> Study:
    """What a contestant begins with."""
    problem, *related = family_of(folder, target)
    kind, _, rest = contestant.partition(":")
    wrong = kind == "wrong" or rest == "wrong"
    count = 2 if kind == "mixed" else int(rest) if rest.isdigit() else 0
    known = [earlier(folder, p.name, 1.0, seed) for p in related[:count]]
    if wrong or kind == "mixed":
        known.append(earlier(folder, related[-1].name, -1.0, seed))
    space = space_of(problem)
    warm = Study(space, minimize="loss", seed=seed, warm_start=known if kind not in ("cold", "naive") else ())
    if kind not in ("portfolio", "naive"):
        return warm
    study = Study(space, minimize="loss", seed=seed)
    if kind == "portfolio":
        for pick in portfolio(warm.history):
            study.queue(pick.config)
        return study
    for trial in (trial for other in known for trial in other.trials):
        study.queue(trial.config)
        study.tell(study.ask(), loss=trial.loss)  # type: ignore[arg-type]
    return study


def run_one(folder: Path, target: str, contestant: str, seed: int, trials: int) -> Run:
    """One contestant on one target."""
    problem = family_of(folder, target)[0]
    study = study_of(folder, target, contestant, seed)
    losses, spent = [], 0.0
    for k in range(trials):
        begin = time.process_time()
        trial = study.ask()
        assert trial is not None
        spent += time.process_time() - begin
        losses.append(problem.evaluate(config_of(problem, trial.config), seed=10_000 * (seed + 1) + k))
        study.tell(trial, loss=losses[-1])
    return {
        "problem": target,
        "contestant": contestant,
        "seed": seed,
        "losses": losses,
        "ms": 1e3 * spent / trials,
    }


def _work(job: tuple[Path, str, str, int, int]) -> Run:
    folder, target, contestant, seed, trials = job
    if contestant == "baseline":
        losses = baseline(family_of(folder, target)[0], 1000)
        return {"problem": target, "contestant": contestant, "seed": 0, "losses": losses}
    return run_one(folder, target, contestant, seed, trials)


def run_all(args: argparse.Namespace) -> None:
    """Adds the runs that are missing to the file of results."""
    names = [p.name for family in families(args.problems).values() for p in family]
    names = [name for name in names if not args.only or any(word in name for word in args.only)]
    seeds = range(args.first, args.first + args.seeds)
    wanted = [(n, "baseline", 0) for n in names] + [(n, c, s) for s in seeds for n in names for c in args.contestants]
    there = done(args.output)
    jobs = [(args.problems, n, c, s, args.trials) for n, c, s in wanted if (n, c, s) not in there]
    add(args.output, _work, jobs, args.processes)


# telling --------------------------------------------------------------------------------------------------------------


def regrets(runs: Sequence[Run]) -> dict[tuple[str, str], np.ndarray]:
    """(problem, contestant) -> normalised regrets, shape (seeds, marks)."""
    random = {run["problem"]: run["losses"] for run in runs if run["contestant"] == "baseline"}
    lowest = {p: min(min(run["losses"]) for run in runs if run["problem"] == p) for p in random}
    found: dict[tuple[str, str], list[list[float]]] = {}
    for run in sorted(runs, key=lambda run: run["seed"]):
        if run["contestant"] != "baseline":
            p = run["problem"]
            width = float(np.median(random[p])) - lowest[p]
            curve = [(min(run["losses"][:mark]) - lowest[p]) / width for mark in MARKS]
            found.setdefault((p, run["contestant"]), []).append(curve)
    return {key: np.array(curves) for key, curves in found.items()}


def tables(runs: Sequence[Run]) -> Iterator[str]:
    """The report, line by line, as Markdown."""
    found = regrets(runs)
    problems, names = (list(dict.fromkeys(key[k] for key in found)) for k in (0, 1))
    names.sort(key=lambda name: (CONTESTANTS.index(name) if name in CONTESTANTS else 99, name))
    seeds = {name: min(len(found[p, name]) for p in problems if (p, name) in found) for name in names}
    yield f"{len(problems)} targets; seeds: " + ", ".join(f"{name} {count}" for name, count in seeds.items())
    yield ""
    marks = " | ".join(f"@{mark}" for mark in MARKS)
    yield f"| | {marks} | pairs won @10 | pairs won @{MARKS[-1]} | ms |"
    yield "|---" * (len(MARKS) + 4) + "|"
    for name in names:
        means = np.mean([found[p, name].mean(axis=0) for p in problems], axis=0)
        won = [_won(found, problems, name, MARKS.index(mark)) for mark in (10, MARKS[-1])]
        ms = float(np.median([run["ms"] for run in runs if run["contestant"] == name]))
        yield f"| {name} | " + " | ".join(f"{v:.3f}" for v in means) + f" | {' | '.join(won)} | {ms:.1f} |"
    for family in FAMILIES:
        yield f"\n{family}, mean regret at {' / '.join(map(str, MARKS))} trials\n"
        yield "| | " + " | ".join(p for p in problems if p.startswith(family)) + " |"
        yield "|---" * (1 + sum(p.startswith(family) for p in problems)) + "|"
        for name in names:
            cells = [
                " / ".join(f"{v:.3f}" for v in found[p, name].mean(axis=0)) for p in problems if p.startswith(family)
            ]
            yield f"| {name} | " + " | ".join(cells) + " |"


def _won(found: dict[tuple[str, str], np.ndarray], problems: Sequence[str], name: str, mark: int) -> str:
    """Share of pairs of runs on the same target that are better than a cold one, with an interval over targets."""
    if name == "cold":
        return "–"
    shares = []
    for p in problems:
        one, other = found[p, name][:, mark], found[p, "cold"][:, mark]
        shares.append(((one[:, None] < other) + 0.5 * (one[:, None] == other)).mean())
    low, high = interval(np.array(shares))
    return f"{100 * np.mean(shares):.0f} % [{100 * low:.0f}, {100 * high:.0f}]" if math.isfinite(low) else "–"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = made.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run what is missing")
    run.add_argument("--problems", type=Path, default=os.environ.get("DANLU_PROBLEMS", "problems"))
    run.add_argument("--contestants", nargs="+", default=CONTESTANTS)
    run.add_argument("--only", nargs="*", help="words of targets' names")
    run.add_argument("--seeds", type=int, default=10)
    run.add_argument("--first", type=int, default=0, help="first seed")
    run.add_argument("--trials", type=int, default=MARKS[-1])
    run.add_argument("--processes", type=int, default=1)
    tell = commands.add_parser("table", help="tell what came out")
    for command in (run, tell):
        command.add_argument("--output", type=Path, default=RESULTS, help="file of results")
    return made


def main() -> None:
    args = parser().parse_args()
    if args.command == "run":
        args.problems = Path(args.problems)
        run_all(args)
    else:
        print("\n".join(tables(load(args.output))))


if __name__ == "__main__":
    main()
