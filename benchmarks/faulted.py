"""A study for `faults.py` to disturb: `python faulted.py SETUP FOLDER TRIALS NOTES CLOCK [ADDRESS]`.

What was acknowledged is noted in a file on another disk, by unbuffered writes that a kill can't take back: by the
training function each report that returned, with a number that is never drawn twice; by the coordinator each trial
whose end is in the journal. CLOCK is a file that says by how many seconds the clock is wrong.
"""

import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from danlu import Float, Space, Study
from danlu import errors as err
from danlu.core.history import History
from danlu.core.objective import Objective
from danlu.core.stopping import Trials
from danlu.core.store import Store
from danlu.core.trial import Decision, Trial
from danlu.loop import run
from danlu.records.folder import Folder
from danlu.runners.inline import Inline
from danlu.runners.processes import Processes

SPACE = Space({"x": Float(0.01, 1.0, log=True, default=0.1)})
STEPS = 6
STALL = 1.0  # seconds of silence after which a coordinator's leases on PostgreSQL may be taken
BUSY, DISK = 75, 74  # exit statuses: another coordinator runs the study; the journal can't be written


class Train:
    """Trains nothing, slowly enough to be disturbed."""

    def __init__(self, notes: str) -> None:
        self.notes = notes

    def __call__(self, trial: Trial, config: Any) -> float:
        state = trial.load() or 0.0
        for step in trial.steps(STEPS):
            time.sleep(random.uniform(0.005, 0.03))
            state += config["x"] / step
            nonce = float(int.from_bytes(os.urandom(6)))
            if trial.report(step, loss=state, nonce=nonce) is Decision.STOP:
                break  # told so, for another coordinator has taken the trial over: nothing was acknowledged
            note(self.notes, trial=trial.number, step=step, nonce=nonce)
            if step % 2 == 0:
                trial.save(state)
        return float(state)


def note(path: str, **fact: Any) -> None:
    """Adds a line, whole."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, json.dumps(fact).encode() + b"\n")
    os.close(handle)


def clock_of(path: str) -> Any:
    """A clock that is wrong by what the file says."""

    def now() -> float:
        try:
            return time.time() + float(Path(path).read_text() or 0)
        except (OSError, ValueError):
            return time.time()

    return now


def store_of(setup: str, folder: Path, clock: Any, address: str) -> Store:
    """The store of a setup."""
    if setup.startswith("jsonl"):
        from danlu.stores.jsonl import JSONLines

        return JSONLines(folder / "journal.jsonl", clock=clock)
    if setup.startswith("postgres"):
        from danlu.stores.postgres import Postgres

        return Postgres(address, clock=clock, stall=STALL)  # by its own clock the server's would be asked
    from danlu.stores.sqlite import SQLite

    return SQLite(Folder(folder).journal, clock=clock)


def runner_of(setup: str, train: Train, folder: Path, address: str) -> Any:
    """The runner of a setup."""
    if setup.endswith("inline"):
        return Inline(train, "loss")
    if setup.endswith("program"):
        from danlu.programs.program import Program

        script = Path(__file__).with_name("faulted_script.py")
        program, _ = Program((sys.executable, str(script))).fitted(SPACE, (Objective("loss"),))
        return Processes(program, "loss", 2)
    if setup.endswith("ray"):
        from danlu.runners.ray import Ray

        return Ray(train, "loss", 2, address=address)
    if setup.endswith("slurm"):
        from danlu.runners.slurm import Slurm

        return Slurm(train, "loss", 2, look=0.5, options={"requeue": True})
    return Processes(train, "loss", 2)


def main() -> None:
    setup, folder, trials, notes, clock = sys.argv[1:6]
    address = sys.argv[6] if sys.argv[6:] else ""
    noted: set[int] = set()

    def watch(history: History) -> None:
        for number in history._columns.numbers[len(noted) :]:
            trial = history.trials[number]
            note(notes, trial=number, ended=str(trial.status), value=trial.value)
            noted.add(number)

    try:
        store = store_of(setup, Path(folder), clock_of(clock), address)
        study = Study(SPACE, minimize="loss", strategy="random", folder=folder, store=store)
        noted.update(trial.number for trial in study.history.finished)
        run(study, runner_of(setup, Train(notes), Path(folder), address), Trials(int(trials)), watch)
        study.close()
    except err.StudyBusy as error:
        print(error, file=sys.stderr)
        sys.exit(BUSY)
    except err.StoreError as error:
        print(error, file=sys.stderr)
        sys.exit(DISK)


if __name__ == "__main__":
    main()
