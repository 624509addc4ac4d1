"""What a schedule is worth: population based training of a small network, beside the best constant learning rates.

    python benchmarks/population.py run --seeds 20
    python benchmarks/population.py table

A perceptron of two layers learns 600 of scikit-learn's digits by SGD with momentum, in 40 epochs of small batches whose
pixels are jittered anew each time, so that a large rate learns soon and only a small one settles. The learning rate is
searched, from 1e-4 to 1. Every contestant has the same number of epochs in all, those of 16 full trainings: `random`,
`grid` and `gp` train 16 constant rates to the end; `pbt` and `pb2` train a population of 16 once. `cosine` is no rival
but a measure: random search for the first rate of a schedule that somebody knew beforehand.

A seed draws the split, the initial weights and the search. Searches see the loss of 500 validation rows; what they find
is judged by the loss and the error of 697 other rows, which no search has seen:

`found`    the network that the search chose, the last epoch of the best trial by its validation loss
`again`    what it found, trained from new initial weights five times on the same rows: a constant config as such, a
           schedule from its first segment to its last, by the strategy `schedule`
"""

import argparse
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
from runs import Parser, Run, add, load, missing

from danlu import Decision, Float, Space, Study, Trial, tune
from danlu.core.lineage import Segment, strategy_form
from danlu.core.stopping import Never
from danlu.loop import run
from danlu.runners.inline import Inline

RESULTS = Path(__file__).parent / "results" / "population.jsonl"
EPOCHS, POPULATION = 40, 16
REPEATS = 5
SPACE = Space({"lr": Float(1e-4, 1.0, log=True)})
CONTESTANTS: dict[str, dict[str, Any]] = {
    "pbt": {"use": "pbt", "population": POPULATION, "inner": {"use": "random"}},
    "pb2": {"use": "pb2", "population": POPULATION, "inner": {"use": "random"}},
    "random": {"use": "random"},
    "grid": {"use": "grid", "levels": POPULATION},
    "gp": {"use": "gp"},
    "cosine": {"use": "random"},
}
_BATCH, _WIDTH, _MOMENTUM, _JITTER = 16, 64, 0.9, 0.3
_WORST = 20.0  # of a loss: a network that is sure and wrong is not infinitely bad
Arrays = tuple[NDArray[np.float32], NDArray[np.int64]]


@lru_cache(maxsize=4)
def rows_of(seed: int) -> dict[str, Arrays]:
    """Rows for training, for validation and for judging."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(y))
    X = ((X / 16.0 - 0.5)[order]).astype(np.float32)
    y = y[order].astype(np.int64)
    cuts = {"train": slice(0, 600), "valid": slice(600, 1100), "judge": slice(1100, 1797)}
    return {name: (X[cut], y[cut]) for name, cut in cuts.items()}


class Training:
    """A training function on one seed's rows; it also reports its loss and error on the judges' rows.

    Attributes:
        seed: of the rows.
        first: of the initial weights, beside the trial's own.
        decays: whether the learning rate falls to 0 along a cosine, known beforehand.
    """

    def __init__(self, seed: int, first: int, decays: bool = False) -> None:
        self.seed, self.first, self.decays = seed, first, decays

    def __call__(self, trial: Trial, config: Mapping[str, Any]) -> None:
        import torch

        torch.set_num_threads(1)
        rows = {name: (torch.from_numpy(X), torch.from_numpy(y)) for name, (X, y) in rows_of(self.seed).items()}
        generator = torch.Generator().manual_seed(1_000_003 * self.first + trial.seed)
        model = torch.nn.Sequential(torch.nn.Linear(64, _WIDTH), torch.nn.ReLU(), torch.nn.Linear(_WIDTH, 10))
        for parameter in model.parameters():
            bound = 1.0 / math.sqrt(parameter.shape[-1])
            torch.nn.init.uniform_(parameter, -bound, bound, generator=generator)
        optimizer = torch.optim.SGD(model.parameters(), lr=config["lr"], momentum=_MOMENTUM)
        if (state := trial.load()) is not None:
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
        X, y = rows["train"]
        for epoch in trial.steps(EPOCHS):
            share = (1.0 + math.cos(math.pi * (epoch - 1) / EPOCHS)) / 2.0 if self.decays else 1.0
            for group in optimizer.param_groups:  # the state has that of the parent
                group["lr"] = share * config["lr"]
            order = torch.randperm(len(y), generator=generator)
            for batch in order.split(_BATCH):
                optimizer.zero_grad(set_to_none=True)
                seen = X[batch] + _JITTER * torch.randn((len(batch), 64), generator=generator)
                torch.nn.functional.cross_entropy(model(seen), y[batch]).backward()
                optimizer.step()
            loss, error = _measured(model, *rows["valid"])
            judged, judged_error = _measured(model, *rows["judge"])
            decision = trial.report(epoch, loss=loss, error=error, judged=judged, judged_error=judged_error)
            if decision is Decision.PAUSE:
                trial.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()})


def _measured(model: Any, X: Any, y: Any) -> tuple[float, float]:
    """Mean log loss and error."""
    import torch

    with torch.no_grad():
        out = model(X)
        loss = float(torch.nn.functional.cross_entropy(out, y))
        error = float((out.argmax(dim=1) != y).float().mean())
    return (min(loss, _WORST) if math.isfinite(loss) else _WORST), error


def search(contestant: str, seed: int) -> Run:
    """What a search found, and what it is worth."""
    name, _, settings = contestant.partition(" ")
    form = CONTESTANTS[name] | dict(_setting(text) for text in settings.split())
    is_population = name in ("pbt", "pb2")
    trials = None if is_population else POPULATION
    decays = name == "cosine"
    study = tune(
        Training(seed, 0, decays), minimize="loss", space=SPACE, strategy=form, steps=EPOCHS, seed=seed, trials=trials,
        progress=False,
    )  # fmt: skip
    best = study.best
    segments = study.schedule()
    again = trained_again(segments, seed, decays)
    return {
        "problem": "digits", "contestant": contestant, "seed": seed, "epochs": study.history.steps_done,
        "trials": len(study.trials), "loss": _rounded(best.metrics["loss"]),
        "found": [_rounded(best.metrics["judged"]), _rounded(best.metrics["judged_error"])],
        "again": again, "segments": strategy_form(segments)["segments"],
    }  # fmt: skip


def trained_again(segments: Sequence[Segment], seed: int, decays: bool) -> list[list[float]]:
    """Loss and error on the judges' rows of the same schedule from new initial weights."""
    study = Study(SPACE, minimize="loss", strategy=strategy_form(segments, REPEATS), steps=EPOCHS, seed=90_000 + seed)
    run(study, Inline(Training(seed, 1, decays), "loss"), Never())
    return [[_rounded(t.metrics["judged"]), _rounded(t.metrics["judged_error"])] for t in study.history.completed]


