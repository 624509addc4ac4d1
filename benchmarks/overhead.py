"""What the tuner itself costs, side by side with Optuna and Rustuna in one run.

    pip install -r requirements/benchmark.txt
    python benchmarks/overhead.py [--repeats 7] [--output benchmarks/results/overhead.md]

Rows: ask + tell with random search in memory, on SQLite and on PostgreSQL, one report on either, opening a study of
10,000 trials, import. Ten hyperparameters (four floats of which two log, four ints of which one log, two choices), one
core, one thread. Every number is the median over repeats in fresh processes, the contestants in turn within each
repeat, so that a noisy machine disturbs all of them alike; beside it the range from the smallest to the largest.

What is acknowledged: each ask, tell and report has returned, and a process killed at that moment loses nothing of it.
The peers' SQLite storages also wait for the disk at every commit, which survives a loss of power as well; Danlu's does
with durable=True, a row of its own. PostgreSQL, where it is installed, is a server of our own on loopback that waits
for the disk at every commit of both.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from danlu.testing.postgres import Server, why_not

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

DANLU = """
import sys, time
from danlu import Choice, Float, Int, Space, Study
SPACE = Space({
    "a": Float(0.0, 1.0), "b": Float(-5.0, 5.0), "c": Float(1e-5, 1e-1, log=True), "d": Float(1e-6, 1.0, log=True),
    "e": Int(1, 8), "f": Int(0, 100), "g": Int(16, 512, log=True), "h": Int(2, 20, step=2),
    "i": Choice("x", "y", "z"), "j": Choice("p", "q", "r", "s", "t"),
})
def study(folder=None, durable=False, url=None):
    from danlu.stores.sqlite import SQLite
    store = SQLite(folder + "/journal.db", durable=True) if durable else url
    return Study(SPACE, minimize="loss", strategy="random", folder=folder, store=store)
"""

OPTUNA = """
import sys, time, warnings
warnings.filterwarnings("ignore")
import {module} as optuna
optuna.logging.set_verbosity(optuna.logging.ERROR) if hasattr(optuna, "logging") else None
def suggest(trial):
    trial.suggest_float("a", 0.0, 1.0); trial.suggest_float("b", -5.0, 5.0)
    trial.suggest_float("c", 1e-5, 1e-1, log=True); trial.suggest_float("d", 1e-6, 1.0, log=True)
    trial.suggest_int("e", 1, 8); trial.suggest_int("f", 0, 100)
    trial.suggest_int("g", 16, 512, log=True); trial.suggest_int("h", 2, 20, step=2)
    trial.suggest_categorical("i", ["x", "y", "z"]); trial.suggest_categorical("j", ["p", "q", "r", "s", "t"])
"""

OPTUNA_STUDY = """
def study(folder=None, url=None):
    sampler = optuna.samplers.RandomSampler(seed=0)
    storage = None if folder is None else "sqlite:///" + folder + "/optuna.db"
    if url is not None:
        storage = optuna.storages.RDBStorage(url.replace("postgresql://", "postgresql+psycopg://"))
    return optuna.create_study(sampler=sampler, storage=storage, study_name="study", load_if_exists=True)
"""

RUSTUNA_STUDY = """
def study(folder=None):
    sampler = optuna.samplers.RandomSampler(seed=0)
    if folder is None:
        return optuna.create_study(sampler=sampler)
    storage = optuna.storages.SQLite3Storage(folder + "/rustuna.db")
    return optuna.create_study(sampler=sampler, storage=storage, study_name="study", load_if_exists=True)
"""

ASK_TELL = """
s, n = study({folder}), {count}
def one():
    {ask}
    {tell}
for _ in range(20): one()
begin = time.perf_counter()
for _ in range(n): one()
print((time.perf_counter() - begin) / n)
"""

REPORT = """
s, n = study({folder}), {count}
{ask}
begin = time.perf_counter()
for step in range(1, n + 1): {report}
print((time.perf_counter() - begin) / n)
"""

FILL = """
s = study({folder})
for _ in range({count}):
    {ask}
    {tell}
