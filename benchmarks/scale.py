"""How busy workers are kept, and what a study costs that has grown large, side by side with the peers in one run.

    pip install -r requirements/benchmark.txt    (for Ray Tune also: pip install 'ray[tune]')
    python benchmarks/scale.py busy [--only danlu] [--seconds 8]
    python benchmarks/scale.py simulated
    python benchmarks/scale.py reports
    python benchmarks/scale.py table

`busy`: trials that sleep for 0, 10, 100 or 1,000 ms, on 1, 2, 8 or 64 workers; the configs are random ones everywhere.
Each trial notes when it began and when it ended, so what is measured is the same for all: the share of the workers'
time between the first beginning and the last end that was spent in trials. Danlu: `tune(..., workers=n, folder=...)`,
on SQLite and on PostgreSQL. Optuna: n processes on one storage (SQLite, journal file, PostgreSQL), as its tutorial has
it. Ray Tune: `tune.Tuner` with n concurrent trials. What they acknowledge differs: see `overhead.py`.

`simulated`: 64 workers that a clock which jumps plays, and 100,000 trials; what a trial costs, by tenths.
`reports`: a study with ten million reports: its size, what opening it takes with and without its snapshot, what `danlu
show` takes, and what ask, report and tell cost there.

`busy` adds to a file of results, one line a run, and passes over what is there.
"""

import argparse
import contextlib
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from danlu.testing.postgres import Server

RESULTS = Path(__file__).parent / "results" / "scale.jsonl"
TABLE = RESULTS.with_suffix(".md")
DURATIONS = (1000, 100, 10, 0)  # ms
WORKERS = (1, 2, 8, 64)
PATIENCE = 150  # seconds that a cell may take
CONTESTANTS = ("danlu", "danlu postgres", "optuna sqlite", "optuna journal", "optuna postgres", "ray tune")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

SLEEP = """
import os, sys, time
MS, WORKERS, TRIALS, FOLDER, URL = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
NOTES = FOLDER + "/notes"
def sleep():
    begin = time.time()
    time.sleep(MS / 1000)
    line = f"{begin} {time.time()}\\n".encode()
    handle = os.open(NOTES, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, line)
    os.close(handle)
"""

DANLU = (
    SLEEP
    + """
from danlu import Float, Space, tune
def train(trial, config):
    sleep()
    return config["x"]
store = {"store": URL} if URL else {}
runner = {"use": "processes"} if WORKERS == 1 else None  # so that one worker is a process as well
tune(train, space=Space({"x": Float(0, 1)}), minimize="loss", strategy="random", trials=TRIALS, workers=WORKERS,
     folder=FOLDER + "/study", runner=runner, progress=False, **store)
"""
)

OPTUNA = (
    SLEEP
    + """
import subprocess, warnings
warnings.filterwarnings("ignore")
import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
def storage():
    if URL == "journal":
        return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(FOLDER + "/optuna.log"))
    patience = {"connect_args": {"timeout": 100}} if "sqlite" in URL else None
    return optuna.storages.RDBStorage(URL, engine_kwargs=patience)
def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    sleep()
    return x
def work():
    study = optuna.load_study(study_name="s", storage=storage(), sampler=optuna.samplers.RandomSampler())
    stop = optuna.study.MaxTrialsCallback(TRIALS, states=None)
    study.optimize(objective, callbacks=[stop])
if len(sys.argv) > 6:
    work()
else:
    optuna.create_study(study_name="s", storage=storage())
    others = [subprocess.Popen([sys.executable, __file__, *sys.argv[1:], "work"]) for _ in range(WORKERS)]
    for other in others:
        other.wait()
"""
)

RAY = (
    SLEEP
    + """
import logging
os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
import ray
from ray import tune
def objective(config):
    sleep()
    tune.report({"loss": config["x"]})
ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR,
         object_store_memory=100_000_000)
tuner = tune.Tuner(
    tune.with_resources(objective, {"cpu": 1}), param_space={"x": tune.uniform(0, 1)},
    tune_config=tune.TuneConfig(num_samples=TRIALS, metric="loss", mode="min", max_concurrent_trials=WORKERS),
    run_config=tune.RunConfig(storage_path=FOLDER + "/ray", verbose=0))
tuner.fit()
ray.shutdown()
"""
)


