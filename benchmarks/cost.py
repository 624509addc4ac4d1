"""What it is worth to know that trials take different times: regret after equal time, cost-aware and not.

    python benchmarks/cost.py run --problems FOLDER --seeds 10
    python benchmarks/cost.py table

FOLDER is that of `regret.py`. Nothing is waited for: the study's store has the clock of a simulation, that a trial sets
forward by its cost. Costs are the training times that YAHPO Gym's surrogates predict beside the loss; of boosting they
are proportional to trees × depth; of the test function they are made up, e^(3 x0) and e^(3 (1 − x0)), a factor of 20
between the bounds: the optimum is cheap in the one, dear in the other. `level` costs the same everywhere, where knowing
costs can only do harm.

A search has 20 times the mean cost of a random config. Its regret is that of the best trial that had ended at a quarter
of the time, half of it, and all of it, normalised as in `regret.py`; 1 if none had ended.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from contestants import Config, config_of, space_of
from judging import Judged, middle_and_lowest, share
from runs import Parser, Run, add, commands, load, missing, only, seeds_of
from suites import problems_of

from danlu import Study
from danlu.stores.memory import Memory

MARKS = (0.25, 0.5, 1.0)
TRIALS = 20  # mean costs of a random config that a search may take
MOST = 200  # trials, where a search finds very cheap configs
RESULTS = Path(__file__).parent / "results" / "cost.jsonl"
CONTESTANTS = ("gp", "gp cost-aware", "tpe", "random")

Cost = Callable[[Config], float]
_TIMES = {"lcbench": 0, "rbv2_xgboost": 6}  # which output of a surrogate is the training time


class _Watched:
    """A surrogate whose last outputs are kept: one evaluation gives the loss and the time."""

    def __init__(self, session: Any) -> None:
        self.session, self.last = session, np.empty(0)

    def run(self, *args: Any) -> Any:
        outputs = self.session.run(*args)
        self.last = outputs[0][0]
        return outputs


def costed(folder: Path) -> dict[str, tuple[Any, Cost]]:
    """Problems with the cost of a config, by name."""
    suite = problems_of(folder)
    module = sys.modules["problems"]
    found: dict[str, tuple[Any, Cost]] = {
        "hartmann6-cheap": (suite["hartmann6"], lambda c: math.exp(3.0 * c["x0"])),
        "hartmann6-dear": (suite["hartmann6"], lambda c: math.exp(3.0 * (1.0 - c["x0"]))),
        "hartmann6-level": (suite["hartmann6"], lambda c: 1.0),
        "boosting-diabetes": (suite["boosting-diabetes"], lambda c: 0.1 + 0.01 * c["trees"] * c["depth"]),
    }
    for scenario, make, tasks in (
        ("lcbench", module.lcbench, ("3945", "167104", "189862")),
        ("rbv2_xgboost", module.xgboost, ("40981", "12", "1067")),
    ):
        for task in tasks:
            problem, cost = _surrogate(module, scenario, make, task)
            found[problem.name] = problem, cost
    return found


def _surrogate(module: Any, scenario: str, make: Any, task: str) -> tuple[Any, Cost]:
    session, encoding = module._surrogate(scenario)
    watched, original = _Watched(session), module._surrogate
    module._surrogate = lambda name: (watched, encoding)
    problem = make(task)
    module._surrogate = original

    def cost(config: Config) -> float:
        problem.evaluate(config)
        return max(float(watched.last[_TIMES[scenario]]), 0.1)

    return problem, cost


def random_configs(problem: Any, cost: Cost, count: int = 300) -> dict[str, list[float]]:
    """Losses and costs of random configs."""
    rng = np.random.default_rng(12345)
    configs = [problem.sample(rng) for _ in range(count)]
    losses = [problem.evaluate(config, seed=k) for k, config in enumerate(configs)]
    return {"losses": losses, "costs": [cost(config) for config in configs]}


def search(problem: Any, cost: Cost, contestant: str, seed: int, time: float) -> Run:
    """Losses of a search, and when each trial had ended."""
    name, _, aware = contestant.partition(" ")
    form = {"use": name} | ({"time": time} if aware else {})
    clock = [0.0]
    store = Memory(clock=lambda: clock[0])
    study = Study(space_of(problem), minimize="loss", strategy=form, seed=seed, store=store)
    losses: list[float] = []
    ends: list[float] = []
    while clock[0] < time and len(losses) < MOST and (trial := study.ask()) is not None:
        config = config_of(problem, trial.config)
        loss = problem.evaluate(config, seed=10_000 * (seed + 1) + trial.number)
        clock[0] += cost(config)
        study.tell(trial, loss=loss)
        losses.append(loss)
        ends.append(clock[0])
    return {"problem": "", "contestant": contestant, "seed": seed, "losses": losses, "ends": ends, "time": time}


def _work(job: tuple[Path, str, str, int, float]) -> Run:
    folder, name, contestant, seed, time = job
    problem, cost = costed(folder)[name]
    if contestant == "baseline":
        return {"problem": name, "contestant": contestant, "seed": 0, **random_configs(problem, cost)}
    return {**search(problem, cost, contestant, seed, time), "problem": name}


def run_all(args: argparse.Namespace) -> None:
    """Adds the runs that are missing to the file of results."""
    names = only(costed(args.problems), args.only)
    firsts = missing(args.output, [(name, "baseline", 0) for name in names])
    add(args.output, _work, [(args.problems, *key, 0.0) for key in firsts], args.processes)
    time = {r["problem"]: TRIALS * float(np.mean(r["costs"])) for r in load(args.output) if "costs" in r}
    wanted = [(n, c, s) for s in seeds_of(args) for c in args.contestants for n in names]
    jobs = [(args.problems, *key, time[key[0]]) for key in missing(args.output, wanted)]
    add(args.output, _work, jobs, args.processes)


# telling --------------------------------------------------------------------------------------------------------------


def judged(runs: list[Run]) -> Judged:
    """The regrets of all runs."""
    random = {r["problem"]: middle_and_lowest(r["losses"]) for r in runs if r["contestant"] == "baseline"}
    return Judged({(r["problem"], r["contestant"], r["seed"]): _best(r) for r in runs if "ends" in r}, random)


def _best(run: Run) -> dict[float, float]:
    """The lowest loss of the trials that had ended after a share of the time; infinite if none had."""
    ended = [*zip(run["losses"], run["ends"], strict=True)]
    marks = (
        *MARKS,
        math.inf,
    )  # the last trial may end later: no search is judged by it, but it says how low a loss can be
    return {m: min((loss for loss, end in ended if end <= m * run["time"]), default=math.inf) for m in marks}


def tables(runs: list[Run], ours: str) -> Iterator[str]:
    """The report, line by line, as Markdown."""
    results = judged(runs)
    problems, contestants = results.problems, results.contestants
    costs = {run["problem"]: run["costs"] for run in runs if "costs" in run}
    seeds = len(results.regret(problems[0], contestants[0], MARKS[0]))
    yield f"Mean regret over {len(problems)} problems and {seeds} seeds after shares of the time; pairs of runs with"
    yield f"the same problem and seed in which {ours} is better (ties count half; 95 % interval over problems)."
    yield ""
    yield "| | " + " | ".join(f"regret at {m:g}" for m in MARKS) + " | "
    yield "|---" * (1 + len(MARKS)) + "|"
    for c in contestants:
        yield f"| {c} | " + " | ".join(f"{results.means(c, mark):.3f}" for mark in MARKS) + " |"
    yield ""
    yield f"| {ours} against | " + " | ".join(f"at {m:g}" for m in MARKS) + " | "
    yield "|---" * (1 + len(MARKS)) + "|"
    for c in contestants:
        if c != ours:
            yield f"| {c} | " + " | ".join(share(results.won_by_seed(ours, c, mark)) for mark in MARKS) + " |"
    yield ""
    yield f"Mean regret by problem at {' / '.join(f'{m:g}' for m in MARKS)} of the time, and how many trials had ended;"
    yield "sd: standard deviation of ln cost of random configs:"
    yield ""
    yield "| problem | sd | " + " | ".join(contestants) + " |"
    yield "|---" * (2 + len(contestants)) + "|"
    for p in problems:
        cells = [f"{np.log(costs[p]).std():.2f}"]
        for c in contestants:
            count = np.mean([len(r["losses"]) for r in runs if r["problem"] == p and r["contestant"] == c])
            cells.append(" / ".join(f"{results.mean(p, c, mark):.3f}" for mark in MARKS) + f" ({count:.0f})")
        yield f"| {p} | " + " | ".join(cells) + " |"


def parser() -> Parser:
    """The command line."""
    made, run, table = commands(__doc__, RESULTS)
    run.add_argument("--contestants", nargs="+", default=list(CONTESTANTS))
    table.add_argument("--ours", default="gp cost-aware")
    return made


def main() -> None:
    args = parser().parse_args()
    if args.command == "run":
        run_all(args)
    else:
        print("\n".join(tables(load(args.output), args.ours)))


if __name__ == "__main__":
    main()
