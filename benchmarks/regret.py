"""Search quality beside the peers, on real trainings and on surrogates of real trainings.

    python benchmarks/regret.py run --problems FOLDER --contestants danlu:auto optuna:tpe optuna:gp --seeds 10
    python benchmarks/regret.py table

FOLDER holds `problems.py`: `suite()` returns problems, each a list of hyperparameters and `evaluate(config, seed=...)`.
The one that our numbers are from is made of YAHPO Gym's surrogates (slds-lmu/yahpo_data, Apache-2.0) of LCBench,
XGBoost and rpart, of small trainings on scikit-learn's data, and of test functions.

`run` adds to a file of results, one line a run, and passes over what is there; peers need `pip install optuna torch
hebo smac hyperopt scikit-learn onnxruntime`. `table` makes the tables.

Regret is normalised: (best − b) / (m − b), b the lowest loss that anybody found, m the median of random configs. Where
training is noisy, the config that a contestant shows is measured anew, with seeds that nobody has seen: the one that it
recommends, if it can, else the one with the lowest loss. For such problems see `trainings/` and `noise.py`.
"""

import argparse
import importlib.util
import itertools
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
from contestants import Recommends, make_of
from runs import Run, add, done, interval, load

Floats = NDArray[np.float64]
MARKS = (25, 50, 100)
FRESH = 40  # trainings by which a shown config is measured anew; the same seeds for all configs
RESULTS = Path(__file__).parent / "results" / "regret.jsonl"