# busy -----------------------------------------------------------------------------------------------------------------


def busy(only: str, seconds: float) -> None:
    """Runs what is missing of all cells."""
    done = {(run["who"], run["ms"], run["workers"]) for run in _runs() if "ms" in run}
    with contextlib.ExitStack() as stack:
        servers: list[Server] = []  # started when the first contestant needs it

        def database() -> str:
            if not servers:
                servers.append(stack.enter_context(Server()))
            return servers[0].database(f"scale_{time.time_ns()}")

        for workers in WORKERS:
            for ms in DURATIONS:
                for who in CONTESTANTS:
                    if only in who and (who, ms, workers) not in done:
                        _add(_measured(who, ms, workers, seconds, database))


def _measured(who: str, ms: int, workers: int, seconds: float, database: Callable[[], str]) -> dict[str, Any]:
    """One cell: as many trials as fit into the time at full use, or as a peer can hope to do."""
    at_most = {"ray tune": 8 + workers, "optuna sqlite": 600, "optuna postgres": 2000, "optuna journal": 2000}
    trials = min(int(seconds * workers / (ms / 1000 + 0.002)), at_most.get(who, 5000))
    if who != "ray tune":  # of which a trial takes two seconds at least
        trials = max(trials, 2 * workers, 10)
    code = {"danlu": DANLU, "optuna": OPTUNA, "ray": RAY}[who.split()[0]]
    folder = tempfile.mkdtemp(prefix="scale-")
    script = Path(folder) / "contestant.py"
    script.write_text(code)
    url = {"optuna sqlite": f"sqlite:///{folder}/optuna.db", "optuna journal": "journal"}.get(who, "")
    if who.endswith("postgres"):
        url = database()
        url = url.replace("postgresql://", "postgresql+psycopg://") if who.startswith("optuna") else url
    begin = time.perf_counter()
    arguments = [sys.executable, str(script), str(ms), str(workers), str(trials), folder, url]
    try:
        ran = subprocess.run(arguments, env=os.environ | ONE_THREAD, capture_output=True, text=True, timeout=PATIENCE)
        error = ran.stderr.strip().splitlines()[-1][:200] if ran.returncode and ran.stderr.strip() else ""
    except subprocess.TimeoutExpired:
        error = f"no end after {PATIENCE} s"
    wall = time.perf_counter() - begin
    notes = Path(folder) / "notes"
    spans = [tuple(map(float, line.split())) for line in notes.read_text().splitlines()] if notes.exists() else []
    shutil.rmtree(folder, ignore_errors=True)
    run: dict[str, Any] = {"who": who, "ms": ms, "workers": workers, "asked": trials, "wall": round(wall, 2)}
    if error:
        run["error"] = error
    if spans:
        window = max(end for _, end in spans) - min(begin for begin, _ in spans)
        spent = sum(end - begin for begin, end in spans)
        run |= {"trials": len(spans), "busy": round(spent / window / workers, 4), "rate": round(len(spans) / window, 2)}
    print(run, flush=True)
    return run


