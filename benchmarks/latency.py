"""What a suggestion costs when there are n trials: ask + tell beside Optuna and Rustuna, in memory, on one core.

    python -m pip install -r requirements/benchmark.txt torch
    python benchmarks/latency.py --output benchmarks/results/latency.md

A mixed space of ten: four floats (two on a log scale), four ints, two choices. n random trials are there
already; then the strategy takes over, and the next asks and tells are timed, the first three left out. Contestants take
turns; each figure is the median over the repeats of the median within one.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from overhead import DANLU, ONE_THREAD, OPTUNA

LOSS = """
import math
def loss(c):
    return ((c["a"] - 0.3) ** 2 + (c["b"] - 1) ** 2 / 25 + (math.log10(c["c"]) + 3) ** 2 / 4 + abs(c["e"] - 3) / 7
        + abs(c["f"] - 60) / 100 + abs(math.log2(c["g"]) - 7) / 5 + 0.2 * (c["i"] != "y") + 0.1 * (c["j"] != "s"))
"""

OURS = """
from danlu.stores.memory import Memory
store = Memory()
s = Study(SPACE, minimize="loss", strategy="random", store=store)
def one():
    trial = s.ask()
    s.tell(trial, loss=loss(trial.config))
for _ in range({n}): one()
s = Study(SPACE, minimize="loss", strategy="{strategy}", store=store)
"""

THEIRS = """
def draw(trial):
    return {{
        "a": trial.suggest_float("a", 0.0, 1.0), "b": trial.suggest_float("b", -5.0, 5.0),
        "c": trial.suggest_float("c", 1e-5, 1e-1, log=True), "d": trial.suggest_float("d", 1e-6, 1.0, log=True),
        "e": trial.suggest_int("e", 1, 8), "f": trial.suggest_int("f", 0, 100),
        "g": trial.suggest_int("g", 16, 512, log=True), "h": trial.suggest_int("h", 2, 20, step=2),
        "i": trial.suggest_categorical("i", ["x", "y", "z"]),
        "j": trial.suggest_categorical("j", ["p", "q", "r", "s", "t"]),
    }}
s = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
def one():
    trial = s.ask()
    s.tell(trial.number, loss(draw(trial)))
for _ in range({n}): one()
tried, s = s.trials, optuna.create_study(sampler=optuna.samplers.{strategy}(seed=0))
for trial in tried: s.add_trial(trial)
"""

TIMED = """
times = []
for k in range({count} + 3):
    begin = time.perf_counter()
    one()
    times.append(time.perf_counter() - begin)
import statistics
print(statistics.median(times[3:]))
"""

ROWS = {
    "gp": {"danlu": "gp", "optuna": "GPSampler"},
    "tpe": {"danlu": "tpe", "optuna": "TPESampler", "rustuna": "TPESampler"},
    "cmaes": {"danlu": "cmaes", "optuna": "CmaEsSampler", "rustuna": "CmaEsSampler"},
}
SIZES = {"gp": (100, 200, 1000), "tpe": (100, 1000, 5000), "cmaes": (100, 1000)}
SLOW = {("gp", "optuna", 1000)}  # minutes a suggestion


def seconds(who: str, strategy: str, n: int) -> float | None:
    """Median seconds of an ask and a tell at n trials, in a process of its own; None if it can't."""
    head = DANLU if who == "danlu" else OPTUNA.format(module=who)
    body = (OURS if who == "danlu" else THEIRS).format(n=n, strategy=strategy)
    count = 5 if (who, strategy) == ("optuna", "GPSampler") else 30
    script = head + LOSS + body + TIMED.format(count=count)
    environment = {**os.environ, **ONE_THREAD}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    return float(done.stdout) if done.returncode == 0 else None


Found = dict[tuple[str, int], dict[str, float]]
"""(row, trials) -> contestant -> seconds."""


def measure(repeats: int) -> Found:
    """Medians over the repeats."""
    found: Found = {}
    for row, strategies in ROWS.items():
        for n in SIZES[row]:
            times: dict[str, list[float]] = {who: [] for who in strategies}
            for _ in range(repeats):
                for who, strategy in strategies.items():
                    if (row, who, n) not in SLOW and (took := seconds(who, strategy, n)) is not None:
                        times[who].append(took)
            found[row, n] = {who: statistics.median(took) for who, took in times.items() if took}
            print(f"{row} at {n:,}: {found[row, n]}", file=sys.stderr)
    return found


def table(found: Found) -> str:
    """The results as Markdown."""
    lines = ["| | trials | danlu | optuna | rustuna | optuna / danlu | rustuna / danlu |", "|---" * 7 + "|"]
    for (row, n), middle in found.items():
        cells = [f"{1e3 * middle[who]:.3g} ms" if who in middle else "–" for who in ("danlu", "optuna", "rustuna")]
        ratios = [f"{middle[w] / middle['danlu']:.3g}" if w in middle else "–" for w in ("optuna", "rustuna")]
        lines.append(f"| {row} | {n:,} | " + " | ".join([*cells, *ratios]) + " |")
    return "\n".join(lines)


def report(found: Found, repeats: int) -> str:
    """The table, and what it was measured with."""
    from importlib.metadata import version

    versions = ", ".join(f"{who} {version(who)}" for who in ("danlu", "optuna", "rustuna"))
    where = f"Python {platform.python_version()}, {platform.machine()}, one core"
    head = f"# Latency of a suggestion\n\n`python benchmarks/latency.py --repeats {repeats}`\n\n"
    return f"{head}{versions}; {where}\n\n{table(found)}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    text = report(measure(args.repeats), args.repeats)
    print(text)
    if args.output:
        args.output.write_text(text)


if __name__ == "__main__":
    main()
