"""A study that fills its disk: `python filling.py FOLDER WORKERS TRIALS ACKNOWLEDGED WITH [LIMIT]`.

WITH says what it writes much of: "reports", "artifact", "checkpoint", "log". Each report that was acknowledged is noted
in a file on another disk. LIMIT, in bytes, stands in for a full disk where none can be mounted: no file may be larger.
"""

import os
import resource
import sys

from danlu import Float, Space, Trial, tune

FOLDER, WORKERS, TRIALS, ACKNOWLEDGED, WITH = sys.argv[1:6]
if sys.argv[6:]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[6]), resource.RLIM_INFINITY))


def note(trial, step):
    handle = os.open(ACKNOWLEDGED, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{trial} {step}\n".encode())
    os.close(handle)


def train(trial: Trial, config):
    trial.load()
    for step in trial.steps(3):
        wide = {f"{'wide_' * 40}{k}": k / 7 for k in range(1000)} if WITH == "reports" else {}
        trial.report(step, loss=config["x"], **wide)
        note(trial.number, step)
        if WITH == "artifact":
            trial.attach(f"noise_{step}.bin", os.urandom(150_000 * (1 + trial.number)))
        if WITH == "checkpoint":
            trial.save([trial.number, os.urandom(250_000 * (1 + trial.number))])
        if WITH == "log":
            print("x" * 150_000)


if __name__ == "__main__":
    study = tune(
        train,
        space=Space({"x": Float(0.0, 1.0)}),
        minimize="loss",
        strategy="random",
        trials=int(TRIALS),
        workers=int(WORKERS),
        folder=FOLDER,
        progress=False,
    )
    print(len(study.trials))
