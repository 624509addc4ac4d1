"""Whether Danlu keeps its promises of little overhead: every goal, what was measured, and whether it is met.

    python -m pip install -r requirements/benchmark.txt torch
    python benchmarks/goals.py --output benchmarks/results

Measures what `overhead.py`, `latency.py` and `scaling.py` measure, with Optuna and Rustuna in the same run, and judges
it. Writes their results as well, so that all tables in the folder are of one run.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import latency
import overhead
import scaling

CONTESTANTS = ["danlu", "optuna", "rustuna"]


@dataclass(frozen=True)
class Goal:
    """A promise.

    Attributes:
        what: is measured.
        limit: in words.
        most: the limit, in seconds or as a factor.
        found: likewise, by contestant; ours must not exceed the limit.
    """

    what: str
    limit: str
    most: float
    found: dict[str, float]

    @property
    def is_met(self) -> bool:
        return self.found["danlu"] <= self.most


RATIOS = [
    ("tpe", 100, "rustuna", 2.0, "twice Rustuna's"),
    ("tpe", 1_000, "rustuna", 0.5, "half of Rustuna's"),
    ("tpe", 5_000, "rustuna", 0.1, "a tenth of Rustuna's"),
    ("gp", 100, "optuna", 1 / 60, "a sixtieth of GPSampler's"),
]
LIMITS = [("gp", 200, 12e-3), ("gp", 1_000, 40e-3)]


def goals(stores: dict[str, dict[str, list[float]]], asks: latency.Found, growths: dict[str, float]) -> Iterator[Goal]:
    """All goals, judged by what the three benchmarks found."""
    for label, most in overhead.REACH.items():
        found = {who: statistics.median(row[label]) for who, row in stores.items() if label in row}
        yield Goal(label, shown(most), most, found)
    for strategy, n, peer, factor, words in RATIOS:
        found = asks[strategy, n]
        most = factor * found[peer]
        yield Goal(f"{strategy}, ask + tell at {n:,} trials", f"{words}: {shown(most)}", most, found)
    for strategy, n, most in LIMITS:
        yield Goal(f"{strategy}, ask + tell at {n:,} trials", shown(most), most, asks[strategy, n])
    for name, growth in growths.items():
        what = f"{name}, growth from {scaling.FROM:,} to {scaling.SIZES[-1]:,} trials"
        yield Goal(what, f"as the logarithm: x {scaling.ALLOWED:.2f}", scaling.ALLOWED, {"danlu": growth})


def shown(seconds: float) -> str:
    """In the unit that suits."""
    unit, factor = ("µs", 1e6) if seconds < 1e-4 else ("ms", 1e3) if seconds < 1 else ("s", 1.0)
    return f"{factor * seconds:.3g} {unit}"


def table(judged: list[Goal]) -> str:
    """The verdicts as Markdown."""
    lines = ["| goal | at most | " + " | ".join(CONTESTANTS) + " | |", "|---" * (len(CONTESTANTS) + 3) + "|"]
    for goal in judged:
        show = shown if "growth" not in goal.what else "x {:.2f}".format
        cells = [show(goal.found[who]) if who in goal.found else "–" for who in CONTESTANTS]
        lines.append(f"| {goal.what} | {goal.limit} | " + " | ".join(cells) + f" | {_verdict(goal)} |")
    return "\n".join(lines)


def _verdict(goal: Goal) -> str:
    return "met" if goal.is_met else f"**missed** by {100 * (goal.found['danlu'] / goal.most - 1):.0f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--trials", type=int, default=10_000, help="of the study that is opened")
    parser.add_argument("--output", type=Path, help="a folder")
    args = parser.parse_args()
    asks = latency.measure(args.repeats)
    grown = scaling.measure(list(scaling.STRATEGIES), args.repeats)
    stores = overhead.measure(CONTESTANTS, args.repeats, args.trials)
    judged = list(goals(stores, asks, {name: scaling.growth(at) for name, at in grown.items()}))
    met = sum(goal.is_met for goal in judged)
    head = f"# Goals of overhead\n\n`python benchmarks/goals.py --repeats {args.repeats}`\n\n"
    text = f"{head}{met} of {len(judged)} are met; the tables behind them: overhead.md, latency.md, scaling.md.\n\n"
    text += table(judged) + "\n"
    print(text)
    if args.output:
        (args.output / "goals.md").write_text(text)
        (args.output / "latency.md").write_text(latency.report(asks, args.repeats))
        on_rungs = scaling.measure(list(scaling.RUNGS), args.repeats, scaling.rung_seconds)
        scaled = f"{scaling.report(grown, args.repeats)}\n{scaling.report_of_rungs(on_rungs)}"
        (args.output / "scaling.md").write_text(scaled)
        (args.output / "overhead.md").write_text(overhead.report(stores, args.repeats))
        (args.output / "overhead.json").write_text(json.dumps(stores, indent=1) + "\n")


if __name__ == "__main__":
    main()
