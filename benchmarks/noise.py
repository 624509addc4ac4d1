"""What handling noise is worth: the loss of the config that a study ends with, trained anew with seeds nobody has seen.

    python benchmarks/regret.py run --problems benchmarks/trainings --output benchmarks/results/trainings.jsonl \\
        --contestants danlu:gp 'danlu:gp,{"repeats": false}' optuna:tpe danlu:random --seeds 3
    python benchmarks/noise.py

The problems are those of `trainings/`; some were set aside before the first run, and no choice was made by them. A
contestant of ours is judged by what it recommends; the same runs also tell what the config with the lowest loss and the
one with the lowest posterior mean were worth. Differences are of runs of the same problem and seed, and their intervals
are over problems. Regret is normalised as in `regret.py`.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from judging import MARKS, interval
from regret import Results
from runs import Run, load
from suites import problems_of

HERE = Path(__file__).parent
WAYS = ("anew by lowest loss", "anew by mean")


def with_ways(runs: Sequence[Run]) -> list[Run]:
    """The runs, and beside those of ours what other ways of choosing would have shown, where that is another config."""
    differing = {(r["contestant"], way) for r in runs for way in WAYS if way in r and r[way] != r["anew"]}
    others = [
        run | {"contestant": f"{run['contestant']}, {way.removeprefix('anew ')}", "anew": run[way]}
        for run in runs
        for way in WAYS
        if (run["contestant"], way) in differing
    ]
    return [*runs, *others]


def table(results: Results, problems: Sequence[str], reference: str) -> Iterator[str]:
    """Mean regret, and how it differs from the reference's, line by line as Markdown."""
    yield (
        "| | "
        + " | ".join(f"regret @{m}" for m in MARKS)
        + " | "
        + " | ".join(f"difference @{m}" for m in MARKS)
        + " | runs |"
    )
    yield "|---" * (2 * len(MARKS) + 2) + "|"
    rows = []
    for contestant in results.contestants:
        means, differences, count = [], [], 0
        for mark in MARKS:
            by_problem, paired, count = [], [], 0
            for problem in problems:
                ours = results.regret(problem, contestant, mark)
                theirs = results.regret(problem, reference, mark)
                both = ours.keys() & theirs.keys()
                count += len(both)
                if both:
                    by_problem.append(np.mean([ours[seed] for seed in both]))
                    paired.append(np.mean([ours[seed] - theirs[seed] for seed in both]))
            if not paired:
                break
            low, high = interval(np.array(paired))
            means.append(float(np.mean(by_problem)))
            differences.append(f"{np.mean(paired):+.3f} [{low:+.3f}, {high:+.3f}]")
        if len(means) == len(MARKS):
            rows.append((means, contestant, differences, count))
    for means, contestant, differences, count in sorted(rows, key=lambda row: row[0][-1]):
        cells = [*(f"{v:.3f}" for v in means), *(differences if contestant != reference else ["" for _ in MARKS])]
        yield f"| {contestant} | " + " | ".join(cells) + f" | {count} |"


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--problems", type=Path, default=HERE / "trainings")
    made.add_argument("--output", type=Path, default=HERE / "results" / "trainings.jsonl", help="file of results")
    made.add_argument("--reference", default='danlu:gp,{"repeats": false}', help="what the others are compared with")
    args = made.parse_args()
    results = Results(with_ways(load(args.output)))
    problems_of(args.problems)
    set_aside = sys.modules["problems"].SET_ASIDE
    aside = [p for p in results.problems if p in set_aside]
    others = [p for p in results.problems if p not in set_aside]
    for title, problems in (("Set aside", aside), ("Others", others), ("All", [*aside, *others])):
        print(f"{title}, {len(problems)} problems:\n")
        print("\n".join(table(results, problems, args.reference)) + "\n")


if __name__ == "__main__":
    main()
