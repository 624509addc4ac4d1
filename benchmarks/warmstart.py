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
from judging import Judged, best_at, middle_and_lowest, random_losses, share
from runs import Parser, Run, add, commands, load, missing, only, seeds_of
from suites import problems_of

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
        losses = random_losses(family_of(folder, target)[0])
        return {"problem": target, "contestant": contestant, "seed": 0, "losses": losses}
    return run_one(folder, target, contestant, seed, trials)


def run_all(args: argparse.Namespace) -> None:
    """Adds the runs that are missing to the file of results."""
    names = only([p.name for family in families(args.problems).values() for p in family], args.only)
    wanted = [(n, "baseline", 0) for n in names]
    wanted += [(n, c, s) for s in seeds_of(args) for n in names for c in args.contestants]
    jobs = [(args.problems, *key, args.trials) for key in missing(args.output, wanted)]
    add(args.output, _work, jobs, args.processes)


# telling --------------------------------------------------------------------------------------------------------------


def judged(runs: Sequence[Run]) -> Judged:
    """The regrets of all runs."""
    random = {r["problem"]: middle_and_lowest(r["losses"]) for r in runs if r["contestant"] == "baseline"}
    told = [r for r in runs if r["contestant"] != "baseline"]
    return Judged({(r["problem"], r["contestant"], r["seed"]): best_at(r["losses"], MARKS) for r in told}, random)


def tables(runs: Sequence[Run]) -> Iterator[str]:
    """The report, line by line, as Markdown."""
    results = judged(runs)
    problems = results.problems
    names = sorted(results.contestants, key=lambda c: (CONTESTANTS.index(c) if c in CONTESTANTS else 99, c))
    seeds = {c: min(len(results.regret(p, c, MARKS[0])) for p in results.shared([c])) for c in names}
    yield f"{len(problems)} targets; seeds: " + ", ".join(f"{name} {count}" for name, count in seeds.items())
    yield ""
    marks = " | ".join(f"@{mark}" for mark in MARKS)
    yield f"| | {marks} | pairs won @10 | pairs won @{MARKS[-1]} | ms |"
    yield "|---" * (len(MARKS) + 4) + "|"
    for name in names:
        means = " | ".join(f"{results.means(name, mark):.3f}" for mark in MARKS)
        won = ["–" if name == "cold" else share(results.won(name, "cold", mark)) for mark in (10, MARKS[-1])]
        ms = float(np.median([run["ms"] for run in runs if run["contestant"] == name]))
        yield f"| {name} | {means} | {' | '.join(won)} | {ms:.1f} |"
    for family in FAMILIES:
        targets = [p for p in problems if p.startswith(family)]
        yield f"\n{family}, mean regret at {' / '.join(map(str, MARKS))} trials\n"
        yield "| | " + " | ".join(targets) + " |"
        yield "|---" * (1 + len(targets)) + "|"
        for name in names:
            cells = [" / ".join(f"{results.mean(p, name, mark):.3f}" for mark in MARKS) for p in targets]
            yield f"| {name} | " + " | ".join(cells) + " |"


def parser() -> Parser:
    """The command line."""
    made, run, _ = commands(__doc__, RESULTS)
    run.add_argument("--contestants", nargs="+", default=CONTESTANTS)
    run.add_argument("--trials", type=int, default=MARKS[-1])
    return made


def main() -> None:
    args = parser().parse_args()
    if args.command == "run":
        run_all(args)
    else:
        print("\n".join(tables(load(args.output))))


if __name__ == "__main__":
    main()
