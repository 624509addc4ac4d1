"""Whether the cost of a trial grows with the number of trials: ask + tell at 100 to 20,000, for every strategy.

    python benchmarks/scaling.py --output benchmarks/results/scaling.md

The space is that of `overhead.py`, ten hyperparameters, with one objective, in memory, on one core. The strategy makes
all trials itself, but for `gp` and those that ask it, which find random trials there. A figure is the median over the
repeats of the median over groups of four trials, for `auto` asks its model at every fourth; the first group, which may
read what is there, is left out. The verdict: from 1,000 trials to 20,000 a cost may grow as their logarithm, by a
factor of 1.43.

A second table has the strategies that compare trials on rungs: what they themselves take, in CPU time, of a suggestion
and of the decisions on the reports that follow it. The trials that are there have losses that fall step by step; the
best third went on from each of the rungs 1, 3, 9 and 27, the others were stopped, or wait; 64 more run (none for
sha, which would wait for them). Beside it, what the inner strategies cost alone, with as many finished trials.
"""

import argparse
import math
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
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


PAUSING = '"pauses": True'
RUNGS = {
    f"{name}, {inner}": f'{{"use": "{use}", "inner": {{"use": "{inner}"}}{settings}}}'
    for name, use, settings in (
        ("asha", "asha", ""), ("asha with pauses", "asha", f", {PAUSING}"),
        ("hyperband with pauses", "hyperband", f", {PAUSING}"), ("sha", "sha", ""), ("median", "median", ""),
    )
    for inner in ("random", "tpe", "gp")
} | {f"{inner} alone": f'{{"use": "{inner}"}}' for inner in ("random", "tpe", "gp")}  # fmt: skip

RUNGS_SCRIPT = """
from statistics import median
import numpy as np
from danlu.catalogue import strategy_from
from danlu.core import event as ev
from danlu.core.history import opened
from danlu.core.objective import Objective
from danlu.core.seeds import suggestion_rng
from danlu.core.strategy import Resume, Start
from danlu.core.trial import Decision
STEPS = 1, 3, 9, 27, 81
plain = {strategy}
strategy, alone, waits = strategy_from(plain), "inner" not in plain, "pauses" in plain or plain["use"] == "sha"
rng = np.random.default_rng(0)
def first(): return opened(ev.Entry(1, 0.0, (ev.Opened(SPACE.to_dict(), (Objective("loss"),), plain, 0, 81),)))
def then(h, *events): return h.apply(ev.Entry(h.position + 1, float(h.position), events))
def begun(h, config):
    k = len(h.trials)
    return then(h, ev.Suggested(k, dict(config), "random", k), ev.Started(k, 1))
def reported(k, step, value): return ev.Reported(k, step, {{"loss": value + 1 / step}})
def filled(n):
    h, configs = first(), [SPACE.sample(rng) for _ in range(n)]
    values = [loss(config) for config in configs]
    size = 81 if plain["use"] == "sha" else n  # trials that were compared with each other
    rank = [r for at in range(0, n, size) for r in np.argsort(np.argsort(values[at : at + size])).tolist()]
    for k in range(n):
        h = begun(h, configs[k])
        for i, step in enumerate(STEPS):
            h = then(h, reported(k, step, values[k]))
            if not alone and i < 4 and rank[k] >= size / 3 ** (i + 1):
                h = then(h, ev.Decided(k, "pause") if waits else ev.Finished(k, "stopped"))
                break
        else:
            h = then(h, ev.Finished(k, "complete"))
    for _ in range(0 if plain["use"] == "sha" else 64): h = begun(h, SPACE.sample(rng))  # sha would wait for them
    return h
def one(h):
    spent, at = 0.0, time.process_time()
    found = strategy.suggest(h, suggestion_rng(0, h.asks))
    spent += time.process_time() - at
    if isinstance(found, Resume):
        k = found.trial
        h = then(h, ev.Resumed(k, found.budget), ev.Started(k, 2, h.trials[k].curve.step))
    elif isinstance(found, Start):
        h, k = begun(h, found.config), len(h.trials)
    else:
        return then(h, ev.Noted("nothing")), spent
    value = loss(h.trials[k].config)
    for step in STEPS:
        if step > h.trials[k].curve.step:
            h = then(h, reported(k, step, value))
            at = time.process_time()
            decision = strategy.decide(h, h.trials[k])
            spent += time.process_time() - at
            if decision is Decision.PAUSE: return then(h, ev.Decided(k, "pause")), spent
            if decision is Decision.STOP: return then(h, ev.Finished(k, "stopped")), spent
    return then(h, ev.Finished(k, "complete")), spent
for n in {sizes}:
    h, groups = filled(n), []
    for _ in range({groups} + 1):
        spent = 0.0
        for _ in range({group}):
            h, more = one(h)
            spent += more
        groups.append(spent / {group})
    print(median(groups[1:]))
"""
RUNG_SIZES = (1_000, 5_000, 20_000)