"""

OPTUNA_FILL = """
# asks and tells on SQLite would take ten minutes; the rows that they leave are the same
memory = study(None)
for _ in range({count}):
    trial = memory.ask(); suggest(trial)
    memory.tell(trial, 1.0)
s = study({folder})
for trial in memory.trials: s.add_trial(trial)
"""

DANLU_OPEN = """
begin = time.perf_counter()
s = Study.open({folder})
best, count = s.best, len(s.trials)
print(time.perf_counter() - begin)
assert count == {count}
"""

OPTUNA_OPEN = """
begin = time.perf_counter()
s = study({folder})
count, best = len(s.trials), s.best_trial
print(time.perf_counter() - begin)
assert count == {count}
"""

IMPORT = """
import time
begin = time.perf_counter()
import {module}
print(time.perf_counter() - begin)
"""

IMPORT_ALL = """
import time
begin = time.perf_counter()
from danlu import Choice, Float, Int, Space, Study, Trial, tune
print(time.perf_counter() - begin)
"""

ASK = {
    "danlu": "trial = s.ask()",
    "optuna": "trial = s.ask(); suggest(trial)",
    "rustuna": "trial = s.ask(); suggest(trial)",
}
TELL = {"danlu": "s.tell(trial, 1.0)", "optuna": "s.tell(trial, 1.0)", "rustuna": "s.tell(trial.number, 1.0)"}
REPORTS = {"danlu": "s.report(trial, step, loss=0.5)", "optuna": "trial.report(0.5, step)"}  # Rustuna 0.2 has none
HEAD = {
    "danlu": DANLU,
    "optuna": OPTUNA.format(module="optuna") + OPTUNA_STUDY,
    "rustuna": OPTUNA.format(module="rustuna") + RUSTUNA_STUDY,
}
REACH = {"ask + tell, memory": 100e-6, "report, SQLite": 50e-6, "open 10,000 trials": 0.3, "import": 0.15}


def timed(script: str) -> float | None:
    """Seconds that a script prints, run in a process of its own; None if the contestant can't do it."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=os.environ | ONE_THREAD)
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1][:200], file=sys.stderr)
        return None
    return float(done.stdout.split()[-1])


def on_postgres(who: str, folder: Path, server: Server) -> dict[str, float | None]:
    """The rows of a journal in a database, each in a new one."""
    found: dict[str, float | None] = {}
    head, ask, tell = HEAD[who], ASK[who], TELL[who]
    for label, script, count in (
        ("ask + tell, PostgreSQL", ASK_TELL.replace("{tell}", tell), 50 if who == "optuna" else 500),
        ("report, PostgreSQL", REPORT.replace("{report}", REPORTS[who]), 100 if who == "optuna" else 1000),
    ):
        name = f"{folder.name}_{label[0]}".replace("-", "_")
        place = f"{str(folder / name)!r}, url={server.database(name)!r}"
        found[label] = timed(head + script.format(folder=place, count=count, ask=ask))
    return found


def rows(who: str, folder: Path, server: Server | None) -> dict[str, float | None]:
    """One repeat of every row for one contestant."""
    head, ask, tell = HEAD[who], ASK[who], TELL[who]
    slow = who == "optuna"
    stored = repr(str(folder / "sqlite"))
    (folder / "sqlite").mkdir()
    in_memory = ASK_TELL.format(folder=None, count=500 if slow else 2000, ask=ask, tell=tell)
    on_sqlite = ASK_TELL.format(folder=stored, count=50 if slow else 1000, ask=ask, tell=tell)
    found = {"ask + tell, memory": timed(head + in_memory), "ask + tell, SQLite": timed(head + on_sqlite)}
    if who in REPORTS:
        count = 200 if slow else 5000
        found["report, SQLite"] = timed(head + REPORT.format(folder=stored, count=count, ask=ask, report=REPORTS[who]))
        if server is not None:
            found |= on_postgres(who, folder, server)
    found["import"] = timed(IMPORT.format(module=who))
    if who == "danlu":
        durable = ASK_TELL.format(folder=f"{stored} + '/durable', durable=True", count=50, ask=ask, tell=tell)
        found["ask + tell, SQLite, durable=True"] = timed(head + durable)
        found["import of all that a script names"] = timed(IMPORT_ALL)
    return found