def _runs() -> list[dict[str, Any]]:
    return [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []


def _add(run: dict[str, Any]) -> None:
    with RESULTS.open("a") as file:
        file.write(json.dumps(run) + "\n")


# simulated ------------------------------------------------------------------------------------------------------------


def simulated(strategies: tuple[str, ...] = ("random", "asha", "auto"), trials: int = 100_000) -> None:
    """What a trial costs, by tenths of 100,000, with 64 simulated workers."""
    for name in strategies:
        costs = _costs(name, trials)
        run = {"who": f"simulated {name}", "trials": trials, "us": [round(c * 1e6, 1) for c in costs]}
        print(run, flush=True)
        _add(run)


def _costs(name: str, trials: int) -> list[float]:
    from danlu import Choice, Float, Int, Space
    from danlu.core.stopping import Trials
    from danlu.loop import run
    from danlu.runners.simulated import Simulated
    from danlu.stores.memory import Memory
    from danlu.study import Study

    def play(job: Any) -> Iterator[tuple[float, dict[str, float]]]:
        rng = random.Random(job.trial)
        for step in range(job.step + 1, 10):
            yield rng.uniform(0.5, 1.5), {"loss": (job.config["x"] - 0.3) ** 2 + 1 / step}

    runner = Simulated(play, workers=64)
    space = Space({"x": Float(0, 1), "n": Int(1, 100, log=True), "c": Choice("a", "b"), "y": Float(1e-5, 1, log=True)})
    study = Study(space, minimize="loss", strategy=name, steps=9, store=Memory(clock=runner.clock))
    marks = [time.process_time()]

    def watch(history: Any) -> None:
        if len(history.trials) * 10 >= trials * len(marks):
            marks.append(time.process_time())
            print(name, len(history.trials), round(marks[-1] - marks[-2], 1), "s", flush=True)

    run(study, runner, Trials(trials), watch)
    return [(b - a) / (trials / 10) for a, b in itertools.pairwise(marks)]


# reports --------------------------------------------------------------------------------------------------------------


def reports(trials: int = 1000, steps: int = 10_000) -> None:
    """A study of ten million reports."""
    folder = tempfile.mkdtemp(prefix="scale-")
    try:
        run = {"who": "reports", "trials": trials, "reports": trials * steps} | _reported(Path(folder), trials, steps)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(run, flush=True)
    _add(run)


def _reported(folder: Path, trials: int, steps: int) -> dict[str, Any]:
    """Writes the study by its store, since by ask and tell it would take minutes; then uses it as a user would."""
    from danlu import Float, Space, Study
    from danlu.core import event as ev

    space, rng = Space({"lr": Float(0, 1, default=0.5)}), random.Random(0)
    study = Study(space, minimize="loss", strategy="random", folder=folder / "study")
    position, begin = study.history.position, study.history.at

    def append(*events: ev.Event) -> None:
        nonlocal position
        position += 1
        study.store.append("study", ev.Entry(position, begin + position * 1e-3, events))

    with study.store.group():
        for first in range(0, trials, 64):  # 64 at a time, as a cluster would
            several = range(first, min(first + 64, trials))
            for k in several:
                append(ev.Suggested(k, {"lr": (k + 0.5) / trials}, "random", k), ev.Started(k, 1, 0, "cluster"))
            for step in range(1, steps + 1):
                for k in several:
                    append(ev.Reported(k, step, {"loss": rng.random() + 1 / step, "accuracy": rng.random()}))
            for k in several:
                append(ev.Finished(k, "complete"))
    study.close()
    whole = _in_a_process(OPEN, folder)  # no snapshot yet: the whole journal is folded
    lived = _in_a_process(LIVE, folder)
    again = _in_a_process(OPEN, folder)
    begun = time.perf_counter()
    command = [sys.executable, "-c", "from danlu.cli.main import main; main()", "show", str(folder / "study")]
    shown = subprocess.run(command, capture_output=True)
    assert shown.returncode == 0, shown.stderr
    show = time.perf_counter() - begun
    size = {path.name: path.stat().st_size for path in (folder / "study").rglob("*") if path.is_file()}
    return {
        "journal GB": round(size["journal.db"] / 1e9, 2),
        "snapshot GB": round(sum(n for name, n in size.items() if name.endswith(".msgpack")) / 1e9, 2),
        "first open s": round(whole["open"], 1),
        "open s": round(again["open"], 2),
        "show s": round(show, 1),
        "memory GB": round(again["memory"], 2),
        "ask us": round(lived["ask"] * 1e6),
        "report us": round(lived["report"] * 1e6),
        "tell us": round(lived["tell"] * 1e6),
    }


OPEN = """
begin = time.perf_counter()
study = danlu.open_study(FOLDER)
said["open"] = time.perf_counter() - begin
"""

LIVE = """
study = danlu.open_study(FOLDER)
def timed(call):
    begin = time.perf_counter()
    result = call()
    return time.perf_counter() - begin, result
asks, reports, tells = [], [], []
for _ in range(50):
    seconds, trial = timed(study.ask)
    asks.append(seconds)
    for step in range(1, 21):
        reports.append(timed(lambda: study.report(trial, step, loss=1.0))[0])
    tells.append(timed(lambda: study.tell(trial, loss=1.0))[0])
said |= {"ask": statistics.median(asks), "report": statistics.median(reports), "tell": statistics.median(tells)}
study.close()
"""


def _in_a_process(code: str, folder: Path) -> dict[str, float]:
    head = f"import json, resource, statistics, time, danlu\nFOLDER, said = {str(folder / 'study')!r}, {{}}\n"
    tail = "said['memory'] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6\nprint(json.dumps(said))"
    ran = subprocess.run([sys.executable, "-c", head + code + tail], capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)  # type: ignore[no-any-return]


# table ----------------------------------------------------------------------------------------------------------------


def table() -> str:
    """What was measured, as Markdown."""
    import platform

    runs = _runs()
    lines = ["# Scale", "", "`python benchmarks/scale.py busy`, `simulated`, `reports`, `table`", ""]
    lines += [f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores", ""]
    lines += ["## How busy workers are kept", "", "Share of the workers' time that is spent in trials."]
    lines += [
        "A row is a length of trials and a number of workers; – was not run, or gave nothing. Each cell was run once."
    ]
    lines += [
        "Starting is included: 64 processes take two cores several seconds. Ray Tune starts a process for each trial,"
    ]
    lines += [
        "so it was given only 8 trials more than there are workers. Optuna's processes coordinate by the storage alone,"
    ]
    lines += ["and may run some trials more than were asked for; Danlu's one coordinator runs just as many.", ""]
    lines += _grid(runs, "busy", lambda value: f"{value:.1%}", [ms for ms in DURATIONS if ms])
    lines += ["", "Trials a second, of trials that do nothing (0 ms):", ""]
    lines += _grid(runs, "rate", lambda value: f"{value:,.0f}" if value >= 10 else f"{value:.1f}", [0])
    failed = [run for run in runs if "error" in run]
    lines += [""] * bool(failed) + [
        f"- {run['who']}, {run['ms']} ms, {run['workers']} workers: {run['error']}" for run in failed
    ]
    lines += ["", "## 100,000 trials on 64 simulated workers", "", "Processor time of one trial in µs, by tenths.", ""]
    lines += ["| strategy | " + " | ".join(f"{k}0,000" for k in range(1, 11)) + " |", "|---" * 11 + "|"]
    for run in runs:
        if run["who"].startswith("simulated"):
            cells = " | ".join(f"{us:.0f}" for us in run["us"])
            lines.append(f"| {run['who'].split()[1]} | {cells} |")
    for run in runs:
        if run["who"] == "reports":
            lines += [
                "",
                f"## {run['reports']:,} reports of {run['trials']:,} trials in one study",
                "",
                "| | |",
                "|---|---|",
            ]
            lines += [
                f"| {name} | {value} |" for name, value in run.items() if name not in ("who", "trials", "reports")
            ]
    return "\n".join(lines) + "\n"


def _grid(runs: list[dict[str, Any]], value: str, form: Callable[[float], str], durations: list[int]) -> list[str]:
    found = {(run["who"], run["ms"], run["workers"]): run for run in runs if "ms" in run}
    lines = ["| trials, workers | " + " | ".join(CONTESTANTS) + " |", "|---" * (len(CONTESTANTS) + 1) + "|"]
    for ms in durations:
        for workers in WORKERS:
            cells = (found.get((who, ms, workers), {}).get(value) for who in CONTESTANTS)
            row = " | ".join("–" if cell is None else form(cell) for cell in cells)
            lines.append(f"| {ms} ms, {workers} | {row} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["busy", "simulated", "reports", "table"])
    parser.add_argument("--only", default="", help="contestants with this in their name")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each cell, at full use")
    said = parser.parse_args()
    match said.what:
        case "busy":
            busy(said.only, said.seconds)
        case "simulated":
            simulated()
        case "reports":
            reports()
        case "table":
            TABLE.write_text(table())
            print(table())


if __name__ == "__main__":
    main()