# running --------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)  # a surrogate takes longer to load than a search
def problems_of(folder: Path) -> dict[str, Any]:
    """The problems of a folder, by name."""
    spec = importlib.util.spec_from_file_location("problems", folder / "problems.py")
    if spec is None or spec.loader is None or not (folder / "problems.py").exists():
        raise SystemExit(f"{folder} holds no problems.py. Give --problems FOLDER, or set DANLU_PROBLEMS.")
    module = sys.modules["problems"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {problem.name: problem for problem in module.suite()}


def run_one(problem: Any, contestant: str, seed: int, trials: int, reference: Path | None) -> Run:
    """One contestant on one problem."""
    opponent = make_of(contestant, reference)(problem, seed, trials)
    noisy = is_noisy(problem)
    losses, shown, spent, best = [], {}, 0.0, math.inf
    config: Any = None
    for k in range(trials):
        begin = time.process_time()
        asked = opponent.ask()
        spent += time.process_time() - begin
        loss = problem.evaluate(asked, seed=10_000 * (seed + 1) + k)
        begin = time.process_time()
        opponent.tell(asked, loss)
        spent += time.process_time() - begin
        losses.append(loss)
        if loss < best:
            best, config = loss, asked
        if k + 1 in MARKS:
            shown[k + 1] = _shown(opponent, config) if noisy else {}
    run: Run = {
        "problem": problem.name,
        "contestant": contestant,
        "seed": seed,
        "losses": losses,
        "ms": 1e3 * spent / trials,
    }
    if noisy:
        known: dict[str, float] = {}
        for way in shown[MARKS[0]]:
            run[way] = {str(mark): measured_anew(problem, shown[mark][way], known) for mark in MARKS}
    return run


def _shown(opponent: Any, lowest: Any) -> dict[str, Any]:
    """What a contestant shows, by how it is chosen; "anew" is what it is judged by."""
    if not isinstance(opponent, Recommends):
        return {"anew": lowest}
    return {"anew": opponent.recommended(), "anew by lowest loss": lowest, "anew by mean": opponent.by_mean()}


def is_noisy(problem: Any) -> bool:
    """Whether two trainings of one config differ, for any of a few configs: one that breaks down never does."""
    rng = np.random.default_rng(0)
    configs = [problem.sample(rng) for _ in range(5)]
    return any(len({problem.evaluate(config, seed=seed) for seed in range(2)}) > 1 for config in configs)


def measured_anew(problem: Any, config: Any, known: dict[str, float]) -> float:
    """Mean loss of a config over trainings that no contestant has seen; those in `known` were measured before."""
    key = json.dumps(config, sort_keys=True)
    if key not in known:
        known[key] = float(np.mean([problem.evaluate(config, seed=90_000_000 + k) for k in range(FRESH)]))
    return known[key]


def baseline(problem: Any, count: int) -> list[float]:
    """Losses of random configs."""
    rng = np.random.default_rng(12345)
    return [problem.evaluate(problem.sample(rng), seed=k) for k in range(min(count, problem.random_sample))]


def _work(job: tuple[Path, str, str, int, int, Path | None]) -> Run:
    folder, problem, contestant, seed, trials, reference = job
    problems = problems_of(folder)
    if contestant == "baseline":
        return {"problem": problem, "contestant": contestant, "seed": 0, "losses": baseline(problems[problem], 1000)}
    return run_one(problems[problem], contestant, seed, trials, reference)


def run_all(args: argparse.Namespace) -> None:
    """Adds the runs that are missing to the file of results."""
    names = list(problems_of(args.problems))
    if args.only:
        names = [name for name in names if any(word in name for word in args.only)]
    there = done(args.output)
    wanted = [(name, "baseline", 0) for name in names]
    wanted += [(n, c, s) for s in range(args.first, args.first + args.seeds) for c in args.contestants for n in names]
    jobs = [(args.problems, n, c, s, args.trials, args.reference) for n, c, s in wanted if (n, c, s) not in there]
    add(args.output, _work, jobs, args.processes)


# telling --------------------------------------------------------------------------------------------------------------


class Results:
    """Regrets of all runs."""

    def __init__(self, runs: Sequence[Run]) -> None:
        random = {run["problem"]: run["losses"] for run in runs if run["contestant"] == "baseline"}
        self.runs = {(r["problem"], r["contestant"], r["seed"]): r for r in runs if r["contestant"] != "baseline"}
        self.contestants = list(dict.fromkeys(c for _, c, _ in self.runs))
        self.problems = list(dict.fromkeys(p for p, _, _ in self.runs))
        self.middle = {p: float(np.median(random[p])) for p in self.problems}
        self.lowest = {
            p: min(
                min(random[p]) if not self._noisy(p) else math.inf,
                *(min(self._curve(r)) for key, r in self.runs.items() if key[0] == p),
            )
            for p in self.problems
        }

    def _noisy(self, problem: str) -> bool:
        return any("anew" in run for key, run in self.runs.items() if key[0] == problem)

    def _curve(self, run: Run) -> list[float]:
        """Loss of the shown config at each mark."""
        if "anew" in run:
            return [run["anew"][str(mark)] for mark in MARKS]
        return [min(run["losses"][:mark]) for mark in MARKS]

    def regret(self, problem: str, contestant: str, mark: int) -> dict[int, float]:
        """Seed -> normalised regret."""
        width = self.middle[problem] - self.lowest[problem]
        return {
            s: (self._curve(run)[MARKS.index(mark)] - self.lowest[problem]) / width
            for (p, c, s), run in self.runs.items()
            if p == problem and c == contestant
        }

    def shared(self, contestants: Sequence[str]) -> list[str]:
        """Problems that all of them have run on."""
        return [p for p in self.problems if all(self.regret(p, c, MARKS[0]) for c in contestants)]

    def ranks(self, contestants: Sequence[str], mark: int) -> dict[str, float]:
        """Mean rank of the mean regret, over the problems that all have run on."""
        table = np.array(
            [[np.mean([*self.regret(p, c, mark).values()]) for c in contestants] for p in self.shared(contestants)]
        )
        ranks = np.array([[np.mean(np.flatnonzero(np.sort(row) == v)) + 1 for v in row] for row in table])
        return dict(zip(contestants, ranks.mean(axis=0).tolist(), strict=True))

    def wins(self, one: str, other: str, mark: int, problem: str | None = None) -> Floats:
        """1, 0.5 or 0 for each pair of runs on the same problem, of any two seeds."""
        found = []
        for p in [problem] if problem else self.shared([one, other]):
            a, b = (np.array([*self.regret(p, c, mark).values()]) for c in (one, other))
            found.append(((a[:, None] < b) + 0.5 * (a[:, None] == b)).mean())
        return np.array(found)

    def reached(self, contestant: str, target: str) -> list[float]:
        """By problem: median over seeds of the trials until the target's median result at the last mark is reached."""
        found = []
        for p in self.shared([contestant, target]):
            goal = np.median(
                [min(r["losses"][: MARKS[-1]]) for (q, c, _), r in self.runs.items() if q == p and c == target]
            )
            counts = []
            for (q, c, _), run in self.runs.items():
                if q == p and c == contestant:
                    hit = np.flatnonzero(np.minimum.accumulate(run["losses"]) <= goal)
                    counts.append(float(hit[0]) + 1 if len(hit) else math.inf)
            found.append(float(np.median(counts)))
        return found


def p_value(one: Sequence[float], other: Sequence[float]) -> float:
    """Two-sided Mann-Whitney test that two contestants' regrets on a problem don't differ."""
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(one, other).pvalue)


