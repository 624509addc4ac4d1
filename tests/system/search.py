"""A study for the fault tests to disturb: `python search.py FOLDER WORKERS TRIALS ACKNOWLEDGED`.

The training function notes in a file of its own each report, checkpoint and artifact that was acknowledged to it, by
unbuffered writes that a kill can't take back.
"""

import json
import os
import sys
import time
from typing import Annotated

from danlu import Float, Int, Trial, tune

ACKNOWLEDGED = sys.argv[4]


def note(**fact):
    handle = os.open(ACKNOWLEDGED, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, json.dumps(fact).encode() + b"\n")
    os.close(handle)


def train(
    trial: Trial, x: Annotated[float, Float(0.01, 1.0, log=True)] = 0.1, depth: Annotated[int, Int(1, 4)] = 2
) -> float:
    state = trial.load() or 0.0
    for step in trial.steps(4):
        time.sleep(0.01)
        state += x * depth / step
        trial.report(step, loss=state)
        note(trial=trial.number, attempt=trial.attempt, step=step, loss=state)
        trial.save(state)
        note(trial=trial.number, attempt=trial.attempt, saved=step)
        trial.attach(f"step_{step}.txt", f"{state}")
        note(trial=trial.number, attempt=trial.attempt, file=f"step_{step}.txt")
    return state


if __name__ == "__main__":
    folder, workers, trials, _ = sys.argv[1:]
    study = tune(train, minimize="loss", strategy="random", trials=int(trials), workers=int(workers), folder=folder)
    print(len(study.trials))
