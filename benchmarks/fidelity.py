"""Regret after equal numbers of epochs, on learning curves: strategies that stop, pause and resume, beside the peers.

    python benchmarks/fidelity.py run --problems FOLDER --seeds 10
    python benchmarks/fidelity.py table
    python benchmarks/fidelity.py run --problems FOLDER --further --seeds 5 --output benchmarks/results/further.jsonl
    python benchmarks/fidelity.py table --output benchmarks/results/further.jsonl

FOLDER is that of `regret.py`; of its problems those count that have epochs, YAHPO Gym's surrogates of LCBench: curves
of 52 epochs by 7 hyperparameters. `--further` are the data sets of these surrogates that the folder's suite leaves out;
nothing was ever tried on them. A search has the epochs of 50 full trainings. Every epoch that is trained counts;
trials that go on from where they were paused, or from their rung, pay their new epochs only; those that are stopped
have paid what they trained. `run` adds to a file of results, one line a run, and passes over what is there; peers need
`pip install optuna onnxruntime dehb` (DEHB 0.1.2 wants NumPy 1: an environment of its own).

Judged is what a user would get then, by one rule for all: of the configs that were trained to the last epoch the one
with the lowest final loss; as long as there is none, the config whose last loss is the lowest, by its loss at the last
epoch. Regret is normalised as in `regret.py`, the lowest loss being that of any run, here or there.

Contestants
    danlu:STRATEGY   in the simulated runner, with one worker: what a user runs, but for the training itself
    optuna:tpe       full trainings; optuna:tpe+hyperband, +median, +halving: with that pruner, told of each epoch
    dehb             DEHB with one worker, from one epoch on, η = 3; what it promotes goes on where it was
    naive            a plan for each budget: for half of it random configs are looked at for one epoch, for the other
                     half the best of them are trained to the end
"""

import argparse
import itertools
import json
import math
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from contestants import Optuna, config_of, configuration_space, space_of
from epochs import Ledger, curved, reached_at, shown_at
from judging import Floats, Judged, interval, middle_and_lowest, random_losses, rounded, share
from regret import RESULTS as REGRET
from runs import Parser, Run, add, commands, load, missing, only, seeds_of

RESULTS = Path(__file__).parent / "results" / "fidelity.jsonl"
MARKS = (5, 10, 20, 50)  # full trainings
CLAIM = 10  # of them, in which the target's result at the last mark is to be reached
FLOOR = 1e-3  # smaller regrets count as so much, where logarithms are taken
CONTESTANTS = (
    "optuna:tpe", "optuna:tpe+hyperband", "optuna:tpe+median", "optuna:tpe+halving", "dehb", "naive", "danlu:random",
    "danlu:gp", "danlu:median", "danlu:asha", 'danlu:asha,{"pauses": true}', "danlu:hyperband", "danlu:bohb",
    "danlu:auto",
)  # fmt: skip
FEW = 8  # problems up to which all contestants are told one by one
LEADERS = ("danlu:gp", 'danlu:asha,{"pauses": true}')  # those that are told for more of them
Search = Callable[[Any, int, Ledger], None]
"""Spends a ledger on a problem, with a seed."""


# contestants ----------------------------------------------------------------------------------------------------------


def search_of(name: str) -> Search:
    """The search of a contestant."""
    family, _, kind = name.partition(":")
    match family:
        case "danlu":
            return lambda problem, seed, ledger: _danlu(problem, seed, ledger, kind)
        case "optuna":
            return lambda problem, seed, ledger: _optuna(problem, seed, ledger, *kind.split("+"))
        case "dehb":
            return _dehb
        case "naive":
            return _naive
    raise SystemExit(f"no contestant {name!r}. Known: {', '.join(CONTESTANTS)}.")


