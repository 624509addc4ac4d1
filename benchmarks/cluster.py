"""A cluster, simulated: how busy 1 to 1,000 workers are kept, some slow and some that die, and what comes of it.

    python benchmarks/cluster.py run --problems FOLDER
    python benchmarks/cluster.py table

FOLDER is that of `regret.py`. An epoch of a learning curve (see `fidelity.py`) takes 60 seconds, so a full training 52
minutes. Of all attempts one in twenty is on a straggler, ten times as slow, and a worker dies in one of a thousand
epochs; the trial then begins again. Steady clusters have neither. The configs are random ones, so that what is compared
is when trials stop and go on: a model of them is judged in `fidelity.py`.

    asha          stops what is not among the best third of its rung
    asha+pauses   pauses it; it goes on when it comes to be
    sha           in rounds of 81 trials, three to a worker if that is more: who goes on is known when all are there
    curves        one model of all curves; its configs are its own

The study is cut when its time is up, whatever is running. `run` adds to a file of results, one line a run, and passes
over what is there. A worker is busy from the moment that it is given a job to its end.
"""

import argparse
import contextlib
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from contestants import Config, config_of, space_of
from epochs import curved
from judging import rounded
from runs import Parser, Run, add, commands, load, missing, only, seeds_of

from danlu.core.history import History
from danlu.core.runner import Job
from danlu.core.stopping import Trials
from danlu.loop import run
from danlu.runners.simulated import Faults, Simulated
from danlu.stores.memory import Memory
from danlu.study import Study

RESULTS = Path(__file__).parent / "results" / "cluster.jsonl"
EPOCH = 60.0  # seconds
SLOW, FACTOR, DEATH = 0.05, 10.0, 0.001
ROUND = 81  # trials: as many as leave one of them for the last rung
HOURS = {1: 168.0, 10: 12.0, 100: 3.0, 1000: 2.0}
"""How long clusters of so many workers run."""
MARKS = (1, 3, 12, 24, 168)  # hours
STRATEGIES = ("asha", "asha+pauses", "sha", "curves")


# running --------------------------------------------------------------------------------------------------------------


class Over(Exception):
    """The cluster's time is up."""


class Gauge:
    """Watches a cluster.

    Attributes:
        busy: seconds that workers had a job, in all.
        first: when the first training came to its end; infinite before.
        best: the lowest final loss at each mark, in hours; infinite where there was none.
    """

    def __init__(self, runner: Simulated, hours: float) -> None:
        self.runner, self.end = runner, 3600.0 * hours
        self.busy, self.first, self.lowest = 0.0, math.inf, math.inf
        self.best = {mark: math.inf for mark in MARKS if mark <= hours}
        self._at, self._jobs = 0.0, 0

    def __call__(self, history: History) -> None:
        now = self.runner.clock()
        self.busy += self._jobs * (min(now, self.end) - self._at)
        self.best |= {mark: self.lowest for mark in self.best if self._at <= 3600.0 * mark < now}
        if now > self.end:
            raise Over
        if history.best is not None:
            self.first, self.lowest = min(self.first, now), history.best.loss
        self._at, self._jobs = now, self.runner.workers - self.runner.free()


def form_of(strategy: str, workers: int) -> dict[str, Any]:
    """The plain form of a strategy."""
    name, _, pauses = strategy.partition("+")
    random = {"inner": {"use": "random"}}
    match name:
        case "curves":
            return {"use": name}
        case "sha":
            return {"use": name, "size": max(ROUND, 3 * workers), **random}
    return {"use": name, "pauses": bool(pauses), **random}


def run_one(problem: Any, contestant: str, seed: int, hours: float | None) -> Run:
    """One simulated cluster; `contestant` is "asha@100 steady", say."""
    strategy, workers, kind = contestant.replace("@", " ").split()
    training = 0.0
    waits: list[float] = []

    def play(job: Job) -> Iterator[tuple[float, Mapping[str, float]]]:
        trial = study.trials[job.trial]
        if job.step and not trial.lost:
            waits.append(runner.clock() - (trial.started or 0.0) - float(trial.curve.elapsed[-1]))
        return epochs(config_of(problem, job.config), job.step)

    def epochs(config: Config, done: int) -> Iterator[tuple[float, Mapping[str, float]]]:
        nonlocal training
        for epoch in range(done + 1, problem.epochs + 1):
            begin = time.process_time()
            loss = problem.evaluate(config, epoch=epoch)
            training += time.process_time() - begin
            yield EPOCH, {"loss": loss}

    faults = Faults(SLOW, FACTOR, DEATH, seed) if kind == "faulty" else None
    runner = Simulated(play, int(workers), faults)
    gauge = Gauge(runner, hours or HOURS[int(workers)])
    study = Study(
        space_of(problem), minimize="loss", strategy=form_of(strategy, int(workers)), seed=seed, steps=problem.epochs,
        store=Memory(clock=runner.clock),
    )  # fmt: skip
    begin = time.process_time()
    with contextlib.suppress(Over):
        run(study, runner, Trials(sys.maxsize), gauge)
    return {
        "problem": problem.name,
        "contestant": contestant,
        "seed": seed,
        "hours": gauge.end / 3600.0,
        "trials": len(study.trials),
        "complete": study.history.count("complete"),
        "failed": study.history.count("failed"),
        "epochs": study.history.steps_done,
        "busy": rounded(gauge.busy / (runner.workers * gauge.end)),
        "first": rounded(gauge.first / 3600.0) if math.isfinite(gauge.first) else None,
        "wait": rounded(float(np.median(waits)) / 60.0) if waits else None,
        "longest": rounded(max(waits) / 60.0) if waits else None,
        "best": {str(m): rounded(v) if math.isfinite(v) else None for m, v in gauge.best.items()},
        "seconds": rounded(time.process_time() - begin - training),
        "training": rounded(training),
    }


