"""The plan: what workers of a cluster need to know, in files beside the study that only its user can have written."""

import hashlib
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cloudpickle
import msgspec

from danlu.core.resources import EVEN, Resources
from danlu.core.trial import Trial
from danlu.records.files import write_whole
from danlu.runners.private import read_private
from danlu.runners.work import Train


class Plan(msgspec.Struct, frozen=True):
    """What a worker does.

    Attributes:
        parcel: name of the file beside the plan that holds the training function.
        metric: what a bare number means that it returns.
        path: where Python looks for modules.
        pack: trials side by side.
        resources, timeout, silence: of each trial, as every runner takes them.
        idle: seconds without a trial after which the worker leaves.
        patience: seconds without a sign of life of the coordinator after which it leaves.
    """

    parcel: str
    metric: str
    path: tuple[str, ...]
    pack: int = 1
    resources: Resources = EVEN
    timeout: float | None = None
    silence: float | None = None
    idle: float = 60.0
    patience: float = 600.0


class Delivered:
    """The training function of a parcel; it is unpacked where it is called first."""

    def __init__(self, parcel: Path) -> None:
        self._parcel = parcel
        self._train: Train | None = None

    def __call__(self, trial: Trial, config: Mapping[str, Any]) -> Any:
        if self._train is None:
            _hear_no_warnings()
            self._train = cloudpickle.loads(read_private(self._parcel))
        return self._train(trial, config)


def write_plan(folder: Path, plan: Plan, parcel: bytes) -> Path:
    """Writes a plan and its parcel into a private folder, named after what they hold; returns the plan's path."""
    plan = msgspec.structs.replace(plan, parcel=f"{hashlib.sha256(parcel).hexdigest()[:16]}.pickle")
    data = msgspec.json.encode(plan)
    path = folder / f"{hashlib.sha256(data).hexdigest()[:16]}.json"
    for file, content in ((folder / plan.parcel, parcel), (path, data)):
        if not file.exists():
            _write(file, content)
    return path


def read_plan(path: Path) -> Plan:
    """The plan that a file holds.

    Raises:
        RunnerError: somebody else could have written it.
    """
    return msgspec.json.decode(read_private(path), type=Plan)


def parcel_of(plan: Plan, path: Path) -> Delivered:
    """The training function of the plan at a path."""
    return Delivered(path.parent / Path(plan.parcel).name)


def _write(path: Path, content: bytes) -> None:
    write_whole(path, lambda file: file.write_bytes(content))
    path.chmod(0o600)  # a umask may let a group write


def _hear_no_warnings() -> None:
    """Lets this process outlive Slurm's warnings, which go to every process of a job: its worker acts on them.

    A handler that does nothing, rather than ignoring the signals: programs that are started here shall hear them.
    """
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda number, frame: None)