def _danlu(problem: Any, seed: int, ledger: Ledger, strategy: str) -> None:
    from danlu.core.runner import Job
    from danlu.core.stopping import Steps
    from danlu.loop import run
    from danlu.runners.simulated import Simulated
    from danlu.stores.memory import Memory
    from danlu.study import Study

    def play(job: Job) -> Iterator[tuple[float, Mapping[str, float]]]:
        config = config_of(problem, job.config)
        for epoch in range(job.step + 1, problem.epochs + 1):
            yield 1.0, {"loss": ledger.epoch(job.trial, config, epoch)}

    name, _, settings = strategy.partition(",")
    form = {"use": name} | (json.loads(settings) if settings else {})
    runner = Simulated(play)
    study = Study(
        space_of(problem), minimize="loss", strategy=form, seed=seed, steps=problem.epochs,
        store=Memory(clock=runner.clock),
    )  # fmt: skip
    run(study, runner, Steps(ledger.budget))


def _optuna(problem: Any, seed: int, ledger: Ledger, sampler: str, pruner: str | None = None) -> None:
    import optuna

    pruners = {
        None: optuna.pruners.NopPruner,
        "hyperband": lambda: optuna.pruners.HyperbandPruner(max_resource=problem.epochs),
        "median": optuna.pruners.MedianPruner,
        "halving": lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=1),
    }
    opponent = Optuna(problem, seed, sampler, pruners[pruner]())
    for number in itertools.takewhile(lambda _: not ledger.is_spent, itertools.count()):
        config = opponent.ask()
        loss, pruned = math.inf, False
        for epoch in range(1, problem.epochs + 1):
            loss = ledger.epoch(number, config, epoch)
            if pruner is not None:
                opponent.trial.report(loss, epoch)
                if pruned := epoch < problem.epochs and opponent.trial.should_prune():
                    break
        if pruned:
            opponent.study.tell(opponent.trial, state=optuna.trial.TrialState.PRUNED)
        else:
            opponent.tell(config, loss)


def _dehb(problem: Any, seed: int, ledger: Ledger) -> None:
    warnings.simplefilter("ignore")  # ConfigSpace says at every call that DEHB uses what it has renamed
    from dehb import DEHB

    with tempfile.TemporaryDirectory() as folder:
        opponent = DEHB(
            f=None, cs=configuration_space(problem, seed), min_fidelity=1, max_fidelity=problem.epochs, n_workers=1,
            seed=seed, output_path=folder, save_freq=None, log_level="ERROR",
        )  # fmt: skip
        while not ledger.is_spent:
            job = opponent.ask()
            config = {
                name: value.item() if isinstance(value, np.generic) else value for name, value in job["config"].items()
            }
            loss = ledger.train(tuple(config.items()), config, max(1, round(float(job["fidelity"]))))
            opponent.tell(job, {"fitness": loss, "cost": job["fidelity"]})