def opening(who: str, folder: Path, count: int) -> float | None:
    """Seconds to open a study that `filled` made, with its best trial."""
    script = DANLU_OPEN if who == "danlu" else OPTUNA_OPEN
    return timed(HEAD[who] + script.format(folder=repr(str(folder)), count=count))


def filled(who: str, folder: Path, count: int) -> None:
    """Makes a study of `count` finished trials on SQLite."""
    fill = OPTUNA_FILL if who == "optuna" else FILL
    # in memory, where that can be had, and then copied: 10,000 trials with a wait for the disk each take half an hour
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as quick:
        script = HEAD[who] + fill.format(folder=repr(quick), count=count, ask=ASK[who], tell=TELL[who])
        subprocess.run([sys.executable, "-c", script], check=True)
        shutil.copytree(quick, folder)


def own_server() -> AbstractContextManager[Server | None]:
    """A PostgreSQL server that waits for the disk, as one that is to be relied on does; None where there is none."""
    if why := why_not():
        print(f"without PostgreSQL: {why}", file=sys.stderr)
        return nullcontext()
    return Server("trust", "none", "fsync=on", "full_page_writes=on")


def measure(contestants: list[str], repeats: int, count: int) -> dict[str, dict[str, list[float]]]:
    """contestant -> row -> seconds, one per repeat."""
    found: dict[str, dict[str, list[float]]] = {who: {} for who in contestants}
    with tempfile.TemporaryDirectory() as name, own_server() as server:
        root = Path(name)
        for who in contestants:
            filled(who, root / f"{who}-full", count)
        for repeat in range(repeats):
            for who in contestants:
                folder = root / f"{who}-{repeat}"
                folder.mkdir()
                row = rows(who, folder, server) | {f"open {count:,} trials": opening(who, root / f"{who}-full", count)}
                for label, seconds in row.items():
                    if seconds is not None:
                        found[who].setdefault(label, []).append(seconds)
            print(f"repeat {repeat + 1} of {repeats}", file=sys.stderr)
    return found


def shown(seconds: list[float] | None) -> str:
    """Median and range, in the unit that suits."""
    if not seconds:
        return "–"
    typical = statistics.median(seconds)
    unit, factor = ("µs", 1e6) if typical < 1e-3 else ("ms", 1e3) if typical < 1 else ("s", 1.0)
    low, middle, high = (factor * f(seconds) for f in (min, statistics.median, max))
    return f"{middle:.3g} {unit} ({low:.3g}–{high:.3g})"


def table(found: dict[str, dict[str, list[float]]]) -> str:
    """The results as Markdown."""
    contestants = list(found)
    labels = list(dict.fromkeys(label for row in found.values() for label in row))
    lines = ["| | " + " | ".join(contestants) + " | to reach |", "|---" * (len(contestants) + 2) + "|"]
    for label in labels:
        goal = f"≤ {shown([REACH[label]]).split(' (')[0]}" if label in REACH else ""
        lines.append(f"| {label} | " + " | ".join(shown(found[who].get(label)) for who in contestants) + f" | {goal} |")
    return "\n".join(lines)


def report(found: dict[str, dict[str, list[float]]], repeats: int) -> str:
    """The table, and what it was measured with."""
    from importlib.metadata import version

    versions = ", ".join(f"{who} {version(who)}" for who in found)
    where = f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"
    note = "The peers' SQLite storages wait for the disk at every commit; Danlu's does so with durable=True."
    head = f"# Overhead\n\n`python benchmarks/overhead.py --repeats {repeats}`\n\n"
    return f"{head}{versions}; {where}; median (range) of {repeats} repeats\n\n{table(found)}\n\n{note}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--trials", type=int, default=10_000, help="of the study that is opened")
    parser.add_argument("--against", nargs="*", default=["optuna", "rustuna"])
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    found = measure(["danlu", *args.against], args.repeats, args.trials)
    text = report(found, args.repeats)
    print(text)
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(text)
        args.output.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