def _setting(text: str) -> tuple[str, float | int]:
    key, _, value = text.partition("=")
    return key, float(value) if "." in value else int(value)


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")


def _work(job: tuple[str, str, int]) -> Run:
    return search(job[1], job[2])


def run_all(args: argparse.Namespace) -> None:
    """Adds the runs that are missing to the file of results."""
    seeds = range(args.first, args.first + args.seeds)
    wanted = [("digits", contestant, seed) for seed in seeds for contestant in args.contestants]
    add(args.output, _work, missing(args.output, wanted), args.processes)


# telling --------------------------------------------------------------------------------------------------------------


def values(runs: list[Run], contestant: str, what: str, k: int) -> dict[int, float]:
    """Seed -> loss (k 0) or error (k 1), of what was `found` or of what was trained `again`, then the mean of them."""
    mine = {run["seed"]: run[what] for run in runs if run["contestant"] == contestant}
    return {seed: float(np.mean([pair[k] for pair in v]) if what == "again" else v[k]) for seed, v in mine.items()}


def paired(one: Mapping[int, float], other: Mapping[int, float]) -> tuple[float, float, float, float]:
    """Mean of the differences seed by seed, its 95 % interval by resampling seeds, and the share that is lower."""
    common = sorted(one.keys() & other.keys())
    apart = np.array([one[s] - other[s] for s in common])
    rng = np.random.default_rng(0)
    means = apart[rng.integers(0, len(apart), (10_000, len(apart)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(apart.mean()), float(low), float(high), float(((apart < 0) + 0.5 * (apart == 0)).mean())


def tables(runs: list[Run], ours: list[str], baselines: list[str]) -> Iterator[str]:
    """The report, line by line, as Markdown."""
    contestants = list(dict.fromkeys(run["contestant"] for run in runs))
    yield "| | seeds | epochs | validation loss | found: loss | error | again: loss | error |"
    yield "|---" * 8 + "|"
    for c in contestants:
        mine = [run for run in runs if run["contestant"] == c]
        cells = [
            f"{len(mine)}",
            f"{np.mean([r['epochs'] for r in mine]):.0f}",
            f"{np.mean([r['loss'] for r in mine]):.4f}",
        ]
        for what in ("found", "again"):
            cells.append(f"{np.mean([*values(runs, c, what, 0).values()]):.4f}")
            cells.append(f"{100 * np.mean([*values(runs, c, what, 1).values()]):.2f} %")
        yield f"| {c} | " + " | ".join(cells) + " |"
    yield ""
    yield "Loss on the judges' rows minus that of the other with the same seed: mean, 95 % interval over seeds, share"
    yield "of the pairs in which it is lower:"
    yield ""
    yield "| | against | found | again |"
    yield "|---" * 4 + "|"
    for c in (c for c in contestants if any(c == o or c.startswith(o + " ") for o in ours)):
        for other in (b for b in baselines if b in contestants):
            cells = []
            for what in ("found", "again"):
                mean, low, high, share = paired(values(runs, c, what, 0), values(runs, other, what, 0))
                cells.append(f"{mean:+.4f} [{low:+.4f}, {high:+.4f}], {100 * share:.0f} %")
            yield f"| {c} | {other} | " + " | ".join(cells) + " |"


def parser() -> Parser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found = made.add_subparsers(dest="command", required=True)
    more = found.add_parser("run", help="run what is missing")
    more.add_argument(
        "--contestants",
        nargs="*",
        default=list(CONTESTANTS),
        help="perhaps with settings: 'pbt interval=2 quantile=0.5'",
    )
    more.add_argument("--seeds", type=int, default=20)
    more.add_argument("--first", type=int, default=0, help="first seed")
    more.add_argument("--processes", type=int, default=1)
    table = found.add_parser("table", help="tell what came out")
    for command in (more, table):
        command.add_argument("--output", type=Path, default=RESULTS, help="file of results")
    return made


def main() -> None:
    args = parser().parse_args()
    if args.command == "run":
        run_all(args)
    else:
        print("\n".join(tables(load(args.output), ["pbt", "pb2"], ["random", "grid", "gp", "cosine"])))


if __name__ == "__main__":
    main()
