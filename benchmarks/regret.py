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
import itertools
import math
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from contestants import Recommends, make_of
from judging import MARKS, Judged, best_at, is_noisy, measured_anew, middle_and_lowest, random_losses, share
from runs import Parser, Run, add, commands, load, missing, only, seeds_of
from suites import problems_of

RESULTS = Path(__file__).parent / "results" / "regret.jsonl"


# running --------------------------------------------------------------------------------------------------------------


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


def _work(job: tuple[Path, str, str, int, int, Path | None]) -> Run:
    folder, problem, contestant, seed, trials, reference = job
    problems = problems_of(folder)
    if contestant == "baseline":
        return {"problem": problem, "contestant": contestant, "seed": 0, "losses": random_losses(problems[problem])}
    return run_one(problems[problem], contestant, seed, trials, reference)


def run_all(args: argparse.Namespace) -> None:
    """Adds the runs that are missing to the file of results."""
    names = only(problems_of(args.problems), args.only)
    wanted = [(name, "baseline", 0) for name in names]
    wanted += [(n, c, s) for s in seeds_of(args) for c in args.contestants for n in names]
    jobs = [(args.problems, *key, args.trials, args.reference) for key in missing(args.output, wanted)]
    add(args.output, _work, jobs, args.processes)


# telling --------------------------------------------------------------------------------------------------------------


class Results(Judged):
    """Regrets of all runs, and the runs by problem, contestant and seed."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = {(r["problem"], r["contestant"], r["seed"]): r for r in runs if r["contestant"] != "baseline"}
        noisy = {problem for (problem, _, _), run in self.runs.items() if "anew" in run}
        random = {
            run["problem"]: middle_and_lowest(run["losses"], run["problem"] in noisy)
            for run in runs
            if run["contestant"] == "baseline"
        }
        super().__init__({key: _shown_at(run) for key, run in self.runs.items()}, random)

    def ranks(self, contestants: Sequence[str], mark: int) -> dict[str, float]:
        """Mean rank of the mean regret, over the problems that all have run on."""
        table = np.array([[self.mean(p, c, mark) for c in contestants] for p in self.shared(contestants)])
        ranks = np.array([[np.mean(np.flatnonzero(np.sort(row) == v)) + 1 for v in row] for row in table])
        return dict(zip(contestants, ranks.mean(axis=0).tolist(), strict=True))

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


def _shown_at(run: Run) -> dict[float, float]:
    """Loss of the shown config at each mark."""
    return {m: run["anew"][str(m)] for m in MARKS} if "anew" in run else best_at(run["losses"], MARKS)


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
        regrets = [results.means(c, m, shared) for m in MARKS]
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
            won = [results.won(ours, c, m) for m in MARKS]
            yield f"| {c} | " + " | ".join(map(share, won)) + f" | {len(won[0])} |"
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


def parser() -> Parser:
    """The command line."""
    made, run, table = commands(__doc__, RESULTS)
    run.add_argument("--contestants", nargs="+", default=["danlu:auto", "danlu:random", "optuna:tpe"])
    run.add_argument("--trials", type=int, default=100)
    run.add_argument("--reference", type=Path, help="source of the reference engine, for the contestant g1")
    table.add_argument("--ours", default="danlu:auto")
    table.add_argument("--target", default="optuna:tpe")
    table.add_argument("--contestants", nargs="*", help="only these")
    return made


def main() -> None:
    args = parser().parse_args()
    if args.command == "run":
        run_all(args)
        return
    runs = load(args.output)
    if args.contestants:
        runs = [r for r in runs if r["contestant"] in (*args.contestants, "baseline")]
    print("\n".join(itertools.chain(tables(Results(runs), args.ours, args.target))))


if __name__ == "__main__":
    main()