def tables(results: Results, ours: str, target: str) -> Iterator[str]:
    """The report, line by line, as Markdown."""
    contestants = results.contestants
    shared = results.shared(contestants)
    yield f"{len(shared)} problems that all contestants ran on; seeds: " + ", ".join(
        f"{c} {len({s for _, q, s in results.runs if q == c})}" for c in contestants
    )
    yield ""
    yield (
        "| | "
        + " | ".join(f"rank @{m}" for m in MARKS)
        + " | "
        + " | ".join(f"regret @{m}" for m in MARKS)
        + f" | trials to {target}'s {MARKS[-1]} | ms per trial |"
    )
    yield "|---" * (2 * len(MARKS) + 3) + "|"
    ranks = [results.ranks(contestants, mark) for mark in MARKS]
    for c in sorted(contestants, key=lambda c: ranks[-1][c]):
        regrets = [np.mean([np.mean([*results.regret(p, c, m).values()]) for p in shared]) for m in MARKS]
        reached = np.median(results.reached(c, target)) if target in contestants else math.nan
        ms = np.median([r["ms"] for (_, q, _), r in results.runs.items() if q == c])
        cells = [*(f"{rank[c]:.2f}" for rank in ranks), *(f"{v:.3f}" for v in regrets), f"{reached:.0f}", f"{ms:.3g}"]
        yield f"| {c} | " + " | ".join(cells) + " |"
    yield ""
    yield f"Pairs of runs that {ours} wins (95 % interval over problems):"
    yield ""
    yield "| against | " + " | ".join(f"@{m}" for m in MARKS) + " | problems |"
    yield "|---" * (len(MARKS) + 2) + "|"
    for c in contestants:
        if c != ours:
            won = [results.wins(ours, c, m) for m in MARKS]
            cells = [f"{100 * w.mean():.0f} % [{100 * interval(w)[0]:.0f}, {100 * interval(w)[1]:.0f}]" for w in won]
            yield f"| {c} | " + " | ".join(cells) + f" | {len(won[0])} |"
    yield ""
    yield f"Mean regret by problem at {' / '.join(map(str, MARKS))} trials."
    yield f"* {ours} is better, ! worse, at {MARKS[-1]} (p < 0.05):"
    yield ""
    yield "| problem | " + " | ".join(contestants) + " |"
    yield "|---" * (len(contestants) + 1) + "|"
    for p in results.problems:
        cells = []
        for c in contestants:
            found = [results.regret(p, c, m) for m in MARKS]
            if not found[0]:
                cells.append("–")
                continue
            cell = " / ".join(f"{np.mean([*f.values()]):.3f}" for f in found)
            a, b = [*results.regret(p, ours, MARKS[-1]).values()], [*found[-1].values()]
            if c != ours and a and len(b) > 2 and p_value(a, b) < 0.05:
                cell += " *" if np.mean(a) < np.mean(b) else " !"
            cells.append(cell)
        yield f"| {p} | " + " | ".join(cells) + " |"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = made.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run what is missing")
    run.add_argument("--problems", type=Path, default=os.environ.get("DANLU_PROBLEMS", "problems"))
    run.add_argument("--contestants", nargs="+", default=["danlu:auto", "danlu:random", "optuna:tpe"])
    run.add_argument("--only", nargs="*", help="words of problems' names")
    run.add_argument("--seeds", type=int, default=10)
    run.add_argument("--first", type=int, default=0, help="first seed")
    run.add_argument("--trials", type=int, default=100)
    run.add_argument("--processes", type=int, default=1)
    run.add_argument("--reference", type=Path, help="source of the reference engine, for the contestant g1")
    tell = commands.add_parser("table", help="tell what came out")
    tell.add_argument("--ours", default="danlu:auto")
    tell.add_argument("--target", default="optuna:tpe")
    tell.add_argument("--contestants", nargs="*", help="only these")
    for command in (run, tell):
        command.add_argument("--output", type=Path, default=RESULTS, help="file of results")
    return made


def main() -> None:
    args = parser().parse_args()
    if args.command == "run":
        args.problems = Path(args.problems)
        run_all(args)
        return
    runs = load(args.output)
    if args.contestants:
        runs = [r for r in runs if r["contestant"] in (*args.contestants, "baseline")]
    print("\n".join(itertools.chain(tables(Results(runs), args.ours, args.target))))


if __name__ == "__main__":
    main()