def rung_seconds(name: str) -> list[float]:
    """Seconds of a suggestion and of its decisions at each size, in a process of its own."""
    body = RUNGS_SCRIPT.format(strategy=RUNGS[name], sizes=RUNG_SIZES, groups=GROUPS, group=GROUP)
    return printed(body)


def printed(body: str) -> list[float]:
    """The numbers that a script prints, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", DANLU + LOSS + body], stdout=subprocess.PIPE, text=True, check=True,
        env=os.environ | ONE_THREAD,
    )  # fmt: skip
    return [float(line) for line in done.stdout.split()]


def seconds(name: str) -> list[float]:
    """Seconds of an ask and a tell at each size, in a process of its own."""
    strategy = STRATEGIES[name]
    filler = '"random"' if name in DEAR else strategy
    queue = QUEUED if "queue" in name else ""
    body = SCRIPT.format(filler=filler, strategy=strategy, sizes=SIZES, groups=GROUPS, group=GROUP, queue=queue)
    return printed(body)


def growth(at: list[float], sizes: tuple[int, ...] = SIZES) -> float:
    """By which factor the cost grows from 1,000 trials to 20,000."""
    return at[-1] / at[sizes.index(FROM)]


def measure(names: list[str], repeats: int, seconds: Callable[[str], list[float]] = seconds) -> dict[str, list[float]]:
    """name -> median seconds at each size; repeats in turn, so that a noisy machine disturbs all alike."""
    found: dict[str, list[list[float]]] = {name: [] for name in names}
    for repeat in range(repeats):
        for name in names:
            found[name].append(seconds(name))
            print(f"repeat {repeat + 1} of {repeats}: {name} {found[name][-1]}", file=sys.stderr)
    return {name: [statistics.median(at) for at in zip(*runs, strict=True)] for name, runs in found.items()}


def table(found: dict[str, list[float]], sizes: tuple[int, ...] = SIZES) -> str:
    """The results as Markdown."""
    lines = ["| | " + " | ".join(f"{n:,}" for n in sizes) + f" | {FROM:,} to {sizes[-1]:,} | verdict |"]
    lines.append("|---" * (len(sizes) + 3) + "|")
    for name, at in found.items():
        grown = growth(at, sizes)
        verdict = "does not grow" if grown <= ALLOWED else "**grows**"
        cells = [f"{1e3 * took:.3g} ms" for took in at]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | x {grown:.2f} | {verdict} |")
    return "\n".join(lines)


def report(found: dict[str, list[float]], repeats: int) -> str:
    """The table, and what it was measured with."""
    from importlib.metadata import version

    where = f"danlu {version('danlu')}; Python {platform.python_version()}, {platform.machine()}, one core"
    head = f"# Cost of a trial as a study grows\n\n`python benchmarks/scaling.py --repeats {repeats}`\n\n"
    return f"{head}{where}; ask + tell at so many trials, median of {repeats} repeats\n\n{table(found)}\n"


RUNGS_TOLD = """\
Their own CPU time of a suggestion and of the decisions on the reports that follow it, inner strategy included. A model
sees the trials of the highest rung with enough of them, of 1,000 that are 12 and of 20,000 many, so that `gp` takes
less than alone and grows. Where SHA has just filled a round, most of its suggestions are promotions, which ask no model
(5,000 trials)."""


def report_of_rungs(found: dict[str, list[float]]) -> str:
    """The table of the strategies that compare trials on rungs."""
    head = "## Strategies that compare trials on rungs"
    return f"{head}\n\n{RUNGS_TOLD}\n\n{table(found, RUNG_SIZES)}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--strategies", nargs="*", default=list(STRATEGIES))
    parser.add_argument("--rungs", nargs="*", default=list(RUNGS))
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    text = report(measure(args.strategies, args.repeats), args.repeats)
    text += "\n" + report_of_rungs(measure(args.rungs, args.repeats, rung_seconds))
    print(text)
    if args.output:
        args.output.write_text(text)


if __name__ == "__main__":
    main()
