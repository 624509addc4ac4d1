"""Trials that save without end and are forked meanwhile: `python forking.py FOLDER TRIALS`.

A checkpoint is a megabyte that says of itself whether it is whole. Each fork begins with what it finds.
"""

import hashlib
import os
import sys

from tests.system.forks import Forks

from danlu import Float, Space, Trial, tune

FOLDER, TRIALS = sys.argv[1:3]


def train(trial: Trial, config):
    state = trial.load()
    if state is not None:
        noise, digest = state
        assert hashlib.sha256(noise).digest() == digest
    for step in trial.steps(50):
        trial.report(step, loss=config["x"])
        noise = os.urandom(1_000_000)
        trial.save((noise, hashlib.sha256(noise).digest()))
        if step % 13 == 0:
            return config["x"]
    return config["x"]


if __name__ == "__main__":
    study = tune(
        train,
        space=Space({"x": Float(0.0, 1.0)}),
        minimize="loss",
        strategy=Forks(),
        trials=int(TRIALS),
        workers=2,
        folder=FOLDER,
        keep=1,
        progress=False,
    )
    print(len(study.trials))