def _work(job: tuple[Path, str, str, int, float | None]) -> Run:
    folder, name, contestant, seed, hours = job
    return run_one(curved(folder)[name], contestant, seed, hours)


def run_all(args: argparse.Namespace) -> None:
    """Adds the runs that are missing to the file of results."""
    names = only(curved(args.problems), args.only)
    contestants = [f"{s}@{w} {kind}" for w in args.workers for s in args.strategies for kind in args.kinds]
    wanted = [(n, c, s) for s in seeds_of(args) for c in contestants for n in names]
    add(args.output, _work, [(args.problems, *key, args.hours) for key in missing(args.output, wanted)], args.processes)


# telling --------------------------------------------------------------------------------------------------------------


def tables(runs: Sequence[Run]) -> Iterator[str]:
    """The report, line by line, as Markdown."""
    problems = list(dict.fromkeys(r["problem"] for r in runs))
    yield "Means over seeds, but medians of the first full training, of waits and of the lowest loss. Rates are for"
    yield "each worker; busy is the share of workers' time; a wait is how long a trial was paused that went on (median,"
    yield "and the longest of a run); CPU seconds are those of the simulation, and of what stands for training."
    for problem in problems:
        yield ""
        yield f"## {problem}"
        for kind, what in (("steady", "Steady"), ("faulty", "With stragglers and deaths")):
            rows = [r for r in runs if r["problem"] == problem and r["contestant"].endswith(f" {kind}")]
            if rows:
                yield ""
                yield f"{what}:"
                yield ""
                yield from _table(rows)


def _table(runs: Sequence[Run]) -> Iterator[str]:
    marks = [m for m in MARKS if any(str(m) in r["best"] for r in runs)]
    yield (
        "| workers | strategy | seeds | hours | busy | trials / h | full trainings / h | epochs / h |"
        " first one after, h | wait, min | longest | "
        + " | ".join(f"lowest at {m} h" for m in marks)
        + " | CPU s | training s |"
    )
    yield "|---" * (13 + len(marks)) + "|"
    groups: dict[tuple[int, str], list[Run]] = {}
    for found in runs:
        strategy, workers = found["contestant"].split()[0].split("@")
        groups.setdefault((int(workers), strategy), []).append(found)
    for (workers, strategy), group in sorted(groups.items(), key=lambda item: item[0][0]):
        worked = [r["hours"] * workers for r in group]

        def rate(what: str, worked: Sequence[float] = worked, group: Sequence[Run] = group) -> str:
            return f"{np.mean([r[what] / w for r, w in zip(group, worked, strict=True)]):.3g}"

        cells = [str(workers), strategy, str(len(group)), f"{group[0]['hours']:g}"]
        cells += [
            f"{100 * np.mean([r['busy'] for r in group]):.1f} %",
            rate("trials"),
            rate("complete"),
            rate("epochs"),
        ]
        cells += [_middle([r["first"] for r in group])]
        cells += [_middle([r["wait"] for r in group]), _middle([r["longest"] for r in group])]
        cells += [_middle([r["best"].get(str(m)) for r in group]) for m in marks]
        cells += [f"{np.mean([r[what] for r in group]):.3g}" for what in ("seconds", "training")]
        yield "| " + " | ".join(cells) + " |"


def _middle(values: Sequence[float | None]) -> str:
    """The median; a dash where half of them are missing."""
    middle = float(np.median([math.inf if value is None else value for value in values]))
    return f"{middle:.3g}" if math.isfinite(middle) else "–"


def parser() -> Parser:
    """The command line."""
    made, run, _ = commands(__doc__, RESULTS, seeds=3)
    run.set_defaults(only=["126026"])
    run.add_argument("--strategies", nargs="+", default=list(STRATEGIES))
    run.add_argument("--workers", nargs="+", type=int, default=list(HOURS))
    run.add_argument("--kinds", nargs="+", default=["faulty", "steady"])
    run.add_argument("--hours", type=float, help="simulated hours, instead of those for each number of workers")
    return made


def main() -> None:
    args = parser().parse_args()
    if args.command == "run":
        run_all(args)
    else:
        print("\n".join(tables(load(args.output))))


if __name__ == "__main__":
    main()
