"""Trials that pause with large checkpoints: `python pausing.py FOLDER TRIALS`."""

import os
import sys

from danlu import Float, Space, Trial, tune
from danlu.strategies.fidelity.asha import ASHA
from danlu.strategies.random import Random

FOLDER, TRIALS = sys.argv[1:3]


def train(trial: Trial, config):
    trial.load()
    for step in trial.steps(9):
        trial.report(step, loss=config["x"] + 1 / step)
        trial.save(os.urandom(2_000_000))


if __name__ == "__main__":
    study = tune(
        train,
        space=Space({"x": Float(0.0, 1.0)}),
        minimize="loss",
        strategy=ASHA(Random(), pauses=True),
        steps=9,
        trials=int(TRIALS),
        folder=FOLDER,
        progress=False,
    )
    print(len(study.trials))
