"""Whether the cost of a trial grows with the number of trials: ask + tell at 100 to 20,000, for every strategy.

    python benchmarks/scaling.py --output benchmarks/results/scaling.md

The space is that of `overhead.py`, ten hyperparameters, with one objective, in memory, on one core. The strategy makes
all trials itself, but for `gp` and those that ask it, which find random trials there. A figure is the median over the
repeats of the median over groups of four trials, for `auto` asks its model at every fourth; the first group, which may
read what is there, is left out. The verdict: from 1,000 trials to 20,000 a cost may grow as their logarithm, by a
factor of 1.43.
"""

import argparse
import math
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from latency import LOSS
from overhead import DANLU, ONE_THREAD

SIZES = (100, 1_000, 5_000, 20_000)
FROM = 1_000  # the model is full, all windows are
ALLOWED = math.log(SIZES[-1]) / math.log(FROM)
GROUPS, GROUP = 15, 4

CHEAP = '[{"use": "random"}, {"use": "sobol"}]'
STRATEGIES = {
    "auto": '"auto"',
    "cmaes": '"cmaes"',
    "gp": '"gp"',
    "grid": '{"use": "grid", "levels": 3}',
    "inorder (random)": '{"use": "inorder", "inner": {"use": "random"}}',
    "inorder (tpe)": '{"use": "inorder", "inner": {"use": "tpe"}}',
    "manual (queue)": '"manual"',
    "mixture (random, sobol)": f'{{"use": "mixture", "parts": {CHEAP}}}',
    "nsga2": '"nsga2"',
    "random": '"random"',
    "sequence (random, sobol)": f'{{"use": "sequence", "parts": {CHEAP}, "trials": [50]}}',
    "sobol": '"sobol"',
    "tpe": '"tpe"',
}
DEAR = ("auto", "gp")
"""Those that a random search makes the trials for."""

SCRIPT = """
from statistics import median
from danlu.stores.memory import Memory
store = Memory()
def opened(strategy): return Study(SPACE, minimize="loss", strategy=strategy, store=store)
def one():
    {queue}
    trial = s.ask()
    s.tell(trial, loss=loss(trial.config))
s = opened({filler})
for n in {sizes}:
    while len(s.trials) < n: one()
    filling, s = s, opened({strategy})
    groups = []
    for _ in range({groups} + 1):
        begin = time.perf_counter()
        for _ in range({group}): one()
        groups.append((time.perf_counter() - begin) / {group})
    print(median(groups[1:]))
    s = opened({filler})
"""

QUEUED = 's.queue({"a": len(s.trials) / 1e6})'


def seconds(name: str) -> list[float]:
    """Seconds of an ask and a tell at each size, in a process of its own."""
    strategy = STRATEGIES[name]
    filler = '"random"' if name in DEAR else strategy
    queue = QUEUED if "queue" in name else ""
    body = SCRIPT.format(filler=filler, strategy=strategy, sizes=SIZES, groups=GROUPS, group=GROUP, queue=queue)
    done = subprocess.run(
        [sys.executable, "-c", DANLU + LOSS + body], stdout=subprocess.PIPE, text=True, check=True,
        env=os.environ | ONE_THREAD,
    )  # fmt: skip
    return [float(line) for line in done.stdout.split()]


def growth(at: list[float]) -> float:
    """By which factor the cost grows from 1,000 trials to 20,000."""
    return at[-1] / at[SIZES.index(FROM)]


def measure(names: list[str], repeats: int) -> dict[str, list[float]]:
    """name -> median seconds at each size; repeats in turn, so that a noisy machine disturbs all alike."""
    found: dict[str, list[list[float]]] = {name: [] for name in names}
    for repeat in range(repeats):
        for name in names:
            found[name].append(seconds(name))
            print(f"repeat {repeat + 1} of {repeats}: {name} {found[name][-1]}", file=sys.stderr)
    return {name: [statistics.median(at) for at in zip(*runs, strict=True)] for name, runs in found.items()}


def table(found: dict[str, list[float]]) -> str:
    """The results as Markdown."""
    lines = ["| | " + " | ".join(f"{n:,}" for n in SIZES) + f" | {FROM:,} to {SIZES[-1]:,} | verdict |"]
    lines.append("|---" * (len(SIZES) + 3) + "|")
    for name, at in found.items():
        verdict = "does not grow" if growth(at) <= ALLOWED else "**grows**"
        cells = [f"{1e3 * took:.3g} ms" for took in at]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | x {growth(at):.2f} | {verdict} |")
    return "\n".join(lines)


def report(found: dict[str, list[float]], repeats: int) -> str:
    """The table, and what it was measured with."""
    from importlib.metadata import version

    where = f"danlu {version('danlu')}; Python {platform.python_version()}, {platform.machine()}, one core"
    head = f"# Cost of a trial as a study grows\n\n`python benchmarks/scaling.py --repeats {repeats}`\n\n"
    return f"{head}{where}; ask + tell at so many trials, median of {repeats} repeats\n\n{table(found)}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--strategies", nargs="*", default=list(STRATEGIES))
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    text = report(measure(args.strategies, args.repeats), args.repeats)
    print(text)
    if args.output:
        args.output.write_text(text)


if __name__ == "__main__":
    main()