def _naive(problem: Any, seed: int, ledger: Ledger) -> None:
    """The plan of each budget in full trainings in turn, as if it had been the only one."""
    rng = np.random.default_rng(seed)
    configs = [problem.sample(rng) for _ in range(ledger.budget)]
    looks = np.array([ledger.loss(config, 1) for config in configs])
    finals: dict[int, float] = {}
    for budget in range(problem.epochs, ledger.budget + 1, problem.epochs):
        count = max(1, budget // 2 // (problem.epochs - 1))
        best = np.argsort(looks[: budget - count * (problem.epochs - 1)], kind="stable")[:count].tolist()
        finals |= {k: ledger.loss(configs[k], problem.epochs) for k in best if k not in finals}
        ledger.trail.append((budget, min(finals[k] for k in best)))
        ledger.spent, ledger.begun, ledger.ended = budget, budget - count * (problem.epochs - 1), count
    ledger.complete = problem.epochs


# running --------------------------------------------------------------------------------------------------------------


def run_one(problem: Any, contestant: str, seed: int, trainings: int) -> Run:
    """One contestant on one problem."""
    ledger = Ledger(problem, trainings * problem.epochs)
    begin = time.process_time()
    search_of(contestant)(problem, seed, ledger)
    seconds = time.process_time() - begin - ledger.seconds
    return {
        "problem": problem.name,
        "contestant": contestant,
        "seed": seed,
        "epochs": problem.epochs,
        "trail": [(spent, rounded(loss)) for spent, loss in ledger.trail],
        "complete": ledger.complete,
        "begun": ledger.begun,
        "ended": ledger.ended,
        "seconds": rounded(seconds),
    }


def _work(job: tuple[Path, bool, str, str, int, int]) -> Run:
    folder, further, name, contestant, seed, trainings = job
    problem = curved(folder, further)[name]
    if contestant == "baseline":
        found = middle_and_lowest(random_losses(problem))
        return {
            "problem": name,
            "contestant": contestant,
            "seed": 0,
            "shown": {k: rounded(v) for k, v in found.items()},
        }
    return run_one(problem, contestant, seed, trainings)


def run_all(args: argparse.Namespace) -> None:
    """Adds the runs that are missing to the file of results."""
    names = only(curved(args.problems, args.further), args.only)
    wanted = [(name, "baseline", 0) for name in names]
    wanted += [(n, c, s) for s in seeds_of(args) for c in args.contestants for n in names]
    jobs = [(args.problems, args.further, *key, args.trainings) for key in missing(args.output, wanted)]
    add(args.output, _work, jobs, args.processes)


# telling --------------------------------------------------------------------------------------------------------------


class Results(Judged):
    """Regrets of all runs, and the runs by problem, contestant and seed.

    Attributes:
        contestants: with at least as many seeds as asked for, in order of appearance.
        blocks: problem and seed of those searches that all contestants have made.
    """

    def __init__(self, runs: Sequence[Run], elsewhere: Mapping[str, float]) -> None:
        """Of runs, and the lowest loss that is known from elsewhere by problem."""
        self.runs = {(r["problem"], r["contestant"], r["seed"]): r for r in runs if r["contestant"] != "baseline"}
        random = {r["problem"]: dict(r["shown"]) for r in runs if r["contestant"] == "baseline"}
        for problem, summary in random.items():
            summary["lowest"] = min(summary["lowest"], elsewhere.get(problem, math.inf))
        shown = {
            key: {float(mark): shown_at(run["trail"], mark * run["epochs"]) for mark in MARKS}
            for key, run in self.runs.items()
        }
        super().__init__(shown, random, FLOOR)
        keys = [{(p, s) for p, q, s in self.runs if q == c} for c in self.contestants]
        self.blocks = sorted(set.intersection(*keys))

    def ranks(self, mark: float) -> dict[str, Floats]:
        """Contestant -> its rank in each block, 1 the best, ties sharing; shape (blocks,)."""
        table = np.array([[self.regret(p, c, mark)[s] for c in self.contestants] for p, s in self.blocks])
        below = (table[:, None, :] < table[:, :, None]).sum(axis=2)
        equal = (table[:, None, :] == table[:, :, None]).sum(axis=2)
        return dict(zip(self.contestants, (below + (equal + 1) / 2).T, strict=True))

    def reached(self, contestant: str, target: str) -> dict[str, Floats]:
        """Problem -> full trainings until the target's median result at the last mark, by run; infinite if never."""
        found = {}
        for p in self.shared([contestant, target]):
            results = [shown_at(r["trail"], math.inf) for (q, c, _), r in self.runs.items() if (q, c) == (p, target)]
            goal = float(np.median(results))
            ours = [run for (q, c, _), run in self.runs.items() if (q, c) == (p, contestant)]
            found[p] = np.array([reached_at(run["trail"], run["complete"], goal) / run["epochs"] for run in ours])
        return found

    def told(self, contestant: str, what: str) -> float:
        """The median over runs of a number that they keep."""
        return float(np.median([run[what] for (_, c, _), run in self.runs.items() if c == contestant]))

    def p_value(self, one: str, other: str, mark: float) -> float:
        """Two-sided Wilcoxon test, by pairs of the same problem and seed, that two contestants don't differ."""
        from scipy.stats import wilcoxon

        off = np.concatenate([*self.differences(one, other, mark).values()])
        return float(wilcoxon(off).pvalue) if np.any(off) else 1.0


def best_elsewhere() -> dict[str, float]:
    """The lowest loss by problem of `regret.py`, whose runs train to the end each time."""
    found: dict[str, float] = {}
    for run in load(REGRET):
        found[run["problem"]] = min(found.get(run["problem"], math.inf), *run["losses"])
    return found


def tables(results: Results, ours: str, target: str) -> Iterator[str]:
    """The report, line by line, as Markdown."""
    contestants = results.contestants
    last = MARKS[-1]
    ranks = {mark: results.ranks(mark) for mark in MARKS}
    seeds = {c: len({s for _, q, s in results.runs if q == c}) for c in contestants}
    yield f"{len(results.problems)} problems. Mean regret after the epochs of so many full trainings; how many trials"
    yield f"were begun, and how many trained to the end; full trainings until {target}'s median result at {last}"
    yield "(median over all runs, and over problems of the median over seeds), and the share of runs that had it after"
    yield f"{CLAIM}; CPU seconds of a search beside training (medians):"
    yield ""
    yield (
        "| | seeds | "
        + " | ".join(f"regret @{m}" for m in MARKS)
        + f" | begun | ended | trainings to {target}'s {last} | by problems |"
        f" there by {CLAIM} | overhead, s |"
    )
    yield "|---" * (len(MARKS) + 8) + "|"
    for c in sorted(contestants, key=lambda c: results.means(c, last)):
        by_problem = results.reached(c, target)
        reached = np.concatenate([*by_problem.values()])
        cells = [f"{results.means(c, mark):.3f}" for mark in MARKS]
        cells += [f"{results.told(c, what):.0f}" for what in ("begun", "ended")]
        cells += [
            f"{np.median(reached):.1f}",
            f"{np.median([np.median(counts) for counts in by_problem.values()]):.1f}",
            f"{100 * np.mean(reached <= CLAIM):.0f} %",
            f"{results.told(c, 'seconds'):.2g}",
        ]
        yield f"| {c} | {seeds[c]} | " + " | ".join(cells) + " |"
    yield ""
    yield f"Mean rank of {len(contestants)}, over the {len(results.blocks)} pairs of problem and seed that all have run"
    yield "(95 % interval by resampling these):"
    yield ""
    yield "| | " + " | ".join(f"@{m}" for m in MARKS) + " |"
    yield "|---" * (len(MARKS) + 1) + "|"
    for c in sorted(contestants, key=lambda c: float(ranks[last][c].mean())):
        yield f"| {c} | " + " | ".join(_rank(ranks[mark][c]) for mark in MARKS) + " |"
    yield ""
    yield f"Pairs of searches with the same problem and seed that {ours} wins (ties count half; 95 % interval over"
    yield "problems; * p < .05, Wilcoxon's signed-rank test on log regret over all pairs):"
    yield ""
    yield "| against | " + " | ".join(f"@{m}" for m in MARKS) + " |"
    yield "|---" * (len(MARKS) + 1) + "|"
    for c in contestants:
        if c != ours:
            cells = [
                share(results.won_by_seed(ours, c, m)) + (" *" if results.p_value(ours, c, m) < 0.05 else "")
                for m in MARKS
            ]
            yield f"| {c} | " + " | ".join(cells) + " |"
    yield ""
    yield f"Mean regret by problem at {' / '.join(map(str, MARKS))} full trainings, and in brackets how many it took"
    yield f"until {target}'s median result at {last} (median over seeds):"
    yield ""
    told = contestants if len(results.problems) <= FEW else [c for c in contestants if c in (ours, target, *LEADERS)]
    yield "| | " + " | ".join(told) + " |"
    yield "|---" * (len(told) + 1) + "|"
    reached_by = {c: results.reached(c, target) for c in told}
    for p in results.problems:
        cells = [
            " / ".join(f"{results.mean(p, c, m):.3f}" for m in MARKS) + f" ({np.median(reached_by[c][p]):.1f})"
            for c in told
        ]
        yield f"| {p} | " + " | ".join(cells) + " |"


def _rank(values: Floats) -> str:
    low, high = interval(values)
    return f"{values.mean():.1f} [{low:.1f}, {high:.1f}]"


def parser() -> Parser:
    """The command line."""
    made, run, table = commands(__doc__, RESULTS)
    run.add_argument("--contestants", nargs="+", default=list(CONTESTANTS))
    run.add_argument("--further", action="store_true", help="the data sets that the suite leaves out")
    run.add_argument("--trainings", type=int, default=MARKS[-1], help="full trainings that a search may take")
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
    print("\n".join(tables(Results(runs, best_elsewhere()), args.ours, args.target)))


if __name__ == "__main__":
    main()
