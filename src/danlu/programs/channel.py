"""Channel: `danlu.report` in a script that Danlu may or may not have started.

    import danlu
    for epoch in range(1, 11):
        ...
        danlu.report(epoch, val_loss=loss)

Alone, the script runs as ever: nothing is written. Started by Danlu, the environment names a file in the trial's
folder, and each report is one line at its end, written in one call that has gone to the operating system when it
returns: it outlives the script's death, and costs some microseconds. In a distributed training only rank 0 writes.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from danlu.errors import ObjectiveError
from danlu.programs.growing import Growing
from danlu.programs.jsonlines import numbers
from danlu.programs.naming import normal
from danlu.programs.reading import Reading

VARIABLE = "DANLU_CHANNEL"  # names the file, in the environment of a program that Danlu starts
_RANKS = (
    "RANK",
    "OMPI_COMM_WORLD_RANK",
    "PMI_RANK",
    "LOCAL_RANK",
)  # not SLURM_PROCID: a trial may itself be the second task of a job


def report(step: int | None = None, /, **metrics: Any) -> bool:
    """Reports metrics after a step: `report(3, val_loss=0.5)`, or `report(step=3, val_loss=0.5)`.

    Without a step, reports are counted. Numbers may be NumPy or PyTorch scalars.

    Returns:
        Whether somebody reads it; False in a script that runs alone, and on all ranks but the first.

    Raises:
        ObjectiveError: a step or a metric is not a number, whether or not somebody reads it.
    """
    if "step" in metrics and step is None:
        step = metrics.pop("step")
    line = _line(step, metrics)
    path = os.environ.get(VARIABLE)
    if not path or not _first_rank():
        return False
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while line:  # what did not fit on a full disk raises with the next turn
            line = line[os.write(descriptor, line) :]
    finally:
        os.close(descriptor)
    return True


class Channel:
    """The source of what a program tells `report`: one file, which is new with the trial's attempt."""

    def __init__(self, path: str | Path) -> None:
        self._file = Growing(Path(path))

    @property
    def environment(self) -> dict[str, str]:
        """What a program's environment must hold for its reports to come here."""
        return {VARIABLE: str(self._file.path.absolute())}

    def read(self) -> list[Reading]:
        return [reading for line in self._file.lines() if (reading := _reading(line))]

    def close(self) -> list[Reading]:
        return self.read()


def _line(step: Any, metrics: Mapping[str, Any]) -> bytes:
    if not metrics:
        raise ObjectiveError("danlu.report: there is no metric. Pass one: danlu.report(3, val_loss=0.5).")
    told: dict[str, Any] = {"metrics": {name: _number(name, value) for name, value in metrics.items()}}
    if step is not None:
        told["step"] = _whole(step)
    return (json.dumps(told) + "\n").encode()


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise ObjectiveError(f"danlu.report: {name} must be one number, got {value!r:.80}.") from None


def _whole(step: Any) -> int:
    whole = _number("step", step)
    if not whole >= 0 or whole != whole // 1 or whole >= 2**53:
        raise ObjectiveError(f"danlu.report: step must be a whole number from 0 on, got {step!r:.80}.")
    return int(whole)


def _first_rank() -> bool:
    """Whether this is rank 0, or a process that has no rank."""
    return next((os.environ[name] == "0" for name in _RANKS if name in os.environ), True)


def _reading(line: str) -> Reading | None:
    told = numbers(line)
    step = told.pop("step", None)
    metrics = {name.removeprefix("metrics/"): value for name, value in told.items()}
    if not metrics or (step is not None and not (0 <= step < 2**53 and step == int(step))):
        return None
    return Reading(None if step is None else int(step), {normal(n) or n: v for n, v in metrics.items()})
